//! The windowed register option: rotating the window, checking it, and the instructions that move it.

use crate::state::{QUARTER, QUARTERS, QUARTERS_IN_WINDOW, Registers, State, ps};
use crate::step::Step;
use crate::trap::Trap;

impl Registers {
    #[inline(always)]
    pub fn store_window(&mut self) {
        let Registers { ar, physical, window_base, .. } = self;
        let (visible, _) = ar.as_chunks::<QUARTER>();
        for (index, values) in visible.iter().enumerate() {
            physical[(*window_base as usize + index) % QUARTERS] = *values;
        }
    }

    #[inline(always)]
    pub fn load_window(&mut self) {
        let Registers { ar, physical, window_base, .. } = self;
        let (visible, _) = ar.as_chunks_mut::<QUARTER>();
        for (index, values) in visible.iter_mut().enumerate() {
            *values = physical[(*window_base as usize + index) % QUARTERS];
        }
    }
}

impl State {
    /// `WINDOWSTART` rotated so that bit 0 stands for `quarter`.
    #[inline(always)]
    pub(crate) fn frames_from(&self, quarter: u32) -> u16 {
        (self.window_start as u16).rotate_right(quarter)
    }

    /// Recomputes how much of the window can be used (ISA manual, "WindowCheck").
    #[inline(always)]
    pub(crate) fn refresh_window(&mut self) {
        self.window_free = if self.ps & (ps::WOE | ps::EXCM) == ps::WOE {
            let frames = self.frames_from(self.window_base + 1) | 1 << QUARTERS_IN_WINDOW;
            frames.trailing_zeros()
        } else {
            QUARTERS_IN_WINDOW
        };
    }

    /// Moves the window so that it starts at `quarter`. The caller sees to `window_free`.
    #[inline(always)]
    pub(crate) fn rotate_to(&mut self, quarter: u32) {
        self.store_window();
        self.window_base = quarter & 0xf;
        self.load_window();
    }

    #[inline(always)]
    pub(crate) fn call(&mut self, quarters: u32, pc: u32, target: u32) -> Step {
        const RETURN_ADDRESS: u32 = 0x3fff_ffff;
        const CALL_LENGTH: u32 = 3;
        self.ps = self.ps & !ps::CALLINC | quarters << ps::CALLINC_SHIFT;
        self.set((quarters * 4) as u8, pc.wrapping_add(CALL_LENGTH) & RETURN_ADDRESS | quarters << 30);
        Step::jump(target)
    }

    #[inline(always)]
    pub(crate) fn entry(&mut self, stack: u8, frame: u32) -> Step {
        let quarters = (self.ps & ps::CALLINC) >> ps::CALLINC_SHIFT;
        if stack > 3 || self.ps & (ps::WOE | ps::EXCM) != ps::WOE {
            return self.illegal();
        }
        if quarters > self.window_free {
            return self.trap_step(Trap::WindowOverflow);
        }
        let value = self.get(stack).wrapping_sub(frame);
        self.set((quarters << 2) as u8 | stack, value);
        self.rotate_to(self.window_base + quarters);
        let bit = 1 << self.window_base;
        self.window_start |= bit;
        self.refresh_window();
        if self.window_free == QUARTERS_IN_WINDOW { Step::NEXT } else { Step::LEAVE }
    }

    #[inline(always)]
    pub(crate) fn retw(&mut self, pc: u32) -> Step {
        const SEGMENT: u32 = 0xc000_0000;
        let link = self.get(0);
        let quarters = link >> 30;
        // Bit 2 is the quarter just below the current frame, bit 0 the one three below.
        let below = self.frames_from(self.window_base.wrapping_sub(3) & 0xf) & 7;
        let nearest = match below {
            0 => 0,
            frames if frames & 4 != 0 => 1,
            frames if frames & 2 != 0 => 2,
            _ => 3,
        };
        let mismatch = nearest != 0 && nearest != quarters;
        if quarters == 0 || mismatch || self.ps & (ps::WOE | ps::EXCM) != ps::WOE {
            return self.illegal();
        }
        if nearest == 0 {
            return self.trap_step(Trap::WindowUnderflow(quarters as u8));
        }
        let bit = 1 << self.window_base;
        self.window_start &= !bit;
        self.rotate_to(self.window_base.wrapping_sub(quarters));
        self.refresh_window();
        Step::jump(pc & SEGMENT | link & !SEGMENT)
    }

    pub(crate) fn return_from_window_handler(&mut self, underflow: bool) -> Step {
        let bit = 1u32 << self.window_base;
        if underflow {
            self.window_start |= bit;
        } else {
            self.window_start &= !bit;
        }
        self.rotate_to((self.ps & ps::OWB) >> ps::OWB_SHIFT);
        let ps = self.ps & !ps::EXCM;
        self.set_ps(ps);
        Step::unmask_jump(self.epc(1))
    }
}
