//! What software touched that the model does not have.

use std::collections::BTreeMap;

/// Accesses to one register, or one address, that is not modelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmodelledAccess {
    /// Name of the block in the memory map; `None` where there is no block.
    pub block: Option<&'static str>,
    pub address: u32,
    pub write: bool,
    /// Core that made the first of these accesses.
    pub core: usize,
    /// Where that core was: the start of the block of code that made the access.
    pub pc: u32,
    /// Value that the first access wrote.
    pub value: u32,
    pub count: u64,
}

impl std::fmt::Display for UnmodelledAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (verb, block) = (if self.write { "write to" } else { "read of" }, self.block.unwrap_or("unmapped memory"));
        write!(f, "{verb} {block} at {:#010x}", self.address)?;
        if self.write {
            write!(f, " (value {:#x})", self.value)?;
        }
        write!(f, " by core {} in the code at {:#010x}, {} time(s)", self.core, self.pc, self.count)
    }
}

/// The log of all such accesses since power-on.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnmodelledLog {
    accesses: BTreeMap<(u32, bool), UnmodelledAccess>,
    /// The latest entry that nobody has been told of.
    fresh: Option<(u32, bool)>,
}

/// Who makes an access.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub core: usize,
    /// Start of the block of code that the core executes.
    pub pc: u32,
}

impl UnmodelledLog {
    /// Counts an access. Returns true if it is the first of its kind.
    pub fn record(&mut self, block: Option<&'static str>, address: u32, write: Option<u32>, origin: Origin) -> bool {
        let key = (address, write.is_some());
        if let Some(access) = self.accesses.get_mut(&key) {
            access.count += 1;
            return false;
        }
        let value = write.unwrap_or(0);
        self.accesses.insert(
            key,
            UnmodelledAccess {
                block,
                address,
                write: write.is_some(),
                core: origin.core,
                pc: origin.pc,
                value,
                count: 1,
            },
        );
        self.fresh = Some(key);
        true
    }

    /// Takes the latest new entry.
    pub fn take_fresh(&mut self) -> Option<UnmodelledAccess> {
        self.accesses.get(&self.fresh.take()?).cloned()
    }

    pub fn iter(&self) -> impl Iterator<Item = &UnmodelledAccess> {
        self.accesses.values()
    }
}

#[cfg(test)]
mod tests {
    use super::{Origin, UnmodelledLog};

    #[test]
    fn an_access_is_logged_once_and_counted_after_that() {
        let mut log = UnmodelledLog::default();
        assert!(log.record(Some("RMT"), 0x3FF5_6000, Some(7), Origin { core: 1, pc: 0x4008_1234 }));
        assert!(log.take_fresh().is_some());
        assert!(!log.record(Some("RMT"), 0x3FF5_6000, Some(8), Origin { core: 0, pc: 0x4009_0000 }));
        assert!(log.take_fresh().is_none());
        let all: Vec<_> = log.iter().collect();
        assert_eq!((all.len(), all[0].count, all[0].value), (1, 2, 7));
        assert_eq!(
            all[0].to_string(),
            "write to RMT at 0x3ff56000 (value 0x7) by core 1 in the code at 0x40081234, 2 time(s)"
        );
    }
}
