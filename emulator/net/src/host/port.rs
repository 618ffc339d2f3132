//! The network device that a peer's stack believes to have.

use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

use crate::fault::Frame;

/// Longest frame, frame check sequence not counted.
const MTU: usize = 1514;

/// Holds one frame that comes in and those that go out.
#[derive(Debug, Default)]
pub(super) struct Port {
    pub(super) incoming: Option<Frame>,
    pub(super) outgoing: Vec<Frame>,
}

pub(super) struct Incoming(Frame);
pub(super) struct Outgoing<'a>(&'a mut Vec<Frame>);

impl Device for Port {
    type RxToken<'a> = Incoming;
    type TxToken<'a> = Outgoing<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Incoming, Outgoing<'_>)> {
        self.incoming.take().map(|frame| (Incoming(frame), Outgoing(&mut self.outgoing)))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Outgoing<'_>> {
        Some(Outgoing(&mut self.outgoing))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = MTU;
        capabilities
    }
}

impl RxToken for Incoming {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let mut bytes = vec![0; length];
        let result = f(&mut bytes);
        self.0.push(bytes.into());
        result
    }
}
