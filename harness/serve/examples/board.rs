//! Serves a board on free ports and says where everything is:
//! `board [--fast] [--download] [--forward BOARDPORT] [--size MB]
//! [--board NAME|FILE] [--number N] [IMAGE@OFFSET]...`. The number becomes the last byte of the board's MAC address.
//!
//! It ends when its standard input does, so that a script cannot leave it behind.

use std::error::Error;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};

use espalier_serve::{HostForward, Pace, ServeConfig, Server, has_debugger};
use espalier_soc::{BoardDefinition, Machine, MachineConfig, Strap};

fn main() -> Result<(), Box<dyn Error>> {
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (mut pace, mut strap, mut images, mut forwards) = (Pace::RealTime, Strap::FlashBoot, Vec::new(), Vec::new());
    let mut board = BoardDefinition::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--fast" => pace = Pace::Fast,
            "--download" => strap = Strap::Download,
            "--board" => board = BoardDefinition::load(&arguments.next().ok_or("--board NAME")?)?,
            "--number" => board.mac[5] = arguments.next().ok_or("--number N")?.parse()?,
            "--size" => board.flash_size = arguments.next().ok_or("--size MB")?.parse::<u32>()? << 20,
            "--forward" => {
                let board_port = arguments.next().ok_or("--forward PORT")?.parse()?;
                forwards.push(HostForward { host: free, board_port });
            }
            image => {
                let (path, offset) = image.rsplit_once('@').ok_or("an image is PATH@OFFSET")?;
                let offset = u32::from_str_radix(offset.trim_start_matches("0x"), 16)?;
                images.push((std::fs::read(path)?, offset));
            }
        }
    }
    let mut machine = Machine::new(&MachineConfig { board, ..MachineConfig::default() })?;
    for (image, offset) in &images {
        machine.load_flash(*offset, image)?;
    }
    machine.power_on(strap);
    let config = ServeConfig {
        pace,
        serial: Some(free),
        rfc2217: Some(free),
        ptys: if cfg!(unix) { vec![0] } else { Vec::new() },
        qmp: Some(free),
        gdb: has_debugger(&machine).then_some(free),
        http: Some(free),
        host_forwards: forwards,
        ..ServeConfig::default()
    };
    let server = Server::start(machine, &config)?;
    if let Some(page) = server.page() {
        println!("page {page}");
    }
    let named = [
        ("socket", server.serial_address()),
        ("rfc2217", server.rfc2217_address()),
        ("qmp", server.qmp_address()),
        ("gdb", server.gdb_address()),
        ("http", server.http_address()),
    ];
    for (name, address) in named.into_iter().filter_map(|(name, address)| Some((name, address?))) {
        println!("{name} {address}");
    }
    for address in server.host_forward_addresses() {
        println!("forward {address}");
    }
    if let Some(path) = server.pty_path() {
        println!("pty {}", path.display());
    }
    println!("ready");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    for port in server.statistics().iter().filter(|port| port.dropped != 0) {
        println!("{}: {} bytes dropped", port.name, port.dropped);
    }
    println!("stopped at {}", server.shutdown().now());
    Ok(())
}
