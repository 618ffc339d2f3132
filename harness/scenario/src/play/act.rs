//! Carries out the actions of steps.

use std::net::{Ipv4Addr, SocketAddrV4};

use espalier::part::Value;
use espalier::{Faults, Peer, Rect, Rgb, Sensor, Span, Units};

use super::stage::access_point;
use super::{Player, StepError};
use crate::form::{
    Accept, Action, Bytes, BytesForm, Cable, Connect, DrivePin, ExpectPin, FaultsForm, Join, Listen, ListenForm, Mask,
    PinDrive, PinLevel, PropertyValue, Repeat, ScreenForm, Script, ScriptForm, SensorValue, UartText, UdpExpect,
    UdpOpen, UdpSend, Yes,
};
use crate::pattern::{Pattern, expression};

/// Duration of a click and of a tap.
const CLICK: u64 = 100;
/// Names of what is opened without one.
const LISTENER: &str = "listener";
const SOCKET: &str = "socket";
const UDP: &str = "udp";
const STATION: &str = "station";
/// The variable that counts repetitions.
const ROUND: &str = "round";

impl Player {
    pub(super) async fn act(&mut self, action: Action, patience: Span) -> Result<(), StepError> {
        match action {
            Action::Expect(pattern) => self.expect(&pattern, patience).await,
            Action::Send(line) => {
                let line = self.text(&line, patience).await?;
                Ok(self.board.console().send_line(line).within(patience).await?)
            }
            Action::Type(form) => {
                let (_, bytes) = self.bytes(form.into(), patience).await?;
                Ok(self.board.console().send(bytes).within(patience).await?)
            }
            Action::Listen(form) => self.listen(form, patience).await,
            Action::Accept(form) => {
                let (name, from) = match form {
                    Accept::Name(name) => (name, None),
                    Accept::Form(form) => (form.name, form.from),
                };
                let socket = self.listeners.get(from.as_deref())?.accept().within(patience).await?;
                self.sockets.insert(name, socket);
                Ok(())
            }
            Action::Connect(form) => self.connect(form, patience).await,
            Action::PeerSend(form) => {
                let (on, bytes) = self.bytes(form.into(), patience).await?;
                Ok(self.sockets.get(on.as_deref())?.send(&bytes).within(patience).await?)
            }
            Action::PeerExpect(form) => {
                let (on, bytes) = self.bytes(form.into(), patience).await?;
                self.sockets.get(on.as_deref())?.expect(bytes).within(patience).await?;
                Ok(())
            }
            Action::PeerClose(name) => Ok(self.sockets.get(Some(&name))?.close().within(patience).await?),
            Action::PeerReset(name) => {
                self.sockets.take(&name)?.abort();
                Ok(())
            }
            Action::PeerVanish(name) => Ok(self.sockets.take(&name)?.vanish()?),
            Action::PeerExpectClose(name) => {
                self.sockets.get(Some(&name))?.expect_close().within(patience).await?;
                Ok(())
            }
            Action::PeerExpectNothing(name) => match self.sockets.get(Some(&name))?.try_receive() {
                Some(bytes) if !bytes.is_empty() => Err(StepError::Unexpected(espalier::escaped(&bytes))),
                _ => Ok(()),
            },
            Action::PeerReappear(Yes) => Ok(self.board.peer().reappear()?),
            Action::UdpOpen(form) => self.open_udp(form),
            Action::UdpSend(form) => self.send_datagram(form, patience).await,
            Action::UdpExpect(form) => self.expect_datagram(form, patience).await,
            Action::Ping(Yes) => {
                self.board.peer().ping().within(patience).await?;
                Ok(())
            }
            Action::Press(name) => Ok(self.board.button(name).press()?),
            Action::Release(name) => Ok(self.board.button(name).release()?),
            Action::Click(name) => Ok(self.board.button(name).click(CLICK.ms()).await?),
            Action::Touch(name) => Ok(self.board.touch(name).press()?),
            Action::Untouch(name) => Ok(self.board.touch(name).release()?),
            Action::Tap(name) => Ok(self.board.touch(name).tap(CLICK.ms()).await?),
            Action::Set(values) => {
                values.into_iter().try_for_each(|(name, value)| set(&self.board.sensor(name), value))
            }
            Action::Part(parts) => parts.iter().try_for_each(|(part, properties)| {
                properties.iter().try_for_each(|(name, value)| Ok(self.board.set_part(part, name, value.clone())?))
            }),
            Action::ExpectPart(parts) => {
                for (part, properties) in parts {
                    for (name, wanted) in properties {
                        self.board.expect_part(&part, &name, wanted).within(patience).await?;
                    }
                }
                Ok(())
            }
            Action::DrivePin(DrivePin { pin, to }) => {
                let pin = self.board.pin(pin.into());
                match to {
                    PinDrive::Low => pin.drive(false)?,
                    PinDrive::High => pin.drive(true)?,
                    PinDrive::Released => pin.release()?,
                }
                Ok(())
            }
            Action::ExpectPin(ExpectPin { pin, level }) => {
                let pin = self.board.pin(pin.into());
                let wait = if level == PinLevel::High { pin.goes_high() } else { pin.goes_low() };
                wait.within(patience).await?;
                Ok(())
            }
            Action::UartSend(UartText { uart, text }) => {
                let text = self.text(&text, patience).await?;
                Ok(self.board.uart(uart.into()).send(text).within(patience).await?)
            }
            Action::UartExpect(UartText { uart, text }) => {
                let text = self.text(&text, patience).await?;
                let uart = self.board.uart(uart.into());
                match expression(&text) {
                    Some(expression) => drop(uart.expect_regex(expression).within(patience).await?),
                    None => drop(uart.expect(text).within(patience).await?),
                }
                Ok(())
            }
            Action::Screen(form) => self.screen(form, patience).await,
            Action::WaitForScreen(golden) => {
                let golden = self.text(&golden, patience).await?;
                self.board.screen().wait_for_golden(golden).within(patience).await?;
                Ok(())
            }
            Action::Leds(colours) => {
                let colours: Vec<Rgb> = colours.iter().map(|text| colour(text)).collect::<Result<_, _>>()?;
                Ok(self.board.leds().expect(colours).within(patience).await?)
            }
            Action::Tone(frequency) => {
                self.board.buzzer().expect(frequency).within(patience).await?;
                Ok(())
            }
            Action::Silence(Yes) => Ok(self.board.buzzer().expect_silence().within(patience).await?),
            Action::Cable(Cable::Cut) => Ok(self.board.network().cut_cable()?),
            Action::Cable(Cable::Restored) => Ok(self.board.network().restore_cable()?),
            Action::Faults(form) => Ok(self.board.network().set_faults(faults(&form))?),
            Action::AccessPoint(form) => Ok(self.board.air().add(&access_point(&form))?),
            Action::RemoveAccessPoint(ssid) => Ok(self.board.air().remove(ssid)?),
            Action::Deauthenticate(ssid) => Ok(self.board.air().deauthenticate(ssid)?),
            Action::Join(form) => self.join(form, patience).await,
            Action::Reset(Yes) => Ok(self.board.reset().await?),
            Action::CutPower(seed) => Ok(self.board.cut_power(seed)?),
            Action::PowerOn(Yes) => Ok(self.board.power_on()?),
            Action::Save(file) => Ok(self.board.save(self.document.path_of(file))?),
            Action::RunFor(time) => Ok(self.board.run_for(time.0).await?),
            Action::Script(form) => self.script(form, patience).await,
            Action::Equal([left, right]) => {
                let (left, right) = (self.text(&left, patience).await?, self.text(&right, patience).await?);
                if left == right { Ok(()) } else { Err(StepError::Different { left, right }) }
            }
            Action::Repeat(Repeat { times, steps }) => {
                for round in 1..=times {
                    self.variables.insert(ROUND.to_owned(), round.to_string());
                    Box::pin(self.play(&steps)).await.map_err(Box::new)?;
                }
                Ok(())
            }
            // Tests that fork are taken apart before anything runs.
            Action::Fork(_) => Ok(()),
        }
    }

