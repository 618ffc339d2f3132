//! The Bluetooth baseband: a dual-mode core by RivieraWaves, one half for Bluetooth Classic and one for Low Energy, which share a
//! clock and a piece of SRAM, the exchange memory.
//!
//! Espressif does not document it. The model follows what SDKs of other licensees publish about the same core and how the drivers in
//! the chip's mask ROM use it. The wiring calls [`run`](Bluetooth::run) after each access and at each deadline.
//!
//! There is no other device in the air: each operation of the Low Energy core takes its time and ends without a packet.

mod clock;
mod encryption;
mod exchange;
mod registers;
mod sleep;
#[cfg(test)]
mod tests;

use espalier_core::{
    Device, Fidelity, Frequency, GuestMemory, Register, Registers, Span, Surroundings, Time, Unmodelled,
};

use clock::{SLOT_MASK, SlotClock};
use exchange::Activity;
use registers::{REGISTERS, ble_int, bt_int, reg};

/// Time of the AES unit for a block.
const AES_TIME: Span = Span::from_micros(10);
/// Channels that ADVCHMAP can name.
const ADVERTISING_CHANNELS: u32 = 0x7;

/// The places and bits in which the two halves differ.
#[derive(Clone, Copy, Debug)]
struct Half {
    intcntl: u32,
    intrawstat: u32,
    gross_target: u32,
    fine_target: u32,
    every_slot: u32,
    gross: u32,
    fine: u32,
    software: u32,
}

const CLASSIC: Half = Half {
    intcntl: reg::INTCNTL,
    intrawstat: reg::INTRAWSTAT,
    gross_target: reg::GROSSTIMTGT,
    fine_target: reg::FINETIMTGT,
    every_slot: bt_int::CLKN,
    gross: bt_int::GROSSTGTIM,
    fine: bt_int::FINETGTIM,
    software: bt_int::SW,
};
const LOW_ENERGY: Half = Half {
    intcntl: reg::BLE_INTCNTL,
    intrawstat: reg::BLE_INTRAWSTAT,
    gross_target: reg::BLE_GROSSTIMTGT,
    fine_target: reg::BLE_FINETIMTGT,
    every_slot: ble_int::CSCNT,
    gross: ble_int::GROSSTGTIM,
    fine: ble_int::FINETGTIM,
    software: ble_int::SW,
};
const HALVES: [Half; 2] = [CLASSIC, LOW_ENERGY];

/// The present activity of the Low Energy core.
#[derive(Clone, Copy, Debug)]
struct Ongoing {
    activity: Activity,
    /// When it ends by itself.
    end: Option<Time>,
}

espalier_core::persist!(value Ongoing { activity, end });

/// The Bluetooth baseband.
#[derive(Clone, Debug)]
pub struct Bluetooth {
    registers: Registers,
    clock: SlotClock,
    /// Up to when it has done what was due.
    done: Time,
    ongoing: Option<Ongoing>,
    /// When the AES unit is done.
    encrypted: Option<Time>,
    /// When it fell asleep, and when it wakes by itself.
    asleep: Option<(Time, Option<Time>)>,
    low_power_clock: Frequency,
    now: Time,
}

espalier_core::persist!(state Bluetooth { registers, clock, done, ongoing, encrypted, asleep, low_power_clock, now });

impl Bluetooth {
    /// The block after reset. `low_power_clock` counts while it sleeps.
    pub fn new(low_power_clock: Frequency) -> Bluetooth {
        Bluetooth {
            registers: Registers::new(&REGISTERS),
            clock: SlotClock::started(Time::ZERO),
            done: Time::ZERO,
            ongoing: None,
            encrypted: None,
            asleep: None,
            low_power_clock,
            now: Time::ZERO,
        }
    }

    /// The clock that counts while it sleeps, as the chip selects it.
    pub fn set_low_power_clock(&mut self, clock: Frequency) {
        self.low_power_clock = clock;
    }

    /// Does what is due until `now`.
    pub fn run(&mut self, memory: &mut dyn GuestMemory, now: Time) {
        self.now = now;
        while let Some(due) = self.deadline().filter(|due| *due <= now) {
            self.step(due, memory);
        }
        self.done = self.done.max(now);
    }

