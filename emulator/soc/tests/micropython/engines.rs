//! Translated code and the interpreter have one trace.

use espalier_core::{EDGES, Span, Timing};
use espalier_soc::{BoardDefinition, MachineConfig, Translation};

use crate::cases::Case;
use crate::repl::Repl;

pub const ALL: &[(&str, Case)] = &[
    ("translated code has the trace of the interpreter from power-on", one_trace_from_power_on),
    ("translated code has the trace of the interpreter in scripts", one_trace_in_scripts),
    ("a fork that takes over code has the trace and the jumps of one that does not", one_trace_after_other_forks),
    ("silicon's time has one trace in both engines, in small steps and in a fork", one_trace_in_silicons_time),
    ("the flash chip and the ADC take their time in that of silicon", devices_take_silicons_time),
    ("the RTC memories are slower than data RAM in silicon's time", rtc_memories_take_silicons_time),
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

/// Code that one fork has brought into the flash cache is not there in the next one.
fn one_trace_after_other_forks(image: &[u8]) {
    let mut original = Repl::booted(image);
    original.machine.count_edges();
    // The first one erases a sector of flash; the second one runs code that the others do not.
    const SCRIPTS: [&str; 3] = [
        "open('a','w').write('x'*5000)\n",
        "import json\nprint(json.loads('[1,{\"a\":2.5}]'), 7**30)\n",
        "print(sorted(str(i*7919%101) for i in range(200))[:3], 2.5**0.5)\n",
    ];
    let run = |original: &Repl, script: &str, translation| {
        let mut fork = original.clone();
        fork.machine.set_translation(translation);
        let output = fork.run(script);
        let mut edges = [0; EDGES];
        assert!(fork.machine.add_edges(&mut edges));
        (output, fork.machine.now(), fork.machine.trace_hash(), edges.to_vec())
    };
    // Each of these is the only one of its clone of the original.
    let alone = SCRIPTS.map(|script| run(&original.clone(), script, Translation::Off));
    for which in [2, 1, 2, 2, 0, 2, 1, 0, 1, 2] {
        let fork = run(&original, SCRIPTS[which], Translation::Off);
        assert!(fork == alone[which], "script {which}: {:?}, not {:?}", (fork.0, fork.1), alone[which].1);
    }
    for which in [2, 1, 2, 2, 0, 2, 1, 0, 1, 2] {
        let fork = run(&original, SCRIPTS[which], Translation::After(2));
        assert_eq!(
            (fork.0, fork.1, fork.2),
            (alone[which].0.clone(), alone[which].1, alone[which].2),
            "script {which}"
        );
    }
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

/// The fast RTC memory runs at the clock of the APB, 80 MHz; the slow one is charged as a register: four cycles of it.
fn rtc_memories_take_silicons_time(image: &[u8]) {
    const ACCESSES: u32 = 4000;
    const SCRIPT: &str = "import time, machine\n\
        @micropython.viper\n\
        def load(at: int, n: int):\n\
        \x20p = ptr32(at)\n\
        \x20while n:\n\
        \x20 p[0]\n\
        \x20 n -= 1\n\
        @micropython.viper\n\
        def store(at: int, n: int):\n\
        \x20p = ptr32(at)\n\
        \x20while n:\n\
        \x20 p[0] = 0\n\
        \x20 n -= 1\n\
        a = bytearray(64)\n\
        import uctypes\n\
        def took(f, at):\n\
        \x20s = machine.disable_irq()\n\
        \x20t = time.ticks_us()\n\
        \x20f(at, 4000)\n\
        \x20t = time.ticks_diff(time.ticks_us(), t)\n\
        \x20machine.enable_irq(s)\n\
        \x20return t\n\
        for f in (load, store):\n\
        \x20for at in (uctypes.addressof(a) + 7 & ~3, 0x3ff81f00, 0x400c1f00, 0x50001f00): took(f, at); print(took(f, at))\n";
    let times = [Timing::Fast, Timing::Silicon].map(|timing| {
        let board = BoardDefinition::default().timed(timing).expect("an ESP32");
        let mut repl = Repl::booted_on(image, &MachineConfig { board, ..MachineConfig::default() });
        let times = repl.run(SCRIPT);
        times.split_whitespace().map(|time| time.parse().expect("a time")).collect::<Vec<u32>>()
    });
    for (timing, times) in [Timing::Fast, Timing::Silicon].into_iter().zip(&times) {
        assert_eq!(times.len(), 8, "{times:?}");
        for times in times.chunks(4) {
            let expected = match timing {
                Timing::Fast => [0, 0, 0],
                Timing::Silicon => [1, 1, 4].map(|cycles| cycles * ACCESSES / 80),
            };
            for (place, expected) in (1..).zip(expected) {
                let more = times[place].saturating_sub(times[0]);
                assert!(more.abs_diff(expected) <= 3, "{timing:?}: {times:?}");
            }
        }
    }
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
