//! An Ethernet cable in memory.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use espalier_app::Nic;
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

pub const BOARD: [u8; 6] = [0x02, 0, 0, 0, 0, 1];
pub const PEER: [u8; 6] = [0x02, 0, 0, 0, 0, 2];

const MTU: usize = 1514;

type Frames = VecDeque<Vec<u8>>;

/// Both directions of the cable.
#[derive(Clone, Default)]
pub struct Cable(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    /// Frames to the board and to the peer.
    queues: [Frames; 2],
    out: bool,
    deaf: bool,
}

impl Cable {
    pub fn board(&self) -> Wire {
        Wire { cable: self.clone(), end: 0 }
    }

    pub fn peer(&self) -> Wire {
        Wire { cable: self.clone(), end: 1 }
    }

    /// Pulls the cable out or plugs it in.
    pub fn set_out(&self, out: bool) {
        self.0.borrow_mut().out = out;
    }

    /// Frames are lost although the link is up: the peer fell silent.
    pub fn set_deaf(&self, deaf: bool) {
        self.0.borrow_mut().deaf = deaf;
    }

    pub fn is_idle(&self) -> bool {
        self.0.borrow().queues.iter().all(VecDeque::is_empty)
    }
}

/// One end of the cable.
pub struct Wire {
    cable: Cable,
    end: usize,
}

impl Nic for Wire {
    fn address(&self) -> [u8; 6] {
        BOARD
    }

    fn link_up(&mut self) -> bool {
        !self.cable.0.borrow().out
    }
}

pub struct Received(Vec<u8>);

pub struct Sender {
    cable: Cable,
    to: usize,
}

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Sender {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let mut frame = vec![0; length];
        let result = f(&mut frame);
        let mut state = self.cable.0.borrow_mut();
        if !state.out && !state.deaf {
            state.queues[self.to].push_back(frame);
        }
        result
    }
}

impl Device for Wire {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sender;

    fn receive(&mut self, _: Instant) -> Option<(Received, Sender)> {
        let frame = self.cable.0.borrow_mut().queues[self.end].pop_front()?;
        Some((Received(frame), Sender { cable: self.cable.clone(), to: 1 - self.end }))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sender> {
        Some(Sender { cable: self.cable.clone(), to: 1 - self.end })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = MTU;
        capabilities
    }
}
