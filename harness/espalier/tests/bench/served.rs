//! Boards that are served in this process.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use espalier::{Board, BoardBuilder};
use espalier_serve::{GuestForward, HostForward, Pace, ServeConfig, Server};
use espalier_soc::{BoardDefinition, Machine, MachineConfig, Strap};

pub const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");
const GOLDENS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/goldens/app");
/// The tutorial's port.
pub const PORT: u16 = 5001;

/// A free port of this computer.
pub fn free() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// A served board with an erased flash chip, and the file that describes it as one on a bench.
pub struct Served {
    pub server: Server,
    pub folder: tempfile::TempDir,
}

impl Served {
    pub fn start(pace: Pace) -> Served {
        let mut machine = Machine::new(&MachineConfig {
            board: BoardDefinition::by_name("mpython").unwrap(),
            ..MachineConfig::default()
        })
        .unwrap();
        machine.power_on(Strap::FlashBoot);
        let peer = free();
        let config = ServeConfig {
            pace,
            rfc2217: Some((Ipv4Addr::LOCALHOST, 0).into()),
            serial: Some((Ipv4Addr::LOCALHOST, 0).into()),
            ptys: vec![0],
            host_forwards: vec![HostForward { host: (Ipv4Addr::LOCALHOST, 0).into(), board_port: PORT }],
            guest_forwards: vec![GuestForward { peer_port: PORT, host: peer }],
            ..ServeConfig::default()
        };
        let server = Server::start(machine, &config).unwrap();
        let reach = server.host_forward_addresses()[0];
        let rfc2217 = server.rfc2217_address().unwrap();
        let pty = server.pty_path().unwrap().display();
        let routes = format!(
            "model = \"mpython\"\nhost = \"10.0.2.2\"\nlisten = {{ {PORT} = \"{peer}\" }}\nreach = {{ {PORT} = \"{reach}\" }}\n"
        );
        let file = format!(
            "[board.served]\nport = \"rfc2217://{rfc2217}\"\nflash-baud = 921600\n{routes}\n\
             [board.terminal]\nport = \"{pty}\"\nflash-baud = 921600\n{routes}"
        );
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("bench.toml"), file).unwrap();
        Served { server, folder }
    }

    /// The file with the bench.
    pub fn bench(&self) -> PathBuf {
        self.folder.path().join("bench.toml")
    }

    /// A builder for the board that the file calls `name`.
    pub fn board(&self, name: &str) -> BoardBuilder {
        let target = format!("{}#{name}", self.bench().display());
        Board::builder().target(target.as_str()).goldens(GOLDENS).artefacts(self.folder.path().join("artefacts"))
    }
}
