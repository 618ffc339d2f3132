//! Turns what a user does to a board, and what the board says to it, into the steps of a scenario.
//!
//! Before each thing that the user does, the scenario waits for the text that came since the last one, and then for as long as the user
//! did after that text: so a replay does everything at the moment at which it was done.

mod heard;
mod marks;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use espalier::{AccessPoint, Board, Span, Time};
use espalier_serve::{Action, Level};
use toml::{Table, Value};

use heard::{Heard, literal};
use marks::{is_settled, picture};

/// A shorter pause of the user is none.
const PAUSE: Span = Span::from_millis(20);
/// Pauses are rounded up to this.
const ROUND: Span = Span::from_millis(10);
/// Waits that took longer get a time limit of their own; scenarios wait for 10 s otherwise.
const LONG: Span = Span::from_secs(7);
/// A press that was shorter lasted so long on the board.
const SHORTEST_PRESS: Span = Span::from_millis(50);
/// Length of a press that says none.
const TAP: Span = Span::from_millis(100);
/// A property that is set again so soon is being dragged.
const DRAG: Span = Span::from_millis(500);
/// A scenario of more steps is not one that a person goes on with.
const MOST_STEPS: usize = 10_000;
const CONSOLE: usize = 0;
/// The step that lets time pass.
const PAUSE_STEP: &str = "run-for";

/// A step of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The key of its action.
    pub action: &'static str,
    pub value: Value,
    /// Its time limit, if the usual one is too short.
    pub within: Option<Span>,
}

/// A picture that is to be kept as soon as it stays.
#[derive(Debug)]
struct Mark {
    golden: String,
    display: Option<String>,
    since: Time,
}

/// The steps so far.
#[derive(Debug)]
pub struct Recorder {
    /// The beginning of the names of pictures.
    stem: String,
    peer: Ipv4Addr,
    steps: Vec<Step>,
    /// Moment at which a replay has done all steps.
    reached: Time,
    uarts: BTreeMap<usize, Heard>,
    sockets: BTreeMap<String, Heard>,
    /// Datagrams to each port of the peer.
    datagrams: BTreeMap<u16, Vec<(Vec<u8>, Time)>>,
    /// The part of a line that was typed so far.
    typed: Vec<u8>,
    /// The line that was sent last.
    sent: String,
    /// Whether the byte before was a carriage return, which a line feed may follow.
    is_after_return: bool,
    mark: Option<Mark>,
    pictures: Vec<(String, Vec<u8>)>,
    /// Fingers that are lifted by themselves: when, and the step.
    lifts: Vec<(Time, Step)>,
    /// The property that was set last, and when.
    dragged: Option<(String, String, Time)>,
}

impl Recorder {
    pub fn new(stem: &str, board: &Board) -> Recorder {
        Recorder {
            stem: stem.to_owned(),
            peer: board.peer().address(),
            steps: Vec::new(),
            reached: board.now(),
            uarts: BTreeMap::from([(CONSOLE, Heard::default())]),
            sockets: BTreeMap::new(),
            datagrams: BTreeMap::new(),
            typed: Vec::new(),
            sent: String::new(),
            is_after_return: false,
            mark: None,
            pictures: Vec::new(),
            lifts: Vec::new(),
            dragged: None,
        }
    }

    /// The number of steps.
    pub fn count(&self) -> usize {
        self.steps.len()
    }

    /// Whether a picture that was to be kept still changes.
    pub fn keeps(&self) -> bool {
        self.mark.is_some()
    }

    /// The steps and the golden pictures, by their names.
    pub async fn finish(mut self, board: &Board) -> (Vec<Step>, Vec<(String, Vec<u8>)>) {
        let now = board.now();
        self.end_line(now);
        self.keep_at_once(board).await;
        self.lift(Time::from_ticks(u64::MAX));
        self.await_all();
        let shown = picture(board, None).await.filter(|shown| shown.is_on() && is_settled(shown));
        match shown.filter(|shown| !self.is_last(shown)) {
            Some(shown) => self.show_last(&shown),
            // Nothing comes after a last pause, unless it is all that there was.
            None if self.steps.is_empty() => self.pause(now),
            None => {}
        }
        shorten(&mut self.steps);
        (self.steps, self.pictures)
    }

    /// A UART has sent something; one beside the console counts once something was sent to it.
    pub fn heard(&mut self, uart: usize, bytes: &[u8], at: Time) {
        if let Some(heard) = self.uarts.get_mut(&uart) {
            heard.push(bytes, at);
        }
    }