    fn step(&mut self, due: Time, memory: &mut dyn GuestMemory) {
        if self.asleep.is_some_and(|(_, wake)| wake == Some(due)) {
            self.wake(due);
        }
        if self.encrypted == Some(due) {
            self.encrypted = None;
            self.encrypt(memory);
        }
        if self.ongoing.is_some_and(|ongoing| ongoing.end == Some(due)) {
            self.end_event();
        }
        if self.clock.next_slot(self.done) == Some(due) {
            self.begin_slot(due, memory);
        }
        for half in HALVES {
            self.meet_targets(half, due);
        }
        self.done = due;
    }

    /// A slot begins, and with it what the exchange table has for it.
    fn begin_slot(&mut self, due: Time, memory: &mut dyn GuestMemory) {
        for half in HALVES {
            if self.is_enabled(half, half.every_slot) {
                self.raise(half, half.every_slot);
            }
        }
        if !self.is_low_energy_enabled() {
            return;
        }
        let Some(programmed) = exchange::take(self.clock.slots(due), memory) else { return };
        // The core does one thing at a time, and what was programmed later has been found more urgent.
        self.end_event();
        let advertising = self.advertising_time();
        let span = match (programmed.activity, programmed.limit) {
            (Activity::Advertising, Some(limit)) => Some(advertising.min(limit)),
            (_, limit) => limit,
        };
        let end = span.map(|span| due + span);
        self.ongoing = Some(Ongoing { activity: programmed.activity, end });
    }

    /// One packet on each channel, ADVTIM apart.
    fn advertising_time(&self) -> Span {
        let channels = (self.registers.get(reg::ADVCHMAP) & ADVERTISING_CHANNELS).count_ones().max(1);
        Span::from_micros(u64::from(self.registers.get(reg::ADVTIM).max(1))) * u64::from(channels)
    }

    /// Ends what goes on, if something does.
    fn end_event(&mut self) {
        if self.ongoing.take().is_some() {
            self.raise(LOW_ENERGY, ble_int::EVENT);
        }
    }

    fn meet_targets(&mut self, half: Half, due: Time) {
        if self.gross_target(half) == Some(due) {
            self.raise(half, half.gross);
        }
        if self.fine_target(half) == Some(due) {
            self.raise(half, half.fine);
        }
    }

    /// When the clock next stands at the gross target.
    fn gross_target(&self, half: Half) -> Option<Time> {
        let slot = self.registers.get(half.gross_target).wrapping_mul(registers::GROSS_SLOTS) & SLOT_MASK;
        self.clock.next_match(slot, SLOT_MASK, self.done)
    }

    fn fine_target(&self, half: Half) -> Option<Time> {
        self.clock.next_match(self.registers.get(half.fine_target), SLOT_MASK, self.done)
    }

    fn is_low_energy_enabled(&self) -> bool {
        self.registers.get(reg::RWBLECNTL) & registers::RWBLE_EN != 0
    }

    fn is_enabled(&self, half: Half, interrupt: u32) -> bool {
        self.registers.get(half.intcntl) & interrupt != 0
    }

    /// True if something may happen at the start of every slot.
    fn follows_slots(&self) -> bool {
        self.is_low_energy_enabled() || HALVES.iter().any(|half| self.is_enabled(*half, half.every_slot))
    }

    fn raise(&mut self, half: Half, interrupts: u32) {
        self.registers.modify(half.intrawstat, 0, interrupts);
    }

    fn status(&self, half: Half) -> u32 {
        self.registers.get(half.intrawstat) & self.registers.get(half.intcntl)
    }

    fn write_control(&mut self, half: Half, value: u32, now: Time) {
        let register = if half.intcntl == reg::INTCNTL { reg::RWBTCNTL } else { reg::RWBLECNTL };
        if value & registers::MASTER_TGSOFT_RST != 0 {
            self.clock = SlotClock::started(now);
            self.asleep = None;
        }
        if value & registers::SWINT_REQ != 0 {
            self.raise(half, half.software);
        }
        let mut done = registers::MASTER_SOFT_RST | registers::MASTER_TGSOFT_RST | registers::SWINT_REQ;
        if register == reg::RWBLECNTL {
            done |= registers::REG_SOFT_RST | self.abort(value, now);
        }
        self.registers.modify(register, done, 0);
    }

