//! Numbers and other values of a fixed width.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::RangeInclusive;

use super::{Damaged, Load, Persist, Reader, Writer};

macro_rules! little_endian {
    ($($number:ty),*) => {$(
        impl Persist for $number {
            fn save(&self, to: &mut Writer) {
                to.bytes(&self.to_le_bytes());
            }

            fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
                *self = Self::load(from)?;
                Ok(())
            }
        }

        impl Load for $number {
            fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
                let (bytes, _) = from.bytes(size_of::<$number>())?.as_chunks();
                Ok(Self::from_le_bytes(bytes[0]))
            }
        }
    )*};
}

little_endian!(i8, u16, i16, u32, i32, u64, i64, u128, f32, f64);

/// Values that are written as another.
macro_rules! written_as {
    ($($kind:ty: $value:ident => $write:expr, $raw:ident: $written:ty => $read:expr, $what:literal;)*) => {$(
        impl Persist for $kind {
            fn save(&self, to: &mut Writer) {
                let $value = *self;
                let written: $written = $write;
                written.save(to);
            }

            fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
                *self = Self::load(from)?;
                Ok(())
            }
        }

        impl Load for $kind {
            fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
                let $raw = <$written>::load(from)?;
                let read: Option<$kind> = $read;
                read.ok_or_else(|| from.damaged($what))
            }
        }
    )*};
}

written_as! {
    bool: value => u8::from(value), raw: u8 => (raw <= 1).then_some(raw == 1), "a flag is neither 0 nor 1";
    usize: value => value as u64, raw: u64 => usize::try_from(raw).ok(), "a number is too large";
    char: value => u32::from(value), raw: u32 => char::from_u32(raw), "a character is none";
    Ipv4Addr: value => u32::from(value), raw: u32 => Some(Ipv4Addr::from(raw)), "";
    SocketAddrV4: value => (*value.ip(), value.port()), raw: (Ipv4Addr, u16) => Some(SocketAddrV4::new(raw.0, raw.1)), "";
}

/// Bytes are most of a snapshot, so many are copied at once.
impl Persist for u8 {
    fn save(&self, to: &mut Writer) {
        to.bytes(&[*self]);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        *self = Self::load(from)?;
        Ok(())
    }

    fn save_all(values: &[u8], to: &mut Writer) {
        to.bytes(values);
    }

    fn restore_all(values: &mut [u8], from: &mut Reader<'_>) -> Result<(), Damaged> {
        values.copy_from_slice(from.bytes(values.len())?);
        Ok(())
    }
}

impl Load for u8 {
    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(from.bytes(1)?[0])
    }

    fn load_all(count: usize, from: &mut Reader<'_>) -> Result<Vec<u8>, Damaged> {
        Ok(from.bytes(count)?.to_vec())
    }
}

impl Persist for () {
    fn save(&self, _to: &mut Writer) {}

    fn restore(&mut self, _from: &mut Reader<'_>) -> Result<(), Damaged> {
        Ok(())
    }
}

impl Load for () {
    fn load(_from: &mut Reader<'_>) -> Result<(), Damaged> {
        Ok(())
    }
}

macro_rules! tuples {
    ($(($($name:ident)*))*) => {$(
        impl<$($name: Persist),*> Persist for ($($name,)*) {
            #[expect(non_snake_case, reason = "the names of the types stand for their values")]
            fn save(&self, to: &mut Writer) {
                let ($($name,)*) = self;
                $($name.save(to);)*
            }

            #[expect(non_snake_case, reason = "the names of the types stand for their values")]
            fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
                let ($($name,)*) = self;
                $($name.restore(from)?;)*
                Ok(())
            }
        }

        impl<$($name: Load),*> Load for ($($name,)*) {
            fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
                Ok(($($name::load(from)?,)*))
            }
        }
    )*};
}

tuples! { (A B) (A B C) (A B C D) }

impl<T: Load> Persist for RangeInclusive<T> {
    fn save(&self, to: &mut Writer) {
        self.start().save(to);
        self.end().save(to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        *self = Self::load(from)?;
        Ok(())
    }
}

impl<T: Load> Load for RangeInclusive<T> {
    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(RangeInclusive::new(T::load(from)?, T::load(from)?))
    }
}
