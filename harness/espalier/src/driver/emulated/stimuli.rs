//! Stimuli of the emulated board, as data: planned for later, and recorded.

use std::collections::VecDeque;

use espalier_core::{Damaged, Load, Persist, Reader, Time, Writer};

use super::Emulated;
use crate::driver::{
    Act, AirDriver, Cable, CountedFrames, DatagramDriver, Driver, EmulatorError, FrameLink, Pads, Parts, PeerSockets,
    PowerSupply, Segment, SerialConsole, Stimulus, StimulusRecord,
};
use crate::error::Failure;

/// Bytes of stimuli that are recorded at most, and what each takes beside the bytes that it holds.
const RECORD_MAX: usize = 16 << 20;
const SIZE: usize = size_of::<(Time, Stimulus)>();

/// The plan and the record.
#[derive(Clone, Debug, Default)]
pub(super) struct Stimuli {
    /// In the order of their times.
    planned: VecDeque<(Time, Stimulus)>,
    record: Option<StimulusRecord>,
    recorded: usize,
}

impl Stimuli {
    /// Returns the time of the next one.
    fn next(&self) -> Option<Time> {
        self.planned.front().map(|(at, _)| *at)
    }

    /// Whether nothing is planned.
    pub(super) fn is_empty(&self) -> bool {
        self.planned.is_empty()
    }

    fn take_due(&mut self, now: Time) -> Option<Act> {
        let (_, stimulus) = self.planned.pop_front_if(|(at, _)| *at <= now)?;
        Some(stimulus.0)
    }

    fn incomplete(&mut self, reason: &str) {
        if let Some(record) = &mut self.record {
            record.incomplete.get_or_insert_with(|| reason.to_owned());
        }
    }
}

/// A board in a file has its plan; what was recorded stays with the board that it was done to.
impl Persist for Stimuli {
    fn save(&self, to: &mut Writer) {
        self.planned.save(to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        *self = Stimuli { planned: Load::load(from)?, ..Stimuli::default() };
        Ok(())
    }
}

impl Emulated {
    /// Something is being done to the board.
    pub(super) fn note(&mut self, bytes: usize, act: impl FnOnce() -> Act) {
        if self.stimuli.record.is_none() {
            return;
        }
        let now = self.now();
        self.stimuli.recorded += SIZE + bytes;
        if self.stimuli.recorded > RECORD_MAX {
            return self.stimuli.incomplete("more was done to the board than is recorded");
        }
        if let Some(record) = &mut self.stimuli.record {
            record.stimuli.push((now, Stimulus(act())));
        }
    }

    /// Something is being done to the board that is no data.
    pub(super) fn note_code(&mut self, reason: &str) {
        self.stimuli.incomplete(reason);
    }

    pub(super) fn start_record(&mut self) {
        self.stimuli.record = Some(StimulusRecord::default());
        self.stimuli.recorded = 0;
    }

    pub(super) fn record(&self) -> Option<StimulusRecord> {
        self.stimuli.record.clone()
    }

    /// Does it when its time has come, which may be now.
    pub(super) fn plan_act(&mut self, at: Time, stimulus: Stimulus) -> Result<(), Failure> {
        if at <= self.now() {
            return self.perform(stimulus.0);
        }
        let place = self.stimuli.planned.partition_point(|(planned, _)| *planned <= at);
        self.stimuli.planned.insert(place, (at, stimulus));
        Ok(())
    }

    /// Does all that is due, and gives the time up to which the board may run: the next stimulus, but no later than `limit`.
    pub(super) fn perform_due(&mut self, limit: Time) -> Result<Time, Failure> {
        while let Some(act) = self.stimuli.take_due(self.now()) {
            self.perform(act)?;
        }
        Ok(self.stimuli.next().map_or(limit, |next| next.min(limit)))
    }

    pub(super) fn frames_counted(&self, link: FrameLink) -> Option<CountedFrames> {
        let held = self.access.held();
        match link {
            FrameLink::Cable | FrameLink::Bridge => held.world.lan().counted_frames(link),
            FrameLink::Air => held.world.air().counted_frames(),
        }
    }

