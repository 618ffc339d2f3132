//! The random number register (ESP32 TRM, chapter "Random Number Generator").
//!
//! Silicon samples noise; here SplitMix64 (Steele, Lea and Flood, 2014) makes the words from a seed, so that the same seed
//! gives the same run.

use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};

espalier_core::registers! {
    DATA @ 0x44 = 0, ro();
}

/// Increment of the generator's state.
const GOLDEN_GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// RNG_DATA_REG, seen by software at 0x3FF7_5144.
#[derive(Clone, Debug)]
pub struct Rng {
    registers: Registers,
    seed: u64,
    state: u64,
}

espalier_core::persist!(state Rng { registers, seed, state });

impl Rng {
    /// A generator whose sequence of words is given by `seed`.
    pub fn new(seed: u64) -> Rng {
        Rng { registers: Registers::new(&REGISTERS), seed, state: seed }
    }

    /// The word that the next read gives; each call gives another one.
    pub fn next_word(&mut self) -> u32 {
        self.state = self.state.wrapping_add(GOLDEN_GAMMA);
        let mut word = self.state;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((word ^ (word >> 31)) >> 32) as u32
    }

    /// Starts the sequence of another seed.
    pub fn reseed(&mut self, seed: u64) {
        self.seed = seed;
        self.state = seed;
    }

    /// The seed of the current sequence.
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

impl Device for Rng {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial("a seeded generator, so that runs repeat; it is not a source of entropy")
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        self.registers.read(offset)?;
        Ok(self.next_word())
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        self.registers.write(offset, value).map(drop)
    }

    /// Noise has no reset: the sequence goes on, so that two boots of one run differ.
    fn reset(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::{Rng, reg};
    use espalier_core::{Device, Time};

    #[test]
    fn words_are_those_of_splitmix64() {
        // First outputs of the reference implementation for seed 1234567, upper halves.
        let mut rng = Rng::new(1_234_567);
        let words: Vec<u32> = (0..3).map(|_| rng.read(reg::DATA, Time::ZERO).unwrap()).collect();
        assert_eq!(
            words,
            [6_457_827_717_110_365_317u64, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
                .map(|word| (word >> 32) as u32)
        );
    }

    #[test]
    fn a_clone_goes_on_with_the_same_words() {
        let mut rng = Rng::new(7);
        rng.next_word();
        let mut fork = rng.clone();
        assert_eq!(rng.next_word(), fork.next_word());
    }
}
