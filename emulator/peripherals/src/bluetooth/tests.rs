//! The controller as its drivers use it: `r_ld_reset`, `r_ld_read_clock`, `ke_timer_hw_set`, `ea_prog_timer`, `r_rwbt_sleep_enter`,
//! `r_lld_evt_schedule`, `r_lld_adv_start`, `r_lld_scan_start` and `r_llm_encryption_start` of the mask ROM.

use espalier_core::{Device, Frequency, GuestMemory, Span, Time, Unmodelled};

use super::Bluetooth;
use super::clock::SLOT;
use super::registers::{self, ble_int, bt_int, reg};
use crate::test_ram::Ram;

const EXCHANGE: u32 = 0x3FFB_0000;
/// Where the ROM keeps the control structure of advertising and scanning.
const STRUCTURE: u16 = 0x43A;
const LOW_POWER: Frequency = Frequency::from_hertz(500_000);
const RWBT_LINE: u32 = 1;
const RWBLE_LINE: u32 = 2;

struct Controller {
    block: Bluetooth,
    memory: Ram,
    now: Time,
}

impl Controller {
    fn new() -> Controller {
        Controller { block: Bluetooth::new(LOW_POWER), memory: Ram::new(EXCHANGE, 0x4000), now: Time::ZERO }
    }

    fn write(&mut self, offset: u32, value: u32) {
        self.block.write(offset, value, self.now).unwrap();
        self.block.run(&mut self.memory, self.now);
    }

    fn read(&mut self, offset: u32) -> u32 {
        self.block.read(offset, self.now).unwrap()
    }

    /// Lets time pass until a line rises, at most `span`. Returns how long it took.
    fn wait(&mut self, line: u32, span: Span) -> Option<Span> {
        let (begun, end) = (self.now, self.now + span);
        while self.block.interrupts() & line == 0 {
            self.now = self.block.deadline().filter(|at| *at <= end)?;
            self.block.run(&mut self.memory, self.now);
        }
        Some(self.now.since(begun))
    }

    fn set_half_word(&mut self, offset: u16, value: u16) {
        self.memory.write(EXCHANGE + u32::from(offset), &value.to_le_bytes()).unwrap();
    }

    /// Has the table begin an activity in a slot.
    fn program(&mut self, slot: u16, format: u16, longest: u16) {
        self.set_half_word(STRUCTURE, format);
        self.set_half_word(STRUCTURE + 0x1A, longest);
        self.set_half_word(slot % 16 * 4, 2);
        self.set_half_word(slot % 16 * 4 + 2, STRUCTURE);
    }

    fn entry_status(&mut self, slot: u16) -> u8 {
        self.memory.bytes[usize::from(slot % 16 * 4)] >> 4 & 3
    }

    fn enable_low_energy(&mut self) {
        self.write(reg::BLE_INTCNTL, ble_int::EVENT);
        self.write(reg::RWBLECNTL, registers::RWBLE_EN);
    }
}

#[test]
fn the_clock_is_sampled_and_resets_end_at_once() {
    let mut controller = Controller::new();
    assert_eq!((controller.read(reg::VERSION), controller.read(reg::BLE_VERSION)), (0x0800_0B00, 0x0800_0900));
    controller.now = Time::from_micros(1000);
    controller.write(reg::RWBTCNTL, registers::MASTER_SOFT_RST | registers::MASTER_TGSOFT_RST | 0x100);
    assert_eq!(controller.read(reg::RWBTCNTL), 0x100);
    controller.now = Time::from_micros(1000 + 3 * 625 + 400);
    controller.write(reg::SLOTCLK, registers::SAMP);
    controller.write(reg::BASETIMECNT, registers::SAMP);
    assert_eq!((controller.read(reg::SLOTCLK), controller.read(reg::BASETIMECNT)), (7, 3));
    assert_eq!(controller.read(reg::FINETIMECNT), 224);
}

#[test]
fn timers_of_both_halves_raise_their_interrupts_at_the_start_of_a_slot() {
    let mut controller = Controller::new();
    controller.write(reg::INTCNTL, bt_int::FINETGTIM | bt_int::GROSSTGTIM);
    controller.write(reg::FINETIMTGT, 5);
    controller.write(reg::GROSSTIMTGT, 2);
    assert_eq!(controller.wait(RWBT_LINE, Span::from_secs(1)), Some(SLOT * 5));
    assert_eq!(controller.read(reg::INTSTAT), bt_int::FINETGTIM);
    controller.write(reg::INTACK, bt_int::FINETGTIM);
    assert_eq!(controller.wait(RWBT_LINE, Span::from_secs(1)), Some(SLOT * (32 - 5)), "10 ms for each unit");
    assert_eq!(controller.read(reg::INTSTAT), bt_int::GROSSTGTIM);
    controller.write(reg::INTACK, u32::MAX);
    assert_eq!(controller.wait(RWBT_LINE, Span::from_secs(10)), None);

    controller.write(reg::BLE_INTCNTL, ble_int::CSCNT);
    assert_eq!(controller.wait(RWBLE_LINE, SLOT * 2), Some(SLOT));
    controller.write(reg::BLE_INTCNTL, ble_int::SW);
    assert_eq!(controller.block.interrupts(), 0);
    controller.write(reg::RWBLECNTL, registers::SWINT_REQ);
    assert_eq!(controller.block.interrupts() & RWBLE_LINE, RWBLE_LINE);
}

