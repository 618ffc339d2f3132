//! Wi-Fi networks on the command line.

use std::str::FromStr;

use espalier::AccessPoint;

/// The longest name of a network, in bytes (IEEE 802.11, 9.4.2.2).
const SSID: usize = 32;
/// Length of a passphrase of WPA2 (IEEE 802.11, J.4.1).
const PASSPHRASE: std::ops::RangeInclusive<usize> = 8..=63;

/// A network around the board: `SSID` or `SSID:PASSWORD`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    pub ssid: String,
    pub password: Option<String>,
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Network, String> {
        let (ssid, password) = match text.split_once(':') {
            Some((ssid, password)) => (ssid, Some(password.to_owned())),
            None => (text, None),
        };
        if ssid.is_empty() || ssid.len() > SSID {
            return Err(format!("a network's name has 1 to {SSID} bytes, this one has {}", ssid.len()));
        }
        if let Some(password) = &password {
            if !PASSPHRASE.contains(&password.len()) {
                let (least, most, is) = (PASSPHRASE.start(), PASSPHRASE.end(), password.len());
                return Err(format!(
                    "the password of a WPA2 network has {least} to {most} characters, this one has {is}; without a colon, the network \
                     is open"
                ));
            }
            if !password.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
                return Err("the password of a WPA2 network has printable ASCII characters only".to_owned());
            }
        }
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

    #[test]
    fn wrong_names_and_passwords_of_networks_are_refused() {
        let refused = |text: &str| text.parse::<Network>().unwrap_err();
        assert!(refused("home:123").contains("has 8 to 63 characters, this one has 3"));
        assert!(refused("home:").contains("this one has 0"));
        assert!(refused(&format!("home:{}", "p".repeat(64))).contains("this one has 64"));
        assert!(refused("home:pässword").contains("printable ASCII"));
        assert!(refused(&"s".repeat(33)).contains("1 to 32 bytes, this one has 33"));
        assert!(refused(":password").contains("this one has 0"));
    }
}
