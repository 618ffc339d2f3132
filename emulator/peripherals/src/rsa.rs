//! RSA accelerator (ESP32 Technical Reference Manual, chapter 25).
//!
//! Operands are numbers of up to 4096 bits, least significant word first, in lengths of whole 512-bit blocks. The result is
//! there when an operation starts, but INTERRUPT tells of it when the multiplier would have been through all words.

use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};

use crate::clocks::APB_WITH_PLL;

espalier_core::registers! {
    M_MEM[128] @ 0x000 = 0, rw();
    Z_MEM[128] @ 0x200 = 0, rw();
    Y_MEM[128] @ 0x400 = 0, rw();
    X_MEM[128] @ 0x600 = 0, rw();
    M_PRIME @ 0x800 = 0, rw() { M_PRIME: 0..=31 };
    MODEXP_MODE @ 0x804 = 0, rw_bits(0x7) {
        /// Length of the numbers in blocks, less one.
        MODEXP_MODE: 0..=2,
    };
    MODEXP_START @ 0x808 = 0, wo() { MODEXP_START: 0 };
    MULT_MODE @ 0x80C = 0, rw_bits(0xF) {
        /// Length of the numbers in blocks, less one; from [`MULT_PLAIN`](super::super::MULT_PLAIN) on, that of the product.
        MULT_MODE: 0..=3,
    };
    MULT_START @ 0x810 = 0, wo() { MULT_START: 0 };
    INTERRUPT @ 0x814 = 0, ro() { INTERRUPT: 0 };
    CLEAN @ 0x818 = 1, ro() { CLEAN: 0 };
}

/// MULT_MODE from here on: plain multiplication instead of multiplication modulo M.
const MULT_PLAIN: u32 = 8;
const WORDS_PER_BLOCK: usize = 16;
/// Words of each memory.
const MEMORY_WORDS: usize = 128;

/// The RSA accelerator.
#[derive(Clone, Debug)]
pub struct Rsa {
    registers: Registers,
    /// When the operation ends that is under way.
    busy: Option<Time>,
}

espalier_core::persist!(state Rsa { registers, busy });

impl Rsa {
    /// The accelerator after reset, its memories already cleaned.
    pub fn new() -> Rsa {
        Rsa { registers: Registers::new(&REGISTERS), busy: None }
    }

    fn words(&self, memory: u32, count: usize) -> Vec<u32> {
        (0..count as u32).map(|index| self.registers.get(memory + 4 * index)).collect()
    }

    /// Fills Z with `digits` and zeros after them.
    fn set_z(&mut self, digits: &[u32]) {
        for index in 0..MEMORY_WORDS {
            let digit = digits.get(index).copied().unwrap_or(0);
            self.registers.set(reg::Z_MEM + 4 * index as u32, digit);
        }
    }

    /// Z = X^Y mod M, and the cycles that it takes. Software has left R² mod M in Z; X and 1 come into Montgomery form by a product with
    /// it, and the power comes out of it by a product with 1.
    fn modular_exponentiation(&mut self) -> u64 {
        let words = length(self.registers.field(reg::MODEXP_MODE::MODEXP_MODE));
        let (modulus, exponent) = (self.words(reg::M_MEM, words), self.words(reg::Y_MEM, words));
        let (r_squared, m_prime) = (self.words(reg::Z_MEM, words), self.registers.field(reg::M_PRIME::M_PRIME));
        let product = |x: &[u32], y: &[u32]| montgomery_product(x, y, &modulus, m_prime);
        let mut one = vec![0; words];
        one[0] = 1;
        let (base, mut power) = (product(&self.words(reg::X_MEM, words), &r_squared), product(&one, &r_squared));
        let bits =
            exponent.iter().rposition(|word| *word != 0).map_or(0, |top| 32 * top as u32 + exponent[top].ilog2() + 1);
        let mut products = 0;
        for bit in (0..bits).rev() {
            power = product(&power, &power);
            products += 1;
            if exponent[bit as usize / 32] >> (bit % 32) & 1 != 0 {
                power = product(&power, &base);
                products += 1;
            }
        }
        self.set_z(&product(&power, &one));
        cycles(words) * products.max(1)
    }

