//! Places at which translated code counts.

use crate::address_map::AddressMap;

/// Counts of ways through translated code. Each place stands for what such a way executes, of which something may be on several ways.
#[derive(Debug)]
pub(crate) struct Paths<T> {
    /// All that is on the ways, one way after the other, and where each one ends.
    items: Vec<T>,
    ends: Vec<u32>,
    executions: Vec<u64>,
    /// The last way with a hash: code that is translated again counts where it did.
    by_hash: AddressMap<u32>,
}

/// There are no ways.
impl<T> Default for Paths<T> {
    fn default() -> Paths<T> {
        Paths { items: Vec::new(), ends: Vec::new(), executions: Vec::new(), by_hash: AddressMap::default() }
    }
}

impl<T: Copy + Into<u64> + PartialEq> Paths<T> {
    /// The place of a way in [`executions`](Paths::executions), or none if nothing is on it.
    pub fn place(&mut self, items: impl IntoIterator<Item = T>) -> Option<u32> {
        let before = self.items.len();
        self.items.extend(items);
        if self.items.len() == before {
            return None;
        }
        // 2^64 divided by the golden ratio.
        const RATIO: u64 = 0x9E37_79B9_7F4A_7C15;
        let hash = self.items[before..]
            .iter()
            .fold(0, |hash: u64, item| (hash.rotate_left(26) ^ (*item).into()).wrapping_mul(RATIO));
        let place = self.executions.len() as u32;
        let known = self.by_hash.insert((hash >> 32) as u32, place);
        if let Some(known) = known.filter(|known| self.way(*known) == &self.items[before..]) {
            self.by_hash.insert((hash >> 32) as u32, known);
            self.items.truncate(before);
            return Some(known);
        }
        self.ends.push(self.items.len() as u32);
        self.executions.push(0);
        Some(place)
    }

    fn way(&self, place: u32) -> &[T] {
        let place = place as usize;
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        &self.items[start as usize..self.ends[place] as usize]
    }

    /// The counts, for code that knows its places.
    pub fn executions(&mut self) -> &mut [u64] {
        &mut self.executions
    }

    /// All that was executed, with the number of executions; it comes once for each way that it is on.
    pub fn each(&self) -> impl Iterator<Item = (T, u64)> {
        // Most ways are not gone by most forks.
        let gone = self.executions.iter().enumerate().filter(|(_, count)| **count > 0);
        gone.flat_map(|(place, count)| self.way(place as u32).iter().map(|item| (*item, *count)))
    }
}

#[cfg(test)]
mod tests {
    use super::Paths;

    #[test]
    fn a_way_has_one_place() {
        let mut paths = Paths::<u32>::default();
        assert_eq!(paths.place([]), None);
        let ways = [&[1, 2][..], &[2, 1], &[1], &[1, 2, 0]];
        let places = ways.map(|way| paths.place(way.iter().copied()));
        assert_eq!(places, [Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!(ways.map(|way| paths.place(way.iter().copied())), places);
        paths.executions().copy_from_slice(&[5, 0, 7, 1]);
        assert_eq!(paths.each().collect::<Vec<_>>(), [(1, 5), (2, 5), (1, 7), (1, 1), (2, 1), (0, 1)]);
    }
}
