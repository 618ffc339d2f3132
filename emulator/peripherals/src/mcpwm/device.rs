//! Register accesses of software to a unit, and its inputs.

use espalier_core::{Device, Fidelity, Frequency, OutputChange, Register, Signal, Span, Time, Unmodelled};

use super::operator::Moment;
use super::registers::{OPERATOR_STRIDE, REGISTERS, TIMER_STRIDE, cfg1, generator, reg};
use super::timer::Stop;
use super::trip::Kind;
use super::{INPUTS, Mcpwm, TIMERS, bit, capture, sync_in};

const WORD: u32 = 4;

/// The part of the unit to which a register belongs, and the register of the first such part.
enum Place {
    Timer(usize, u32),
    Operator(usize, u32),
    Channel(usize),
    Unit,
}

fn place(offset: u32) -> Place {
    match offset {
        reg::TIMER0_CFG0..reg::TIMER_SYNCI_CFG => {
            let from = offset - reg::TIMER0_CFG0;
            Place::Timer((from / TIMER_STRIDE) as usize, reg::TIMER0_CFG0 + from % TIMER_STRIDE)
        }
        reg::GEN0_STMP_CFG..reg::FAULT_DETECT => {
            let from = offset - reg::GEN0_STMP_CFG;
            Place::Operator((from / OPERATOR_STRIDE) as usize, reg::GEN0_STMP_CFG + from % OPERATOR_STRIDE)
        }
        reg::CAP_CH_CFG..reg::CAP_CH => Place::Channel(((offset - reg::CAP_CH_CFG) / WORD) as usize),
        _ => Place::Unit,
    }
}

impl Mcpwm {
    fn timer_written(&mut self, timer: usize, register: u32, changed: u32, now: Time) {
        match register {
            reg::TIMER0_CFG0 => self.update_period(timer, 0, now),
            reg::TIMER0_CFG1 => {
                self.timers[timer].set_mode(self.timer_field(timer, reg::TIMER0_CFG1::MOD), now);
                self.command(timer, now);
            }
            reg::TIMER0_SYNC if reg::TIMER0_SYNC::SW.is_set(changed) => {
                let mut synced = [false; TIMERS];
                synced[timer] = true;
                if self.timer_field(timer, reg::TIMER0_SYNC::SYNCI_EN) != 0 {
                    self.take_phase(timer, &mut synced, now);
                }
                self.sync_out(timer, &mut synced, now);
            }
            _ => {}
        }
    }

    /// Starts and stops a timer as START says.
    fn command(&mut self, timer: usize, now: Time) {
        let start = self.timer_field(timer, reg::TIMER0_CFG1::START);
        let (starts, stop) = match start {
            cfg1::STOP_AT_ZERO => (false, Stop::AtZero),
            cfg1::STOP_AT_PERIOD => (false, Stop::AtPeriod),
            cfg1::RUN => (true, Stop::Never),
            cfg1::RUN_TO_ZERO => (true, Stop::AtZero),
            cfg1::RUN_TO_PERIOD => (true, Stop::AtPeriod),
            _ => return,
        };
        let started = starts && !self.timers[timer].running;
        self.timers[timer].stop = stop;
        if started {
            self.timers[timer].follow(now);
            self.timers[timer].running = true;
            self.set_tick(timer);
        }
        if started && self.timers[timer].moves() && self.timers[timer].count == 0 {
            // It does not stop where it starts.
            self.timers[timer].stop = Stop::Never;
            self.arrive(timer, &mut [false; TIMERS], now);
            self.timers[timer].stop = stop;
        }
    }

    /// A timer takes its divider, which it does where it starts (register PWM_TIMERn_CFG0).
    fn set_tick(&mut self, timer: usize) {
        let divider = u64::from(self.timer_field(timer, reg::TIMER0_CFG0::PRESCALE)) + 1;
        self.timers[timer].tick = self.clock() * divider;
    }

