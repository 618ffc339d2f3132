//! The eFuse controller (ESP32 TRM, chapter "eFuse Controller").
//!
//! Software sees what was loaded by the last read operation, as far as it may; the engines that use keys see the rest, too. Programming
//! can only set bits, and only unprotected ones. What it writes to blocks 1 to 3 is encoded if EFUSE_CODING_SCHEME says so.

mod coding;
mod image;
mod mac;
mod protect;
#[cfg(test)]
mod tests;

use espalier_core::{Device, Fidelity, Field, Register, Registers, Span, Time, Unmodelled};

use crate::clocks::RC_FAST_HERTZ;
use crate::flash_encryption::FlashCipher;
use coding::{Coding, GROUPS};
pub use image::EFUSE_IMAGE_BYTES;
use protect::{BLOCKS, Fuses, WORDS};

espalier_core::registers! {
    BLK0_RDATA0[7] @ 0x000 = 0, ro();
    BLK0_WDATA0[7] @ 0x01C = 0, rw();
    BLK1_RDATA0[8] @ 0x038 = 0, ro();
    BLK2_RDATA0[8] @ 0x058 = 0, ro();
    BLK3_RDATA0[8] @ 0x078 = 0, ro();
    BLK1_WDATA0[8] @ 0x098 = 0, rw();
    BLK2_WDATA0[8] @ 0x0B8 = 0, rw();
    BLK3_WDATA0[8] @ 0x0D8 = 0, rw();
    CLK @ 0x0F8 = 0x4052, rw_bits(0x1_FFFF);
    CONF @ 0x0FC = 0x1_0000, rw_bits(0x1_FFFF);
    STATUS @ 0x100 = 0, ro();
    CMD @ 0x104 = 0, ro();
    INT_RAW @ 0x108 = 0, ro();
    INT_ST @ 0x10C = 0, ro();
    INT_ENA @ 0x110 = 0, rw_bits(0x3);
    INT_CLR @ 0x114 = 0, wo();
    DAC_CONF @ 0x118 = 0x28, rw_bits(0x1FF);
    DEC_STATUS @ 0x11C = 0, ro();
    DATE @ 0x1FC = 0x1604_2600, rw();
}

/// Offsets of the first read and write registers of each block, and how many words the block has.
const LAYOUT: [(u32, u32, usize); BLOCKS] = [
    (reg::BLK0_RDATA0, reg::BLK0_WDATA0, 7),
    (reg::BLK1_RDATA0, reg::BLK1_WDATA0, WORDS),
    (reg::BLK2_RDATA0, reg::BLK2_WDATA0, WORDS),
    (reg::BLK3_RDATA0, reg::BLK3_WDATA0, WORDS),
];

/// EFUSE_CONF.
const OP_CODE_MASK: u32 = 0xFFFF;
const OP_CODE_PROGRAM: u32 = 0x5A5A;
const OP_CODE_READ: u32 = 0x5AA5;

/// EFUSE_CMD and the INT registers.
const READ: u32 = 1 << 0;
const PROGRAM: u32 = 1 << 1;

/// Fields of block 0.
const CHIP_PACKAGE: Field = Field::new("CHIP_PACKAGE", 9, 11);
const CHIP_VER_REV1: Field = Field::new("CHIP_VER_REV1", 15, 15);
const CLK8M_FREQ_UNIT_HERTZ: u64 = 100_000;
const CLK8M_FREQ: Field = Field::new("CLK8M_FREQ", 0, 7);
const ADC_VREF_MAGNITUDE: Field = Field::new("ADC_VREF", 8, 11);
const ADC_VREF_SIGN: Field = Field::new("ADC_VREF sign", 12, 12);
const CHIP_VER_REV2: Field = Field::new("CHIP_VER_REV2", 20, 20);
const WAFER_VERSION_MINOR: Field = Field::new("WAFER_VERSION_MINOR", 24, 25);

const FLASH_CRYPT_CNT: Field = Field::new("FLASH_CRYPT_CNT", 20, 26);
const FLASH_CRYPT_CONFIG: Field = Field::new("FLASH_CRYPT_CONFIG", 28, 31);
const CODING_SCHEME: Field = Field::new("CODING_SCHEME", 0, 1);
const DISABLE_DL_ENCRYPT: Field = Field::new("DISABLE_DL_ENCRYPT", 7, 7);
const DISABLE_DL_DECRYPT: Field = Field::new("DISABLE_DL_DECRYPT", 8, 8);
const DISABLE_DL_CACHE: Field = Field::new("DISABLE_DL_CACHE", 9, 9);

/// The blocks that hold keys.
const FLASH_KEY: usize = 1;
const SECURE_BOOT_KEY: usize = 2;

/// EFUSE_RD_ADC_VREF counts steps from here.
const ADC_VREF_DEFAULT_MILLIVOLTS: i32 = 1100;
const ADC_VREF_STEP_MILLIVOLTS: i32 = 7;

/// Chip revision, as `major.minor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChipRevision {
    /// Told by the eFuse bits REV1 and REV2 and by APB_CTRL_DATE: 0 to 3.
    pub major: u8,
    /// WAFER_VERSION_MINOR: 0 to 3.
    pub minor: u8,
}

