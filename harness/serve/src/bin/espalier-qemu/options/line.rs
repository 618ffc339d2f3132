//! The command line as it is read. What refers to something that may come later is put together at the end.

use std::net::SocketAddr;
use std::path::PathBuf;

use espalier_core::Timing;
use espalier_serve::{Endpoint, HostForward, Pace, Protocol, StreamConfig};
use espalier_soc::Strap;

use super::chardev::{Chardev, Named, Target};
use super::drive::{Drive, Wired};
use super::{Options, Parsed};

/// The user of a character device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Serial,
    Monitor,
    Qmp,
    Gdb,
}

/// Serial ports of the chip.
const UARTS: usize = 3;

/// A character device with everything that uses it.
struct Device {
    /// Empty: it has none.
    name: String,
    chardev: Chardev,
    roles: Vec<Role>,
    /// The serial port that uses it, if one does.
    uart: usize,
}

/// Where serial ports, monitors and debuggers lead.
struct Connected {
    /// UARTs that are pseudo-terminals, and what QEMU calls these.
    ptys: Vec<(usize, String)>,
    streams: Vec<StreamConfig>,
    /// Keys of the terminal send signals.
    signals: bool,
}

/// The bytes that were read.
#[derive(Debug, Default)]
pub struct Line {
    /// Answer to `help` as the value of an option.
    pub answer: Option<&'static str>,
    pub drives: Vec<(Wired, Drive)>,
    pub snapshot: bool,
    pub psram_size: Option<u32>,
    pub kernel: Option<PathBuf>,
    /// The drive that the eFuses are to use.
    pub efuse_drive: Option<String>,
    pub chardevs: Vec<(String, Chardev)>,
    /// Serial ports in their order, and monitors.
    pub users: Vec<(Role, Named)>,
    pub nographic: bool,
    pub no_defaults: bool,
    pub gdb: Option<SocketAddr>,
    pub cable_to: Option<SocketAddr>,
    pub host_forwards: Vec<HostForward>,
    pub strap: Option<Strap>,
    pub paused: bool,
    pub ends_with_reset: bool,
    pub fast: bool,
    pub timing: Option<Timing>,
    pub daemonize: bool,
    pub pid_file: Option<PathBuf>,
    pub notes: Vec<String>,
}

impl Line {
    /// Something has no meaning here.
    pub fn note(&mut self, option: &str, value: &str, reason: &str) {
        let space = if value.is_empty() { "" } else { " " };
        self.notes.push(format!("{option}{space}{value}: has no effect: {reason}"));
    }

    /// The request of the whole line.
    pub fn finish(mut self) -> Parsed<Options> {
        let mut flash = None;
        let mut efuses = None;
        for (wired, mut drive) in std::mem::take(&mut self.drives) {
            drive.written_back &= !self.snapshot;
            let place = match wired {
                Wired::Flash => &mut flash,
                Wired::ToDevice { id } if self.efuse_drive.as_ref() == Some(&id) => &mut efuses,
                Wired::ToDevice { id } => {
                    return Err(format!(
                        "drive '{id}' is used by no device; the eFuses use it by -global \
                         driver=nvram.esp32.efuse,property=drive,value={id}"
                    ));
                }
            };
            if place.replace(drive).is_some() {
                return Err("two drives are the same memory".to_owned());
            }
        }
        if let (Some(id), None) = (&self.efuse_drive, &efuses) {
            return Err(format!("the eFuses use drive '{id}', which is not there: -drive if=none,id={id},file=..."));
        }
        if self.daemonize && self.nographic {
            return Err("-nographic cannot be used with -daemonize: there is no terminal then".to_owned());
        }
        self.add_defaults();
        let Connected { ptys, streams, signals } = self.connect()?;
        if self.daemonize && streams.iter().any(|stream| stream.endpoint == Endpoint::Stdio) {
            return Err("stdio cannot be used with -daemonize: there is no terminal then".to_owned());
        }
        Ok(Options {
            flash,
            efuses,
            psram_size: self.psram_size,
            kernel: self.kernel,
            ptys,
            streams,
            gdb: self.gdb,
            cable_to: self.cable_to,
            host_forwards: self.host_forwards,
            strap: self.strap.unwrap_or(Strap::FlashBoot),
            paused: self.paused,
            ends_with_reset: self.ends_with_reset,
            pace: self.fast.then_some(Pace::Fast),
            timing: self.timing,
            signals,
            daemonize: self.daemonize,
            pid_file: self.pid_file,
            notes: self.notes,
        })
    }

