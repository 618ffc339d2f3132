//! Frames as the LAN, the air and the boards pass them on.

use std::sync::Arc;

/// The bytes of a frame without its frame check sequence, shared by all its holders, so that none of them copies it.
pub type SharedFrame = Arc<Vec<u8>>;