    /// Something was typed on a UART.
    pub fn typed(&mut self, uart: usize, bytes: &[u8], at: Time) {
        if uart != CONSOLE {
            self.before(at);
            self.uarts.entry(uart).or_default();
            let text = literal(&String::from_utf8_lossy(bytes));
            return self.push("uart-send", table([("uart", (uart as i64).into()), ("text", text.into())]));
        }
        for byte in bytes {
            let is_after_return = std::mem::replace(&mut self.is_after_return, *byte == b'\r');
            match byte {
                b'\n' if is_after_return => {}
                b'\r' | b'\n' => {
                    if self.typed.is_empty() {
                        self.await_all();
                    }
                    self.end_line_with_enter(at);
                }
                // Backspace, unless there is nothing that it could take back.
                0x08 | 0x7F if self.typed.iter().any(|byte| *byte >= b' ') => {
                    let kept = self.typed.iter().rposition(|byte| byte & 0xC0 != 0x80).unwrap_or(0);
                    self.typed.truncate(kept);
                }
                byte => {
                    if self.typed.is_empty() {
                        self.await_all();
                    }
                    self.typed.push(*byte);
                    if *byte < b' ' {
                        self.end_line(at);
                    }
                }
            }
        }
    }

    /// A user did something on the page, or a script for one, to a part of this kind.
    pub fn acted(&mut self, action: &Action, kind: Option<&str>, at: Time) {
        match action {
            Action::Press { part, pressed, milliseconds } => self.pressed(part, kind, *pressed, *milliseconds, at),
            Action::Set { part, property, value } => self.set(part, property, value, at),
            Action::Pin { gpio, level: Some(level) } => {
                self.before(at);
                let to = match level {
                    Level::High => "high",
                    Level::Low => "low",
                    Level::Released => "released",
                };
                self.push("drive-pin", table([("pin", (*gpio as i64).into()), ("to", to.into())]));
            }
            Action::Reset => {
                self.before(at);
                self.push("reset", true);
            }
            Action::Cable { cut } => {
                self.before(at);
                self.push("cable", if *cut { "cut" } else { "restored" });
            }
            Action::UdpOpen { port } => {
                self.before(at);
                self.datagrams.entry(*port).or_default();
                self.push("udp-open", table([("port", i64::from(*port).into()), ("as", udp(*port).into())]));
            }
            Action::UdpSend { from, port, text } => {
                self.before(at);
                let fields =
                    [("port", i64::from(*port).into()), ("on", udp(*from).into()), ("text", literal(text).into())];
                self.push("udp-send", table(fields));
            }
            Action::PeerSend { connection, text } => {
                self.before(at);
                self.push("peer-send", table([("on", connection.as_str().into()), ("text", literal(text).into())]));
            }
            Action::PeerClose { connection, reset } => {
                self.before(at);
                self.push(if *reset { "peer-reset" } else { "peer-close" }, connection.as_str());
            }
            // The names of listeners and connections are their owner's, and the rest changes nothing on the board.
            _ => {}
        }
    }

    /// A network was taken out of the air, or is in it again, with these settings.
    pub fn network(&mut self, ssid: &str, back: Option<&AccessPoint>, at: Time) {
        self.before(at);
        let Some(network) = back else { return self.push("remove-access-point", ssid) };
        let form = [
            ("ssid", Some(ssid.into())),
            ("password", network.password.as_deref().map(Value::from)),
            ("channel", Some(i64::from(network.channel).into())),
            ("rssi", Some(i64::from(network.rssi).into())),
            ("hidden", network.hidden.then(|| true.into())),
            ("gateway", network.gateway.map(|address| address.to_string().into())),
        ];
        self.push("access-point", table(form.into_iter().filter_map(|(key, value)| Some((key, value?)))));
    }

    /// The peer listens on a port, under this name.
    pub fn listens(&mut self, port: u16, name: &str, at: Time) {
        self.before(at);
        self.push("listen", table([("port", i64::from(port).into()), ("as", name.into())]));
    }

    /// The peer has connected to a port of the board.
    pub fn connected(&mut self, port: u16, name: &str, at: Time) {
        self.before(at);
        self.sockets.insert(name.to_owned(), Heard::default());
        self.push("connect", table([("port", i64::from(port).into()), ("as", name.into())]));
    }

