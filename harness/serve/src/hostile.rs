//! Bytes of clients, given straight to the code that reads them: what fuzzers call, without sockets.

/// A session of GDB.
pub fn gdb(input: &[u8]) {
    crate::gdb::converse(input);
}

/// A client of QMP, before its commands reach a board.
pub fn qmp(input: &[u8]) {
    crate::qmp::read(input);
}

/// A client of RFC 2217, and one of TELNET.
pub fn telnet(input: &[u8]) {
    crate::ports::read(input);
    crate::stream::read(input);
}

/// A browser's request.
pub fn http(input: &[u8]) {
    crate::http::read_request(input);
}
