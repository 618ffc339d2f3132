use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::{BOOTLOADER_OFFSET, Digest, Format, Image, ImageError, ImageWarning, Part, TABLE_OFFSET};

const FLASH: u32 = 4 << 20;
const APP_OFFSET: u32 = 0x1_0000;

/// An image after "Firmware Image Format" of the esptool documentation, with these segments and a digest.
fn image(chip: u16, segments: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![0xE9, segments.len() as u8, 2, 0x20];
    bytes.extend(0x400D_0020_u32.to_le_bytes());
    bytes.extend([0xEE, 0, 0, 0]);
    bytes.extend(chip.to_le_bytes());
    bytes.resize(23, 0);
    bytes.push(1);
    let mut checksum = 0xEF;
    for (address, data) in segments {
        bytes.extend(address.to_le_bytes());
        bytes.extend((data.len() as u32).to_le_bytes());
        bytes.extend(data);
        checksum = data.iter().fold(checksum, |sum, byte| sum ^ byte);
    }
    bytes.resize((bytes.len() + 1).next_multiple_of(16) - 1, 0);
    bytes.push(checksum);
    let digest = Sha256::digest(&bytes);
    bytes.extend(&digest[..]);
    bytes
}

fn application(chip: u16) -> Vec<u8> {
    let mut description = 0xABCD_5432_u32.to_le_bytes().to_vec();
    description.resize(16, 0);
    for (text, length) in [("1.2.3", 32), ("tutorial", 32), ("10:00", 16), ("May 1 2026", 16), ("v6.1", 32)] {
        let mut field = text.as_bytes().to_vec();
        field.resize(length, 0);
        description.extend(field);
    }
    description.resize(256, 0);
    image(chip, &[(0x3F40_0020, description), (0x4008_0000, vec![7; 20]), (0x400D_0020, vec![9; 100])])
}

fn merged(offset: u32) -> Vec<u8> {
    let parts = Image::from_bytes("app.bin", application(0)).unwrap().parts(FLASH).unwrap();
    let mut bytes = vec![0xFF; (APP_OFFSET - offset) as usize + application(0).len()];
    for part in parts {
        let start = (part.offset - offset) as usize;
        bytes[start..start + part.bytes.len()].copy_from_slice(&part.bytes);
    }
    bytes
}

fn message(bytes: impl Into<Vec<u8>>) -> String {
    Image::from_bytes("fw.bin", bytes).unwrap_err().to_string()
}

#[test]
fn an_application_gets_bootloader_and_partition_table() {
    let image = Image::from_bytes("app.bin", application(0)).unwrap();
    assert_eq!(image.format(), Format::Application);
    let description = image.app().description.clone().unwrap();
    assert_eq!((description.project.as_str(), description.version.as_str()), ("tutorial", "1.2.3"));
    assert_eq!((description.built.as_str(), description.idf.as_str()), ("May 1 2026 10:00", "v6.1"));
    assert_eq!((image.app().flash_size, image.app().digest), (FLASH, Digest::Right));
    let parts = image.parts(FLASH).unwrap();
    assert_eq!(parts.iter().map(|part| part.offset).collect::<Vec<_>>(), [BOOTLOADER_OFFSET, TABLE_OFFSET, APP_OFFSET]);
    assert_eq!(parts[0].bytes[0], 0xE9);
    assert_eq!(parts[2].bytes, application(0));
}

#[test]
fn merged_images_are_distinguished_by_their_first_bytes() {
    for offset in [0, BOOTLOADER_OFFSET] {
        let image = Image::from_bytes("merged.bin", merged(offset)).unwrap();
        assert_eq!(image.format(), Format::Merged { offset });
        assert_eq!(image.app().length, application(0).len());
        let partitions: Vec<_> = image.partitions().iter().map(|part| (part.label.as_str(), part.kind())).collect();
        assert_eq!(partitions[0], ("nvs", "data/nvs".to_owned()));
        assert_eq!(partitions[2], ("factory", "app/factory".to_owned()));
        assert_eq!(image.parts(FLASH).unwrap(), [Part { offset, bytes: merged(offset) }]);
    }
}

