//! Espressif's interrupt controller beside the core (TRM "ESP-RISC-V CPU", "Interrupt Controller").
//!
//! 31 lines come in, which the chip's interrupt matrix feeds. Each has an enable bit, a type and a priority; the controller
//! presents the one with the highest priority to the core, the lowest-numbered among equals. What is below the threshold waits,
//! and priority 0 never gets through.

/// Lines of the controller. Line 0 does not exist.
pub const LINES: usize = 32;
/// Bits of lines that exist.
const EXISTING: u32 = !1;
/// Priorities and the threshold have four bits.
const PRIORITY: u32 = 0xf;

/// The controller of one core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterruptController {
    enabled: u32,
    /// Lines that interrupt at their rising edge; the others while they are high.
    edge: u32,
    levels: u32,
    /// Rising edges that software has not cleared.
    edges: u32,
    priorities: [u8; LINES],
    threshold: u8,
}

espalier_core::persist!(value InterruptController { enabled, edge, levels, edges, priorities, threshold });

impl Default for InterruptController {
    fn default() -> InterruptController {
        InterruptController::new()
    }
}

impl InterruptController {
    /// A controller after reset: everything is off.
    pub fn new() -> InterruptController {
        InterruptController { enabled: 0, edge: 0, levels: 0, edges: 0, priorities: [0; LINES], threshold: 0 }
    }

    /// Back to the state after reset. The levels are what they are.
    pub fn reset(&mut self) {
        *self = InterruptController { levels: self.levels, ..InterruptController::new() };
    }

    /// Sets the input levels: bit n is line n.
    pub fn set_levels(&mut self, levels: u32) {
        self.edges |= levels & !self.levels & self.edge & EXISTING;
        self.levels = levels & EXISTING;
    }

    /// Lines that may interrupt.
    pub fn set_enabled(&mut self, lines: u32) {
        self.enabled = lines & EXISTING;
    }

    /// Lines that interrupt at their rising edge.
    pub fn set_edge(&mut self, lines: u32) {
        self.edge = lines & EXISTING;
        self.edges &= self.edge;
    }

    /// Forgets the rising edges of `lines`.
    pub fn clear(&mut self, lines: u32) {
        self.edges &= !lines;
    }

    /// The priority of `line`, 1 to 15; 0 keeps it out.
    pub fn set_priority(&mut self, line: usize, priority: u32) {
        if let Some(place) = self.priorities.get_mut(line) {
            *place = (priority & PRIORITY) as u8;
        }
    }

    /// The priority of `line`; 0 if there is no such line.
    pub fn priority(&self, line: usize) -> u32 {
        self.priorities.get(line).map_or(0, |priority| u32::from(*priority))
    }

    /// The lowest priority that gets through.
    pub fn set_threshold(&mut self, priority: u32) {
        self.threshold = (priority & PRIORITY) as u8;
    }

    /// Enabled lines that want to interrupt, whatever their priority.
    pub fn pending(&self) -> u32 {
        (self.levels & !self.edge | self.edges) & self.enabled
    }

    /// The line that the core sees, as one bit; 0 if there is none.
    pub fn presented(&self) -> u32 {
        let pending = self.pending();
        let lowest = self.threshold.max(1);
        let candidates = (0..LINES).filter(|line| pending >> line & 1 != 0 && self.priorities[*line] >= lowest);
        let first = candidates.min_by_key(|line| (u8::MAX - self.priorities[*line], *line));
        first.map_or(0, |line| 1 << line)
    }
}

#[cfg(test)]
mod tests {
    use super::InterruptController;

    fn controller(priorities: &[(usize, u32)]) -> InterruptController {
        let mut controller = InterruptController::new();
        controller.set_enabled(u32::MAX);
        priorities.iter().for_each(|(line, priority)| controller.set_priority(*line, *priority));
        controller
    }

    #[test]
    fn the_highest_priority_goes_first_and_then_the_lowest_number() {
        let mut controller = controller(&[(3, 2), (5, 7), (9, 7), (30, 1)]);
        controller.set_levels(1 << 3 | 1 << 5 | 1 << 9 | 1 << 30 | 1 << 31);
        assert_eq!(controller.presented(), 1 << 5);
        controller.set_levels(1 << 3 | 1 << 9);
        assert_eq!(controller.presented(), 1 << 9);
        controller.set_levels(1 << 30);
        assert_eq!(controller.presented(), 1 << 30);
        controller.set_levels(1 << 31);
        assert_eq!((controller.presented(), controller.pending()), (0, 1 << 31), "priority 0 stays outside");
    }

    #[test]
    fn interrupts_below_the_threshold_wait() {
        let mut controller = controller(&[(3, 2), (5, 7)]);
        controller.set_levels(1 << 3);
        controller.set_threshold(2);
        assert_eq!(controller.presented(), 1 << 3);
        controller.set_threshold(3);
        assert_eq!(controller.presented(), 0);
        controller.set_levels(1 << 3 | 1 << 5);
        assert_eq!(controller.presented(), 1 << 5);
    }

    #[test]
    fn an_edge_stays_until_it_is_cleared_and_a_level_does_not() {
        let mut controller = controller(&[(3, 1), (4, 1)]);
        controller.set_edge(1 << 3);
        controller.set_levels(1 << 3 | 1 << 4);
        controller.set_levels(0);
        assert_eq!(controller.pending(), 1 << 3);
        controller.clear(1 << 3);
        assert_eq!(controller.pending(), 0);
        controller.set_levels(1 << 3);
        controller.set_enabled(1 << 4);
        assert_eq!(controller.pending(), 0);
        controller.set_enabled(1 << 3 | 1);
        assert_eq!((controller.pending(), controller.presented()), (1 << 3, 1 << 3));
    }
}
