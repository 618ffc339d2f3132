//! A browser's bytes, given straight to what reads them: the input of a fuzzer, without a socket.

use std::net::{IpAddr, Ipv4Addr};

use super::request::{Host, read};
use super::{Action, LONGEST_REQUEST};

/// Reads a request, and what it asks to be done.
pub(crate) fn read_request(input: &[u8]) {
    let host = Host { address: IpAddr::V4(Ipv4Addr::LOCALHOST), names: &[] };
    if let Ok(Some(request)) = read(input, LONGEST_REQUEST, host) {
        let _ = (request.value("token"), request.value("board"));
        let _ = request.body.map(|body| serde_json::from_slice::<Action>(&body));
    }
}
