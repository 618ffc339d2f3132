//! The flash commands of `CMD`: whole transactions behind one bit (TRM, chapter 7, `SPI_CMD_REG`).

use espalier_core::{Field, Frequency, Span, SpiTransaction};

use super::registers::{cmd, reg};
use super::{BUFFER_BYTES, BYTE_BITS, Bus, Spi};

/// Instructions of serial flash chips.
mod opcode {
    pub const WRITE_STATUS: u8 = 0x01;
    pub const PAGE_PROGRAM: u8 = 0x02;
    pub const READ: u8 = 0x03;
    pub const WRITE_DISABLE: u8 = 0x04;
    pub const READ_STATUS: u8 = 0x05;
    pub const WRITE_ENABLE: u8 = 0x06;
    pub const FAST_READ: u8 = 0x0B;
    pub const SECTOR_ERASE: u8 = 0x20;
    pub const FAST_READ_DUAL_OUTPUT: u8 = 0x3B;
    pub const CHIP_ERASE: u8 = 0x60;
    pub const FAST_READ_QUAD_OUTPUT: u8 = 0x6B;
    pub const SUSPEND: u8 = 0x75;
    pub const RESUME: u8 = 0x7A;
    pub const READ_ID: u8 = 0x9F;
    pub const HIGH_PERFORMANCE: u8 = 0xA3;
    pub const RELEASE_POWER_DOWN: u8 = 0xAB;
    pub const POWER_DOWN: u8 = 0xB9;
    pub const FAST_READ_DUAL_IO: u8 = 0xBB;
    pub const BLOCK_ERASE: u8 = 0xD8;
    pub const FAST_READ_QUAD_IO: u8 = 0xEB;
}

const ADDRESS_BITS: u8 = 24;
/// `ADDR` in commands that the controller makes by itself: the address, and above it the number of bytes to program.
const ADDRESS: Field = Field::new("ADDR", 0, 23).of_register(reg::ADDR);
const PROGRAM_LENGTH: Field = Field::new("ADDR", 24, 31).of_register(reg::ADDR);
const JEDEC_ID_BYTES: usize = 3;
const FAST_READ_DUMMY_CYCLES: u16 = 8;
const QUAD_IO_DUMMY_CYCLES: u16 = 4;

impl Spi {
    /// The time that a read of `bytes` bytes from the flash takes in the mode that `CTRL` selects: instruction, address, dummy
    /// cycles and data at the rate of `CLOCK`.
    pub fn flash_read_time(&self, bytes: u32, apb: Frequency) -> Span {
        let (address_lines, data_lines) = self.lines();
        let address = ((self.registers.field(reg::USER1::USR_ADDR_BITLEN)) + 1) / address_lines;
        let cycles = BYTE_BITS + address + u32::from(self.user_dummy_cycles()) + BYTE_BITS * bytes / data_lines;
        apb.cycles(u64::from(cycles * self.clock_divider()))
    }

    /// The time that so many bytes of data take.
    pub(super) fn data_time(&self, bytes: usize) -> Span {
        let (_, lines) = self.lines();
        self.apb.cycles(bytes as u64 * u64::from(BYTE_BITS / lines) * u64::from(self.clock_divider()))
    }

    /// The time that a transaction of the `USER` registers with so many bytes of data takes, each phase on one line.
    pub(super) fn user_time(&self, bytes: usize) -> Span {
        let (_, command) = self.user_command();
        let (_, address) = self.user_address();
        let phases = u64::from(command) + u64::from(address) + u64::from(self.user_dummy_cycles());
        self.apb.cycles(phases * u64::from(self.clock_divider())) + self.data_time(bytes)
    }

    /// The lines that carry address and data of what is read.
    fn lines(&self) -> (u32, u32) {
        match self.registers.get(reg::CTRL) {
            mode if reg::CTRL::FREAD_QIO.is_set(mode) => (4, 4),
            mode if reg::CTRL::FREAD_DIO.is_set(mode) => (2, 2),
            mode if reg::CTRL::FREAD_QUAD.is_set(mode) => (1, 4),
            mode if reg::CTRL::FREAD_DUAL.is_set(mode) => (1, 2),
            _ => (1, 1),
        }
    }

    pub(super) fn clock_divider(&self) -> u32 {
        let rate = self.registers.get(reg::CLOCK);
        match rate & reg::CLOCK::CLK_EQU_SYSCLK.mask() {
            0 => ((reg::CLOCK::CLKDIV_PRE.get(rate)) + 1) * ((reg::CLOCK::CLKCNT_N.get(rate)) + 1),
            _ => 1,
        }
    }

