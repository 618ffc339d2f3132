//! The board's power supply, and what its loss leaves in the flash chip.

use espalier_core::Span;

use super::Board;
use crate::driver::{Capability, FlashHistory, FlashMemory, FlashSectors, millivolts};
use crate::session::Result;

/// Bytes of a record of what was done to the flash chip: a million small writes.
const HISTORY_KEPT: usize = 128 << 20;

/// Steps of a supply that goes from one voltage to another.
const RAMP_STEPS: u64 = 100;

impl Board {
    /// Takes its power away, at this moment of its time: its memories, RTC memory among them, are lost, and its parts are off. The
    /// flash chip keeps its content and the chip its fuses.
    ///
    /// A flash chip that is programming or erasing now is left with torn content: some of the bits are cleared, or a sector is half
    /// erased, and some bits read either way from one power-on to the next. `seed` draws them.
    ///
    /// Time goes on for the world around it: run it for a while, or give it back its power with [`power_on`](Board::power_on).
    ///
    /// ```
    /// use espalier::Units;
    ///
    /// # async fn test(board: espalier::Board) -> espalier::Result<()> {
    /// board.console().send_line("save").await?;
    /// board.run_for(3.ms()).await?;
    /// board.cut_power(1)?;
    /// board.power_on()?;
    /// board.console().expect("settings are whole").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the power of this kind of board cannot be cut.
    pub fn cut_power(&self, seed: u64) -> Result<()> {
        let mut state = self.shared.lock();
        state.require(Capability::Power)?;
        state.end_claim();
        state.collect();
        state.driver.cut_power(seed).map_err(|failure| state.fail(failure))
    }

    /// Switches it on, after [`cut_power`](Board::cut_power) or without: then its power was away for a moment.
    ///
    /// # Errors
    /// If the power of this kind of board cannot be cut.
    pub fn power_on(&self) -> Result<()> {
        let mut state = self.shared.lock();
        state.require(Capability::Power)?;
        state.end_claim();
        state.collect();
        state.watch.forget();
        state.driver.power_on().map_err(|failure| state.fail(failure))
    }

    /// Supplies it with so many volts from now on, from the 3.3 V that it has at first. Below 2.3 V the chip has lost its power, as with
    /// [`cut_power`](Board::cut_power) and the same `seed`; above, it gets it back. In between it runs, and its brown-out detector may
    /// interrupt or reset it.
    ///
    /// # Errors
    /// If the power of this kind of board cannot be cut.
    pub fn supply(&self, volts: f64, seed: u64) -> Result<()> {
        let mut state = self.shared.lock();
        state.require(Capability::Power)?;
        state.end_claim();
        state.collect();
        if !state.driver.is_powered() {
            state.watch.forget();
        }
        state.driver.set_supply(millivolts(volts), seed).map_err(|failure| state.fail(failure))
    }

    /// Lets its supply go from one voltage to another while it runs for `span`, in steps of a hundredth of the way.
    ///
    /// ```
    /// use espalier::Units;
    ///
    /// # async fn test(board: espalier::Board) -> espalier::Result<()> {
    /// // The plug is pulled, and a capacitor keeps the board alive for a while.
    /// board.ramp_supply(3.3..0.0, 20.ms(), 1).await?;
    /// assert!(!board.is_powered());
    /// board.supply(3.3, 1)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the power of this kind of board cannot be cut, or the board has halted.
    pub async fn ramp_supply(&self, volts: std::ops::Range<f64>, span: Span, seed: u64) -> Result<()> {
        for step in 1..=RAMP_STEPS {
            self.run_for(Span::from_ticks(span.ticks() / RAMP_STEPS)).await?;
            let share = step as f64 / RAMP_STEPS as f64;
            self.supply(volts.start + (volts.end - volts.start) * share, seed)?;
        }
        Ok(())
    }

    /// False between [`cut_power`](Board::cut_power) and [`power_on`](Board::power_on).
    pub fn is_powered(&self) -> bool {
        self.shared.lock().driver.is_powered()
    }

    /// Records from now on what its firmware does to the flash chip, until that takes 128 MiB.
    ///
    /// # Errors
    /// If the board is not emulated.
    pub fn record_flash(&self) -> Result<()> {
        let mut state = self.shared.lock();
        state.require(Capability::Power)?;
        state.driver.record_flash(HISTORY_KEPT).map_err(|failure| state.fail(failure))
    }

    /// Returns all operations on the flash chip since [`record_flash`](Board::record_flash); `None` if that was not called.
    pub fn flash_history(&self) -> Option<FlashHistory> {
        self.shared.lock().driver.flash_history()
    }

    /// Notes from now on which sectors of its flash chip are read, or stops that. It makes the board several times slower.
    ///
    /// # Errors
    /// If the board is not emulated.
    pub fn watch_flash_reads(&self, watch: bool) -> Result<()> {
        let mut state = self.shared.lock();
        state.require(Capability::Power)?;
        state.driver.watch_flash_reads(watch).map_err(|failure| state.fail(failure))
    }

    /// The sectors of its flash chip that were read since [`watch_flash_reads`](Board::watch_flash_reads); `None`, if that was not
    /// called.
    pub fn flash_reads(&self) -> Option<FlashSectors> {
        self.shared.lock().driver.flash_reads()
    }

    /// Runs to shortly before one of these sectors of the flash chip is read, but no longer than `patience`. False if none was read.
    /// Up to there, a board does the same whatever these sectors hold.
    ///
    /// # Errors
    /// If the board is not emulated.
    pub fn run_to_flash_read(&self, sectors: &FlashSectors, patience: Span) -> Result<bool> {
        let mut state = self.shared.lock();
        state.require(Capability::Power)?;
        let limit = state.driver.now() + patience;
        state.driver.run_to_flash_read(sectors, limit).map_err(|failure| state.fail(failure))
    }

    /// Replaces all that is in its flash chip, as the history of a board with the same one has it. Firmware that runs finds it changed.
    ///
    /// # Errors
    /// If the board is not emulated, or the sizes differ.
    pub fn set_flash_memory(&self, memory: &FlashMemory) -> Result<()> {
        let mut state = self.shared.lock();
        state.require(Capability::Power)?;
        state.driver.set_flash_memory(memory).map_err(|failure| state.fail(failure))
    }
}
