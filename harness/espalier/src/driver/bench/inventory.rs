//! The boards that `bench.toml` and the ports of this host offer for tests.

use super::config::Bench;
use super::error::BenchError;
use super::{Location, Port, locate, lock, usb};

/// A board that `ESPALIER_BOARD` can name.
///
/// ```
/// for board in espalier::known_boards()? {
///     println!("{}: {}{}", board.name, board.place, if board.present { "" } else { " (absent)" });
/// }
/// # Ok::<_, espalier::BenchError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownBoard {
    /// The value for `ESPALIER_BOARD`.
    pub name: String,
    /// Where it is: its port, or why it is nowhere.
    pub place: String,
    /// The USB ids and the serial number of its bridge.
    pub usb: Option<String>,
    /// Whether it can be used now, as far as can be seen without opening it.
    pub present: bool,
    /// Its user.
    pub holder: Option<String>,
}

/// The boards on the bench: those that `bench.toml` names, and every other serial port on USB.
///
/// # Errors
/// If `bench.toml` cannot be used, or the host does not list its ports.
pub fn known_boards() -> Result<Vec<KnownBoard>, BenchError> {
    let bench = Bench::load()?;
    let ports = usb::ports();
    let describe = |usb: &usb::UsbPort| {
        let serial = usb.serial.as_ref().map(|serial| format!(" {serial}")).unwrap_or_default();
        let bridge = usb.bridge().map(|bridge| format!(" ({bridge})")).unwrap_or_default();
        format!("{:04x}:{:04x}{serial}{bridge}", usb.vendor, usb.product)
    };
    let mut known = Vec::new();
    let mut named = Vec::new();
    for (name, entry) in bench.boards {
        known.push(match locate(&name, entry) {
            Ok(found) => {
                let holder = lock::holder(&found.location.key());
                match found.location {
                    Location::Usb(usb) => {
                        named.push(usb.path.clone());
                        KnownBoard { name, place: usb.path.clone(), usb: Some(describe(&usb)), present: true, holder }
                    }
                    Location::Port(port) => {
                        let present = !matches!(&port, Port::Serial(path) if !std::path::Path::new(path).exists());
                        KnownBoard { name, place: port.to_string(), usb: None, present, holder }
                    }
                }
            }
            Err(error) => KnownBoard { name, place: error.to_string(), usb: None, present: false, holder: None },
        });
    }
    for usb in ports.into_iter().filter(|usb| !named.contains(&usb.path)) {
        let (name, description) = (usb.path.clone(), describe(&usb));
        let (location, present) = (usb.path.clone(), usb.bridge().is_some());
        let holder = lock::holder(&Location::Usb(usb).key());
        known.push(KnownBoard { name, place: location, usb: Some(description), present, holder });
    }
    Ok(known)
}