    /// Runs the flash command of the highest bit in `commands`.
    pub(super) fn execute_flash(&mut self, commands: u32, bus: &mut Bus<'_>) {
        match 1 << commands.ilog2() {
            cmd::FLASH_READ => self.flash_read(bus),
            cmd::FLASH_WREN => self.flash_plain(opcode::WRITE_ENABLE, bus),
            cmd::FLASH_WRDI => self.flash_plain(opcode::WRITE_DISABLE, bus),
            cmd::FLASH_RDID => {
                let mut id = [0; 4];
                bus.transfer(&instruction(opcode::READ_ID), &mut id[..JEDEC_ID_BYTES]);
                self.registers.set(reg::W, u32::from_le_bytes(id));
            }
            cmd::FLASH_RDSR => self.flash_status(&instruction(opcode::READ_STATUS), bus),
            cmd::FLASH_WRSR => {
                let status = self.registers.get(reg::RD_STATUS).to_le_bytes();
                let length = if self.registers.is_set(reg::CTRL::WRSR_2B) { 2 } else { 1 };
                bus.transfer(&SpiTransaction { mosi: &status[..length], ..instruction(opcode::WRITE_STATUS) }, &mut []);
            }
            cmd::FLASH_PP => {
                let mut buffer = self.buffer();
                if let Some(encrypted) = &self.encrypted {
                    buffer[..encrypted.len()].copy_from_slice(encrypted);
                }
                let length = self.registers.field(PROGRAM_LENGTH) as usize;
                let data: Vec<u8> = (0..length).map(|index| buffer[index % BUFFER_BYTES]).collect();
                bus.transfer(&SpiTransaction { mosi: &data, ..self.with_address(opcode::PAGE_PROGRAM) }, &mut []);
            }
            cmd::FLASH_SE => bus.transfer(&self.with_address(opcode::SECTOR_ERASE), &mut []),
            cmd::FLASH_BE => bus.transfer(&self.with_address(opcode::BLOCK_ERASE), &mut []),
            cmd::FLASH_CE => self.flash_plain(opcode::CHIP_ERASE, bus),
            cmd::FLASH_DP => self.flash_plain(opcode::POWER_DOWN, bus),
            cmd::FLASH_RES if self.registers.is_set(reg::CTRL::RESANDRES) => {
                let release = SpiTransaction { address: (0, ADDRESS_BITS), ..instruction(opcode::RELEASE_POWER_DOWN) };
                self.flash_status(&release, bus);
            }
            cmd::FLASH_RES => self.flash_plain(opcode::RELEASE_POWER_DOWN, bus),
            cmd::FLASH_HPM => self.flash_plain(opcode::HIGH_PERFORMANCE, bus),
            cmd::FLASH_PES => self.flash_plain(opcode::SUSPEND, bus),
            cmd::FLASH_PER => self.flash_plain(opcode::RESUME, bus),
            _ => {}
        }
    }

    fn flash_plain(&mut self, opcode: u8, bus: &mut Bus<'_>) {
        bus.transfer(&instruction(opcode), &mut []);
    }

    /// Reads one byte into `RD_STATUS`.
    fn flash_status(&mut self, transaction: &SpiTransaction<'_>, bus: &mut Bus<'_>) {
        let mut status = [0];
        bus.transfer(transaction, &mut status);
        self.registers.modify(reg::RD_STATUS, reg::RD_STATUS::STATUS.mask(), u32::from(status[0]));
    }

    fn flash_read(&mut self, bus: &mut Bus<'_>) {
        let mode = self.registers.get(reg::CTRL);
        let set = |bit: u32| mode & bit != 0;
        let (opcode, dummy_cycles) = match mode {
            _ if !set(reg::CTRL::FASTRD_MODE.mask()) => (opcode::READ, 0),
            _ if set(reg::CTRL::FREAD_QIO.mask()) => (opcode::FAST_READ_QUAD_IO, QUAD_IO_DUMMY_CYCLES),
            _ if set(reg::CTRL::FREAD_DIO.mask()) => (opcode::FAST_READ_DUAL_IO, 0),
            _ if set(reg::CTRL::FREAD_QUAD.mask()) => (opcode::FAST_READ_QUAD_OUTPUT, FAST_READ_DUMMY_CYCLES),
            _ if set(reg::CTRL::FREAD_DUAL.mask()) => (opcode::FAST_READ_DUAL_OUTPUT, FAST_READ_DUMMY_CYCLES),
            _ => (opcode::FAST_READ, FAST_READ_DUMMY_CYCLES),
        };
        let length = (self.registers.get(reg::MISO_DLEN) + 1).div_ceil(BYTE_BITS) as usize;
        let mut data = [0; BUFFER_BYTES];
        let data = &mut data[..length.min(BUFFER_BYTES)];
        bus.transfer(&SpiTransaction { dummy_cycles, ..self.with_address(opcode) }, data);
        for (index, byte) in data.iter().enumerate() {
            self.set_buffer_byte(index, *byte);
        }
    }

    fn with_address(&self, opcode: u8) -> SpiTransaction<'static> {
        let address = u64::from(self.registers.field(ADDRESS));
        SpiTransaction { address: (address, ADDRESS_BITS), ..instruction(opcode) }
    }
}

fn instruction(opcode: u8) -> SpiTransaction<'static> {
    SpiTransaction { command: (u16::from(opcode), BYTE_BITS as u8), ..SpiTransaction::default() }
}