impl ChipRevision {
    /// Whether the bit EFUSE_RD_CHIP_VER_REV1 is burnt.
    fn has_rev1_bit(self) -> bool {
        self.major >= 1
    }

    /// Whether the bit EFUSE_RD_CHIP_VER_REV2 is burnt.
    fn has_rev2_bit(self) -> bool {
        self.major >= 2
    }

    /// Whether bit 31 of APB_CTRL_DATE is set, which tells revision 3 from revision 2.
    pub fn has_apb_ctrl_bit(self) -> bool {
        self.major >= 3
    }
}

/// EFUSE_RD_CHIP_PACKAGE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum ChipPackage {
    #[default]
    D0wdQ6 = 0,
    D0wdQ5 = 1,
    D2wdQ5 = 2,
    U4wdh = 4,
    PicoD4 = 5,
    PicoV302 = 6,
    D0wdR2V3 = 7,
}

/// Abilities that fuses take away from the download mode, by EFUSE_DISABLE_DL_*.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DownloadLimits {
    /// Writes to flash are not encrypted.
    pub encrypt: bool,
    /// The caches do not decrypt flash.
    pub decrypt: bool,
    /// The caches show no flash.
    pub cache: bool,
}

/// The fuses burnt in the factory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EfuseConfig {
    /// Factory MAC address, which is that of the Wi-Fi station.
    pub mac: [u8; 6],
    /// Revision of the silicon.
    pub revision: ChipRevision,
    /// The package of the die.
    pub package: ChipPackage,
    /// Reference voltage of the ADC, in millivolts around 1100.
    pub adc_vref_millivolts: u16,
}

impl Default for EfuseConfig {
    /// A chip of revision 3.0 with an address of Espressif's range.
    fn default() -> EfuseConfig {
        EfuseConfig {
            mac: [0x24, 0x0A, 0xC4, 0x00, 0x01, 0x10],
            revision: ChipRevision { major: 3, minor: 0 },
            package: ChipPackage::D0wdQ6,
            adc_vref_millivolts: ADC_VREF_DEFAULT_MILLIVOLTS as u16,
        }
    }
}

/// EFUSE. It has one interrupt line (EFUSE_INTR): bit 0.
#[derive(Clone, Debug)]
pub struct Efuse {
    registers: Registers,
    fuses: Fuses,
    /// The fuses as the last read operation loaded and decoded them, protected ones included.
    loaded: Fuses,
    /// The command that runs, and when it is done.
    running: Option<(u32, Time)>,
}

espalier_core::persist!(state Efuse { registers, fuses, loaded, running });

/// Duration of a command. The manual gives no figure; software waits for CMD to clear, and the ROM of revision 3 insists on
/// seeing it set first.
const COMMAND_TIME: Span = Span::from_micros(2);

impl Efuse {
    /// A chip that comes from the factory.
    pub fn new(config: EfuseConfig) -> Efuse {
        let fuses = burn(&config);
        let mut efuse = Efuse { registers: Registers::new(&REGISTERS), fuses, loaded: fuses, running: None };
        efuse.load();
        efuse
    }

    /// The fuses of `block` (0 to 3) themselves, whatever is protected; block 0 has seven words, the others eight.
    ///
    /// # Panics
    /// If there is no such block.
    pub fn block(&self, block: usize) -> &[u32] {
        &self.fuses[block][..LAYOUT[block].2]
    }

    /// The cipher of the flash chip: the key in block 1, and FLASH_CRYPT_CONFIG.
    pub fn flash_cipher(&self) -> FlashCipher {
        FlashCipher::new(self.key(FLASH_KEY), FLASH_CRYPT_CONFIG.get(self.loaded[0][5]))
    }

    /// Whether the flash is encrypted: FLASH_CRYPT_CNT has an odd number of bits.
    pub fn flash_is_encrypted(&self) -> bool {
        FLASH_CRYPT_CNT.get(self.loaded[0][0]).count_ones() % 2 == 1
    }

    /// The limits of the download mode.
    pub fn download_limits(&self) -> DownloadLimits {
        let word = self.loaded[0][6];
        DownloadLimits {
            encrypt: DISABLE_DL_ENCRYPT.is_set(word),
            decrypt: DISABLE_DL_DECRYPT.is_set(word),
            cache: DISABLE_DL_CACHE.is_set(word),
        }
    }

    /// The key of secure boot version 1 in block 2, in the order of key files.
    pub fn secure_boot_key(&self) -> [u8; 32] {
        self.key(SECURE_BOOT_KEY)
    }

    /// The 256 bits of the key in a block, whose bytes lie backwards. Of fewer bits, those from the 64th on serve twice (`espsecure`,
    /// for 3/4 coding); that it is so for a repeated block, too, is assumed.
    fn key(&self, block: usize) -> [u8; 32] {
        let length = self.coding().data_bytes();
        let mut bytes: Vec<u8> = self.loaded[block].iter().flat_map(|word| word.to_le_bytes()).take(length).collect();
        bytes.reverse();
        std::array::from_fn(|index| if index < length { bytes[index] } else { bytes[index - 16] })
    }

