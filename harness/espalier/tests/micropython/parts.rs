//! Hands and the world: buttons, touch pads and sensors of the mPython board, as its MicroPython sees them.

use espalier::{Board, Model, Result, Units};

use crate::case;
use crate::official::{Case, image_path};

pub const ALL: &[Case] = &[case!(the_board_is_pressed_touched_tilted_and_darkened, Controls, Fork)];

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
