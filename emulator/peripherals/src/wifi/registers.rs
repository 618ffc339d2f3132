//! Registers of the Wi-Fi MAC.
//!
//! Espressif does not document them. Names and places are those of the `esp32` PAC crate and of the ESP32 Open MAC project;
//! registers without a published meaning are called after their offset and only store what is written.

espalier_core::registers! {
    BSSID_FILTER_ADDR[8] @ 0x000 = 0, rw();
    BSSID_FILTER_MASK[8] @ 0x020 = 0, rw();
    RA_FILTER_ADDR[8] @ 0x040 = 0, rw();
    RA_FILTER_MASK[8] @ 0x060 = 0, rw();
    RX_CONF_080 @ 0x080 = 0, rw();
    RX_CTRL @ 0x084 = 0, rw();
    RX_DESCR_BASE @ 0x088 = 0, rw();
    RX_DESCR_NEXT @ 0x08C = 0, ro();
    RX_DESCR_LAST @ 0x090 = 0, ro();
    RX_CONF_094[4] @ 0x094 = 0, rw();
    RX_END_STATE @ 0x0A4 = 0, ro();
    RX_CONF_0A8[12] @ 0x0A8 = 0, rw();
    FILTER_CONTROL[4] @ 0x0D8 = 0, rw();
    RX_CONF_0E8[4] @ 0x0E8 = 0, rw();
    RX_CTRL_FILTER[4] @ 0x0F8 = 0, rw();
    RX_CONF_108[27] @ 0x108 = 0, rw();
    ANTENNA_CONF[3] @ 0x280 = 0, rw();
    HW_STAT_RX[20] @ 0x2BC = 0, ro();
    AUTO_ACK_RATE[8] @ 0x400 = 0, rw();
    INTERFACE_CRYPTO_CONTROL[4] @ 0x800 = 0, rw();
    GENERAL_CRYPTO_CONTROL @ 0x810 = 0, rw();
    CRYPTO_KEY_SLOT_STATE @ 0x814 = 0, rw();
    MAC_TIME @ 0xC00 = 0, ro();
    MAC_CONF_C04[15] @ 0xC04 = 0, rw();
    INT_ENA @ 0xC40 = 0, rw();
    INT_CONF_C44 @ 0xC44 = 0, rw();
    INT_STATUS @ 0xC48 = 0, ro();
    INT_CLEAR @ 0xC4C = 0, wo();
    MAC_CONF_C50[26] @ 0xC50 = 0, rw();
    CTRL @ 0xCB8 = 0, rw_bits(0xFFFF_DFFF);
    TXQ_ERROR_CLEAR @ 0xCBC = 0, wo();
    TXQ_ERROR_STATUS @ 0xCC0 = 0, ro();
    TXQ_COMPLETE_CLEAR @ 0xCC4 = 0, wo();
    TXQ_COMPLETE_STATUS @ 0xCC8 = 0, ro();
    MAC_CONF_CCC[6] @ 0xCCC = 0, rw();
    TX_SLOT[16] @ 0xCE4 = 0, rw();
    MAC_READY @ 0xD24 = 0x1, rw();
    MAC_CONF_D28[12] @ 0xD28 = 0, rw();
    HW_STAT_TX[7] @ 0xD58 = 0, ro();
    MAC_CONF_D74[4] @ 0xD74 = 0, rw();
    RX_END_INFO[10] @ 0xD84 = 0, ro();
    TX_FORM[132] @ 0x1070 = 0, rw();
    KEY_SLOT[250] @ 0x1400 = 0, rw();
    TSF_CONF_2000[4] @ 0x2000 = 0, rw();
    TSF_COMMAND @ 0x2010 = 0, rw();
    TSF_CONF_2014[3] @ 0x2014 = 0, rw();
    TSF0_CTRL @ 0x2020 = 0, rw();
    TSF0_LOAD[2] @ 0x2024 = 0, rw();
    TSF_CONF_202C[10] @ 0x202C = 0, rw();
    TSF0_VALUE[2] @ 0x2054 = 0, ro();
    TSF1_CTRL @ 0x205C = 0, rw();
    TSF1_LOAD[2] @ 0x2060 = 0, rw();
    TSF_CONF_2068[10] @ 0x2068 = 0, rw();
    TSF1_VALUE[2] @ 0x2090 = 0, ro();
    TSF_CONF_2098[26] @ 0x2098 = 0, rw();
}

