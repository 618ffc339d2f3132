//! The ISA vectors of `fixtures/isa`: one instruction each, on flat memory.

use std::collections::{BTreeMap, BTreeSet};

use crate::flat::Flat;
use crate::snapshot::registers;
use crate::vector_file::{Vector, memory_address, parse};
use espalier_xtensa::{Config, Cpu, Exit, Instruction, SpecialRegister, TABLE, Translation, UserRegister};

const MEMORY: usize = 1 << 16;
const DEFAULT_PS: u32 = 0x4_0020;

const FILES: [(&str, &str); 14] = [
    ("arithmetic", include_str!("../../../../../fixtures/isa/arithmetic.txt")),
    ("multiply", include_str!("../../../../../fixtures/isa/multiply.txt")),
    ("shift", include_str!("../../../../../fixtures/isa/shift.txt")),
    ("memory", include_str!("../../../../../fixtures/isa/memory.txt")),
    ("branch", include_str!("../../../../../fixtures/isa/branch.txt")),
    ("loop", include_str!("../../../../../fixtures/isa/loop.txt")),
    ("window", include_str!("../../../../../fixtures/isa/window.txt")),
    ("exception", include_str!("../../../../../fixtures/isa/exception.txt")),
    ("special", include_str!("../../../../../fixtures/isa/special.txt")),
    ("region", include_str!("../../../../../fixtures/isa/region.txt")),
    ("boolean", include_str!("../../../../../fixtures/isa/boolean.txt")),
    ("mac16", include_str!("../../../../../fixtures/isa/mac16.txt")),
    ("float", include_str!("../../../../../fixtures/isa/float.txt")),
    ("core", include_str!("../../../../../fixtures/isa/core.txt")),
];

fn vectors() -> impl Iterator<Item = Vector> {
    FILES.iter().flat_map(|(_, text)| text.split("\n\n")).filter_map(parse)
}

/// Writes one place of the state. Address registers are relative to the window, so the window is set first.
fn set(cpu: &mut Cpu, bus: &mut Flat, place: &str, value: u32) {
    let numbered = |prefix: &str| place.strip_prefix(prefix).and_then(|digits| digits.parse::<u8>().ok());
    if let Some(address) = memory_address(place) {
        bus.bytes[address..address + 4].copy_from_slice(&value.to_le_bytes());
    } else if let Some(number) = numbered("a") {
        cpu.set_ar(number, value);
    } else if let Some(number) = numbered("f") {
        cpu.set_float(number, value);
    } else if let Some(register) = special(place) {
        cpu.set_special(register, value);
    } else if let Some(register) = UserRegister::ALL.iter().find(|register| register.name() == place) {
        cpu.set_user(*register, value);
    } else {
        panic!("unknown place {place}");
    }
}

fn special(place: &str) -> Option<SpecialRegister> {
    SpecialRegister::ALL.iter().copied().find(|register| register.name() == place)
}

fn prepare(vector: &Vector) -> (Cpu, Flat) {
    let mut bus = Flat::new(MEMORY, &[]);
    bus.bytes[vector.pc as usize..][..vector.code.len()].copy_from_slice(&vector.code);
    let mut cpu = Cpu::new(Config::ESP32_PRO);
    cpu.set_special(SpecialRegister::Ps, DEFAULT_PS);
    cpu.set_pc(vector.pc);
    let (window, rest): (Vec<_>, Vec<_>) =
        vector.before.iter().partition(|(place, _)| place.starts_with("window") || place == "ps");
    for (place, value) in window.into_iter().chain(rest) {
        set(&mut cpu, &mut bus, place, *value);
    }
    (cpu, bus)
}

fn expected(vector: &Vector, cpu: &Cpu, bus: &Flat) -> (BTreeMap<String, u32>, Flat) {
    let (mut values, mut bus) = (registers(cpu), bus.clone());
    values.insert("pc".to_owned(), vector.pc + vector.code.len() as u32);
    let base = cpu.special(SpecialRegister::Windowbase) as usize * 4;
    for (place, value) in &vector.after {
        if let Some(address) = memory_address(place) {
            bus.bytes[address..address + 4].copy_from_slice(&value.to_le_bytes());
            continue;
        }
        let place = match place.strip_prefix('a').and_then(|digits| digits.parse::<usize>().ok()) {
            Some(number) => format!("p{}", (base + number) % 64),
            None => place.clone(),
        };
        assert!(values.insert(place.clone(), *value).is_some(), "{}: unknown place {place}", vector.name);
    }
    (values, bus)
}

fn compare(vector: &Vector, how: &str, execute: impl Fn(&mut Cpu, &mut Flat) -> Exit) {
    let (mut cpu, mut bus) = prepare(vector);
    let (values, memory) = expected(vector, &cpu, &bus);
    execute(&mut cpu, &mut bus);
    let differences: Vec<String> = registers(&cpu)
        .iter()
        .filter(|(place, value)| values[*place] != **value)
        .map(|(place, value)| format!("{place} is {value:#x}, not {:#x}", values[place]))
        .collect();
    assert!(differences.is_empty(), "{} ({how}): {}", vector.name, differences.join(", "));
    assert!(bus.bytes == memory.bytes, "{} ({how}): memory differs", vector.name);
    assert_eq!(cpu.cycles(), 1, "{} ({how})", vector.name);
}

#[test]
fn every_vector_holds_in_the_plain_interpreter() {
    vectors().for_each(|vector| compare(&vector, "step", |cpu, bus| cpu.step(bus)));
}

#[test]
fn every_vector_holds_in_the_block_interpreter() {
    vectors().for_each(|vector| compare(&vector, "run", |cpu, bus| cpu.run(bus, 1)));
}

/// With what follows it, for a block is entered only if there is room for all of it.
#[test]
fn every_vector_does_the_same_in_translated_code() {
    for vector in vectors() {
        let (mut stepped, mut memory) = prepare(&vector);
        let (mut cpu, mut bus) = prepare(&vector);
        cpu.set_translation(Translation::After(1));
        cpu.run(&mut bus, 2);
        while stepped.cycles() < cpu.cycles() {
            stepped.step(&mut memory);
        }
        assert_eq!(registers(&cpu), registers(&stepped), "{}", vector.name);
        assert!(bus.bytes == memory.bytes, "{}: memory differs", vector.name);
    }
}

#[test]
fn every_vector_disassembles_to_its_text() {
    for vector in vectors().filter(|vector| vector.text != "?") {
        let instruction = Instruction::decode(vector.word(), vector.pc);
        let instruction = instruction.unwrap_or_else(|| panic!("{}: does not decode", vector.name));
        assert_eq!(instruction.to_string(), vector.text, "{}", vector.name);
        assert_eq!(usize::from(instruction.length()), vector.code.len(), "{}", vector.name);
    }
}

#[test]
fn every_opcode_has_a_vector() {
    let covered: BTreeSet<u16> = vectors()
        .filter_map(|vector| Instruction::decode(vector.word(), vector.pc))
        .map(|instruction| instruction.opcode as u16)
        .collect();
    let missing: Vec<&str> =
        TABLE.iter().filter(|row| !covered.contains(&(row.opcode as u16))).map(|row| row.mnemonic).collect();
    assert!(missing.is_empty(), "no vector for {missing:?}");
}
