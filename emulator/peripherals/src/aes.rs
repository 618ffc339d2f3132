//! AES accelerator (ESP32 Technical Reference Manual, chapter 22).
//!
//! A block is transformed in the write to START; IDLE always reads one.

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256};
use espalier_core::{Device, Fidelity, Field, Register, Registers, Time, Unmodelled};

espalier_core::registers! {
    START @ 0x00 = 0, wo() { START: 0 };
    IDLE @ 0x04 = 1, ro() { IDLE: 0 };
    MODE @ 0x08 = 0, rw_bits(0x7) {
        /// 0 to 2 for 128, 192 and 256 bits.
        KEY_LENGTH: 0..=1,
        /// Decrypt instead of encrypt.
        DECRYPT: 2,
    };
    KEY[8] @ 0x10 = 0, rw();
    TEXT[4] @ 0x30 = 0, rw();
    ENDIAN @ 0x40 = 0x3F, rw_bits(0x3F) {
        KEY_BYTES: 0, KEY_WORDS: 1, INPUT_BYTES: 2, INPUT_WORDS: 3, OUTPUT_BYTES: 4, OUTPUT_WORDS: 5,
    };
}

const KEY_WORDS: usize = 8;
const BLOCK_WORDS: usize = 4;
const BLOCK_BYTES: usize = 16;

/// Two fields of ENDIAN, the byte order within words and the order of words. With both set, memory order: the first byte is
/// the least significant one of the first word. The ROM's `ets_aes_set_endian` clears a bit to swap; ESP-IDF never writes
/// the register and counts on memory order after reset.
#[derive(Clone, Copy)]
struct Order {
    bytes: Field,
    words: Field,
}

const KEY_ORDER: Order = Order { bytes: reg::ENDIAN::KEY_BYTES, words: reg::ENDIAN::KEY_WORDS };
const INPUT_ORDER: Order = Order { bytes: reg::ENDIAN::INPUT_BYTES, words: reg::ENDIAN::INPUT_WORDS };
const OUTPUT_ORDER: Order = Order { bytes: reg::ENDIAN::OUTPUT_BYTES, words: reg::ENDIAN::OUTPUT_WORDS };

impl Order {
    /// Brings words from the register's order to memory order, or back.
    fn apply(self, endian: u32, words: &mut [u32]) {
        if !self.bytes.is_set(endian) {
            for word in words.iter_mut() {
                *word = word.swap_bytes();
            }
        }
        if !self.words.is_set(endian) {
            words.reverse();
        }
    }
}

/// The AES accelerator.
#[derive(Clone, Debug)]
pub struct Aes {
    registers: Registers,
}

espalier_core::persist!(state Aes { registers });

impl Aes {
    /// The accelerator after reset.
    pub fn new() -> Aes {
        Aes { registers: Registers::new(&REGISTERS) }
    }

    fn words<const COUNT: usize>(&self, first: u32) -> [u32; COUNT] {
        std::array::from_fn(|index| self.registers.get(first + 4 * index as u32))
    }

