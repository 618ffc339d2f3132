//! Register accesses of software to the RTC controller.

use espalier_core::{Device, Fidelity, Register, Time, Unmodelled};

use super::registers::{self, REGISTERS, reg};
use super::{Cpu, ResetCause, RtcCntl, RtcEffect, Sleep, TIMER_WIDTH, WakeupSource};
use crate::watchdog::WRITE_KEY;

const TIMER_MASK: u64 = (1 << TIMER_WIDTH) - 1;

impl RtcCntl {
    fn options_written(&mut self, value: u32) {
        if reg::OPTIONS0::SW_SYS_RST.is_set(value) {
            self.effects.push_back(RtcEffect::Reset { cause: ResetCause::SoftwareSystem });
        }
        for (cpu, bit) in
            [(Cpu::App, reg::OPTIONS0::SW_APPCPU_RST.mask()), (Cpu::Pro, reg::OPTIONS0::SW_PROCPU_RST.mask())]
        {
            if value & bit != 0 {
                self.effects.push_back(RtcEffect::ResetCpu { cpu, cause: ResetCause::SoftwareCpu });
            }
        }
    }

    fn update_stalls(&mut self) {
        for (cpu, c0, c1) in [
            (Cpu::Pro, reg::OPTIONS0::SW_STALL_PROCPU_C0, reg::SW_CPU_STALL::SW_STALL_PROCPU_C1),
            (Cpu::App, reg::OPTIONS0::SW_STALL_APPCPU_C0, reg::SW_CPU_STALL::SW_STALL_APPCPU_C1),
        ] {
            let stalled = self.registers.field(c1) << c0.width | self.registers.field(c0);
            let stalled = stalled == registers::STALL_VALUE;
            if self.stalled[cpu as usize] != stalled {
                self.stalled[cpu as usize] = stalled;
                self.effects.push_back(RtcEffect::StallCpu { cpu, stalled });
            }
        }
    }

    fn clock_written(&mut self, old: u32, new: u32, now: Time) {
        let selects = reg::CLK_CONF::SOC_CLK_SEL.mask() | reg::CLK_CONF::ANA_CLK_RTC_SEL.mask();
        if (old ^ new) & selects == 0 {
            return;
        }
        let slow = self.slow_clock().frequency();
        self.timer.set_clock(slow, now);
        self.watchdog.set_clock(slow, now);
        self.arm_alarm(now);
        self.effects.push_back(RtcEffect::ClockChanged);
    }

    /// The RTC timer copies itself into TIME0 and TIME1 with the next edge of the slow clock.
    fn request_time(&mut self, now: Time) {
        let next = (self.timer.value(now) & TIMER_MASK).wrapping_add(1);
        self.registers.modify(reg::TIME_UPDATE, reg::TIME_UPDATE::TIME_VALID.mask(), 0);
        self.update_at = self.timer.reaches(next, TIMER_WIDTH, now);
    }

    fn alarm_value(&self) -> u64 {
        let high = self.registers.field(reg::SLP_TIMER1::SLP_VAL_HI);
        u64::from(self.registers.get(reg::SLP_TIMER0)) | u64::from(high) << 32
    }

    /// The alarm goes off if MAIN_TIMER_ALARM_EN is set. While the chip sleeps it wakes it without: ESP-IDF never sets that bit on
    /// this chip.
    fn arm_alarm(&mut self, now: Time) {
        let wakes = self.registers.field(reg::WAKEUP_STATE::WAKEUP_ENA) & WakeupSource::Timer as u32 != 0;
        let enabled = self.registers.is_set(reg::SLP_TIMER1::MAIN_TIMER_ALARM_EN) || self.sleeping.is_some() && wakes;
        let alarm = self.alarm_value();
        let value = self.timer.value(now) & TIMER_MASK;
        self.alarm_at = match enabled {
            true if value >= alarm => Some(now),
            true => self.timer.reaches(alarm, TIMER_WIDTH, now),
            false => None,
        };
    }

    fn fall_asleep(&mut self, now: Time) {
        let deep = self.registers.is_set(reg::DIG_PWC::DG_WRAP_PD_EN);
        let kind = if deep { Sleep::Deep } else { Sleep::Light };
        let enabled = self.registers.field(reg::WAKEUP_STATE::WAKEUP_ENA);
        self.sleeping = Some(kind);
        self.asleep_since = now;
        // An alarm that has gone off before still wakes: the timer has passed it.
        self.arm_alarm(now);
        let wake_at = self.alarm_at.filter(|_| enabled & WakeupSource::Timer as u32 != 0);
        self.run_watchdog(now);
        self.effects.push_back(RtcEffect::Sleep { kind, wake_at });
    }