#[test]
fn every_error_names_the_file_and_the_value_and_what_to_do() {
    let app = application(0);
    assert_eq!(message([]), "fw.bin is empty; build the firmware again");
    assert!(message(*b"hello").starts_with("fw.bin is not firmware: it starts with 0x68, "));
    assert_eq!(
        message(&app[..app.len() - 1]),
        format!(
            "fw.bin is truncated: the first image in it needs {} bytes, the file has {}; build or download it again",
            app.len(),
            app.len() - 1
        )
    );
    let mut flipped = app.clone();
    flipped[60] ^= 1;
    assert!(message(flipped).starts_with("fw.bin is corrupt: the checksum of the first image in it is wrong; "));
    let mut flipped = app;
    flipped[4] ^= 1;
    assert!(message(flipped).starts_with("fw.bin is corrupt: the SHA-256 digest of the application in it "));
    assert_eq!(
        message(application(5)),
        "fw.bin is for the ESP32-C3 (chip id 5), the board has an ESP32; build it for the ESP32"
    );
    let mut elf = b"\x7fELF\x01\x01\x01".to_vec();
    elf.resize(18, 0);
    elf.push(243);
    elf.push(0);
    assert!(message(elf).starts_with("fw.bin is an ELF file for machine 243, the ESP32 is Xtensa"));
    assert!(message(*b"\x7fELF\x01\x01\x01").contains("machine 0"));
}

/// The one thing that is odd about a merged image on a board with [`FLASH`].
fn warning(bytes: Vec<u8>) -> String {
    let image = Image::from_bytes("fw.bin", bytes).unwrap();
    let warnings = image.warnings(FLASH);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(image.parts(FLASH).is_ok());
    warnings[0].to_string()
}

#[test]
fn a_bootloader_that_the_rom_would_not_start_is_refused() {
    let mut bytes = merged(0);
    bytes.truncate(0x6000);
    assert!(message(bytes.clone()).contains("the bootloader needs"), "{}", message(bytes));
    let mut bytes = merged(0);
    bytes[BOOTLOADER_OFFSET as usize + 40] ^= 1;
    assert!(message(bytes).starts_with("fw.bin is corrupt: the checksum of the bootloader is wrong; "));
}

#[test]
fn defects_that_the_rom_ignores_are_warnings() {
    assert_eq!(Image::from_bytes("fw.bin", merged(0)).unwrap().warnings(FLASH), []);
    // esptool's --flash-mode, --flash-freq and --flash-size patch these two bytes and leave the digest as it was.
    let mut bytes = merged(0);
    bytes[BOOTLOADER_OFFSET as usize + 2] ^= 1;
    assert!(warning(bytes).starts_with("fw.bin: the SHA-256 digest of the bootloader is stale, "));
    let mut bytes = merged(0);
    bytes.truncate(TABLE_OFFSET as usize);
    assert!(
        warning(bytes).starts_with("fw.bin has no partition table; the chip's ROM starts what lies at 0x1000 alone, ")
    );
    let mut bytes = merged(BOOTLOADER_OFFSET);
    bytes.truncate((APP_OFFSET - BOOTLOADER_OFFSET) as usize + 40);
    let cut = warning(bytes);
    assert!(
        cut.contains("the application in partition \"factory\" needs") && cut.contains("will not start it"),
        "{cut}"
    );
    let mut bytes = merged(0);
    bytes[APP_OFFSET as usize] = 0xFF;
    assert!(warning(bytes).starts_with("fw.bin has no application: partition \"factory\" at 0x10000 is empty; "));
    let mut bytes = merged(0);
    bytes[APP_OFFSET as usize + 4] ^= 1;
    assert!(
        warning(bytes).starts_with("fw.bin is corrupt: the SHA-256 digest of the application in partition \"factory\"")
    );
}

#[test]
fn an_image_that_only_the_rom_loads_needs_nothing_else() {
    // As NuttX and MCUboot lay themselves out: all segments that the header counts go to RAM, and no table follows.
    let bytes = image(0, &[(0x3FFB_0000, vec![7; 20]), (0x4008_0000, vec![9; 100])]);
    let image = Image::from_bytes("nuttx.bin", bytes.clone()).unwrap();
    assert_eq!(image.format(), Format::Merged { offset: BOOTLOADER_OFFSET });
    assert_eq!(image.app().segments.len(), 2);
    assert!(matches!(&image.warnings(FLASH)[..], [ImageWarning::NoPartitionTable { .. }]));
    // The same in a flash image whose first sector holds something else, such as a dump of a chip.
    let dump = [vec![0; BOOTLOADER_OFFSET as usize], bytes].concat();
    assert_eq!(Image::from_bytes("dump.bin", dump).unwrap().format(), Format::Merged { offset: 0 });
}

