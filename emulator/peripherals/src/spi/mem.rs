//! SPI_MEM, the controller between the chip and its flash on the ESP32-C3 and its contemporaries (ESP-IDF, `soc/spi_mem_reg.h`): the
//! ESP32's SPI0 and SPI1, with registers that are laid out anew.
//!
//! Written values are moved to the fields of the ESP32's controller, which does the work. Addresses of user transactions are
//! right-aligned here; those of flash commands have the length of the data to program above them, as there (`SPI_MEM_ADDR`).

use espalier_core::{Device, Fidelity, Register, Registers, Surroundings, Time, Unmodelled};

use super::Spi;
use super::registers::{self as engine, BUFFER_WORDS};

espalier_core::registers! {
    CMD @ 0x00 = 0, rw_bits(0xFFFE_0000);
    ADDR @ 0x04 = 0, rw();
    CTRL @ 0x08 = 0x002C_A000, rw_bits(0x1FC_ED88);
    CTRL1 @ 0x0C = 0xFFC, rw_bits(0x4000_0FFF);
    CTRL2 @ 0x10 = 0, rw_bits(0xFE00_03FF);
    CLOCK @ 0x14 = 0x3_0103, rw_bits(0x80FF_FFFF);
    USER @ 0x18 = 0x8000_0000, rw_bits(0xFF00_F2C0);
    USER1 @ 0x1C = 0x5C00_0007, rw_bits(0xFC00_003F);
    USER2 @ 0x20 = 0x7000_0000, rw_bits(0xF000_FFFF);
    MOSI_DLEN @ 0x24 = 0, rw_bits(0x3FF);
    MISO_DLEN @ 0x28 = 0, rw_bits(0x3FF);
    RD_STATUS @ 0x2C = 0, rw_bits(0x00FF_FFFF);
    MISC @ 0x34 = 0x2, rw_bits(0x67B);
    TX_CRC @ 0x38 = 0xFFFF_FFFF, ro();
    CACHE_FCTRL @ 0x3C = 0, rw_bits(0x1FF);
    FSM @ 0x54 = 0, ro();
    W[16] @ 0x58 = 0, rw();
    FLASH_WAITI_CTRL @ 0x98 = 0x14, rw_bits(0xFFFE);
    FLASH_SUS_CTRL @ 0x9C = 0x0800_2000, rw();
    FLASH_SUS_CMD @ 0xA0 = 0x5_757A, rw();
    SUS_STATUS @ 0xA4 = 0, rw_bits(0xFF);
    TIMING_CALI @ 0xA8 = 0, rw_bits(0x1F);
    DIN_MODE @ 0xAC = 0, rw_bits(0xFF);
    DIN_NUM @ 0xB0 = 0, rw_bits(0xFF);
    DOUT_MODE @ 0xB4 = 0, rw_bits(0xF);
    INT_ENA @ 0xC0 = 0, rw_bits(0x1F);
    INT_CLR @ 0xC4 = 0, wo();
    INT_RAW @ 0xC8 = 0, rw_bits(0x1F);
    INT_ST @ 0xCC = 0, ro();
    CLOCK_GATE @ 0xDC = 0x1, rw_bits(0x1);
    CORE_CLK_SEL @ 0xE0 = 0, rw_bits(0x3);
    DATE @ 0x3FC = 0x0200_7100, rw();
}

/// Modes of reading and the length of the status, which lie where the ESP32's are.
const CTRL_SHARED: u32 = 0x01F0_E000;
/// Phases and halves of the buffer.
const USER_SHARED: u32 = 0xFF00_0000;
const MISC_CS_DIS: u32 = 0x3;
const DUMMY_CYCLELEN: u32 = 0x3F;
const W_END: u32 = reg::W + 4 * BUFFER_WORDS;

/// One of the two controllers.
#[derive(Clone, Debug)]
pub struct SpiMem {
    registers: Registers,
    engine: Spi,
}

espalier_core::persist!(state SpiMem { registers, engine });

impl Default for SpiMem {
    fn default() -> SpiMem {
        SpiMem::new()
    }
}

impl SpiMem {
    pub fn new() -> SpiMem {
        SpiMem { registers: Registers::new(&REGISTERS), engine: Spi::new() }
    }

    /// Gives the engine everything that a transaction depends on, and starts it.
    fn start(&mut self, command: u32, now: Time) -> Result<(), Unmodelled> {
        let get = |offset| self.registers.get(offset);
        let bits = engine::reg::USER1::USR_ADDR_BITLEN.get(get(reg::USER1)) + 1;
        let address =
            if command & engine::cmd::USR != 0 { get(reg::ADDR) << (u32::BITS - bits) } else { get(reg::ADDR) };
        let dummy = get(reg::USER1) & DUMMY_CYCLELEN;
        let settings = [
            (engine::reg::ADDR, address),
            (engine::reg::CTRL, get(reg::CTRL) & CTRL_SHARED),
            (engine::reg::USER, get(reg::USER) & USER_SHARED),
            (engine::reg::USER1, engine::reg::USER1::USR_ADDR_BITLEN.put(bits - 1) | dummy),
            (engine::reg::USER2, get(reg::USER2)),
            (engine::reg::MOSI_DLEN, get(reg::MOSI_DLEN)),
            (engine::reg::MISO_DLEN, get(reg::MISO_DLEN)),
            (engine::reg::PIN, get(reg::MISC) & MISC_CS_DIS | engine::reg::PIN::CS2_DIS.mask()),
            (engine::reg::CMD, command),
        ];
        settings.into_iter().try_for_each(|(offset, value)| self.engine.write(offset, value, now))
    }
}

