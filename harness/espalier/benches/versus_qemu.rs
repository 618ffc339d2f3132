//! Official MicroPython on the emulator and on Espressif's QEMU, in seconds of CPU time: what a busy machine does to clocks on the
//! wall does nothing to these.
//!
//! `ESPALIER_QEMU=path/to/qemu-system-xtensa cargo bench -p espalier-hil --bench versus_qemu`. Where no QEMU is found, the
//! emulator is measured alone. Times of processes come from Linux's `/proc` (proc_pid_stat(5)), in steps of 10 ms.

use std::path::{Path, PathBuf};

use espalier::{Board, Kind, Result, Units};
use tokio::runtime::Builder;

const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/images/ESP32_GENERIC-20240602-v1.23.0.bin");
const PROMPT: &str = ">>> ";
const LOOP: &str = "for i in range(1000000): s+=i*i^(i>>3)";
/// What the kernel counts CPU time in, USER_HZ: 100 a second on all of today's architectures.
const TICKS: f64 = 100.0;
/// A start is shorter than a few steps of the clock, so it is measured as a part of so many.
const STARTS: u32 = 5;

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

    /// What a board of this kind has taken since `begun`: the emulator runs in this process, QEMU in one that has ended.
    fn since(&self, begun: &Taken, kind: Kind) -> f64 {
        if kind == Kind::Qemu { self.children - begun.children } else { self.own - begun.own }
    }
}

/// Starts a board, waits for its prompt, and has it run the loop if that is wanted. The board is gone afterwards.
async fn run(kind: Kind, image: &Path, with_loop: bool) -> Result<()> {
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
async fn measure(kind: Kind, image: &Path) -> Result<(f64, f64)> {
    let begun = Taken::now()?;
    for _ in 0..STARTS {
        run(kind, image, false).await?;
    }
    let started = Taken::now()?;
    run(kind, image, true).await?;
    let ended = Taken::now()?;
    let start = started.since(&begun, kind) / f64::from(STARTS);
    Ok((start, ended.since(&started, kind) - start))
}

fn main() -> Result<()> {
    let image = std::env::var_os("ESPALIER_IMAGES").map_or_else(
        || PathBuf::from(IMAGE),
        |folder| Path::new(&folder).join(Path::new(IMAGE).file_name().unwrap_or_default()),
    );
    if !image.exists() {
        eprintln!("nothing is measured: {} is missing; ci/fetch-images fetches it", image.display());
        return Ok(());
    }
    let runtime = Builder::new_current_thread().build()?;
    println!("CPU seconds                  power-on to prompt   {LOOP}");
    for (name, kind) in [("Espalier", Kind::Emulated), ("QEMU", Kind::Qemu)] {
        match runtime.block_on(measure(kind, &image)) {
            Ok((start, taken)) => println!("{name:<28} {start:>18.2}   {taken:>6.2}"),
            Err(error) if kind == Kind::Qemu => println!("{name:<28} not measured: {error}"),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
