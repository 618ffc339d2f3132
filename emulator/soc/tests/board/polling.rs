//! Rounds of polling that pass without being executed.

use espalier_core::{Span, WatchKind, Watchpoint};
use espalier_soc::{Machine, MachineConfig, Strap};

/// Data that nothing touches: for a core that is debugged, every instruction is executed.
const UNTOUCHED: Watchpoint = Watchpoint { address: 0x1000, length: 4, kind: WatchKind::Access };

/// A machine in the ROM's download mode, which is spoken to now and then. Returns it with what it printed.
fn downloading(watchpoints: &[Watchpoint]) -> (Machine, Vec<u8>) {
    let mut machine = Machine::new(&MachineConfig::default()).unwrap();
    machine.set_watchpoints(watchpoints);
    machine.reset(Strap::Download);
    machine.set_uart_line_baud(0, Some(115_200));
    machine.run_for(Span::from_millis(200));
    let mut sync = vec![0xC0, 0, 8, 36, 0, 0, 0, 0, 0, 7, 7, 0x12, 0x20];
    sync.extend([0x55; 32]);
    sync.push(0xC0);
    for pause in [100_003, 57, 20_001] {
        machine.uart_send(0, &sync);
        machine.run_for(Span::from_micros(pause));
    }
    let printed = machine.uart_take(0).into_iter().map(|(_, byte)| byte).collect();
    (machine, printed)
}

#[test]
fn passing_over_rounds_of_polling_leaves_the_trace_as_it_is() {
    let (executed, executed_output) = downloading(&[UNTOUCHED]);
    let (machine, output) = downloading(&[]);
    assert_eq!(output, executed_output);
    assert_eq!((machine.now(), machine.trace_hash()), (executed.now(), executed.trace_hash()));
    assert_eq!(machine.cpu(0).cycles(), executed.cpu(0).cycles());
    let passed_over = machine.cycles_passed_over();
    assert!(passed_over > machine.cpu(0).cycles() / 10 * 7, "{passed_over} of {}", machine.cpu(0).cycles());
    assert_eq!(executed.cycles_passed_over(), 0);
}
