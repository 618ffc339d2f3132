//! One table of what work costs on the emulator and on Espressif's QEMU, in seconds of CPU time: what a busy machine does to clocks on
//! the wall does nothing to these. `cargo bench`, and `ESPALIER_QEMU=path/to/qemu-system-xtensa cargo bench` for the second column.
//!
//! `ESPALIER_BUSY` names firmware of which a second is measured as well, the third after power-on: an image whose licence forbids to pass it
//! on, such as an image of the Arduino core. Rows of MicroPython need the image that `ci/fetch-images` fetches. Times of processes come
//! from Linux's `/proc` (proc_pid_stat(5)), in steps of 10 ms, so what is short is done many times.

mod bare;

use std::path::{Path, PathBuf};

use espalier::{Board, Kind, Model, PeerStream, Result, Units};
use tokio::runtime::Builder;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const MICROPYTHON: &str = "ESP32_GENERIC-20240602-v1.23.0.bin";
const TUTORIAL: &str = "fixtures/firmware/tutorial-esp32.bin";
const PROMPT: &str = ">>> ";
const LOOP: &str = "for i in range(1000000): s+=i*i^(i>>3)";
const SLEEP: &str = "while True: time.sleep_ms(1)";
/// Scripts that sleep for longer than [`NIGHT`].
const LONG_SLEEPS: [(&str, &str); 2] = [
    ("12 hours of deep sleep", "import machine; machine.deepsleep(24 * 3600 * 1000)"),
    ("12 hours of time.sleep", "import time; time.sleep(24 * 3600)"),
];
const NIGHT: u64 = 12 * 3600;
const GREETING: &str = "hello mPython,I am TCP Client";
const PASSWORD: &str = "correct horse";
const PORT: u16 = 5001;
/// Bytes that are echoed, and bytes that go over Wi-Fi.
const ECHOED: usize = 64;
const BYTES: usize = 256 * 1024;
/// Unit in which the kernel counts CPU time, USER_HZ: 100 a second on all of today's architectures.
const TICKS: f64 = 100.0;
/// Number of repetitions of short work for one figure.
const STARTS: u32 = 5;
const FORKS: u32 = 2000;
const ECHOES: u32 = 200;
/// Forks whose memory is counted.
const HELD: usize = 200;

/// CPU time that processes have taken until now, in seconds.
struct Taken {
    own: f64,
    children: f64,
}

impl Taken {
    fn now() -> std::io::Result<Taken> {
        let stat = std::fs::read_to_string("/proc/self/stat")?;
        // The name of the program, in parentheses, may have spaces; utime is the twelfth field behind it.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11);
        let ticks: Vec<f64> = fields.take(4).filter_map(|field| field.parse().ok()).collect();
        let [user, system, children_user, children_system] = ticks[..] else {
            return Err(std::io::Error::other(format!("/proc/self/stat has no CPU times: {stat}")));
        };
        Ok(Taken { own: (user + system) / TICKS, children: (children_user + children_system) / TICKS })
    }

    /// Returns the CPU time of a board of this kind since then: the emulator runs in this process, QEMU in one that has ended.
    fn until_now(&self, kind: Kind) -> std::io::Result<f64> {
        let now = Taken::now()?;
        Ok(if kind == Kind::Qemu { now.children - self.children } else { now.own - self.own })
    }
}

fn row(work: &str, emulated: &str, qemu: &str) {
    println!("| {work:<72} | {emulated:>10} | {qemu:>10} |");
}

fn seconds(value: f64) -> String {
    format!("{value:.2} s")
}

fn millis(value: f64) -> String {
    format!("{:.0} ms", value * 1e3)
}

/// Starts MicroPython, waits for its prompt, and has it run the loop if that is wanted. The board is gone afterwards.
async fn loop_once(kind: Kind, image: &Path, with_loop: bool) -> Result<()> {
    let board = Board::builder().kind(kind).firmware(image).start().await?;
    let console = board.console();
    console.expect(PROMPT).within(60.s()).await?;
    if with_loop {
        console.send_line("s=0").await?;
        console.expect(PROMPT).await?;
        console.send_line(LOOP).await?;
        console.send_line("").await?;
        console.expect(PROMPT).within(900.s()).await?;
    }
    Ok(())
}

