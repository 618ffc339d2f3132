//! The lines that make a type part of a snapshot.

/// Makes types part of a snapshot from the names of their fields. A field that is not named does not compile.
///
/// - `value Name { field, ... }` and `value Name(field, ...)`: plain data, [`Persist`](crate::Persist) and [`Load`](crate::Load).
/// - `enum Name { Unit, Tuple(a, b), Record { c } }`: the same for an enum; at most 256 variants.
/// - `state Name { field, ... } fixed { field, ... }`: restored in place. What is `fixed` belongs to the configuration, or is worked
///   out from the rest, and stays as it is.
///
/// `if path` behind a `value` or a `state` names a function `fn(&Name) -> bool` that says whether the invariants of the type hold.
///
/// ```
/// use espalier_core::{Load, Persist, Reader, Writer, persist};
///
/// #[derive(Debug, PartialEq)]
/// enum Phase {
///     Idle,
///     Busy { until: u64 },
/// }
///
/// struct Block {
///     number: usize,
///     phase: Phase,
/// }
///
/// persist! {
///     enum Phase { Idle, Busy { until } }
///     state Block { phase } fixed { number }
/// }
///
/// let mut to = Writer::new();
/// Block { number: 1, phase: Phase::Busy { until: 7 } }.save(&mut to);
/// let bytes = to.into_bytes();
/// let mut block = Block { number: 1, phase: Phase::Idle };
/// block.restore(&mut Reader::new(&bytes)).unwrap();
/// assert_eq!(block.phase, Phase::Busy { until: 7 });
/// assert_eq!(block.number, 1);
/// ```
#[macro_export]
macro_rules! persist {
    () => {};
    (value $name:ident { $($field:ident),* $(,)? } $(if $check:path)?; $($rest:tt)*) => {
        $crate::persist!(@value $name { $($field),* } [$($check)?]);
        $crate::persist!($($rest)*);
    };
    (value $name:ident { $($field:ident),* $(,)? } $($rest:tt)*) => {
        $crate::persist!(@value $name { $($field),* } []);
        $crate::persist!($($rest)*);
    };
    (value $name:ident ( $($field:ident),* ) $($rest:tt)*) => {
        impl $crate::Persist for $name {
            fn save(&self, to: &mut $crate::Writer) {
                let $name($($field),*) = self;
                $($crate::Persist::save($field, to);)*
            }

            fn restore(&mut self, from: &mut $crate::Reader<'_>) -> Result<(), $crate::Damaged> {
                *self = <Self as $crate::Load>::load(from)?;
                Ok(())
            }
        }

        impl $crate::Load for $name {
            fn load(from: &mut $crate::Reader<'_>) -> Result<Self, $crate::Damaged> {
                $(let $field = $crate::Load::load(from)?;)*
                Ok($name($($field),*))
            }
        }

        $crate::persist!($($rest)*);
    };
    (@value $name:ident { $($field:ident),* } [$($check:path)?]) => {
        impl $crate::Persist for $name {
            fn save(&self, to: &mut $crate::Writer) {
                let $name { $($field),* } = self;
                $($crate::Persist::save($field, to);)*
            }

            fn restore(&mut self, from: &mut $crate::Reader<'_>) -> Result<(), $crate::Damaged> {
                *self = <Self as $crate::Load>::load(from)?;
                Ok(())
            }
        }

        impl $crate::Load for $name {
            fn load(from: &mut $crate::Reader<'_>) -> Result<Self, $crate::Damaged> {
                $(let $field = $crate::Load::load(from)?;)*
                let value = $name { $($field),* };
                $(
                    if !$check(&value) {
                        return Err(from.damaged(concat!("no possible ", stringify!($name))));
                    }
                )?
                Ok(value)
            }
        }
    };
    (enum $name:ident {
        $($variant:ident $(( $($inner:ident),* ))? $({ $($field:ident),* $(,)? })?),* $(,)?
    } $($rest:tt)*) => {
        impl $crate::Persist for $name {
            fn save(&self, to: &mut $crate::Writer) {
                const NAMES: &[&str] = &[$(stringify!($variant)),*];
                match self {
                    $($name::$variant $(( $($inner),* ))? $({ $($field),* })? => {
                        const TAG: u8 = $crate::persist_tag(NAMES, stringify!($variant));
                        to.bytes(&[TAG]);
                        $($($crate::Persist::save($inner, to);)*)?
                        $($($crate::Persist::save($field, to);)*)?
                    })*
                }
            }

            fn restore(&mut self, from: &mut $crate::Reader<'_>) -> Result<(), $crate::Damaged> {
                *self = <Self as $crate::Load>::load(from)?;
                Ok(())
            }
        }

        impl $crate::Load for $name {
            fn load(from: &mut $crate::Reader<'_>) -> Result<Self, $crate::Damaged> {
                const NAMES: &[&str] = &[$(stringify!($variant)),*];
                let tag = from.bytes(1)?[0];
                $({
                    const TAG: u8 = $crate::persist_tag(NAMES, stringify!($variant));
                    if tag == TAG {
                        $($(let $inner = $crate::Load::load(from)?;)*)?
                        $($(let $field = $crate::Load::load(from)?;)*)?
                        return Ok($name::$variant $(( $($inner),* ))? $({ $($field),* })?);
                    }
                })*
                Err(from.damaged(concat!("no possible ", stringify!($name))))
            }
        }

        $crate::persist!($($rest)*);
    };
    (state $name:ident { $($field:ident),* $(,)? } fixed { $($fixed:ident),* $(,)? } if $check:path; $($rest:tt)*) => {
        $crate::persist!(@state $name { $($field),* } { $($fixed),* } [$check]);
        $crate::persist!($($rest)*);
    };
    (state $name:ident { $($field:ident),* $(,)? } if $check:path; $($rest:tt)*) => {
        $crate::persist!(@state $name { $($field),* } {} [$check]);
        $crate::persist!($($rest)*);
    };
    (state $name:ident { $($field:ident),* $(,)? } fixed { $($fixed:ident),* $(,)? } $($rest:tt)*) => {
        $crate::persist!(@state $name { $($field),* } { $($fixed),* } []);
        $crate::persist!($($rest)*);
    };
    (state $name:ident { $($field:ident),* $(,)? } $($rest:tt)*) => {
        $crate::persist!(@state $name { $($field),* } {} []);
        $crate::persist!($($rest)*);
    };
    (@state $name:ident { $($field:ident),* } { $($fixed:ident),* } [$($check:path)?]) => {
        impl $crate::Persist for $name {
            fn save(&self, to: &mut $crate::Writer) {
                let $name { $($field,)* $($fixed: _),* } = self;
                $($crate::Persist::save($field, to);)*
            }

            fn restore(&mut self, from: &mut $crate::Reader<'_>) -> Result<(), $crate::Damaged> {
                let $name { $($field,)* $($fixed: _),* } = self;
                $($crate::Persist::restore($field, from)?;)*
                $(
                    if !$check(self) {
                        return Err(from.damaged(concat!("no possible ", stringify!($name))));
                    }
                )?
                Ok(())
            }
        }
    };
}

/// The number by which a snapshot names a variant: its place among `names`. For [`persist!`](crate::persist).
#[doc(hidden)]
pub const fn persist_tag(names: &[&str], name: &str) -> u8 {
    assert!(names.len() <= 256, "too many variants for a byte");
    let name = name.as_bytes();
    let mut place = 0;
    while place < names.len() {
        let other = names[place].as_bytes();
        let mut same = other.len() == name.len();
        let mut at = 0;
        while same && at < name.len() {
            same = other[at] == name[at];
            at += 1;
        }
        if same {
            return place as u8;
        }
        place += 1;
    }
    panic!("no such variant")
}
