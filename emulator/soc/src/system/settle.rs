//! What blocks did, carried to where it belongs: interrupt lines, resets, transactions, output.

use espalier_core::Time;
use espalier_peripherals::{Cpu, DportEffect, ResetCause, RtcEffect, WatchdogReset};

use super::{CoreEffect, System};
use crate::machine::CORES;
use crate::map::Block;
use crate::memory::Ram;
use crate::wiring;

impl System {
    /// Carries what a block did to where it belongs, after each access to it and each time it was advanced.
    pub(super) fn settle(&mut self, block: Block, ram: &mut Ram, now: Time) {
        match block {
            Block::Dport => self.settle_dport(now),
            Block::RtcCntl => self.settle_rtc(ram, now),
            Block::ApbCtrl => self.update_clocks(now),
            Block::IoMux => {
                self.update_inputs();
                self.connect_wires(now);
            }
            Block::Gpio => self.settle_gpio(now),
            Block::Rmt => self.settle_rmt(now),
            Block::Ledc | Block::Mcpwm(_) => self.carry_changes(),
            Block::RtcIo => {
                self.sens.set_touch_slopes(self.rtc_io.touch_slopes());
                self.update_inputs();
                self.connect_wires(now);
            }
            Block::Sens => self.settle_sens(ram, now),
            Block::I2s(unit) => self.settle_i2s(usize::from(unit), ram, now),
            Block::Timg(unit) => self.settle_timg(usize::from(unit)),
            Block::Frc => {
                let edges = self.frc.take_edges();
                self.pulse(block, edges);
            }
            Block::Uart(unit) => self.settle_uart(usize::from(unit)),
            Block::Spi(unit) => self.settle_spi(usize::from(unit), ram, now),
            Block::Ethernet => self.settle_ethernet(ram, now),
            Block::WifiMac => self.settle_wifi(ram, now),
            Block::Bluetooth => self.settle_bluetooth(ram, now),
            _ => {}
        }
        self.settle_interrupts(block);
        self.renew_deadline(block);
    }

    pub(super) fn settle_interrupts(&mut self, block: Block) {
        let mut changed = false;
        if block == Block::Gpio {
            for core in 0..CORES {
                for (source, level) in wiring::gpio_sources(&self.gpio, core) {
                    changed |= self.dport.set_source_of_core(core, source, level);
                }
            }
        } else {
            let sources = wiring::sources(block);
            if sources.is_empty() {
                return;
            }
            let levels = self.device(block).map_or(0, |device| device.interrupts());
            for (line, source) in sources.iter().enumerate() {
                changed |= self.dport.set_source(*source, levels >> line & 1 != 0);
            }
        }
        if changed {
            self.update_lines();
        }
    }

    pub(super) fn update_lines(&mut self) {
        let lines = std::array::from_fn(|core| self.dport.interrupt_lines(core));
        if lines != self.lines {
            self.lines = lines;
            self.attention = true;
        }
    }

    pub(super) fn settle_dport(&mut self, now: Time) {
        while let Some(effect) = self.dport.take_effect() {
            match effect {
                DportEffect::Interrupts => self.update_lines(),
                DportEffect::AppCpu => self.update_runs(),
                DportEffect::AppCpuStart => {
                    self.push_effect(CoreEffect::Reset { cause: ResetCause::ProCpu, cpu: Some(Cpu::App) });
                }
                DportEffect::CpuClock => self.update_clocks(now),
                DportEffect::CacheFlush(cpu) => self.flush_cache(cpu),
                DportEffect::PeripheralReset(bits) => self.reset_blocks(wiring::PERIPHERAL_RESETS, bits),
                DportEffect::CoreReset(bits) => self.reset_blocks(wiring::CORE_RESETS, bits),
                DportEffect::CryptoReset(bits) => self.reset_blocks(wiring::CRYPTO_RESETS, bits),
            }
        }
    }

