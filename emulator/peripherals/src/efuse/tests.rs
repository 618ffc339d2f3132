//! Statements of the manual, and what espefuse and esp_efuse do.

use super::{
    ChipPackage, ChipRevision, DownloadLimits, EFUSE_IMAGE_BYTES, Efuse, EfuseConfig, OP_CODE_PROGRAM, OP_CODE_READ,
    PROGRAM, READ, reg,
};
use crate::flash_encryption::FlashCipher;
use espalier_core::{Device, Time};
use proptest::prelude::{any, proptest};

const NOW: Time = Time::ZERO;

fn get(efuse: &mut Efuse, offset: u32) -> u32 {
    efuse.read(offset, NOW).unwrap()
}

fn run(efuse: &mut Efuse, op_code: u32, command: u32) {
    efuse.write(reg::CONF, op_code, NOW).unwrap();
    efuse.write(reg::CMD, command, NOW).unwrap();
    if let Some(done) = efuse.deadline() {
        // The ROM of revision 3 resets the chip if it does not see a command running before it is done.
        assert_ne!(get(efuse, reg::CMD) & command, 0);
        efuse.advance(done);
    }
    assert_eq!(get(efuse, reg::CMD), 0, "the command bit clears itself");
}

fn burn(efuse: &mut Efuse, offset: u32, bits: u32) {
    efuse.write(offset, bits, NOW).unwrap();
    run(efuse, OP_CODE_PROGRAM, PROGRAM);
    efuse.write(offset, 0, NOW).unwrap();
    run(efuse, OP_CODE_READ, READ);
}

#[test]
fn revision_and_package_are_encoded_as_bootloaders_read_them() {
    let word = |revision, index| Efuse::new(EfuseConfig { revision, ..EfuseConfig::default() }).block(0)[index];
    let bits = |major, minor| {
        let revision = ChipRevision { major, minor };
        (
            word(revision, 3) >> 15 & 1,
            word(revision, 5) >> 20 & 1,
            revision.has_apb_ctrl_bit(),
            word(revision, 5) >> 24 & 3,
        )
    };
    assert_eq!(bits(0, 0), (0, 0, false, 0));
    assert_eq!(bits(1, 0), (1, 0, false, 0));
    assert_eq!(bits(2, 0), (1, 1, false, 0));
    assert_eq!(bits(3, 1), (1, 1, true, 1));
    let pico = Efuse::new(EfuseConfig { package: ChipPackage::PicoD4, ..EfuseConfig::default() });
    assert_eq!(pico.block(0)[3] >> 9 & 7, 5);
}

#[test]
fn adc_reference_is_sign_and_magnitude_in_steps_of_seven_millivolts() {
    for (millivolts, field) in [(1100, 0), (1107, 1), (1086, 0b1_0010), (1300, 15)] {
        let efuse = Efuse::new(EfuseConfig { adc_vref_millivolts: millivolts, ..EfuseConfig::default() });
        assert_eq!(efuse.block(0)[4] >> 8 & 0x1F, field);
    }
}

#[test]
fn programming_sets_bits_and_a_read_operation_shows_them() {
    // "eFuse Controller", programming and reading sequences: op codes 0x5A5A and 0x5AA5.
    let mut efuse = Efuse::new(EfuseConfig::default());
    efuse.write(reg::BLK3_WDATA0, 0x5, NOW).unwrap();
    run(&mut efuse, OP_CODE_PROGRAM, PROGRAM);
    assert_eq!(get(&mut efuse, reg::BLK3_RDATA0), 0, "not loaded yet");
    run(&mut efuse, OP_CODE_READ, READ);
    assert_eq!(get(&mut efuse, reg::BLK3_RDATA0), 0x5);
    burn(&mut efuse, reg::BLK3_WDATA0, 0x2);
    assert_eq!(get(&mut efuse, reg::BLK3_RDATA0), 0x7);
    efuse.reset();
    assert_eq!(get(&mut efuse, reg::BLK3_RDATA0), 0x7);
}

#[test]
fn a_command_needs_its_op_code() {
    let mut efuse = Efuse::new(EfuseConfig::default());
    efuse.write(reg::BLK1_WDATA0, 1, NOW).unwrap();
    run(&mut efuse, OP_CODE_READ, PROGRAM);
    assert_eq!(efuse.block(1)[0], 0);
}

