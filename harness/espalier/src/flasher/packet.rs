//! The packets of the serial protocol (ESP-IDF "Serial Protocol"), as far as the harness itself has to know them.

use espalier_core::Span;

/// Delimits the packets of the serial protocol (RFC 1055; ESP-IDF "Serial Protocol", "Low Level Protocol").
pub(super) const SLIP_END: u8 = 0xC0;
/// The board has finished its answer when nothing came for so long.
pub(super) const SILENCE: Span = Span::from_millis(2);

/// The packet of SYNC (ESP-IDF "Serial Protocol", "Commands").
pub(super) fn sync_request() -> Vec<u8> {
    let mut packet = Vec::new();
    espflash::command::Command::Sync.write(&mut packet).expect("a vector takes everything");
    let mut framed = vec![SLIP_END];
    // None of its bytes needs an escape.
    framed.append(&mut packet);
    framed.push(SLIP_END);
    framed
}

#[cfg(test)]
mod tests {
    use super::sync_request;

    /// ESP-IDF "Serial Protocol": SYNC has 36 bytes of data.
    #[test]
    fn sync_needs_no_escapes() {
        let request = sync_request();
        assert_eq!(request.len(), 46);
        assert_eq!(request.iter().filter(|byte| matches!(byte, 0xC0 | 0xDB)).count(), 2);
    }
}
