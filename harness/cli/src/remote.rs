//! `espalier press`, `set`, `pin`, `cable`, `network` and `screen save`: what a hand does to a board that is served, for scripts.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use espalier::Span;
use espalier_serve::{Action, Level};
use serde_json::{Value, json};

use crate::args::{At, AtArgs, PressArgs};
use crate::error::CliError;
use crate::output::say;

/// Time limit for an answer of the board.
const PATIENCE: Duration = Duration::from_secs(30);

/// Presses a button or a touch pad.
pub fn press(args: PressArgs) -> Result<bool, CliError> {
    let pressed = if args.down || args.up { Some(args.down) } else { None };
    let milliseconds = args.length.map(|length: Span| length.as_micros().div_ceil(1000));
    act(&args.at, Action::Press { part: args.part, pressed, milliseconds })?;
    Ok(true)
}

/// Sets a property of a part.
pub fn set(part: String, property: String, value: &str, at: &AtArgs) -> Result<bool, CliError> {
    let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
    act(at, Action::Set { part, property, value })?;
    Ok(true)
}

/// Prints what a pin carries, after it was driven if that is asked for.
pub fn pin(gpio: usize, level: Option<Level>, at: &AtArgs) -> Result<bool, CliError> {
    let carried = act(at, Action::Pin { gpio, level })?;
    match (carried["hertz"].as_f64(), carried["duty"].as_f64()) {
        (Some(hertz), Some(duty)) => say!("pulses, {hertz} Hz, {:.1} % high", 100.0 * duty),
        _ => say!("{}", if carried["level"] == 1 { "high" } else { "low" }),
    }
    Ok(true)
}

/// Prints whether the Ethernet cable is cut, after it was cut or put back if that is asked for.
pub fn cable(cut: Option<bool>, at: &AtArgs) -> Result<bool, CliError> {
    if let Some(cut) = cut {
        act(at, Action::Cable { cut })?;
    }
    let seen = act(at, Action::State)?;
    say!("{}", if seen["cable"]["cut"] == true { "cut" } else { "plugged in" });
    Ok(true)
}

/// Takes a network away or gives it back, or prints those that there are.
pub fn network(change: Option<(String, bool)>, at: &AtArgs) -> Result<bool, CliError> {
    if let Some((ssid, on)) = change {
        act(at, Action::Network { ssid, on })?;
        return Ok(true);
    }
    let seen = act(at, Action::State)?;
    for network in seen["networks"].as_array().into_iter().flatten() {
        say!("{}", described(network));
    }
    Ok(true)
}

/// A network of the page in a line.
fn described(network: &Value) -> String {
    let mut told = network["ssid"].as_str().unwrap_or_default().to_owned();
    told +=
        &format!("  channel {}, {}", network["channel"], if network["protected"] == true { "WPA2" } else { "open" });
    if let Some(rssi) = network["rssi"].as_i64() {
        told += &format!(", {rssi} dBm");
    }
    if let Some(stations) = network["stations"].as_u64() {
        told += &format!(", {stations} joined");
    }
    for (field, text) in [("own", ", the board's own"), ("away", ", taken away")] {
        if network[field] == true {
            told += text;
        }
    }
    told
}

/// Saves what a display shows.
pub fn save_screen(file: &Path, display: Option<String>, at: &AtArgs) -> Result<bool, CliError> {
    let picture = act(at, Action::Screen { display })?;
    let png = picture["png"].as_str().and_then(|text| BASE64_STANDARD.decode(text).ok());
    let png = png.ok_or_else(|| CliError::Refused { reason: format!("the board sent no picture: {picture}") })?;
    espalier_files::write(file, &png).map_err(CliError::file("write", file))?;
    say!("{} ({}x{})", file.display(), picture["width"], picture["height"]);
    Ok(true)
}

/// Has a board do something, and returns what it says.
fn act(at: &AtArgs, action: Action) -> Result<Value, CliError> {
    let action = json!(action);
    let (place, answer) = match &at.at {
        At::Qmp(address) => (address, over_qmp(address, action)),
        At::Page { host, query } => (host, over_http(host, query, &action)),
    };
    let answer = answer.map_err(|source| CliError::Unreachable { at: place.clone(), source })?;
    let reason = [&answer["error"], &answer["error"]["desc"]].into_iter().find_map(Value::as_str);
    match reason {
        Some(reason) => Err(CliError::Refused { reason: reason.to_owned() }),
        None => Ok(answer),
    }
}

fn connect(address: &str) -> std::io::Result<TcpStream> {
    let socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

fn over_qmp(address: &str, mut action: Value) -> std::io::Result<Value> {
    let mut socket = connect(address)?;
    let mut lines = BufReader::new(socket.try_clone()?).lines();
    let mut next = |wanted: &[&str]| loop {
        let line = lines.next().ok_or(std::io::ErrorKind::UnexpectedEof)??;
        let value: Value = serde_json::from_str(&line)?;
        if wanted.iter().any(|field| value.get(field).is_some()) {
            return Ok::<_, std::io::Error>(value);
        }
    };
    next(&["QMP"])?;
    socket.write_all(json!({"execute": "qmp_capabilities"}).to_string().as_bytes())?;
    next(&["return"])?;
    let name = action.as_object_mut().and_then(|fields| fields.remove("do")).unwrap_or_default();
    let command = format!("x-{}", name.as_str().unwrap_or_default());
    socket.write_all(json!({"execute": command, "arguments": action}).to_string().as_bytes())?;
    let mut answer = next(&["return", "error"])?;
    Ok(answer.get_mut("return").map(Value::take).unwrap_or(answer))
}

fn over_http(host: &str, query: &str, action: &Value) -> std::io::Result<Value> {
    let mut socket = connect(host)?;
    let body = action.to_string();
    write!(
        socket,
        "POST /act?{query} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    // A refusal before anything is done is a line of text.
    Ok(serde_json::from_str(body).unwrap_or_else(|_| json!({"error": body.trim()})))
}
