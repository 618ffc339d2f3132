//! A GPS receiver, matrices of LEDs and one of buttons, as MicroPython sees them.

use std::path::Path;

use espalier::{Board, Model, Rect, Result, Units};

use crate::case;
use crate::official::{Case, image_path};

pub const ALL: &[Case] = &[
    case!(a_receiver_and_matrices_on_pads_are_read_and_seen, Parts, Fork),
    case!(leds_have_goldens_by_rmt_spi_and_i2s, Parts),
    case!(a_display_that_scrolls_is_awaited_with_masks, DisplayMemory),
];

const BOARD: &str = "
    [[part]]
    kind = \"gps\"
    txd = 16
    rxd = 17
    latitude = -33.8568
    longitude = 151.2153
    [[part]]
    kind = \"max7219\"
    name = \"sign\"
    sck = 18
    mosi = 23
    cs = 5
    count = 2
    [[part]]
    kind = \"led-matrix\"
    name = \"dots\"
    rows = [32, 33, 25]
    columns = [26, 27, 14]
    [[part]]
    kind = \"button-matrix\"
    name = \"keypad\"
    rows = [4, 13]
    columns = [15, 22]
    keys = \"1234\"
    [[part]]
    kind = \"ws2812\"
    name = \"strip\"
    gpio = 21
    count = 40
";

/// Drivers as short as they can be.
const DRIVERS: &str = "
from machine import Pin, SPI, UART
import time
u = UART(2, 9600, tx=17, rx=16, timeout=2000)
def sentences(count, flush=True):
    while flush and u.any(): u.read(u.any())
    got = []
    while len(got) < count:
        line = u.readline()
        if line and line[:3] == b'$GP' and line[-1:] == b'\\n': got.append(line.decode().strip().split(','))
    return got
def only(name, *others):
    for other in others:
        body = 'PUBX,40,%s,0,0,0,0,0,0' % other
        sum = 0
        for c in body: sum ^= ord(c)
        u.write('$%s*%02X\\r\\n' % (body, sum))
def rmc():
    while u.any(): u.read(u.any())
    while True:
        got = sentences(1, False)[0]
        if got[0] == '$GPRMC': return got[1:7]

spi = SPI(2, 10000000, sck=Pin(18), mosi=Pin(23), miso=Pin(19))
cs = Pin(5, Pin.OUT, value=1)
def sign(*words):
    cs(0)
    spi.write(bytes(words))
    cs(1)

rows = [Pin(n, Pin.OUT, value=0) for n in (32, 33, 25)]
columns = [Pin(n, Pin.OUT, value=1) for n in (26, 27, 14)]
def show(picture, ms):
    end = time.ticks_add(time.ticks_ms(), ms)
    while time.ticks_diff(end, time.ticks_ms()) > 0:
        for row, dots in zip(rows, picture):
            for column, dot in zip(columns, dots): column(not dot)
            row(1)
            time.sleep_ms(2)
            row(0)

key_rows = [Pin(n, Pin.IN, Pin.PULL_UP) for n in (4, 13)]
key_columns = [Pin(n, Pin.IN) for n in (15, 22)]
def keys():
    found = ''
    for r, row in enumerate(key_rows):
        for c, column in enumerate(key_columns):
            column.init(Pin.OUT, value=0)
            if not row(): found += '1234'[2 * r + c]
            column.init(Pin.IN)
    return found
presses = []
";

async fn start(folder: &Path, name: &str) -> Result<Board> {
    let file = folder.join("matrices.toml");
    std::fs::write(&file, BOARD).expect("the folder takes a file");
    let board = Board::builder()
        .model(Model::File(file))
        .goldens(folder.join("goldens"))
        .firmware(image_path())
        .strict(true)
        .name(name)
        .start()
        .await?;
    board.console().expect(">>> ").within(5.s()).await?;
    Ok(board)
}

