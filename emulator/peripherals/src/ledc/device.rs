//! Register accesses of software to the LEDC.

use espalier_core::{Device, Fidelity, Frequency, OutputChange, Register, Signal, Time, Unmodelled};

use super::registers::{REGISTERS, UPDATED, channel, reg, timer};
use super::{GROUP_CHANNELS, GROUP_TIMERS, LEDC_CHANNELS, Ledc, TIMERS};

/// The unit to which a register belongs, and the register within it.
enum Place {
    Channel(usize, u32),
    Timer(usize, u32),
    Block,
}

fn place(offset: u32) -> Place {
    const CHANNELS_END: u32 = channel::STRIDE * LEDC_CHANNELS as u32;
    const TIMERS_END: u32 = reg::HSTIMER0_CONF + timer::STRIDE * TIMERS as u32;
    match offset {
        0..CHANNELS_END => Place::Channel((offset / channel::STRIDE) as usize, offset % channel::STRIDE),
        reg::HSTIMER0_CONF..TIMERS_END => {
            let offset = offset - reg::HSTIMER0_CONF;
            Place::Timer((offset / timer::STRIDE) as usize, offset % timer::STRIDE)
        }
        _ => Place::Block,
    }
}

impl Ledc {
    fn channel_written(&mut self, channel: usize, register: u32, value: u32, now: Time) {
        let low_speed = channel >= GROUP_CHANNELS;
        let updated = low_speed && register == channel::CONF0 && value & reg::LSCH0_CONF0::PARA_UP.mask() != 0;
        if updated {
            self.registers.modify(super::channel_offset(channel, channel::CONF0), reg::LSCH0_CONF0::PARA_UP.mask(), 0);
        }
        if updated || !low_speed && register == channel::CONF0 {
            self.channels[channel].set_conf0(self.channel_register(channel, channel::CONF0));
            self.drive(channel, now);
        }
        if updated || !low_speed && register == channel::CONF1 {
            self.update_channel(channel);
        }
    }

    fn timer_written(&mut self, timer: usize, now: Time) {
        let conf = self.timer_conf(timer);
        if timer < GROUP_TIMERS || conf & reg::LSTIMER0_CONF::PARA_UP.mask() != 0 {
            self.limits[timer] = conf & UPDATED;
            let offset = reg::HSTIMER0_CONF + timer::STRIDE * timer as u32;
            self.registers.modify(offset, reg::LSTIMER0_CONF::PARA_UP.mask(), 0);
        }
        self.configure_timers(now);
    }
}

impl Device for Ledc {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "outputs are described by period and duty, with the fraction of the duty as its mean; new timer settings do not \
             wait for the next overflow",
        )
    }

    fn read(&mut self, offset: u32, now: Time) -> Result<u32, Unmodelled> {
        self.follow(now);
        let value = self.registers.read(offset)?;
        Ok(match place(offset) {
            Place::Channel(channel, channel::DUTY_R) => self.channels[channel].duty,
            Place::Timer(timer, timer::VALUE) => self.timers[timer].value(now),
            Place::Block if offset == reg::INT_ST => {
                self.registers.get(reg::INT_RAW) & self.registers.get(reg::INT_ENA)
            }
            _ => value,
        })
    }

    fn write(&mut self, offset: u32, value: u32, now: Time) -> Result<(), Unmodelled> {
        self.follow(now);
        self.registers.write(offset, value)?;
        match place(offset) {
            Place::Channel(channel, register) => self.channel_written(channel, register, value, now),
            Place::Timer(timer, timer::CONF) => self.timer_written(timer, now),
            Place::Block if offset == reg::INT_CLR => self.registers.modify(reg::INT_RAW, value, 0),
            Place::Block if offset == reg::CONF => self.configure_timers(now),
            Place::Timer(..) | Place::Block => {}
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

    fn reset(&mut self) {
        let now = self.advanced;
        let fresh = Ledc::new();
        self.registers = fresh.registers;
        self.channels = fresh.channels;
        self.limits = fresh.limits;
        self.configure_timers(now);
    }

    fn set_apb_clock(&mut self, apb: Frequency, now: Time) {
        self.set_apb_clock(apb, now);
    }

    fn set_clock_gated(&mut self, gated: bool, now: Time) {
        self.set_clock_gated(gated, now);
    }

    fn set_watched(&mut self, outputs: u64) {
        self.set_watched(outputs as u16);
    }

    fn set_awaited(&mut self, outputs: u64) {
        self.awaited = outputs as u16;
    }

    fn output(&self, output: usize) -> Signal {
        self.signal(output)
    }

    fn take_output_changes(&mut self) -> Vec<OutputChange> {
        let changes = self.take_changes().into_iter();
        changes.map(|change| OutputChange { output: change.channel, at: change.at, signal: change.signal }).collect()
    }
}
