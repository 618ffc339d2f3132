//! Values that hold others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::{Damaged, Load, Persist, Reader, Writer};

impl<T: Persist, const N: usize> Persist for [T; N] {
    fn save(&self, to: &mut Writer) {
        T::save_all(self, to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        T::restore_all(self, from)
    }
}

impl<T: Load, const N: usize> Load for [T; N] {
    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        T::load_all(N, from)?.try_into().map_err(|_| from.damaged("ends early"))
    }
}

/// A fixed set, restored in place.
impl<T: Persist> Persist for Box<[T]> {
    fn save(&self, to: &mut Writer) {
        to.length(self.len());
        T::save_all(self, to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        from.fixed_length(self.len())?;
        T::restore_all(self, from)
    }
}

impl<T: Persist> Persist for Box<T> {
    fn save(&self, to: &mut Writer) {
        (**self).save(to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        (**self).restore(from)
    }
}

impl<T: Load> Load for Box<T> {
    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        T::load(from).map(Box::new)
    }
}

/// Shares nothing after it was restored.
impl<T: Load> Persist for Arc<T> {
    fn save(&self, to: &mut Writer) {
        (**self).save(to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        *self = Self::load(from)?;
        Ok(())
    }
}

impl<T: Load> Load for Arc<T> {
    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        T::load(from).map(Arc::new)
    }
}

/// A run of bytes that is shared until it is spoilt, such as a frame.
impl Persist for Arc<[u8]> {
    fn save(&self, to: &mut Writer) {
        to.length(self.len());
        to.bytes(self);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        *self = Self::load(from)?;
        Ok(())
    }
}

impl Load for Arc<[u8]> {
    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let count = from.length()?;
        Ok(from.bytes(count)?.into())
    }
}

/// Implements [`Persist`] for collections, one element after the other.
macro_rules! collections {
    ($($collection:ident<$($element:ident: $($bound:ident)+ = $name:ident),*>;)*) => {$(
        impl<$($element: Load $(+ $bound)+),*> Persist for $collection<$($element),*> {
            fn save(&self, to: &mut Writer) {
                to.length(self.len());
                for element in self {
                    collections!(@save element to $($element)*);
                }
            }

            fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
                *self = Self::load(from)?;
                Ok(())
            }
        }

        impl<$($element: Load $(+ $bound)+),*> Load for $collection<$($element),*> {
            fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
                let count = from.length()?;
                let mut collection = Self::new();
                for _ in 0..count {
                    // Collecting them would compile a sort and the building of a tree for each type: a fifth of all code of a crate
                    // with twenty maps. They come in order as it is.
                    $(let $name = $element::load(from)?;)*
                    collection.insert($($name),*);
                }
                Ok(collection)
            }
        }
    )*};
    (@save $element:ident $to:ident $one:ident) => { $element.save($to); };
    (@save $element:ident $to:ident $key:ident $value:ident) => {
        $element.0.save($to);
        $element.1.save($to);
    };
}

collections! {
    BTreeMap<K: Ord = key, V: Sized = value>;
    BTreeSet<T: Ord = value>;
}

impl<T: Load> Persist for Vec<T> {
    fn save(&self, to: &mut Writer) {
        to.length(self.len());
        T::save_all(self, to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        *self = Self::load(from)?;
        Ok(())
    }
}

impl<T: Load> Load for Vec<T> {
    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let count = from.length()?;
        T::load_all(count, from)
    }
}

impl<T: Load> Persist for VecDeque<T> {
    fn save(&self, to: &mut Writer) {
        to.length(self.len());
        let (front, back) = self.as_slices();
        T::save_all(front, to);
        T::save_all(back, to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        *self = Self::load(from)?;
        Ok(())
    }
}

impl<T: Load> Load for VecDeque<T> {
    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        Vec::load(from).map(VecDeque::from)
    }
}

impl Persist for String {
    fn save(&self, to: &mut Writer) {
        to.length(self.len());
        to.bytes(self.as_bytes());
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        *self = Self::load(from)?;
        Ok(())
    }
}

impl Load for String {
    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        String::from_utf8(Vec::load(from)?).map_err(|_| from.damaged("a text is not UTF-8"))
    }
}

impl<T: Load> Persist for Option<T> {
    fn save(&self, to: &mut Writer) {
        self.is_some().save(to);
        if let Some(value) = self {
            value.save(to);
        }
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        *self = Self::load(from)?;
        Ok(())
    }
}

impl<T: Load> Load for Option<T> {
    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        bool::load(from)?.then(|| T::load(from)).transpose()
    }
}
