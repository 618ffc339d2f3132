//! Values on the command line.

use std::net::{IpAddr, SocketAddr};

use espalier::Span;
use espalier_scenario::Time;
use espalier_serve::Level;

/// Bits per second that a serial line can have: no host has fewer, and the chip's UART no more.
pub const BAUD: std::ops::RangeInclusive<i64> = 300..=5_000_000;

/// A port of the host that leads to a port of the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    pub host: u16,
    pub board: u16,
}

/// A port of the peer that leads to a server of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerForward {
    pub port: u16,
    pub host: SocketAddr,
}

/// A port to listen on, and perhaps an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub address: Option<IpAddr>,
    pub port: u16,
}

/// Pins to record, and the protocol on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// A pin, and the rate of the UART whose bytes it carries.
    Pin {
        pin: usize,
        baud: Option<u32>,
    },
    I2c {
        scl: usize,
        sda: usize,
    },
    Spi {
        sck: usize,
        data: usize,
        cs: Option<usize>,
    },
}

impl Signal {
    /// The pins.
    pub fn pins(self) -> impl Iterator<Item = usize> {
        let pins = match self {
            Signal::Pin { pin, .. } => [Some(pin), None, None],
            Signal::I2c { scl, sda } => [Some(scl), Some(sda), None],
            Signal::Spi { sck, data, cs } => [Some(sck), Some(data), cs],
        };
        pins.into_iter().flatten()
    }
}

pub fn signal(text: &str) -> Result<Signal, String> {
    let pin = |pin: &str| pin.trim().trim_start_matches("GPIO").parse::<usize>().ok();
    let baud =
        |baud: &str| baud.trim().parse::<u32>().map_err(|_| format!("{baud:?} is not a rate in bits per second"));
    let words: Vec<&str> = text.split(':').collect();
    let signal = match words[..] {
        ["i2c", scl, sda] => pin(scl).zip(pin(sda)).map(|(scl, sda)| Signal::I2c { scl, sda }),
        ["spi", sck, data] => pin(sck).zip(pin(data)).map(|(sck, data)| Signal::Spi { sck, data, cs: None }),
        ["spi", sck, data, cs] => {
            let pins = pin(sck).zip(pin(data)).zip(pin(cs));
            pins.map(|((sck, data), cs)| Signal::Spi { sck, data, cs: Some(cs) })
        }
        [one] => pin(one).map(|pin| Signal::Pin { pin, baud: None }),
        [one, rate] => match pin(one) {
            Some(pin) => Some(Signal::Pin { pin, baud: Some(baud(rate)?) }),
            None => None,
        },
        _ => None,
    };
    signal.ok_or_else(|| {
        format!(
            "{text:?} is neither a pin, such as 4, nor a pin with a UART's rate, such as 1:115200, nor a bus, such as i2c:SCL:SDA or \
             spi:SCK:DATA:CS"
        )
    })
}

/// Where a board is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// Its QMP.
    Qmp(String),
    /// Its page: host with port, and the query that has the token.
    Page { host: String, query: String },
}

pub fn at(text: &str) -> Result<At, String> {
    if let Some(page) = text.strip_prefix("http://") {
        let parts = page.split_once("/?").filter(|(_, query)| query.contains("token="));
        let (host, query) = parts.ok_or("the address of a page has a token, as in http://127.0.0.1:8080/?token=...")?;
        return Ok(At::Page { host: host.to_owned(), query: query.to_owned() });
    }
    let (host, number) = text.rsplit_once(':').unwrap_or(("127.0.0.1", text));
    Ok(At::Qmp(format!("{host}:{}", port(number)?)))
}

pub fn level(text: &str) -> Result<Level, String> {
    match text {
        "high" | "1" => Ok(Level::High),
        "low" | "0" => Ok(Level::Low),
        "released" | "release" => Ok(Level::Released),
        _ => Err("a pin is held high or low, or released".to_owned()),
    }
}

