//! Applies options with a value to the command line.

use espalier_serve::Endpoint;
use espalier_soc::timing_named;

use super::Parsed;
use super::chardev::{Chardev, Named, Target, parse_long, parse_short};
use super::drive::parse_drive;
use super::fields::Fields;
use super::line::{Line, Role};

/// The machine, and its kind of core.
const MACHINE: &str = "esp32";
const MACHINES: &str = "\
Supported machines are:
esp32                Espressif ESP32, as espalier emulates it (default)
";
const CPUS: &str = "Available CPUs:\n  esp32\n";
const CORES: u32 = 2;
/// Why no display can be had.
pub const NO_WINDOW: &str = "there is no window; `espalier run --window` has one, and screendump writes the picture";

pub fn take_machine(line: &mut Line, value: &str) -> Parsed<()> {
    if value == "help" {
        line.answer = Some(MACHINES);
        return Ok(());
    }
    let mut fields = Fields::read(value, Some("type"));
    if fields.value("type")?.as_deref() != Some(MACHINE) {
        return Err(format!("unsupported machine type; there is {MACHINE}"));
    }
    fields.ignore(&["graphics", "accel", "usb"]);
    fields.finish()
}

pub fn take_cpu(line: &mut Line, value: &str) -> Parsed<()> {
    match value {
        "help" => line.answer = Some(CPUS),
        MACHINE => {}
        _ => return Err(format!("unable to find this CPU model; there is {MACHINE}")),
    }
    Ok(())
}

pub fn take_smp(line: &mut Line, value: &str) -> Parsed<()> {
    let mut fields = Fields::read(value, Some("cpus"));
    let mut count = 1;
    for key in ["cpus", "cores", "threads", "sockets", "maxcpus"] {
        let Some(number) = fields.value(key)? else { continue };
        let number: u32 = number.parse().map_err(|_| format!("'{number}' is not a number"))?;
        count = count.max(number);
    }
    fields.finish()?;
    match count {
        CORES => Ok(()),
        0 | 1 => {
            line.note("-smp", value, "the chip has two cores, and firmware starts the second one");
            Ok(())
        }
        _ => Err(format!("invalid SMP CPUs {count}; the machine has {CORES}")),
    }
}

pub fn take_memory(line: &mut Line, value: &str) -> Parsed<()> {
    let mut fields = Fields::read(value, Some("size"));
    let size = fields.value("size")?.unwrap_or_default();
    fields.ignore(&["slots", "maxmem"]);
    fields.finish()?;
    // A number alone counts megabytes.
    let digits = size.trim_end_matches(['M', 'm']);
    let amount: Option<u32> = digits.parse().ok();
    line.psram_size = match amount {
        Some(0) => None,
        Some(megabytes @ (2 | 4 | 8)) => Some(megabytes << 20),
        _ => return Err(format!("'{size}' is not the size of a PSRAM: 0, 2M, 4M and 8M are")),
    };
    Ok(())
}

pub fn take_drive(line: &mut Line, value: &str) -> Parsed<()> {
    line.drives.push(parse_drive(value)?);
    Ok(())
}

pub fn take_user(line: &mut Line, role: Role, value: &str) -> Parsed<()> {
    let named = parse_short(value)?;
    if let Named::Own(chardev) = &named
        && chardev.mux
        && role != Role::Serial
    {
        return Err("mon: puts a monitor beside a serial port".to_owned());
    }
    line.users.push((role, named));
    Ok(())
}

pub fn take_chardev(line: &mut Line, value: &str) -> Parsed<()> {
    let (id, chardev) = parse_long(value)?;
    if line.chardevs.iter().any(|(other, _)| *other == id) {
        return Err(format!("duplicate ID '{id}' for chardev"));
    }
    line.chardevs.push((id, chardev));
    Ok(())
}

pub fn take_mon(line: &mut Line, value: &str) -> Parsed<()> {
    let mut fields = Fields::read(value, Some("chardev"));
    let id = fields.value("chardev")?.ok_or("lacks chardev=")?;
    let role = match fields.value("mode")?.as_deref() {
        None | Some("readline") => Role::Monitor,
        Some("control") => Role::Qmp,
        Some(other) => return Err(format!("mode '{other}' is not known; there are readline and control")),
    };
    fields.ignore(&["pretty"]);
    fields.finish()?;
    line.users.push((role, Named::ById(id)));
    Ok(())
}

/// `none`, or where the server is: `tcp:HOST:PORT` is one whether it says so or not, the rest is as for `-serial`.
pub fn take_gdb(line: &mut Line, value: &str) -> Parsed<()> {
    line.gdb = None;
    line.users.retain(|(role, _)| *role != Role::Gdb);
    match parse_short(value)? {
        Named::Own(Chardev { target: None, .. }) => {}
        Named::Own(Chardev { mux: true, .. }) => return Err("mon: puts a monitor beside a serial port".to_owned()),
        Named::Own(Chardev {
            target: Some(Target::Stream(Endpoint::TcpServer(address) | Endpoint::TcpClient(address))),
            telnet: false,
            ..
        }) => line.gdb = Some(address),
        named => line.users.push((Role::Gdb, named)),
    }
    Ok(())
}

pub fn take_icount(line: &mut Line, value: &str) -> Parsed<()> {
    let mut fields = Fields::read(value, Some("shift"));
    let sleeps = fields.switch("sleep")?;
    if sleeps == Some(false) {
        line.fast = true;
    } else {
        line.note("-icount", value, "guest time is counted in cycles anyhow");
    }
    Ok(())
}

pub fn take_timing(line: &mut Line, value: &str) -> Parsed<()> {
    let timing = timing_named(value).ok_or_else(|| format!("'{value}' is not known; there are fast and silicon"))?;
    line.timing = Some(timing);
    Ok(())
}

pub fn take_display(line: &mut Line, value: &str) -> Parsed<()> {
    if value != "none" {
        line.note("-display", value, NO_WINDOW);
    }
    Ok(())
}

pub fn take_action(line: &mut Line, value: &str) -> Parsed<()> {
    let mut fields = Fields::read(value, None);
    match fields.value("reboot")?.as_deref() {
        None => {}
        Some("shutdown") => line.ends_with_reset = true,
        Some("reset") => line.ends_with_reset = false,
        Some(other) => return Err(format!("reboot={other} is not known; there are reset and shutdown")),
    }
    for (event, reason) in [
        ("shutdown", "nothing that the firmware does switches the board off"),
        ("panic", "the chip knows no panic"),
        ("watchdog", "a watchdog resets the chip, as on silicon"),
    ] {
        if fields.value(event)?.is_some() {
            line.note("-action", event, reason);
        }
    }
    fields.finish()
}
