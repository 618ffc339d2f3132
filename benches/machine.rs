//! Speed of the machine: instructions per second, start-up, forks. `cargo bench -p espalier-benches`.
//!
//! The MicroPython figures need the image that `ci/fetch-images` fetches; without it they are left out.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use espalier_core::Span;
use espalier_soc::{CORES, Machine, MachineConfig};
use espalier_xtensa::{Cpu, SpecialRegister};

const IMAGE: &str = "../target/images/ESP32_GENERIC-20240602-v1.23.0.bin";
const IMAGE_OFFSET: u32 = 0x1000;
const BANNER: &str = "rst:0x1 (POWERON_RESET)";
const PROMPT: &str = ">>> ";
/// FreeRTOS's watchpoint on the end of a stack, as the Arduino core has it, and unused bytes for it to lie on.
const STACK_WATCHPOINT: u32 = 0x8000_0020;
const UNTOUCHED: u32 = 0x3FFA_E000;
/// Guest time of one step of the MicroPython loop.
const STEP: Span = Span::from_millis(50);

fn micropython() -> Option<Machine> {
    let image = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(IMAGE)).ok()?;
    let mut machine = Machine::new(&MachineConfig::default()).ok()?;
    machine.load_flash(IMAGE_OFFSET, &image).ok()?;
    Some(machine)
}

/// Runs until the console has said `text`.
fn run_to(machine: &mut Machine, text: &str) {
    let mut console = Vec::new();
    while !String::from_utf8_lossy(&console).contains(text) {
        machine.run_until(machine.now() + Span::from_secs(1));
        console.extend(machine.uart_take(0).into_iter().map(|(_, byte)| byte));
    }
}

fn start(criterion: &mut Criterion) {
    criterion.bench_function("new machine", |bench| bench.iter(|| Machine::new(&MachineConfig::default()).unwrap()));
    let Some(machine) = micropython() else {
        eprintln!("no MicroPython figures: {IMAGE} is missing; fetch it with ci/fetch-images");
        return;
    };
    let mut group = criterion.benchmark_group("start");
    group.sample_size(20);
    for (name, text) in [("to the ROM's banner", BANNER), ("to the MicroPython prompt", PROMPT)] {
        group.bench_function(name, |bench| {
            bench.iter_batched(|| machine.clone(), |mut machine| run_to(&mut machine, text), BatchSize::PerIteration);
        });
    }
}

fn run(criterion: &mut Criterion) {
    let Some(mut machine) = micropython() else { return };
    run_to(&mut machine, PROMPT);
    criterion.bench_function("fork a booted machine", |bench| bench.iter(|| black_box(machine.clone())));
    criterion.bench_function("fork and run a millisecond", |bench| {
        bench.iter_batched(|| machine.clone(), |mut fork| fork.run_for(Span::from_millis(1)), BatchSize::PerIteration);
    });

    let file = machine.save();
    println!("a file with it has {} bytes", file.len());
    criterion.bench_function("save it in a file", |bench| bench.iter(|| black_box(machine.save())));
    criterion
        .bench_function("load it from a file", |bench| bench.iter(|| Machine::load(&file).expect("it was just saved")));

    machine.uart_send(0, b"s=0\rfor i in range(100000000): s+=i*i^(i>>3)\r\r");
    machine.run_for(Span::from_millis(200));
    let mut probe = machine.clone();
    let before = probe.cpu(1).cycles();
    probe.run_for(STEP);
    let mut group = criterion.benchmark_group("instructions");
    group.throughput(Throughput::Elements(probe.cpu(1).cycles() - before)).measurement_time(Duration::from_secs(8));
    let mut watched = machine.clone();
    for core in 0..CORES {
        let cpu = watched.core_as_mut::<Cpu>(core).expect("the chip's cores are Xtensa");
        cpu.set_special(SpecialRegister::Dbreaka1, UNTOUCHED);
        cpu.set_special(SpecialRegister::Dbreakc1, STACK_WATCHPOINT);
    }
    group.bench_function("MicroPython loop, 50 ms of guest time", |bench| bench.iter(|| machine.run_for(STEP)));
    group.bench_function("the same with FreeRTOS's stack watchpoint in place", |bench| {
        bench.iter(|| watched.run_for(STEP));
    });
}

criterion_group!(benches, start, run);
criterion_main!(benches);