    /// The checksum starts with the bit and is done until the bit is cleared.
    fn memory_crc_written(&mut self, old: u32, new: u32) {
        if !reg::MEM_CONF::MEM_CRC_START.is_set(new) {
            self.registers.set_field(reg::MEM_CONF::MEM_CRC_FINISH, 0);
        } else if !reg::MEM_CONF::MEM_CRC_START.is_set(old) && self.crc_done_at.is_none() {
            let first_word = reg::MEM_CONF::MEM_CRC_ADDR.get(new);
            let words = reg::MEM_CONF::MEM_CRC_LEN.get(new) + 1;
            self.effects.push_back(RtcEffect::MemoryCrc { first_word, words });
        }
    }

    fn watchdog_written(&mut self, offset: u32, value: u32, now: Time) {
        match offset {
            reg::WDTCONFIG0 => self.run_watchdog(now),
            reg::WDTFEED => self.watchdog.feed(now),
            offset => self.watchdog.set_timeout(((offset - reg::WDTCONFIG1) / 4) as usize, value),
        }
    }
}

impl Device for RtcCntl {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "power domains, what a brown-out does to flash and radio and sleep reject are registers without effect",
        )
    }

    fn read(&mut self, offset: u32, now: Time) -> Result<u32, Unmodelled> {
        self.advance(now);
        let value = self.registers.read(offset)?;
        Ok(match offset {
            reg::RESET_STATE => {
                let cause = |cpu: Cpu| self.causes[cpu as usize] as u32;
                value
                    | reg::RESET_STATE::RESET_CAUSE_PROCPU.put(cause(Cpu::Pro))
                    | reg::RESET_STATE::RESET_CAUSE_APPCPU.put(cause(Cpu::App))
            }
            reg::INT_ST => self.registers.get(reg::INT_RAW) & self.registers.get(reg::INT_ENA),
            // Something may wake a chip that sleeps.
            reg::LOW_POWER_ST => reg::LOW_POWER_ST::RDY_FOR_WAKEUP.put(self.sleeping.is_some().into()),
            _ => value,
        })
    }

    fn write(&mut self, offset: u32, value: u32, now: Time) -> Result<(), Unmodelled> {
        self.advance(now);
        let guarded = (reg::WDTCONFIG0..=reg::WDTFEED).contains(&offset);
        if guarded && self.registers.get(reg::WDTWPROTECT) != WRITE_KEY {
            return Ok(());
        }
        let old = self.registers.read(offset)?;
        let new = self.registers.write(offset, value)?;
        if guarded {
            self.watchdog_written(offset, new, now);
        }
        match offset {
            reg::OPTIONS0 => {
                self.options_written(value);
                self.update_stalls();
            }
            reg::SW_CPU_STALL => self.update_stalls(),
            reg::CLK_CONF => self.clock_written(old, new, now),
            reg::TIME_UPDATE if reg::TIME_UPDATE::TIME_UPDATE.is_set(value) => self.request_time(now),
            reg::SLP_TIMER0 | reg::SLP_TIMER1 => self.arm_alarm(now),
            reg::STATE0 if new & !old & reg::STATE0::SLEEP_EN.mask() != 0 => self.fall_asleep(now),
            reg::MEM_CONF => self.memory_crc_written(old, new),
            reg::BROWN_OUT => self.compare_supply(now),
            reg::INT_CLR => self.registers.modify(reg::INT_RAW, new, 0),
            _ => {}
        }
        self.advance(now);
        Ok(())
    }

    fn deadline(&self) -> Option<Time> {
        let watchdog = self.watchdog.deadline(|stage| self.watchdog_acts(stage));
        [self.update_at, self.alarm_at, self.waking, self.brown_out_at, watchdog].into_iter().flatten().min()
    }

    fn advance(&mut self, now: Time) {
        self.now = self.now.max(now);
        if let Some(at) = self.update_at.filter(|at| *at <= now) {
            let time = self.timer.value(at) & TIMER_MASK;
            self.registers.set(reg::TIME0, time as u32);
            self.registers.set(reg::TIME1, (time >> 32) as u32);
            self.registers.modify(reg::TIME_UPDATE, 0, reg::TIME_UPDATE::TIME_VALID.mask());
            self.raise(reg::INT_RAW::TIME_VALID.mask());
            self.update_at = None;
        }
        if self.alarm_at.is_some_and(|at| at <= now) {
            self.alarm_at = None;
            self.raise(reg::INT_RAW::MAIN_TIMER.mask());
            self.wake(WakeupSource::Timer, now);
        }
        if self.crc_done_at.is_some_and(|at| at <= now) {
            self.crc_done_at = None;
            self.registers.set_field(reg::MEM_CONF::MEM_CRC_FINISH, 1);
        }
        self.come_up(now);
        self.brown_out(now);
        while let Some(stage) = self.watchdog.take_expired(now) {
            self.watchdog_expired(stage);
        }
    }

    fn interrupts(&self) -> u32 {
        u32::from(self.registers.get(reg::INT_RAW) & self.registers.get(reg::INT_ENA) != 0)
    }

    /// Power-on.
    fn reset(&mut self) {
        self.apply_reset(ResetCause::PowerOn, None, self.now);
    }
}
