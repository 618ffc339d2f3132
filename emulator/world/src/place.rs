//! Properties of a board that differ from those of the others in its world: its address, and its random numbers.

/// Addresses that a chip derives from the one in its eFuses: station, access point, Bluetooth, Ethernet (ESP-IDF's
/// "Miscellaneous System APIs", section "MAC Address").
const ADDRESSES: u32 = 4;

/// The factory address of a board whose definition has `mac`: that one, or the next after those of the boards that are `present`.
pub(crate) fn mac(mac: [u8; 6], present: &[[u8; 6]]) -> [u8; 6] {
    let mut candidate = mac;
    while present.iter().any(|taken| overlap(*taken, candidate)) {
        candidate = add(candidate, ADDRESSES);
    }
    candidate
}

/// The seed of the board at a place: the first has that of the world.
pub(crate) fn seed(world: u64, place: usize) -> u64 {
    const GOLDEN_RATIO: u64 = 0x9E37_79B9_7F4A_7C15;
    world ^ (place as u64).wrapping_mul(GOLDEN_RATIO)
}

/// The address of the station that the chip can be.
pub(crate) fn station(mac: [u8; 6]) -> [u8; 6] {
    mac
}

/// The address of the chip's Ethernet.
pub(crate) fn ethernet(mac: [u8; 6]) -> [u8; 6] {
    add(mac, ADDRESSES - 1)
}

/// The addresses that a chip derives from the one in its eFuses.
pub(crate) fn addresses(mac: [u8; 6]) -> impl Iterator<Item = [u8; 6]> {
    (0..ADDRESSES).map(move |offset| add(mac, offset))
}

/// Adds to the half of an address that its owner gives out.
fn add(mac: [u8; 6], count: u32) -> [u8; 6] {
    let [a, b, c, d, e, f] = mac;
    let [_, d, e, f] = (u32::from_be_bytes([0, d, e, f]).wrapping_add(count)).to_be_bytes();
    [a, b, c, d, e, f]
}

fn overlap(one: [u8; 6], other: [u8; 6]) -> bool {
    addresses(one).any(|address| address == other) || addresses(other).any(|address| address == one)
}

#[cfg(test)]
mod tests {
    use super::{mac, seed};

    #[test]
    fn boards_of_one_kind_have_addresses_that_do_not_overlap() {
        let first = [0x24, 0x0A, 0xC4, 0x00, 0x01, 0xFE];
        assert_eq!(mac(first, &[]), first);
        let second = mac(first, &[first]);
        assert_eq!(second, [0x24, 0x0A, 0xC4, 0x00, 0x02, 0x02]);
        assert_eq!(mac(first, &[first, second]), [0x24, 0x0A, 0xC4, 0x00, 0x02, 0x06]);
        let near = [0x24, 0x0A, 0xC4, 0x00, 0x02, 0x00];
        assert_eq!(mac(near, &[first]), [0x24, 0x0A, 0xC4, 0x00, 0x02, 0x04], "within the four of the first");
        let other = [0x24, 0x0A, 0xC4, 0x12, 0x00, 0x00];
        assert_eq!(mac(other, &[first, second]), other);
    }

    #[test]
    fn the_first_board_has_the_seed_of_the_world() {
        assert_eq!(seed(7, 0), 7);
        assert_ne!(seed(7, 1), seed(7, 2));
    }
}
