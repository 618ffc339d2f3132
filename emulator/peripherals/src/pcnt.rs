//! PCNT: the pulse counter (ESP32 TRM, chapter "Pulse Count Controller").
//!
//! Eight units count the edges of two channels each. An edge counts up, down or not at all, as CONF0 says for rising and for falling
//! ones; the level of the channel's control input can reverse that or inhibit it.
//!
//! Nothing is counted while time passes. When a unit is looked at, it works out the edges of its inputs since it was last looked at,
//! and leaps over those of a steady wave that meet no threshold. It asks to be called only for an interrupt that software enabled.
//!
//! Behaviour on which the manual is silent:
//! * A count that meets a limit goes to zero whether or not the limit is enabled as an event, and raises no zero event by that.
//! * STATUS has the events since the interrupt was last cleared, and keeps those of the last interrupt.

#[cfg(test)]
mod tests;

use espalier_core::{Device, Fidelity, Field, Frequency, Register, Registers, Signal, Span, Time, Unmodelled};

espalier_core::registers! {
    U0_CONF0 @ 0x00 = 0x3C10, rw() {
        FILTER_THRES: 0..=9, FILTER_EN: 10, THR_ZERO_EN: 11, THR_H_LIM_EN: 12, THR_L_LIM_EN: 13, THR_THRES0_EN: 14, THR_THRES1_EN: 15,
        CH0_NEG_MODE: 16..=17, CH0_POS_MODE: 18..=19, CH0_HCTRL_MODE: 20..=21, CH0_LCTRL_MODE: 22..=23,
        CH1_NEG_MODE: 24..=25, CH1_POS_MODE: 26..=27, CH1_HCTRL_MODE: 28..=29, CH1_LCTRL_MODE: 30..=31,
    };
    U0_CONF1 @ 0x04 = 0, rw() { CNT_THRES0: 0..=15, CNT_THRES1: 16..=31 };
    U0_CONF2 @ 0x08 = 0, rw() { CNT_H_LIM: 0..=15, CNT_L_LIM: 16..=31 };
    U1_CONF0 @ 0x0C = 0x3C10, rw();
    U1_CONF1 @ 0x10 = 0, rw();
    U1_CONF2 @ 0x14 = 0, rw();
    U2_CONF0 @ 0x18 = 0x3C10, rw();
    U2_CONF1 @ 0x1C = 0, rw();
    U2_CONF2 @ 0x20 = 0, rw();
    U3_CONF0 @ 0x24 = 0x3C10, rw();
    U3_CONF1 @ 0x28 = 0, rw();
    U3_CONF2 @ 0x2C = 0, rw();
    U4_CONF0 @ 0x30 = 0x3C10, rw();
    U4_CONF1 @ 0x34 = 0, rw();
    U4_CONF2 @ 0x38 = 0, rw();
    U5_CONF0 @ 0x3C = 0x3C10, rw();
    U5_CONF1 @ 0x40 = 0, rw();
    U5_CONF2 @ 0x44 = 0, rw();
    U6_CONF0 @ 0x48 = 0x3C10, rw();
    U6_CONF1 @ 0x4C = 0, rw();
    U6_CONF2 @ 0x50 = 0, rw();
    U7_CONF0 @ 0x54 = 0x3C10, rw();
    U7_CONF1 @ 0x58 = 0, rw();
    U7_CONF2 @ 0x5C = 0, rw();
    U0_CNT[8] @ 0x60 = 0, ro() { CNT: 0..=15 };
    INT_RAW @ 0x80 = 0, ro() { CNT_THR_EVENT_U0: 0 };
    INT_ST @ 0x84 = 0, ro();
    INT_ENA @ 0x88 = 0, rw_bits(0xFF);
    INT_CLR @ 0x8C = 0, wo();
    U0_STATUS[8] @ 0x90 = 0, ro() { ZERO_MODE: 0..=1, THRES1: 2, THRES0: 3, L_LIM: 4, H_LIM: 5, ZERO: 6 };
    CTRL @ 0xB0 = 0x5555, rw_bits(0x1_FFFF) { CNT_RST_U0: 0, CNT_PAUSE_U0: 1, CNT_RST_U1: 2, CLK_EN: 16 };
    DATE @ 0xFC = 0x1412_2600, rw();
}

