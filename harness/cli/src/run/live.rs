//! `espalier run --live`: the board on a page of its own, its console here as well.

use std::io::Write;
use std::net::SocketAddr;

use espalier_serve::{ServeConfig, Server};
use espalier_soc::Strap;

use super::input::keys;
use super::session::LEAVE;
use crate::args::{LOOPBACK, RunArgs};
use crate::error::CliError;
use crate::panel::RawTerminal;
use crate::signals::{Caught, Signals};
use crate::style::{FAINT, PLAIN};
use crate::unmodelled::{self, Notes};
use crate::{SUCCESS, serve};

/// Runs until Ctrl-] or a signal.
pub async fn perform(args: &RunArgs, port: u16) -> Result<u8, CliError> {
    let machine = serve::machine(&args.setup, Some(&args.image), &args.table, Strap::FlashBoot)?;
    let mut signals = Signals::listen()?;
    let http = Some(SocketAddr::new(LOOPBACK, port));
    let mut server = Server::start(machine, &ServeConfig { http, ..serve::forwards(&args.network, LOOPBACK) })?;
    let console = server.console().expect("it was not taken before");
    let raw = RawTerminal::take();
    let leave = if raw.is_some() { "Ctrl-] leaves" } else { "Ctrl-C ends it" };
    let page = server.page().unwrap_or_default();
    anstream::eprintln!("{FAINT}--- {}; {leave} ---{PLAIN}\r\n{page}\r", args.image.display());
    let (mut input, mut typing) = (keys(), true);
    let (mut noted, mut notes) = (server.board().unmodelled(), Notes::default());
    let mut status = SUCCESS;
    loop {
        let fresh = noted.borrow_and_update()[notes.told()..].to_vec();
        notes.tell(&unmodelled::with_functions(&fresh, Some(&args.image)));
        tokio::select! {
            said = console.receive() => match said {
                Some(bytes) => print(&bytes, raw.is_some())?,
                None => break,
            },
            typed = input.recv(), if typing => match typed {
                Some(bytes) if raw.is_some() && bytes.contains(&LEAVE) => break,
                // A board that is gone is noticed by its console.
                Some(bytes) => drop(console.send(&bytes).await),
                None => typing = false,
            },
            caught = signals.caught() => {
                status = if caught == Caught::Interrupt { SUCCESS } else { caught.status() };
                break;
            }
            Ok(()) = noted.changed() => {}
        }
    }
    drop((raw, console));
    let machine = server.shutdown();
    let blocks: Vec<String> = machine.unmodelled_blocks().iter().map(ToString::to_string).collect();
    unmodelled::summarise(&blocks, &machine.dropped());
    Ok(status)
}

/// Prints what the console has said. A terminal in raw mode does not begin a line by itself.
fn print(bytes: &[u8], raw: bool) -> Result<(), CliError> {
    let mut text = Vec::with_capacity(bytes.len());
    for (at, byte) in bytes.iter().enumerate() {
        if raw && *byte == b'\n' && at.checked_sub(1).is_none_or(|before| bytes[before] != b'\r') {
            text.push(b'\r');
        }
        text.push(*byte);
    }
    let mut output = std::io::stdout().lock();
    Ok(output.write_all(&text).and_then(|()| output.flush())?)
}