    /// Ends what software wants to have ended. Returns the bits that asked for it.
    fn abort(&mut self, value: u32, now: Time) -> u32 {
        let aborts = [
            (registers::ADVERT_ABORT, Activity::Advertising),
            (registers::SCAN_ABORT, Activity::Scanning),
            (registers::RFTEST_ABORT, Activity::Test),
        ];
        for (bit, activity) in aborts {
            if let Some(ongoing) = self.ongoing.as_mut().filter(|ongoing| ongoing.activity == activity)
                && value & bit != 0
            {
                ongoing.end = Some(now);
            }
        }
        aborts.iter().fold(0, |bits, (bit, _)| bits | bit)
    }
}

impl Device for Bluetooth {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "the Bluetooth baseband, a dual-mode core by RivieraWaves: clock, timers, sleep, interrupts, AES, and advertising and \
             scanning of Low Energy in an empty air; no connections, nothing of Bluetooth Classic but its clock, no coexistence \
             with Wi-Fi; registers without a published meaning only store",
        )
    }

    fn read(&mut self, offset: u32, now: Time) -> Result<u32, Unmodelled> {
        Ok(match offset {
            // A sample is there as soon as it is asked for.
            reg::SLOTCLK => self.clock.half_slots(now) & !registers::SAMP,
            reg::BASETIMECNT => self.clock.slots(now) & !registers::SAMP,
            reg::FINETIMECNT | reg::BLE_FINETIMECNT => self.clock.fine(now),
            reg::INTSTAT => self.status(CLASSIC),
            reg::BLE_INTSTAT => self.status(LOW_ENERGY),
            _ => self.registers.read(offset)?,
        })
    }

    fn write(&mut self, offset: u32, value: u32, now: Time) -> Result<(), Unmodelled> {
        let (followed, ran) = (self.follows_slots(), self.clock.is_running());
        let old = self.registers.read(offset)?;
        let new = self.registers.write(offset, value)?;
        match offset {
            reg::RWBTCNTL => self.write_control(CLASSIC, new, now),
            reg::RWBLECNTL => self.write_control(LOW_ENERGY, new, now),
            reg::INTACK => self.registers.modify(reg::INTRAWSTAT, value, 0),
            reg::BLE_INTACK => self.registers.modify(reg::BLE_INTRAWSTAT, value, 0),
            reg::DEEPSLCNTL => self.write_sleep(new, now),
            reg::AESCNTL if new & registers::AES_START != 0 => self.encrypted = Some(now + AES_TIME),
            _ => {}
        }
        // Inquiry and paging are of Bluetooth Classic and not modelled: they do not even end with a time-out.
        let starts_train = offset == reg::ABTRAINCNTL && new & !old & (registers::INQ_EN | registers::PAGE_EN) != 0;
        // Nothing was due at the slots that were passed over.
        let follows = self.follows_slots() && !followed || self.clock.is_running() && !ran;
        let target = matches!(offset, reg::GROSSTIMTGT | reg::FINETIMTGT | reg::BLE_GROSSTIMTGT | reg::BLE_FINETIMTGT)
            && !followed;
        if follows || target || offset == reg::DEEPSLCNTL {
            self.done = self.done.max(now);
        }
        if starts_train { Err(Unmodelled) } else { Ok(()) }
    }

    fn deadline(&self) -> Option<Time> {
        let slot = if self.follows_slots() { self.clock.next_slot(self.done) } else { None };
        let targets = HALVES.iter().flat_map(|half| [self.gross_target(*half), self.fine_target(*half)]);
        let end = self.ongoing.and_then(|ongoing| ongoing.end);
        let wake = self.asleep.and_then(|(_, wake)| wake);
        [slot, end, wake, self.encrypted].into_iter().chain(targets).flatten().min()
    }

    /// Of the lines RWBT, RWBLE, RWBT_NMI and RWBLE_NMI.
    fn interrupts(&self) -> u32 {
        let (classic, low_energy) = (u32::from(self.status(CLASSIC) != 0), u32::from(self.status(LOW_ENERGY) != 0));
        classic | low_energy << 1 | classic << 2 | low_energy << 3
    }

    fn reset(&mut self) {
        let now = self.now;
        *self = Bluetooth { clock: SlotClock::started(now), done: now, now, ..Bluetooth::new(self.low_power_clock) };
    }

    fn settle(&mut self, surroundings: &mut dyn Surroundings, now: Time) {
        self.run(surroundings.memory(), now);
    }
}