/// An entry of a partition table as the programming guide lays it out.
fn entry(label: &str, kind: [u8; 2], offset: u32, size: u32) -> Vec<u8> {
    let mut bytes =
        [vec![0xAA, 0x50], kind.to_vec(), offset.to_le_bytes().to_vec(), size.to_le_bytes().to_vec()].concat();
    bytes.extend(label.as_bytes());
    bytes.resize(32, 0);
    bytes
}

/// Flash from offset 0 on with a bootloader and these contents.
fn flash(contents: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let loader = image(0, &[(0x4008_0000, vec![1; 16])]);
    let mut bytes = vec![0xFF; FLASH as usize];
    for (offset, content) in [(BOOTLOADER_OFFSET, loader)].iter().chain(contents) {
        bytes[*offset as usize..*offset as usize + content.len()].copy_from_slice(content);
    }
    bytes
}

#[test]
fn the_partition_table_is_found_where_a_project_puts_it() {
    let table = entry("app", [0, 0], 0x2_0000, 0x1_0000);
    let bytes = flash(&[(0x1_0000, table.clone()), (0x2_0000, application(0))]);
    let image = Image::from_bytes("fw.bin", bytes.clone()).unwrap();
    assert_eq!(image.partitions()[0].label, "app");
    assert_eq!((image.app().digest, image.warnings(FLASH)), (Digest::Right, Vec::new()));
    // An earlier table that the bootloader does not use.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fw.bin");
    let old = entry("old", [0, 0], 0x3_0000, 0x1_0000);
    std::fs::write(&path, flash(&[(0x8000, old), (0x1_0000, table), (0x2_0000, application(0))])).unwrap();
    assert_eq!(Image::read(&path).unwrap().partitions()[0].label, "old");
    assert_eq!(Image::read_with_table(&path, Some(0x1_0000)).unwrap().partitions()[0].label, "app");
    let error = Image::read_with_table(&path, Some(0x9000)).unwrap_err().to_string();
    assert!(error.contains("no partition table at flash offset 0x9000"), "{error}");
}

#[test]
fn otadata_chooses_the_application_that_is_looked_at() {
    let table = [
        entry("otadata", [1, 0], 0xD000, 0x2000),
        entry("app0", [0, 0x10], 0x2_0000, 0x1_0000),
        entry("app1", [0, 0x11], 0x3_0000, 0x1_0000),
    ];
    let other = image(0, &[(0x400D_0020, vec![3; 60])]);
    let contents = |otadata: &[u8]| {
        flash(&[
            (TABLE_OFFSET, table.concat()),
            (0xD000, otadata.to_vec()),
            (0x2_0000, application(0)),
            (0x3_0000, other.clone()),
        ])
    };
    let length = |otadata: &[u8]| Image::from_bytes("fw.bin", contents(otadata)).unwrap().app().length;
    assert_eq!(length(&[]), application(0).len());
    // Sequence number and its CRC: `boot_app0.bin` of the Arduino core, and the record that follows an update.
    let record = |number: u8, checksum: [u8; 4]| [vec![number, 0, 0, 0], vec![0xFF; 24], checksum.to_vec()].concat();
    let first = record(1, [0x9A, 0x98, 0x43, 0x47]);
    assert_eq!(length(&first), application(0).len());
    let mut both = first;
    both.resize(0x1000, 0xFF);
    both.extend(record(2, [0x74, 0x37, 0xF6, 0x55]));
    assert_eq!(length(&both), other.len());
    let damaged = both.len() - 1;
    both[damaged] ^= 1;
    assert_eq!(length(&both), application(0).len());
}

