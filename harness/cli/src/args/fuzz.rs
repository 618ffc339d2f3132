//! Options of `espalier fuzz`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use espalier::Span;

use super::parse::{flash_offset, span};
use super::shared::{SetupArgs, TableArgs};

const EXAMPLES: &str = "\
Examples:
  espalier fuzz firmware.bin --ready listening --input tcp:5001 --for 10m --corpus corpus
      what the firmware reads on a connection to its port 5001
  espalier fuzz firmware.bin --send \"server 5001\" --ready listening --input ethernet
      frames of any kind
  espalier replay target/espalier/findings/fuzz-panic-01234567.toml
      what was found, again

Each input goes to a fork of the board as it stands once --ready has come. What it
executes is interpreted and counted; an input that leads to new jumps is kept in the
corpus and mutated further. Findings: panics, aborts, illegal accesses, watchdogs,
other resets, messages of a broken heap, text of --fail-on, and endless loops, if the
board rests by itself. Each is shrunk and written for `espalier replay`.

Exit status: 0 if nothing was found, 1 if something was, 130 after Ctrl-C.";

/// Arguments of `espalier fuzz`. A build without the feature `fuzz` takes them, too, and says how to get one.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct FuzzArgs {
    /// The firmware: an image, an ELF file, or the folder of a build.
    #[arg(value_name = "FIRMWARE")]
    pub firmware: PathBuf,
    /// Where the bytes go: uart or uart:NUMBER, tcp:PORT, udp:PORT, ethernet, wifi, flash:OFFSET.
    #[arg(long, value_name = "WHERE", value_parser = input)]
    pub input: FuzzInput,
    /// For how long, in the host's time.
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = span)]
    pub time: Span,
    /// Begin with the inputs in this folder, and add those that lead to something new.
    #[arg(long, value_name = "FOLDER")]
    pub corpus: Option<PathBuf>,
    /// Begin with this file's bytes, too: something that the firmware understands. May be given several times.
    #[arg(long, value_name = "FILE")]
    pub example: Vec<PathBuf>,
    /// Type this line into the console first, once the board rests. May be given several times.
    #[arg(long, value_name = "LINE")]
    pub send: Vec<String>,
    /// Wait for this text on the console before the first input.
    #[arg(long, value_name = "TEXT")]
    pub ready: Option<String>,
    /// An input after which the console has this text is a finding. May be given several times.
    #[arg(long, value_name = "TEXT")]
    pub fail_on: Vec<String>,
    /// End with the first finding.
    #[arg(long)]
    pub first: bool,
    /// Look at a board for at least so long after an input, in its time: longer than it sleeps or waits for parts in between.
    #[arg(long, value_name = "TIME", default_value = "2ms", value_parser = span)]
    pub least: Span,
    /// A board that is busy with an input for so long, in its time, is in an endless loop.
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = span)]
    pub most: Span,
    /// Number of threads: as many as there are cores, unless it is said.
    #[arg(long, value_name = "NUMBER")]
    pub threads: Option<NonZeroUsize>,
    #[command(flatten)]
    pub setup: SetupArgs,
    #[command(flatten)]
    pub table: TableArgs,
}

/// Where inputs go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FuzzInput {
    Uart(usize),
    Tcp(u16),
    Udp(u16),
    Ethernet,
    Wifi,
    Flash(u32),
}

fn input(text: &str) -> Result<FuzzInput, String> {
    let (kind, value) = text.split_once(':').map_or((text, None), |(kind, value)| (kind, Some(value)));
    let port = |value: &str| match value.parse() {
        Ok(port @ 1..) => Ok(port),
        _ => Err(format!("{value:?} is not a port between 1 and 65535")),
    };
    match (kind, value) {
        ("uart", None) => Ok(FuzzInput::Uart(0)),
        ("uart", Some(value)) => {
            value.parse().map(FuzzInput::Uart).map_err(|_| format!("{value:?} is not the number of a UART"))
        }
        ("tcp", Some(value)) => port(value).map(FuzzInput::Tcp),
        ("udp", Some(value)) => port(value).map(FuzzInput::Udp),
        ("ethernet", None) => Ok(FuzzInput::Ethernet),
        ("wifi", None) => Ok(FuzzInput::Wifi),
        ("flash", Some(value)) => flash_offset(value).map(FuzzInput::Flash),
        _ => Err(format!(
            "{text:?} is no way into a board; it is uart, uart:NUMBER, tcp:PORT, udp:PORT, ethernet, wifi or flash:OFFSET"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{FuzzInput, input};

    #[test]
    fn ways_into_a_board_are_read_or_explained() {
        assert_eq!(input("uart"), Ok(FuzzInput::Uart(0)));
        assert_eq!(input("uart:1"), Ok(FuzzInput::Uart(1)));
        assert_eq!(input("tcp:5001"), Ok(FuzzInput::Tcp(5001)));
        assert_eq!(input("udp:53"), Ok(FuzzInput::Udp(53)));
        assert_eq!(input("ethernet"), Ok(FuzzInput::Ethernet));
        assert_eq!(input("wifi"), Ok(FuzzInput::Wifi));
        assert_eq!(input("flash:0x9000"), Ok(FuzzInput::Flash(0x9000)));
        assert!(input("tcp:0").unwrap_err().contains("is not a port"));
        assert!(input("tcp").unwrap_err().contains("is no way into a board"));
        assert!(input("flash:0x9001").unwrap_err().contains("flash sector"));
    }
}
