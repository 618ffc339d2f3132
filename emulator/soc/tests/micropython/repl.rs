//! MicroPython's raw REPL, driven over UART0 of a machine.

use std::sync::OnceLock;

use espalier_core::{Span, Time};
use espalier_soc::{BoardDefinition, Machine, MachineConfig, Stop, Translation};

/// Where the image goes: a MicroPython image for the ESP32 starts with the bootloader.
const IMAGE_OFFSET: u32 = 0x1000;
/// As for boards of the library: `interpreter` has all code interpreted.
const ENGINE_VARIABLE: &str = "ESPALIER_ENGINE";
const PROMPT: &str = ">>> ";
const ENTER_RAW: &[u8] = b"\r\x03\x03\x01";
const LEAVE_RAW: &[u8] = b"\x02";
const EXECUTE: &[u8] = b"\x04";
/// The raw REPL reads into a buffer that is smaller than a script.
const CHUNK: usize = 64;

/// A machine with MicroPython at its prompt, and what its console said.
#[derive(Clone)]
pub struct Repl {
    pub machine: Machine,
    console: Vec<u8>,
    /// Number of matched bytes of the console.
    seen: usize,
}

/// The output of a script, and its traceback.
#[derive(Debug, PartialEq, Eq)]
pub struct Output {
    pub printed: String,
    pub error: String,
}

impl Repl {
    /// Switches a development kit on that has `image` in its flash.
    pub fn power_on(image: &[u8]) -> Repl {
        Repl::power_on_as(image, &MachineConfig::default())
    }

    fn power_on_as(image: &[u8], config: &MachineConfig) -> Repl {
        let mut machine = Machine::new(config).expect("a machine");
        if std::env::var_os(ENGINE_VARIABLE).is_some_and(|engine| engine == "interpreter") {
            machine.set_translation(Translation::Off);
        }
        machine.load_flash(IMAGE_OFFSET, image).expect("the image fits");
        Repl { machine, console: Vec::new(), seen: 0 }
    }

    /// A fork of a board that has booted to its prompt; it boots once for all tests.
    pub fn booted(image: &[u8]) -> Repl {
        static BOOTED: OnceLock<Repl> = OnceLock::new();
        BOOTED.get_or_init(|| Repl::booted_on(image, &MachineConfig::default())).clone()
    }

    /// A board of its own that has booted to its prompt.
    pub fn booted_on(image: &[u8], config: &MachineConfig) -> Repl {
        let mut repl = Repl::power_on_as(image, config);
        repl.wait_for(PROMPT, Span::from_secs(5));
        repl
    }

    /// As [`Repl::booted`], on the mPython board.
    pub fn booted_mpython(image: &[u8]) -> Repl {
        static BOOTED: OnceLock<Repl> = OnceLock::new();
        let boot = || {
            let board = BoardDefinition::by_name("mpython").expect("a board that is built in");
            Repl::booted_on(image, &MachineConfig { board, ..MachineConfig::default() })
        };
        BOOTED.get_or_init(boot).clone()
    }

    /// Everything that the console has said.
    pub fn console(&self) -> String {
        String::from_utf8_lossy(&self.console).into_owned()
    }

    /// Runs until the console says `text` after what was matched before; returns what came before it.
    ///
    /// # Panics
    /// If it does not within `patience` of guest time.
    pub fn wait_for(&mut self, text: &str, patience: Span) -> String {
        let limit = self.machine.now() + patience;
        loop {
            let unseen = &self.console[self.seen..];
            if let Some(at) = unseen.windows(text.len()).position(|window| window == text.as_bytes()) {
                let before = String::from_utf8_lossy(&unseen[..at]).into_owned();
                self.seen += at + text.len();
                return before;
            }
            assert!(self.machine.now() < limit, "no {text:?} within {patience}; the console:\n{}", self.console());
            self.advance(limit);
        }
    }

    fn advance(&mut self, limit: Time) {
        if let Stop::Unmodelled(access) = self.machine.run_until(limit) {
            panic!("{access}");
        }
        self.console.extend(self.machine.uart_take(0).into_iter().map(|(_, byte)| byte));
    }

    /// Runs a script and gives the board `patience` to finish it.
    pub fn run_within(&mut self, script: &str, patience: Span) -> Output {
        self.start(script);
        let printed = self.wait_for("\x04", patience).replace("\r\n", "\n");
        let error = self.wait_for("\x04", patience).replace("\r\n", "\n");
        self.machine.uart_send(0, LEAVE_RAW);
        self.wait_for(PROMPT, patience);
        Output { printed, error }
    }

    /// Starts a script and does not wait for its end.
    pub fn start(&mut self, script: &str) {
        self.machine.uart_send(0, ENTER_RAW);
        self.wait_for("raw REPL; CTRL-B to exit\r\n>", Span::from_secs(2));
        for chunk in script.as_bytes().chunks(CHUNK) {
            self.machine.uart_send(0, chunk);
            self.machine.run_for(Span::from_millis(20));
        }
        self.machine.uart_send(0, EXECUTE);
        self.wait_for("OK", Span::from_secs(2));
    }

    /// Runs a script that must not fail, and returns what it printed.
    pub fn run(&mut self, script: &str) -> String {
        let output = self.run_within(script, Span::from_secs(10));
        assert_eq!(output.error, "", "script failed:\n{script}");
        output.printed
    }

    /// Waits until the board has started again and shows its prompt.
    pub fn wait_for_restart(&mut self) {
        self.wait_for("rst:", Span::from_secs(5));
        self.wait_for(PROMPT, Span::from_secs(5));
    }
}