    /// The divider of the whole unit changes.
    fn set_clock(&mut self, before: Span, now: Time) {
        for timer in 0..TIMERS {
            self.timers[timer].follow(now);
            self.timers[timer].since = now;
            let divider = self.timers[timer].tick.ticks() / before.ticks();
            self.timers[timer].tick = self.clock() * divider;
        }
    }

    fn operator_written(&mut self, operator: usize, register: u32, (before, value): (u32, u32), now: Time) {
        let changed = before ^ value;
        match register {
            reg::GEN0_TSTMP_A | reg::GEN0_TSTMP_B => {
                use reg::GEN0_STMP_CFG as cfg;
                let full = if register == reg::GEN0_TSTMP_A { cfg::A_SHDW_FULL } else { cfg::B_SHDW_FULL };
                self.registers.set_field(full.at(OPERATOR_STRIDE * operator as u32), 1);
            }
            reg::GEN0_FORCE => {
                use reg::GEN0_FORCE as force;
                let sides = [(force::A_NCIFORCE, force::A_NCIFORCE_MODE), (force::B_NCIFORCE, force::B_NCIFORCE_MODE)];
                for (output, (trigger, mode)) in sides.into_iter().enumerate() {
                    if trigger.is_set(changed) && mode.get(value) != generator::TOGGLE {
                        self.operators[operator].set(output, mode.get(value));
                    }
                }
            }
            reg::FH0_CFG0 => self.trip(operator, now),
            reg::FH0_CFG1 => {
                use reg::{FH0_CFG0 as cfg0, FH0_CFG1 as cfg1};
                if cfg1::CLR_OST.is_set(changed & value) {
                    self.operators[operator].trip.clear(Kind::OneShot);
                    self.trip(operator, now);
                }
                let forces = [
                    (cfg1::FORCE_CBC, cfg0::SW_CBC, Kind::CycleByCycle),
                    (cfg1::FORCE_OST, cfg0::SW_OST, Kind::OneShot),
                ];
                for (trigger, enable, kind) in forces {
                    let enabled = self.with_operator(operator, |_, settings| settings.field(enable)) != 0;
                    if trigger.is_set(changed) && enabled {
                        self.force_trip(operator, kind, now);
                    }
                }
            }
            _ => {}
        }
        self.update_operator(operator, Moment::Now);
    }

    fn unit_written(&mut self, offset: u32, (before, value): (u32, u32), clock: Span, now: Time) {
        let changed = before ^ value;
        match offset {
            reg::CLK_CFG => self.set_clock(clock, now),
            reg::FAULT_DETECT => self.look_at_faults(now),
            reg::CAP_TIMER_CFG => {
                use reg::CAP_TIMER_CFG as cfg;
                self.capture.set_running(cfg::TIMER_EN.is_set(value), now);
                if cfg::SYNC_SW.is_set(value) {
                    self.registers.modify(offset, cfg::SYNC_SW.mask(), 0);
                    if cfg::SYNCI_EN.is_set(value) {
                        self.capture.sync(self.registers.get(reg::CAP_TIMER_PHASE), now);
                    }
                }
            }
            reg::UPDATE_CFG => {
                let all = reg::UPDATE_CFG::GLOBAL_FORCE_UP.is_set(changed);
                for operator in 0..TIMERS {
                    let forced = all || reg::UPDATE_CFG::OP0_FORCE_UP.is_set(changed >> (2 * operator));
                    self.update_operator(operator, if forced { Moment::Forced } else { Moment::Now });
                }
                for timer in 0..TIMERS {
                    if all {
                        self.load_period(timer, now);
                    } else {
                        self.update_period(timer, 0, now);
                    }
                }
            }
            _ => {}
        }
    }

