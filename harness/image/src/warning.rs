//! Defects of an image that do not keep the chip's ROM from starting it.
//!
//! The ROM loads what lies at 0x1000 and looks at nothing else, so all that comes later may be missing or damaged: a test of an
//! update that went wrong needs just that. By mistake, it makes a board that resets for ever and prints nothing.

/// A warning about an image, with its effect on the board. Every message names the file and the value.
///
/// ```
/// use espalier_image::ImageWarning;
///
/// let warning = ImageWarning::NoPartitionTable { name: "app.bin".to_owned(), at: 0x1000 };
/// assert!(warning.to_string().starts_with("app.bin has no partition table"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageWarning {
    /// The digest behind the bootloader is that of other bytes.
    #[error(
        "{name}: the SHA-256 digest of the bootloader is stale, as tools leave it that patch the header; the chip's ROM does \
         not look at it"
    )]
    StaleDigest {
        /// The file.
        name: String,
    },
    /// There is no partition table.
    #[error(
        "{name} has no partition table; the chip's ROM starts what lies at {at:#x} alone, and a bootloader of ESP-IDF needs a \
         table"
    )]
    NoPartitionTable {
        /// The file.
        name: String,
        /// Where the image that the ROM starts begins in flash.
        at: u32,
    },
    /// No partition has an application in it.
    #[error("{name} has no application: {reason}; the bootloader will find nothing to start")]
    NoApplication {
        /// The file.
        name: String,
        /// The reason for its absence.
        reason: String,
    },
    /// The application that the bootloader starts is damaged.
    #[error("{problem}; a bootloader that checks it will not start it")]
    DamagedApplication {
        /// The fault, and its file.
        problem: String,
    },
    /// The application is longer than its partition.
    #[error(
        "{name}: the application in partition {label:?} has {length} bytes and the partition {size}; the bootloader will not \
         start it, give the partition more room or make the application smaller"
    )]
    ApplicationTooLarge {
        /// The file.
        name: String,
        /// The partition.
        label: String,
        /// Length of the application in bytes.
        length: u64,
        /// Length of the partition in bytes.
        size: u64,
    },
    /// A partition ends behind the flash chip.
    #[error(
        "{name}: partition {label:?} ends at {end:#x}, and {chip} ends at {limit:#x}; the bootloader will reset for ever, choose \
         a board with more flash or write the size into the header (esptool's --flash-size)"
    )]
    BeyondFlash {
        /// The file.
        name: String,
        /// The partition.
        label: String,
        /// Where it ends in flash.
        end: u64,
        /// The smaller size: that of the board's flash chip, or that in the bootloader's header.
        chip: String,
        /// Where that ends.
        limit: u64,
    },
}

espalier_core::persist! {
    enum ImageWarning {
        StaleDigest { name },
        NoPartitionTable { name, at },
        NoApplication { name, reason },
        DamagedApplication { problem },
        ApplicationTooLarge { name, label, length, size },
        BeyondFlash { name, label, end, chip, limit },
    }
}