/// CPU seconds from power-on to the prompt, and of the loop.
async fn start_and_loop(kind: Kind, image: &Path) -> Result<(f64, f64)> {
    let begun = Taken::now()?;
    for _ in 0..STARTS {
        loop_once(kind, image, false).await?;
    }
    let start = begun.until_now(kind)? / f64::from(STARTS);
    let begun = Taken::now()?;
    loop_once(kind, image, true).await?;
    Ok((start, begun.until_now(kind)? - start))
}

/// CPU seconds of a second of the board, after `before` of them.
async fn second(board: &Board, before: espalier::Span) -> Result<f64> {
    board.run_for(before).await?;
    let begun = Taken::now()?;
    board.run_for(1.s()).await?;
    Ok(begun.until_now(Kind::Emulated)?)
}

async fn sleeping(image: &Path) -> Result<f64> {
    let board = Board::builder().kind(Kind::Emulated).firmware(image).start().await?;
    let console = board.console();
    console.expect(PROMPT).within(60.s()).await?;
    for line in ["import time", SLEEP, ""] {
        console.send_line(line).await?;
    }
    second(&board, 500.ms()).await
}

/// CPU seconds of [`NIGHT`] seconds in which a script sleeps, after the first ones.
async fn long_sleep(image: &Path, script: &str) -> Result<f64> {
    let board = Board::builder().kind(Kind::Emulated).firmware(image).start().await?;
    board.console().expect(PROMPT).within(60.s()).await?;
    board.console().send_line(script).await?;
    board.run_for(2.s()).await?;
    let begun = Taken::now()?;
    board.run_for(NIGHT.s()).await?;
    Ok(begun.until_now(Kind::Emulated)?)
}

/// A board in the range of a network that it has joined.
async fn joined(image: &Path) -> Result<Board> {
    let board = Board::builder().kind(Kind::Emulated).firmware(image).start().await?;
    board.console().expect(PROMPT).within(60.s()).await?;
    board.air().access_point("home").password(PASSWORD).start()?;
    let join = format!(
        "import network, socket, time\nw = network.WLAN(network.STA_IF)\nw.active(True)\nw.connect('home', '{PASSWORD}')\n\
         while not w.isconnected(): time.sleep_ms(1)\nprint('joined')\n"
    );
    let running = board.micropython().start(join).await?;
    board.console().expect_line("joined").within(30.s()).await?;
    running.finished().await?;
    Ok(board)
}

/// A fork that has connected to its peer and does `body` until `n` bytes are none.
async fn connected(joined: &Board, body: &str) -> Result<(Board, PeerStream)> {
    let board = joined.fork()?;
    let listener = board.peer().listen(PORT).await?;
    let script = format!(
        "s = socket.socket()\ns.connect(('{}', {PORT}))\nb = bytearray(4096)\nn = {BYTES}\nwhile n:\n {body}\ns.close()\n",
        board.peer().address()
    );
    board.micropython().start(script).await?;
    let socket = listener.accept().await?;
    Ok((board, socket))
}

/// CPU seconds of [`BYTES`] of TCP over Wi-Fi from the board, and to it.
async fn wireless(image: &Path) -> Result<[f64; 2]> {
    let joined = joined(image).await?;
    let (_board, socket) = connected(&joined, "n -= s.write(b)").await?;
    let (begun, mut count) = (Taken::now()?, 0);
    while count < BYTES {
        count += socket.receive().await?.len();
    }
    let from = begun.until_now(Kind::Emulated)?;
    let (_board, socket) = connected(&joined, "n -= s.readinto(b)").await?;
    let begun = Taken::now()?;
    socket.send(vec![0; BYTES]).within(60.s()).await?;
    socket.expect_close().within(60.s()).await?;
    Ok([from, begun.until_now(Kind::Emulated)?])
}

/// Memory that this process has, in kB: a page that is mapped several times, as forks map those that none of them has written, counts once
/// (proc_pid_smaps(5), `Pss`).
fn kilobytes() -> std::io::Result<f64> {
    let maps = std::fs::read_to_string("/proc/self/smaps_rollup")?;
    let share = maps.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kibibytes = share.and_then(|share| share.split_whitespace().next()?.parse::<f64>().ok());
    let kibibytes =
        kibibytes.ok_or_else(|| std::io::Error::other(format!("/proc/self/smaps_rollup has no Pss: {maps}")))?;
    Ok(kibibytes * 1.024)
}