#[test]
fn advertising_ends_after_its_channels() {
    let mut controller = Controller::new();
    controller.enable_low_energy();
    controller.write(reg::ADVCHMAP, 0b101);
    controller.write(reg::ADVTIM, 1500);
    controller.program(20, 0x4, 8);
    let took = controller.wait(RWBLE_LINE, Span::from_secs(1));
    assert_eq!(
        (took, controller.entry_status(20)),
        (Some(SLOT * 4 + Span::from_micros(3000)), 1),
        "the table has 16 entries"
    );
    controller.write(reg::BLE_INTACK, ble_int::EVENT);
    assert_eq!(controller.wait(RWBLE_LINE, Span::from_secs(1)), None, "it was done once");
}

#[test]
fn scanning_ends_with_its_window_or_when_it_is_aborted() {
    let mut controller = Controller::new();
    controller.enable_low_energy();
    controller.program(2, 0x9, 48);
    assert_eq!(controller.wait(RWBLE_LINE, Span::from_secs(1)), Some(SLOT * (2 + 48)));
    controller.write(reg::BLE_INTACK, ble_int::EVENT);
    controller.program(60, 0x8, 4800);
    assert_eq!(controller.wait(RWBLE_LINE, SLOT * 100), None);
    controller.now = Time::ZERO + SLOT * 100;
    controller.write(reg::RWBLECNTL, registers::RWBLE_EN | registers::ADVERT_ABORT);
    assert_eq!(controller.block.interrupts(), 0, "that is not what goes on");
    controller.write(reg::RWBLECNTL, registers::RWBLE_EN | registers::SCAN_ABORT);
    assert_eq!((controller.block.interrupts() & RWBLE_LINE, controller.entry_status(60)), (RWBLE_LINE, 1));
    assert_eq!(controller.read(reg::RWBLECNTL), registers::RWBLE_EN);
}

#[test]
fn entries_of_classic_and_of_a_core_that_is_off_stay() {
    let mut controller = Controller::new();
    controller.program(3, 0x4, 8);
    assert_eq!(controller.wait(RWBLE_LINE, SLOT * 20), None);
    controller.now = Time::ZERO + SLOT * 20;
    controller.enable_low_energy();
    controller.set_half_word(3 * 4, 3);
    assert_eq!(controller.wait(RWBLE_LINE, SLOT * 40), None);
    assert_eq!(controller.entry_status(3), 0);
}

#[test]
fn the_clock_stands_in_deep_sleep_and_is_corrected_after_it() {
    let mut controller = Controller::new();
    controller.now = Time::ZERO + SLOT * 8;
    controller.write(reg::DEEPSLWKUP, 5000);
    controller.write(reg::INTCNTL, bt_int::SLP);
    controller.write(reg::DEEPSLCNTL, registers::DEEP_SLEEP_ON);
    assert_eq!(controller.read(reg::DEEPSLCNTL), registers::DEEP_SLEEP_STAT);
    assert_eq!(controller.wait(RWBT_LINE, Span::from_secs(1)), Some(Span::from_millis(10)));
    assert_eq!((controller.read(reg::DEEPSLSTAT), controller.read(reg::SLOTCLK)), (5000, 16));
    controller.write(reg::CLKNCNTCORR, 1 << 31 | 32);
    controller.write(reg::FINECNTCORR, 0);
    controller.write(reg::DEEPSLCNTL, registers::DEEP_SLEEP_CORR_EN);
    assert_eq!((controller.read(reg::SLOTCLK), controller.read(reg::DEEPSLCNTL)), (48, 0));
}

#[test]
fn keys_and_blocks_have_their_least_significant_byte_first() {
    // The sample data of AES-CMAC in the Core Specification, volume 3, part H, D.1: K1 comes from the encryption of zero.
    let key: u128 = 0x2b7e_1516_28ae_d2a6_abf7_1588_09cf_4f3c;
    let mut controller = Controller::new();
    for (index, word) in (0..4).zip(key.to_le_bytes().chunks_exact(4)) {
        controller.write(reg::AESKEY + 4 * index, u32::from_le_bytes(word.try_into().unwrap()));
    }
    controller.write(reg::BLE_INTCNTL, ble_int::CRYPT);
    controller.write(reg::AESPTR, 0x96);
    controller.write(reg::AESCNTL, registers::AES_START);
    assert!(controller.wait(RWBLE_LINE, Span::from_millis(1)).is_some());
    let result = u128::from_le_bytes(controller.memory.bytes[0xA6..0xB6].try_into().unwrap());
    assert_eq!(result, 0x7df7_6b0c_1ab8_99b3_3e42_f047_b91b_546f);
    assert_eq!(controller.read(reg::AESCNTL), 0);
}

#[test]
fn an_inquiry_says_that_classic_is_not_there() {
    let mut controller = Controller::new();
    let mut write = |value| controller.block.write(reg::ABTRAINCNTL, value, Time::ZERO);
    assert_eq!((write(0x0800_0000), write(registers::INQ_EN)), (Ok(()), Err(Unmodelled)));
    assert_eq!((write(0), write(registers::PAGE_EN)), (Ok(()), Err(Unmodelled)));
}
