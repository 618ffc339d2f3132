//! Properties of devices: `driver=D,property=P,value=V` or `D.P=V`.

use espalier_soc::Strap;

use super::Parsed;
use super::fields::Fields;
use super::line::Line;

/// GPIO_STRAP for flash boot and for the serial download mode.
const STRAP_FLASH: [u32; 2] = [0x12, 0x13];
const STRAP_DOWNLOAD: [u32; 2] = [0x0F, 0x03];

pub fn take_global(line: &mut Line, value: &str) -> Parsed<()> {
    let (driver, property, setting) = parse(value)?;
    match (driver.as_str(), property.as_str()) {
        ("esp32.gpio", "strap_mode") => line.strap = Some(parse_strap(&setting)?),
        ("nvram.esp32.efuse", "drive") => line.efuse_drive = Some(setting),
        ("timer.esp32.timg", "wdt_disable") => {
            line.note("-global", value, "watchdogs stay on: guest time does not run late, so none fires falsely");
        }
        ("ssi_psram", _) => line.note("-global", value, "the PSRAM has four data lines"),
        _ => return Err(format!("'{driver}' has no property '{property}' here")),
    }
    Ok(())
}

fn parse(value: &str) -> Parsed<(String, String, String)> {
    let mut fields = Fields::read(value, None);
    if let Some(driver) = fields.value("driver")? {
        let property = fields.value("property")?.ok_or("lacks property=")?;
        let setting = fields.value("value")?.ok_or("lacks value=")?;
        fields.finish()?;
        return Ok((driver, property, setting));
    }
    let (name, setting) = value.split_once('=').ok_or("lacks a value")?;
    let (driver, property) = name.rsplit_once('.').ok_or("lacks a property")?;
    Ok((driver.to_owned(), property.to_owned(), setting.to_owned()))
}

fn parse_strap(digits: &str) -> Parsed<Strap> {
    let number = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => digits.parse(),
    };
    match number {
        Ok(number) if STRAP_FLASH.contains(&number) => Ok(Strap::FlashBoot),
        Ok(number) if STRAP_DOWNLOAD.contains(&number) => Ok(Strap::Download),
        _ => Err(format!("strap_mode is {:#x} (flash boot) or {:#x} (download)", STRAP_FLASH[0], STRAP_DOWNLOAD[0])),
    }
}
