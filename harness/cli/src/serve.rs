//! `espalier serve`: a board that other people's tools find at a serial port.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use espalier::{Coverage, Image, elf_of};
use espalier_serve::{GuestForward, HostForward, Pace, ServeConfig, Server, has_debugger};
use espalier_soc::{AccessPoint, BoardDefinition, Machine, MachineConfig, Strap};
use espalier_world::{BoardId, World, is_snapshot};

use crate::SUCCESS;
use crate::args::{Endpoint, NetworkArgs, ServeArgs, SetupArgs, TableArgs};
use crate::captures::Output;
use crate::error::CliError;
use crate::output::say;
use crate::signals::{Caught, Signals};
use crate::style::{FAINT, HEADING, PLAIN, warn};
use crate::unmodelled::{self, Notes};

/// Serves until Ctrl-C, which is how it is meant to end, or SIGTERM.
pub async fn perform(args: ServeArgs) -> Result<u8, CliError> {
    let strap = if args.download { Strap::Download } else { Strap::FlashBoot };
    let mut machine = machine(&args.setup, args.image.as_deref(), &args.table, strap)?;
    let coverage = match (&args.coverage, &args.image) {
        (Some(file), Some(image)) => Some((Output::open(file)?, elf_of(image).ok_or(CliError::NoElf)?)),
        _ => None,
    };
    if coverage.is_some() {
        machine.count_blocks();
    }
    let mut signals = Signals::listen()?;
    let debugged = has_debugger(&machine);
    let server = Server::start(machine, &config(&args, debugged))?;
    announce(&server, &args);
    let (mut noted, mut notes) = (server.board().unmodelled(), Notes::default());
    let caught = loop {
        let fresh = noted.borrow_and_update()[notes.told()..].to_vec();
        notes.tell(&unmodelled::with_functions(&fresh, args.image.as_deref()));
        tokio::select! {
            caught = signals.caught() => break caught,
            Ok(()) = noted.changed() => {}
        }
    };
    for port in server.statistics().iter().filter(|port| port.dropped != 0) {
        anstream::eprintln!("{}: a client did not read, {} bytes dropped", port.name, port.dropped);
    }
    let machine = server.shutdown();
    let blocks: Vec<String> = machine.unmodelled_blocks().iter().map(ToString::to_string).collect();
    unmodelled::summarise(&blocks, &machine.dropped());
    if let Some((file, elf)) = coverage {
        file.write(Coverage::of_machine(&machine).lcov(&elf)?.as_bytes())?;
    }
    say!("\nstopped at {} of board time", machine.now());
    Ok(match caught {
        Caught::Interrupt => SUCCESS,
        Caught::Terminate => caught.status(),
    })
}

/// The machine that is to be served, switched on; or out of a file in which a board was saved, where it stood.
fn machine(setup: &SetupArgs, image: Option<&Path>, table: &TableArgs, strap: Strap) -> Result<Machine, CliError> {
    if let Some(path) = image
        && let Some(machine) = saved(setup, path, table)?
    {
        return Ok(machine);
    }
    let mut board = setup.time.apply(BoardDefinition::load(&setup.board.to_string())?)?;
    if let Some(image) = &setup.efuses {
        board = board.with_efuses(image)?;
    }
    let flash_size = board.flash_size;
    board.access_points.extend(setup.access_point.iter().map(|network| match &network.password {
        Some(password) => AccessPoint::wpa2(&network.ssid, password),
        None => AccessPoint::new(&network.ssid),
    }));
    let mut machine = Machine::new(&MachineConfig { board, seed: setup.seed, ..MachineConfig::default() })?;
    if let Some(path) = image {
        let image = Image::read_with_table(path, table.partition_table)?;
        image.warnings(flash_size).iter().for_each(warn);
        for part in image.parts(flash_size)? {
            machine.load_flash(part.offset, &part.bytes)?;
        }
    }
    machine.power_on(strap);
    Ok(machine)
}