#[test]
fn images_that_the_bootloader_refuses_are_reported_before_they_run() {
    let table = [entry("small", [0, 0], 0x2_0000, 0x100), entry("files", [1, 0x82], 0x3F_0000, 0x2_0000)].concat();
    let image = Image::from_bytes("fw.bin", flash(&[(TABLE_OFFSET, table), (0x2_0000, application(0))])).unwrap();
    let [large, beyond] = &image.warnings(FLASH)[..] else { panic!("{:?}", image.warnings(FLASH)) };
    assert!(
        large.to_string().contains("the application in partition \"small\" has 464 bytes and the partition 256; "),
        "{large}"
    );
    let said = "fw.bin: partition \"files\" ends at 0x410000, and the board's flash chip ends at 0x400000; ";
    assert!(beyond.to_string().starts_with(said), "{beyond}");
    // A larger chip does not help while the header of the bootloader says 4 MB.
    let warnings = image.warnings(16 << 20);
    assert!(
        warnings[1].to_string().contains("the flash chip of the bootloader's header ends at 0x400000"),
        "{warnings:?}"
    );
}

#[test]
#[cfg(unix)]
fn a_file_without_an_end_is_refused() {
    let error = Image::read("/dev/zero").unwrap_err().to_string();
    assert_eq!(
        error,
        "/dev/zero is not firmware: it goes on after 16777216 bytes, which is more than the largest flash chip can have; give an \
         image or an ELF file"
    );
}

#[test]
fn images_that_do_not_fit_are_reported_with_their_end() {
    let mut large = merged(0);
    large.resize(FLASH as usize + 16, 0xFF);
    let error = Image::from_bytes("fw.bin", large).unwrap().parts(FLASH).unwrap_err();
    assert!(
        error.to_string().starts_with("fw.bin does not fit: it ends at 0x400010 and the flash chip ends at 0x400000; ")
    );
    let segments = [(0x3F40_0020, vec![0; FLASH as usize])];
    let error = Image::from_bytes("fw.bin", image(0, &segments)).unwrap().parts(FLASH).unwrap_err();
    assert!(matches!(error, ImageError::TooLarge { .. }) && error.to_string().contains("partition \"factory\""));
}

#[test]
fn data_lies_beside_the_firmware() {
    let image = Image::from_bytes("app.bin", application(0)).unwrap();
    let parts = image.clone().with_data(0x30_0000, "font").with_data(0, "boot").parts(FLASH).unwrap();
    let places: Vec<_> = parts.iter().map(|part| part.offset).collect();
    assert_eq!(places, [0, BOOTLOADER_OFFSET, TABLE_OFFSET, APP_OFFSET, 0x30_0000]);
    assert_eq!(parts[4].bytes, b"font");
    let error = image.clone().with_data(APP_OFFSET + 1, "font").parts(FLASH).unwrap_err().to_string();
    let end = APP_OFFSET as usize + application(0).len();
    assert_eq!(
        error,
        format!(
            "app.bin does not fit: what is at 0x10000 ends at {end:#x}, and something else begins at 0x10001; move one of them"
        )
    );
    let error = image.with_data(FLASH - 1, "font").parts(FLASH).unwrap_err();
    assert!(matches!(error, ImageError::TooLarge { end, .. } if end == u64::from(FLASH) + 3), "{error}");
}

proptest! {
    #[test]
    fn damaged_files_never_panic(start: u8, cut in 0usize..0x1_0200, flips in prop::collection::vec((0usize..0x1_0200, any::<u8>()), 0..8)) {
        let originals = [application(0), merged(0), merged(BOOTLOADER_OFFSET), b"\x7fELF\x01\x01\x01".to_vec()];
        let mut bytes = originals[usize::from(start) % originals.len()].clone();
        for (at, value) in flips {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        bytes.truncate(cut.max(1));
        match Image::from_bytes("fw.bin", bytes) {
            Ok(image) => drop(image.parts(FLASH)),
            Err(error) => prop_assert!(error.to_string().contains("fw.bin")),
        }
    }
}

/// A folder with these files.
fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    folder
}

/// Bootloader, partition table and application, each as build tools write it.
fn pieces() -> [Vec<u8>; 3] {
    let parts = Image::from_bytes("app.bin", application(0)).unwrap().parts(FLASH).unwrap();
    [parts[0].bytes.clone(), parts[1].bytes.clone(), parts[2].bytes.clone()]
}

