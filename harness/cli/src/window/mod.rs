//! The OLED in a window of its own.
//!
//! SDL is a system library, so the window is behind the feature `window`, and the command explains itself without it.

#[cfg(not(feature = "window"))]
mod absent;
#[cfg(feature = "window")]
mod sdl;

#[cfg(not(feature = "window"))]
pub use absent::Window;
#[cfg(feature = "window")]
pub use sdl::Window;
