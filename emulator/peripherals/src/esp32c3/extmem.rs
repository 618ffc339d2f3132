//! EXTMEM, the flash cache's registers (ESP32-C3 TRM, chapter "System and Memory"; crate `esp32c3`).
//!
//! Reads through the cache always see the flash chip, so its operations are done as soon as they are started.

use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};

espalier_core::registers! {
    ICACHE_CTRL @ 0x00 = 0, rw_bits(0x1);
    ICACHE_CTRL1 @ 0x04 = 0x3, rw_bits(0x3);
    ICACHE_TAG_POWER_CTRL @ 0x08 = 0x5, rw_bits(0x7);
    ICACHE_PRELOCK_CTRL @ 0x0C = 0, rw_bits(0x3);
    ICACHE_PRELOCK_SCT0_ADDR @ 0x10 = 0, rw();
    ICACHE_PRELOCK_SCT1_ADDR @ 0x14 = 0, rw();
    ICACHE_PRELOCK_SCT_SIZE @ 0x18 = 0, rw();
    ICACHE_LOCK_CTRL @ 0x1C = 0x4, rw_bits(0x3);
    ICACHE_LOCK_ADDR @ 0x20 = 0, rw();
    ICACHE_LOCK_SIZE @ 0x24 = 0, rw_bits(0xFFFF);
    ICACHE_SYNC_CTRL @ 0x28 = 0x1, rw_bits(0x1);
    ICACHE_SYNC_ADDR @ 0x2C = 0, rw();
    ICACHE_SYNC_SIZE @ 0x30 = 0, rw_bits(0x7F_FFFF);
    ICACHE_PRELOAD_CTRL @ 0x34 = 0x2, rw_bits(0x5);
    ICACHE_PRELOAD_ADDR @ 0x38 = 0, rw();
    ICACHE_PRELOAD_SIZE @ 0x3C = 0, rw_bits(0xFFFF);
    ICACHE_AUTOLOAD_CTRL @ 0x40 = 0x8, rw_bits(0x77);
    ICACHE_AUTOLOAD_SCT0_ADDR @ 0x44 = 0, rw();
    ICACHE_AUTOLOAD_SCT0_SIZE @ 0x48 = 0, rw_bits(0x7FF_FFFF);
    ICACHE_AUTOLOAD_SCT1_ADDR @ 0x4C = 0, rw();
    ICACHE_AUTOLOAD_SCT1_SIZE @ 0x50 = 0, rw_bits(0x7FF_FFFF);
    IBUS_TO_FLASH_START_VADDR @ 0x54 = 0x4200_0000, rw();
    IBUS_TO_FLASH_END_VADDR @ 0x58 = 0x427F_FFFF, rw();
    DBUS_TO_FLASH_START_VADDR @ 0x5C = 0x3C00_0000, rw();
    DBUS_TO_FLASH_END_VADDR @ 0x60 = 0x3C7F_FFFF, rw();
    CACHE_ACS_CNT_CLR @ 0x64 = 0, wo();
    IBUS_ACS_MISS_CNT @ 0x68 = 0, ro();
    IBUS_ACS_CNT @ 0x6C = 0, ro();
    DBUS_ACS_FLASH_MISS_CNT @ 0x70 = 0, ro();
    DBUS_ACS_CNT @ 0x74 = 0, ro();
    CACHE_ILG_INT_ENA @ 0x78 = 0, rw_bits(0x1A3);
    CACHE_ILG_INT_CLR @ 0x7C = 0, wo();
    CACHE_ILG_INT_ST @ 0x80 = 0, ro();
    CORE0_ACS_CACHE_INT_ENA @ 0x84 = 0, rw_bits(0x3F);
    CORE0_ACS_CACHE_INT_CLR @ 0x88 = 0, wo();
    CORE0_ACS_CACHE_INT_ST @ 0x8C = 0, ro();
    CORE0_DBUS_REJECT_ST @ 0x90 = 0, ro();
    CORE0_DBUS_REJECT_VADDR @ 0x94 = 0xFFFF_FFFF, ro();
    CORE0_IBUS_REJECT_ST @ 0x98 = 0, ro();
    CORE0_IBUS_REJECT_VADDR @ 0x9C = 0xFFFF_FFFF, ro();
    CACHE_MMU_FAULT_CONTENT @ 0xA0 = 0, ro();
    CACHE_MMU_FAULT_VADDR @ 0xA4 = 0, ro();
    CACHE_WRAP_AROUND_CTRL @ 0xA8 = 0, rw_bits(0x1);
    CACHE_MMU_POWER_CTRL @ 0xAC = 0x5, rw_bits(0x7);
    CACHE_STATE @ 0xB0 = 0x1, ro();
    CACHE_ENCRYPT_DECRYPT_CLK_FORCE_ON @ 0xB8 = 0x7, rw_bits(0x7);
    CACHE_PRELOAD_INT_CTRL @ 0xBC = 0, rw_bits(0x6);
    CACHE_SYNC_INT_CTRL @ 0xC0 = 0, rw_bits(0x6);
    CACHE_MMU_OWNER @ 0xC4 = 0, rw_bits(0xF);
    CACHE_CONF_MISC @ 0xC8 = 0x7, rw_bits(0x7);
    ICACHE_FREEZE @ 0xCC = 0, rw_bits(0x3);
    ICACHE_ATOMIC_OPERATE_ENA @ 0xD0 = 0x1, rw_bits(0x1);
    CACHE_REQUEST @ 0xD4 = 0, rw_bits(0x1);
    IBUS_PMS_TBL_LOCK @ 0xD8 = 0, rw_bits(0x1);
    IBUS_PMS_TBL_BOUNDARY0 @ 0xDC = 0, rw_bits(0xFFF);
    IBUS_PMS_TBL_BOUNDARY1 @ 0xE0 = 0x800, rw_bits(0xFFF);
    IBUS_PMS_TBL_BOUNDARY2 @ 0xE4 = 0x800, rw_bits(0xFFF);
    IBUS_PMS_TBL_ATTR @ 0xE8 = 0xFF, rw_bits(0xFF);
    DBUS_PMS_TBL_LOCK @ 0xEC = 0, rw_bits(0x1);
    DBUS_PMS_TBL_BOUNDARY0 @ 0xF0 = 0, rw_bits(0xFFF);
    DBUS_PMS_TBL_BOUNDARY1 @ 0xF4 = 0x800, rw_bits(0xFFF);
    DBUS_PMS_TBL_BOUNDARY2 @ 0xF8 = 0x800, rw_bits(0xFFF);
    DBUS_PMS_TBL_ATTR @ 0xFC = 0xF, rw_bits(0xF);
    CLOCK_GATE @ 0x100 = 0x1, rw_bits(0x1);
    REG_DATE @ 0x3FC = 0x0200_7160, rw();
}