    fn transform(&mut self) {
        let endian = self.registers.get(reg::ENDIAN);
        let mut key: [u32; KEY_WORDS] = self.words(reg::KEY);
        let mut text: [u32; BLOCK_WORDS] = self.words(reg::TEXT);
        let key_words = match self.registers.field(reg::MODE::KEY_LENGTH) {
            0 => 4,
            1 => 6,
            2 => 8,
            // The manual defines no such mode.
            _ => return,
        };
        let key = &mut key[..key_words];
        KEY_ORDER.apply(endian, key);
        INPUT_ORDER.apply(endian, &mut text);
        let mut block = [0; BLOCK_BYTES];
        block.copy_from_slice(&bytes(&text));
        let key = bytes(key);
        let decrypt = self.registers.is_set(reg::MODE::DECRYPT);
        match key_words {
            4 => crypt::<Aes128>(&key, &mut block, decrypt),
            6 => crypt::<Aes192>(&key, &mut block, decrypt),
            _ => crypt::<Aes256>(&key, &mut block, decrypt),
        }
        for (word, bytes) in text.iter_mut().zip(block.as_chunks().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        OUTPUT_ORDER.apply(endian, &mut text);
        for (index, word) in text.iter().enumerate() {
            self.registers.set(reg::TEXT + 4 * index as u32, *word);
        }
    }
}

fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// # Panics
/// If `key` is not as long as the cipher's keys are: our own fault.
fn crypt<C>(key: &[u8], block: &mut [u8; BLOCK_BYTES], decrypt: bool)
where
    C: KeyInit + BlockCipherEncrypt + BlockCipherDecrypt,
    for<'a> &'a mut aes::cipher::Block<C>: From<&'a mut [u8; BLOCK_BYTES]>,
{
    let cipher = C::new_from_slice(key).expect("the key has the length of the cipher");
    if decrypt {
        cipher.decrypt_block(block.into());
    } else {
        cipher.encrypt_block(block.into());
    }
}

impl Default for Aes {
    fn default() -> Aes {
        Aes::new()
    }
}

impl Device for Aes {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Modelled
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        self.registers.write(offset, value)?;
        if offset == reg::START && reg::START::START.is_set(value) {
            self.transform();
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.registers.reset();
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::{Device, Time};
    use proptest::prelude::{ProptestConfig, any, prop, proptest};

    use super::{Aes, reg};

    const PLAIN: [u8; 16] =
        [0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF];

    /// As `aes_ll_set_mode`, `aes_ll_write_key`, `aes_ll_write_block` and `aes_ll_start_transform` of ESP-IDF do it.
    fn run(aes: &mut Aes, key: &[u8], decrypt: bool, block: &[u8; 16]) -> [u8; 16] {
        let mode = key.len() as u32 / 8 - 2 + reg::MODE::DECRYPT.put(decrypt.into());
        aes.write(reg::MODE, mode, Time::ZERO).unwrap();
        for (first, bytes) in [(reg::KEY, key), (reg::TEXT, block.as_slice())] {
            for (index, word) in bytes.chunks_exact(4).enumerate() {
                let word = u32::from_le_bytes(word.try_into().unwrap());
                aes.write(first + 4 * index as u32, word, Time::ZERO).unwrap();
            }
        }
        aes.write(reg::START, reg::START::START.mask(), Time::ZERO).unwrap();
        assert_eq!(aes.read(reg::IDLE, Time::ZERO), Ok(1));
        let words: Vec<u8> =
            (0..4).flat_map(|index| aes.read(reg::TEXT + 4 * index, Time::ZERO).unwrap().to_le_bytes()).collect();
        words.try_into().unwrap()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// FIPS 197, appendix C.
    #[test]
    fn blocks_are_those_of_fips_197() {
        let key: Vec<u8> = (0..32).collect();
        let mut aes = Aes::new();
        for (length, cipher) in [
            (16, "69c4e0d86a7b0430d8cdb78070b4c55a"),
            (24, "dda97ca4864cdfe06eaf70a0ec0d7191"),
            (32, "8ea2b7ca516745bfeafc49904b496089"),
        ] {
            let encrypted = run(&mut aes, &key[..length], false, &PLAIN);
            assert_eq!(hex(&encrypted), cipher);
            assert_eq!(run(&mut aes, &key[..length], true, &encrypted), PLAIN);
        }
    }

    /// TRM chapter 22.3.3: with all bits of ENDIAN clear, the last word holds the first bytes, most significant first.
    #[test]
    fn endian_swaps_key_and_text() {
        let key: [u8; 16] = std::array::from_fn(|index| index as u8);
        let reversed = |bytes: [u8; 16]| -> [u8; 16] { std::array::from_fn(|index| bytes[15 - index]) };
        let mut aes = Aes::new();
        let expected = run(&mut aes, &key, false, &PLAIN);
        aes.write(reg::ENDIAN, 0, Time::ZERO).unwrap();
        let swapped = run(&mut aes, &reversed(key), false, &reversed(PLAIN));
        assert_eq!(reversed(swapped), expected);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_traffic_panics(traffic in prop::collection::vec((0_u32..0x14, any::<u32>()), 0..200)) {
            let mut aes = Aes::new();
            for (word, value) in traffic {
                let _ = aes.write(4 * word, value, Time::ZERO);
                let _ = aes.read(4 * word, Time::ZERO);
            }
        }
    }
}