async fn a_receiver_and_matrices_on_pads_are_read_and_seen(_: &Board) -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    let board = start(folder.path(), "matrices").await?;
    let python = board.micropython();
    python.exec(DRIVERS).await?;

    // The receiver has a fix, loses it, and is told to send less.
    board.set_part("gps", "time", "2024-02-29 23:59:58")?;
    let place = "'3351.40800', 'S', '15112.91800', 'E'";
    assert_eq!(python.eval("rmc()").await?, format!("['235959.00', 'A', {place}]"));
    board.set_part("gps", "fix", false)?;
    assert_eq!(python.eval("rmc()").await?, "['000000.00', 'V', '', '', '', '']");
    board.set_part("gps", "satellites", 5)?;
    board.set_part("gps", "fix", true)?;
    let gsv = "[s[3] for s in sentences(14) if s[0] == '$GPGSV' and s[2] == '2'][0]";
    assert_eq!(python.eval(gsv).await?, "'05'");
    let drain = "for _ in range(25):\n time.sleep_ms(100)\n while u.any(): u.read(u.any())\n";
    python.exec(format!("only('RMC', 'VTG', 'GGA', 'GSA', 'GSV', 'GLL')\n{drain}")).await?;
    assert_eq!(python.eval("set(s[0] for s in sentences(3))").await?, "{'$GPRMC'}");

    // Two modules: the first word of a transaction goes to the left one.
    python.exec("for word in ((12, 1), (11, 7), (10, 3)): sign(*word, *word)\nsign(1, 0xc0, 1, 3)\n").await?;
    let sign = board.display("sign").settled().await?;
    assert_eq!((sign.bitmap().width(), sign.bitmap().height()), (16, 8));
    let lit: Vec<u32> = (0..16).filter(|x| sign.bitmap().get(*x, 0)).collect();
    assert_eq!(lit, [0, 1, 14, 15]);
    assert_eq!(board.part_property("sign", "intensity")?, Some(3.into()));

    // The eye sees all rows of a matrix that firmware lights one after the other.
    let showing = python.start("show(((1, 0, 1), (0, 1, 0), (1, 1, 0)), 1500)").await?;
    let dots = board.display("dots").settled_for(100.ms()).await?;
    let bits: Vec<bool> = [1, 0, 1, 0, 1, 0, 1, 1, 0].map(|bit| bit == 1).to_vec();
    assert_eq!(dots.bitmap().pixels(), bits);
    showing.finished().within(5.s()).await?;
    assert!(!board.display("dots").settled_for(100.ms()).await?.bitmap().pixels().contains(&true), "all rows are off");

    // Buttons connect lines; three of them in a corner look like four, as on a real keypad without diodes.
    for (pressed, seen) in [("", ""), ("3", "3"), ("14", "14"), ("123", "1234"), ("2", "2")] {
        board.set_part("keypad", "pressed", pressed)?;
        assert_eq!(python.eval("keys()").await?, format!("'{seen}'"), "{pressed}");
    }
    board.set_part("keypad", "pressed", "")?;
    python
        .exec(
            "for column in key_columns: column.init(Pin.OUT, value=0)\n\
             for n, row in enumerate(key_rows): row.irq(lambda p: presses.append(str(p)), Pin.IRQ_FALLING)\n",
        )
        .await?;
    let fork = board.fork()?;
    board.set_part("keypad", "pressed", "4")?;
    assert_eq!(python.eval("presses").await?, "['Pin(13)']");
    assert_eq!(fork.micropython().eval("presses").await?, "[]");
    let error = board.set_part("keypad", "pressed", "5").unwrap_err().to_string();
    assert!(error.contains("names of the buttons that are pressed, of \"1234\""), "{error}");
    assert_eq!(board.unmodelled(), Vec::<String>::new());
    Ok(())
}

