//! MicroPython's raw REPL on the boards of a world, driven over UART0 of each.

use std::sync::OnceLock;

use espalier_core::Span;
use espalier_soc::MachineConfig;
use espalier_world::{BoardId, World, WorldStop};

/// Where the image goes: a MicroPython image for the ESP32 starts with the bootloader.
const IMAGE_OFFSET: u32 = 0x1000;
const PROMPT: &str = ">>> ";
const ENTER_RAW: &[u8] = b"\r\x03\x03\x01";
const LEAVE_RAW: &[u8] = b"\x02";
const EXECUTE: &[u8] = b"\x04";
/// The raw REPL reads into a buffer that is smaller than a script.
const CHUNK: usize = 64;
const STEP: Span = Span::from_millis(1);
const BOOT: Span = Span::from_secs(5);
const PATIENCE: Span = Span::from_secs(30);

/// Boards with MicroPython at its prompt, and what their consoles said.
#[derive(Clone)]
pub struct Boards {
    pub world: World,
    pub consoles: Vec<Console>,
}

#[derive(Clone, Default)]
pub struct Console {
    said: String,
    /// Number of its bytes that were matched.
    seen: usize,
}

impl Boards {
    /// Switches `count` development kits on that have `image` in their flash.
    pub fn power_on(image: &[u8], count: usize) -> Boards {
        let mut world = World::new(0).expect("a world");
        for place in 0..count {
            add(&mut world, image, &format!("board {place}"));
        }
        Boards { world, consoles: vec![Console::default(); count] }
    }

    /// A fork of two boards that have booted to their prompts; they boot once for all tests.
    pub fn two(image: &[u8]) -> Boards {
        static BOOTED: OnceLock<Boards> = OnceLock::new();
        BOOTED.get_or_init(|| Boards::booted(image, 2)).clone()
    }

    pub fn booted(image: &[u8], count: usize) -> Boards {
        let mut boards = Boards::power_on(image, count);
        (0..count).for_each(|place| drop(boards.wait_for(place, PROMPT, BOOT)));
        boards
    }

    pub fn id(&self, place: usize) -> BoardId {
        self.world.boards().nth(place).expect("a board").0
    }

    /// Adds another board while the others run.
    pub fn add(&mut self, image: &[u8]) -> usize {
        let place = self.consoles.len();
        add(&mut self.world, image, &format!("board {place}"));
        self.consoles.push(Console::default());
        self.wait_for(place, PROMPT, BOOT);
        place
    }

    /// Everything that a board's console has said.
    pub fn console(&self, place: usize) -> &str {
        &self.consoles[place].said
    }

    pub fn run_for(&mut self, span: Span) {
        let stop = self.world.run_for(span);
        assert_eq!(stop, WorldStop::Limit);
        self.listen();
    }

    fn listen(&mut self) {
        for place in 0..self.consoles.len() {
            let id = self.id(place);
            let bytes = self.world.board_mut(id).uart_take(0);
            self.consoles[place].said.extend(bytes.into_iter().map(|(_, byte)| char::from(byte)));
        }
    }

    fn send(&mut self, place: usize, bytes: &[u8]) {
        let id = self.id(place);
        self.world.board_mut(id).uart_send(0, bytes);
    }

    /// Runs until a console says `text` after what was matched before; returns what came before it.
    ///
    /// # Panics
    /// If it does not within `patience` of guest time.
    pub fn wait_for(&mut self, place: usize, text: &str, patience: Span) -> String {
        let limit = self.world.now() + patience;
        loop {
            let console = &mut self.consoles[place];
            if let Some(at) = console.said[console.seen..].find(text) {
                let before = console.said[console.seen..][..at].to_owned();
                console.seen += at + text.len();
                return before;
            }
            let said = self.console(place);
            assert!(self.world.now() < limit, "no {text:?} of board {place} within {patience}; its console:\n{said}");
            self.run_for(STEP);
        }
    }

    /// Runs a script that must not fail on a board, and returns what it printed.
    pub fn run(&mut self, place: usize, script: &str) -> String {
        self.start(place, script);
        self.finish(place)
    }

    /// Waits for the end of a script that was started and must not fail, and returns what it printed.
    pub fn finish(&mut self, place: usize) -> String {
        let printed = self.wait_for(place, "\x04", PATIENCE).replace("\r\n", "\n");
        let error = self.wait_for(place, "\x04", PATIENCE);
        assert_eq!(error, "", "the script on board {place} failed; it printed {printed:?}");
        self.send(place, LEAVE_RAW);
        self.wait_for(place, PROMPT, PATIENCE);
        printed
    }

    /// Starts a script and does not wait for its end.
    pub fn start(&mut self, place: usize, script: &str) {
        self.send(place, ENTER_RAW);
        self.wait_for(place, "raw REPL; CTRL-B to exit\r\n>", PATIENCE);
        for chunk in script.as_bytes().chunks(CHUNK) {
            self.send(place, chunk);
            self.run_for(Span::from_millis(20));
        }
        self.send(place, EXECUTE);
        self.wait_for(place, "OK", PATIENCE);
    }
}

fn add(world: &mut World, image: &[u8], name: &str) {
    let id = world.add_board(name, &MachineConfig::default()).expect("a board");
    world.board_mut(id).load_flash(IMAGE_OFFSET, image).expect("the image fits");
}
