//! SHA accelerator (ESP32 Technical Reference Manual, chapter 24).
//!
//! Three engines (SHA-1, SHA-256, SHA-384 and -512 together) share the text memory, and each keeps its own digest, so
//! that software can interleave messages. Operations are over when the write that starts them is.

use espalier_core::{Device, Fidelity, Field, Register, Registers, Time, Unmodelled};
use sha1::block_api::compress as compress160;
use sha2::block_api::{compress256, compress512};

espalier_core::registers! {
    TEXT[32] @ 0x00 = 0, rw();
    SHA1_START @ 0x80 = 0, wo() { SHA1_START: 0 };
    SHA1_CONTINUE @ 0x84 = 0, wo() { SHA1_CONTINUE: 0 };
    SHA1_LOAD @ 0x88 = 0, wo() { SHA1_LOAD: 0 };
    SHA1_BUSY @ 0x8C = 0, ro() { SHA1_BUSY: 0 };
    SHA256_START @ 0x90 = 0, wo() { SHA256_START: 0 };
    SHA256_CONTINUE @ 0x94 = 0, wo() { SHA256_CONTINUE: 0 };
    SHA256_LOAD @ 0x98 = 0, wo() { SHA256_LOAD: 0 };
    SHA256_BUSY @ 0x9C = 0, ro() { SHA256_BUSY: 0 };
    SHA384_START @ 0xA0 = 0, wo() { SHA384_START: 0 };
    SHA384_CONTINUE @ 0xA4 = 0, wo() { SHA384_CONTINUE: 0 };
    SHA384_LOAD @ 0xA8 = 0, wo() { SHA384_LOAD: 0 };
    SHA384_BUSY @ 0xAC = 0, ro() { SHA384_BUSY: 0 };
    SHA512_START @ 0xB0 = 0, wo() { SHA512_START: 0 };
    SHA512_CONTINUE @ 0xB4 = 0, wo() { SHA512_CONTINUE: 0 };
    SHA512_LOAD @ 0xB8 = 0, wo() { SHA512_LOAD: 0 };
    SHA512_BUSY @ 0xBC = 0, ro() { SHA512_BUSY: 0 };
}

/// The field of the START, CONTINUE and LOAD registers starts their operation. It has the name of its register and the same place in each.
const GO: Field = reg::SHA1_START::SHA1_START;

/// Initial hash values (FIPS 180-4, chapter 5.3).
const SHA1_INITIAL: [u32; 5] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];
const SHA256_INITIAL: [u32; 8] =
    [0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A, 0x510E_527F, 0x9B05_688C, 0x1F83_D9AB, 0x5BE0_CD19];
const SHA384_INITIAL: [u64; 8] = [
    0xCBBB_9D5D_C105_9ED8,
    0x629A_292A_367C_D507,
    0x9159_015A_3070_DD17,
    0x152F_ECD8_F70E_5939,
    0x6733_2667_FFC0_0B31,
    0x8EB4_4A87_6858_1511,
    0xDB0C_2E0D_64F9_8FA7,
    0x47B5_481D_BEFA_4FA4,
];
pub(crate) const SHA512_INITIAL: [u64; 8] = [
    0x6A09_E667_F3BC_C908,
    0xBB67_AE85_84CA_A73B,
    0x3C6E_F372_FE94_F82B,
    0xA54F_F53A_5F1D_36F1,
    0x510E_527F_ADE6_82D1,
    0x9B05_688C_2B3E_6C1F,
    0x1F83_D9AB_FB41_BD6B,
    0x5BE0_CD19_137E_2179,
];

/// The SHA accelerator.
#[derive(Clone, Debug)]
pub struct Sha {
    registers: Registers,
    sha1: [u32; 5],
    sha256: [u32; 8],
    sha512: [u64; 8],
}

espalier_core::persist!(state Sha { registers, sha1, sha256, sha512 });

impl Sha {
    /// The accelerator after reset.
    pub fn new() -> Sha {
        Sha { registers: Registers::new(&REGISTERS), sha1: [0; 5], sha256: [0; 8], sha512: [0; 8] }
    }

    /// The message block as bytes. The first byte of each word is its most significant one.
    fn block<const BYTES: usize>(&self) -> [u8; BYTES] {
        let mut block = [0; BYTES];
        for (index, word) in block.chunks_exact_mut(4).enumerate() {
            word.copy_from_slice(&self.registers.get(reg::TEXT + 4 * index as u32).to_be_bytes());
        }
        block
    }

    fn compress_sha1(&mut self) {
        let block = self.block();
        compress160(&mut self.sha1, &[block]);
    }

