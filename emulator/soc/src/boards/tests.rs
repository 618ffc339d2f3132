//! The boards that come with Espalier, and what is wrong with others.

use std::path::Path;

use espalier_parts::Controller;

use super::{BoardDefinition, LedKind, SensorKind};

fn board(text: &str) -> BoardDefinition {
    BoardDefinition::from_toml(text, Path::new("mine.toml")).unwrap()
}

fn error(text: &str) -> String {
    BoardDefinition::from_toml(text, Path::new("mine.toml")).unwrap_err().to_string()
}

#[test]
fn the_mpython_board_is_what_its_makers_say() {
    let board = BoardDefinition::by_name("mpython").unwrap();
    assert_eq!((board.name.as_str(), board.flash_size), ("mpython", 8 << 20));
    let oled = board.oled.unwrap();
    assert_eq!((oled.scl, oled.sda, oled.config.controller), (22, 23, Controller::Sh1106));
    let buttons: Vec<_> = board.buttons.iter().map(|button| (button.name.as_str(), button.gpio)).collect();
    assert_eq!(buttons, [("a", 0), ("b", 2)]);
    let leds = board.leds.unwrap();
    assert_eq!((leds.kind, leds.gpio, leds.count), (LedKind::Ws2812, 17, 3));
    assert_eq!(board.touch.iter().map(|pad| pad.gpio).collect::<Vec<_>>(), [27, 14, 12, 13, 15, 4]);
    assert_eq!(board.touch.iter().map(|pad| pad.name.as_str()).collect::<String>(), "PYTHON");
    assert_eq!(board.analog.iter().map(|input| input.gpio).collect::<Vec<_>>(), [39, 36]);
    assert_eq!((board.accelerometer.unwrap().kind, board.accelerometer.unwrap().address), (SensorKind::Msa300, 0x26));
    assert_eq!((board.magnetometer.unwrap().kind, board.magnetometer.unwrap().address), (SensorKind::Mmc5983ma, 0x30));
    assert_eq!(board.buzzer.unwrap().gpio, 16);
}

#[test]
fn an_empty_file_is_a_bare_chip_with_4_mb() {
    let board = board("");
    assert_eq!((board.name.as_str(), board.flash_size), ("mine", 4 << 20));
    assert!(board.oled.is_none() && board.buttons.is_empty() && board.access_points.is_empty());
    assert_eq!(board.mac, BoardDefinition::default().mac);
}

#[test]
fn a_board_can_extend_another() {
    let board = board(
        "extends = \"mpython\"\n\
         [chip]\nmac = \"24:0A:C4:00:02:20\"\n\
         [display]\ncontroller = \"sh1106\"\nscl = 22\nsda = 23\nvisible-column = 2\n\
         [[button]]\nname = \"c\"\ngpio = 35\nactive-level = \"high\"\n\
         [[access-point]]\nssid = \"workshop\"\npassword = \"12345678\"\nchannel = 6\nrssi = -70\nhidden = true\n",
    );
    assert_eq!((board.flash_size, board.mac[5], board.oled.unwrap().config.visible_column), (8 << 20, 0x20, 2));
    assert_eq!(board.buttons.iter().map(|button| button.gpio).collect::<Vec<_>>(), [0, 2, 35]);
    assert!(board.buttons[2].active_level.is_high());
    let network = &board.access_points[0];
    assert_eq!((network.channel, network.rssi, network.hidden), (6, -70, true));
    assert_eq!(network.password.as_deref(), Some("12345678"));
}