#[test]
fn completion_interrupts() {
    let mut efuse = Efuse::new(EfuseConfig::default());
    run(&mut efuse, OP_CODE_READ, READ);
    assert_eq!((get(&mut efuse, reg::INT_RAW), get(&mut efuse, reg::INT_ST), efuse.interrupts()), (READ, 0, 0));
    efuse.write(reg::INT_ENA, READ | PROGRAM, NOW).unwrap();
    assert_eq!((get(&mut efuse, reg::INT_ST), efuse.interrupts()), (READ, 1));
    efuse.write(reg::INT_CLR, READ, NOW).unwrap();
    assert_eq!(efuse.interrupts(), 0);
}

#[test]
fn protection_bits_stop_writing_and_reading() {
    // Table "System Parameter": WR_DIS bit 7 protects block 1, RD_DIS bit 0 hides it.
    let mut efuse = Efuse::new(EfuseConfig::default());
    burn(&mut efuse, reg::BLK1_WDATA0, 0xAA);
    burn(&mut efuse, reg::BLK0_WDATA0, 1 << 7 | 1 << 16);
    burn(&mut efuse, reg::BLK1_WDATA0, 0x55);
    assert_eq!(efuse.block(1)[0], 0xAA);
    assert_eq!(get(&mut efuse, reg::BLK1_RDATA0), 0);
    // WR_DIS bit 1 protects WR_DIS itself.
    burn(&mut efuse, reg::BLK0_WDATA0, 1 << 1);
    burn(&mut efuse, reg::BLK0_WDATA0, 1 << 8);
    assert_eq!(efuse.block(0)[0] & 0xFFFF, 1 << 7 | 1 << 1);
}

#[test]
fn an_image_has_the_words_of_all_blocks_one_after_the_other() {
    // The file that ESP-IDF gives to QEMU for a chip of revision 3, with a custom MAC address as a tool writes it: block 3,
    // words 0, 1 and 5.
    let mut image = [0; EFUSE_IMAGE_BYTES];
    (image[13], image[22]) = (0x80, 0x10);
    let mut efuse = Efuse::new(EfuseConfig::default());
    efuse.set_image(&image);
    assert_eq!((efuse.image(), efuse.block(0)[1]), (image, 0));
    assert_eq!(get(&mut efuse, reg::BLK0_RDATA0 + 12), 1 << 15);
    assert_eq!(get(&mut efuse, reg::BLK0_RDATA0 + 20), 1 << 20);
    burn(&mut efuse, reg::BLK3_WDATA0, 0x2211_00B8);
    burn(&mut efuse, reg::BLK3_WDATA0 + 20, 0x0100_0000);
    assert_eq!(efuse.image()[92..96], [0xB8, 0x00, 0x11, 0x22]);
    assert_eq!(efuse.image()[112..116], [0, 0, 0, 1]);
}

/// Block 1, or another one, as `espefuse burn_key` leaves it: the bytes of the key file backwards.
fn with_key(block: usize, backwards: &[u8], word6: u32) -> Efuse {
    let mut image = [0; EFUSE_IMAGE_BYTES];
    image[28 + 32 * (block - 1)..][..backwards.len()].copy_from_slice(backwards);
    image[24..28].copy_from_slice(&word6.to_le_bytes());
    // RD_DIS of all blocks, FLASH_CRYPT_CNT 1 and FLASH_CRYPT_CONFIG 15.
    image[2] = 0x17;
    image[23] = 0xF0;
    let mut efuse = Efuse::new(EfuseConfig::default());
    efuse.set_image(&image);
    efuse
}

#[test]
fn engines_have_keys_that_software_cannot_read() {
    let key: [u8; 32] = std::array::from_fn(|index| index as u8);
    let backwards: [u8; 32] = std::array::from_fn(|index| 31 - index as u8);
    let mut efuse = with_key(1, &backwards, 0);
    assert_eq!(efuse.flash_cipher(), FlashCipher::new(key, 0xF));
    assert_eq!(get(&mut efuse, reg::BLK1_RDATA0), 0);
    assert_eq!(with_key(2, &backwards, 0).secure_boot_key(), key);
    assert!(efuse.flash_is_encrypted());
    for (bits, odd) in [(0b10, false), (0b100, true), (0b111_1000, true)] {
        burn(&mut efuse, reg::BLK0_WDATA0, bits << 20);
        assert_eq!(efuse.flash_is_encrypted(), odd, "{bits:b} more");
    }
}