    fn multiplication(&mut self) -> u64 {
        let mode = self.registers.field(reg::MULT_MODE::MULT_MODE);
        let words = length(mode % MULT_PLAIN);
        if mode >= MULT_PLAIN {
            // The length is that of the product; the second factor lies in the upper half of Z.
            let (x, z) = (self.words(reg::X_MEM, words / 2), self.words(reg::Z_MEM, words));
            let mut product = vec![0; words];
            for (index, &digit) in x.iter().enumerate() {
                add_multiple(&mut product[index..], &z[words / 2..], digit);
            }
            self.set_z(&product);
        } else {
            let product = montgomery_product(
                &self.words(reg::X_MEM, words),
                &self.words(reg::Z_MEM, words),
                &self.words(reg::M_MEM, words),
                self.registers.field(reg::M_PRIME::M_PRIME),
            );
            self.set_z(&product);
        }
        cycles(words)
    }
}

/// Cycles of a multiplication: one for each pair of words.
fn cycles(words: usize) -> u64 {
    (words * words) as u64
}

/// Words of the numbers in an operation.
fn length(mode: u32) -> usize {
    (mode as usize + 1) * WORDS_PER_BLOCK
}

/// x·y·R⁻¹ mod m, where R is two to the length of the operands, and `m_prime` is -m⁻¹ mod 2³²
/// (Handbook of Applied Cryptography, algorithm 14.36). A wrong `m_prime` gives a wrong result, as it does on silicon.
fn montgomery_product(x: &[u32], y: &[u32], m: &[u32], m_prime: u32) -> Vec<u32> {
    let words = m.len();
    let mut sum = vec![0_u32; words + 2];
    for &digit in x {
        add_multiple(&mut sum, y, digit);
        let reducer = sum[0].wrapping_mul(m_prime);
        add_multiple(&mut sum, m, reducer);
        sum.remove(0);
        sum.push(0);
    }
    if sum[words] != 0 || sum[..words].iter().rev().ge(m.iter().rev()) {
        let mut borrow = false;
        for (word, subtrahend) in sum.iter_mut().zip(m) {
            let (less, first) = word.overflowing_sub(*subtrahend);
            let (less, second) = less.overflowing_sub(borrow.into());
            (*word, borrow) = (less, first || second);
        }
    }
    sum.truncate(words);
    sum
}

/// sum += factor * digit
fn add_multiple(sum: &mut [u32], factor: &[u32], digit: u32) {
    let mut carry = 0_u64;
    for (index, word) in sum.iter_mut().enumerate() {
        let factor_word = factor.get(index).copied().unwrap_or(0);
        carry += u64::from(*word) + u64::from(factor_word) * u64::from(digit);
        *word = carry as u32;
        carry >>= 32;
    }
}

impl Default for Rsa {
    fn default() -> Rsa {
        Rsa::new()
    }
}

