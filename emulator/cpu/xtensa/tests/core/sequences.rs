//! Floating-point arithmetic against the host's, and the sequences to which compilers expand division and square root.

use crate::flat::Flat;
use espalier_xtensa::{Config, Cpu, SpecialRegister};
use proptest::prelude::{ProptestConfig, any, proptest};
use proptest::{prop_assert, prop_assert_eq};

/// f0 = f1 / f2, as `__divsf3` of the compiler's runtime library does it; LLVM's assembler made the bytes of
///
/// ```text
/// div0.s f3, f2; nexp01.s f4, f2; const.s f5, 1; maddn.s f5, f4, f3; mov.s f6, f3; mov.s f7, f2; nexp01.s f2, f1;
/// maddn.s f6, f5, f6; const.s f5, 1; const.s f0, 0; neg.s f8, f2; maddn.s f5, f4, f6; maddn.s f0, f8, f3;
/// mkdadj.s f7, f1; maddn.s f6, f5, f6; maddn.s f8, f4, f0; const.s f3, 1; maddn.s f3, f4, f6; maddn.s f0, f8, f6;
/// neg.s f2, f2; maddn.s f6, f3, f6; maddn.s f2, f4, f0; addexpm.s f0, f7; addexp.s f6, f7; divn.s f0, f2, f6
/// ```
const DIVIDE: &[u8] = &[
    0x70, 0x32, 0xfa, 0xb0, 0x42, 0xfa, 0x30, 0x51, 0xfa, 0x30, 0x54, 0x6a, 0x00, 0x63, 0xfa, 0x00, 0x72, 0xfa, 0xb0,
    0x21, 0xfa, 0x60, 0x65, 0x6a, 0x30, 0x51, 0xfa, 0x30, 0x00, 0xfa, 0x60, 0x82, 0xfa, 0x60, 0x54, 0x6a, 0x30, 0x08,
    0x6a, 0xd0, 0x71, 0xfa, 0x60, 0x65, 0x6a, 0x00, 0x84, 0x6a, 0x30, 0x31, 0xfa, 0x60, 0x34, 0x6a, 0x60, 0x08, 0x6a,
    0x60, 0x22, 0xfa, 0x60, 0x63, 0x6a, 0x00, 0x24, 0x6a, 0xf0, 0x07, 0xfa, 0xe0, 0x67, 0xfa, 0x60, 0x02, 0x7a,
];

/// f0 = square root of f1, as `__ieee754_sqrtf` of the compiler's runtime library does it.
///
/// ```text
/// sqrt0.s f2, f1; const.s f3, 0; maddn.s f3, f2, f2; nexp01.s f4, f1; const.s f0, 3; addexp.s f4, f0;
/// maddn.s f0, f3, f4; nexp01.s f3, f1; neg.s f5, f3; maddn.s f2, f0, f2; const.s f0, 0; const.s f6, 0; const.s f7, 0;
/// maddn.s f0, f5, f2; maddn.s f6, f2, f4; const.s f4, 3; maddn.s f7, f4, f2; maddn.s f3, f0, f0; maddn.s f4, f6, f2;
/// neg.s f2, f7; maddn.s f0, f3, f2; maddn.s f7, f4, f7; mksadj.s f2, f1; nexp01.s f1, f1; maddn.s f1, f0, f0;
/// neg.s f3, f7; addexpm.s f0, f2; addexp.s f3, f2; divn.s f0, f1, f3
/// ```
const ROOT: &[u8] = &[
    0x90, 0x21, 0xfa, 0x30, 0x30, 0xfa, 0x20, 0x32, 0x6a, 0xb0, 0x41, 0xfa, 0x30, 0x03, 0xfa, 0xe0, 0x40, 0xfa, 0x40,
    0x03, 0x6a, 0xb0, 0x31, 0xfa, 0x60, 0x53, 0xfa, 0x20, 0x20, 0x6a, 0x30, 0x00, 0xfa, 0x30, 0x60, 0xfa, 0x30, 0x70,
    0xfa, 0x20, 0x05, 0x6a, 0x40, 0x62, 0x6a, 0x30, 0x43, 0xfa, 0x20, 0x74, 0x6a, 0x00, 0x30, 0x6a, 0x20, 0x46, 0x6a,
    0x60, 0x27, 0xfa, 0x20, 0x03, 0x6a, 0x70, 0x74, 0x6a, 0xc0, 0x21, 0xfa, 0xb0, 0x11, 0xfa, 0x00, 0x10, 0x6a, 0x60,
    0x37, 0xfa, 0xf0, 0x02, 0xfa, 0xe0, 0x32, 0xfa, 0x30, 0x01, 0x7a,
];

