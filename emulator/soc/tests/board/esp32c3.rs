//! The ESP32-C3 from reset through its mask ROM, as its console shows it, and the ROM's serial download mode.

use espalier_core::{Span, Time, Timing};
use espalier_soc::{BoardDefinition, Machine, MachineConfig, Strap, Translation};

const CONSOLE: usize = 0;
/// Frames of the Serial Line Internet Protocol, which esptool's protocol uses (ESP-IDF, "Serial Protocol").
const END: u8 = 0xC0;
const ESCAPE: u8 = 0xDB;

fn machine() -> Machine {
    machine_in(Timing::Fast)
}

fn machine_in(timing: Timing) -> Machine {
    let board = BoardDefinition::by_name("esp32c3-devkit").unwrap().timed(timing).unwrap();
    Machine::new(&MachineConfig { board, ..MachineConfig::default() }).unwrap()
}

/// The bytes of the console.
fn taken(machine: &mut Machine) -> Vec<u8> {
    machine.uart_take(CONSOLE).into_iter().map(|(_, byte)| byte).collect()
}

/// Runs for `span` and returns the console's output.
fn printed(machine: &mut Machine, span: Span) -> String {
    machine.run_for(span);
    String::from_utf8_lossy(&taken(machine)).into_owned()
}

fn frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![END];
    for byte in payload {
        match *byte {
            END => frame.extend([ESCAPE, 0xDC]),
            ESCAPE => frame.extend([ESCAPE, 0xDD]),
            byte => frame.push(byte),
        }
    }
    frame.push(END);
    frame
}

fn command(code: u8, data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u16).to_le_bytes();
    frame(&[&[0, code], &length[..], &[0; 4], data].concat())
}

#[test]
fn the_rom_prints_its_banner_and_the_reset_cause() {
    let mut machine = machine();
    let banner = printed(&mut machine, Span::from_millis(50));
    assert!(banner.starts_with("ESP-ROM:esp32c3-api1-20210207\r\nBuild:Feb  7 2021\r\n"), "{banner}");
    assert!(banner.contains("rst:0x1 (POWERON),boot:0xd (SPI_FAST_FLASH_BOOT)"), "{banner}");
}

#[test]
fn the_download_mode_answers_what_esptool_asks_first() {
    let mut machine = machine();
    machine.reset(Strap::Download);
    let banner = printed(&mut machine, Span::from_millis(50));
    assert!(banner.ends_with("boot:0x5 (DOWNLOAD(USB/UART0/1))\r\nwaiting for download\r\n"), "{banner}");
    let sync = [&[0x07, 0x07, 0x12, 0x20][..], &[0x55; 32]].concat();
    // The ROM finds out the rate from the first bytes and does not answer those.
    let mut answer = Vec::new();
    for _ in 0..5 {
        machine.uart_send(CONSOLE, &command(0x08, &sync));
        machine.run_for(Span::from_millis(50));
        answer.extend(taken(&mut machine));
    }
    assert_eq!(answer.get(..3), Some(&[END, 1, 0x08][..]), "{answer:02x?}");
    // READ_REG of the word by which esptool tells chips apart: it is in the ROM.
    machine.uart_send(CONSOLE, &command(0x0A, &0x4000_1000u32.to_le_bytes()));
    machine.run_for(Span::from_millis(50));
    let answer = taken(&mut machine);
    let magic = answer.get(5..9).map(|word| u32::from_le_bytes(word.try_into().unwrap()));
    assert_eq!((answer.get(..3), magic), (Some(&[END, 1, 0x0A][..]), Some(0x1B31_506F)), "{answer:02x?}");
}

/// The ROM prints its banner at the same rate, and gets there later.
#[test]
fn the_rom_takes_longer_in_silicons_time() {
    let first = [Timing::Fast, Timing::Silicon].map(|timing| {
        let mut machine = machine_in(timing);
        machine.run_for(Span::from_millis(50));
        let bytes = machine.uart_take(CONSOLE);
        let text: Vec<u8> = bytes.iter().map(|(_, byte)| *byte).collect();
        assert!(text.starts_with(b"ESP-ROM:esp32c3-api1-20210207"), "{timing:?}");
        bytes[0].0
    });
    assert!(first[0] < first[1], "{first:?}");
}

#[test]
fn a_fork_and_small_steps_go_the_way_of_a_straight_run() {
    [Timing::Fast, Timing::Silicon].into_iter().for_each(compare_steps);
}

fn compare_steps(timing: Timing) {
    let (mut straight, mut stepped) = (machine_in(timing), machine_in(timing));
    straight.run_for(Span::from_millis(20));
    while stepped.now() < Time::ZERO + Span::from_millis(20) {
        stepped = stepped.clone();
        stepped.run_for(Span::from_micros(137));
    }
    let later = straight.now().max(stepped.now()) + Span::from_millis(1);
    straight.run_for(later.since(straight.now()));
    stepped.run_for(later.since(stepped.now()));
    assert_eq!(straight.uart_take(CONSOLE), stepped.uart_take(CONSOLE));
}

/// The ROM from reset, and the first commands of a download, have one trace in both engines, in forks and after a change of engine.
#[test]
fn translated_code_goes_the_way_of_the_interpreter() {
    let sync = command(0x08, &[&[0x07, 0x07, 0x12, 0x20][..], &[0x55; 32]].concat());
    let mut machines = [Translation::Off, Translation::After(1), Translation::default()].map(|translation| {
        let mut machine = machine();
        machine.set_translation(translation);
        machine.reset(Strap::Download);
        machine
    });
    for step in 0..60 {
        let [interpreted, translated @ ..] = machines.each_mut().map(|machine| {
            if step % 10 == 9 {
                *machine = machine.clone();
            }
            if step >= 20 {
                machine.uart_send(CONSOLE, &sync);
            }
            machine.run_for(Span::from_millis(5));
            (machine.trace_hash(), machine.uart_take(CONSOLE))
        });
        assert!(translated.iter().all(|translated| *translated == interpreted), "another trace in step {step}");
    }
}