    fn perform(&mut self, act: Act) -> Result<(), Failure> {
        match act {
            Act::Console(bytes) => self.console_send(&bytes),
            Act::CutConsole => self.console_cut(),
            Act::Uart { uart, bytes } => self.uart_send(uart, &bytes)?,
            Act::Pin { pin, level } => self.drive_pad(pin, level)?,
            Act::Part(control) => self.act_on_part(&control)?,
            Act::Property { part, property, value } => self.set_property(&part, &property, &value)?,
            Act::Reset(start) => self.reset(start)?,
            Act::CutPower { seed } => self.cut_power(seed)?,
            Act::PowerOn => self.power_on()?,
            Act::Supply { millivolts, seed } => self.set_supply(millivolts, seed)?,
            Act::Listen { segment: Segment::Lan, port } => drop(PeerSockets::listen(self, port)?),
            Act::Listen { segment: Segment::Air(hardware), port } => drop(AirDriver::listen(self, hardware, port)?),
            Act::Accept(listener) => drop(self.accept(listener)),
            Act::CloseListener(listener) => self.close_listener(listener),
            Act::Connect { segment: Segment::Lan, to } => drop(PeerSockets::connect(self, to)?),
            Act::Connect { segment: Segment::Air(hardware), to } => drop(AirDriver::connect(self, hardware, to)?),
            Act::Send { connection, bytes } => drop(self.send(connection, &bytes)),
            Act::Receive(connection) => drop(self.receive(connection)),
            Act::Finish(connection) => self.finish(connection),
            Act::Abort(connection) => self.abort(connection),
            Act::Silent { segment: Segment::Lan, silent } => PeerSockets::set_silent(self, silent)?,
            Act::Silent { segment: Segment::Air(hardware), silent } => AirDriver::set_silent(self, hardware, silent)?,
            Act::Bind { segment, port } => drop(self.bind(segment, port)?),
            Act::SendTo { socket, to, bytes } => drop(self.send_to(socket, to, &bytes)?),
            Act::ReceiveFrom(socket) => drop(self.receive_from(socket)),
            Act::CloseUdp(socket) => self.close(socket),
            Act::JoinGroup { socket, group } => self.join_group(socket, group)?,
            Act::Name { segment, name, address } => self.set_name(segment, &name, address)?,
            Act::Ping { segment, to } => drop(self.ping(segment, to)?),
            Act::Faults(faults) => Cable::set_faults(self, &faults)?,
            Act::AccessPoint(settings) => self.add_access_point(&settings)?,
            Act::RemoveAccessPoint { ssid } => self.remove_access_point(&ssid)?,
            Act::Deauthenticate { ssid } => self.deauthenticate(&ssid)?,
            Act::Strength { ssid, rssi } => self.set_rssi(&ssid, rssi)?,
            Act::AirFaults(faults) => AirDriver::set_faults(self, faults)?,
            Act::Station { ssid, password, rssi } => drop(self.add_station(&ssid, password.as_deref(), rssi)?),
            Act::RemoveStation(hardware) => self.remove_station(hardware),
            Act::Flash { offset, bytes } => {
                self.note(bytes.len(), || Act::Flash { offset, bytes: bytes.clone() });
                self.machine_mut().load_flash(offset, &bytes).map_err(EmulatorError::new)?;
            }
            Act::EthernetFrame(bytes) => {
                self.note(bytes.len(), || Act::EthernetFrame(bytes.clone()));
                self.access.held_mut().world.lan_mut().send_from_outside(bytes);
            }
            Act::RadioFrame(bytes) => {
                self.note(bytes.len(), || Act::RadioFrame(bytes.clone()));
                self.access.held_mut().world.air_mut().send_to_board(bytes);
            }
            Act::Frames { link, plan } => {
                self.note(SIZE, || Act::Frames { link, plan: plan.clone() });
                let mut held = self.access.held_mut();
                match link {
                    FrameLink::Cable | FrameLink::Bridge => held.world.lan_mut().plan_frames(link, plan),
                    FrameLink::Air => held.world.air_mut().plan_frames(plan),
                }
            }
        }
        Ok(())
    }
}