/// Units of the block.
const UNITS: usize = 8;
/// Bytes from the CONF registers of one unit to those of the next.
const CONF_STRIDE: u32 = reg::U1_CONF0 - reg::U0_CONF0;
/// Bits of CTRL from one unit to the next.
const CTRL_STRIDE: u32 = reg::CTRL::CNT_RST_U1.lowest - reg::CTRL::CNT_RST_U0.lowest;
const WORD: u32 = 4;
/// Inputs of a unit: the signals of both channels, then their controls. The block's inputs are those of unit 0, unit 1 and so on.
const INPUTS: usize = 4;
const CHANNELS: usize = 2;
/// Edges that are followed one by one before the unit asks to be called again.
const MOST_STEPS: usize = 4096;
/// Edges that a turn of a wave has at all inputs together, so how far from a threshold its leaps end.
const TURN_EDGES: u16 = 2 * INPUTS as u16;
/// Beyond every run.
const NEVER: Time = Time::from_ticks(u64::MAX / 4);

/// The line at an input, and its level behind the filter.
#[derive(Clone, Copy, Debug)]
struct Input {
    signal: Signal,
    /// Delay of the filter for the edges of `signal`, if it is a wave.
    delay: Span,
    level: bool,
    /// When `level` changes, if the line stays as it is.
    pending: Option<Time>,
}

impl Default for Input {
    fn default() -> Input {
        Input { signal: Signal::Level(false), delay: Span::ZERO, level: false, pending: None }
    }
}

impl Input {
    /// The line carries `signal` from `at` on; what is shorter than `filter` does not pass.
    fn set(&mut self, signal: Signal, at: Time, filter: Span) {
        let level = match signal {
            Signal::Level(level) => level,
            Signal::Pulses { period, high, .. } => {
                let low = Span::from_ticks(period.ticks() - high.ticks());
                let passes = |part: Span| part > Span::ZERO && part >= filter;
                match (passes(high), passes(low)) {
                    (true, true) => {
                        let missed = signal.level_at(at) != self.level;
                        let stays = signal.next_edge(at).is_none_or(|(edge, _)| edge >= at + filter);
                        let pending = (missed && stays).then(|| self.pending.unwrap_or(at + filter));
                        *self = Input { signal, delay: filter, pending, ..*self };
                        return;
                    }
                    (high, low) if high != low => high,
                    _ => self.level,
                }
            }
        };
        self.signal = Signal::Level(level);
        self.pending = (level != self.level).then(|| self.pending.unwrap_or(at + filter));
    }

    /// When the level next changes, at `after` or later.
    fn next_change(&self, after: Time) -> Option<Time> {
        let Signal::Pulses { period, high, phase } = self.signal else { return self.pending };
        if self.pending.is_some() {
            return self.pending;
        }
        let period = period.ticks().max(1);
        let edge = phase + self.delay + if self.level { high } else { Span::ZERO };
        let left = (edge.ticks() % period + period - after.ticks() % period) % period;
        Some(after + Span::from_ticks(left))
    }

    fn flip(&mut self) {
        self.level = !self.level;
        self.pending = None;
    }
}

/// The settings of a unit.
#[derive(Clone, Copy, Debug)]
struct Settings {
    conf0: u32,
    conf1: u32,
    conf2: u32,
    counting: bool,
}

impl Settings {
    /// Returns the change of the count by an edge, at this level of the channel's control.
    fn step(&self, channel: usize, rising: bool, control: bool) -> i16 {
        use reg::U0_CONF0 as conf0;
        let [negative, positive, high, low] = match channel {
            0 => [conf0::CH0_NEG_MODE, conf0::CH0_POS_MODE, conf0::CH0_HCTRL_MODE, conf0::CH0_LCTRL_MODE],
            _ => [conf0::CH1_NEG_MODE, conf0::CH1_POS_MODE, conf0::CH1_HCTRL_MODE, conf0::CH1_LCTRL_MODE],
        };
        let step = match (if rising { positive } else { negative }).get(self.conf0) {
            1 => 1,
            2 => -1,
            _ => 0,
        };
        match (if control { high } else { low }).get(self.conf0) {
            0 => step,
            1 => -step,
            _ => 0,
        }
    }

    fn high_limit(&self) -> i16 {
        reg::U0_CONF2::CNT_H_LIM.get(self.conf2) as i16
    }

    fn low_limit(&self) -> i16 {
        reg::U0_CONF2::CNT_L_LIM.get(self.conf2) as i16
    }

