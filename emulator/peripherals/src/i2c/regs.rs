//! Registers and fields of the controller (TRM chapter 11.5).

espalier_core::registers! {
    SCL_LOW_PERIOD @ 0x00 = 0, rw_bits(0x3FFF);
    CTR @ 0x04 = 0x3, rw_bits(0x1F7) { MS_MODE: 4, TRANS_START: 5, TX_LSB_FIRST: 6, RX_LSB_FIRST: 7 };
    SR @ 0x08 = 0, ro() {
        ACK_REC: 0,
        SLAVE_RW: 1,
        TIME_OUT: 2,
        ARB_LOST: 3,
        BUS_BUSY: 4,
        SLAVE_ADDRESSED: 5,
        BYTE_TRANS: 6,
        RXFIFO_CNT: 8..=13,
        TXFIFO_CNT: 18..=23,
        SCL_MAIN_STATE_LAST: 24..=26,
        SCL_STATE_LAST: 28..=30,
    };
    TO @ 0x0C = 0, rw_bits(0xF_FFFF);
    SLAVE_ADDR @ 0x10 = 0, rw_bits(0x8000_7FFF) { SLAVE_ADDR: 0..=14, ADDR_10BIT_EN: 31 };
    RXFIFO_ST @ 0x14 = 0, ro() {
        RXFIFO_START_ADDR: 0..=4,
        RXFIFO_END_ADDR: 5..=9,
        TXFIFO_START_ADDR: 10..=14,
        TXFIFO_END_ADDR: 15..=19,
    };
    FIFO_CONF @ 0x18 = 0x0155_408B, rw_bits(0x03FF_FFFF) {
        RXFIFO_FULL_THRHD: 0..=4,
        TXFIFO_EMPTY_THRHD: 5..=9,
        NONFIFO_EN: 10,
        /// A slave takes the first byte after its address as the place in its RAM.
        FIFO_ADDR_CFG_EN: 11,
        RX_FIFO_RST: 12,
        TX_FIFO_RST: 13,
        NONFIFO_RX_THRES: 14..=19,
        NONFIFO_TX_THRES: 20..=25,
    };
    DATA @ 0x1C = 0, rw_bits(0xFF);
    INT_RAW @ 0x20 = 0, ro() {
        RXFIFO_FULL: 0,
        TXFIFO_EMPTY: 1,
        RXFIFO_OVF: 2,
        END_DETECT: 3,
        SLAVE_TRAN_COMP: 4,
        ARBITRATION_LOST: 5,
        MASTER_TRAN_COMP: 6,
        TRANS_COMPLETE: 7,
        TIME_OUT: 8,
        TRANS_START: 9,
        NACK: 10,
        RX_REC_FULL: 11,
        TX_SEND_EMPTY: 12,
    };
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
    SCL_FILTER_CFG @ 0x50 = 0x8, rw_bits(0xF) { SCL_FILTER_THRES: 0..=2, SCL_FILTER_EN: 3 };
    SDA_FILTER_CFG @ 0x54 = 0x8, rw_bits(0xF);
    COMD[16] @ 0x58 = 0, rw_bits(0x8000_3FFF) {
        BYTE_NUM: 0..=7,
        ACK_CHECK_EN: 8,
        ACK_EXP: 9,
        ACK_VALUE: 10,
        OPCODE: 11..=13,
        COMMAND_DONE: 31,
    };
    DATE @ 0xF8 = 0x1604_2000, rw();
    RAM[32] @ 0x100 = 0, rw_bits(0xFF);
}

/// Words of the command list.
pub(super) const COMMANDS: u32 = 16;

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

/// One word of the command list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Command(pub u32);

/// The command in a word of the command list.
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
    pub(super) fn opcode(self) -> Opcode {
        match reg::COMD::OPCODE.get(self.0) {
            0 => Opcode::Rstart,
            1 => Opcode::Write,
            2 => Opcode::Read,
            3 => Opcode::Stop,
            4 => Opcode::End,
            _ => Opcode::Reserved,
        }
    }

    pub(super) fn byte_num(self) -> u8 {
        reg::COMD::BYTE_NUM.get(self.0) as u8
    }

    /// Whether this level of the acknowledge bit is one that the command does not accept.
    pub(super) fn refuses(self, ack_level: bool) -> bool {
        reg::COMD::ACK_CHECK_EN.is_set(self.0) && ack_level != reg::COMD::ACK_EXP.is_set(self.0)
    }
}
