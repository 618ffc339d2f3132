//! Work that a guest causes: however it sets the blocks of the chip, what they do by themselves grows with guest time and no
//! faster. What is counted is how often blocks are called and how many pulses are followed, not how long that takes.

use espalier_core::Span;
use espalier_soc::{BoardDefinition, Machine, MachineConfig, Strap};
use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_oneof, proptest};

/// Where the ROM looks for the bootloader.
const BOOTLOADER: u32 = 0x1000;
/// Where it is told to put it.
const CODE: u32 = 0x4008_0400;
/// Time for the ROM to load and start it.
const BOOT: Span = Span::from_millis(40);
const MEASURED: Span = Span::from_millis(20);

/// A register and what is written to it.
type Write = (u32, u32);

const DPORT_PERIP_CLK_EN: Write = (0x3FF0_00C0, u32::MAX);
const DPORT_PERIP_RST_EN: Write = (0x3FF0_00C4, 0);

/// The operation of the core once all is written.
#[derive(Clone, Copy, Debug)]
enum Then {
    Wait,
    Spin,
}

/// Code that writes a list of registers, and waits for interrupts that never come or runs in a circle. Xtensa ISA, in machine
/// code: the table, with its ends in two literals, is behind the code.
fn program(writes: &[Write], then: Then) -> Vec<u8> {
    const LOAD: u32 = 0x2002;
    const STORE: u32 = 0x6002;
    const TABLE: u32 = CODE + 48;
    let rri8 = |opcode: u32, s: u32, t: u32, imm8: u32| imm8 << 16 | opcode | s << 8 | t << 4;
    let end = TABLE + 8 * writes.len() as u32;
    let code = [
        (0xFFFF - 1) << 8 | 0x21,                            // l32r a2, TABLE
        (0xFFFF - 1) << 8 | 0x51,                            // l32r a5, end
        rri8(LOAD, 2, 3, 0),                                 // l32i a3, a2, 0
        rri8(LOAD, 2, 4, 1),                                 // l32i a4, a2, 4
        rri8(STORE, 3, 4, 0),                                // s32i a4, a3, 0
        rri8(0xC002, 2, 2, 8),                               // addi a2, a2, 8
        0xF0 << 16 | 0x9007 | 2 << 8 | 5 << 4,               // bne a2, a5, the first load
        if let Then::Wait = then { 0x7F00 } else { 0x20F0 }, // waiti 15, or nop
        ((-7_i32 as u32 & 0x3_FFFF) << 6) | 6,               // j to it
    ];
    let mut bytes: Vec<u8> = [TABLE, end].into_iter().flat_map(u32::to_le_bytes).collect();
    bytes.extend(code.iter().flat_map(|word: &u32| word.to_le_bytes()[..3].to_vec()));
    bytes.resize((TABLE - CODE) as usize, 0);
    bytes.extend(writes.iter().flat_map(|(address, value)| [*address, *value]).flat_map(u32::to_le_bytes));
    bytes
}

