//! The ISA vectors of `fixtures/isa/riscv`: one instruction each, on flat memory; and what LLVM disassembles random words to.

use std::collections::{BTreeMap, BTreeSet};

use crate::flat::Flat;
use crate::snapshot::{registers, set};
use crate::vector_file::{Vector, memory_address, parse};
use espalier_riscv::{Config, Cpu, Exit, Instruction, TABLE};

const MEMORY: usize = 1 << 16;

const FILES: [&str; 6] = [
    include_str!("../../../../../fixtures/isa/riscv/arithmetic.txt"),
    include_str!("../../../../../fixtures/isa/riscv/multiply.txt"),
    include_str!("../../../../../fixtures/isa/riscv/memory.txt"),
    include_str!("../../../../../fixtures/isa/riscv/branch.txt"),
    include_str!("../../../../../fixtures/isa/riscv/compressed.txt"),
    include_str!("../../../../../fixtures/isa/riscv/system.txt"),
];
const DISASSEMBLY: &str = include_str!("../../../../../fixtures/isa/riscv/disassembly.txt");

fn vectors() -> impl Iterator<Item = Vector> {
    FILES.iter().flat_map(|text| text.split("\n\n")).filter_map(parse)
}

fn prepare(vector: &Vector) -> (Cpu, Flat) {
    let mut bus = Flat::new(MEMORY, &[]);
    bus.bytes[vector.pc as usize..][..vector.code.len()].copy_from_slice(&vector.code);
    let mut cpu = Cpu::new(Config::ESP32C3);
    cpu.set_pc(vector.pc);
    for (place, value) in &vector.before {
        match memory_address(place) {
            Some(address) => bus.bytes[address..address + 4].copy_from_slice(&value.to_le_bytes()),
            None => assert!(set(&mut cpu, place, *value), "{}: unknown place {place}", vector.name),
        }
    }
    (cpu, bus)
}

fn expected(vector: &Vector, cpu: &Cpu, bus: &Flat) -> (BTreeMap<String, u32>, Flat) {
    let (mut values, mut bus) = (registers(cpu), bus.clone());
    values.insert("pc".to_owned(), vector.pc + vector.code.len() as u32);
    for (place, value) in &vector.after {
        match memory_address(place) {
            Some(address) => bus.bytes[address..address + 4].copy_from_slice(&value.to_le_bytes()),
            None => assert!(values.insert(place.clone(), *value).is_some(), "{}: unknown place {place}", vector.name),
        }
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

#[test]
fn every_vector_disassembles_to_its_text() {
    for vector in vectors() {
        let instruction = Instruction::decode(vector.word());
        if vector.text == "?" {
            assert_eq!(instruction, None, "{}", vector.name);
            continue;
        }
        let instruction = instruction.unwrap_or_else(|| panic!("{}: does not decode", vector.name));
        assert_eq!(instruction.to_string(), vector.text, "{}", vector.name);
        assert_eq!(usize::from(instruction.length()), vector.code.len(), "{}", vector.name);
    }
}

#[test]
fn every_opcode_has_a_vector() {
    let covered: BTreeSet<&str> = vectors()
        .filter_map(|vector| Instruction::decode(vector.word()))
        .map(|instruction| instruction.description().mnemonic)
        .collect();
    let missing: Vec<&str> = TABLE.iter().map(|row| row.mnemonic).filter(|name| !covered.contains(name)).collect();
    assert!(missing.is_empty(), "no vector for {missing:?}");
}

#[test]
fn random_words_disassemble_as_llvm_has_them() {
    let mut wrong = Vec::new();
    for line in DISASSEMBLY.lines().filter(|line| !line.starts_with('#')) {
        let (code, text) = line.split_once(": ").unwrap();
        let bytes = code.split(' ').rev().map(|byte| u32::from_str_radix(byte, 16).unwrap());
        let instruction = Instruction::decode(bytes.fold(0, |word, byte| word << 8 | byte));
        let ours = instruction.map_or("?".to_owned(), |instruction| instruction.to_string());
        if ours != text {
            wrong.push(format!("{code}: {ours}, and LLVM has {text}"));
        }
    }
    assert!(wrong.is_empty(), "{} words:\n{}", wrong.len(), wrong.join("\n"));
}
