//! Hands and the world: buttons, touch pads and sensors of the mPython board, as its MicroPython sees them.

use espalier::part::{Bme280, Part, Time};
use espalier::{Board, Model, Rect, Result, Units};

use crate::case;
use crate::lm75::Lm75;
use crate::official::{Case, image_path};

pub const ALL: &[Case] = &[
    case!(the_board_is_pressed_touched_tilted_and_darkened, Controls, Fork),
    case!(parts_of_a_board_file_are_driven_and_seen_by_name, Parts, Fork),
];

/// The given board is a development kit; these parts are on another one.
async fn the_board_is_pressed_touched_tilted_and_darkened(_: &Board) -> Result<()> {
    let board =
        Board::builder().model(Model::MPython).firmware(image_path()).strict(true).name("parts").start().await?;
    board.console().expect(">>> ").within(5.s()).await?;
    let python = board.micropython();
    python
        .exec(
            "from machine import ADC, I2C, Pin, TouchPad\n\
             import struct, time\n\
             clicks = []\n\
             Pin(0, Pin.IN).irq(lambda p: clicks.append(time.ticks_ms()), Pin.IRQ_FALLING | Pin.IRQ_RISING)\n\
             light = ADC(Pin(39), atten=ADC.ATTN_11DB)\n\
             p = TouchPad(Pin(27))\n\
             i2c = I2C(0, scl=Pin(22), sda=Pin(23), freq=400000)\n\
             i2c.writeto_mem(0x26, 0x11, b'\\x00')\n\
             def g(): return [round(v / 16384, 2) for v in struct.unpack('<3h', i2c.readfrom_mem(0x26, 2, 6))]\n",
        )
        .await?;
    board.button("a").click(50.ms()).await?;
    assert_eq!(python.eval("(len(clicks), 49 <= clicks[1] - clicks[0] <= 52)").await?, "(2, True)");
    board.sensor("light").set(0.5)?;
    assert_eq!(python.eval("1640000 < light.read_uv() < 1660000").await?, "True");
    board.sensor("light").set_volts(0.3)?;
    assert_eq!(python.eval("290000 < light.read_uv() < 310000").await?, "True");
    assert_eq!(python.eval("g()").await?, "[0.0, 0.0, 1.0]");
    board.sensor("accelerometer").tilt(30.0, 0.0)?;
    assert_eq!(python.eval("g()").await?, "[0.5, 0.0, 0.87]");
    python.exec("time.sleep_ms(100)\nfree = p.read()\n").await?;
    board.touch("P").press()?;
    assert_eq!(python.eval("time.sleep_ms(100) or p.read() < free // 2").await?, "True");
    let fork = board.fork()?;
    board.touch("P").release()?;
    assert_eq!(python.eval("time.sleep_ms(100) or p.read() == free").await?, "True");
    assert_eq!(fork.micropython().eval("time.sleep_ms(100) or p.read() < free // 2").await?, "True");
    assert_eq!(board.unmodelled(), Vec::<String>::new());
    Ok(())
}

const BOARD: &str = "
    [[part]]
    kind = \"lm75\"
    name = \"kitchen\"
    scl = 22
    sda = 21
    [[part]]
    kind = \"bme280\"
    name = \"climate\"
    scl = 22
    sda = 21
    [[part]]
    kind = \"st7789\"
    name = \"panel\"
    sck = 18
    mosi = 23
    cs = 5
    dc = 16
    height = 240
    [[part]]
    kind = \"ssd1306\"
    name = \"badge\"
    sck = 14
    mosi = 13
    cs = 15
    dc = 27
    [[part]]
    kind = \"ds18b20\"
    name = \"boiler\"
    data = 4
    [[part]]
    kind = \"ds18b20\"
    name = \"pipe\"
    data = 4
";

/// Drivers as short as they can be, from the datasheets' command tables.
const DRIVERS: &str = "
from machine import I2C, Pin, SPI, SoftSPI
import ds18x20, onewire, struct, time
i2c = I2C(0, scl=Pin(22), sda=Pin(21), freq=400000)
class Panel:
    def __init__(self, spi, cs, dc):
        self.spi, self.cs, self.dc = spi, Pin(cs, Pin.OUT, value=1), Pin(dc, Pin.OUT)
    def send(self, command, data=b''):
        self.cs(0)
        self.dc(0)
        self.spi.write(bytes([command]))
        self.dc(1)
        if data: self.spi.write(data)
        self.cs(1)
    def oled(self, *commands):
        for c in commands: self.send(c)
tft = Panel(SPI(2, 40000000, sck=Pin(18), mosi=Pin(23), miso=Pin(19)), 5, 16)
for c, d in ((0x11, b''), (0x3a, b'\\x55'), (0x21, b''), (0x29, b'')): tft.send(c, d)
def fill(x, y, w, h, colour):
    tft.send(0x2a, struct.pack('>HH', x, x + w - 1))
    tft.send(0x2b, struct.pack('>HH', y, y + h - 1))
    row = struct.pack('>H', colour) * w
    for i in range(h): tft.send(0x3c if i else 0x2c, row)
