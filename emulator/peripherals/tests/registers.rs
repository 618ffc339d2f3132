//! Compares the register tables with Espressif's own description of the ESP32.
//!
//! `fixtures/registers/esp32.txt` has the description; `ci/register-tables` writes it and says what its lines mean. What
//! is meant to differ is in `registers/meant.txt`, with the reason: a difference without a line there fails the test, and so does a line
//! without a difference.

mod registers {
    pub mod description;
    pub mod differences;
}

use espalier_core::Register;
use espalier_peripherals as blocks;
use registers::description::Description;
use registers::differences::{Meant, differences};

const DESCRIPTION: &str = include_str!("../../../fixtures/registers/esp32.txt");
const MEANT: &str = include_str!("registers/meant.txt");

/// The tables, by the name that the description has for the block.
fn tables() -> Vec<(&'static str, &'static [Register])> {
    use espalier_core::Device;
    let apb = blocks::APB_WITH_PLL;
    let efuse = blocks::Efuse::new(blocks::EfuseConfig::default());
    vec![
        ("aes", blocks::Aes::new().registers()),
        ("apb_ctrl", blocks::ApbCtrl::new(true).registers()),
        ("dport", blocks::Dport::default().registers()),
        ("efuse", efuse.registers()),
        ("frc_timer", blocks::FrcTimer::new().registers()),
        ("gpio", blocks::Gpio::new().registers()),
        ("gpio_sd", blocks::GpioSd::new().registers()),
        ("hinf", blocks::Hinf::new().registers()),
        ("i2c0", blocks::I2c::new(apb).registers()),
        ("i2s0", blocks::I2s::new().registers()),
        ("io_mux", blocks::IoMux::new().registers()),
        ("ledc", blocks::Ledc::new().registers()),
        ("mcpwm0", blocks::Mcpwm::new().registers()),
        ("pcnt", blocks::Pcnt::new(apb).registers()),
        ("rmt", blocks::Rmt::new().registers()),
        ("rng", blocks::Rng::new(0).registers()),
        ("rsa", blocks::Rsa::new().registers()),
        ("rtc_cntl", blocks::RtcCntl::new().registers()),
        ("rtc_io", blocks::RtcIo::new().registers()),
        ("sens", blocks::Sens::new().registers()),
        ("sha", blocks::Sha::new().registers()),
        ("slc", blocks::Slc::new().registers()),
        ("slchost", blocks::SlcHost::new().registers()),
        ("spi0", blocks::Spi::new().registers()),
        ("timg0", blocks::TimerGroup::new().registers()),
        ("uart0", blocks::Uart::new(apb).registers()),
    ]
}

#[test]
fn every_table_is_as_espressif_describes_it() {
    let description = Description::parse(DESCRIPTION);
    let mut meant = Meant::parse(MEANT);
    let mut unexpected = Vec::new();
    for (block, table) in tables() {
        for difference in differences(table, description.block(block)) {
            if !meant.covers(block, &difference) {
                unexpected.push(format!("{block} {difference}"));
            }
        }
    }
    assert!(unexpected.is_empty(), "{} differences:\n{}", unexpected.len(), unexpected.join("\n"));
    assert_eq!(meant.unused(), Vec::<String>::new(), "lines of meant.txt without a difference");
}
