//! Addresses of stations and networks.

/// A 48-bit MAC address (9.2.4.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress(pub [u8; 6]);

espalier_core::persist!(value MacAddress(value));

impl MacAddress {
    /// All stations.
    pub const BROADCAST: MacAddress = MacAddress([0xFF; 6]);

    /// True for broadcast and multicast addresses.
    pub fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// The first six bytes of `bytes`.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<MacAddress> {
        Some(MacAddress(bytes.get(..6)?.try_into().ok()?))
    }
}

impl std::fmt::Display for MacAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}
