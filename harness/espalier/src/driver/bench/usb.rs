//! Serial ports that are plugged in.

use std::path::Path;

use serialport::SerialPortType;

use super::circuit::Circuit;

/// The USB ids of the bridges that boards with an ESP32 have.
const BRIDGES: [(u16, u16, &str); 9] = [
    (0x10C4, 0xEA60, "Silicon Labs CP210x"),
    (0x10C4, 0xEA70, "Silicon Labs CP2105"),
    (0x1A86, 0x7523, "WCH CH340"),
    (0x1A86, 0x55D3, "WCH CH343"),
    (0x1A86, 0x55D4, "WCH CH9102"),
    (0x0403, 0x6001, "FTDI FT232R"),
    (0x0403, 0x6010, "FTDI FT2232H"),
    (0x0403, 0x6015, "FTDI FT-X"),
    USB_SERIAL_JTAG,
];
const USB_SERIAL_JTAG: (u16, u16, &str) = (0x303A, 0x1001, "Espressif USB-Serial-JTAG");
/// Where Linux lists its terminals; where there is no such folder, there are no ports to list.
const TERMINALS: &str = "/sys/class/tty";

/// A serial port on USB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UsbPort {
    pub(super) path: String,
    pub(super) vendor: u16,
    pub(super) product: u16,
    pub(super) serial: Option<String>,
}

impl UsbPort {
    /// The bridge that development boards have, if it is one.
    pub(super) fn bridge(&self) -> Option<&'static str> {
        let known = BRIDGES.iter().find(|(vendor, product, _)| (*vendor, *product) == (self.vendor, self.product));
        known.map(|(_, _, name)| *name)
    }

    pub(super) fn circuit(&self) -> Circuit {
        let (vendor, product, _) = USB_SERIAL_JTAG;
        if (self.vendor, self.product) == (vendor, product) { Circuit::UsbSerialJtag } else { Circuit::Classic }
    }

    /// Whether its serial number is this one; MAC addresses are written with and without colons.
    pub(super) fn has_serial(&self, wanted: &str) -> bool {
        let plain = |text: &str| text.replace([':', '-'], "").to_lowercase();
        self.serial.as_ref().is_some_and(|serial| plain(serial) == plain(wanted))
    }
}

/// Every serial port on USB that the system knows.
pub(super) fn ports() -> Vec<UsbPort> {
    if cfg!(target_os = "linux") && !Path::new(TERMINALS).is_dir() {
        return Vec::new();
    }
    let known = serialport::available_ports().unwrap_or_default();
    let usb = known.into_iter().filter_map(|port| match port.port_type {
        SerialPortType::UsbPort(usb) => {
            Some(UsbPort { path: port.port_name, vendor: usb.vid, product: usb.pid, serial: usb.serial_number })
        }
        _ => None,
    });
    let mut ports: Vec<_> = usb.collect();
    ports.sort_by(|one, other| one.path.cmp(&other.path));
    ports
}

#[cfg(test)]
mod tests {
    use super::{Circuit, UsbPort};

    #[test]
    fn bridges_are_known_by_their_ids() {
        let port = |vendor, product| UsbPort {
            path: "/dev/ttyUSB0".to_owned(),
            vendor,
            product,
            serial: Some("24:0A:C4:00:01:10".to_owned()),
        };
        assert_eq!(port(0x10C4, 0xEA60).bridge(), Some("Silicon Labs CP210x"));
        assert_eq!(port(0x046D, 0xC52B).bridge(), None);
        assert_eq!(port(0x303A, 0x1001).circuit(), Circuit::UsbSerialJtag);
        assert!(port(0x303A, 0x1001).has_serial("240ac4000110"));
    }
}
