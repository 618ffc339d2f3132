//! The commands of the monitor. Every answer is text for a person; an empty one says that the command was carried out.

use std::fmt::Write;

use espalier_core::Time;
use espalier_soc::Strap;

use crate::address::resolve;
use crate::config::HostForward;
use crate::files::Files;
use crate::forward;
use crate::handle::{BoardHandle, Gone};
use crate::screendump::screendump;

/// Every command, with its argument and what it does.
const COMMANDS: [(&str, &str, &str); 12] = [
    ("help", "", "show this; ? as well"),
    ("info", "name|status|version", "say something about the board"),
    ("stop", "", "stop the board; s as well"),
    ("cont", "", "let it go on; c as well"),
    ("system_reset", "", "reset it"),
    ("system_powerdown", "", "switch it off: the program ends"),
    ("screendump", "FILE", "write what the display shows, as PPM, or as PNG if the name ends so"),
    ("set_link", "NAME on|off", "plug the Ethernet cable in, or pull it out"),
    ("hostfwd_add", "tcp:[ADDRESS]:PORT-:BOARDPORT", "lead a port of the host to a port of the board"),
    ("hostfwd_remove", "tcp:[ADDRESS]:PORT", "stop that"),
    ("quit", "", "switch the board off: the program ends; q as well"),
    ("exit_preconfig", "", "nothing: the board is configured"),
];

/// Does what a line says, and returns the answer.
pub(crate) async fn command(board: &BoardHandle, files: &Files, line: &str) -> String {
    let mut words = line.split_whitespace();
    let Some(name) = words.next() else { return String::new() };
    let arguments: Vec<&str> = words.collect();
    match perform(board, files, name, &arguments).await {
        Ok(answer) => answer,
        Err(Gone) => format!("{Gone}\n"),
    }
}

async fn perform(board: &BoardHandle, files: &Files, name: &str, arguments: &[&str]) -> Result<String, Gone> {
    let done = Ok(String::new());
    match (name, arguments) {
        ("help" | "?", _) => Ok(help()),
        ("info", ["status"]) => {
            let status = board.status().await?;
            let time = status.now.since(Time::ZERO).as_secs_f64();
            Ok(match (status.halted, status.running) {
                (Some(reason), _) => format!("VM status: internal-error ({reason})\n"),
                (None, true) => format!("VM status: running ({time:.6} s of board time)\n"),
                (None, false) => format!("VM status: paused ({time:.6} s of board time)\n"),
            })
        }
        ("info", ["version"]) => Ok(concat!("9.2.2 (espalier ", env!("CARGO_PKG_VERSION"), ")\n").to_owned()),
        ("info", ["name"]) => Ok("espalier\n".to_owned()),
        ("stop" | "s", []) => board.pause().and(done),
        ("cont" | "c", []) => board.resume().and(done),
        ("system_reset", []) => board.reset(Strap::FlashBoot).and(done),
        ("quit" | "q" | "system_powerdown", []) => board.quit().and(done),
        ("exit_preconfig", []) => done,
        ("screendump", [path, ..]) => match screendump(board, files, path.as_ref(), None).await {
            Ok(()) => done,
            Err(error) => Ok(format!("Error: {error}\n")),
        },
        // There is one network card, whatever the client calls it.
        ("set_link", [_, state @ ("on" | "off")]) => board.plug_cable(*state == "on").and(done),
        ("hostfwd_add", [rule] | [_, rule]) => Ok(add(board, rule).await.err().unwrap_or_default()),
        ("hostfwd_remove", [rule] | [_, rule]) => Ok(remove(board, rule).err().unwrap_or_default()),
        (name, _) => match COMMANDS.iter().find(|(known, ..)| *known == name) {
            Some((_, argument, _)) => Ok(format!("usage: {name} {argument}\n")),
            None => Ok(format!("unknown command: '{name}'; type 'help'\n")),
        },
    }
}

fn help() -> String {
    let mut text = String::new();
    for (name, argument, meaning) in COMMANDS {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{} -- {meaning}", format!("{name} {argument}").trim_end());
    }
    text
}

async fn add(board: &BoardHandle, rule: &str) -> Result<(), String> {
    let rule: HostForward = rule.parse().map_err(|reason| format!("invalid host forwarding rule: {reason}\n"))?;
    let refused = |error| format!("could not set up host forwarding rule on {}: {error}\n", rule.host);
    forward::add_host(rule, board).await.map_err(refused)
}

fn remove(board: &BoardHandle, rule: &str) -> Result<(), String> {
    let address = rule.strip_prefix("tcp:").unwrap_or(rule);
    let address = resolve(address).map_err(|reason| format!("invalid format: {reason}\n"))?;
    // QEMU says this when it has done it.
    let outcome = if board.forwards().remove(address) { "removed" } else { "not found" };
    Err(format!("host forwarding rule for {rule} {outcome}\n"))
}