    fn thresholds(&self) -> [i16; 2] {
        [reg::U0_CONF1::CNT_THRES0, reg::U0_CONF1::CNT_THRES1].map(|field| field.get(self.conf1) as i16)
    }

    /// The bits of STATUS for what a count that has just been reached means, as far as it is enabled.
    fn events(&self, count: i16) -> u32 {
        use reg::{U0_CONF0 as conf0, U0_STATUS as status};
        let [thres0, thres1] = self.thresholds();
        let events: [(i16, Field, Field); 5] = [
            (0, conf0::THR_ZERO_EN, status::ZERO),
            (self.high_limit(), conf0::THR_H_LIM_EN, status::H_LIM),
            (self.low_limit(), conf0::THR_L_LIM_EN, status::L_LIM),
            (thres0, conf0::THR_THRES0_EN, status::THRES0),
            (thres1, conf0::THR_THRES1_EN, status::THRES1),
        ];
        let met = events.iter().filter(|(value, enable, _)| *value == count && enable.is_set(self.conf0));
        met.fold(0, |bits, (_, _, event)| bits | event.mask())
    }

    /// Number of turns, each adding `step`, that certainly meet none of the values that matter.
    fn turns_without_event(&self, count: i16, step: i16) -> u64 {
        let [thres0, thres1] = self.thresholds();
        let values = [0, self.high_limit(), self.low_limit(), thres0, thres1];
        // On its way a turn goes beyond its start and its end by less than its edges.
        let ahead = |value: i16| if step > 0 { value.wrapping_sub(count) } else { count.wrapping_sub(value) } as u16;
        let nearest = values.map(|value| ahead(value).wrapping_add(TURN_EDGES)).into_iter().min().unwrap_or(0);
        u64::from(nearest.saturating_sub(2 * TURN_EDGES) / step.unsigned_abs())
    }
}

/// The end of [`Unit::follow`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    Now,
    /// The first event, or so many steps that other blocks should have a turn.
    Event,
}

/// A unit's counter.
#[derive(Clone, Debug, Default)]
struct Unit {
    inputs: [Input; INPUTS],
    count: i16,
    /// STATUS.ZERO_MODE for a count of zero: from below rather than from above.
    rose_to_zero: bool,
    /// The events of STATUS.
    latched: u32,
    /// Up to when the edges of the inputs are counted.
    at: Time,
}

espalier_core::persist!(value Input { signal, delay, level, pending });
espalier_core::persist!(value Unit { inputs, count, rose_to_zero, latched, at });

impl Unit {
    /// Counts the edges up to `now`. Gives the events.
    fn follow(&mut self, settings: Settings, now: Time, until: Until) -> u32 {
        let mut events = 0;
        let mut steps = 0;
        let mut last_limit: Option<(Time, [bool; INPUTS])> = None;
        while let Some((at, input)) = self.next_change().filter(|(at, _)| *at <= now) {
            if until == Until::Event && (events != 0 || steps >= MOST_STEPS) {
                return events;
            }
            self.at = at;
            if let Some(period) = self.steady_period() {
                events |= self.leap(settings, period, now, until);
                if self.at > at {
                    continue;
                }
            }
            steps += 1;
            let counted = self.change(input, settings);
            events |= counted.events;
            if counted.at_limit {
                let levels = self.inputs.map(|input| input.level);
                match (last_limit, self.steady_period()) {
                    // From limit to limit a steady wave does the same over and over.
                    (Some((last, same)), Some(period)) if same == levels && is_whole(at.since(last), period) => {
                        let round = at.since(last).ticks();
                        self.at = at + Span::from_ticks(now.since(at).ticks() / round * round);
                    }
                    _ => last_limit = Some((at, levels)),
                }
            }
        }
        self.at = self.at.max(now);
        events
    }

    fn next_change(&self) -> Option<(Time, usize)> {
        let changes = self.inputs.iter().enumerate();
        changes.filter_map(|(index, input)| Some((input.next_change(self.at)?, index))).min()
    }

    fn has_wave(&self) -> bool {
        self.inputs.iter().any(|input| matches!(input.signal, Signal::Pulses { .. }))
    }

    /// The period of the waves at the inputs, if it is one and nothing else is under way.
    fn steady_period(&self) -> Option<Span> {
        let mut common = None;
        for input in &self.inputs {
            match input.signal {
                Signal::Pulses { period, .. } if *common.get_or_insert(period) == period && input.pending.is_none() => {
                }
                Signal::Level(_) if input.pending.is_none() => {}
                _ => return None,
            }
        }
        common
    }