/// The same colours by RMT, and by a SPI or I2S controller at three bits for one.
const STRIP: &str = "
from machine import I2S, Pin, SPI, bitstream
from neopixel import NeoPixel
import time
pin = Pin(21, Pin.OUT, value=0)
np = NeoPixel(pin, 40)
def fill(brightness):
    for i in range(40): np[i] = (i * brightness // 40, 0, brightness - i)
def by_rmt():
    bitstream(pin, 0, (400, 850, 800, 450), np.buf)
def bits():
    return ''.join('110' if byte >> bit & 1 else '100' for byte in np.buf for bit in range(7, -1, -1))
def by_i2s():
    i2s = I2S(0, sck=Pin(26), ws=Pin(25), sd=pin, mode=I2S.TX, bits=16, format=I2S.STEREO, rate=78125, ibuf=4000)
    words = bits() + '0' * 224
    i2s.write(b''.join(int(words[i:i + 16], 2).to_bytes(2, 'little') for i in range(0, len(words) - 15, 16)))
    time.sleep_ms(50)
    i2s.deinit()
    pin.init(Pin.OUT, value=0)
def by_spi():
    spi = SPI(1, 2500000, sck=Pin(19), mosi=pin, miso=Pin(34))
    words = bits()
    spi.write(bytearray(int(words[i:i + 8], 2) for i in range(0, len(words), 8)))
    time.sleep_ms(1)
    spi.deinit()
    pin.init(Pin.OUT, value=0)
";

async fn leds_have_goldens_by_rmt_spi_and_i2s(_: &Board) -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    let board = start(folder.path(), "strip").await?;
    let python = board.micropython();
    python.exec(STRIP).await?;
    python.exec("fill(200)\nby_rmt()\ntime.sleep_ms(1)\n").await?;
    let colours = board.leds().colours()?;
    assert_eq!((colours.len(), colours[0], colours[39]), (40, (0, 0, 200).into(), (195, 0, 161).into()));
    std::fs::create_dir(folder.path().join("goldens")).expect("the folder takes another");
    let golden = board.led_strip("strip").picture().await?.png();
    std::fs::write(folder.path().join("goldens/fade.png"), golden).expect("and a file");
    python.exec("fill(0)\nby_rmt()\ntime.sleep_ms(1)\n").await?;
    let error = board.leds().assert_golden("fade").await.unwrap_err().to_string();
    assert!(error.contains("fade"), "{error}");

    python.exec("fill(200)\nby_spi()\n").await?;
    board.leds().assert_golden("fade").await?;
    python.exec("fill(0)\nby_spi()\nfill(200)\nby_i2s()\n").within(5.s()).await?;
    board.leds().assert_golden("fade").await?;
    // Darker by up to six.
    python.exec("fill(194)\nby_spi()\n").await?;
    assert!(board.leds().compare("fade").await?.max_channel(5).check().is_err());
    board.leds().compare("fade").await?.max_channel(6).check()?;
    board.leds().golden("fade").mask(Rect::new(0, 0, 40, 1)).appears().await?;
    let running = python.start("time.sleep_ms(200)\nfill(200)\nby_rmt()\n").await?;
    board.leds().golden("fade").appears().within(1.s()).await?;
    running.finished().await?;
    let error = board.led_strip("lamp").colours().unwrap_err().to_string();
    assert!(error.starts_with("the board has no LED strip \"lamp\"; it has strip\n"), "{error}");
    Ok(())
}

/// An arrow in page 2 of the SSD1306, and its own scrolling to the right: page 2 alone, a column in each two frames.
const SCROLL: &str = "
from machine import I2C, Pin
i2c = I2C(0, scl=Pin(22), sda=Pin(21), freq=400000)
def command(*codes):
    for code in codes: i2c.writeto(0x3c, bytes((0x80, code)))
command(0xae, 0x8d, 0x14, 0xa1, 0xc8, 0x20, 0, 0x21, 0, 127, 0x22, 0, 7)
arrow = b'\\x18\\x18\\x18\\x7e\\x3c\\x18'
for page in range(8): i2c.writeto(0x3c, b'\\x40' + (arrow + bytes(122) if page == 2 else bytes(128)))
command(0xaf)
def scroll(): command(0x2e, 0x26, 0, 2, 7, 2, 0, 0xff, 0x2f)
";

async fn a_display_that_scrolls_is_awaited_with_masks(board: &Board) -> Result<()> {
    let python = board.micropython();
    python.exec(SCROLL).await?;
    let still = board.screen().settled().await?;
    let columns = |picture: &espalier::Picture| -> Vec<u32> {
        (0..128).filter(|x| (0..64).any(|y| picture.bitmap().get(*x, y))).collect()
    };
    assert_eq!(columns(&still), [0, 1, 2, 3, 4, 5]);
    still.assert_golden("scroll-still")?;
    python.exec("scroll()\n").await?;
    // The arrow goes by, and round the edge; pictures follow each other faster than a wait would settle.
    for golden in ["scroll-by-8", "scroll-by-125"] {
        board.screen().golden(golden).appears().within(10.s()).await?;
    }
    board.screen().golden("scroll-still").mask(Rect::new(0, 16, 128, 8)).appears().await?;
    python.exec("command(0x2e)\n").await?;
    let stopped = board.screen().settled().await?;
    assert_eq!(columns(&stopped).len(), 6);
    Ok(())
}