    fn compress_sha256(&mut self) {
        let block = self.block();
        compress256(&mut self.sha256, &[block]);
    }

    fn compress_sha512(&mut self) {
        let block = self.block();
        compress512(&mut self.sha512, &[block]);
    }

    /// Puts a digest into the text memory.
    fn load(&mut self, digest: &[u32]) {
        for (index, word) in digest.iter().enumerate() {
            self.registers.set(reg::TEXT + 4 * index as u32, *word);
        }
    }

    /// The 64-bit engine shows the more significant half of each word first.
    fn load_sha512(&mut self) {
        let mut halves = [0; 16];
        for (pair, word) in halves.chunks_exact_mut(2).zip(self.sha512) {
            pair.copy_from_slice(&[(word >> 32) as u32, word as u32]);
        }
        self.load(&halves);
    }
}

impl Default for Sha {
    fn default() -> Sha {
        Sha::new()
    }
}

impl Device for Sha {
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
        if !GO.is_set(value) {
            return Ok(());
        }
        match offset {
            reg::SHA1_START => {
                self.sha1 = SHA1_INITIAL;
                self.compress_sha1();
            }
            reg::SHA1_CONTINUE => self.compress_sha1(),
            reg::SHA1_LOAD => self.load(&self.sha1.clone()),
            reg::SHA256_START => {
                self.sha256 = SHA256_INITIAL;
                self.compress_sha256();
            }
            reg::SHA256_CONTINUE => self.compress_sha256(),
            reg::SHA256_LOAD => self.load(&self.sha256.clone()),
            reg::SHA384_START => {
                self.sha512 = SHA384_INITIAL;
                self.compress_sha512();
            }
            reg::SHA512_START => {
                self.sha512 = SHA512_INITIAL;
                self.compress_sha512();
            }
            reg::SHA384_CONTINUE | reg::SHA512_CONTINUE => self.compress_sha512(),
            reg::SHA384_LOAD | reg::SHA512_LOAD => self.load_sha512(),
            _ => {}
        }
        Ok(())
    }

    /// Each operation is over with the write that starts it.
    fn steady_until(&self, offset: u32, _now: Time) -> Option<Time> {
        self.registers.read(offset).is_ok().then_some(Time::MAX)
    }

    /// Only loading a digest changes other words. A message comes word by word.
    fn quiet_write(&self, offset: u32) -> Option<[u32; 2]> {
        let loads = [reg::SHA1_LOAD, reg::SHA256_LOAD, reg::SHA384_LOAD, reg::SHA512_LOAD];
        (!loads.contains(&offset) && self.registers.read(offset).is_ok()).then_some([offset; 2])
    }

    fn reset(&mut self) {
        *self = Sha::new();
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::{Device, Time};
    use proptest::prelude::{ProptestConfig, any, prop, proptest};

    use super::{GO, Sha, reg};

    /// The registers of one algorithm.
    #[derive(Clone, Copy)]
    struct Engine {
        start: u32,
        block: usize,
        digest: usize,
        swapped_pairs: bool,
    }

    const SHA1: Engine = Engine { start: reg::SHA1_START, block: 64, digest: 20, swapped_pairs: false };
    const SHA256: Engine = Engine { start: reg::SHA256_START, block: 64, digest: 32, swapped_pairs: false };
    const SHA384: Engine = Engine { start: reg::SHA384_START, block: 128, digest: 48, swapped_pairs: true };
    const SHA512: Engine = Engine { start: reg::SHA512_START, block: 128, digest: 64, swapped_pairs: true };

    impl Engine {
        fn padded(self, message: &[u8]) -> Vec<u8> {
            let mut padded = message.to_vec();
            padded.push(0x80);
            let length = self.block / 8;
            while padded.len() % self.block != self.block - length {
                padded.push(0);
            }
            padded.extend(vec![0; length - 8]);
            padded.extend((message.len() as u64 * 8).to_be_bytes());
            padded
        }

        /// As `sha_ll_fill_text_block` and `sha_ll_start_block` of ESP-IDF do it.
        fn absorb(self, sha: &mut Sha, block: &[u8], first: bool) {
            for (index, word) in block.chunks_exact(4).enumerate() {
                let word = u32::from_be_bytes(word.try_into().unwrap());
                sha.write(reg::TEXT + 4 * index as u32, word, Time::ZERO).unwrap();
            }
            let (continued, busy) = (self.start + 4, self.start + 12);
            sha.write(if first { self.start } else { continued }, GO.mask(), Time::ZERO).unwrap();
            assert_eq!(sha.read(busy, Time::ZERO), Ok(0));
        }

        /// LOAD, then TEXT as `ets_sha_finish` reads it: words most significant byte first. ESP-IDF's `sha_ll_read_digest`
        /// keeps the state as native 64-bit words instead, which gives the same digest.
        fn digest(self, sha: &mut Sha) -> String {
            sha.write(self.start + 8, GO.mask(), Time::ZERO).unwrap();
            let mut words: Vec<u32> =
                (0..self.digest as u32 / 4).map(|index| sha.read(reg::TEXT + 4 * index, Time::ZERO).unwrap()).collect();
            if self.swapped_pairs {
                let state: Vec<u64> =
                    words.chunks_exact(2).map(|pair| u64::from(pair[1]) | u64::from(pair[0]) << 32).collect();
                words = state.iter().flat_map(|word| [(word >> 32) as u32, *word as u32]).collect();
            }
            words.iter().map(|word| format!("{word:08x}")).collect()
        }

        fn hash(self, message: &[u8]) -> String {
            let mut sha = Sha::new();
            for (index, block) in self.padded(message).chunks(self.block).enumerate() {
                self.absorb(&mut sha, block, index == 0);
            }
            self.digest(&mut sha)
        }
    }

    /// The examples of FIPS 180 (NIST, "Examples with intermediate values").
    #[test]
    fn digests_are_those_of_nist() {
        let two_blocks = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        let two_long_blocks =
            b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr\
            lmnopqrsmnopqrstnopqrstu";
        assert_eq!(SHA1.hash(b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(SHA1.hash(two_blocks), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
        assert_eq!(SHA256.hash(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(SHA256.hash(two_blocks), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
        assert_eq!(
            SHA384.hash(b"abc"),
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"
        );
        assert_eq!(
            SHA384.hash(two_long_blocks),
            "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712fcc7c71a557e2db966c3e9fa91746039"
        );
        assert_eq!(
            SHA512.hash(b"abc"),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        );
        assert_eq!(
            SHA512.hash(two_long_blocks),
            "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018\
             501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909"
        );
    }

    /// TRM chapter 24.3: the engines hold their digests while another one works.
    #[test]
    fn engines_work_interleaved() {
        let message = [0x5A; 200];
        let mut sha = Sha::new();
        let (one, two) = (SHA1.padded(&message), SHA512.padded(&message));
        for step in 0..one.len().div_ceil(SHA1.block) {
            SHA1.absorb(&mut sha, &one[64 * step..][..64], step == 0);
            if step < two.len() / SHA512.block {
                SHA512.absorb(&mut sha, &two[128 * step..][..128], step == 0);
            }
        }
        assert_eq!(SHA1.digest(&mut sha), SHA1.hash(&message));
        assert_eq!(SHA512.digest(&mut sha), SHA512.hash(&message));
    }

    /// The ROM's `ets_sha_update` reads TEXT back when a message does not come in whole words.
    #[test]
    fn text_reads_back_after_an_operation() {
        let mut sha = Sha::new();
        sha.write(reg::TEXT + 8, 0x0102_0304, Time::ZERO).unwrap();
        sha.write(reg::SHA256_START, GO.mask(), Time::ZERO).unwrap();
        assert_eq!(sha.read(reg::TEXT + 8, Time::ZERO), Ok(0x0102_0304));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Checks the promises of [`Device::steady_until`] and [`Device::quiet_write`] after writes of any value to any register.
        #[test]
        fn steady_words_stay_and_quiet_writes_change_one_word(writes in prop::collection::vec((0_u32..0x40, any::<u32>()), 1..100)) {
            let mut sha = Sha::new();
            for (word, value) in writes {
                let mut before = sha.clone();
                for offset in (0..0x100).step_by(4) {
                    if sha.steady_until(offset, Time::ZERO).is_some() {
                        assert_eq!(before.read(offset, Time::MAX), sha.read(offset, Time::ZERO), "{offset:#x}");
                    }
                }
                let is_written = sha.write(4 * word, value, Time::ZERO).is_ok();
                let Some(words) = before.quiet_write(4 * word) else { continue };
                assert!(is_written);
                for offset in (0..0x100).step_by(4).filter(|offset| !words.contains(offset)) {
                    assert_eq!(sha.read(offset, Time::ZERO), before.read(offset, Time::ZERO), "{offset:#x}");
                }
                assert_eq!((sha.interrupts(), sha.deadline()), (0, None));
            }
        }

        #[test]
        fn no_traffic_panics(traffic in prop::collection::vec((0_u32..0x40, any::<u32>()), 0..200)) {
            let mut sha = Sha::new();
            for (word, value) in traffic {
                let _ = sha.write(4 * word, value, Time::ZERO);
                let _ = sha.read(4 * word, Time::ZERO);
            }
        }
    }
}
