//! What a role works with while it is polled.

use smoltcp::time::Instant;

use crate::network::Network;
use crate::outbox::Outbox;
use crate::screen::Screen;

/// Everything outside of a role.
pub struct Stage<'a> {
    pub now: Instant,
    pub network: &'a mut Network,
    pub outbox: &'a mut Outbox,
    pub screen: &'a mut Screen,
    pub tally: &'a mut Tally,
}

/// What `status` counts, since the role was taken.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub messages: u32,
    pub received: u32,
    pub sent: u32,
    pub cut: bool,
}