    /// Leaves out whole turns of a wave, where what they do to the count can be told from one of them. Gives their events.
    fn leap(&mut self, settings: Settings, period: Span, now: Time, until: Until) -> u32 {
        let turns = now.since(self.at).ticks() / period.ticks();
        if turns < 2 {
            return 0;
        }
        let end = self.at + period;
        let mut turn = self.clone();
        let mut events = 0;
        while let Some((at, input)) = turn.next_change().filter(|(at, _)| *at < end) {
            turn.at = at;
            events |= turn.change(input, settings).events;
        }
        let step = turn.count.wrapping_sub(self.count);
        let turns = match step {
            0 if events != 0 && until == Until::Event => return 0,
            0 => turns,
            step => turns.min(settings.turns_without_event(self.count, step)),
        };
        if turns == 0 {
            return 0;
        }
        // A step that is not zero is taken less often than counts are wide.
        self.count = self.count.wrapping_add(step.wrapping_mul(turns as i16));
        self.rose_to_zero = turn.rose_to_zero;
        self.at += period * turns;
        events
    }

    /// The level of an input changes.
    fn change(&mut self, input: usize, settings: Settings) -> Counted {
        self.inputs[input].flip();
        if input >= CHANNELS || !settings.counting {
            return Counted::default();
        }
        let step = settings.step(input, self.inputs[input].level, self.inputs[CHANNELS + input].level);
        if step == 0 {
            return Counted::default();
        }
        self.count = self.count.wrapping_add(step);
        let events = settings.events(self.count);
        let at_limit = self.count == settings.high_limit() || self.count == settings.low_limit();
        if at_limit {
            self.count = 0;
        }
        if self.count == 0 {
            self.rose_to_zero = step > 0;
        }
        Counted { events, at_limit }
    }

    fn zero_mode(&self) -> u32 {
        match self.count {
            ..0 => 2,
            0 => u32::from(self.rose_to_zero),
            1.. => 3,
        }
    }
}

/// The effect of an edge.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    events: u32,
    at_limit: bool,
}

fn is_whole(span: Span, period: Span) -> bool {
    span > Span::ZERO && span.ticks().is_multiple_of(period.ticks())
}

/// The pulse counter.
#[derive(Clone, Debug)]
pub struct Pcnt {
    registers: Registers,
    apb: Frequency,
    gated: bool,
    units: [Unit; UNITS],
    now: Time,
}

espalier_core::persist!(state Pcnt { registers, apb, gated, units, now });

impl Pcnt {
    /// The block after reset, its filters counting cycles of `apb`.
    pub fn new(apb: Frequency) -> Pcnt {
        Pcnt { registers: Registers::new(&REGISTERS), apb, gated: false, units: Default::default(), now: Time::ZERO }
    }

    fn is_held(&self, unit: usize) -> bool {
        self.registers.get(reg::CTRL) & reg::CTRL::CNT_RST_U0.mask() << (CTRL_STRIDE * unit as u32) != 0
    }

    fn settings(&self, unit: usize) -> Settings {
        let conf = |register: u32| self.registers.get(register + CONF_STRIDE * unit as u32);
        let pause = reg::CTRL::CNT_PAUSE_U0.mask() << (CTRL_STRIDE * unit as u32);
        Settings {
            conf0: conf(reg::U0_CONF0),
            conf1: conf(reg::U0_CONF1),
            conf2: conf(reg::U0_CONF2),
            counting: !self.gated && !self.is_held(unit) && self.registers.get(reg::CTRL) & pause == 0,
        }
    }

    fn filter(&self, unit: usize) -> Span {
        let conf0 = self.settings(unit).conf0;
        match reg::U0_CONF0::FILTER_EN.is_set(conf0) {
            true => self.apb.cycles(reg::U0_CONF0::FILTER_THRES.get(conf0).into()),
            false => Span::ZERO,
        }
    }

    fn follow(&mut self, now: Time) {
        self.now = self.now.max(now);
        for unit in 0..UNITS {
            self.follow_unit(unit);
        }
    }

    fn follow_unit(&mut self, unit: usize) {
        let settings = self.settings(unit);
        let events = self.units[unit].follow(settings, self.now, Until::Now);
        if events == 0 {
            return;
        }
        let interrupt = reg::INT_RAW::CNT_THR_EVENT_U0.mask() << unit;
        let pending = self.registers.get(reg::INT_RAW) & interrupt != 0;
        let latched = &mut self.units[unit].latched;
        *latched = if pending { *latched | events } else { events };
        self.registers.modify(reg::INT_RAW, 0, interrupt);
    }

