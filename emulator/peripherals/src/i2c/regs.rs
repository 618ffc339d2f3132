//! Registers and fields of the controller (TRM chapter 11.5).

espalier_core::registers! {
    SCL_LOW_PERIOD @ 0x00 = 0, rw_bits(0x3FFF);
    CTR @ 0x04 = 0x3, rw_bits(0x1F7);
    SR @ 0x08 = 0, ro();
    TO @ 0x0C = 0, rw_bits(0xF_FFFF);
    SLAVE_ADDR @ 0x10 = 0, rw_bits(0x8000_7FFF);
    RXFIFO_ST @ 0x14 = 0, ro();
    FIFO_CONF @ 0x18 = 0x0155_408B, rw_bits(0x03FF_FFFF);
    DATA @ 0x1C = 0, rw_bits(0xFF);
    INT_RAW @ 0x20 = 0, ro();
    INT_CLR @ 0x24 = 0, wo();
    INT_ENA @ 0x28 = 0, rw_bits(0x1FFF);
    INT_STATUS @ 0x2C = 0, ro();
    SDA_HOLD @ 0x30 = 0, rw_bits(0x3FF);
    SDA_SAMPLE @ 0x34 = 0, rw_bits(0x3FF);
    SCL_HIGH_PERIOD @ 0x38 = 0, rw_bits(0x3FFF);
    SCL_START_HOLD @ 0x40 = 8, rw_bits(0x3FF);
    SCL_RSTART_SETUP @ 0x44 = 8, rw_bits(0x3FF);
    SCL_STOP_HOLD @ 0x48 = 0, rw_bits(0x3FFF);
    SCL_STOP_SETUP @ 0x4C = 0, rw_bits(0x3FF);
    SCL_FILTER_CFG @ 0x50 = 0x8, rw_bits(0xF);
    SDA_FILTER_CFG @ 0x54 = 0x8, rw_bits(0xF);
    COMD[16] @ 0x58 = 0, rw_bits(0x8000_3FFF);
    DATE @ 0xF8 = 0x1604_2000, rw();
    RAM[32] @ 0x100 = 0, rw_bits(0xFF);
}

/// Words of the command list.
pub(super) const COMMANDS: u32 = 16;

/// Fields of CTR.
pub(super) mod ctr {
    pub const MS_MODE: u32 = 1 << 4;
    pub const TRANS_START: u32 = 1 << 5;
    pub const TX_LSB_FIRST: u32 = 1 << 6;
    pub const RX_LSB_FIRST: u32 = 1 << 7;
}

/// Fields of SR.
pub(super) mod sr {
    pub const ACK_REC: u32 = 1 << 0;
    pub const TIME_OUT: u32 = 1 << 2;
    pub const BUS_BUSY: u32 = 1 << 4;
    pub const BYTE_TRANS: u32 = 1 << 6;
    pub const RXFIFO_CNT_SHIFT: u32 = 8;
    pub const TXFIFO_CNT_SHIFT: u32 = 18;
    pub const SCL_MAIN_STATE_LAST_SHIFT: u32 = 24;
    pub const SCL_STATE_LAST_SHIFT: u32 = 28;
    pub const STATE_MASK: u32 = 0x7;
}

/// Values of SR.SCL_STATE_LAST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SclState {
    Start = 1,
    Low = 3,
    Stop = 6,
}

/// Values of SR.SCL_MAIN_STATE_LAST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MainState {
    Idle = 0,
    SendAck = 5,
    WaitAck = 6,
}

/// Fields of RXFIFO_ST.
pub(super) mod rxfifo_st {
    pub const RXFIFO_START_ADDR_SHIFT: u32 = 0;
    pub const RXFIFO_END_ADDR_SHIFT: u32 = 5;
    pub const TXFIFO_START_ADDR_SHIFT: u32 = 10;
    pub const TXFIFO_END_ADDR_SHIFT: u32 = 15;
}

/// Fields of FIFO_CONF.
pub(super) mod fifo_conf {
    pub const RXFIFO_FULL_THRHD: u32 = 0x1F;
    pub const TXFIFO_EMPTY_THRHD_SHIFT: u32 = 5;
    pub const TXFIFO_EMPTY_THRHD_MASK: u32 = 0x1F;
    pub const NONFIFO_EN: u32 = 1 << 10;
    pub const RX_FIFO_RST: u32 = 1 << 12;
    pub const TX_FIFO_RST: u32 = 1 << 13;
    pub const NONFIFO_RX_THRES_SHIFT: u32 = 14;
    pub const NONFIFO_TX_THRES_SHIFT: u32 = 20;
    pub const NONFIFO_THRES_MASK: u32 = 0x3F;
}

/// Fields of SCL_FILTER_CFG.
pub(super) mod filter {
    pub const THRES: u32 = 0x7;
    pub const EN: u32 = 1 << 3;
}

/// Bits of INT_RAW, INT_CLR, INT_ENA and INT_STATUS.
pub(super) mod interrupt {
    pub const RXFIFO_FULL: u32 = 1 << 0;
    pub const TXFIFO_EMPTY: u32 = 1 << 1;
    pub const RXFIFO_OVF: u32 = 1 << 2;
    pub const END_DETECT: u32 = 1 << 3;
    pub const MASTER_TRAN_COMP: u32 = 1 << 6;
    pub const TRANS_COMPLETE: u32 = 1 << 7;
    pub const TIME_OUT: u32 = 1 << 8;
    pub const TRANS_START: u32 = 1 << 9;
    pub const ACK_ERR: u32 = 1 << 10;
    pub const RX_REC_FULL: u32 = 1 << 11;
    pub const TX_SEND_EMPTY: u32 = 1 << 12;
}

/// COMD.COMMAND_DONE.
pub(super) const COMMAND_DONE: u32 = 1 << 31;

/// One word of the command list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Command(pub u32);

/// What a word of the command list asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Rstart,
    Write,
    Read,
    Stop,
    End,
    Reserved,
}

impl Command {
    const ACK_CHECK_EN: u32 = 1 << 8;
    const ACK_EXP: u32 = 1 << 9;
    const OPCODE_SHIFT: u32 = 11;
    const OPCODE_MASK: u32 = 0x7;

    pub(super) fn opcode(self) -> Opcode {
        match self.0 >> Command::OPCODE_SHIFT & Command::OPCODE_MASK {
            0 => Opcode::Rstart,
            1 => Opcode::Write,
            2 => Opcode::Read,
            3 => Opcode::Stop,
            4 => Opcode::End,
            _ => Opcode::Reserved,
        }
    }

    pub(super) fn byte_num(self) -> u8 {
        self.0 as u8
    }

    /// Whether this level of the acknowledge bit is one that the command does not accept.
    pub(super) fn refuses(self, ack_level: bool) -> bool {
        self.0 & Command::ACK_CHECK_EN != 0 && ack_level != (self.0 & Command::ACK_EXP != 0)
    }
}
