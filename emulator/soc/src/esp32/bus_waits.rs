//! The waits of a core that keeps the time of silicon: for lines of flash and PSRAM, and for registers.
//!
//! - A core has one cache for all that it reads and writes outside of the chip ([`CacheLines`]). A miss takes as long as SPI0 needs for a
//!   line in the mode and at the clock that firmware has set. The core waits for the whole of it.
//! - A line of the PSRAM comes by a quad read: 8 bits of command and 24 of address, six dummy clocks, 64 for the data (datasheet of the
//!   ESP-PSRAM32), at 40 MHz. A line that was written to is written back by a quad write, which has no dummy clocks, when it makes room.
//! - Registers are behind the APB. The fastest toggling of a pad by its registers that is reported is 10 MHz at 240 MHz, which is four
//!   cycles of the APB for each write; reads are charged the same.
//! - The fast RTC memory runs at the clock of the APB (ESP-IDF, help of `ESP_SYSTEM_ALLOW_RTC_FAST_MEM_AS_HEAP`): a cycle of it for each access.
//!   The slow one lies among the registers of the RTC, and is charged as one, for want of a figure. Only accesses of whole words wait.
//!
//! A wait comes before the access: the bus refuses it with [`Fault::Wait`] and grants it the next time.

use espalier_core::{CacheLines, Fault, Span};

use super::bus::{CoreBus, within};
use super::memory::{RTC_FAST_CODE_BASE, RTC_FAST_DATA_BASE, RTC_SIZE, RTC_SLOW_BASE};
use super::table::SPI0;

/// Flash on the data bus, the PSRAM behind it, and flash on the instruction bus.
const CACHED: [(u32, u32); 3] = [(0x3F40_0000, 0x3F80_0000), (0x3F80_0000, 0x3FC0_0000), (0x400C_2000, 0x40C0_0000)];
/// The one of them that is the PSRAM.
const PSRAM: usize = 1;
/// The clocks in which a line of the PSRAM is read and written, and their period.
const PSRAM_READ_CLOCKS: u64 = 8 + 6 + 6 + 64;
const PSRAM_WRITE_CLOCKS: u64 = 8 + 6 + 64;
const PSRAM_PERIOD: Span = Span::from_nanos(25);
/// Cycles of the APB that an access to a register takes.
const REGISTER_CYCLES: u64 = 4;
/// Cycles of the APB that an access to the fast RTC memory takes.
const RTC_FAST_CYCLES: u64 = 1;

impl CoreBus<'_> {
    fn cycles_of(&self, span: Span) -> u32 {
        u32::try_from(span.ticks().div_ceil(self.clock.ticks_per_cycle())).unwrap_or(u32::MAX)
    }

    /// Brings in the line at an address. Returns the cycles that it takes.
    pub(super) fn bring_line(&mut self, address: u32) -> u32 {
        let memory = CACHED.iter().position(|(first, end)| (*first..*end).contains(&address));
        let (Some(memory), Some(waits)) = (memory, self.chip.waits.get_mut(self.origin.core)) else { return 0 };
        let (missed, writes_back) = waits.fill(address);
        if !missed {
            return 0;
        }
        let chip = &self.chip;
        let span = match memory {
            PSRAM => PSRAM_PERIOD * PSRAM_READ_CLOCKS,
            _ => chip.get(SPI0).flash_read_time(CacheLines::LINE, chip.platform.apb_clock),
        };
        let span = if writes_back { span + PSRAM_PERIOD * PSRAM_WRITE_CLOCKS } else { span };
        self.cycles_of(span).max(1)
    }

    /// Waits for the line at an address of data, unless it is there.
    pub(super) fn wait_for_line(&mut self, address: u32) -> Result<(), Fault> {
        self.wait += self.bring_line(address);
        if self.wait > 0 { Err(Fault::Wait) } else { Ok(()) }
    }

    /// Notes that the line at an address, which is in the cache, differs from the PSRAM.
    pub(super) fn note_dirty(&mut self, address: u32) {
        if let Some(waits) = self.chip.waits.get_mut(self.origin.core) {
            waits.dirty.insert(CacheLines::place(address).0);
        }
    }

    /// Waits for the register at an address, unless it has been waited for.
    pub(super) fn wait_for_register(&mut self, address: u32) -> Result<(), Fault> {
        self.wait_once(address, REGISTER_CYCLES)
    }

    /// Waits for a word of memory that is not DRAM.
    pub(super) fn wait_for_memory(&mut self, address: u32) -> Result<(), Fault> {
        let is_in = |base| within(address, base, RTC_SIZE).is_some();
        if is_in(RTC_FAST_DATA_BASE) || is_in(RTC_FAST_CODE_BASE) {
            return self.wait_once(address, RTC_FAST_CYCLES);
        }
        if is_in(RTC_SLOW_BASE) { self.wait_for_register(address) } else { self.wait_for_line(address) }
    }

    /// Waits for the register at an address, unless it has been waited for or that would take more than `most` cycles. Returns the cycles.
    pub(super) fn wait_for_register_within(&mut self, address: u32, most: u32) -> Option<u32> {
        if self.chip.waits.get(self.origin.core).is_none_or(|waits| waits.granted == Some(address)) {
            return Some(0);
        }
        let cycles = self.bus_cycles(REGISTER_CYCLES);
        let waits = self.chip.waits.get_mut(self.origin.core).filter(|_| cycles <= most)?;
        waits.granted = Some(address);
        Some(cycles)
    }

    /// The core's cycles in so many of the APB.
    fn bus_cycles(&self, cycles: u64) -> u32 {
        self.cycles_of(self.chip.platform.apb_clock.cycles(cycles)).max(1)
    }

    /// Waits for what is at an address so many cycles of the APB, unless it has been waited for.
    fn wait_once(&mut self, address: u32, cycles: u64) -> Result<(), Fault> {
        let Some(waits) = self.chip.waits.get_mut(self.origin.core) else { return Ok(()) };
        if waits.granted.take() == Some(address) {
            return Ok(());
        }
        waits.granted = Some(address);
        self.wait += self.bus_cycles(cycles);
        Err(Fault::Wait)
    }
}
