//! The tutorial's TCP client and server, portable.
