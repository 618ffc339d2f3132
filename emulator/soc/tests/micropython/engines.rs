//! Translated code and the interpreter have one trace.

use espalier_core::{Span, Timing};
use espalier_soc::{BoardDefinition, MachineConfig, Translation};

use crate::cases::Case;
use crate::repl::Repl;

pub const ALL: &[(&str, Case)] = &[
    ("translated code has the trace of the interpreter from power-on", one_trace_from_power_on),
    ("translated code has the trace of the interpreter in scripts", one_trace_in_scripts),
    ("silicon's time has one trace in both engines, in small steps and in a fork", one_trace_in_silicons_time),
    ("the flash chip and the ADC take their time in that of silicon", devices_take_silicons_time),
];

/// The engines to compare: the interpreter, and translation that begins at once and late.
const ENGINES: [Translation; 3] = [Translation::Off, Translation::After(1), Translation::After(50)];
/// Interval between comparisons of traces.
const STEP: Span = Span::from_millis(5);

fn one_trace_from_power_on(image: &[u8]) {
    let mut boards = ENGINES.map(|translation| {
        let mut repl = Repl::power_on(image);
        repl.machine.set_translation(translation);
        repl
    });
    for _ in 0..160 {
        let [interpreted, translated @ ..] = boards.each_mut().map(|repl| {
            repl.machine.run_for(STEP);
            (repl.machine.trace_hash(), repl.machine.uart_take(0))
        });
        let at = boards[0].machine.now();
        assert!(translated.iter().all(|translated| *translated == interpreted), "another trace at {at}");
    }
}

/// Arithmetic, floats, memory that is collected, exceptions, sleep, timers, threads, files.
const SCRIPT: &str = "import time, machine, _thread, os\n\
    def fib(n): return n if n < 2 else fib(n-1) + fib(n-2)\n\
    print(fib(15), sum(x*x^(x>>3) for x in range(3000)), sum(1/(i+1) for i in range(500)))\n\
    print(sorted([str(i*7919%1009) for i in range(300)])[:5])\n\
    count = 0\n\
    def tick(t):\n global count\n count += 1\n\
    t = machine.Timer(0)\n\
    t.init(period=3, callback=tick)\n\
    done = []\n\
    def work(n): done.append(sum(range(n)))\n\
    for n in range(3): _thread.start_new_thread(work, (2000,))\n\
    for i in range(40):\n try:\n  time.sleep_ms(2)\n  [][i]\n except IndexError: pass\n\
    t.deinit()\n\
    open('x','w').write('hello'*100)\n\
    print(count > 20, done, len(open('x').read()))\n";

fn one_trace_in_scripts(image: &[u8]) {
    let [interpreted, translated @ ..] = ENGINES.map(|translation| {
        let mut repl = Repl::booted(image);
        repl.machine.set_translation(translation);
        let output = repl.run(SCRIPT);
        repl.machine.run_for(STEP);
        (output, repl.machine.now(), repl.machine.trace_hash())
    });
    assert!(translated.iter().all(|translated| *translated == interpreted), "{interpreted:?} {translated:?}");
}

/// Times of the flash chip's datasheet and of the ADC's: erasing a block, programming it, and converting a voltage.
fn devices_take_silicons_time(image: &[u8]) {
    const SCRIPT: &str = "import time, machine\n\
        from esp32 import Partition\n\
        p = Partition.find(Partition.TYPE_DATA, label='vfs')[0]\n\
        def took(f, *a):\n t = time.ticks_us()\n f(*a)\n return time.ticks_diff(time.ticks_us(), t)\n\
        adc = machine.ADC(machine.Pin(36))\n\
        adc.read()\n\
        print(took(p.ioctl, 6, 100), took(p.writeblocks, 100, bytes(4096), 0), took(adc.read))\n";
    let times = [Timing::Fast, Timing::Silicon].map(|timing| {
        let board = BoardDefinition::default().timed(timing).expect("an ESP32");
        let mut repl = Repl::booted_on(image, &MachineConfig { board, ..MachineConfig::default() });
        let times = repl.run(SCRIPT);
        times.split_whitespace().map(|time| time.parse().expect("a time")).collect::<Vec<u32>>()
    });
    let ([fast_erase, fast_program, fast_adc], [erase, program, adc]) = (&times[0][..], &times[1][..]) else {
        panic!("three times each: {times:?}");
    };
    assert!(*erase >= 45_000 && *erase < 60_000 && *fast_erase < 5_000, "{times:?}");
    // ESP-IDF programs 64 bytes at once: 187.5 us.
    assert!(*program >= 64 * 187 && *program < 25_000 && *fast_program < 6_000, "{times:?}");
    assert!(*adc >= fast_adc + 5, "{times:?}");
}

fn one_trace_in_silicons_time(image: &[u8]) {
    let board = BoardDefinition::default().timed(Timing::Silicon).expect("an ESP32");
    let mut interpreted = Repl::booted_on(image, &MachineConfig { board, ..MachineConfig::default() });
    let fast = Repl::booted(image).machine.now();
    assert!(interpreted.machine.now() > fast, "it boots as early as a board in fast time does: at {fast}");
    let mut others = [(); 3].map(|()| interpreted.clone());
    interpreted.machine.set_translation(Translation::Off);
    others[0].machine.set_translation(Translation::After(1));
    let outputs = [&mut interpreted, &mut others[0]].map(|repl| (repl.run(SCRIPT), repl.machine.now()));
    assert_eq!(outputs[0], outputs[1]);
    let trace = interpreted.machine.trace_hash();
    assert_eq!(others[0].machine.trace_hash(), trace);
    // The same input at the same times, in steps that no slice has and with a fork on the way.
    let [_, stepped, forked] = &mut others;
    let output = stepped.run(SCRIPT);
    assert_eq!((output, stepped.machine.trace_hash()), (outputs[0].0.clone(), trace));
    forked.start("print(sum(x*x for x in range(2000)))");
    let mut fork = forked.clone();
    forked.machine.run_for(STEP * 4);
    while fork.machine.now() < forked.machine.now() {
        fork.machine.run_for(Span::from_micros(7));
    }
    assert_eq!((fork.machine.now(), fork.machine.trace_hash()), (forked.machine.now(), forked.machine.trace_hash()));
}
