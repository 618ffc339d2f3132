//! The virtual LAN of an emulated board.
