//! Statements of the manual, and sequences of the GPIO drivers.

use super::registers::reg;
use super::{Gpio, InputSource, SIGNAL_GPIO};
use espalier_core::{Device, Time};
use proptest::prelude::{any, proptest};

const NOW: Time = Time::ZERO;
const PCPU_INT_ENA: u32 = 1 << 15;
const ACPU_NMI_ENA: u32 = 1 << 14;

fn get(gpio: &mut Gpio, offset: u32) -> u32 {
    gpio.read(offset, NOW).unwrap()
}

fn set(gpio: &mut Gpio, offset: u32, value: u32) {
    gpio.write(offset, value, NOW).unwrap();
}

#[test]
fn set_and_clear_registers_drive_pads() {
    // "Simple GPIO Output": GPIO_ENABLE and GPIO_OUT with their W1TS and W1TC registers.
    let mut gpio = Gpio::new();
    assert_eq!(gpio.output(2), None);
    set(&mut gpio, reg::ENABLE_W1TS, 1 << 2);
    assert_eq!(gpio.output(2), Some(false));
    set(&mut gpio, reg::OUT_W1TS, 1 << 2);
    assert_eq!((gpio.output(2), get(&mut gpio, reg::IN)), (Some(true), 1 << 2));
    set(&mut gpio, reg::OUT_W1TC, 1 << 2);
    assert_eq!((gpio.output(2), gpio.take_changes(), gpio.take_changes()), (Some(false), 1 << 2, 0));
    set(&mut gpio, reg::ENABLE1_W1TS, 1 << 1 | 1 << 2);
    assert_eq!((gpio.output(33), gpio.output(34)), (Some(false), None), "34 to 39 are inputs only");
}

#[test]
fn an_input_whose_buffer_is_off_reads_low() {
    // TRM, IO_MUX_x_REG: FUN_IE enables the input of the pad. An edge of the buffer is one of the input.
    let mut gpio = Gpio::new();
    gpio.set_inputs_enabled(1 << 5);
    set(&mut gpio, reg::PIN0 + 4 * 4, 1 << 7 | PCPU_INT_ENA);
    gpio.set_input(4, true);
    gpio.set_input(5, true);
    assert_eq!((get(&mut gpio, reg::IN), get(&mut gpio, reg::STATUS), gpio.level(4)), (1 << 5, 0, true));
    gpio.set_inputs_enabled(1 << 4);
    assert_eq!((get(&mut gpio, reg::IN), get(&mut gpio, reg::STATUS)), (1 << 4, 1 << 4));
}

#[test]
fn inputs_appear_unless_the_chip_drives() {
    let mut gpio = Gpio::new();
    gpio.set_input(4, true);
    gpio.set_input(36, true);
    gpio.set_input(99, true);
    assert_eq!((get(&mut gpio, reg::IN), get(&mut gpio, reg::IN1)), (1 << 4, 1 << 4));
    set(&mut gpio, reg::ENABLE, 1 << 4);
    assert!(!gpio.level(4));
}

#[test]
fn open_drain_outputs_only_pull_low() {
    let mut gpio = Gpio::new();
    set(&mut gpio, reg::PIN0 + 4 * 21, 1 << 2);
    set(&mut gpio, reg::ENABLE, 1 << 21);
    gpio.set_input(21, true);
    assert_eq!((gpio.output(21), gpio.level(21)), (Some(false), false));
    set(&mut gpio, reg::OUT, 1 << 21);
    assert_eq!((gpio.output(21), gpio.level(21)), (None, true));
}

#[test]
fn edges_latch_and_levels_come_back() {
    let mut gpio = Gpio::new();
    let pin = reg::PIN0 + 4 * 5;
    for (kind, level, before, after) in [
        (1, true, true, false),
        (2, false, true, false),
        (3, true, true, false),
        (4, false, true, true),
        (5, true, true, true),
    ] {
        gpio.set_input(5, !level);
        set(&mut gpio, pin, kind << 7 | PCPU_INT_ENA);
        set(&mut gpio, reg::STATUS_W1TC, u32::MAX);
        assert_eq!(gpio.interrupts(), 0);
        gpio.set_input(5, level);
        assert_eq!(gpio.interrupts() == 1, before, "type {kind}");
        set(&mut gpio, reg::STATUS_W1TC, 1 << 5);
        assert_eq!(gpio.interrupts() == 1, after, "type {kind} after clearing");
        gpio.set_input(5, !level);
    }
}