/// Where the engine has a register that is the same on both.
fn shared(offset: u32) -> Option<u32> {
    match offset {
        reg::CMD => Some(engine::reg::CMD),
        reg::RD_STATUS => Some(engine::reg::RD_STATUS),
        reg::W..W_END => Some(offset - reg::W + engine::reg::W),
        _ => None,
    }
}

impl Device for SpiMem {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "transactions take no time; automatic suspension, waiting for the flash, delays and interrupts are registers only",
        )
    }

    fn read(&mut self, offset: u32, now: Time) -> Result<u32, Unmodelled> {
        match shared(offset) {
            Some(offset) => self.engine.read(offset, now),
            None => self.registers.read(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, now: Time) -> Result<(), Unmodelled> {
        self.registers.write(offset, value)?;
        match shared(offset) {
            Some(engine::reg::CMD) => self.start(value, now),
            Some(offset) => self.engine.write(offset, value, now),
            None => Ok(()),
        }
    }

    fn deadline(&self) -> Option<Time> {
        self.engine.deadline()
    }

    fn advance(&mut self, now: Time) {
        self.engine.advance(now);
    }

    fn settle(&mut self, surroundings: &mut dyn Surroundings, now: Time) {
        self.engine.settle(surroundings, now);
    }

    fn reset(&mut self) {
        *self = SpiMem::new();
    }
}

#[cfg(test)]
mod tests {
    use super::{SpiMem, reg};
    use espalier_core::{Device, DmaFault, GuestMemory, SpiTarget, SpiTransaction, Time};

    /// Command, address and its length, dummy cycles, data.
    type Seen = (u16, (u64, u8), u16, Vec<u8>);

    /// A device that notes what it gets and answers with counting bytes.
    #[derive(Default)]
    struct Chip {
        seen: Vec<Seen>,
    }

    impl SpiTarget for Chip {
        fn transfer(&mut self, transaction: &SpiTransaction<'_>, miso: &mut [u8], _: Time) {
            let SpiTransaction { command, address, dummy_cycles, mosi, .. } = *transaction;
            self.seen.push((command.0, address, dummy_cycles, mosi.to_vec()));
            miso.iter_mut().enumerate().for_each(|(index, byte)| *byte = index as u8 + 1);
        }
    }

    struct NoMemory;

    impl GuestMemory for NoMemory {
        fn read(&mut self, address: u32, _: &mut [u8]) -> Result<(), DmaFault> {
            Err(DmaFault { address })
        }

        fn write(&mut self, address: u32, _: &[u8]) -> Result<(), DmaFault> {
            Err(DmaFault { address })
        }
    }

    fn run(writes: &[(u32, u32)]) -> (SpiMem, Chip) {
        let (mut spi, mut chip) = (SpiMem::new(), Chip::default());
        writes.iter().for_each(|(offset, value)| spi.write(*offset, *value, Time::ZERO).unwrap());
        assert!(spi.engine.chip_select().is_some());
        spi.engine.execute(Some(&mut chip), &mut NoMemory, Time::ZERO);
        assert_eq!(spi.read(reg::CMD, Time::ZERO), Ok(0), "the command is done");
        (spi, chip)
    }

    #[test]
    fn a_user_transaction_has_its_address_right_aligned() {
        let phases = 1 << 31 | 1 << 30 | 1 << 28;
        let (mut spi, chip) = run(&[
            (reg::USER, phases),
            (reg::USER1, 23 << 26),
            (reg::USER2, 7 << 28 | 0x03),
            (reg::ADDR, 0x12_3456),
            (reg::MISO_DLEN, 31),
            (reg::CMD, 1 << 18),
        ]);
        assert_eq!(chip.seen, [(0x03, (0x12_3456, 24), 0, vec![])]);
        assert_eq!(spi.read(reg::W, Time::ZERO), Ok(0x0403_0201));
    }

    #[test]
    fn a_page_is_as_long_as_its_address_says() {
        let (_, chip) = run(&[
            (reg::W, 0x4433_2211),
            (reg::W + 4, 0x8877_6655),
            (reg::ADDR, 6 << 24 | 0x1000),
            (reg::CMD, 1 << 25),
        ]);
        assert_eq!(chip.seen, [(0x02, (0x1000, 24), 0, vec![0x11, 0x22, 0x33, 0x44, 0x55, 0x66])]);
    }

    #[test]
    fn the_status_comes_where_these_controllers_have_it() {
        let (mut spi, chip) = run(&[(reg::CMD, 1 << 27)]);
        assert_eq!(chip.seen, [(0x05, (0, 0), 0, vec![])]);
        assert_eq!(spi.read(reg::RD_STATUS, Time::ZERO), Ok(1));
    }
}
