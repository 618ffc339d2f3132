//! Where serial ports and monitors lead: `-serial`, `-monitor`, `-qmp` in their short form, and `-chardev` in the long one.

use espalier_serve::{Endpoint, resolve};

use super::Parsed;
use super::fields::Fields;

/// A character device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chardev {
    /// None: nowhere.
    pub target: Option<Target>,
    pub telnet: bool,
    pub wait: bool,
    /// Several may use it, and Ctrl-A c changes who is talked to.
    pub mux: bool,
    /// Ctrl-C at the terminal ends the program.
    pub signal: bool,
}

/// The back end of a character device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Stream(Endpoint),
    Pty,
}

/// The value of `-serial` and similar options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// A device of its own.
    Own(Chardev),
    /// The `-chardev` of this name.
    ById(String),
}

impl Chardev {
    fn new(target: Option<Target>) -> Chardev {
        Chardev { target, telnet: false, wait: false, mux: false, signal: true }
    }

    pub fn stdio(mux: bool) -> Chardev {
        Chardev { mux, signal: !mux, ..Chardev::new(Some(Target::Stream(Endpoint::Stdio))) }
    }

    pub fn is_stdio(&self) -> bool {
        self.target == Some(Target::Stream(Endpoint::Stdio))
    }
}

/// The short form.
pub fn parse_short(value: &str) -> Parsed<Named> {
    let stream = |endpoint| Ok(Named::Own(Chardev::new(Some(Target::Stream(endpoint)))));
    if let Some(rest) = value.strip_prefix("mon:") {
        return match parse_short(rest)? {
            Named::Own(chardev) => Ok(Named::Own(Chardev { mux: true, signal: false, ..chardev })),
            Named::ById(_) => Err("a -chardev is muxed by mux=on".to_owned()),
        };
    }
    match value.split_once(':') {
        Some(("chardev", id)) => Ok(Named::ById(id.to_owned())),
        Some(("tcp", rest)) => socket(rest, false, false).map(Named::Own),
        Some(("telnet", rest)) => socket(rest, false, true).map(Named::Own),
        Some(("unix", rest)) => socket(rest, true, false).map(Named::Own),
        Some(("file", path)) => stream(Endpoint::File { path: path.into(), append: false }),
        _ => match value {
            "stdio" => Ok(Named::Own(Chardev::stdio(false))),
            "pty" => Ok(Named::Own(Chardev::new(Some(Target::Pty)))),
            // A character device in a window.
            "null" | "none" => Ok(Named::Own(Chardev::new(None))),
            _ if value == "vc" || value.starts_with("vc:") => Ok(Named::Own(Chardev::new(None))),
            _ => Err(
                "there are stdio, mon:stdio, pty, null, none, file:PATH, tcp:HOST:PORT, telnet:HOST:PORT, unix:PATH \
                      (each with ,server=on,wait=off), chardev:ID"
                    .to_owned(),
            ),
        },
    }
}

/// `ADDRESS[,server[,wait=off|nowait]]`.
fn socket(value: &str, unix: bool, telnet: bool) -> Parsed<Chardev> {
    let mut fields = Fields::read(value, Some("address"));
    let address = fields.value("address")?.ok_or("lacks an address")?;
    finish_socket(fields, &address, unix, telnet)
}

fn finish_socket(mut fields: Fields, address: &str, unix: bool, telnet: bool) -> Parsed<Chardev> {
    let server = fields.switch("server")?.unwrap_or(false);
    let wait = fields.switch("wait")?.unwrap_or(server);
    let telnet = telnet || fields.switch("telnet")?.unwrap_or(false);
    fields.ignore(&["delay", "nodelay", "ipv4", "ipv6", "reconnect", "reconnect-ms", "to"]);
    let endpoint = if unix {
        if server { Endpoint::UnixServer(address.into()) } else { Endpoint::UnixClient(address.into()) }
    } else {
        let address = resolve(address).map_err(|reason| reason.to_string())?;
        if server { Endpoint::TcpServer(address) } else { Endpoint::TcpClient(address) }
    };
    let mux = fields.switch("mux")?.unwrap_or(false);
    fields.finish()?;
    let chardev = Chardev::new(Some(Target::Stream(endpoint)));
    Ok(Chardev { telnet, wait: wait && server, mux, ..chardev })
}

/// The long form, with its name.
pub fn parse_long(value: &str) -> Parsed<(String, Chardev)> {
    let mut fields = Fields::read(value, Some("backend"));
    let backend = fields.value("backend")?.unwrap_or_default();
    let id = fields.value("id")?.ok_or("lacks id=")?;
    if let Some(log) = fields.value("logfile")? {
        return Err(format!("logfile={log} is not there; a serial port that leads to file:PATH is"));
    }
    fields.ignore(&["logappend"]);
    if backend == "socket" {
        let chardev = match (fields.value("path")?, fields.value("host")?, fields.value("port")?) {
            (Some(path), None, None) => finish_socket(fields, &path, true, false)?,
            (None, host, Some(port)) => {
                let address = format!("{}:{port}", host.unwrap_or_default());
                finish_socket(fields, &address, false, false)?
            }
            _ => return Err("a socket has a path=, or a host= and a port=".to_owned()),
        };
        return Ok((id, chardev));
    }
    let mux = fields.switch("mux")?.unwrap_or(false);
    let mut chardev = match backend.as_str() {
        "stdio" => {
            let signal = fields.switch("signal")?.unwrap_or(!mux);
            Chardev { signal, ..Chardev::stdio(mux) }
        }
        "pty" => Chardev::new(Some(Target::Pty)),
        "null" | "vc" => Chardev::new(None),
        "file" => {
            let path = fields.value("path")?.ok_or("lacks path=")?.into();
            let append = fields.switch("append")?.unwrap_or(false);
            Chardev::new(Some(Target::Stream(Endpoint::File { path, append })))
        }
        other => return Err(format!("'{other}' is not known; there are socket, stdio, pty, file and null")),
    };
    chardev.mux = mux;
    fields.ignore(&["width", "height", "cols", "rows"]);
    fields.finish()?;
    Ok((id, chardev))
}