#[test]
fn each_core_sees_its_own_interrupts() {
    let mut gpio = Gpio::new();
    set(&mut gpio, reg::PIN0 + 4 * 35, 5 << 7 | ACPU_NMI_ENA);
    set(&mut gpio, reg::PIN0 + 4 * 34, 5 << 7 | PCPU_INT_ENA);
    gpio.set_input(35, true);
    assert_eq!(
        (gpio.interrupts(), get(&mut gpio, reg::ACPU_NMI_INT1), get(&mut gpio, reg::PCPU_INT1)),
        (1 << 3, 1 << 3, 0)
    );
    gpio.set_input(34, true);
    assert_eq!((gpio.interrupts(), get(&mut gpio, reg::PCPU_INT1)), (1 << 3 | 1, 1 << 2));
}

#[test]
fn the_matrix_routes_i2c() {
    // The accesses of i2c_set_pin for SCL (29) on GPIO22 and SDA (30) on GPIO23.
    let mut gpio = Gpio::new();
    assert_eq!((gpio.out_signal(22), gpio.in_signal(29)), (SIGNAL_GPIO, Some(InputSource::IoMux)));
    for (signal, pin) in [(29, 22), (30, 23)] {
        set(&mut gpio, reg::FUNC0_OUT_SEL_CFG + 4 * pin, signal);
        set(&mut gpio, reg::FUNC0_IN_SEL_CFG + 4 * signal, pin | 1 << 7);
    }
    assert_eq!((gpio.out_signal_pin(29), gpio.in_signal_pin(29)), (Some(22), Some(22)));
    assert_eq!((gpio.out_signal_pin(30), gpio.in_signal_pin(30)), (Some(23), Some(23)));
    assert_eq!((gpio.output(22), gpio.take_changes()), (None, 1 << 22 | 1 << 23));
    gpio.reset();
    assert_eq!((gpio.out_signal_pin(29), gpio.take_changes()), (None, 1 << 22 | 1 << 23));
}

#[test]
fn constant_inputs() {
    // "Peripheral Input via GPIO Matrix": 0x30 is always low, 0x38 always high.
    let mut gpio = Gpio::new();
    for (select, source) in [
        (0x30, InputSource::Constant(false)),
        (0x38, InputSource::Constant(true)),
        (0x38 | 1 << 6, InputSource::Constant(false)),
        (7 | 1 << 6, InputSource::Pin { pin: 7, inverted: true }),
    ] {
        set(&mut gpio, reg::FUNC0_IN_SEL_CFG, select | 1 << 7);
        assert_eq!(gpio.in_signal(0), Some(source));
    }
    assert_eq!(gpio.in_signal(256), None);
}

#[test]
fn straps_stay_over_a_reset() {
    let mut gpio = Gpio::new();
    gpio.set_strap(0x12);
    gpio.reset();
    assert_eq!(get(&mut gpio, reg::STRAP), 0x12);
}

proptest! {
    #[test]
    fn any_access_is_harmless(accesses in proptest::collection::vec((0u32..0x600, any::<u32>(), 0usize..48, any::<bool>()), 0..200)) {
        let mut gpio = Gpio::new();
        for (offset, value, pin, level) in accesses {
            let _ = gpio.write(offset & !3, value, NOW);
            let _ = gpio.read(offset & !3, NOW);
            gpio.set_input(pin, level);
            assert!(gpio.output(pin).is_none_or(|driven| gpio.level(pin) == driven));
            let _ = (gpio.out_signal(pin), gpio.in_signal(value), gpio.wakes(), gpio.interrupts());
        }
    }
}