impl Device for Rsa {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Modelled
    }

    fn read(&mut self, offset: u32, now: Time) -> Result<u32, Unmodelled> {
        self.advance(now);
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, now: Time) -> Result<(), Unmodelled> {
        self.advance(now);
        self.registers.write(offset, value)?;
        let cycles = match offset {
            reg::MODEXP_START | reg::MULT_START if self.busy.is_some() => return Ok(()),
            reg::MODEXP_START if reg::MODEXP_START::MODEXP_START.is_set(value) => self.modular_exponentiation(),
            reg::MULT_START if reg::MULT_START::MULT_START.is_set(value) => self.multiplication(),
            reg::INTERRUPT if reg::INTERRUPT::INTERRUPT.is_set(value) => {
                self.registers.set_field(reg::INTERRUPT::INTERRUPT, 0);
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.busy = Some(now + APB_WITH_PLL.cycles(cycles));
        Ok(())
    }

    fn deadline(&self) -> Option<Time> {
        self.busy
    }

    fn advance(&mut self, now: Time) {
        if self.busy.is_some_and(|end| end <= now) {
            self.busy = None;
            self.registers.set_field(reg::INTERRUPT::INTERRUPT, 1);
        }
    }

    fn interrupts(&self) -> u32 {
        self.registers.field(reg::INTERRUPT::INTERRUPT)
    }

    fn reset(&mut self) {
        self.registers.reset();
        self.busy = None;
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::{Device, Time};
    use num_bigint::BigUint;
    use proptest::prelude::{ProptestConfig, any, prop, prop_assert_eq, proptest};

    use super::{MULT_PLAIN, Rsa, reg};

    fn fill(rsa: &mut Rsa, memory: u32, number: &BigUint, words: usize) {
        let digits = number.to_u32_digits();
        for index in 0..words {
            let digit = digits.get(index).copied().unwrap_or(0);
            rsa.write(memory + 4 * index as u32, digit, Time::ZERO).unwrap();
        }
    }

    fn start(rsa: &mut Rsa, register: u32) {
        rsa.write(reg::INTERRUPT, 1, Time::ZERO).unwrap();
        assert_eq!(rsa.interrupts(), 0);
        rsa.write(register, 1, Time::ZERO).unwrap();
        assert_eq!(rsa.interrupts(), 0);
        let end = rsa.deadline().unwrap();
        rsa.advance(end);
        assert_eq!((rsa.read(reg::INTERRUPT, Time::ZERO), rsa.interrupts()), (Ok(1), 1));
    }

    fn result(rsa: &mut Rsa, words: usize) -> BigUint {
        BigUint::new((0..words as u32).map(|index| rsa.read(reg::Z_MEM + 4 * index, Time::ZERO).unwrap()).collect())
    }

    /// -m⁻¹ mod 2³² by Newton's iteration, as `modular_inverse` of ESP-IDF's port computes it.
    fn m_prime(modulus: &BigUint) -> u32 {
        let lowest = modulus.to_u32_digits()[0];
        let mut inverse = 1_u32;
        for _ in 0..5 {
            inverse = inverse.wrapping_mul(2_u32.wrapping_sub(lowest.wrapping_mul(inverse)));
        }
        inverse.wrapping_neg()
    }

    fn odd(mut digits: Vec<u32>) -> BigUint {
        digits[0] |= 1;
        *digits.last_mut().unwrap() |= 1 << 31;
        BigUint::new(digits)
    }

    /// `esp_mpi_mul_mpi_mod_hw_op`: two Montgomery multiplications, the first one by R² mod M.
    fn modular_product(x: &BigUint, y: &BigUint, modulus: &BigUint, words: usize) -> BigUint {
        let mut rsa = Rsa::new();
        fill(&mut rsa, reg::M_MEM, modulus, words);
        fill(&mut rsa, reg::X_MEM, x, words);
        fill(&mut rsa, reg::Z_MEM, &((BigUint::from(1_u32) << (64 * words)) % modulus), words);
        rsa.write(reg::M_PRIME, m_prime(modulus), Time::ZERO).unwrap();
        rsa.write(reg::MULT_MODE, words as u32 / 16 - 1, Time::ZERO).unwrap();
        start(&mut rsa, reg::MULT_START);
        fill(&mut rsa, reg::X_MEM, y, words);
        start(&mut rsa, reg::MULT_START);
        result(&mut rsa, words)
    }

    /// `esp_mpi_exp_mpi_mod`: R² mod M is in Z.
    fn modular_power(rsa: &mut Rsa, base: &BigUint, exponent: &BigUint, modulus: &BigUint, words: usize) -> BigUint {
        rsa.write(reg::MODEXP_MODE, words as u32 / 16 - 1, Time::ZERO).unwrap();
        rsa.write(reg::M_PRIME, m_prime(modulus), Time::ZERO).unwrap();
        fill(rsa, reg::M_MEM, modulus, words);
        fill(rsa, reg::X_MEM, base, words);
        fill(rsa, reg::Y_MEM, exponent, words);
        fill(rsa, reg::Z_MEM, &((BigUint::from(1_u32) << (64 * words)) % modulus), words);
        start(rsa, reg::MODEXP_START);
        result(rsa, words)
    }

    #[test]
    fn memories_are_clean_after_reset() {
        let mut rsa = Rsa::new();
        rsa.write(reg::X_MEM, 7, Time::ZERO).unwrap();
        rsa.reset();
        assert_eq!((rsa.read(reg::CLEAN, Time::ZERO), rsa.read(reg::X_MEM, Time::ZERO)), (Ok(1), Ok(0)));
    }

    /// RSA with a modulus of 512 bits: decrypting undoes encrypting.
    #[test]
    fn exponentiation_opens_what_it_sealed() {
        // Two primes of 127 and 521 bits.
        let p = (BigUint::from(1_u32) << 127) - 1_u32;
        let q = (BigUint::from(1_u32) << 521) - 1_u32;
        let (modulus, totient) = (&p * &q, (&p - 1_u32) * (&q - 1_u32));
        let public = BigUint::from(65537_u32);
        let private = public.modinv(&totient).unwrap();
        let message = BigUint::from_bytes_be(b"an espalier is the frame on which a tree grows");
        let mut rsa = Rsa::new();
        let words = 32;
        let mut run = |base: &BigUint, exponent: &BigUint| modular_power(&mut rsa, base, exponent, &modulus, words);
        let sealed = run(&message, &public);
        assert_ne!(sealed, message);
        assert_eq!(run(&sealed, &private), message);
    }

    /// `esp_mpi_mult_mpi_failover_mod_mult_hw_op`: modulo 2ⁿ-1, with M' = 1 and R⁻¹ = 1, a product comes out whole.
    #[test]
    fn long_product_through_a_modulus_of_ones() {
        let words = 112;
        let x = odd((0..70_u32).map(|index| index.wrapping_mul(0x9E37_79B9)).collect());
        let y = odd((0..40_u32).map(|index| index.wrapping_mul(0x85EB_CA6B)).collect());
        let mut rsa = Rsa::new();
        fill(&mut rsa, reg::M_MEM, &((BigUint::from(1_u32) << (32 * words)) - 1_u32), words);
        rsa.write(reg::M_PRIME, 1, Time::ZERO).unwrap();
        rsa.write(reg::MULT_MODE, words as u32 / 16 - 1, Time::ZERO).unwrap();
        fill(&mut rsa, reg::X_MEM, &x, words);
        fill(&mut rsa, reg::Z_MEM, &BigUint::from(1_u32), words);
        start(&mut rsa, reg::MULT_START);
        fill(&mut rsa, reg::X_MEM, &y, words);
        start(&mut rsa, reg::MULT_START);
        assert_eq!(result(&mut rsa, words), x * y);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn modular_products_are_right(
            digits in prop::collection::vec(any::<u32>(), 96),
            blocks in 1_usize..=2,
        ) {
            let words = 16 * blocks;
            let modulus = odd(digits[..words].to_vec());
            let x = BigUint::from_slice(&digits[32..32 + words]) % &modulus;
            let y = BigUint::from_slice(&digits[64..64 + words]) % &modulus;
            prop_assert_eq!(modular_product(&x, &y, &modulus, words), &x * &y % &modulus);
        }

        #[test]
        fn modular_powers_are_right(
            digits in prop::collection::vec(any::<u32>(), 96),
            blocks in 1_usize..=2,
            exponent in 0_usize..=32,
        ) {
            let words = 16 * blocks;
            let modulus = odd(digits[..words].to_vec());
            let x = BigUint::from_slice(&digits[32..32 + words]) % &modulus;
            let y = BigUint::from_slice(&digits[64..64 + exponent.min(words)]);
            prop_assert_eq!(modular_power(&mut Rsa::new(), &x, &y, &modulus, words), x.modpow(&y, &modulus));
        }

        /// `esp_mpi_mul_mpi_hw_op`: the second factor goes into the upper half of Z.
        #[test]
        fn plain_products_are_right(digits in prop::collection::vec(any::<u32>(), 64), blocks in 1_usize..=2) {
            let words = 16 * blocks;
            let (x, y) = (BigUint::from_slice(&digits[..words]), BigUint::from_slice(&digits[32..32 + words]));
            let mut rsa = Rsa::new();
            fill(&mut rsa, reg::X_MEM, &x, words);
            fill(&mut rsa, reg::Z_MEM + 4 * words as u32, &y, words);
            rsa.write(reg::MULT_MODE, (2 * blocks as u32 - 1) | MULT_PLAIN, Time::ZERO).unwrap();
            start(&mut rsa, reg::MULT_START);
            prop_assert_eq!(result(&mut rsa, 2 * words), x * y);
        }

        #[test]
        fn no_traffic_panics(traffic in prop::collection::vec((0_u32..0x210, 0..4_u32), 0..100)) {
            let mut rsa = Rsa::new();
            for (word, value) in traffic {
                let _ = rsa.write(4 * word, value, Time::ZERO);
                let _ = rsa.read(4 * word, Time::ZERO);
            }
            for start in [reg::MULT_START, reg::MODEXP_START] {
                rsa.write(start, 1, Time::ZERO).unwrap();
            }
        }
    }
}