/// Operations, and the bit of each that says that it is done.
const DONE: [(u32, u32); 5] = [
    (reg::ICACHE_LOCK_CTRL, 1 << 2),
    (reg::ICACHE_SYNC_CTRL, 1 << 1),
    (reg::ICACHE_PRELOAD_CTRL, 1 << 1),
    (reg::ICACHE_AUTOLOAD_CTRL, 1 << 3),
    (reg::ICACHE_FREEZE, 1 << 2),
];

/// The cache between the core and the flash.
#[derive(Clone, Debug)]
pub struct Extmem {
    registers: Registers,
}

espalier_core::persist!(state Extmem { registers });

impl Default for Extmem {
    fn default() -> Extmem {
        Extmem::new()
    }
}

impl Extmem {
    pub fn new() -> Extmem {
        Extmem { registers: Registers::new(&REGISTERS) }
    }
}

impl Device for Extmem {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "the cache never holds stale lines and counts nothing; locks, permissions and faults are registers only",
        )
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        let done = DONE.iter().find(|(of, _)| *of == offset).map_or(0, |(_, bit)| *bit);
        Ok(self.registers.read(offset)? | done)
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        self.registers.write(offset, value).map(|_| ())
    }

    fn reset(&mut self) {
        self.registers.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::{Extmem, reg};
    use espalier_core::{Device, Time};

    #[test]
    fn an_invalidation_is_done_at_once() {
        let mut cache = Extmem::new();
        cache.write(reg::ICACHE_SYNC_ADDR, 0x4200_0000, Time::ZERO).unwrap();
        cache.write(reg::ICACHE_SYNC_CTRL, 1, Time::ZERO).unwrap();
        assert_eq!(cache.read(reg::ICACHE_SYNC_CTRL, Time::ZERO), Ok(3));
        assert_eq!(cache.read(reg::ICACHE_SYNC_ADDR, Time::ZERO), Ok(0x4200_0000));
    }
}
