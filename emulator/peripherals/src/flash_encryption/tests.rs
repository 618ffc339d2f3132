//! Comparison with what `espsecure.py encrypt_flash_data` of esptool 4.12 makes of the same key, address and bytes.

use espalier_core::{Device, Time};
use proptest::prelude::{any, prop, proptest};

use super::{FlashCipher, FlashEncryption, reg};

/// The key file, 96 bytes of plain text, and what lies at 0x3A5F20 if all of the key is tweaked.
fn key() -> [u8; 32] {
    std::array::from_fn(|index| 0x40 + index as u8)
}

fn plain() -> Vec<u8> {
    (0..96_u32).map(|index| (index * 7 + 3) as u8).collect()
}

const AT_3A5F20: &str = "0c2caafe0945e2770b9a841ca9787786e3f4ae48d77322673f3dbd42b606af67\
     26e3da87693115a75d5e7e7a270b434931cb1f95c12344a0d5be5902dbae28f0\
     062b0eac8421a761440e73865ae2bee3848d2af7c65c91742c27163ebfbb9cb7";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn bytes_are_encrypted_as_espsecure_does_it() {
    let mut data = plain();
    let cipher = FlashCipher::new(key(), 0xF);
    cipher.encrypt(0x3A_5F20, &mut data);
    assert_eq!(hex(&data), AT_3A5F20);
    cipher.decrypt(0x3A_5F20, &mut data);
    assert_eq!(data, plain());
}

#[test]
fn each_bit_of_the_configuration_tweaks_its_quarter_of_the_key() {
    // FLASH_CRYPT_CONFIG, and the first and the last 16 of the 96 bytes at 0x3A5F20.
    for (config, first, last) in [
        (0x1, "6dcadf304f82d5ed5a06294c6c543277", "feb4a542337b634ba3af57486ae301c0"),
        (0x2, "08d2240023c4b73a81659e837304e96d", "59cd631875b3907223f55b8dfd2b6a11"),
        (0x4, "d843394e9ec8d83ec972ddd6f544f3ed", "4e20021d8dcc700f91c056fd5f661f63"),
        (0x8, "a8f1f0727049f1d4a04553eec300c077", "6f95ede97b2f3fca013e9435f7bb3e86"),
        (0x0, "3f4aec2d4268ee15620ceb7f05c92571", "bf79edeea29aa2199ec3c62c85a3b59b"),
    ] {
        let mut data = plain();
        FlashCipher::new(key(), config).encrypt(0x3A_5F20, &mut data);
        assert_eq!((hex(&data[..16]), hex(&data[80..])), (first.to_owned(), last.to_owned()), "{config:#x}");
    }
}

#[test]
fn the_first_address_has_the_key_itself() {
    let mut data = plain();
    FlashCipher::new(key(), 0xF).encrypt(0, &mut data);
    assert_eq!(hex(&data[..16]), "3f4aec2d4268ee15620ceb7f05c92571");
}

#[test]
fn bytes_past_the_last_32_stay() {
    let mut data = vec![0x55; 40];
    FlashCipher::new(key(), 0xF).encrypt(0, &mut data);
    assert_eq!(data[32..], [0x55; 8]);
}

/// As the ROM's `SPI_Prepare_Encrypt_Data` does it.
#[test]
fn the_block_encrypts_its_buffer_for_its_address() {
    let mut block = FlashEncryption::new();
    let write = |block: &mut FlashEncryption, offset, value| block.write(offset, value, Time::ZERO).unwrap();
    write(&mut block, reg::ADDRESS, 0x3A_5F20);
    for (index, word) in plain()[..32].as_chunks().0.iter().enumerate() {
        write(&mut block, reg::BUFFER + 4 * index as u32, u32::from_le_bytes(*word));
    }
    assert_eq!(block.read(reg::DONE, Time::ZERO), Ok(0));
    let cipher = FlashCipher::new(key(), 0xF);
    assert!(!block.run(&cipher), "nothing was started");
    write(&mut block, reg::START, 1);
    assert!(block.run(&cipher));
    assert_eq!(block.read(reg::DONE, Time::ZERO), Ok(1));
    assert_eq!(hex(&block.encrypted()), AT_3A5F20[..64]);
    assert_eq!(block.read(reg::BUFFER, Time::ZERO), Ok(0), "the plain text cannot be read");
}

proptest! {
    #[test]
    fn encrypted_bytes_are_decrypted_to_what_they_were(key in any::<[u8; 32]>(), config in 0_u32..16, line in any::<u32>(),
        data in prop::collection::vec(any::<u8>(), 0..200)) {
        let (cipher, address) = (FlashCipher::new(key, config), line & !31);
        let mut bytes = data.clone();
        cipher.encrypt(address, &mut bytes);
        cipher.decrypt(address, &mut bytes);
        assert_eq!(bytes, data);
    }
}
