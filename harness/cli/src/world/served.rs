//! `espalier serve --world`: the boards of a file, each at serial ports of its own.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use espalier_serve::{WorldPace, WorldPage, WorldPorts, WorldServer};

use super::build;
use super::file::{BoardEntry, WorldFile};
use crate::SUCCESS;
use crate::args::TimeArgs;
use crate::error::CliError;
use crate::output::say;
use crate::signals::{Caught, Signals};
use crate::style::{FAINT, HEADING, PLAIN};

/// Interval at which it is checked whether a client has ended the world.
const LOOK: Duration = Duration::from_millis(200);

/// Serves until Ctrl-C, which is how it is meant to end, or SIGTERM.
pub async fn serve(
    path: &Path,
    time: TimeArgs,
    listen: IpAddr,
    http: u16,
    names: Vec<String>,
    pace: WorldPace,
) -> Result<u8, CliError> {
    let (world, file) = build(path, None, time)?;
    let at = |port| Some(SocketAddr::new(listen, port));
    let ports = |entry: &BoardEntry| WorldPorts {
        serial: at(entry.serial),
        rfc2217: at(entry.rfc2217),
        pty: cfg!(unix),
        qmp: entry.qmp.and_then(at),
    };
    let ports: Vec<_> = file.boards.iter().map(ports).collect();
    let mut signals = Signals::listen()?;
    let page = WorldPage { address: SocketAddr::new(listen, http), names };
    let server = WorldServer::start(world, &ports, Some(&page), pace)?;
    announce(&server, &file);
    // A client of QMP may end the world, too.
    let caught = loop {
        match tokio::time::timeout(LOOK, signals.caught()).await {
            Ok(caught) => break Some(caught),
            Err(_) if server.is_over() => break None,
            Err(_) => {}
        }
    };
    say!("\nstopped at {} of the world's time", server.shutdown().now());
    Ok(match caught {
        None | Some(Caught::Interrupt) => SUCCESS,
        Some(Caught::Terminate) => Caught::Terminate.status(),
    })
}

fn announce(server: &WorldServer, file: &WorldFile) {
    say!("{HEADING}serving {} boards of one world{PLAIN}; Ctrl-C ends it\n", file.boards.len());
    if let Some(page) = server.page() {
        say!("  page         {page}");
    }
    for (place, board) in file.boards.iter().enumerate() {
        say!("  {} {FAINT}{}{PLAIN}", board.name, board.firmware.display());
        if let Some(address) = server.rfc2217_address(place) {
            say!("    RFC 2217   rfc2217://{address}");
        }
        if let Some(address) = server.serial_address(place) {
            say!("    serial     socket://{address}");
        }
        if let Some(address) = server.qmp_address(place) {
            say!("    QMP        {address}");
        }
        if let Some(path) = server.pty_path(place) {
            say!("    PTY        {}", path.display());
        }
    }
}