/// A board that runs the tutorial and has an address.
async fn tutorial() -> Result<Board> {
    let firmware = Path::new(ROOT).join(TUTORIAL);
    let board = Board::builder().kind(Kind::Emulated).model(Model::MPython).firmware(firmware).start().await?;
    board.console().expect("@event address").await?;
    Ok(board)
}

async fn echo(booted: &Board) -> Result<()> {
    let board = booted.fork()?;
    let listener = board.peer().listen(PORT).await?;
    board.console().send_line(format!("client {} {PORT}", board.peer().address())).await?;
    let socket = listener.accept().await?;
    socket.expect(GREETING).await?;
    let message = "x".repeat(ECHOED);
    socket.send(message.clone()).await?;
    socket.expect(message.as_str()).await?;
    Ok(())
}

async fn forks() -> Result<()> {
    let booted = tutorial().await?;
    let begun = Taken::now()?;
    for _ in 0..FORKS {
        booted.fork()?;
    }
    let fork = begun.until_now(Kind::Emulated)? / f64::from(FORKS);
    row("fork of a booted board, and its end", &format!("{:.0} us", fork * 1e6), "-");
    let begun = Taken::now()?;
    for _ in 0..ECHOES {
        echo(&booted).await?;
    }
    let taken = begun.until_now(Kind::Emulated)? / f64::from(ECHOES);
    row(&format!("fork, TCP connection, greeting, {ECHOED} bytes echoed"), &format!("{:.1} ms", taken * 1e3), "-");
    // None is dropped before the end, for the memory of one would be that of the next.
    let mut held = Vec::with_capacity(2 * HELD);
    for (name, span) in
        [("memory of a fork that has not run", None), ("memory of a fork that ran for 1 ms", Some(1.ms()))]
    {
        let before = kilobytes()?;
        for _ in 0..HELD {
            let board = booted.fork()?;
            if let Some(span) = span {
                board.run_for(span).await?;
            }
            held.push(board);
        }
        row(name, &format!("{:.0} kB", (kilobytes()? - before) / HELD as f64), "-");
    }
    Ok(())
}

async fn micropython(image: &Path) -> Result<()> {
    let (start, taken) = start_and_loop(Kind::Emulated, image).await?;
    let qemu = start_and_loop(Kind::Qemu, image).await;
    if let Err(error) = &qemu {
        eprintln!("QEMU is not measured: {error}");
    }
    let [qemu_start, qemu_loop] = match qemu {
        Ok((start, taken)) => [seconds(start), seconds(taken)],
        Err(_) => ["-", "-"].map(str::to_owned),
    };
    row("MicroPython v1.23.0, power-on to its prompt", &seconds(start), &qemu_start);
    row(&format!("in that REPL: s=0, then {LOOP}"), &seconds(taken), &qemu_loop);
    row(&format!("a second of the board in {SLEEP}"), &seconds(sleeping(image).await?), "-");
    for (name, script) in LONG_SLEEPS {
        row(name, &millis(long_sleep(image, script).await?), "-");
    }
    let [from, to] = wireless(image).await?;
    row("256 KiB of TCP over Wi-Fi, from the board", &seconds(from), "-");
    row("256 KiB of TCP over Wi-Fi, to the board", &seconds(to), "-");
    Ok(())
}

async fn table() -> Result<()> {
    row("work, CPU time", "Espalier", "QEMU");
    row("---", "---", "---");
    let folder =
        std::env::var_os("ESPALIER_IMAGES").map_or_else(|| Path::new(ROOT).join("target/images"), PathBuf::from);
    let image = folder.join(MICROPYTHON);
    if image.exists() {
        micropython(&image).await?;
    } else {
        eprintln!("MicroPython is not measured: {} is missing; ci/fetch-images fetches it", image.display());
    }
    if let Some(firmware) = std::env::var_os("ESPALIER_BUSY") {
        let board = Board::builder().kind(Kind::Emulated).firmware(&firmware).start().await?;
        let name = Path::new(&firmware).file_name().unwrap_or_default().display().to_string();
        row(&format!("the third second of {name}"), &seconds(second(&board, 2.s()).await?), "-");
    }
    for (name, hex) in bare::PROGRAMS {
        let emulated = bare::measure(Kind::Emulated, hex).await?;
        let qemu = bare::measure(Kind::Qemu, hex).await.map_or_else(|_| "-".to_owned(), millis);
        row(name, &millis(emulated), &qemu);
    }
    forks().await
}

fn main() -> Result<()> {
    Builder::new_current_thread().build()?.block_on(table())
}