ow = onewire.OneWire(Pin(4))
ds = ds18x20.DS18X20(ow)
def celsius():
    ds.convert_temp()
    time.sleep_ms(750)
    return sorted(ds.read_temp(rom) for rom in ds.scan())
";

/// A board file with parts on every bus, one of them of a kind that this test brings along.
async fn parts_of_a_board_file_are_driven_and_seen_by_name(_: &Board) -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mine.toml");
    std::fs::write(&file, BOARD).expect("the folder takes a file");
    let board = Board::builder()
        .model(Model::File(file))
        .part("lm75", Lm75::make)
        .goldens(folder.path().join("goldens"))
        .firmware(image_path())
        .strict(true)
        .name("own-parts")
        .start()
        .await?;
    board.console().expect(">>> ").within(5.s()).await?;
    let python = board.micropython();
    python.exec(DRIVERS).await?;
    assert_eq!(python.eval("[hex(a) for a in i2c.scan()]").await?, "['0x48', '0x76']");
    board.set_part("kitchen", "temperature", -7.5)?;
    assert_eq!(python.eval("i2c.readfrom_mem(0x48, 0, 2)").await?, "b'\\xf8\\x80'");
    let error = board.set_part("kitchen", "temperature", 200.0).unwrap_err().to_string();
    assert!(error.starts_with("part \"kitchen\": temperature is 200, not a number from -55 to 125\n"), "{error}");
    let error = board.set_part("kitchen", "colour", true).unwrap_err().to_string();
    assert!(error.starts_with("part \"kitchen\" has no property \"colour\"; it has temperature\n"), "{error}");
    assert_eq!(
        board.part::<Bme280>("climate").with(|climate, _| climate.get("humidity", Time::ZERO))?,
        Some(50.0.into())
    );
    let error = board.part::<Lm75>("climate").with(|_, _| ()).unwrap_err().to_string();
    assert!(error.starts_with("part \"climate\" is no "), "{error}");

    python.exec("fill(0, 0, 240, 240, 0x001f)\nfill(10, 20, 30, 40, 0xf800)\n").await?;
    let panel = board.display("panel").settled().await?;
    assert_eq!(panel.colour(10, 20), (255, 0, 0));
    assert_eq!(panel.colour(9, 20), (0, 0, 255));
    assert_eq!(panel.colour(39, 59), (255, 0, 0));
    assert_eq!(panel.colour(40, 59), (0, 0, 255));
    let corner = Rect::new(5, 15, 10, 10);
    std::fs::create_dir(folder.path().join("goldens")).expect("the folder takes another");
    std::fs::write(folder.path().join("goldens/corner.png"), panel.region(corner).png()).expect("and a file");
    python.exec("fill(10, 20, 30, 40, 0xf000)\n").await?;
    let picture = board.display("panel").settled().await?;
    assert!(picture.region(corner).assert_golden("corner").is_err());
    picture.region(corner).compare("corner").max_channel(9).check()?;
    board.display("panel").golden("corner").region(corner).mask(Rect::new(5, 5, 5, 5)).appears().await?;
    let fork = board.fork()?;
    python.exec("tft.send(0x28)\n").await?;
    assert_eq!(board.part_property("panel", "on")?, Some(false.into()));
    assert_eq!(fork.part_property("panel", "on")?, Some(true.into()));

    // The same display on the pins of HSPI past the matrix, by the matrix, and by software.
    for (bus, dots) in [
        ("SPI(1, 1000000, sck=Pin(14), mosi=Pin(13), miso=Pin(12))", 1),
        ("SoftSPI(sck=Pin(14), mosi=Pin(13), miso=Pin(12))", 3),
    ] {
        python.exec(format!("badge = Panel({bus}, 15, 27)\nbadge.oled(0xa1, 0xc8, 0xaf, 0xb0, 0x00, 0x10)\n")).await?;
        python.exec(format!("badge.cs(0)\nbadge.dc(1)\nbadge.spi.write(bytes([{dots}]))\nbadge.cs(1)\n")).await?;
        let badge = board.display("badge").picture().await?;
        assert_eq!((badge.bitmap().get(0, 0), badge.bitmap().get(0, 1)), (true, dots == 3), "{bus}");
    }
    // A transaction takes the time of its bits: 1000 bytes at 1 MHz.
    python.exec("s = SPI(1, 1000000, sck=Pin(14), mosi=Pin(13), miso=Pin(12))\nb = bytes(1000)\n").await?;
    let took = "a = time.ticks_us()\ns.write(b)\nt = time.ticks_diff(time.ticks_us(), a)\n";
    python.exec(took).await?;
    assert_eq!(python.eval("8000 <= t < 9500").await?, "True");

    board.set_part("boiler", "temperature", 63.5)?;
    board.set_part("pipe", "temperature", -0.25)?;
    // MicroPython's own driver.
    assert_eq!(python.eval("celsius()").await?, "[-0.25, 63.5]");
    assert_eq!(board.unmodelled(), Vec::<String>::new());
    Ok(())
}
