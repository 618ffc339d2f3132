//! Whether all ways to execute code have one trace on a whole machine: single steps, whose instructions are decoded one by one, are
//! the oracle of blocks, of blocks under a debugger, and of translated code.

use espalier_core::{Span, Time, WatchKind, Watchpoint};
use espalier_soc::{Machine, Stop, Translation};

/// Interval between comparisons of traces.
const INTERVAL: Span = Span::from_millis(5);
/// Data that nothing touches, to have a debugger look at every instruction.
const UNTOUCHED: Watchpoint = Watchpoint { address: 0x1000, length: 4, kind: WatchKind::Access };

/// Bytes that reach UART0 at a time after the start.
pub type Input = (Span, Vec<u8>);

/// The visible state of a run at some time: the cores' positions, the console, the work of blocks.
#[derive(Debug, PartialEq, Eq)]
struct Sample {
    at: Time,
    trace: u64,
    cycles: [u64; 2],
    console: String,
    work: u64,
}

/// Compares the four ways from the state of `start` on until single steps have executed so many instructions.
///
/// # Panics
/// If another way has another trace, or if the firmware has not said `expected` by the end.
pub fn agree(start: &Machine, input: &[Input], instructions: u64, expected: &str) {
    let mut oracle = start.clone();
    let mut steps = 0;
    let mut samples = Vec::new();
    run(&mut oracle, input, |machine, limit| {
        while machine.now() < limit {
            (0..machine.cores()).for_each(|core| machine.cpu_mut(core).set_step(true));
            if let Stop::Debug { .. } = machine.run_until(limit) {
                steps += 1;
            }
        }
        samples.push(sample(machine));
        steps < instructions
    });
    let console: String = samples.iter().map(|sample| sample.console.as_str()).collect();
    assert!(console.contains(expected), "no {expected:?} after {steps} instructions; the console:\n{console}");
    for way in ["blocks", "debugged blocks", "translated code"] {
        let mut machine = start.clone();
        machine.set_translation(if way == "translated code" { Translation::HOT } else { Translation::Off });
        if way == "debugged blocks" {
            (0..machine.cores()).for_each(|core| machine.cpu_mut(core).set_watchpoints(&[UNTOUCHED]));
        }
        let mut expected = samples.iter();
        run(&mut machine, input, |machine, limit| {
            while machine.now() < limit {
                machine.run_until(limit);
            }
            let (found, expected) = (sample(machine), expected.next());
            assert_eq!(Some(&found), expected, "{way}");
            found.at < samples[samples.len() - 1].at
        });
    }
    println!("{steps} instructions in {}, one trace", samples[samples.len() - 1].at);
}

/// Has `advance` run a machine to each of the times at which traces are compared, or input arrives, until it returns false.
fn run(machine: &mut Machine, input: &[Input], mut advance: impl FnMut(&mut Machine, Time) -> bool) {
    let start = machine.now();
    let mut limit = start;
    let mut input = input.iter().peekable();
    loop {
        limit += INTERVAL;
        if !advance(machine, limit) {
            return;
        }
        while let Some((_, bytes)) = input.next_if(|(after, _)| start + *after <= limit) {
            machine.uart_send(0, bytes);
        }
    }
}

fn sample(machine: &mut Machine) -> Sample {
    let console = machine.uart_take(0).into_iter().map(|(_, byte)| byte).collect::<Vec<_>>();
    Sample {
        at: machine.now(),
        trace: machine.trace_hash(),
        cycles: [0, 1].map(|core| machine.cpu(core).cycles()),
        console: String::from_utf8_lossy(&console).into_owned(),
        work: machine.device_work(),
    }
}
