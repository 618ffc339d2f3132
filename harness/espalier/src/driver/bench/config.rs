//! The boards of a bench, by name: `bench.toml`.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::circuit::Circuit;
use super::error::BenchError;
use super::variables::BENCH_VARIABLE;
use crate::driver::Model;
use crate::driver::live::Routes;

/// The file's name where it is looked for.
const FILE: &str = "bench.toml";
/// Where it is looked for in the user's configuration.
const IN_CONFIG: &str = "espalier/bench.toml";

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default)]
    board: BTreeMap<String, Entry>,
}

/// The entry of one board in the file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Entry {
    /// A serial port, `rfc2217://host:port` or `socket://host:port`.
    pub(super) port: Option<String>,
    /// The serial number of its USB bridge, which finds it wherever it is plugged in.
    pub(super) serial: Option<String>,
    /// The chip's MAC address.
    pub(super) mac: Option<String>,
    model: Option<String>,
    /// Rates of the console and for flashing, in bits per second.
    pub(super) baud: Option<u32>,
    pub(super) flash_baud: Option<u32>,
    pub(super) reset: Option<Circuit>,
    /// The board's address, if its firmware does not say it.
    address: Option<Ipv4Addr>,
    /// This computer's address, as the board sees it.
    host: Option<Ipv4Addr>,
    /// Where connections to a port of the peer arrive here, and where a port of the board is reached from here.
    #[serde(default)]
    listen: BTreeMap<String, SocketAddr>,
    #[serde(default)]
    reach: BTreeMap<String, SocketAddr>,
    /// The debug probe that is wired to the board, as probe-rs selects it.
    pub(super) probe: Option<String>,
    wifi: Option<WifiEntry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WifiEntry {
    ssid_env: Option<String>,
    password_env: Option<String>,
    ssid: Option<String>,
    password: Option<IgnoredAny>,
}

/// The Wi-Fi network that a board on a bench may join.
///
/// ```
/// use espalier::WifiCredentials;
///
/// let network = WifiCredentials { ssid: "lab".to_owned(), password: None };
/// assert!(network.password.is_none(), "an open network");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct WifiCredentials {
    /// The network's name.
    pub ssid: String,
    /// Its password; none for an open network.
    pub password: Option<String>,
}

/// The password is nothing for logs.
impl std::fmt::Debug for WifiCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WifiCredentials").field("ssid", &self.ssid).finish_non_exhaustive()
    }
}

/// The file with the bench, read.
pub(super) struct Bench {
    pub(super) file: Option<PathBuf>,
    pub(super) boards: BTreeMap<String, Entry>,
}

impl Bench {
    /// Reads the file that `ESPALIER_BENCH` names, or the first `bench.toml` in this folder or one above it, or the user's.
    /// No file is no board.
    pub(super) fn load() -> Result<Bench, BenchError> {
        match find() {
            Some(file) => Bench::read(file),
            None => Ok(Bench { file: None, boards: BTreeMap::new() }),
        }
    }

    pub(super) fn read(file: PathBuf) -> Result<Bench, BenchError> {
        let wrong = |reason: String| BenchError::Config { file: file.clone(), reason };
        let text = std::fs::read_to_string(&file).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let Table { board: boards } = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        for (name, entry) in &boards {
            if let Some(wifi) = &entry.wifi
                && wifi.password.is_some()
            {
                return Err(BenchError::Secret { file, board: name.clone(), key: "password" });
            }
            entry.check().map_err(|reason| wrong(format!("board {name:?}: {reason}")))?;
        }
        Ok(Bench { file: Some(file), boards })
    }
}

fn find() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(BENCH_VARIABLE) {
        return Some(path.into());
    }
    let here = std::env::current_dir().ok()?;
    let above = here.ancestors().map(|folder| folder.join(FILE)).find(|path| path.is_file());
    above.or_else(|| {
        let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
        let config = config.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".config")))?;
        Some(config.join(IN_CONFIG)).filter(|path| path.is_file())
    })
}