    /// Adds QEMU's defaults: the serial port, and the monitor if no other option replaces it. Without `-nographic` QEMU puts
    /// them into a window; there is none here, so that standard input and output are used unless they are taken.
    fn add_defaults(&mut self) {
        let has = |role| self.users.iter().any(|(other, _)| *other == role);
        let serial = !has(Role::Serial) && !self.no_defaults;
        let monitor = !has(Role::Monitor) && !has(Role::Qmp) && !self.no_defaults;
        let by_id = |id: &String| self.chardevs.iter().any(|(other, chardev)| other == id && chardev.is_stdio());
        let taken = self.users.iter().any(|(_, named)| match named {
            Named::Own(chardev) => chardev.is_stdio(),
            Named::ById(id) => by_id(id),
        });
        if !self.nographic && (taken || self.daemonize || !serial) {
            return;
        }
        match (serial, monitor) {
            (true, muxed) => self.users.push((Role::Serial, Named::Own(Chardev::stdio(muxed)))),
            (false, true) if !taken => self.users.push((Role::Monitor, Named::Own(Chardev::stdio(false)))),
            (false, _) => {}
        }
    }

    /// Brings together character devices and who uses them; the n-th serial port is UARTn.
    fn connect(&self) -> Parsed<Connected> {
        let (mut devices, mut serials) = (Vec::<Device>::new(), 0);
        for (role, named) in &self.users {
            let (name, chardev, mut roles) = match named {
                Named::Own(chardev) if chardev.mux => (String::new(), chardev, vec![*role, Role::Monitor]),
                Named::Own(chardev) => (String::new(), chardev, vec![*role]),
                Named::ById(id) => {
                    let found = self.chardevs.iter().find(|(other, _)| other == id);
                    let (_, chardev) = found.ok_or_else(|| format!("chardev '{id}' is not there"))?;
                    (id.clone(), chardev, vec![*role])
                }
            };
            let uart = serials;
            if *role == Role::Serial {
                serials += 1;
                if serials > UARTS {
                    return Err(format!("the chip has {UARTS} serial ports"));
                }
            }
            match devices.iter_mut().find(|other| !name.is_empty() && other.name == name) {
                Some(device) if chardev.mux => {
                    device.roles.append(&mut roles);
                    device.uart = if *role == Role::Serial { uart } else { device.uart };
                }
                Some(_) => return Err(format!("chardev '{name}' has one user already; mux=on lets it have several")),
                None => devices.push(Device { name, chardev: chardev.clone(), roles, uart }),
            }
        }
        let (mut ptys, mut streams, mut signals) = (Vec::new(), Vec::new(), true);
        for Device { name, chardev, roles, uart } in devices {
            let protocol = match roles[..] {
                [Role::Serial] => Protocol::Serial,
                [Role::Monitor] => Protocol::Monitor,
                [Role::Qmp] => Protocol::Qmp,
                [Role::Gdb] => Protocol::Gdb,
                [Role::Serial, Role::Monitor] | [Role::Monitor, Role::Serial] => Protocol::SerialAndMonitor,
                _ => return Err(format!("chardev '{name}' can carry a serial port and a monitor, and nothing else")),
            };
            match chardev.target {
                None => {}
                Some(Target::Pty) if protocol == Protocol::Serial => {
                    ptys.push((uart, if name.is_empty() { format!("serial{uart}") } else { name }));
                }
                Some(Target::Pty) => return Err("only a serial port can be a pty".to_owned()),
                Some(Target::Stream(endpoint)) => {
                    if endpoint == Endpoint::Stdio {
                        signals = chardev.signal;
                    }
                    // Only those that carry a UART have one.
                    let uart = if roles.contains(&Role::Serial) { uart } else { 0 };
                    streams.push(StreamConfig { protocol, uart, endpoint, telnet: chardev.telnet, wait: chardev.wait });
                }
            }
        }
        if streams.iter().filter(|stream| stream.endpoint == Endpoint::Stdio).count() > 1 {
            return Err("cannot use stdio by multiple character devices".to_owned());
        }
        Ok(Connected { ptys, streams, signals })
    }
}