/// `_load_hardware_key` of espsecure: `key + key[8:16]` for 24 bytes.
#[test]
fn a_key_in_coded_blocks_is_lengthened() {
    let data: [u8; 24] = std::array::from_fn(|index| 0x97 - index as u8);
    let encoded: Vec<u8> = data
        .chunks(6)
        .flat_map(|six| {
            let xor = six.iter().fold(0, |xor, byte| xor ^ byte);
            let sum = six.iter().zip(1..).map(|(byte, place)| place * byte.count_ones() as u8).sum();
            six.iter().copied().chain([xor, sum])
        })
        .collect();
    let mut efuse = with_key(1, &encoded, 1);
    assert_eq!(get(&mut efuse, reg::DEC_STATUS), 0);
    let mut data = [0x11; 32];
    efuse.flash_cipher().encrypt(0x1_0000, &mut data);
    let key: [u8; 32] = std::array::from_fn(|index| 0x80 + if index < 24 { index } else { index - 16 } as u8);
    let mut expected = [0x11; 32];
    FlashCipher::new(key, 0xF).encrypt(0x1_0000, &mut expected);
    assert_eq!(data, expected);
}

#[test]
fn errors_in_coded_blocks_are_corrected_and_reported() {
    let mut efuse = Efuse::new(EfuseConfig::default());
    burn(&mut efuse, reg::BLK0_WDATA0 + 24, 1);
    // Byte 0 is 0x81, whose checks are 0x81 and 2; the bit of 0x80 did not burn.
    burn(&mut efuse, reg::BLK3_WDATA0, 0x01);
    burn(&mut efuse, reg::BLK3_WDATA0 + 4, 0x0281_0000);
    assert_eq!((get(&mut efuse, reg::BLK3_RDATA0), get(&mut efuse, reg::DEC_STATUS)), (0x81, 1 << 8));
}

#[test]
fn an_image_is_burnt_on_top_of_the_factory_unless_it_has_a_mac() {
    let mut image = [0; EFUSE_IMAGE_BYTES];
    image[24] = 1 << 4;
    let mut efuse = Efuse::new(EfuseConfig::default());
    let factory = efuse.block(0).to_vec();
    efuse.burn_image(&image);
    assert_eq!((&efuse.block(0)[..6], efuse.block(0)[6]), (&factory[..6], 1 << 4));
    image[4] = 0x10;
    efuse.burn_image(&image);
    assert_eq!(efuse.image(), image);
}

#[test]
fn fuses_limit_the_download_mode() {
    for (bit, limits) in [
        (7, DownloadLimits { encrypt: true, ..DownloadLimits::default() }),
        (8, DownloadLimits { decrypt: true, ..DownloadLimits::default() }),
        (9, DownloadLimits { cache: true, ..DownloadLimits::default() }),
    ] {
        assert_eq!(with_key(1, &[], 1 << bit).download_limits(), limits);
    }
}

proptest! {
    #[test]
    fn fuses_are_never_cleared(accesses in proptest::collection::vec((0u32..0x204, any::<u32>(), any::<bool>()), 0..64)) {
        let mut efuse = Efuse::new(EfuseConfig::default());
        for (offset, value, read_op) in accesses {
            let before: Vec<u32> = (0..4).flat_map(|block| efuse.block(block).to_vec()).collect();
            let _ = efuse.write(offset & !3, value, NOW);
            run(&mut efuse, if read_op { OP_CODE_READ } else { OP_CODE_PROGRAM }, READ | PROGRAM);
            let _ = efuse.read(offset & !3, NOW);
            let after: Vec<u32> = (0..4).flat_map(|block| efuse.block(block).to_vec()).collect();
            assert!(before.iter().zip(&after).all(|(before, after)| before & !after == 0));
        }
    }
}
