//! Whatever is in flash and whatever comes over the line, the machine goes on: guests crash, the emulator does not.

use std::sync::OnceLock;

use crate::common::{BOOTLOADER, image, program};
use espalier_core::Span;
use espalier_soc::{Machine, MachineConfig, ResetCause, SocError, Strap};
use proptest::prelude::{ProptestConfig, any, proptest};

fn machine() -> Machine {
    static NEW: OnceLock<Machine> = OnceLock::new();
    NEW.get_or_init(|| Machine::new(&MachineConfig::default()).unwrap()).clone()
}

fn console(machine: &mut Machine) -> String {
    let bytes: Vec<u8> = machine.uart_take(0).into_iter().map(|(_, byte)| byte).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn an_erased_chip_is_reset_by_its_watchdog_again_and_again() {
    let mut machine = machine();
    machine.run_for(Span::from_secs(2));
    let console = console(&mut machine);
    assert!(console.contains("invalid header: 0xffffffff"), "{console}");
    assert!(console.contains("rst:0x10 (RTCWDT_RTC_RESET)"), "{console}");
    // Observers of the machine get the same resets, each once.
    let mut fork = machine.clone();
    let resets = machine.take_resets();
    // All but power-on; the ROM may not have told of the last one yet.
    let told = console.matches("rst:0x").count() - 1;
    assert!(told > 0 && (told..=told + 1).contains(&resets.len()), "{told}: {resets:?}");
    assert!(resets.iter().zip(1..).all(|(reset, number)| reset.number == number), "{resets:?}");
    let watchdogs = [ResetCause::TimerGroup0System, ResetCause::RtcWatchdogRtc];
    assert!(resets.iter().all(|reset| watchdogs.contains(&reset.cause) && reset.pcs[0] >> 24 == 0x40), "{resets:?}");
    assert_eq!((machine.take_resets(), fork.take_resets()), (Vec::new(), resets));
}

#[test]
fn unread_resets_are_dropped_and_counted() {
    let mut machine = machine();
    let mut told = 0;
    while told < 20 {
        machine.run_for(Span::from_secs(1));
        told += console(&mut machine).matches("rst:0x10").count();
    }
    let resets = machine.take_resets();
    assert_eq!(resets.len(), 16);
    assert_eq!(resets[15].number - resets[0].number, 15);
    assert!(resets[0].number > 1, "{resets:?}");
}

#[test]
fn an_image_that_does_not_fit_is_refused_with_its_size() {
    let error = machine().load_flash(0x3F_F000, &[0; 0x2000]).unwrap_err();
    assert!(matches!(error, SocError::Flash(_)));
    assert_eq!(error.to_string(), "8192 bytes at 0x3ff000 do not fit into a flash of 0x400000 bytes");
}

#[test]
fn download_mode_waits_for_a_host() {
    let mut machine = machine();
    machine.reset(Strap::Download);
    machine.run_for(Span::from_millis(100));
    let console = console(&mut machine);
    assert!(console.contains("waiting for download"), "{console}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_bytes_where_the_bootloader_should_be(bytes in proptest::collection::vec(any::<u8>(), 0..4096)) {
        let mut machine = machine();
        machine.load_flash(BOOTLOADER, &bytes).unwrap();
        machine.run_for(Span::from_millis(60));
    }

    #[test]
    fn any_segments_behind_a_good_header(
        segments in any::<u8>(), entry in any::<u32>(), address in any::<u32>(), length in any::<u32>(),
        bytes in proptest::collection::vec(any::<u8>(), 0..2048),
    ) {
        let mut body = address.to_le_bytes().to_vec();
        body.extend(length.to_le_bytes());
        body.extend(bytes);
        let mut machine = machine();
        machine.load_flash(BOOTLOADER, &image(segments, entry, &body)).unwrap();
        machine.run_for(Span::from_millis(60));
    }

    /// Random code, in RAM and started with a good checksum: it may do anything that a guest can do.
    #[test]
    fn any_code_in_ram(bytes in proptest::collection::vec(any::<u8>(), 256), seed in any::<u64>()) {
        const CODE: u32 = 0x4008_0400;
        let mut machine = Machine::new(&MachineConfig { seed, ..MachineConfig::default() }).unwrap();
        machine.load_flash(BOOTLOADER, &program(CODE, CODE, &bytes)).unwrap();
        machine.run_for(Span::from_millis(30));
    }

    #[test]
    fn any_bytes_on_the_line_in_download_mode(bytes in proptest::collection::vec(any::<u8>(), 0..2000), baud in 300u32..5_000_000) {
        let mut machine = machine();
        machine.reset(Strap::Download);
        machine.run_for(Span::from_millis(20));
        machine.set_uart_line_baud(0, Some(baud));
        machine.uart_send(0, &bytes);
        machine.run_for(Span::from_millis(50));
    }
}