#[test]
fn paths_are_seen_from_the_file_that_names_them() {
    let folder = std::env::temp_dir().join(format!("espalier-boards-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("base")).unwrap();
    std::fs::write(folder.join("base/font.bin"), b"glyphs").unwrap();
    let base = "[flash]\nsize = \"8MB\"\n[[flash-content]]\nfile = \"font.bin\"\noffset = 0x40_0000\n";
    std::fs::write(folder.join("base/board.toml"), base).unwrap();
    let mine = folder.join("mine.toml");
    std::fs::write(&mine, "extends = \"base/board.toml\"\n").unwrap();
    let board = BoardDefinition::load(mine.to_str().unwrap()).unwrap();
    let content = &board.flash_content[0];
    assert_eq!((&content.bytes[..], content.offset, board.flash_size), (&b"glyphs"[..], 0x40_0000, 8 << 20));
    std::fs::write(&mine, "extends = \"mine.toml\"\n").unwrap();
    let error = BoardDefinition::load(mine.to_str().unwrap()).unwrap_err().to_string();
    assert!(error.ends_with("more than 8 files"), "{error}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_is_not_there_is_named() {
    let unknown = BoardDefinition::load("mPython").unwrap_err().to_string();
    let expected =
        "no board has this name; there are esp32-devkit, esp32c3-devkit, mpython, or give the path of a .toml file";
    assert_eq!(unknown, format!("board mPython: {expected}"));
    let missing = BoardDefinition::load("no/such.toml").unwrap_err().to_string();
    assert!(missing.starts_with("board no/such.toml: cannot be read: "), "{missing}");
    let content = error("[[flash-content]]\nfile = \"no/font.bin\"\noffset = 0\n");
    assert!(content.starts_with("board mine.toml: flash-content \"no/font.bin\" cannot be read: "), "{content}");
    assert!(error("extends = \"toaster\"").contains("extends is \"toaster\", not the name of a board"));
}

#[test]
fn wrong_keys_and_types_show_their_line() {
    for (text, expected) in [
        ("[flash]\nsizes = \"4MB\"", &["2 | sizes", "unknown field `sizes`, expected `size`"][..]),
        ("[flash]\nsize = \"3MB\"", &["2 | size = \"3MB\"", "`2MB`, `4MB`, `8MB`, `16MB`"]),
        ("[display]\ncontroller = \"st7735\"\nscl = 1\nsda = 2", &["`st7735`", "`ssd1306` or `sh1106`"]),
        ("[[button]]\nname = \"a\"\ngpio = 300", &["3 | gpio = 300", "300"]),
        ("[[button]]\ngpio = 0", &["missing field `name`"]),
        ("[leds", &["1 | [leds"]),
    ] {
        let error = error(text);
        assert!(error.starts_with("board mine.toml: "), "{error}");
        expected.iter().for_each(|part| assert!(error.contains(part), "{error}\nlacks {part}"));
    }
}

#[test]
fn wrong_values_say_what_is_possible() {
    for (text, expected) in [
        ("[[button]]\nname = \"a\"\ngpio = 20", "button \"a\" gpio is 20, not a pin of the chip: 0 to 19,"),
        ("[[button]]\nname = \"a\"\ngpio = 6", "gpio 6 is used twice: by the flash chip and by button \"a\""),
        ("[[button]]\nname = \"a\"\ngpio = 3", "gpio 3 is used twice: by the console and by button \"a\""),
        ("[leds]\ngpio = 5\ncount = 3\n[buzzer]\ngpio = 5", "gpio 5 is used twice: by leds and by buzzer"),
        ("[buzzer]\ngpio = 34", "buzzer gpio is 34, not a pin that can drive: 0 to 33"),
        ("[[analog]]\nname = \"light\"\ngpio = 5", "analog \"light\" gpio is 5, not a pin of an ADC"),
        ("[[touch]]\nname = \"P\"\ngpio = 25", "touch \"P\" gpio is 25, not a pin of the touch controller"),
        ("[chip]\nmac = \"24:0a:c4:00:01\"", "chip.mac is \"24:0a:c4:00:01\", not six bytes such as"),
        ("[chip]\nmac = \"24:0a:c4:00:01:+1\"", "chip.mac is \"24:0a:c4:00:01:+1\", not six bytes such as"),
        ("[leds]\ngpio = 5\ncount = 0", "leds.count is 0, not at least 1"),
        ("[accelerometer]\nscl = 22\nsda = 21\naddress = 0x78", "accelerometer.address is 120, not 0x08 to 0x77"),
        (
            "[accelerometer]\nscl = 22\nsda = 21\naddress = 0x30\n[magnetometer]\nscl = 22\nsda = 21",
            "accelerometer and magnetometer both have the address 0x30 on one I2C bus",
        ),
        ("[accelerometer]\nscl = 22\nsda = 22", "gpio 22 is used twice: by accelerometer and by accelerometer"),
        (
            "[display]\ncontroller = \"ssd1306\"\nscl = 22\nsda = 21\nvisible-column = 2",
            "display.visible-column is 2, not one from which on the controller has enough columns",
        ),
        (
            "[[analog]]\nname = \"light\"\ngpio = 36\n[[analog]]\nname = \"light\"\ngpio = 39",
            "there are two sensors of the name \"light\"",
        ),
        (
            "[[access-point]]\nssid = \"x\"\npassword = \"short\"",
            "access-point \"x\": password has 5 bytes, not 8 to 63",
        ),
    ] {
        let error = error(text);
        assert!(error.starts_with(&format!("board mine.toml: {expected}")), "{error}\nis not {expected}");
    }
}