/// f0 = 1 / f1 by two Newton steps.
///
/// ```text
/// recip0.s f0, f1; const.s f2, 1; msub.s f2, f1, f0; maddn.s f0, f0, f2; const.s f2, 1; msub.s f2, f1, f0;
/// maddn.s f0, f0, f2
/// ```
const RECIPROCAL: &[u8] = &[
    0x80, 0x01, 0xfa, 0x30, 0x21, 0xfa, 0x00, 0x21, 0x5a, 0x20, 0x00, 0x6a, 0x30, 0x21, 0xfa, 0x00, 0x21, 0x5a, 0x20,
    0x00, 0x6a,
];

fn evaluate(code: &[u8], f1: f32, f2: f32) -> f32 {
    let mut bus = Flat::new(0x1000, code);
    let mut cpu = Cpu::new(Config { reset_vector: 0, ..Config::ESP32_PRO });
    cpu.set_special(SpecialRegister::Cpenable, 1);
    cpu.set_float(1, f1.to_bits());
    cpu.set_float(2, f2.to_bits());
    cpu.run(&mut bus, code.len() as u32 / 3);
    f32::from_bits(cpu.float(0))
}

fn same(x: f32, y: f32) -> bool {
    x.is_nan() && y.is_nan() || x.to_bits() == y.to_bits()
}

/// f0 = f1 op f2, or f0 + f1 * f2, for one instruction.
fn one(code: &[u8; 3], f0: f32, f1: f32, f2: f32) -> f32 {
    let mut bus = Flat::new(0x1000, code);
    let mut cpu = Cpu::new(Config { reset_vector: 0, ..Config::ESP32_PRO });
    cpu.set_special(SpecialRegister::Cpenable, 1);
    for (number, value) in [(0, f0), (1, f1), (2, f2)] {
        cpu.set_float(number, value.to_bits());
    }
    cpu.run(&mut bus, 1);
    f32::from_bits(cpu.float(0))
}

/// `add.s f0, f1, f2`
const ADD: [u8; 3] = [0x20, 0x01, 0x0a];
/// `sub.s f0, f1, f2`
const SUBTRACT: [u8; 3] = [0x20, 0x01, 0x1a];
/// `mul.s f0, f1, f2`
const MULTIPLY: [u8; 3] = [0x20, 0x01, 0x2a];
/// `madd.s f0, f1, f2`
const MULTIPLY_ADD: [u8; 3] = [0x20, 0x01, 0x4a];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn sums_and_products_are_those_of_ieee_754(x in any::<u32>(), y in any::<u32>(), z in any::<u32>()) {
        let (x, y, z) = (f32::from_bits(x), f32::from_bits(y), f32::from_bits(z));
        prop_assert!(same(one(&ADD, 0.0, x, y), x + y), "{} + {}", x, y);
        prop_assert!(same(one(&SUBTRACT, 0.0, x, y), x - y), "{} - {}", x, y);
        prop_assert!(same(one(&MULTIPLY, 0.0, x, y), x * y), "{} * {}", x, y);
        prop_assert!(same(one(&MULTIPLY_ADD, z, x, y), x.mul_add(y, z)), "{} + {} * {}", z, x, y);
    }

    #[test]
    fn sums_of_like_magnitudes_are_those_of_ieee_754(x in -2.0f32..2.0, y in -2.0f32..2.0, z in -4.0f32..4.0) {
        prop_assert!(same(one(&ADD, 0.0, x, y), x + y), "{} + {}", x, y);
        prop_assert!(same(one(&MULTIPLY_ADD, z, x, y), x.mul_add(y, z)), "{} + {} * {}", z, x, y);
        prop_assert!(same(one(&MULTIPLY_ADD, -(x * y), x, y), x.mul_add(y, -(x * y))), "rest of {} * {}", x, y);
    }

    #[test]
    fn division_is_rounded_correctly(x in any::<f32>(), y in any::<f32>()) {
        let quotient = evaluate(DIVIDE, x, y);
        prop_assert_eq!(same(quotient, x / y), true, "{} / {} = {}, not {}", x, y, quotient, x / y);
    }

    #[test]
    fn square_root_is_rounded_correctly(x in any::<f32>()) {
        let root = evaluate(ROOT, x, 0.0);
        prop_assert_eq!(same(root, x.sqrt()), true, "root of {} = {}, not {}", x, root, x.sqrt());
    }

    #[test]
    fn reciprocal_converges(x in 1.0e-30f32..1.0e30) {
        prop_assert_eq!(evaluate(RECIPROCAL, x, 0.0), 1.0 / x);
    }
}