/// An image of one segment that the ROM accepts: header, segment, checksum.
fn image(code: &[u8], entry: u32) -> Vec<u8> {
    let mut image = vec![0xE9, 1, 2, 0];
    image.extend(entry.to_le_bytes());
    image.extend([0xEE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    image.extend(CODE.to_le_bytes());
    image.extend((code.len() as u32).to_le_bytes());
    image.extend(code);
    image.resize((image.len() + 1).next_multiple_of(16) - 1, 0);
    image.push(code.iter().fold(0xEF, |sum, byte| sum ^ byte));
    image
}

/// A board whose core has written `writes`.
fn after(writes: &[Write], then: Then, board: BoardDefinition) -> Machine {
    let mut machine = Machine::new(&MachineConfig { board, ..MachineConfig::default() }).unwrap();
    let writes = [&[DPORT_PERIP_CLK_EN, DPORT_PERIP_RST_EN], writes].concat();
    machine.load_flash(BOOTLOADER, &image(&program(&writes, then), CODE + 8)).unwrap();
    machine.run_for(BOOT);
    machine
}

/// Length of the measurement in microseconds.
const MICROS: u64 = MEASURED.as_micros();

fn work(mut machine: Machine) -> u64 {
    let before = machine.device_work();
    machine.run_for(MEASURED);
    machine.device_work() - before
}

fn mpython() -> BoardDefinition {
    BoardDefinition::by_name("mpython").unwrap()
}

const RMT: u32 = 0x3FF5_6000;
const FRC1: u32 = 0x3FF4_7000;
const TIMG: [u32; 2] = [0x3FF5_F000, 0x3FF6_0000];
const RTC_CNTL: u32 = 0x3FF4_8000;
const UART1: u32 = 0x3FF5_0000;
const GPIO: u32 = 0x3FF4_4000;

/// All channels send without end, each pulse as short as can be, and an error is waited for that never comes.
fn endless_rmt(carrier: bool) -> Vec<Write> {
    let mut writes = vec![(RMT + 0xF0, 3), (RMT + 0xA8, 0x0024_9249 << 2)];
    writes.extend((0..512).map(|word| (RMT + 0x800 + 4 * word, 0x8001_0001)));
    for channel in 0..8 {
        writes.push((RMT + 0xB0 + 4 * channel, 0x0001_0001));
        writes.push((RMT + 0x20 + 8 * channel, 1 | 1 << 24 | u32::from(carrier) << 28));
        writes.push((RMT + 0x24 + 8 * channel, 1 << 17 | 1 << 6 | 1 << 3 | 1));
    }
    writes
}

/// Each watchdog goes round as fast as it can; `action` is what each stage does.
fn fast_watchdogs(action: u32) -> Vec<Write> {
    let stages = action << 29 | action << 27 | action << 25 | action << 23;
    let mut writes = Vec::new();
    for group in TIMG {
        // First off, or the one that guards the boot would reset the chip.
        writes.extend([(group + 0x64, 0x50D8_3AA1), (group + 0x48, 0), (group + 0x4C, 1 << 16)]);
        writes.extend((0..4).map(|stage| (group + 0x50 + 4 * stage, 0)));
        writes.push((group + 0x48, 1 << 31 | stages | 1 << 21 | 1 << 22));
    }
    writes
}

#[test]
fn unread_lines_cost_nothing() {
    let scenes: [(&str, Vec<Write>); 5] = [
        ("RMT", endless_rmt(false)),
        ("RMT with a carrier", endless_rmt(true)),
        ("FRC1 that reloads 1, with a level interrupt", vec![(FRC1, 1), (FRC1 + 8, 0xC1)]),
        ("watchdogs whose stages do nothing", fast_watchdogs(0)),
        ("UART at divider 0", (0..200).map(|index| (UART1 + if index == 0 { 0x14 } else { 0 }, 0)).collect()),
    ];
    for (name, writes) in scenes {
        for then in [Then::Wait, Then::Spin] {
            let work = work(after(&writes, then, BoardDefinition::default()));
            assert!(work < 100, "{name}, {then:?}: {work} calls and pulses");
        }
    }
}

#[test]
fn interrupts_that_only_pulse_come_no_faster_than_a_core_can_take_them() {
    let frc = vec![(FRC1, 1), (FRC1 + 8, 0xC0)];
    for (name, writes, sources) in [("FRC1", frc, 1), ("watchdogs", fast_watchdogs(1), 2)] {
        for then in [Then::Wait, Then::Spin] {
            let work = work(after(&writes, then, BoardDefinition::default()));
            assert!((MICROS / 2..=sources * MICROS).contains(&work), "{name}, {then:?}: {work} calls in {MICROS} us");
        }
    }
}

/// The watched line carries 40 million edges a second, as the PLL is off, and an unread probe drops the oldest.
#[test]
fn a_line_that_is_watched_is_followed_as_it_goes() {
    const LEDS: u32 = 17;
    let mut writes = endless_rmt(false);
    writes.push((GPIO + 0x530 + 4 * LEDS, 87));
    let mut machine = after(&writes, Then::Wait, mpython());
    machine.attach_probe(LEDS as usize);
    let before = machine.device_work();
    machine.run_for(Span::from_millis(10));
    // The last events are not reported before the next millisecond.
    let work = machine.device_work() - before;
    assert!((9_000 * 40..10_100 * 40).contains(&work), "{work}");
    let kept = machine.take_probed(LEDS as usize).len() as u64;
    assert!(kept + machine.lost_by_probe(LEDS as usize) > 9_900 * 40 && kept <= 1 << 18, "{kept} kept");
}

/// Work of the RMT's eight channels, which send a pulse in each cycle, while code writes so many registers, with seven instructions
/// for each.
const fn followed(writes: usize) -> u64 {
    8 * 7 * writes as u64
}

/// Firmware that resets the chip as its first act does so each time the ROM has started it. A reset of the digital core stops what
/// was under way. A reset of a CPU leaves the blocks running (ESP32 TRM, "System Reset"), so that the writes of the next life reach
/// blocks at work. But no life leaves more behind than the one before.
#[test]
fn a_storm_of_resets_costs_no_more_than_its_boots() {
    const STORM: Span = Span::from_millis(200);
    let micros = STORM.as_micros();
    let boots = 15..=20;
    // Everything that can be under way is: the RMT, and interrupts that only pulse.
    let under_way = [endless_rmt(false), vec![(FRC1, 1), (FRC1 + 8, 0xC0)]].concat();
    // SW_SYS_RST and SW_PROCPU_RST of RTC_CNTL_OPTIONS0, and the stages of a watchdog that do the same.
    let by_software = |bit: u32| vec![(RTC_CNTL, 1 << bit)];
    let since_rmt = |writes: &[Write]| followed(3 * 8 + 2 + writes.len());
    let all = followed(under_way.len() + 1);
    for (name, writes, resets, per_reset, per_micro) in [
        ("the chip", by_software(31), boots.clone(), since_rmt(&by_software(31)), 0),
        ("a core", by_software(5), boots.clone(), all, 1),
        ("a watchdog's chip", fast_watchdogs(3), boots, since_rmt(&fast_watchdogs(3)), 0),
        // It goes on through the resets that it causes, so that no other boot comes further than to have the eFuses read.
        ("a watchdog's core", fast_watchdogs(2), micros / 2..=micros, 1, 2),
    ] {
        let mut machine = after(&[under_way.clone(), writes].concat(), Then::Spin, BoardDefinition::default());
        let mut first_work = None;
        let mut number = machine.take_resets().last().expect("a reset").number;
        for _ in 0..3 {
            let before = machine.device_work();
            machine.run_for(STORM);
            let last = machine.take_resets().last().expect("a reset").number;
            let count = last - std::mem::replace(&mut number, last);
            let work = machine.device_work() - before;
            assert!(resets.contains(&count), "{name}: {count} resets in {micros} us");
            let bound = (count + 1) * per_reset + micros * per_micro;
            assert!(work <= bound, "{name}: {work} calls and pulses for {count} resets, and {bound} is the bound");
            let first = *first_work.get_or_insert(work);
            assert!(work <= first + first / 10, "{name}: {first} calls and pulses became {work}");
        }
    }
}

/// Blocks with the words of their registers.
const BLOCKS: [(u32, u32); 17] = [
    (RMT, 0x300),
    (0x3FF5_9000, 0x64),
    (0x3FF5_E000, 0x48),
    (0x3FF6_C000, 0x48),
    (TIMG[0], 0x40),
    (TIMG[1], 0x40),
    (FRC1, 0xD),
    (0x3FF4_0000, 0x20),
    (UART1, 0x20),
    (0x3FF6_4000, 0x40),
    (0x3FF6_5000, 0x40),
    (0x3FF4_F000, 0x30),
    (0x3FF6_D000, 0x30),
    (0x3FF5_3000, 0x20),
    (RTC_CNTL, 0x36),
    (0x3FF4_8800, 0x28),
    (GPIO, 0x160),
];

fn writes() -> impl Strategy<Value = Vec<Write>> {
    let address = prop::sample::select(BLOCKS.to_vec())
        .prop_flat_map(|(base, words)| (0..words).prop_map(move |word| base + 4 * word));
    let value =
        prop_oneof![any::<u32>(), 0u32..4, (0u32..32).prop_map(|bit| 1 << bit), prop::sample::select(vec![u32::MAX])];
    let unlocked = TIMG.map(|group| (group + 0x64, 0x50D8_3AA1));
    prop::collection::vec((address, value), 1..60).prop_map(move |list| [&unlocked[..], &list].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_blocks_accept_any_settings(list in writes(), waits in any::<bool>()) {
        let then = if waits { Then::Wait } else { Then::Spin };
        let work = work(after(&list, then, mpython()));
        // The fastest of each: buffers of the ADCs' samples, edges of timers and watchdogs, bytes on I2C.
        assert!(work <= 8 * MICROS, "{work} in {MICROS} us");
    }
}

/// Bytes that a UART has sent come out also when its other side acts at that moment, which brings the UART to the present before its
/// own deadline does.
#[test]
fn sent_bytes_come_out_when_the_line_is_touched() {
    let touched = |step: Span| {
        let mut machine = after(&[], Then::Spin, BoardDefinition::default());
        machine.uart_take(0);
        machine.reset(Strap::FlashBoot);
        let end = machine.now() + BOOT;
        while machine.now() < end {
            machine.run_for(step);
            machine.set_uart_line_baud(0, None);
        }
        machine.uart_take(0).into_iter().map(|(_, byte)| byte).collect::<Vec<u8>>()
    };
    let output = touched(BOOT);
    // The ROM's last line is still on its way while the program does nothing any more.
    assert!(output.ends_with(b"entry 0x40080408\r\n"), "{output:?}");
    assert_eq!(touched(Span::from_micros(10)), output);
}

/// Forks of a machine share one chip with it as long as none of them runs, however often it is asked for output between them.
/// Each is forked off the one before and writes what that one has not written, in SRAM2 and in SRAM0.
#[test]
fn forks_of_forks_have_memories_of_their_own() {
    const GENERATIONS: u32 = 60;
    const MEMORIES: [u32; 2] = [0x3FFB_0000, 0x4009_0000];
    let place = |memory: u32, generation: u32| memory + generation * 0x404;
    let word = |machine: &mut Machine, address: u32| {
        let mut bytes = [0; 4];
        machine.peek(0, address, &mut bytes).expect("RAM can be read");
        u32::from_le_bytes(bytes)
    };
    let mut forks = vec![after(&[], Then::Spin, BoardDefinition::default())];
    for generation in 1..GENERATIONS {
        let mut fork = forks[generation as usize - 1].clone();
        fork.run_for(Span::from_micros(50));
        for memory in MEMORIES {
            let address = place(memory, generation);
            assert_eq!(word(&mut fork, address), 0, "{address:#x} in generation {generation}");
            fork.poke(0, address, &generation.to_le_bytes()).expect("RAM can be written");
        }
        forks.push(fork);
    }
    // Forks that run change nothing in those before them.
    forks.iter_mut().rev().step_by(2).for_each(|fork| _ = fork.run_for(Span::from_micros(50)));
    for (own, fork) in (0..).zip(&mut forks) {
        for (memory, generation) in
            MEMORIES.into_iter().flat_map(|memory| (1..GENERATIONS).map(move |one| (memory, one)))
        {
            let written = if generation <= own { generation } else { 0 };
            assert_eq!(word(fork, place(memory, generation)), written, "generation {own}, {memory:#x}, {generation}");
        }
    }
}

#[test]
fn forks_that_have_not_run_copy_no_memory() {
    let mut machine = after(&[], Then::Spin, BoardDefinition::default());
    assert!(!machine.uart_take(0).is_empty(), "the ROM says something");
    let fork = |machine: &mut Machine| {
        assert_eq!(machine.uart_take(0), []);
        machine.take_resets();
        machine.clone()
    };
    let mut forks: Vec<Machine> = (0..3).map(|_| fork(&mut machine)).collect();
    assert!(forks.iter().all(|fork| fork.shares_chip_with(&machine)));
    forks[0].run_for(MEASURED);
    assert_eq!([0, 1, 2].map(|index| forks[index].shares_chip_with(&machine)), [false, true, true]);
}
