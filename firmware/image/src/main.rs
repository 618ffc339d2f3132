//! Makes a flashable application image of an ESP32 ELF file, as `espflash save-image` does.

use std::error::Error;
use std::path::Path;

use espflash::flasher::{FlashData, FlashFrequency, FlashMode, FlashSettings, FlashSize};
use espflash::image_format::idf::IdfBootloaderFormat;
use espflash::target::{Chip, XtalFrequency};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, elf, image] = arguments.as_slice() else {
        return Err("usage: firmware-image ELF IMAGE".into());
    };
    write_image(Path::new(elf), Path::new(image))
}

fn write_image(elf: &Path, image: &Path) -> Result<(), Box<dyn Error>> {
    let elf = std::fs::read(elf)?;
    let settings = FlashSettings::new(Some(FlashMode::Dio), Some(FlashSize::_4Mb), Some(FlashFrequency::_40Mhz));
    let data = FlashData::new(settings, 0, None, Chip::Esp32, XtalFrequency::_40Mhz);
    let format = IdfBootloaderFormat::new(&elf, &data, None, None, None, None)?;
    let application = format.ota_segments().next().ok_or("the image has no application")?;
    std::fs::write(image, application.data())?;
    Ok(())
}