/// Bits of RX_CTRL.
pub(super) mod rx_ctrl {
    /// Set by software to have the list of descriptors read again; cleared when that is done.
    pub const RX_DESCR_RELOAD: u32 = 1 << 0;
    pub const RX_ENABLE: u32 = 1 << 31;
}

/// Bits of FILTER_CONTROL, one register for each interface.
pub(super) mod filter_control {
    /// Unicast frames must also belong to the network in the BSSID filter.
    pub const BSSID_CHECK: u32 = 1 << 1;
    /// Beacons and probe responses of all networks pass.
    pub const SCAN: u32 = 1 << 4;
    /// All data and management frames pass.
    pub const DATA_AND_MANAGEMENT: u32 = 1 << 8;
}

/// In the upper word of a filter's mask: the filter is on.
pub(super) const FILTER_ENABLED: u32 = 1 << 16;

/// Bits of INT_STATUS, INT_ENA and INT_CLEAR.
pub(super) mod interrupt {
    /// A frame is in memory. Three bits say so; the driver takes any of them for it.
    pub const RX_SUCCESS: u32 = 1 << 2 | 1 << 5 | 1 << 24;
    /// A transmission ended, with or without its acknowledgement.
    pub const TX_COMPLETE: u32 = 1 << 7;
}

/// Bits of CTRL that hold the MAC while a channel is changed.
pub(super) const CTRL_STOP: u32 = 0x17FF;

/// Bits of MAC_READY.
pub(super) const MAC_READY_DONE: u32 = 1 << 0;

/// Transmission slots; their registers go down from slot 0.
pub(super) const TX_SLOTS: usize = 8;

/// Registers of a slot: configuration and PLCP0, eight bytes apart.
pub(super) const fn plcp0(slot: usize) -> u32 {
    0xD20 - 8 * slot as u32
}

/// PLCP1, PLCP2, HT-SIG, duration and outcome of a slot, sixty bytes apart.
pub(super) const fn plcp1(slot: usize) -> u32 {
    0x1258 - 60 * slot as u32
}

/// The result of the transmission of a slot.
pub(super) const fn pmd(slot: usize) -> u32 {
    0x1270 - 60 * slot as u32
}

/// Fields of PLCP0.
pub(super) mod plcp0 {
    /// Lower part of the descriptor's address.
    pub const DMA_ADDR: u32 = 0xF_FFFF;
    /// The event that the slot waits for after its frame; zero is none.
    pub const RESPONSE: u32 = 7 << 24;
    pub const SLOT_VALID: u32 = 1 << 30;
    pub const SLOT_ENABLED: u32 = 1 << 31;
    pub const GO: u32 = SLOT_VALID | SLOT_ENABLED;
}

/// Fields of PLCP1.
pub(super) mod plcp1 {
    use espalier_core::Field;

    /// Bytes of the frame with its frame check sequence.
    pub const LENGTH: Field = Field::new("LENGTH", 0, 11);
    pub const RATE: Field = Field::new("RATE", 12, 16);
    pub const KEY_SLOT: Field = Field::new("KEY_SLOT", 17, 21);
    pub const HT: u32 = 1 << 25;
}

/// Outcome of a transmission in PMD, from bit 12 on.
pub(super) mod outcome {
    pub const SHIFT: u32 = 12;
    pub const SUCCESS: u32 = 0;
    pub const ACK_TIMEOUT: u32 = 5;
}

/// Bits of TSF_COMMAND; each starts what it says and reads back.
pub(super) mod tsf_command {
    pub const CAPTURE: [u32; 2] = [1 << 1, 1 << 2];
    pub const LOAD: [u32; 2] = [1 << 6, 1 << 7];
}
/// In TSF0_CTRL: the timer follows the beacons of the network in the BSSID filter of interface 0.
pub(super) const TSF_FOLLOW_BEACONS: u32 = 1 << 31 | 1 << 28 | 1 << 27;

/// Slots for keys, and the bytes of each: address, control, key.
pub(super) const KEY_SLOTS: u32 = 25;
pub(super) const KEY_SLOT_BYTES: u32 = 40;

/// Fields of a key slot.
pub(super) mod key_slot {
    use espalier_core::Field;

    /// Upper part of the address, in the second word.
    pub const ADDRESS: u32 = 0xFFFF;
    pub const ALGORITHM: Field = Field::new("ALGORITHM", 18, 20);
    pub const CCMP: u32 = 3;
    pub const GROUP: u32 = 1 << 23;
    pub const KEY_ID: Field = Field::new("KEY_ID", 30, 31);
    /// The first word of the key.
    pub const KEY_WORD: u32 = 2;
}