    async fn expect(&mut self, pattern: &str, patience: Span) -> Result<(), StepError> {
        let pattern = self.text(pattern, patience).await?;
        let console = self.board.console();
        let Some(expression) = expression(&pattern) else {
            console.expect(pattern).within(patience).await?;
            return Ok(());
        };
        let captured = console.expect_regex(expression).within(patience).await?;
        for name in regex::Regex::new(expression)?.capture_names().flatten() {
            let value = captured.name(name).unwrap_or_default();
            self.variables.insert(name.to_owned(), value.to_owned());
        }
        Ok(())
    }

    /// Where the peer is that listens and connects.
    fn with_peer<T>(&self, via: Option<&str>, act: impl FnOnce(&Peer) -> T) -> Result<T, StepError> {
        match via {
            None => Ok(act(&self.board.peer())),
            Some(name) => match self.stations.get(name) {
                Some(station) => Ok(act(station)),
                None => Ok(act(&self.board.air().peer(name)?)),
            },
        }
    }

    async fn listen(&mut self, form: Listen, patience: Span) -> Result<(), StepError> {
        let (port, name, via) = match form {
            Listen::Port(port) => (port, None, None),
            Listen::Form(ListenForm { port, name, via }) => (port, name, via),
        };
        let listener = self.with_peer(via.as_deref(), |peer| peer.listen(port))?.within(patience).await?;
        self.listeners.insert(name.unwrap_or_else(|| LISTENER.to_owned()), listener);
        Ok(())
    }