    /// When the unit next raises an interrupt that software waits for, or has had many edges to count.
    fn next_event(&self, unit: usize, waited_for: bool) -> Option<Time> {
        let state = &self.units[unit];
        let settings = self.settings(unit);
        let unsteady = state.has_wave() && state.steady_period().is_none();
        if !settings.counting || !waited_for && !unsteady {
            return None;
        }
        let mut ahead = state.clone();
        ahead.follow(settings, NEVER, Until::Event);
        (ahead.at < NEVER).then_some(ahead.at)
    }

    fn input(&mut self, input: usize) -> (&mut Input, Span) {
        let filter = self.filter(input / INPUTS);
        (&mut self.units[input / INPUTS].inputs[input % INPUTS], filter)
    }
}

/// The unit that a word of an array with one for each unit belongs to.
fn unit_of(first: u32, offset: u32) -> Option<usize> {
    let unit = (offset.checked_sub(first)? / WORD) as usize;
    (unit < UNITS).then_some(unit)
}

impl Device for Pcnt {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Modelled
    }

    fn read(&mut self, offset: u32, now: Time) -> Result<u32, Unmodelled> {
        self.follow(now);
        let value = self.registers.read(offset)?;
        if let Some(unit) = unit_of(reg::U0_CNT, offset) {
            return Ok(reg::U0_CNT::CNT.put(self.units[unit].count as u32));
        }
        if let Some(unit) = unit_of(reg::U0_STATUS, offset) {
            let unit = &self.units[unit];
            return Ok(unit.latched | reg::U0_STATUS::ZERO_MODE.put(unit.zero_mode()));
        }
        Ok(match offset {
            reg::INT_ST => self.registers.get(reg::INT_RAW) & self.registers.get(reg::INT_ENA),
            _ => value,
        })
    }

    fn write(&mut self, offset: u32, value: u32, now: Time) -> Result<(), Unmodelled> {
        self.follow(now);
        self.registers.write(offset, value)?;
        match offset {
            reg::INT_CLR => self.registers.modify(reg::INT_RAW, value, 0),
            reg::CTRL => {
                for unit in 0..UNITS {
                    if self.is_held(unit) {
                        let held = &mut self.units[unit];
                        (held.count, held.rose_to_zero, held.latched) = (0, false, 0);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn deadline(&self) -> Option<Time> {
        let waited_for = self.registers.get(reg::INT_ENA) & !self.registers.get(reg::INT_RAW);
        (0..UNITS).filter_map(|unit| self.next_event(unit, waited_for >> unit & 1 != 0)).min()
    }

    fn advance(&mut self, now: Time) {
        self.follow(now);
    }

    fn interrupts(&self) -> u32 {
        u32::from(self.registers.get(reg::INT_RAW) & self.registers.get(reg::INT_ENA) != 0)
    }

    /// The lines stay connected.
    fn reset(&mut self) {
        self.registers.reset();
        for unit in &mut self.units {
            *unit = Unit { inputs: unit.inputs, at: unit.at, ..Unit::default() };
        }
    }

    fn set_apb_clock(&mut self, apb: Frequency, now: Time) {
        self.follow(now);
        self.apb = apb;
    }

    fn set_clock_gated(&mut self, gated: bool, now: Time) {
        self.follow(now);
        self.gated = gated;
    }

    fn takes_waves(&self) -> bool {
        true
    }

    /// The inputs of the units that are not held in reset.
    fn listening(&self) -> u64 {
        let inputs = |unit: usize| ((1 << INPUTS) - 1) << (INPUTS * unit);
        (0..UNITS).filter(|unit| !self.is_held(*unit)).fold(0, |mask, unit| mask | inputs(unit))
    }

    fn connect_input(&mut self, input: usize, signal: Signal) {
        let now = self.now;
        let (input, filter) = self.input(input);
        input.set(signal, now, filter);
        // The line was as it is before it was connected.
        if input.pending.is_some() {
            input.flip();
        }
    }

    fn set_input(&mut self, input: usize, signal: Signal, at: Time) {
        self.follow(at);
        let (input, filter) = self.input(input);
        input.set(signal, at, filter);
        self.follow(at);
    }
}
