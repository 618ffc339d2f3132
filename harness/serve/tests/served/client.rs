//! The other side: clients with their feet on the ground of the host's clock.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use espalier_serve::{Pace, ServeConfig, Server};
use espalier_soc::{BoardDefinition, Machine, MachineConfig, Strap};
use rfc2217::{Client, PortSettings};

/// Host time that anything may take on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(20);

/// A free port of this computer.
pub fn free() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// A board with erased flash whose MAC address ends in `number`.
pub fn machine(number: u8, strap: Strap) -> Machine {
    let mut board = BoardDefinition::default();
    board.mac[5] = number;
    let mut machine = Machine::new(&MachineConfig { board, ..MachineConfig::default() }).unwrap();
    machine.power_on(strap);
    machine
}

/// A board in the ROM's download mode with every service.
pub fn downloading(number: u8) -> Server {
    let config = ServeConfig {
        pace: Pace::Fast,
        serial: Some(free()),
        rfc2217: Some(free()),
        qmp: Some(free()),
        http: Some(free()),
        ..ServeConfig::default()
    };
    Server::start(machine(number, Strap::Download), &config).unwrap()
}

/// Waits until so many ports have a client. What the board says before is lost, as on any serial line.
pub fn wait_for_clients(server: &Server, number: usize) {
    let deadline = Instant::now() + PATIENCE;
    while server.statistics().iter().filter(|port| port.connected).count() != number {
        assert!(Instant::now() < deadline, "{:?}", server.statistics());
        std::thread::yield_now();
    }
}

/// Something that bytes come out of.
pub trait Link {
    /// Bytes that came within a short time; none at the end of the stream either.
    fn hear(&mut self) -> Vec<u8>;

    /// Reads until `text` has come, and returns everything up to it.
    fn wait_for(&mut self, text: &[u8]) -> Vec<u8> {
        let deadline = Instant::now() + PATIENCE;
        let mut heard = Vec::new();
        while !heard.windows(text.len()).any(|window| window == text) {
            assert!(
                Instant::now() < deadline,
                "no {:?} in {:?}",
                text.escape_ascii(),
                heard.escape_ascii().to_string()
            );
            heard.extend(self.hear());
        }
        heard
    }
}

impl Link for TcpStream {
    fn hear(&mut self) -> Vec<u8> {
        self.set_read_timeout(Some(TICK)).unwrap();
        let mut buffer = [0; 4096];
        match self.read(&mut buffer) {
            Ok(length) => buffer[..length].to_vec(),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Vec::new(),
            Err(error) => panic!("{error}"),
        }
    }
}

/// An RFC 2217 client.
pub struct Bridge {
    socket: TcpStream,
    client: Client,
}

impl Bridge {
    /// Connects and waits until the port has the settings.
    pub fn connect(address: SocketAddr, baud: u32) -> Bridge {
        let client = Client::new(PortSettings { baud_rate: baud, ..PortSettings::default() });
        let mut bridge = Bridge { socket: TcpStream::connect(address).unwrap(), client };
        let deadline = Instant::now() + PATIENCE;
        bridge.flush();
        while !bridge.client.is_ready() {
            assert!(Instant::now() < deadline, "{:?}", bridge.client.readiness());
            bridge.hear();
        }
        bridge
    }

    /// Sets DTR and RTS one after the other, as a program does.
    pub fn set_lines(&mut self, dtr: bool, rts: bool) {
        self.client.set_dtr(dtr);
        self.client.set_rts(rts);
        self.flush();
    }

    /// Sends bytes to the board.
    pub fn send(&mut self, bytes: &[u8]) {
        self.client.write_data(bytes);
        self.flush();
    }

    fn flush(&mut self) {
        let output = self.client.take_output();
        self.socket.write_all(&output).unwrap();
    }
}

impl Link for Bridge {
    fn hear(&mut self) -> Vec<u8> {
        let bytes = self.socket.hear();
        let payload = self.client.receive(&bytes);
        while self.client.poll_event().is_some() {}
        self.flush();
        payload
    }
}