pub fn is_cut(text: &str) -> Result<bool, String> {
    match text {
        "cut" => Ok(true),
        "back" => Ok(false),
        _ => Err("a cable is cut, or put back".to_owned()),
    }
}

pub fn is_in_air(text: &str) -> Result<bool, String> {
    match text {
        "away" => Ok(false),
        "back" => Ok(true),
        _ => Err("a network is taken away, or given back".to_owned()),
    }
}

pub fn endpoint(text: &str) -> Result<Endpoint, String> {
    let (address, port) = match text.rsplit_once(':') {
        Some(("", port)) => (None, port),
        Some((address, port)) => {
            let address = address.trim_start_matches('[').trim_end_matches(']');
            (Some(address.parse().map_err(|_| format!("'{address}' is not an address"))?), port)
        }
        None => (None, text),
    };
    Ok(Endpoint { address, port: port.parse().map_err(|_| format!("'{port}' is not a port"))? })
}

pub fn flash_offset(text: &str) -> Result<u32, String> {
    let (digits, radix) = text.strip_prefix("0x").map_or((text, 10), |digits| (digits, 16));
    let offset = u32::from_str_radix(&digits.replace('_', ""), radix);
    offset
        .ok()
        .filter(|offset| offset.is_multiple_of(0x1000) && *offset < 16 << 20)
        .ok_or_else(|| format!("{text:?} is not a start of a flash sector, such as 0x8000 or 0x10000"))
}

pub fn forward(text: &str) -> Result<Forward, String> {
    let (host, board) = text.split_once(':').ok_or("expected HOSTPORT:BOARDPORT, such as 8080:80")?;
    Ok(Forward { host: port(host)?, board: port(board)? })
}

pub fn peer(text: &str) -> Result<PeerForward, String> {
    let (from, to) = text.split_once('=').ok_or("expected PORT=HOST:PORT, such as 5001=127.0.0.1:6001")?;
    let host = to.parse().map_err(|_| format!("{to:?} is not an address with a port, such as 127.0.0.1:6001"))?;
    Ok(PeerForward { port: port(from)?, host })
}

fn port(text: &str) -> Result<u16, String> {
    text.parse().ok().filter(|port| *port > 0).ok_or_else(|| format!("{text:?} is not a port between 1 and 65535"))
}

pub fn span(text: &str) -> Result<Span, String> {
    text.parse().map(|time: Time| time.0)
}

#[cfg(test)]
mod tests {
    use super::{At, Forward, at, flash_offset, forward, peer, span};
    use espalier::Units;

    #[test]
    fn times_and_ports_are_read_or_explained() {
        assert_eq!(span("2s"), Ok(2.s()));
        assert_eq!(span("1.5ms"), Ok(1_500.us()));
        assert!(span("2").unwrap_err().contains("is not a length of time"));
        assert_eq!(at("4444"), Ok(At::Qmp("127.0.0.1:4444".into())));
        assert_eq!(at("bench:4444"), Ok(At::Qmp("bench:4444".into())));
        let page = At::Page { host: "[::1]:80".into(), query: "token=a&board=1".into() };
        assert_eq!(at("http://[::1]:80/?token=a&board=1"), Ok(page));
        assert!(at("http://[::1]:80/").unwrap_err().contains("has a token"));
        assert!(at("0").unwrap_err().contains("is not a port"));
        assert_eq!(flash_offset("0x1_0000"), Ok(0x1_0000));
        assert_eq!(flash_offset("32768"), Ok(0x8000));
        assert!(["0x8001", "0x1000000", "there", "-1"].into_iter().all(|text| flash_offset(text).is_err()));
        assert_eq!(forward("8080:80"), Ok(Forward { host: 8080, board: 80 }));
        assert!(forward("8080:0").unwrap_err().contains("is not a port"));
        assert_eq!(peer("5001=127.0.0.1:6001").unwrap().host.port(), 6001);
        assert!(peer("5001=there").unwrap_err().contains("is not an address"));
    }
}
