//! The board's Ethernet: `-nic`, and `-netdev` with `-device` or `-net`, which are older ways to say the same.

use espalier_serve::resolve;

use super::Parsed;
use super::fields::Fields;
use super::line::Line;

const MODEL: &str = "open_eth";
/// Keys of QEMU's own network that this one does not have.
const USER_KEYS: [&str; 14] = [
    "net",
    "host",
    "dhcpstart",
    "dns",
    "dnssearch",
    "hostname",
    "domainname",
    "restrict",
    "tftp",
    "bootfile",
    "ipv4",
    "ipv6",
    "smb",
    "tftp-server-name",
];

/// `-nic` and `-netdev`: a network and the board's end of it.
pub fn take_nic(line: &mut Line, value: &str) -> Parsed<()> {
    let mut fields = Fields::read(value, Some("type"));
    check_model(&mut fields)?;
    fields.ignore(&["id", "name", "netdev"]);
    if fields.value("mac")?.is_some() {
        line.note("-nic", value, "the MAC address is that of the eFuses");
    }
    match fields.value("type")?.as_deref() {
        Some("none") => {}
        Some("user") => {
            for rule in fields.values("hostfwd")? {
                line.host_forwards
                    .push(rule.parse().map_err(|reason: espalier_serve::AddressError| reason.to_string())?);
            }
            for key in USER_KEYS {
                if fields.value(key).is_ok_and(|value| value.is_some()) {
                    line.note("-nic", key, "the network is as espalier has it");
                }
            }
        }
        Some("socket") => {
            let connect = fields.value("connect")?.ok_or("lacks connect=")?;
            line.cable_to = Some(resolve(&connect).map_err(|reason| reason.to_string())?);
        }
        _ => return Err("the networks are user, socket and none".to_owned()),
    }
    fields.finish()
}

/// `-net nic,...` for the board's end and `-net user,...` for the network.
pub fn take_net(line: &mut Line, value: &str) -> Parsed<()> {
    match value.strip_prefix("nic") {
        Some(rest) if rest.is_empty() || rest.starts_with(',') => {
            let mut fields = Fields::read(value, Some("type"));
            check_model(&mut fields)?;
            fields.ignore(&["type", "netdev", "id", "name", "macaddr"]);
            fields.finish()
        }
        _ => take_nic(line, value),
    }
}

/// `-device open_eth,netdev=ID`: nothing else can be plugged in.
pub fn take_device(line: &mut Line, value: &str) -> Parsed<()> {
    if value == "help" {
        line.answer = Some("Network devices:\nname \"open_eth\"\n");
        return Ok(());
    }
    let mut fields = Fields::read(value, Some("driver"));
    let driver = fields.value("driver")?.unwrap_or_default();
    if driver != MODEL {
        return Err(format!("'{driver}' is not a device that can be plugged in; there is {MODEL}"));
    }
    fields.ignore(&["netdev", "id", "mac"]);
    fields.finish()
}

fn check_model(fields: &mut Fields) -> Parsed<()> {
    match fields.value("model")? {
        Some(model) if model != MODEL => Err(format!("model '{model}' is not known; there is {MODEL}")),
        _ => Ok(()),
    }
}
