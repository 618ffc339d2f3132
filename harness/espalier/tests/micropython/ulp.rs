//! `esp32.ULP` of MicroPython, which is ESP-IDF's loader of programs for the ULP coprocessor.

use espalier::{Board, Result, Units};

use crate::case;
use crate::official::Case;

pub const ALL: &[Case] = &[
    case!(the_ulp_counts_while_python_runs_and_stops_its_own_timer, VirtualTime),
    case!(the_ulp_wakes_the_board_from_deep_sleep, VirtualTime),
];

/// Instructions in the encoding of ESP-IDF's `ulp.h`, and a binary in its format: the magic, then offset and size of the text, and the
/// sizes of data and bss.
const ASSEMBLER: &str = "
import esp32, struct, time
from machine import mem32
def mov(r, v): return 7 << 28 | 1 << 25 | 4 << 21 | v << 4 | r
def add(r, a, v): return 7 << 28 | 1 << 25 | v << 4 | a << 2 | r
def ld(r, a): return 13 << 28 | a << 2 | r
def st(r, a): return 6 << 28 | 4 << 25 | a << 2 | r
def wr(reg, low, high, v): return 1 << 28 | high << 23 | low << 18 | v << 10 | (reg - 0x3ff48000) >> 2
def bl(v, d): return 8 << 28 | 1 << 25 | (d < 0) << 24 | abs(d) << 17 | v
wake, halt = 9 << 28 | 1, 11 << 28
def start(code, period):
    ulp = esp32.ULP()
    head = struct.pack('<IHHHH', 0x00706c75, 12, 4 * len(code), 0, 0)
    mem32[0x50000000 + 400] = 0
    ulp.load_binary(0, head + struct.pack('<%dI' % len(code), *code))
    ulp.set_wakeup_period(0, period)
    ulp.run(0)
def count(): return mem32[0x50000000 + 400] & 0xffff
def rate():
    begun, counted = time.ticks_us(), count()
    time.sleep(1)
    return (count() - counted) * 1000000 // time.ticks_diff(time.ticks_us(), begun)
";

async fn the_ulp_counts_while_python_runs_and_stops_its_own_timer(board: &Board) -> Result<()> {
    let python = board.micropython();
    python.exec(ASSEMBLER).await?;
    // Word 100 counts the rounds.
    python.exec("start([mov(1, 100), ld(0, 1), add(0, 0, 1), st(0, 1), halt], 1000)\n").await?;
    // A round each millisecond by ESP-IDF's calibration of the slow clock, and its own 3.5 us.
    let rate: u32 = python.eval("rate()").within(3.s()).await?.parse().expect("a number");
    assert!((985..1005).contains(&rate), "{rate}");
    // The timer stops at the end of the round that switches it off: STATE0, bit 24.
    python.exec("start([mov(1, 100), ld(0, 1), add(0, 0, 1), st(0, 1), bl(10, 2), wr(0x3ff48018, 24, 24, 0), halt], 1000)\n").await?;
    let fork = board.fork()?;
    for board in [&fork, board] {
        board.run_for(1.s()).await?;
        assert_eq!(board.micropython().eval("count()").await?, "10");
    }
    assert_eq!(board.unmodelled(), Vec::<String>::new());
    Ok(())
}

async fn the_ulp_wakes_the_board_from_deep_sleep(board: &Board) -> Result<()> {
    let python = board.micropython();
    python.exec(ASSEMBLER).await?;
    python.exec("start([mov(1, 100), ld(0, 1), add(0, 0, 1), st(0, 1), bl(20, 2), wake, halt], 100000)\n").await?;
    let begun = board.now();
    python.start("import machine\nesp32.wake_on_ulp(True)\nmachine.deepsleep(60000)\n").await?;
    board.console().expect("DEEPSLEEP_RESET").within(30.s()).await?;
    let slept = board.now().since(begun);
    assert!(1_900.ms() < slept && slept < 2_500.ms(), "{slept}");
    board.console().expect(">>> ").within(5.s()).await?;
    assert_eq!(python.eval("__import__('machine').wake_reason() == __import__('machine').ULP_WAKE").await?, "True");
    assert_eq!(board.unmodelled(), Vec::<String>::new());
    Ok(())
}
