//! A board that loses its power, and gets it back.

use espalier_core::Span;
use espalier_soc::{BoardDefinition, Machine, MachineConfig, Stop, Strap};

const IMAGE: &[u8] = include_bytes!("../../../../fixtures/firmware/tutorial-esp32.bin");
/// RTC slow memory, which every reset but that of the supply leaves alone.
const RTC_MEMORY: u32 = 0x5000_0000;

fn machine() -> Machine {
    let board = BoardDefinition::by_name("mpython").unwrap();
    let mut machine = Machine::new(&MachineConfig { board, seed: 7, ..MachineConfig::default() }).unwrap();
    machine.load_flash(0x1000, IMAGE).unwrap();
    machine.run_for(Span::from_millis(20));
    machine
}

fn rtc_memory(machine: &mut Machine) -> [u8; 4] {
    let mut bytes = [0; 4];
    machine.peek(0, RTC_MEMORY, &mut bytes).unwrap();
    bytes
}

#[test]
fn nothing_runs_without_power_and_time_passes() {
    let mut machine = machine();
    machine.cut_power(1);
    let (trace, now) = (machine.trace_hash(), machine.now());
    machine.uart_take(0);
    assert_eq!(machine.run_for(Span::from_secs(3)), Stop::Limit);
    // Neither its line nor a debugger's wakes it, nor does its watchdog.
    machine.reset(Strap::FlashBoot);
    machine.jtag_pause(Span::from_millis(5));
    assert_eq!(machine.run_for(Span::from_secs(2)), Stop::Limit);
    assert_eq!((machine.trace_hash(), machine.uart_take(0), machine.is_powered()), (trace, Vec::new(), false));
    assert_eq!(machine.now().since(now), Span::from_millis(5005));
    machine.power_on(Strap::FlashBoot);
    machine.run_for(Span::from_millis(20));
    let printed: Vec<u8> = machine.uart_take(0).into_iter().map(|(_, byte)| byte).collect();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    assert!(printed.contains("rst:0x1 (POWERON_RESET)"), "{printed}");
}

#[test]
fn lost_power_takes_rtc_memory_and_leaves_fuses_and_flash() {
    let mut machine = machine();
    machine.set_efuses(&[0x5A; 16]);
    let (fuses, flash) = (machine.efuses(), machine.flash().to_vec());
    machine.poke(0, RTC_MEMORY, &[1, 2, 3, 4]).unwrap();
    machine.reset(Strap::FlashBoot);
    assert_eq!(rtc_memory(&mut machine), [1, 2, 3, 4]);
    machine.cut_power(1);
    machine.power_on(Strap::FlashBoot);
    assert_eq!(rtc_memory(&mut machine), [0; 4]);
    assert!(machine.efuses() == fuses && machine.flash().to_vec() == flash);
}

#[test]
fn a_board_without_power_goes_through_a_file() {
    let mut straight = machine();
    straight.cut_power(1);
    straight.run_for(Span::from_millis(7));
    let mut reloaded = Machine::load(&straight.save()).unwrap();
    for machine in [&mut straight, &mut reloaded] {
        machine.run_for(Span::from_millis(3));
        assert!(!machine.is_powered());
        machine.power_on(Strap::FlashBoot);
        machine.run_for(Span::from_millis(30));
    }
    assert_eq!(straight.trace_hash(), reloaded.trace_hash());
    assert!(straight.save() == reloaded.save());
}

/// GPIO_PIN4 and two registers of RTC_CNTL.
const PIN4: u32 = 0x3FF4_4098;
const STATE0: u32 = 0x3FF4_8018;
const WAKEUP_STATE: u32 = 0x3FF4_8038;
const LOW_LEVEL: u32 = 4;
const HIGH_LEVEL: u32 = 5;

/// As `gpio_wakeup_enable` and `esp_sleep_enable_gpio_wakeup` of ESP-IDF set it up (TRM, table "Wakeup Source").
#[test]
fn a_level_at_a_pad_wakes_the_chip_from_light_sleep() {
    for (kind, level) in [(HIGH_LEVEL, true), (LOW_LEVEL, false)] {
        let mut machine = machine();
        machine.drive_pin(4, Some(!level));
        let mut write = |address: u32, value: u32| machine.poke(0, address, &value.to_le_bytes()).unwrap();
        // WAKEUP_ENABLE and INT_TYPE of the pad, the source in WAKEUP_ENA, and SLEEP_EN.
        write(PIN4, 1 << 10 | kind << 7);
        write(WAKEUP_STATE, 1 << 2 << 11);
        write(STATE0, 1 << 31);
        machine.run_for(Span::from_millis(1));
        let (trace, mut fork) = (machine.trace_hash(), machine.clone());
        machine.run_for(Span::from_millis(200));
        assert_eq!(machine.trace_hash(), trace, "it sleeps");
        machine.drive_pin(4, Some(level));
        machine.run_for(Span::from_millis(20));
        assert_ne!(machine.trace_hash(), trace, "it goes on where it was");
        let mut cause = [0; 4];
        machine.peek(0, WAKEUP_STATE, &mut cause).unwrap();
        assert_eq!(u32::from_le_bytes(cause) & 0x7FF, 1 << 2);
        // A pad that already has the level lets the chip not sleep.
        fork.drive_pin(4, Some(level));
        fork.run_for(Span::from_millis(20));
        let awake = fork.trace_hash();
        fork.poke(0, STATE0, &(1_u32 << 31).to_le_bytes()).unwrap();
        fork.run_for(Span::from_millis(20));
        assert_ne!(fork.trace_hash(), awake);
    }
}