    /// The board has connected to a listener.
    pub fn accepted(&mut self, listener: &str, name: &str, at: Time) {
        self.end_line(at);
        self.sockets.insert(name.to_owned(), Heard::default());
        self.push_awaited("accept", table([("as", name.into()), ("from", listener.into())]), at);
    }

    /// The board has sent bytes over a connection.
    pub fn received(&mut self, name: &str, bytes: &[u8], at: Time) {
        self.sockets.entry(name.to_owned()).or_default().push(bytes, at);
    }

    /// The board has closed a connection in order.
    pub fn closed(&mut self, name: &str, at: Time) {
        self.end_line(at);
        self.await_socket(name);
        self.push_awaited("peer-expect-close", name, at);
    }

    /// The board has sent a datagram to a port of the peer.
    pub fn datagram(&mut self, port: u16, bytes: Vec<u8>, at: Time) {
        self.datagrams.entry(port).or_default().push((bytes, at));
    }

    fn pressed(&mut self, part: &str, kind: Option<&str>, pressed: Option<bool>, milliseconds: Option<u64>, at: Time) {
        let (down, up, property) = match kind {
            Some("button") => ("press", "release", "pressed"),
            Some("touch") => ("touch", "untouch", "touched"),
            _ => ("part", "part", "pressed"),
        };
        let value = |state: bool| match down {
            "part" => table([(part, table([(property, state.into())]))]),
            _ => part.into(),
        };
        if pressed == Some(false) {
            let shortest =
                self.steps.last().is_some_and(|last| last.action == down).then_some(self.reached + SHORTEST_PRESS);
            self.before(shortest.map_or(at, |shortest| at.max(shortest)));
            return self.push(up, value(false));
        }
        self.before(at);
        self.push(down, value(true));
        if pressed.is_none() || milliseconds.is_some() {
            let length = milliseconds.map_or(TAP, Span::from_millis);
            self.lifts.push((at + length, Step { action: up, value: value(false), within: None }));
        }
    }

    /// Takes fingers away whose time is over by then.
    fn lift(&mut self, until: Time) {
        self.lifts.sort_by_key(|(at, _)| *at);
        while let Some((at, _)) = self.lifts.first().filter(|(at, _)| *at <= until) {
            let at = *at;
            self.wait(at);
            let (_, step) = self.lifts.remove(0);
            self.push(step.action, step.value);
            self.shorten_tap();
        }
    }

    /// Makes one step of a press, a tenth of a second, and its end.
    fn shorten_tap(&mut self) {
        let [.., down, pause, up] = self.steps.as_slice() else { return };
        let tap = match (down.action, up.action) {
            ("press", "release") => "click",
            ("touch", "untouch") => "tap",
            _ => return,
        };
        if pause.action == PAUSE_STEP && pause.value == pause_of(TAP) && down.value == up.value {
            let value = up.value.clone();
            self.steps.truncate(self.steps.len() - 3);
            self.push(tap, value);
        }
    }

    fn set(&mut self, part: &str, property: &str, value: &serde_json::Value, at: Time) {
        let Ok(value) = Value::try_from(value) else { return };
        let value = table([(part, table([(property, value)]))]);
        let is_same = |dragged: &(String, String, Time)| {
            (dragged.0.as_str(), dragged.1.as_str()) == (part, property) && at.since(dragged.2) < DRAG
        };
        let dragged = self.dragged.replace((part.to_owned(), property.to_owned(), at));
        // The values between are not what the user wants to say.
        match self.steps.last_mut() {
            Some(last) if last.action == "part" && dragged.as_ref().is_some_and(is_same) => {
                last.value = value;
                self.reached = at;
            }
            _ => {
                self.before(at);
                self.push("part", value);
            }
        }
    }

    /// Goes on to the moment at which the user does something else.
    fn before(&mut self, at: Time) {
        self.end_line(at);
        self.lift(at);
        self.wait(at);
    }

    /// Waits for all that has come, and then until `at`.
    fn wait(&mut self, at: Time) {
        self.await_all();
        if !self.steps.is_empty() {
            self.pause(at);
        }
    }

    fn pause(&mut self, at: Time) {
        if at.since(self.reached) >= PAUSE {
            self.push(PAUSE_STEP, pause_of(at.since(self.reached)));
        }
        self.reached = self.reached.max(at);
    }

