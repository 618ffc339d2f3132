//! The tutorial's firmware with planted faults: its server, and a connection to it.

use std::fs;

use espalier::{Board, Image, Model, PeerStream, Result};
use object::{Object, ObjectSection, ObjectSymbol};

const ELF: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.elf");
const PORT: u16 = 5001;
/// The ends of the mangled names of `espalier_app::text::lay_out`, which every message goes through, and of
/// `espalier_app::client::Client::find_host`, which a server does not call.
const MESSAGES: &str = "4text7lay_out";
const UNUSED: &str = "6Client9find_host";
/// The instruction of `lay_out` behind ENTRY that `programs/parser.s` has, too, and the place of its parser.
const SECOND: u32 = 3;
const PARSER: u32 = 0x120;
/// The instruction J (Xtensa ISA reference manual): 18 bits of distance from four bytes behind its address.
fn jump(from: u32, to: u32) -> [u8; 3] {
    let word = to.wrapping_sub(from + 4) << 6 | 0x06;
    [word as u8, (word >> 8) as u8, (word >> 16) as u8]
}

/// An ELF file whose code is changed.
struct Patched(Vec<u8>);

impl Patched {
    /// The address of the function whose mangled name ends so.
    fn function(&self, name: &str) -> u32 {
        let file = object::File::parse(&*self.0).expect("an ELF file");
        let symbol = file.symbols().find(|symbol| symbol.name().is_ok_and(|it| it.ends_with(name)));
        symbol.unwrap_or_else(|| panic!("no function {name}")).address() as u32
    }

    fn plant(&mut self, address: u32, code: &[u8]) {
        let at = {
            let file = object::File::parse(&*self.0).expect("an ELF file");
            let address = u64::from(address);
            let has = |section: &object::Section<'_, '_>| {
                section.address() <= address && address < section.address() + section.size()
            };
            let section = file.sections().find(has).expect("its section");
            (section.file_range().expect("its bytes").0 + address - section.address()) as usize
        };
        self.0[at..at + code.len()].copy_from_slice(code);
    }
}

fn parser() -> Vec<u8> {
    let digits: Vec<char> = include_str!("programs/parser.hex").chars().filter(char::is_ascii_hexdigit).collect();
    let byte = |pair: &[char]| {
        pair.iter().filter_map(|digit| digit.to_digit(16)).fold(0, |byte, digit| byte << 4 | digit as u8)
    };
    digits.chunks(2).map(byte).collect()
}

/// The server, with `programs/parser.s` in it if that is wanted, and a connection to it.
pub async fn connected(planted: bool) -> Result<(Board, PeerStream)> {
    let mut elf = Patched(fs::read(ELF)?);
    if planted {
        let (messages, place, mut code) = (elf.function(MESSAGES), elf.function(UNUSED), parser());
        let (from, second) = (place + code.len() as u32, messages + SECOND);
        code.extend(jump(from, second + 3));
        elf.plant(place, &code);
        elf.plant(second, &jump(second, place + PARSER));
    }
    let image = Image::from_bytes("tutorial.elf", elf.0)?;
    let board = Board::builder().model(Model::MPython).image(image).start().await?;
    board.console().expect("@event address ").await?;
    board.console().send_line(format!("server {PORT}")).await?;
    board.console().expect("@event listening ").await?;
    let socket = board.peer().connect(PORT).await?;
    board.console().expect("@event accepted ").await?;
    Ok((board, socket))
}
