//! Each target reads its kept corpus and mutations of it. `ESPALIER_FUZZ=600` goes on with each for so many seconds of CPU time, so that
//! a busy machine does no less; what it finds becomes a file in `target/espalier/fuzz`, to be kept in `fuzz/corpus` once it is mended.

mod mutate;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use espalier_fuzz_targets::{TARGETS, Target, target};

use mutate::Mutator;

/// Mutations of a corpus in a plain run.
const MUTATIONS: u32 = 200;
const SECONDS_VARIABLE: &str = "ESPALIER_FUZZ";
const SEED_VARIABLE: &str = "ESPALIER_FUZZ_SEED";
/// In a long run, a target that takes so much CPU time with one input hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// Interval at which a long run looks at its CPU time.
const ASKED: Duration = Duration::from_millis(5);

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn keep(name: &str, input: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/espalier/fuzz").join(name);
    let digest = input.iter().fold(0xCBF2_9CE4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3) // FNV-1a
    });
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{digest:016x}"));
    fs::write(&path, input).unwrap();
    path
}

/// Gives a target an input. What it does not survive is kept.
fn give(target: &Target, input: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.run)(input))) {
        eprintln!("{} does not survive {}", target.name, keep(target.name, input).display());
        resume_unwind(panic);
    }
}

/// CPU time of the thread that makes it, as Linux's scheduler counts it; where that is not told, the time of the clock.
#[derive(Clone)]
struct Work {
    counted_in: PathBuf,
    begin: Instant,
}

impl Work {
    fn of_this_thread() -> Self {
        let thread = fs::read_link("/proc/thread-self").unwrap_or_default();
        Self { counted_in: Path::new("/proc").join(thread).join("schedstat"), begin: Instant::now() }
    }

    /// Any thread may ask.
    fn done(&self) -> Duration {
        let counts = fs::read_to_string(&self.counted_in).unwrap_or_default();
        let nanoseconds = counts.split(' ').next().and_then(|text| text.parse().ok());
        nanoseconds.map_or_else(|| self.begin.elapsed(), Duration::from_nanos)
    }
}

/// Ends the process once a target has worked for long on one input, which are numbered.
fn watch(name: &'static str, work: Work, current: Arc<Mutex<(u64, Vec<u8>)>>) {
    std::thread::spawn(move || {
        let mut seen = (0, Duration::ZERO);
        while Arc::strong_count(&current) > 1 {
            std::thread::sleep(Duration::from_secs(1));
            let (done, (number, input)) = (work.done(), current.lock().unwrap().clone());
            if number != seen.0 {
                seen = (number, done);
            } else if done.saturating_sub(seen.1) > PATIENCE {
                eprintln!("{name} hangs with {}", keep(name, &input).display());
                std::process::abort();
            }
        }
    });
}

/// Goes on for some seconds of CPU time, and ends the process if the target hangs.
fn go_on(target: &Target, mutator: &mut Mutator, corpus: &[Vec<u8>], seconds: u64) {
    let work = Work::of_this_thread();
    let current = Arc::new(Mutex::new((0, Vec::new())));
    watch(target.name, work.clone(), Arc::clone(&current));
    let (begin, before) = (Instant::now(), work.done());
    let (mut asked, mut count) = (begin, 0_u64);
    loop {
        let input = mutator.input(corpus);
        count += 1;
        *current.lock().unwrap() = (count, input.clone());
        give(target, &input);
        if asked.elapsed() > ASKED {
            asked = Instant::now();
            if work.done().saturating_sub(before) >= Duration::from_secs(seconds) {
                break;
            }
        }
    }
    println!(
        "{}: {count} inputs in {seconds} s of CPU time, {:.0} s of the clock",
        target.name,
        begin.elapsed().as_secs_f64()
    );
}

fn check(name: &str) {
    let target = target(name).unwrap();
    let corpus = corpus(name);
    assert!(!corpus.is_empty(), "{name} has no corpus");
    corpus.iter().for_each(|input| give(target, input));
    let mut mutator = Mutator::new(number(SEED_VARIABLE).unwrap_or(1));
    match number(SECONDS_VARIABLE) {
        Some(seconds) => go_on(target, &mut mutator, &corpus, seconds),
        None => (0..MUTATIONS).for_each(|_| give(target, &mutator.input(&corpus))),
    }
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name));
        })*

        #[test]
        fn every_target_is_a_test() {
            assert!(TARGETS.iter().map(|target| target.name).eq([$(stringify!($name)),*]));
        }

        /// And a binary for `cargo fuzz`.
        #[test]
        fn every_target_is_a_binary() {
            let manifest = include_str!("../../Cargo.toml");
            let binaries = manifest.split("[[bin]]\nname = \"").skip(1).filter_map(|text| text.split('"').next());
            assert!(TARGETS.iter().map(|target| target.name).eq(binaries));
        }
    };
}

targets! {
    air board_file capture console dhcp dns eapol elf flasher gdb http image lan partitions png qmp registers_esp32 registers_esp32c3 scenario
    snapshot telnet
}