    async fn connect(&mut self, form: Connect, patience: Span) -> Result<(), StepError> {
        let (port, address, name, via) = match form {
            Connect::Port(port) => (port, None, None, None),
            Connect::Form(form) => (form.port, form.address, form.name, form.via),
        };
        let address = match address {
            None => None,
            Some(text) => Some(self.address(&text, patience).await?),
        };
        let connecting = self.with_peer(via.as_deref(), |peer| match address {
            None => peer.connect(port),
            Some(address) => peer.connect_to(SocketAddrV4::new(address, port)),
        })?;
        let socket = connecting.within(patience).await?;
        self.sockets.insert(name.unwrap_or_else(|| SOCKET.to_owned()), socket);
        Ok(())
    }

    async fn address(&mut self, text: &str, patience: Span) -> Result<Ipv4Addr, StepError> {
        let text = self.text(text, patience).await?;
        text.parse().map_err(|_| StepError::Content(format!("{text:?} is no IPv4 address")))
    }

    /// Returns the name of the connection and the bytes.
    async fn bytes(&mut self, form: BytesForm, patience: Span) -> Result<(Option<String>, Vec<u8>), StepError> {
        let bytes = match (form.text, form.hex, form.file) {
            (Some(text), None, None) => self.text(&text, patience).await?.into_bytes(),
            (None, Some(digits), None) => hex(&self.text(&digits, patience).await?)?,
            (None, None, Some(file)) => {
                let path = self.document.path_of(file);
                std::fs::read(&path).map_err(|source| StepError::File { path, source })?
            }
            _ => return Err(StepError::Content("one of `text`, `hex` and `file` is given".to_owned())),
        };
        Ok((form.on, bytes))
    }

    fn open_udp(&mut self, form: UdpOpen) -> Result<(), StepError> {
        let (port, name, via) = match form {
            UdpOpen::Port(port) => (port, None, None),
            UdpOpen::Form(ListenForm { port, name, via }) => (port, name, via),
        };
        let socket = self.with_peer(via.as_deref(), |peer| peer.udp(port))??;
        self.datagrams.insert(name.unwrap_or_else(|| UDP.to_owned()), socket);
        Ok(())
    }

    async fn send_datagram(&mut self, form: UdpSend, patience: Span) -> Result<(), StepError> {
        let bytes = BytesForm { on: form.on, text: form.text, hex: form.hex, file: None };
        let (on, bytes) = self.bytes(bytes, patience).await?;
        let to = SocketAddrV4::new(self.board.address().within(patience).await?, form.port);
        Ok(self.datagrams.get(on.as_deref())?.send_to(bytes, to).within(patience).await?)
    }

    async fn expect_datagram(&mut self, form: UdpExpect, patience: Span) -> Result<(), StepError> {
        let form = match form {
            UdpExpect::Text(text) => BytesForm { text: Some(text), ..BytesForm::default() },
            UdpExpect::Form(form) => form,
        };
        let (on, expected) = self.bytes(form, patience).await?;
        let (actual, _) = self.datagrams.get(on.as_deref())?.receive().within(patience).await?;
        if actual == expected {
            return Ok(());
        }
        Err(StepError::Datagram { expected: espalier::escaped(&expected), actual: espalier::escaped(&actual) })
    }

    async fn join(&mut self, form: Join, patience: Span) -> Result<(), StepError> {
        let mut join = self.board.air().join(self.text(&form.ssid, patience).await?).within(patience);
        if let Some(password) = form.password {
            join = join.password(self.text(&password, patience).await?);
        }
        self.stations.insert(form.name.unwrap_or_else(|| STATION.to_owned()), join.await?);
        Ok(())
    }

