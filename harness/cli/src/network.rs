//! Wi-Fi networks on the command line.

use std::convert::Infallible;
use std::str::FromStr;

use espalier::AccessPoint;

/// A network around the board: `SSID` or `SSID:PASSWORD`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    pub ssid: String,
    pub password: Option<String>,
}

impl FromStr for Network {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Network, Infallible> {
        let (ssid, password) = match text.split_once(':') {
            Some((ssid, password)) => (ssid, Some(password.to_owned())),
            None => (text, None),
        };
        Ok(Network { ssid: ssid.to_owned(), password })
    }
}

impl From<&Network> for AccessPoint {
    fn from(network: &Network) -> AccessPoint {
        let open = AccessPoint::new(&network.ssid);
        match &network.password {
            Some(password) => open.password(password),
            None => open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Network;

    #[test]
    fn a_network_is_a_name_and_perhaps_a_password() {
        assert_eq!("home".parse(), Ok(Network { ssid: "home".into(), password: None }));
        assert_eq!("home:pass:word".parse(), Ok(Network { ssid: "home".into(), password: Some("pass:word".into()) }));
    }
}
