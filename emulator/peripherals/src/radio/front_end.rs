//! The front end's digital side: the estimator of I/Q imbalance, which calibration waits for.

use crate::storage::Storage;

espalier_core::registers! {
    FE_CONF_000[31] @ 0x000 = 0, rw();
    IQ_ESTIMATE @ 0x07C = 0, rw_bits(0x7FFF_FFFF);
    FE_CONF_080[992] @ 0x080 = 0, rw();
}

/// Bits of IQ_ESTIMATE.
mod iq_estimate {
    pub const START: u32 = 1 << 1;
    pub const DONE: u32 = 1 << 31;
}

/// The block at 0x3FF4_6000, all registers at zero.
pub fn radio_front_end() -> Storage {
    Storage::new(&REGISTERS, "estimates end at once and find silence; other registers only store").reading(estimate)
}

fn estimate(offset: u32, stored: u32) -> u32 {
    let done = offset == reg::IQ_ESTIMATE && stored & iq_estimate::START != 0;
    if done { stored | iq_estimate::DONE } else { stored }
}

#[cfg(test)]
mod tests {
    use super::{iq_estimate, radio_front_end, reg};
    use espalier_core::{Device, Time};

    #[test]
    fn an_estimate_ends_once_it_is_started() {
        let mut block = radio_front_end();
        assert_eq!(block.read(reg::IQ_ESTIMATE, Time::ZERO), Ok(0));
        block.write(reg::IQ_ESTIMATE, iq_estimate::START, Time::ZERO).unwrap();
        assert_eq!(block.read(reg::IQ_ESTIMATE, Time::ZERO), Ok(iq_estimate::START | iq_estimate::DONE));
    }
}