    fn coding(&self) -> Coding {
        Coding::of(CODING_SCHEME.get(self.loaded[0][6]))
    }

    /// Decodes the fuses into the read registers.
    fn load(&mut self) {
        self.loaded[0] = self.fuses[0];
        let coding = self.coding();
        let mut warnings = 0;
        for block in 1..BLOCKS {
            let decoded = coding.decode(&self.fuses[block]);
            self.loaded[block] = decoded.words;
            warnings |= decoded.warnings << (GROUPS * (block - 1));
        }
        self.registers.set(reg::DEC_STATUS, warnings);
        let readable = protect::readable(&self.fuses);
        for (block, word, read, _) in words() {
            self.registers.set(read, self.loaded[block][word] & readable[block][word]);
        }
    }

    /// Burns the bits of the write registers.
    fn program(&mut self) {
        let writable = protect::writable(&self.fuses);
        for (block, word, _, write) in words() {
            self.fuses[block][word] |= self.registers.get(write) & writable[block][word];
        }
    }

    fn start(&mut self, command: u32, now: Time) {
        let allowed = match self.registers.get(reg::CONF) & OP_CODE_MASK {
            OP_CODE_PROGRAM => PROGRAM,
            OP_CODE_READ => READ,
            _ => 0,
        };
        if command & allowed != 0 && self.running.is_none() {
            self.running = Some((allowed, now + COMMAND_TIME));
            self.registers.set(reg::CMD, allowed);
        }
    }

    fn finish(&mut self, now: Time) {
        let Some((command, _)) = self.running.take_if(|(_, done)| *done <= now) else { return };
        if command == PROGRAM {
            self.program();
        } else {
            self.load();
        }
        self.registers.set(reg::CMD, 0);
        self.registers.modify(reg::INT_RAW, 0, command);
    }
}

/// Every word of fuses: its block, its number there, and the offsets of its read and write registers.
fn words() -> impl Iterator<Item = (usize, usize, u32, u32)> {
    LAYOUT.into_iter().enumerate().flat_map(|(block, (read, write, words))| {
        (0..words).map(move |word| (block, word, read + 4 * word as u32, write + 4 * word as u32))
    })
}

fn burn(config: &EfuseConfig) -> Fuses {
    let revision = config.revision;
    let (mac_low, mac_high) = mac::words(config.mac);
    let mut fuses = [[0; WORDS]; BLOCKS];
    fuses[0][1] = mac_low;
    fuses[0][2] = mac_high;
    fuses[0][3] = CHIP_PACKAGE.put(config.package as u32) | CHIP_VER_REV1.put(revision.has_rev1_bit().into());
    // From this the ROM works out the crystal's frequency, and takes it for 26 MHz if it finds nothing.
    let clk8m_freq = (RC_FAST_HERTZ / CLK8M_FREQ_UNIT_HERTZ) as u32;
    fuses[0][4] = CLK8M_FREQ.put(clk8m_freq) | adc_vref(config.adc_vref_millivolts);
    fuses[0][5] = WAFER_VERSION_MINOR.put(revision.minor.into()) | CHIP_VER_REV2.put(revision.has_rev2_bit().into());
    fuses
}

/// The reference voltage as sign and magnitude in steps of 7 mV, limited to what the field can say.
fn adc_vref(millivolts: u16) -> u32 {
    let steps = (i32::from(millivolts) - ADC_VREF_DEFAULT_MILLIVOLTS) / ADC_VREF_STEP_MILLIVOLTS;
    let magnitude = steps.unsigned_abs().min(ADC_VREF_MAGNITUDE.max());
    ADC_VREF_MAGNITUDE.put(magnitude) | ADC_VREF_SIGN.put((steps < 0).into())
}

impl Device for Efuse {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial("a command takes 2 us whatever the clock settings")
    }

    fn read(&mut self, offset: u32, now: Time) -> Result<u32, Unmodelled> {
        self.finish(now);
        let value = self.registers.read(offset)?;
        Ok(match offset {
            reg::INT_ST => self.registers.get(reg::INT_RAW) & self.registers.get(reg::INT_ENA),
            _ => value,
        })
    }

    fn write(&mut self, offset: u32, value: u32, now: Time) -> Result<(), Unmodelled> {
        self.finish(now);
        self.registers.write(offset, value)?;
        match offset {
            reg::CMD => self.start(value, now),
            reg::INT_CLR => self.registers.modify(reg::INT_RAW, value, 0),
            _ => {}
        }
        Ok(())
    }

    fn deadline(&self) -> Option<Time> {
        self.running.map(|(_, done)| done)
    }

    fn advance(&mut self, now: Time) {
        self.finish(now);
    }

    fn interrupts(&self) -> u32 {
        u32::from(self.registers.get(reg::INT_RAW) & self.registers.get(reg::INT_ENA) != 0)
    }

    /// The fuses stay burnt, and are loaded again.
    fn reset(&mut self) {
        self.running = None;
        self.registers.reset();
        self.load();
    }
}