    fn channel_written(&mut self, channel: usize, (before, value): (u32, u32), now: Time) {
        let offset = reg::CAP_CH_CFG + WORD * channel as u32;
        let forced = reg::CAP_CH_CFG::SW.is_set(value);
        self.registers.modify(offset, reg::CAP_CH_CFG::SW.mask(), 0);
        if !reg::CAP_CH_CFG::EN.is_set(before) {
            self.capture.restart(channel);
        }
        if forced && capture::listens(&self.registers, channel) {
            self.capture.take(&mut self.registers, channel, now);
            self.raise(bit(reg::INT_RAW::CAP0, channel));
        }
    }

    /// Whether a sync input from the matrix goes to a timer or to the captures.
    fn hears_sync(&self, input: usize) -> bool {
        let source = sync_in::EXTERNAL0 + input as u32;
        let timers = (0..TIMERS).any(|timer| self.sync_source(timer) == source);
        timers || self.registers.field(reg::CAP_TIMER_CFG::SYNCI_SEL) == source
    }

    fn set_level(&mut self, input: usize, level: bool) {
        self.levels = self.levels & !(1 << input) | u32::from(level) << input;
    }
}

impl Device for Mcpwm {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Modelled
    }

    fn read(&mut self, offset: u32, now: Time) -> Result<u32, Unmodelled> {
        self.follow(now);
        let value = self.registers.read(offset)?;
        Ok(match (place(offset), offset) {
            (Place::Timer(timer, reg::TIMER0_STATUS), _) => {
                let (count, down) = self.timers[timer].value(self.gated.unwrap_or(now));
                reg::TIMER0_STATUS::VALUE.put(count) | reg::TIMER0_STATUS::DIRECTION.put(u32::from(down))
            }
            (Place::Operator(operator, reg::FH0_STATUS), _) => {
                let [cbc, ost] = Kind::ALL.map(|kind| u32::from(self.operators[operator].trip.is_on(kind)));
                reg::FH0_STATUS::CBC_ON.put(cbc) | reg::FH0_STATUS::OST_ON.put(ost)
            }
            (Place::Unit, reg::FAULT_DETECT) => value | self.faults << reg::FAULT_DETECT::EVENT_F0.lowest,
            (Place::Unit, reg::INT_ST) => self.registers.get(reg::INT_RAW) & self.registers.get(reg::INT_ENA),
            _ => value,
        })
    }

    fn write(&mut self, offset: u32, value: u32, now: Time) -> Result<(), Unmodelled> {
        self.follow(now);
        let clock = self.clock();
        let before = if self.registers.read(offset).is_ok() { self.registers.get(offset) } else { 0 };
        let value = self.registers.write(offset, value)?;
        match offset {
            reg::INT_CLR => self.registers.modify(reg::INT_RAW, value, 0),
            reg::INT_ENA | reg::INT_RAW => {}
            _ => {
                let same = before == value;
                match place(offset) {
                    Place::Timer(timer, register) => self.timer_written(timer, register, before ^ value, now),
                    Place::Operator(operator, register) => {
                        self.operator_written(operator, register, (before, value), now)
                    }
                    Place::Channel(channel) => self.channel_written(channel, (before, value), now),
                    Place::Unit => self.unit_written(offset, (before, value), clock, now),
                }
                if !same {
                    self.disturb();
                }
                self.settle(now);
            }
        }
        Ok(())
    }

    fn deadline(&self) -> Option<Time> {
        self.next_event()
    }

    fn advance(&mut self, now: Time) {
        self.follow(now);
    }

    fn interrupts(&self) -> u32 {
        u32::from(self.registers.get(reg::INT_RAW) & self.registers.get(reg::INT_ENA) != 0)
    }

    /// The lines stay connected.
    fn reset(&mut self) {
        let now = self.advanced;
        let mut fresh = Mcpwm::new();
        for timer in &mut fresh.timers {
            timer.since = now;
        }
        std::mem::swap(&mut fresh.outputs, &mut self.outputs);
        (fresh.levels, fresh.watched, fresh.awaited) = (self.levels, self.watched, self.awaited);
        fresh.changes = std::mem::take(&mut self.changes);
        fresh.capture.set_clock(self.capture.clock(), now);
        (fresh.advanced, fresh.gated) = (now, self.gated);
        *self = fresh;
        self.settle(now);
    }

    fn set_apb_clock(&mut self, apb: Frequency, now: Time) {
        self.follow(now);
        self.capture.set_clock(apb, now);
    }

    fn set_clock_gated(&mut self, gated: bool, now: Time) {
        self.follow(now);
        match (self.gated, gated) {
            (None, true) => {
                self.gated = Some(now);
                self.capture.set_running(false, now);
                self.disturb();
                for output in 0..self.outputs.len() {
                    let level = Signal::Level(self.outputs[output].actual.level_at(now));
                    self.outputs[output].is_described = false;
                    if self.outputs[output].told != level {
                        self.tell(output, level, now);
                    }
                }
            }
            (Some(since), false) => {
                let by = now.since(since);
                self.gated = None;
                self.advanced = now;
                for timer in &mut self.timers {
                    timer.since += by;
                }
                for operator in &mut self.operators {
                    *operator = operator.delayed(by, Time::ZERO);
                }
                self.capture.set_running(self.registers.is_set(reg::CAP_TIMER_CFG::TIMER_EN), now);
                self.settle(now);
            }
            _ => {}
        }
    }

    fn set_watched(&mut self, outputs: u64) {
        self.watched = outputs as u32;
    }

    fn set_awaited(&mut self, outputs: u64) {
        self.awaited = outputs as u32;
    }

    fn output(&self, output: usize) -> Signal {
        self.outputs[output].told
    }

    fn take_output_changes(&mut self) -> Vec<OutputChange> {
        std::mem::take(&mut self.changes)
    }

    fn listening(&self) -> u64 {
        let faults = self.registers.get(reg::FAULT_DETECT);
        let listens = |input: usize| match input / INPUTS {
            0 => self.hears_sync(input),
            1 => faults & bit(reg::FAULT_DETECT::F0_EN, input % INPUTS) != 0,
            _ => capture::listens(&self.registers, input % INPUTS),
        };
        (0..2 * INPUTS + capture::CHANNELS).fold(0, |mask, input| mask | u64::from(listens(input)) << input)
    }

    fn connect_input(&mut self, input: usize, signal: Signal) {
        let level = signal.level_at(self.advanced);
        match input / INPUTS {
            0 => self.set_level(input, level),
            1 => self.set_input(input, Signal::Level(level), self.advanced),
            _ => self.capture.connect(&self.registers, input % INPUTS, level),
        }
    }

    fn set_input(&mut self, input: usize, signal: Signal, at: Time) {
        self.follow(at);
        let level = signal.level_at(at);
        if input >= 2 * INPUTS {
            if self.gated.is_none() && self.capture.set_input(&mut self.registers, input % INPUTS, level, at) {
                self.raise(bit(reg::INT_RAW::CAP0, input % INPUTS));
            }
            return;
        }
        let before = self.input(input);
        self.set_level(input, level);
        if before == level && input < INPUTS {
            return;
        }
        // Another input may have been told of a later time already.
        let at = at.max(self.advanced);
        if input < INPUTS {
            let inverted = self.registers.get(reg::TIMER_SYNCI_CFG)
                & bit(reg::TIMER_SYNCI_CFG::EXTERNAL_SYNCI0_INVERT, input)
                != 0;
            if level != inverted {
                self.sync_external(input, at);
            }
        } else {
            let faults = self.faults;
            self.look_at_faults(at);
            if self.faults == faults {
                return;
            }
        }
        self.disturb();
        self.settle(at);
    }
}

impl Mcpwm {
    /// A rising edge comes to a sync input, behind its inversion.
    fn sync_external(&mut self, input: usize, at: Time) {
        let source = sync_in::EXTERNAL0 + input as u32;
        let mut synced = [false; TIMERS];
        self.sync_capture(source, at);
        for timer in 0..TIMERS {
            if self.sync_source(timer) == source {
                self.sync(timer, &mut synced, at);
            }
        }
    }
}
