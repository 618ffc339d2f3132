//! SYSTEM: clocks, resets and software interrupts (ESP32-C3 TRM, chapter "System Registers"; crate `esp32c3`).

use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};

espalier_core::registers! {
    CPU_PERI_CLK_EN @ 0x00 = 0, rw_bits(0xC0);
    CPU_PERI_RST_EN @ 0x04 = 0xC0, rw_bits(0xC0);
    CPU_PER_CONF @ 0x08 = 0xC, rw_bits(0xFF) { CPUPERIOD_SEL: 0..=1 };
    MEM_PD_MASK @ 0x0C = 0x1, rw_bits(0x1);
    PERIP_CLK_EN0 @ 0x10 = 0xF9C1_E06F, rw_bits(0xFFFF_FFEF);
    PERIP_CLK_EN1 @ 0x14 = 0x200, rw_bits(0x7FE);
    PERIP_RST_EN0 @ 0x18 = 0, rw_bits(0xFFFF_FFEF);
    PERIP_RST_EN1 @ 0x1C = 0x1FE, rw_bits(0x7FE);
    BT_LPCK_DIV_INT @ 0x20 = 0xFF, rw_bits(0xFFF);
    BT_LPCK_DIV_FRAC @ 0x24 = 0x200_1001, rw_bits(0x1FFF_FFFF);
    CPU_INTR_FROM_CPU[4] @ 0x28 = 0, rw_bits(0x1) { CPU_INTR: 0 };
    RSA_PD_CTRL @ 0x38 = 0x1, rw_bits(0x7);
    EDMA_CTRL @ 0x3C = 0x1, rw_bits(0x3);
    CACHE_CONTROL @ 0x40 = 0x5, rw_bits(0xF);
    RTC_FASTMEM_CONFIG @ 0x48 = 0x7FF0_0000, rw_bits(0x7FFF_FF00);
    RTC_FASTMEM_CRC @ 0x4C = 0, ro();
    REDUNDANT_ECO_CTRL @ 0x50 = 0, rw_bits(0x1);
    CLOCK_GATE @ 0x54 = 0x1, rw_bits(0x1);
    SYSCLK_CONF @ 0x58 = 0x1, rw_bits(0xFFF) { PRE_DIV_CNT: 0..=9, SOC_CLK_SEL: 10..=11 };
    MEM_PVT @ 0x5C = 0x3, rw_bits(0xC0_003F);
    COMB_PVT_LVT_CONF @ 0x60 = 0x3, rw_bits(0x7F);
    COMB_PVT_ERR_LVT_SITE0 @ 0x6C = 0, ro();
    SYSTEM_REG_DATE @ 0xFFC = 0x0200_7150, rw();
}

/// Software interrupts.
const FROM_CPU: u32 = 4;

/// The clock of the core and of the peripheral bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CpuClock {
    /// The crystal, divided by so much.
    Xtal { divider: u32 },
    /// The PLL: 80 or 160 MHz.
    Pll { megahertz: u32 },
    /// The fast RC oscillator, divided by so much.
    RcFast { divider: u32 },
}

/// The effect of a write outside of the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemEffect {
    /// The clock of the core or of the bus.
    Clock,
    /// These bits of `PERIP_RST_EN0` (0) or `PERIP_RST_EN1` (1) reset their blocks.
    Reset { register: usize, bits: u32 },
}

espalier_core::persist!(enum SystemEffect { Clock, Reset { register, bits } });

/// The block.
#[derive(Clone, Debug)]
pub struct System {
    registers: Registers,
    effect: Option<SystemEffect>,
}

espalier_core::persist!(state System { registers, effect });

impl Default for System {
    fn default() -> System {
        System::new()
    }
}

impl System {
    pub fn new() -> System {
        System { registers: Registers::new(&REGISTERS), effect: None }
    }

    /// The change of the last write.
    pub fn take_effect(&mut self) -> Option<SystemEffect> {
        self.effect.take()
    }

    /// The selected clock.
    pub fn cpu_clock(&self) -> CpuClock {
        let divider = self.registers.field(reg::SYSCLK_CONF::PRE_DIV_CNT) + 1;
        match self.registers.field(reg::SYSCLK_CONF::SOC_CLK_SEL) {
            1 => {
                let fast = self.registers.field(reg::CPU_PER_CONF::CPUPERIOD_SEL) == 1;
                CpuClock::Pll { megahertz: if fast { 160 } else { 80 } }
            }
            2 => CpuClock::RcFast { divider },
            _ => CpuClock::Xtal { divider },
        }
    }
}

impl Device for System {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "clock gates, power of memories, the checksum of RTC memory and voltage monitors are registers only",
        )
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        let old = self.registers.read(offset)?;
        self.registers.write(offset, value)?;
        self.effect = match offset {
            reg::SYSCLK_CONF | reg::CPU_PER_CONF => Some(SystemEffect::Clock),
            reg::PERIP_RST_EN0 => Some(SystemEffect::Reset { register: 0, bits: value & !old }),
            reg::PERIP_RST_EN1 => Some(SystemEffect::Reset { register: 1, bits: value & !old }),
            _ => None,
        };
        Ok(())
    }

    /// The software interrupts.
    fn interrupts(&self) -> u32 {
        (0..FROM_CPU).map(|line| self.registers.field(reg::CPU_INTR_FROM_CPU::CPU_INTR.at(4 * line)) << line).sum()
    }

    fn reset(&mut self) {
        *self = System::new();
    }
}

#[cfg(test)]
mod tests {
    use super::{CpuClock, System, SystemEffect, reg};
    use espalier_core::{Device, Time};

    #[test]
    fn the_core_starts_from_half_the_crystal_and_can_have_the_pll() {
        let mut system = System::new();
        assert_eq!(system.cpu_clock(), CpuClock::Xtal { divider: 2 });
        system.write(reg::SYSCLK_CONF, 1 << 10, Time::ZERO).unwrap();
        assert_eq!(
            (system.take_effect(), system.cpu_clock()),
            (Some(SystemEffect::Clock), CpuClock::Pll { megahertz: 80 })
        );
        system.write(reg::CPU_PER_CONF, 0xD, Time::ZERO).unwrap();
        assert_eq!(system.cpu_clock(), CpuClock::Pll { megahertz: 160 });
        system.write(reg::SYSCLK_CONF, 2 << 10, Time::ZERO).unwrap();
        assert_eq!(system.cpu_clock(), CpuClock::RcFast { divider: 1 });
    }

    #[test]
    fn a_reset_bit_resets_as_it_rises_and_software_interrupts_are_levels() {
        let mut system = System::new();
        system.write(reg::PERIP_RST_EN0, 1 << 2, Time::ZERO).unwrap();
        assert_eq!(system.take_effect(), Some(SystemEffect::Reset { register: 0, bits: 1 << 2 }));
        system.write(reg::PERIP_RST_EN0, 1 << 2 | 1 << 5, Time::ZERO).unwrap();
        assert_eq!(system.take_effect(), Some(SystemEffect::Reset { register: 0, bits: 1 << 5 }));
        system.write(reg::CPU_INTR_FROM_CPU + 8, 1, Time::ZERO).unwrap();
        assert_eq!(system.interrupts(), 1 << 2);
    }
}
