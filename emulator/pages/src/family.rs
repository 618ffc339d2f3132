//! Bounds on what a memory and its clones take from the host.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The most that a memory and its clones take from the host at a time; beyond that, clones are whole copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Images, each of which has a file descriptor. A process may have 1024 by default (getrlimit(2), `RLIMIT_NOFILE`).
    pub images: usize,
    /// Memories that map an image. A process may have 65,530 mappings by default (proc_sys_vm(5), `max_map_count`).
    pub mappings: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { images: 8, mappings: 12_000 }
    }
}

/// The count of a memory and its clones.
#[derive(Clone, Debug)]
pub(crate) struct Family(Arc<Taken>);

#[derive(Debug)]
struct Taken {
    limits: Limits,
    images: AtomicUsize,
    mappings: AtomicUsize,
}

/// Kinds of what is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Image,
    Mapping,
}

/// The right to one of them, as long as it lives.
#[derive(Debug)]
pub(crate) struct Permit {
    family: Family,
    kind: Kind,
}

impl Family {
    pub(crate) fn new(limits: Limits) -> Family {
        Family(Arc::new(Taken { limits, images: AtomicUsize::new(0), mappings: AtomicUsize::new(0) }))
    }

    fn count(&self, kind: Kind) -> (&AtomicUsize, usize) {
        let Taken { limits, images, mappings } = &*self.0;
        match kind {
            Kind::Image => (images, limits.images),
            Kind::Mapping => (mappings, limits.mappings),
        }
    }

    /// None if there are as many as there may be.
    pub(crate) fn permit(&self, kind: Kind) -> Option<Permit> {
        let (count, most) = self.count(kind);
        let more = |taken: usize| (taken < most).then_some(taken + 1);
        count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Permit { family: self.clone(), kind })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.family.count(self.kind).0.fetch_sub(1, Ordering::Relaxed);
    }
}
