//! One debugger's session, on the thread of the board: packets in, packets out, and whether the board is to run.
//!
//! `gdbstub` gives up when it cannot read a command. A debugger has it answered instead: the stub is made anew and told what it
//! knew, and the session goes on as if the command had not been sent.

use std::convert::Infallible;

use gdbstub::common::{Signal, Tid};
use gdbstub::conn::Connection;
use gdbstub::stub::state_machine::GdbStubStateMachine;
use gdbstub::stub::{GdbStub, MultiThreadStopReason};
use tokio::sync::mpsc::UnboundedSender;

use super::packets::{Item, PACKET_SIZE, Packets, bounded, framed};
use super::target::DebugTarget;

/// The answer to a command that cannot be read: EINVAL, as all codes are those of Linux.
const MALFORMED: &[u8] = b"E16";
const INTERRUPT: u8 = 3;

/// The way to the client: packets are sent whole.
pub(crate) struct Replies {
    pending: Vec<u8>,
    /// The last packet, for a client that has it sent again.
    last: Vec<u8>,
    /// None while a new stub is told what an old one knew.
    client: Option<UnboundedSender<Vec<u8>>>,
}

impl Replies {
    fn new(client: Option<UnboundedSender<Vec<u8>>>) -> Replies {
        Replies { pending: Vec::new(), last: Vec::new(), client }
    }

    fn send(&mut self, packet: Vec<u8>) {
        let Some(client) = &self.client else { return };
        self.last = packet.clone();
        // The thread that reads from a client notices its end.
        let _ = client.send(packet);
    }
}

impl Connection for Replies {
    type Error = Infallible;

    fn write(&mut self, byte: u8) -> Result<(), Infallible> {
        self.pending.push(byte);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        let packet = std::mem::take(&mut self.pending);
        self.send(packet);
        Ok(())
    }
}

type Stub = GdbStubStateMachine<'static, DebugTarget, Replies>;

/// The debugger's request to the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunRequest {
    /// Stand still.
    Hold,
    /// Run.
    Run,
    /// Run; the session is over.
    Leave,
}

/// The options that the client has negotiated, as the commands that set them.
#[derive(Debug, Default)]
struct Agreed {
    features: Option<Vec<u8>>,
    no_acknowledgments: Option<Vec<u8>>,
    memory_thread: Option<Vec<u8>>,
    resume_thread: Option<Vec<u8>>,
}

impl Agreed {
    fn note(&mut self, command: &[u8]) {
        let places = [
            (&b"qSupported:"[..], &mut self.features),
            (b"QStartNoAckMode", &mut self.no_acknowledgments),
            (b"Hg", &mut self.memory_thread),
            (b"Hc", &mut self.resume_thread),
        ];
        if let Some((_, place)) = places.into_iter().find(|(start, _)| command.starts_with(start)) {
            *place = Some(command.to_vec());
        }
    }

    /// A stop makes its thread the present one.
    fn note_stop(&mut self, thread: Tid) {
        self.memory_thread = Some(format!("Hg{thread:x}").into_bytes());
        self.resume_thread = Some(format!("Hc{thread:x}").into_bytes());
    }

    fn commands(&self) -> impl Iterator<Item = &Vec<u8>> {
        [&self.features, &self.no_acknowledgments, &self.memory_thread, &self.resume_thread].into_iter().flatten()
    }
}

/// A session. It is over once the stub is gone.
pub(crate) struct Session {
    stub: Option<Stub>,
    client: UnboundedSender<Vec<u8>>,
    packets: Packets,
    agreed: Agreed,
}

impl Session {
    /// Begins a session with a target that stands still.
    pub fn new(client: UnboundedSender<Vec<u8>>, target: &mut DebugTarget) -> Session {
        let stub = stub(Some(client.clone()), target);
        Session { stub, client, packets: Packets::default(), agreed: Agreed::default() }
    }

    /// Takes what the client sent.
    pub fn feed(&mut self, target: &mut DebugTarget, bytes: &[u8]) -> RunRequest {
        for byte in bytes {
            if self.request() == RunRequest::Leave {
                break;
            }
            match self.packets.take(*byte) {
                None => {}
                Some(Item::Command(command)) => self.obey(target, bounded(command)),
                // It is sent again, if the client has kept it.
                Some(Item::Damaged) if self.acknowledges() => self.send(b"-".to_vec()),
                Some(Item::Damaged | Item::TooLong) => self.refuse(),
                Some(Item::Again) => self.repeat(),
                Some(Item::Interrupt) => {
                    self.pass(target, &[INTERRUPT]);
                }
            }
        }
        self.request()
    }