    fn await_all(&mut self) {
        let sent = &self.sent;
        let of_uart = |(uart, heard): (&usize, &mut Heard)| {
            let (uart, typed) = (*uart, if *uart == CONSOLE { sent.as_str() } else { "" });
            heard.awaited(typed).into_iter().map(move |awaited| (uart, awaited)).collect::<Vec<_>>()
        };
        let awaited: Vec<_> = self.uarts.iter_mut().flat_map(of_uart).collect();
        for (uart, awaited) in awaited {
            match uart {
                CONSOLE => self.push_awaited("expect", awaited.pattern, awaited.at),
                uart => {
                    let form = table([("uart", (uart as i64).into()), ("text", awaited.pattern.into())]);
                    self.push_awaited("uart-expect", form, awaited.at);
                }
            }
        }
        let names: Vec<String> = self.sockets.keys().cloned().collect();
        names.iter().for_each(|name| self.await_socket(name));
        let datagrams = std::mem::take(&mut self.datagrams);
        for (port, (bytes, at)) in datagrams.iter().flat_map(|(port, all)| all.iter().map(move |one| (*port, one))) {
            self.push_awaited("udp-expect", bytes_form(&udp(port), bytes), *at);
        }
        self.datagrams = datagrams.into_keys().map(|port| (port, Vec::new())).collect();
    }

    fn await_socket(&mut self, name: &str) {
        if let Some((bytes, at)) = self.sockets.get_mut(name).and_then(Heard::take) {
            self.push_awaited("peer-expect", bytes_form(name, &bytes), at);
        }
    }

    /// A line that was typed on the console has ended.
    fn end_line_with_enter(&mut self, at: Time) {
        let line = std::mem::take(&mut self.typed);
        match String::from_utf8(line) {
            Ok(line) => {
                self.pause_after_steps(at);
                let peer = self.peer.to_string();
                self.push("send", literal(&line).replace(&peer, "${peer}"));
                self.sent = line;
            }
            Err(error) => {
                self.typed = error.into_bytes();
                self.typed.push(b'\r');
                self.end_line(at);
            }
        }
    }

    /// Something else comes before the end of a line that was typed.
    fn end_line(&mut self, at: Time) {
        let typed = std::mem::take(&mut self.typed);
        if typed.is_empty() {
            return;
        }
        self.pause_after_steps(at);
        match std::str::from_utf8(&typed) {
            Ok(text) if typed.iter().all(|byte| *byte >= b' ') => self.push("type", literal(text)),
            _ => self.push("type", table([("hex", hex(&typed).into())])),
        }
    }

    fn pause_after_steps(&mut self, at: Time) {
        if !self.steps.is_empty() {
            self.pause(at);
        }
    }

    fn push(&mut self, action: &'static str, value: impl Into<Value>) {
        if self.steps.len() < MOST_STEPS {
            self.steps.push(Step { action, value: value.into(), within: None });
        }
    }

    /// A step that waits for something that came at `at`.
    fn push_awaited(&mut self, action: &'static str, value: impl Into<Value>, at: Time) {
        let took = at.since(self.reached.min(at));
        let within = (took > LONG).then(|| took * 2);
        if self.steps.len() < MOST_STEPS {
            self.steps.push(Step { action, value: value.into(), within });
        }
        self.reached = self.reached.max(at);
    }
}

/// Leaves names away where there is nothing that they distinguish.
fn shorten(steps: &mut [Step]) {
    let count = |actions: &[&str]| steps.iter().filter(|step| actions.contains(&step.action)).count();
    let (listeners, sockets) = (count(&["listen"]), count(&["accept", "connect"]));
    for step in steps {
        let Value::Table(form) = &step.value else { continue };
        let field = match step.action {
            "listen" if listeners == 1 => "port",
            "accept" if listeners == 1 => "as",
            "peer-send" | "peer-expect" if sockets == 1 => "text",
            _ => continue,
        };
        if let Some(value) = form.get(field) {
            step.value = value.clone();
        }
    }
}

/// A pause as a scenario has it.
fn pause_of(span: Span) -> Value {
    format!("{}ms", span.ticks().div_ceil(ROUND.ticks()) * (ROUND.as_micros() / 1000)).into()
}

fn table<'a>(fields: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::Table(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Table>())
}

fn udp(port: u16) -> String {
    format!("udp-{port}")
}

fn bytes_form(on: &str, bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(|one: char| one.is_control() && !"\r\n\t".contains(one)) => {
            table([("on", on.into()), ("text", literal(text).into())])
        }
        _ => table([("on", on.into()), ("hex", hex(bytes).into())]),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