    async fn screen(&mut self, form: ScreenForm, patience: Span) -> Result<(), StepError> {
        let form = match form {
            ScreenForm::Golden(golden) => {
                let golden = self.text(&golden, patience).await?;
                let picture = self.board.screen().settled().within(patience).await?;
                return Ok(picture.assert_golden(&golden)?);
            }
            ScreenForm::Compare(form) => form,
        };
        let golden = self.text(&form.golden, patience).await?;
        let screen = match &form.display {
            Some(name) => self.board.display(name),
            None => self.board.screen(),
        };
        let settled = match form.settled {
            Some(quiet) => screen.settled_for(quiet.0),
            None => screen.settled(),
        };
        let rect = |Mask { x, y, width, height }: Mask| Rect { x, y, width, height };
        let picture = settled.within(patience).await?;
        let picture = form.region.map_or_else(|| picture.clone(), |region| picture.region(rect(region)));
        let compare = picture.compare(golden).max_pixels(form.max_pixels).max_distance(form.max_distance);
        let compare = compare.max_channel(form.max_channel);
        let masked = form.mask.iter().fold(compare, |compare, mask| compare.mask(rect(*mask)));
        Ok(masked.check()?)
    }

    async fn script(&mut self, form: Script, patience: Span) -> Result<(), StepError> {
        let form = match form {
            Script::Code(code) => ScriptForm { code: Some(code), ..ScriptForm::default() },
            Script::Form(form) => form,
        };
        let script = match (form.code, form.file) {
            (Some(code), None) => espalier::Script::new(self.text(&code, patience).await?),
            (None, Some(file)) => espalier::Script::read(self.document.path_of(file))?,
            _ => return Err(StepError::Content("one of `code` and `file` is given".to_owned())),
        };
        let output = self.board.micropython().exec(script).within(patience).await?.text();
        if let Some(pattern) = form.prints {
            let pattern = self.text(&pattern, patience).await?;
            if !pattern.parse::<Pattern>()?.is_in(&output) {
                return Err(StepError::Output { pattern, output });
            }
        }
        if let Some(name) = form.name {
            self.variables.insert(name, output.trim().to_owned());
        }
        Ok(())
    }
}

impl From<Bytes> for BytesForm {
    fn from(bytes: Bytes) -> BytesForm {
        match bytes {
            Bytes::Text(text) => BytesForm { text: Some(text), ..BytesForm::default() },
            Bytes::Form(form) => form,
        }
    }
}

impl From<PropertyValue> for Value {
    fn from(value: PropertyValue) -> Value {
        match value {
            PropertyValue::Flag(flag) => Value::Flag(flag),
            PropertyValue::Integer(integer) => Value::Integer(integer),
            PropertyValue::Number(number) => Value::Number(number),
            PropertyValue::Text(text) => Value::Text(text),
            PropertyValue::Numbers(numbers) => Value::Numbers(numbers),
        }
    }
}

fn set(sensor: &Sensor, value: SensorValue) -> Result<(), StepError> {
    let form = match value {
        SensorValue::Level(level) => return Ok(sensor.set(level)?),
        SensorValue::Form(form) => form,
    };
    match (form.volts, form.g, form.gauss, form.tilt) {
        (Some(volts), None, None, None) => Ok(sensor.set_volts(volts)?),
        (None, Some(g), None, None) => Ok(sensor.set_acceleration(g)?),
        (None, None, Some(gauss), None) => Ok(sensor.set_field(gauss)?),
        (None, None, None, Some([pitch, roll])) => Ok(sensor.tilt(pitch, roll)?),
        _ => Err(StepError::Content("one of `volts`, `g`, `gauss` and `tilt` is given".to_owned())),
    }
}

fn faults(form: &FaultsForm) -> Faults {
    let none = Faults::default();
    Faults {
        loss: form.loss,
        duplication: form.duplication,
        corruption: form.corruption,
        reordering: form.reordering,
        reordered_by: form.reordered_by.map_or(none.reordered_by, |time| time.0),
        jitter: form.jitter.map_or(none.jitter, |time| time.0),
        ..none
    }
}

/// A colour as in `#ff8000`.
fn colour(text: &str) -> Result<Rgb, StepError> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii());
    match digits.map(hex) {
        Some(Ok(bytes)) => Ok(Rgb::new(bytes[0], bytes[1], bytes[2])),
        _ => Err(StepError::Content(format!("{text:?} is not a colour, such as \"#ff8000\""))),
    }
}

/// Bytes in hexadecimal digits, between which there may be white space.
fn hex(text: &str) -> Result<Vec<u8>, StepError> {
    let wrong =
        || StepError::Content(format!("{text:?} is not a hexadecimal number of whole bytes, such as \"68 65 6a\""));
    let digits: Vec<u32> = text
        .chars()
        .filter(|character| !character.is_whitespace())
        .map(|character| character.to_digit(16).ok_or_else(wrong))
        .collect::<Result<_, _>>()?;
    let (pairs, []) = digits.as_chunks::<2>() else { return Err(wrong()) };
    Ok(pairs.iter().map(|[high, low]| (high << 4 | low) as u8).collect())
}
