//! The boards that come with Espalier, and what is wrong with others.

use std::path::Path;

use espalier_core::Timing;
use espalier_parts::{BUILT_IN_KINDS, Connection, PadUse};
use proptest::prelude::{Just, ProptestConfig, Strategy, prop, prop_assert, prop_oneof, proptest};

use espalier_soc::{BoardDefinition, EFUSE_IMAGE_BYTES, Machine, MachineConfig};

fn board(text: &str) -> BoardDefinition {
    BoardDefinition::from_toml(text, Path::new("mine.toml")).unwrap()
}

fn error(text: &str) -> String {
    BoardDefinition::from_toml(text, Path::new("mine.toml")).unwrap_err().to_string()
}

/// Where the parts of a kind are connected, by their names.
fn connected<'a>(board: &'a BoardDefinition, kind: &str) -> Vec<(&'a str, Connection)> {
    let parts = board.parts.iter().filter(|part| part.kind == kind);
    parts.map(|part| (part.name.as_str(), board.kinds.make(part).unwrap().1[0])).collect()
}

fn pads<'a>(board: &'a BoardDefinition, kind: &str, uses: PadUse) -> Vec<(&'a str, u8)> {
    let pad = |connection| match connection {
        Connection::Pad { gpio, uses: used, .. } if used == uses => gpio,
        other => panic!("{other:?}"),
    };
    connected(board, kind).into_iter().map(|(name, connection)| (name, pad(connection))).collect()
}

#[test]
fn the_mpython_board_is_what_its_makers_say() {
    let board = BoardDefinition::by_name("mpython").unwrap();
    assert_eq!((board.name.as_str(), board.flash_size), ("mpython", 8 << 20));
    let i2c = |address| Connection::I2c { scl: 22, sda: 23, address, count: 1 };
    assert_eq!(connected(&board, "sh1106"), [("display", i2c(0x3C))]);
    assert_eq!(connected(&board, "msa300"), [("accelerometer", i2c(0x26))]);
    assert_eq!(connected(&board, "mmc5983ma"), [("magnetometer", i2c(0x30))]);
    assert_eq!(pads(&board, "button", PadUse::Drives), [("a", 0), ("b", 2)]);
    assert_eq!(pads(&board, "ws2812", PadUse::Hears), [("leds", 17)]);
    assert_eq!(pads(&board, "buzzer", PadUse::Hears), [("buzzer", 16)]);
    assert_eq!(pads(&board, "analog", PadUse::Analog), [("light", 39), ("microphone", 36)]);
    let touch = [("P", 27), ("Y", 14), ("T", 12), ("H", 13), ("O", 15), ("N", 4)];
    assert_eq!(pads(&board, "touch", PadUse::Touch), touch);
}

#[test]
fn a_board_keeps_the_time_that_its_file_names() {
    assert_eq!(board("").timing, Timing::Fast);
    assert_eq!(board("[chip]\ntiming = \"silicon\"").timing, Timing::Silicon);
    assert_eq!(board("[chip]\nkind = \"esp32c3\"\ntiming = \"silicon\"").timing, Timing::Silicon);
    assert_eq!(board("chip = \"esp32c3\"").timed(Timing::Silicon).unwrap().timing, Timing::Silicon);
}

#[test]
fn an_empty_file_is_a_bare_chip_with_4_mb() {
    let board = board("");
    assert_eq!((board.name.as_str(), board.flash_size), ("mine", 4 << 20));
    assert!(board.parts.is_empty() && board.access_points.is_empty());
    assert_eq!(board.mac, BoardDefinition::default().mac);
}

