//! A debugger's bytes, given straight to a session: the input of a fuzzer, without a socket and a thread.

use std::sync::OnceLock;

use espalier_core::Span;
use espalier_soc::{Machine, MachineConfig, Stop, Strap};
use tokio::sync::mpsc::unbounded_channel;

use super::packets::framed;
use super::{DebugTarget, RunRequest, Session};

/// For how long the board runs when it is told to.
const RUN: Span = Span::from_micros(20);
/// Separates the commands of an input.
const SEPARATOR: u8 = b'\n';

fn machine() -> Machine {
    static MACHINE: OnceLock<Machine> = OnceLock::new();
    let make = || {
        let mut machine = Machine::new(&MachineConfig::default()).expect("the default board");
        machine.reset(Strap::Download);
        machine.run_for(Span::from_millis(5));
        machine
    };
    MACHINE.get_or_init(make).clone()
}

/// Gives a session these bytes: lines that begin with `=` as they are, other lines as commands in their frames.
pub(crate) fn converse(input: &[u8]) {
    let (client, mut answers) = unbounded_channel();
    let mut target = DebugTarget::new(machine());
    let mut session = Session::new(client, &mut target);
    for line in input.split(|byte| *byte == SEPARATOR) {
        let bytes = line.strip_prefix(b"=").map_or_else(|| framed(line), <[u8]>::to_vec);
        match session.feed(&mut target, &bytes) {
            RunRequest::Hold => {}
            RunRequest::Leave => return,
            RunRequest::Run => {
                if let Stop::Debug { core, stop } = target.machine.run_for(RUN)
                    && let Some(reason) = target.reason(core, stop)
                {
                    session.report(&mut target, reason);
                }
            }
        }
        while answers.try_recv().is_ok() {}
    }
}
