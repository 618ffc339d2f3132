//! GDB's remote serial protocol, by a client that knows as much of it as a conversation needs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use espalier_serve::{ServeConfig, Server};
use espalier_soc::Strap;
use object::{Object, ObjectSymbol};

use crate::client::{PATIENCE, downloading, free, machine};
use crate::network::{FIRMWARE, tutorial};

const PC: usize = 0;
const STACK_POINTER: usize = 158;
const RESET_VECTOR: u32 = 0x4000_0400;
const CTRL_C: u8 = 3;

struct Gdb {
    socket: TcpStream,
    heard: Vec<u8>,
}

impl Gdb {
    fn connect(server: &Server) -> Gdb {
        let mut gdb = Gdb::open(server.gdb_address().unwrap());
        let supported = gdb.ask("qSupported:multiprocess+;swbreak+;hwbreak+;vContSupported+");
        for feature in ["PacketSize=", "vContSupported+", "swbreak+", "hwbreak+", "qXfer:features:read+"] {
            assert!(supported.contains(feature), "{supported}");
        }
        assert_eq!(gdb.ask("QStartNoAckMode"), "OK");
        gdb
    }

    fn open(address: SocketAddr) -> Gdb {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Gdb { socket, heard: Vec::new() }
    }

    fn send(&mut self, packet: &str) {
        let sum = packet.bytes().fold(0, u8::wrapping_add);
        self.socket.write_all(format!("${packet}#{sum:02x}").as_bytes()).unwrap();
    }

    /// The next packet; None at the end of the connection.
    fn hear(&mut self) -> Option<String> {
        loop {
            if let Some(hash) = self.heard.iter().position(|byte| *byte == b'#')
                && self.heard.len() > hash + 2
            {
                let packet: Vec<u8> = self.heard.drain(..hash + 3).collect();
                let start = packet.iter().position(|byte| *byte == b'$').unwrap() + 1;
                return Some(expand(&packet[start..hash]));
            }
            let mut piece = [0; 4096];
            match self.socket.read(&mut piece) {
                Ok(0) => return None,
                Ok(length) => self.heard.extend(&piece[..length]),
                Err(error) => panic!("no packet: {error}; {:?}", self.heard.escape_ascii().to_string()),
            }
        }
    }

    fn ask(&mut self, packet: &str) -> String {
        self.send(packet);
        self.hear().unwrap()
    }

    fn register(&mut self, number: usize) -> u32 {
        let answer = self.ask(&format!("p{number:x}"));
        u32::from_str_radix(&answer, 16).unwrap().swap_bytes()
    }

    fn monitor(&mut self, command: &str) -> String {
        let hex: String = command.bytes().map(|byte| format!("{byte:02x}")).collect();
        let mut answer = self.ask(&format!("qRcmd,{hex}"));
        let mut said = String::new();
        while answer != "OK" {
            let text = answer.strip_prefix('O').unwrap();
            let bytes = (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap());
            said.extend(bytes.map(char::from));
            answer = self.hear().unwrap();
        }
        said
    }

    /// Runs to the stop.
    fn go(&mut self, how: &str) -> String {
        let stop = self.ask(how);
        assert!(stop.starts_with('T'), "{how}: {stop}");
        stop
    }
}

/// Undoes run-length encoding.
fn expand(packet: &[u8]) -> String {
    let mut text: Vec<u8> = Vec::new();
    let mut bytes = packet.iter();
    while let Some(byte) = bytes.next() {
        if *byte == b'*' {
            let (last, count) = (*text.last().unwrap(), bytes.next().unwrap() - 29);
            text.extend(vec![last; usize::from(count)]);
        } else {
            text.push(*byte);
        }
    }
    String::from_utf8(text).unwrap()
}

/// Address of the function of the tutorial's firmware whose mangled name has this part.
fn function(part: &str) -> u32 {
    let file = std::fs::read(FIRMWARE).unwrap();
    let file = object::File::parse(&*file).unwrap();
    file.symbols().find(|symbol| symbol.name().is_ok_and(|name| name.contains(part))).unwrap().address() as u32
}

fn halted_tutorial() -> Server {
    tutorial(ServeConfig { gdb: Some(free()), qmp: Some(free()), paused: true, ..ServeConfig::default() })
}