#[test]
fn a_board_can_extend_another() {
    let board = board(
        "extends = \"mpython\"\n\
         [chip]\nmac = \"24:0A:C4:00:02:20\"\n\
         [[part]]\nkind = \"ssd1306\"\nname = \"display\"\nscl = 22\nsda = 23\n\
         [[part]]\nkind = \"button\"\nname = \"c\"\ngpio = 35\nactive-level = \"high\"\n\
         [[access-point]]\nssid = \"workshop\"\npassword = \"12345678\"\nchannel = 6\nrssi = -70\nhidden = true\n",
    );
    assert_eq!((board.flash_size, board.mac[5]), (8 << 20, 0x20));
    assert_eq!((connected(&board, "ssd1306").len(), connected(&board, "sh1106").len()), (1, 0), "it was replaced");
    assert_eq!(pads(&board, "button", PadUse::Drives), [("a", 0), ("b", 2), ("c", 35)]);
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
fn efuses_are_burnt_on_top_of_the_factory_s() {
    let folder = std::env::temp_dir().join(format!("espalier-efuses-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (file, mine) = (folder.join("efuse.bin"), folder.join("mine.toml"));
    let mut image = [0; EFUSE_IMAGE_BYTES];
    image[28] = 0x42;
    std::fs::write(&file, image).unwrap();
    std::fs::write(&mine, "[chip]\nmac = \"24:0a:c4:00:02:20\"\nefuses = \"efuse.bin\"\n").unwrap();
    let load = || BoardDefinition::load(mine.to_str().unwrap());
    let machine = |board| Machine::new(&MachineConfig { board, ..MachineConfig::default() }).unwrap();
    let burnt = machine(load().unwrap()).efuses();
    assert_eq!((burnt[4], burnt[28]), (0x20, 0x42), "the MAC of the board, and the key of the file");
    image[4] = 0x30;
    std::fs::write(&file, image).unwrap();
    assert_eq!(machine(load().unwrap()).efuses(), image, "a whole chip");
    std::fs::write(&file, [0; 32]).unwrap();
    let error = load().unwrap_err().to_string();
    assert!(error.ends_with("chip.efuses is an image of 32 bytes, not one of 124: the words of blocks 0 to 3, as Espressif's QEMU keeps them"), "{error}");
    std::fs::remove_file(&file).unwrap();
    let error = load().unwrap_err().to_string();
    assert!(error.contains("the eFuses in") && error.contains("efuse.bin\" cannot be read: "), "{error}");
    std::fs::write(&file, image).unwrap();
    std::fs::write(&mine, "[chip]\nkind = \"esp32c3\"\nefuses = \"efuse.bin\"\n").unwrap();
    let error = load().unwrap_err().to_string();
    assert!(error.contains("chip.efuses is set on an esp32c3, not left out"), "{error}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn missing_boards_and_files_are_named() {
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
        (
            "[[part]]\nkind = { a = 1 }",
            &["2 | kind = { a = 1 }", "true or false, a number, a text or a list of numbers"],
        ),
        ("[[button]]\nname = \"a\"", &["1 | [[button]]", "unknown field `button`"]),
        ("[flash", &["1 | [flash"]),
    ] {
        let error = error(text);
        assert!(error.starts_with("board mine.toml: "), "{error}");
        expected.iter().for_each(|part| assert!(error.contains(part), "{error}\nlacks {part}"));
    }
}

#[test]
fn wrong_values_say_what_is_possible() {
    for (text, expected) in [
        ("[[part]]\nkind = \"st9\"", "line 2: st9 \"st9\": there is no such kind of part; there are "),
        ("\n[[part]]\nname = \"x\"", "line 3:  \"x\": kind is missing"),
        (
            "[[part]]\nkind = \"button\"\nname = \"a\"\ngpio = 20",
            "line 4: button \"a\": gpio is 20, not a pin of the chip: 0 to 19,",
        ),
        (
            "[[part]]\nkind = \"button\"\ngpio = 300",
            "line 3: button \"button\": gpio is 300, not an integer from 0 to 63",
        ),
        ("[[part]]\nkind = \"button\"\ngpio = \"x\"", "line 3: button \"button\": gpio is \"x\", not an integer"),
        ("[[part]]\nkind = \"button\"", "line 2: button \"button\": gpio is missing"),
        (
            "[[part]]\nkind = \"button\"\ngpio = 5\nactive = 1",
            "line 4: button \"button\": unknown key active; it has gpio, active-level",
        ),
        (
            "[[part]]\nkind = \"button\"\ngpio = 5\nactive-level = \"hi\"",
            "line 4: button \"button\": active-level is \"hi\", not \"low\" or \"high\"",
        ),
        (
            "[[part]]\nkind = \"button\"\ngpio = 6",
            "line 3: button \"button\": gpio is 6, a pin that is used already: by the flash chip",
        ),
        (
            "[[part]]\nkind = \"button\"\ngpio = 3",
            "line 3: button \"button\": gpio is 3, a pin that is used already: by the console",
        ),
        (
            "[[part]]\nkind = \"ws2812\"\ngpio = 5\n[[part]]\nkind = \"buzzer\"\ngpio = 5",
            "line 6: buzzer \"buzzer\": gpio is 5, a pin that is used already: by ws2812 \"ws2812\"",
        ),
        ("[[part]]\nkind = \"buzzer\"\ngpio = 34", "line 3: buzzer \"buzzer\": gpio is 34, not a pin that can drive"),
        ("[[part]]\nkind = \"analog\"\ngpio = 5", "line 3: analog \"analog\": gpio is 5, not a pin of an ADC"),
        ("[[part]]\nkind = \"touch\"\ngpio = 25", "line 3: touch \"touch\": gpio is 25, not a pin of the touch"),
        ("[chip]\nmac = \"24:0a:c4:00:01\"", "chip.mac is \"24:0a:c4:00:01\", not six bytes such as"),
        ("[chip]\nmac = \"24:0a:c4:00:01:+1\"", "chip.mac is \"24:0a:c4:00:01:+1\", not six bytes such as"),
        (
            "[[part]]\nkind = \"ws2812\"\ngpio = 5\ncount = 0",
            "line 4: ws2812 \"ws2812\": count is 0, not an integer from 1",
        ),
        (
            "[[part]]\nkind = \"msa300\"\nscl = 22\nsda = 21\naddress = 0x78",
            "line 5: msa300 \"msa300\": address is 120, not an integer from 8 to 119",
        ),
        (
            "[[part]]\nkind = \"msa300\"\nscl = 22\nsda = 21\naddress = 0x30\n\
             [[part]]\nkind = \"mmc5983ma\"\nscl = 22\nsda = 21",
            "line 7: mmc5983ma \"mmc5983ma\": address is 0x30, which is taken on this I2C bus by msa300 \"msa300\"",
        ),
        (
            "[[part]]\nkind = \"msa300\"\nscl = 22\nsda = 22",
            "line 4: msa300 \"msa300\": sda is 22, a pin that is used already: by msa300 \"msa300\"",
        ),
        (
            "[[part]]\nkind = \"ssd1306\"\nscl = 22\nsda = 21\nvisible-column = 2",
            "line 5: ssd1306 \"ssd1306\": visible-column is 2, not an integer from 0 to 0",
        ),
        (
            "[[part]]\nkind = \"analog\"\nname = \"light\"\ngpio = 36\n\
             [[part]]\nkind = \"button\"\nname = \"light\"\ngpio = 39",
            "line 6: button \"light\": name is taken by analog \"light\"",
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

#[test]
fn pads_are_those_of_the_boards_chip() {
    let wrong = |chip: &str, gpio: u8| {
        let text = format!("chip = \"{chip}\"\n[[part]]\nkind = \"button\"\nname = \"a\"\ngpio = {gpio}\n");
        BoardDefinition::from_toml(&text, Path::new("mine.toml")).err().map(|error| error.to_string())
    };
    for (chip, gpio, expected) in [
        ("esp32", 20, Some("a pin of the chip: 0 to 19")),
        ("esp32c3", 22, Some("a pin of the chip: 0 to 21")),
        ("esp32c3", 14, Some("by the flash chip")),
        ("esp32c3", 21, Some("by the console")),
        ("esp32", 21, None),
        ("esp32c3", 9, None),
        ("esp32c3", 6, None),
    ] {
        let found = wrong(chip, gpio);
        let fits = match (&found, expected) {
            (Some(found), Some(expected)) => found.contains(expected),
            (found, expected) => found.is_none() && expected.is_none(),
        };
        assert!(fits, "{chip}, {gpio}: {found:?}");
    }
}

#[test]
fn a_card_on_the_sd_host_has_the_pads_of_its_slot() {
    let card = |chip: &str, clk: u8, rest: &str| {
        let text = format!("chip = \"{chip}\"\n[[part]]\nkind = \"sdcard\"\nclk = {clk}\ncmd = 15\n{rest}");
        BoardDefinition::from_toml(&text, Path::new("mine.toml"))
    };
    assert!(card("esp32", 14, "d0 = 2\n").is_ok());
    let whole = card("esp32", 14, "d0 = 2\nd1 = 4\nd2 = 12\nd3 = 13\n").unwrap();
    let data = [Some(2), Some(4), Some(12), Some(13)];
    assert_eq!(connected(&whole, "sdcard"), [("sdcard", Connection::Sd { clk: 14, cmd: 15, data })]);
    for (chip, clk, rest, expected) in [
        ("esp32", 18, "d0 = 2\n", "clk 14, cmd 15, d0 2, d1 4, d2 12, d3 13"),
        ("esp32", 14, "d0 = 4\n", "the pad of the SD host's second slot"),
        ("esp32", 14, "", "d0 is missing"),
        ("esp32", 14, "d0 = 2\nd1 = 4\n", "d2 is missing"),
        ("esp32c3", 4, "d0 = 2\n", "on a chip with an SD host"),
        ("esp32", 14, "d0 = 2\nsck = 18\n", "unknown key sck"),
    ] {
        let error = card(chip, clk, rest).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever a file says about parts, there is a board or an error that names the file.
    #[test]
    fn no_parts_of_a_file_stop_its_reader(
        parts in prop::collection::vec((
            prop::sample::select(BUILT_IN_KINDS.iter().map(|(kind, _)| *kind).chain(["toaster"]).collect::<Vec<_>>()),
            prop::collection::vec((
                prop::sample::select(vec!["name", "gpio", "scl", "sda", "address", "sck", "cs", "dc", "data", "size", "width", "int"]),
                prop_oneof![
                    (-3_i64..60).prop_map(|number| number.to_string()),
                    Just("true".to_owned()),
                    Just("\"a\"".to_owned()),
                    Just("[1.0, 2]".to_owned()),
                    Just("{ a = 1 }".to_owned()),
                ],
            ), 0..8),
        ), 0..6),
    ) {
        let mut text = String::new();
        for (kind, keys) in parts {
            text += &format!("[[part]]\nkind = \"{kind}\"\n");
            // A key that stands twice is an error of TOML's.
            keys.into_iter().for_each(|(key, value)| text += &format!("{key} = {value}\n"));
        }
        match BoardDefinition::from_toml(&text, Path::new("mine.toml")) {
            Ok(board) => prop_assert!(board.parts.iter().all(|part| board.kinds.make(part).is_ok())),
            Err(error) => prop_assert!(error.to_string().starts_with("board mine.toml: "), "{}", error),
        }
    }
}

#[test]
fn a_board_can_have_the_chips_own_ethernet() {
    let port = |text: &str| board(text).ethernet.map(|port| port.address);
    assert_eq!(port("[ethernet]\nphy = \"lan8720\""), Some(1));
    assert_eq!(port("[ethernet]\nphy = \"dp83848\"\naddress = 31"), Some(31));
    assert_eq!(port(""), None);
    assert_eq!(
        error("[ethernet]\nphy = \"lan8720\"\naddress = 32"),
        "board mine.toml: ethernet.address is 32, not the PHY's address on the management bus: 0 to 31"
    );
    assert_eq!(
        error("chip = \"esp32c3\"\n[ethernet]\nphy = \"lan8720\""),
        "board mine.toml: ethernet is on an esp32c3, not left out: of the chips here, only the esp32 has an Ethernet MAC"
    );
    assert!(error("[ethernet]\nphy = \"ip101\"").contains("lan8720"));
}

#[test]
fn a_board_can_have_a_psram() {
    assert_eq!(board("[chip]\npsram = \"8MB\"").psram_size, Some(8 << 20));
    assert_eq!(board("").psram_size, None);
    let wrong = "board mine.toml: chip.psram is \"3MB\", not \"2MB\", \"4MB\" or \"8MB\"";
    assert_eq!(error("[chip]\npsram = \"3MB\""), wrong);
    assert_eq!(
        error("[chip]\nkind = \"esp32c3\"\npsram = \"4MB\""),
        "board mine.toml: chip.psram is set on an esp32c3, not left out: of the chips here, only the esp32 has pads and a cache for it"
    );
}