impl Entry {
    fn check(&self) -> Result<(), String> {
        if self.port.is_none() && self.serial.is_none() && self.mac.is_none() {
            return Err("nothing says where it is: give it a port, or a serial number of its USB bridge".to_owned());
        }
        if let Some(model) = &self.model {
            model.parse::<Model>().map_err(|error| error.to_string())?;
        }
        ports(&self.listen)?;
        ports(&self.reach)?;
        match &self.wifi {
            Some(WifiEntry { ssid: None, ssid_env: None, .. }) => {
                Err("its wifi has neither ssid nor ssid-env".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// The board around the chip, if the file says.
    pub(super) fn model(&self) -> Option<Model> {
        self.model.as_ref()?.parse().ok()
    }

    pub(super) fn routes(&self) -> Routes {
        Routes {
            peer: self.host,
            board: self.address,
            bind: None,
            listen: ports(&self.listen).unwrap_or_default(),
            reach: ports(&self.reach).unwrap_or_default(),
        }
    }

    /// Whether a network is described that the board may join.
    pub(super) fn has_wifi(&self) -> bool {
        self.wifi.is_some()
    }

    /// The network that it may join, with what the environment says now.
    pub(super) fn wifi(&self, board: &str) -> Result<Option<WifiCredentials>, BenchError> {
        let Some(wifi) = &self.wifi else { return Ok(None) };
        let read = |what: &'static str, variable: &String| {
            let unset = |_| BenchError::Unset { board: board.to_owned(), what, variable: variable.clone() };
            std::env::var(variable).map_err(unset)
        };
        let ssid = match (&wifi.ssid_env, &wifi.ssid) {
            (Some(variable), _) => read("network name", variable)?,
            (None, ssid) => ssid.clone().unwrap_or_default(),
        };
        let password = wifi.password_env.as_ref().map(|variable| read("password", variable)).transpose()?;
        Ok(Some(WifiCredentials { ssid, password }))
    }
}

/// The keys of TOML's tables are text.
fn ports(table: &BTreeMap<String, SocketAddr>) -> Result<BTreeMap<u16, SocketAddr>, String> {
    let port = |key: &str| key.parse().map_err(|_| format!("{key:?} is not a port"));
    table.iter().map(|(key, address)| Ok((port(key)?, *address))).collect()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::path::PathBuf;

    use super::{Bench, BenchError};
    use crate::driver::Model;

    fn read(text: &str) -> Result<Bench, BenchError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bench.toml");
        std::fs::write(&file, text).unwrap();
        Bench::read(file)
    }

    #[test]
    fn a_board_is_described() {
        let text = r#"
            [board.left]
            serial = "DN02"
            mac = "24:0a:c4:00:01:10"
            model = "mpython"
            flash-baud = 460800
            reset = "classic"
            host = "192.168.4.2"
            listen = { 5001 = "127.0.0.1:15001" }

            [board.left.wifi]
            ssid = "workshop"
            password-env = "ESPALIER_TEST_PASSWORD_THAT_IS_NOT_SET"
        "#;
        let bench = read(text).unwrap();
        let left = &bench.boards["left"];
        assert_eq!((left.model(), left.flash_baud), (Some(Model::MPython), Some(460_800)));
        let routes = left.routes();
        assert_eq!(routes.peer, Some(Ipv4Addr::new(192, 168, 4, 2)));
        assert_eq!(routes.listen[&5001].port(), 15001);
        let error = left.wifi("left").unwrap_err().to_string();
        assert_eq!(
            error,
            "board \"left\" takes its Wi-Fi password from ESPALIER_TEST_PASSWORD_THAT_IS_NOT_SET, which is not set"
        );
    }

    #[test]
    fn a_password_in_the_file_is_refused() {
        let error = read("[board.x]\nport = \"/dev/ttyUSB0\"\nwifi = { ssid = \"w\", password = \"secret\" }").err();
        let error = error.unwrap().to_string();
        assert!(error.contains("password-env = \"BENCH_WIFI_PASSWORD\""), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn wrong_entries_are_refused() {
        for (text, part) in [
            ("[board.x]", "nothing says where it is"),
            ("[board.x]\nport = \"p\"\nspeed = 1", "unknown field `speed`"),
            ("[board.x]\nport = \"p\"\nmodel = \"toaster\"", "\"toaster\" is not a model"),
            ("[board.x]\nport = \"p\"\nlisten = { http = \"127.0.0.1:80\" }", "\"http\" is not a port"),
            ("[board.x]\nport = \"p\"\nwifi = {}", "neither ssid nor ssid-env"),
            ("[board.x]\nport = \"p\"\nreset = \"hammer\"", "unknown variant `hammer`"),
        ] {
            let error = read(text).err().unwrap().to_string();
            assert!(error.contains(part), "{error}");
        }
        let error = Bench::read(PathBuf::from("/nowhere/bench.toml")).err().unwrap().to_string();
        assert!(error.starts_with("/nowhere/bench.toml: cannot be read: "), "{error}");
    }
}