    /// Has the stub do what the client wants.
    fn obey(&mut self, target: &mut DebugTarget, command: Vec<u8>) {
        let (was_running, plans) = (self.is_running(), target.plans());
        if self.pass(target, &framed(&command)) {
            self.agreed.note(&command);
        } else {
            self.renew(target, was_running);
            target.set_plans(plans);
            self.refuse();
        }
        if !was_running
            && self.is_running()
            && let Some(reason) = target.idle_step()
        {
            self.report(target, reason);
        }
    }

    /// Gives bytes to the stub. False if that was the end of it.
    fn pass(&mut self, target: &mut DebugTarget, bytes: &[u8]) -> bool {
        for byte in bytes {
            let was_running = self.is_running();
            let next = match self.stub.take() {
                Some(GdbStubStateMachine::Idle(stub)) => stub.incoming_data(target, *byte),
                Some(GdbStubStateMachine::Running(stub)) => stub.incoming_data(target, *byte),
                over => {
                    self.stub = over;
                    return true;
                }
            };
            let next = match next {
                Ok(GdbStubStateMachine::CtrlCInterrupt(stub)) => {
                    // One that comes when the board stands still already has been answered by the stop.
                    let reason = was_running.then(|| target.interrupted(Signal::SIGINT));
                    if let Some(thread) = reason.and_then(|reason| stopped(&reason)) {
                        self.agreed.note_stop(thread);
                    }
                    stub.interrupt_handled(target, reason)
                }
                next => next,
            };
            self.stub = next.ok();
            if self.stub.is_none() {
                return false;
            }
        }
        true
    }

    /// Makes a stub that knows what the one knew that is gone.
    fn renew(&mut self, target: &mut DebugTarget, was_running: bool) {
        self.stub = stub(None, target);
        let mut told: Vec<Vec<u8>> = self.agreed.commands().map(|command| framed(command)).collect();
        told.extend(was_running.then(|| framed(b"vCont;c")));
        for packet in told {
            self.pass(target, &packet);
        }
        let client = self.client.clone();
        if let Some(replies) = self.replies() {
            (replies.client, replies.pending) = (Some(client), Vec::new());
        }
    }

    /// Answers a command that cannot be read.
    fn refuse(&mut self) {
        let mut answer = if self.acknowledges() { b"+".to_vec() } else { Vec::new() };
        answer.extend(framed(MALFORMED));
        self.send(answer);
    }

    fn repeat(&mut self) {
        if let Some(replies) = self.replies() {
            let last = replies.last.clone();
            replies.send(last);
        }
    }

    fn send(&mut self, packet: Vec<u8>) {
        if let Some(replies) = self.replies() {
            replies.send(packet);
        }
    }

    fn replies(&mut self) -> Option<&mut Replies> {
        match &mut self.stub {
            Some(GdbStubStateMachine::Idle(stub)) => Some(stub.borrow_conn()),
            Some(GdbStubStateMachine::Running(stub)) => Some(stub.borrow_conn()),
            _ => None,
        }
    }

    fn acknowledges(&self) -> bool {
        self.agreed.no_acknowledgments.is_none()
    }

    /// Tells the client that the board has stopped.
    pub fn report(&mut self, target: &mut DebugTarget, reason: MultiThreadStopReason<u32>) -> RunRequest {
        self.stub = match self.stub.take() {
            Some(GdbStubStateMachine::Running(stub)) => {
                if let Some(thread) = stopped(&reason) {
                    self.agreed.note_stop(thread);
                }
                stub.report_stop(target, reason).ok()
            }
            other => other,
        };
        self.request()
    }

    /// True while the client waits for the board to stop.
    pub fn is_running(&self) -> bool {
        matches!(self.stub, Some(GdbStubStateMachine::Running(_)))
    }

    fn request(&self) -> RunRequest {
        match &self.stub {
            Some(GdbStubStateMachine::Running(_)) => RunRequest::Run,
            Some(GdbStubStateMachine::Idle(_) | GdbStubStateMachine::CtrlCInterrupt(_)) => RunRequest::Hold,
            Some(GdbStubStateMachine::Disconnected(_)) | None => RunRequest::Leave,
        }
    }
}

fn stub(client: Option<UnboundedSender<Vec<u8>>>, target: &mut DebugTarget) -> Option<Stub> {
    let stub = GdbStub::builder(Replies::new(client)).packet_buffer_size(PACKET_SIZE).build().ok()?;
    stub.run_state_machine(target).ok()
}

/// The thread whose stop this is.
fn stopped(reason: &MultiThreadStopReason<u32>) -> Option<Tid> {
    match reason {
        MultiThreadStopReason::SignalWithThread { tid, .. }
        | MultiThreadStopReason::SwBreak(tid)
        | MultiThreadStopReason::HwBreak(tid)
        | MultiThreadStopReason::Watch { tid, .. } => Some(*tid),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