    pub(super) fn reset_blocks(&mut self, table: &[(u32, Block)], bits: u32) {
        for (bit, block) in table {
            if bits >> bit & 1 != 0
                && let Some(device) = self.device(*block)
            {
                device.reset();
                self.settle_interrupts(*block);
                self.renew_deadline(*block);
            }
        }
    }

    pub(super) fn push_effect(&mut self, effect: CoreEffect) {
        self.effects.push_back(effect);
        self.attention = true;
    }

    pub(super) fn settle_rtc(&mut self, ram: &Ram, now: Time) {
        while let Some(effect) = self.rtc.take_effect() {
            match effect {
                RtcEffect::ResetCpu { cpu, cause } => self.push_effect(CoreEffect::Reset { cause, cpu: Some(cpu) }),
                RtcEffect::Reset { cause } => self.push_effect(CoreEffect::Reset { cause, cpu: None }),
                RtcEffect::ClockChanged => self.update_clocks(now),
                RtcEffect::MemoryCrc { first_word, words } => {
                    // The address counter of the checksum wraps at the end of the memory.
                    let bytes = ram.rtc_fast.iter().cycle().skip(4 * first_word as usize).take(4 * words as usize);
                    let bytes: Vec<u8> = bytes.copied().collect();
                    self.rtc.finish_memory_crc(&bytes);
                }
                RtcEffect::StallCpu { .. } => self.update_runs(),
                RtcEffect::Sleep { .. } => {
                    self.gate_clocks(now);
                    self.update_runs();
                    // A pad that already stands as it is waited for wakes at once.
                    self.rtc.set_rtc_pads(self.rtc_io.inputs(), self.rtc_io.ext0_pad(), now);
                }
                RtcEffect::Wake => {
                    self.gate_clocks(now);
                    self.update_runs();
                }
            }
        }
        self.update_touch_timer(now);
    }

    /// Raises edge sources for the length of a slice.
    pub(super) fn pulse(&mut self, block: Block, edges: u32) {
        for (line, source) in wiring::edge_sources(block).iter().enumerate() {
            if edges >> line & 1 != 0 {
                self.dport.set_source(*source, true);
                self.pulses |= 1 << source;
            }
        }
        if edges != 0 {
            self.update_lines();
        }
    }

    /// Ends the pulses that the last slice has seen.
    pub(super) fn end_pulses(&mut self) {
        while self.pulses != 0 {
            let source = self.pulses.trailing_zeros() as usize;
            self.pulses &= self.pulses - 1;
            self.dport.set_source(source, false);
        }
        self.update_lines();
    }

    pub(super) fn settle_timg(&mut self, unit: usize) {
        let edges = self.timgs[unit].take_edges();
        self.pulse(Block::Timg(unit as u8), edges);
        let Some(reset) = self.timgs[unit].take_reset() else { return };
        let (system, cpu) = if unit == 0 {
            (ResetCause::TimerGroup0System, Cpu::Pro)
        } else {
            (ResetCause::TimerGroup1System, Cpu::App)
        };
        self.push_effect(match reset {
            WatchdogReset::Cpu => CoreEffect::Reset { cause: ResetCause::TimerGroupCpu, cpu: Some(cpu) },
            WatchdogReset::System => CoreEffect::Reset { cause: system, cpu: None },
        });
    }

    pub(super) fn settle_uart(&mut self, unit: usize) {
        let sent = self.uarts[unit].take_transmitted();
        if !sent.is_empty() {
            self.uart_output[unit].push(sent);
            self.output = true;
        }
    }

    pub(super) fn settle_spi(&mut self, unit: usize, ram: &mut Ram, now: Time) {
        if self.spis[unit].has_transaction() {
            self.parts.run_spi(&mut self.spis[unit], unit, ram, now);
        }
        // Code that was decoded from flash is stale once its page has changed.
        if self.parts.flash.changes() != self.flash_changes {
            self.flash_changes = self.parts.flash.changes();
            self.code_epoch = self.code_epoch.wrapping_add(1);
            self.attention = true;
        }
    }
}