#[test]
fn both_cores_are_debugged() {
    let server = halted_tutorial();
    let mut gdb = Gdb::connect(&server);
    assert!(gdb.ask("?").starts_with("T05thread:p01.01;"));
    assert_eq!(gdb.ask("qfThreadInfo"), "mp01.01,p01.02");
    assert_eq!(gdb.ask("qsThreadInfo"), "l");
    let description = gdb.ask("qXfer:features:read:target.xml:0,ffb");
    assert!(description.contains("<architecture>xtensa</architecture>"), "{description}");
    assert_eq!(gdb.register(PC), RESET_VECTOR);
    // The APP CPU is held in reset, and its step does not wait for it to come out.
    assert!(gdb.go("vCont;s:p1.2;c").contains("thread:p01.02;"));
    assert_eq!(gdb.ask("Hgp1.1"), "OK");
    assert_eq!(gdb.ask("g").len(), 105 * 8);
    assert_eq!(gdb.ask("m40000400,3").len(), 6);
    assert_eq!(gdb.ask("m0,4"), "E0e");
    assert_eq!(gdb.ask("M40000400,1:00"), "E16");
    assert_eq!(gdb.ask("M3ffb8000,4:01020304"), "OK");
    assert_eq!(gdb.ask("m3ffb8001,2"), "0203");
    assert_eq!(gdb.ask("pad"), "", "a register that is not there");

    let draw = function("4text9draw_line");
    assert_eq!(gdb.ask(&format!("Z0,{draw:x},3")), "OK");
    let stop = gdb.go("vCont;c");
    assert!(stop.contains("thread:p01.01;") && stop.contains("swbreak:"), "{stop}");
    assert_eq!(gdb.register(PC), draw);
    // As GDB goes on from a breakpoint: without it, one step of that core, with it.
    assert_eq!(gdb.ask(&format!("z0,{draw:x},3")), "OK");
    gdb.go("vCont;s:p1.1");
    assert_eq!(gdb.register(PC), draw + 3, "entry is one instruction");

    let stack = gdb.register(STACK_POINTER);
    let watch = format!("{:x},40", stack - 0x40);
    assert_eq!(gdb.ask(&format!("Z2,{watch}")), "OK");
    let stop = gdb.go("vCont;c");
    assert!(stop.contains("watch:"), "{stop}");
    assert_eq!(gdb.ask(&format!("z2,{watch}")), "OK");
    assert_eq!(gdb.ask("z2,0,4"), "E16", "a watchpoint that was never set");

    let pc = gdb.register(PC);
    let stop = gdb.go(&format!("vCont;r{:x},{:x}:p1.1;c", pc, pc + 4));
    assert!(stop.starts_with("T05") && !(pc..pc + 4).contains(&gdb.register(PC)), "{stop}");

    gdb.send("vCont;c");
    gdb.socket.write_all(&[CTRL_C]).unwrap();
    assert!(gdb.hear().unwrap().starts_with("T02"));
    assert!(gdb.monitor("status").contains("PRO_CPU, "));
    assert_eq!(gdb.ask("D"), "OK");
    while !String::from_utf8_lossy(&server.board().console()).contains("@event address") {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn monitor_resets_the_board() {
    let server = halted_tutorial();
    let mut gdb = Gdb::connect(&server);
    let draw = function("4text9draw_line");
    gdb.ask(&format!("Z1,{draw:x},3"));
    for _ in 0..2 {
        let stop = gdb.go("vCont;c");
        assert!(stop.contains("hwbreak:"), "{stop}");
        assert!(gdb.monitor("reset halt").contains("reset vector"));
        assert_eq!(gdb.register(PC), RESET_VECTOR);
    }
    assert!(gdb.monitor("help").contains("reset [halt]"));
    assert!(gdb.monitor("frobnicate").contains("`frobnicate` is not known"));
}

#[test]
fn sessions_follow_each_other_and_the_board_goes_on_between_them() {
    let config = ServeConfig { gdb: Some(free()), ..ServeConfig::default() };
    let server = Server::start(machine(0x77, Strap::Download), &config).unwrap();
    let mut before = None;
    for farewell in ["D;1", "k", "", "garbage"] {
        let mut gdb = Gdb::connect(&server);
        gdb.ask("Z0,40000000,3");
        let status = gdb.monitor("status");
        assert_ne!(before.replace(status.clone()), Some(status), "time has passed since the last session");
        // One client at a time: another one is told soon.
        assert_eq!(Gdb::open(server.gdb_address().unwrap()).hear(), None);
        if farewell == "garbage" {
            gdb.socket.write_all(b"$Z9,@#00$vCont;x:!#00\x00\xff").unwrap();
        } else if !farewell.is_empty() {
            gdb.send(farewell);
        }
        drop(gdb);
        // Some time of the board.
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn a_debugger_that_comes_back_at_once_is_served() {
    let config = ServeConfig { gdb: Some(free()), ..ServeConfig::default() };
    let server = Server::start(machine(0x79, Strap::Download), &config).unwrap();
    for farewell in ["D", "k", ""].into_iter().cycle().take(60) {
        let mut gdb = Gdb::connect(&server);
        if !farewell.is_empty() {
            gdb.send(farewell);
        }
    }
}

#[test]
fn a_server_without_gdb_has_no_address_for_it() {
    assert_eq!(downloading(0x78).gdb_address(), None);
}

#[test]
fn a_malformed_packet_does_not_end_the_session() {
    let server = halted_tutorial();
    let mut gdb = Gdb::connect(&server);
    assert_eq!(gdb.ask("mzz,4"), "E16");
    gdb.socket.write_all(b"$g#00").unwrap();
    assert_eq!(gdb.hear().as_deref(), Some("E16"));
    // One read of four gigabytes: as much as a packet holds.
    let read = gdb.ask("m40000000,100000000");
    assert!((2000..4096).contains(&read.len()), "{}", read.len());
    assert_eq!(gdb.register(PC), RESET_VECTOR);
}
