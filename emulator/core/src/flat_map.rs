//! A map that is a sorted vector: for a few entries, as hosts of a network or frames in flight are.
//!
//! It has the order of a `BTreeMap`, and its methods by their names. A tree is as fast for a few entries, but every pair of types
//! compiles a tree anew, and its clone and its drop in each crate that holds one: a network with twenty maps was half trees.

use crate::persist::{Damaged, Load, Persist, Reader, Writer};

/// Entries in the order of their keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlatMap<K, V> {
    entries: Vec<(K, V)>,
}

impl<K, V> Default for FlatMap<K, V> {
    fn default() -> FlatMap<K, V> {
        FlatMap::new()
    }
}

impl<K, V> FlatMap<K, V> {
    /// A map without entries.
    pub const fn new() -> FlatMap<K, V> {
        FlatMap { entries: Vec::new() }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All entries, by key.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + Clone {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// All entries, by key, their values to be changed.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (&K, &mut V)> {
        self.entries.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// All keys, in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + Clone {
        self.entries.iter().map(|(key, _)| key)
    }

    /// All values, in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + Clone {
        self.entries.iter().map(|(_, value)| value)
    }

    /// All values, in the order of their keys, to be changed.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> {
        self.entries.iter_mut().map(|(_, value)| value)
    }

    /// The entry with the lowest key.
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.entries.first().map(|(key, value)| (key, value))
    }

    /// Takes the entry with the lowest key.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        if self.entries.is_empty() { None } else { Some(self.entries.remove(0)) }
    }

    /// Leaves no entry.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Keeps the entries that `keep` wants.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.entries.retain_mut(|(key, value)| keep(key, value));
    }
}

impl<K: Ord, V> FlatMap<K, V> {
    /// Where `key` is, or where it belongs.
    fn place(&self, key: &K) -> Result<usize, usize> {
        self.entries.binary_search_by(|(known, _)| known.cmp(key))
    }

    /// The value of `key`.
    pub fn get(&self, key: &K) -> Option<&V> {
        let place = self.place(key).ok()?;
        Some(&self.entries[place].1)
    }

    /// The value of `key`, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let place = self.place(key).ok()?;
        Some(&mut self.entries[place].1)
    }

    /// Whether `key` has a value.
    pub fn contains_key(&self, key: &K) -> bool {
        self.place(key).is_ok()
    }

    /// Gives `key` a value, and returns the one that it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.place(&key) {
            Ok(place) => Some(std::mem::replace(&mut self.entries[place].1, value)),
            Err(place) => {
                self.entries.insert(place, (key, value));
                None
            }
        }
    }

    /// The value of `key`, to be changed: the default if it had none.
    pub fn get_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let place = match self.place(&key) {
            Ok(place) => place,
            Err(place) => {
                self.entries.insert(place, (key, V::default()));
                place
            }
        };
        &mut self.entries[place].1
    }

    /// Takes the value of `key`.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let place = self.place(key).ok()?;
        Some(self.entries.remove(place).1)
    }
}

/// Entries in any order; of those with one key the last one counts.
impl<K: Ord, V> FromIterator<(K, V)> for FlatMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> FlatMap<K, V> {
        let mut map = FlatMap::new();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

impl<K: Load + Ord, V: Load> Persist for FlatMap<K, V> {
    fn save(&self, to: &mut Writer) {
        to.length(self.len());
        for (key, value) in &self.entries {
            key.save(to);
            value.save(to);
        }
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        *self = Self::load(from)?;
        Ok(())
    }
}

impl<K: Load + Ord, V: Load> Load for FlatMap<K, V> {
    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let count = from.length()?;
        let mut map = FlatMap::new();
        for _ in 0..count {
            let key = K::load(from)?;
            map.insert(key, V::load(from)?);
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::any;
    use proptest::{collection, proptest};

    use super::FlatMap;
    use crate::persist::{Load, Persist, Reader, Writer};

    proptest! {
        /// Any insertions and removals leave what a `BTreeMap` would have, in its order.
        #[test]
        fn it_is_the_map_that_a_tree_is(changes in collection::vec((any::<bool>(), 0_u8..16, any::<u8>()), 0..64)) {
            let (mut flat, mut tree) = (FlatMap::new(), BTreeMap::new());
            for (inserts, key, value) in changes {
                if inserts {
                    assert_eq!(flat.insert(key, value), tree.insert(key, value));
                } else {
                    assert_eq!(flat.remove(&key), tree.remove(&key));
                }
                assert!(flat.iter().eq(&tree));
                assert_eq!(flat.len(), tree.len());
                assert_eq!(flat.first_key_value(), tree.first_key_value());
                assert_eq!((flat.get(&key), flat.contains_key(&key)), (tree.get(&key), tree.contains_key(&key)));
                assert_eq!(flat.get_mut(&key), tree.get_mut(&key));
            }
            flat.retain(|key, _| key % 2 == 0);
            tree.retain(|key, _| key % 2 == 0);
            assert!(flat.keys().eq(tree.keys()) && flat.values().eq(tree.values()));
            let mut bytes = Writer::new();
            flat.save(&mut bytes);
            let bytes = bytes.into_bytes();
            assert_eq!(FlatMap::load(&mut Reader::new(&bytes)).unwrap(), flat);
            assert_eq!(tree.iter().rev().map(|(key, value)| (*key, *value)).collect::<FlatMap<_, _>>(), flat);
            *flat.get_or_default(3) ^= 1;
            *tree.entry(3).or_default() ^= 1;
            assert!(flat.iter().eq(&tree));
            assert_eq!(flat.pop_first(), tree.pop_first());
            flat.clear();
            assert_eq!(flat, FlatMap::new());
        }
    }
}