#[test]
fn folders_of_builds_are_firmware() {
    let [loader, table, app] = pieces();
    let arguments = br#"{"flash_files": {"0x8000": "table.bin", "0x1000": "boot/loader.bin", "0x10000": "app.bin"},
        "app": {"offset": "0x10000", "file": "app.bin"}, "extra_esptool_args": {"chip": "esp32"}}"#;
    let idf: &[(&str, &[u8])] = &[
        ("build/flasher_args.json", arguments),
        ("build/boot/loader.bin", &loader),
        ("build/table.bin", &table),
        ("build/app.bin", &app),
        ("build/app.elf", b"elf"),
    ];
    let platformio: &[(&str, &[u8])] = &[
        (".pio/build/esp32dev/bootloader.bin", &loader),
        (".pio/build/esp32dev/partitions.bin", &table),
        (".pio/build/esp32dev/firmware.bin", &app),
        (".pio/build/esp32dev/firmware.elf", b"elf"),
    ];
    let arduino: &[(&str, &[u8])] = &[
        ("build/esp32.esp32.esp32/blink.ino.bootloader.bin", &loader),
        ("build/esp32.esp32.esp32/blink.ino.partitions.bin", &table),
        ("build/esp32.esp32.esp32/blink.ino.bin", &app),
        ("build/esp32.esp32.esp32/blink.ino.elf", b"elf"),
    ];
    for files in [idf, platformio, arduino] {
        let folder = folder(files);
        let image = Image::read(folder.path()).unwrap();
        assert_eq!(image.format(), Format::Merged { offset: BOOTLOADER_OFFSET }, "{files:?}");
        let [part] = image.parts(FLASH).unwrap().try_into().unwrap();
        assert_eq!((part.offset, part.bytes), (BOOTLOADER_OFFSET, merged(BOOTLOADER_OFFSET)));
        assert_eq!(image.warnings(FLASH), []);
        let elf = super::find_build(folder.path()).unwrap().unwrap().elf.unwrap();
        assert_eq!(std::fs::read(elf).unwrap(), b"elf");
    }
}

#[test]
fn folders_without_a_build_that_fits_are_explained() {
    let message = |files: &[(&str, &[u8])]| {
        let folder = folder(files);
        let message = Image::read(folder.path()).unwrap_err().to_string();
        message.replace(&folder.path().display().to_string(), "FOLDER")
    };
    let [loader, table, app] = pieces();
    assert!(message(&[("main.c", b"")]).starts_with("FOLDER has no build in it: flasher_args.json of ESP-IDF"));
    let other = br#"{"flash_files": {}, "extra_esptool_args": {"chip": "esp32s3"}}"#;
    let expected = "FOLDER/build/flasher_args.json is not a build for this board: it is for the chip esp32s3, and the board has an esp32";
    assert_eq!(message(&[("build/flasher_args.json", other)]), expected);
    assert!(message(&[("flasher_args.json", b"{")]).contains("EOF while parsing"));
    let missing = br#"{"flash_files": {"0x1000": "gone.bin"}}"#;
    assert!(message(&[("flasher_args.json", missing)]).starts_with("cannot read firmware FOLDER/gone.bin: "));
    let far = br#"{"flash_files": {"0x1000": "a.bin", "0xf0000000": "a.bin"}}"#;
    assert!(
        message(&[("flasher_args.json", far), ("a.bin", b"a")]).contains("the largest flash chip ends at 0x1000000")
    );
    let twice = br#"{"flash_files": {"0x1000": "a.bin", "0x1001": "a.bin"}}"#;
    assert!(message(&[("flasher_args.json", twice), ("a.bin", b"aaaa")]).contains("something else begins at 0x1001"));
    let several: Vec<(String, &Vec<u8>)> = ["one", "two"]
        .iter()
        .flat_map(|name| {
            let place = format!(".pio/build/{name}");
            [
                (format!("{place}/bootloader.bin"), &loader),
                (format!("{place}/partitions.bin"), &table),
                (format!("{place}/firmware.bin"), &app),
            ]
        })
        .collect();
    let several: Vec<(&str, &[u8])> = several.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let expected = "FOLDER has several builds in it: FOLDER/.pio/build/one, FOLDER/.pio/build/two; name one of them";
    assert_eq!(message(&several), expected);
}
