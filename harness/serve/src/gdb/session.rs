//! One debugger's session, on the thread of the board: packets in, packets out, and whether the board is to run.

use std::convert::Infallible;

use gdbstub::common::Signal;
use gdbstub::conn::Connection;
use gdbstub::stub::state_machine::GdbStubStateMachine;
use gdbstub::stub::{GdbStub, MultiThreadStopReason};
use tokio::sync::mpsc::UnboundedSender;

use super::target::DebugTarget;

/// The way to the client: packets are sent whole.
pub(crate) struct Replies {
    pending: Vec<u8>,
    client: UnboundedSender<Vec<u8>>,
}

impl Connection for Replies {
    type Error = Infallible;

    fn write(&mut self, byte: u8) -> Result<(), Infallible> {
        self.pending.push(byte);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        // A client that has gone is noticed by whoever reads from it.
        let _ = self.client.send(std::mem::take(&mut self.pending));
        Ok(())
    }
}

type Stub = GdbStubStateMachine<'static, DebugTarget, Replies>;

/// What the debugger wants the board to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Stand still.
    Hold,
    /// Run.
    Run,
    /// Run; the session is over.
    Leave,
}

/// A session. It is over once the stub is gone.
pub(crate) struct Session {
    stub: Option<Stub>,
}

impl Session {
    /// Begins a session with a target that stands still.
    pub fn new(client: UnboundedSender<Vec<u8>>, target: &mut DebugTarget) -> Session {
        let stub = GdbStub::new(Replies { pending: Vec::new(), client }).run_state_machine(target);
        Session { stub: stub.ok() }
    }

    /// Takes what the client sent.
    pub fn feed(&mut self, target: &mut DebugTarget, bytes: &[u8]) -> Wish {
        for byte in bytes {
            let was_running = self.is_running();
            let next = match self.stub.take() {
                Some(GdbStubStateMachine::Idle(stub)) => stub.incoming_data(target, *byte),
                Some(GdbStubStateMachine::Running(stub)) => stub.incoming_data(target, *byte),
                over => {
                    self.stub = over;
                    break;
                }
            };
            let next = match next {
                Ok(GdbStubStateMachine::CtrlCInterrupt(stub)) => {
                    // One that comes when the board stands still already has been answered by the stop.
                    let reason = was_running.then(|| target.interrupted(Signal::SIGINT));
                    stub.interrupt_handled(target, reason)
                }
                next => next,
            };
            // A client that does not speak the protocol is left.
            self.stub = next.ok();
            if !was_running
                && self.is_running()
                && let Some(reason) = target.idle_step()
            {
                self.report(target, reason);
            }
        }
        self.wish()
    }

    /// Tells the client that the board has stopped.
    pub fn report(&mut self, target: &mut DebugTarget, reason: MultiThreadStopReason<u32>) -> Wish {
        self.stub = match self.stub.take() {
            Some(GdbStubStateMachine::Running(stub)) => stub.report_stop(target, reason).ok(),
            other => other,
        };
        self.wish()
    }

    /// True while the client waits for the board to stop.
    pub fn is_running(&self) -> bool {
        matches!(self.stub, Some(GdbStubStateMachine::Running(_)))
    }

    fn wish(&self) -> Wish {
        match &self.stub {
            Some(GdbStubStateMachine::Running(_)) => Wish::Run,
            Some(GdbStubStateMachine::Idle(_) | GdbStubStateMachine::CtrlCInterrupt(_)) => Wish::Hold,
            Some(GdbStubStateMachine::Disconnected(_)) | None => Wish::Leave,
        }
    }
}