/// The machine in a file, if one was saved there.
fn saved(setup: &SetupArgs, path: &Path, table: &TableArgs) -> Result<Option<Machine>, CliError> {
    let file = std::fs::read(path).map_err(CliError::file("read", path))?;
    if !is_snapshot(&file) {
        return Ok(None);
    }
    if !setup.is_default() || table.partition_table.is_some() {
        return Err(CliError::AlreadySet { path: path.to_owned() });
    }
    let loaded = World::load(&file).map_err(|source| CliError::Snapshot { path: path.to_owned(), source })?;
    let (mut world, _) = loaded;
    let boards: Vec<BoardId> = world.boards().map(|(board, _)| board).collect();
    match boards[..] {
        [board] if world.is_of_one() => Ok(Some(world.board_mut(board).clone())),
        _ => Err(CliError::SeveralBoards { path: path.to_owned(), count: boards.len() }),
    }
}

/// Converts the arguments. `debugged` says whether GDB knows the cores of this chip.
fn config(args: &ServeArgs, debugged: bool) -> ServeConfig {
    let at = |port: u16| SocketAddr::new(args.listen, port);
    ServeConfig {
        pace: if args.fast { Pace::Fast } else { Pace::RealTime },
        serial: Some(at(args.serial)),
        rfc2217: Some(at(args.rfc2217)),
        ptys: if cfg!(unix) { vec![0] } else { Vec::new() },
        qmp: args.qmp.map(at),
        gdb: args
            .gdb
            .or(debugged.then_some(Endpoint { address: None, port: 0 }))
            .map(|gdb| SocketAddr::new(gdb.address.unwrap_or(args.listen), gdb.port)),
        paused: args.halt,
        http: Some(at(args.http)),
        http_names: args.http_name.clone(),
        ..forwards(&args.network, args.listen)
    }
}

/// Connections from the host to the board, and from the board to the host.
fn forwards(network: &NetworkArgs, listen: IpAddr) -> ServeConfig {
    let host = network.host_forward.iter();
    let peer = network.peer.iter();
    ServeConfig {
        host_forwards: host
            .map(|forward| HostForward { host: SocketAddr::new(listen, forward.host), board_port: forward.board })
            .collect(),
        guest_forwards: peer.map(|forward| GuestForward { peer_port: forward.port, host: forward.host }).collect(),
        ..ServeConfig::default()
    }
}

fn announce(server: &Server, args: &ServeArgs) {
    let flash =
        args.image.as_ref().map_or_else(|| "an erased flash chip".into(), |path: &PathBuf| path.display().to_string());
    say!("{HEADING}serving {flash}{PLAIN}; Ctrl-C ends it\n");
    let line = |what: &str, place: String, hint: &str| say!("  {what:<10} {place:<46} {FAINT}{hint}{PLAIN}");
    if let Some(address) = server.rfc2217_address() {
        line("RFC 2217", format!("rfc2217://{address}"), "esptool, mpremote, pyserial: DTR and RTS reset it");
    }
    if let Some(address) = server.serial_address() {
        line(
            "serial",
            format!("socket://{address}"),
            "the same UART0 as plain TCP, without resets; telnet would send lines, use nc",
        );
    }
    if let Some(path) = server.pty_path() {
        line(
            "PTY",
            path.display().to_string(),
            "the same without DTR and RTS: esp-idf-monitor and ser2net need rfc2217://",
        );
    }
    if let Some(address) = server.qmp_address() {
        line(
            "QMP",
            address.to_string(),
            "system_reset, stop, cont, screendump, quit; espalier press, set, pin, cable, network --at PORT",
        );
    }
    if let Some(address) = server.gdb_address() {
        line(
            "GDB",
            format!("target remote {address}"),
            "both cores; a GDB with Xtensa, such as xtensa-esp32-elf-gdb; `monitor help`",
        );
    }
    if let Some(page) = server.page() {
        line("page", page, "the board in a browser, to watch and to touch; the token is new in each run");
    }
    for (address, forward) in server.host_forward_addresses().iter().zip(&args.network.host_forward) {
        line("forward", address.to_string(), &format!("port {} of the board", forward.board));
    }
}
