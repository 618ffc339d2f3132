//! The chip's own Ethernet MAC, Synopsys' DesignWare core for 10 and 100 Mbit/s (ESP32 TRM, chapter "Ethernet Media Access Controller").
//!
//! Three blocks: [`EmacDma`] with its two lists of descriptors, the MAC proper, [`Emac`], with the management bus of the PHY, and
//! Espressif's clocks and modes around it ([`emac_ext`]). The wiring takes what is to be sent and hands over what arrives; the time that a
//! frame spends on the wire is the business of the network behind. Frames enter and leave without their frame check sequence; towards
//! memory it is there, as the core has it.

mod checksum;
mod descriptor;
mod dma;
mod ext;
mod filter;
mod mac;
mod receive;
#[cfg(test)]
mod tests;
mod transmit;

pub use dma::EmacDma;
pub use ext::emac_ext;
pub use mac::Emac;
