//! The networks in the air, as a page lists them, and those that a person has taken away.

use espalier_net::{AccessPoint, Air, AirError};
use serde_json::{Value, json};

/// Networks that were taken away. They come back with the settings that they had.
#[derive(Debug, Default)]
pub struct Away(Vec<AccessPoint>);

impl Away {
    /// All networks are where they were.
    pub const NONE: &'static Away = &Away(Vec::new());

    /// Takes the networks of this name out of the air, or gives them back.
    ///
    /// # Errors
    /// If there is no such network, neither in the air nor taken away.
    pub fn set(&mut self, air: &mut Air, ssid: &str, on: bool) -> Result<(), AirError> {
        let present: Vec<AccessPoint> = air.networks().filter(|network| network.ssid == ssid).cloned().collect();
        if !on {
            air.remove_access_point(ssid)?;
            self.0.extend(present);
            return Ok(());
        }
        let (back, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.0).into_iter().partition(|one| one.ssid == ssid);
        self.0 = rest;
        if back.is_empty() && present.is_empty() {
            return Err(AirError::NoSuchNetwork { ssid: ssid.to_owned() });
        }
        back.into_iter().try_for_each(|network| air.add_access_point(network).map(drop))
    }

    /// The networks around the boards, those that boards announce, and those that were taken away.
    pub fn networks(&self, air: &Air) -> Value {
        let listed = |network: &AccessPoint| {
            json!({
                "ssid": network.ssid, "channel": network.channel, "protected": network.password.is_some(),
                "rssi": network.rssi,
            })
        };
        let around = air.networks().map(|network| {
            let mut told = listed(network);
            told["stations"] = json!(air.stations(&network.ssid).len());
            told
        });
        let own = air.announced().into_iter().map(|network| {
            json!({"ssid": network.ssid, "channel": network.channel, "protected": network.protected, "own": true})
        });
        let away = self.0.iter().map(|network| {
            let mut told = listed(network);
            told["away"] = json!(true);
            told
        });
        around.chain(own).chain(away).collect()
    }
}

#[cfg(test)]
mod tests {
    use espalier_net::{AccessPoint, Air};
    use serde_json::json;

    use super::Away;

    #[test]
    fn a_network_comes_back_as_it_was() {
        let (mut air, mut away) = (Air::new(0), Away::default());
        let home = AccessPoint { password: Some("correct horse".to_owned()), channel: 6, ..AccessPoint::new("home") };
        air.add_access_point(home.clone()).unwrap();
        let before = away.networks(&air);
        away.set(&mut air, "home", false).unwrap();
        assert_eq!(air.networks().count(), 0);
        assert_eq!(away.networks(&air)[0]["away"], json!(true));
        assert!(away.set(&mut air, "home", false).unwrap_err().to_string().contains("no network \"home\""));
        away.set(&mut air, "home", true).unwrap();
        assert_eq!(air.networks().collect::<Vec<_>>(), [&home]);
        assert_eq!(away.networks(&air), before);
        away.set(&mut air, "home", true).unwrap();
        assert_eq!(air.networks().count(), 1, "it was there already");
        assert!(away.set(&mut air, "office", true).is_err());
    }
}
