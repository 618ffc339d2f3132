//! The register pointer of targets whose registers are bytes: the first byte that is written after a start chooses a register,
//! and each further byte, in either direction, moves on to the next.

/// Where the next byte goes, or comes from.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RegisterPointer {
    register: u8,
    /// The next byte that is written chooses the register.
    choosing: bool,
}

espalier_core::persist!(value RegisterPointer { register, choosing });

impl RegisterPointer {
    /// A start condition. Reading goes on where the pointer stands.
    pub fn start(&mut self, read: bool) {
        self.choosing = !read;
    }

    /// A byte was written; returns the register that it goes to, unless it has chosen one.
    pub fn written(&mut self, byte: u8) -> Option<u8> {
        if std::mem::take(&mut self.choosing) {
            self.register = byte;
            return None;
        }
        Some(self.next())
    }

    /// The register to go on with, and from there to the next.
    pub fn next(&mut self) -> u8 {
        let register = self.register;
        self.register = register.wrapping_add(1);
        register
    }
}
