//! The interrupts of the blocks, on their way to the cores.

use super::chip::Chip;

pub trait Interrupts: Chip {
    fn settle_interrupts(&mut self, index: usize) {
        let sources = Self::TABLE[index].row.interrupts;
        if sources.is_empty() {
            return;
        }
        let levels = self.platform().blocks.device(index).interrupts();
        if self.set_sources(sources, levels) {
            self.update_lines();
        }
    }

    fn update_lines(&mut self) {
        for core in 0..self.platform().lines.len() {
            let lines = self.route(core);
            let platform = self.platform_mut();
            if lines != platform.lines[core] {
                platform.lines[core] = lines;
                platform.attention = true;
            }
        }
    }

    /// Raises the edge sources of a block for the length of a slice.
    fn pulse(&mut self, index: usize) {
        let edges = self.platform_mut().blocks.device_mut(index).take_edges();
        if edges == 0 {
            return;
        }
        let sources = Self::TABLE[index].row.edges;
        for (line, source) in sources.iter().enumerate() {
            if edges >> line & 1 != 0 {
                self.set_source(*source, true);
                self.platform_mut().pulses |= 1 << source;
            }
        }
        self.update_lines();
    }

    /// Ends the pulses that the last slice has seen.
    fn end_pulses(&mut self) {
        let mut pulses = std::mem::take(&mut self.platform_mut().pulses);
        if pulses == 0 {
            return;
        }
        while pulses != 0 {
            self.set_source(pulses.trailing_zeros() as usize, false);
            pulses &= pulses - 1;
        }
        self.update_lines();
    }
}

impl<C: Chip> Interrupts for C {}
