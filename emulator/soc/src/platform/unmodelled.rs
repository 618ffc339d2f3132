//! Accesses of software that the model does not cover: counted by register, noted at the first access.
//!
//! A note is worth a line on a terminal: one for a block that is not modelled, one for each register that a modelled block lacks.
//! The counts have everything, by register and by block.

use std::fmt;

use espalier_core::{Damaged, FlatMap, Load, Persist, Reader, Time, Writer};

use super::block::Row;
use crate::error::SocError;

/// The name of peripheral space without a block, beside those of the memory map.
const UNMAPPED: &str = "unmapped";
/// The name that stands for instructions whose effect is not public.
const CORE: &str = "CPU core";
/// Registers that are told apart. Accesses to more are counted by block only.
const REGISTERS_KEPT: usize = 4096;
/// Notes that are kept. What is touched for the first time after that is counted, not noted.
const NOTES_KEPT: usize = 64;
/// Peripheral space without a block is noted once for each piece of this size, for that is the size of most blocks.
const UNMAPPED_GRAIN: u32 = 0x1000;

/// Accesses to one register, or one address, that is not modelled; or an instruction that is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmodelledAccess {
    /// Name of the block in the memory map; `None` where there is no block.
    pub block: Option<&'static str>,
    pub address: u32,
    /// Mnemonic of the instruction, which is at `address`.
    pub instruction: Option<&'static str>,
    /// Where the register is in its block, in bytes; without a block, the address.
    pub offset: u32,
    pub write: bool,
    /// When the first of these accesses was made.
    pub at: Time,
    /// Core that made it.
    pub core: usize,
    /// Where that core was: the start of the block of code that made the access.
    pub pc: u32,
    /// Value that the first access wrote.
    pub value: u32,
    pub count: u64,
}

impl UnmodelledAccess {
    /// The access without the code that made it, such as `write of 0x7 to RMT+0x4 (0x3ff56004)`.
    pub fn description(&self) -> String {
        if let Some(instruction) = self.instruction {
            return format!("instruction {instruction}, whose effect is not public,");
        }
        let verb = if self.write { format!("write of {:#x} to", self.value) } else { "read of".to_owned() };
        match self.block {
            Some(block) => format!("{verb} {block}+{:#x} ({:#010x})", self.offset, self.address),
            None => format!("{verb} {UNMAPPED} {:#010x}", self.address),
        }
    }
}

impl fmt::Display for UnmodelledAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by core {} in the code at {:#010x}", self.description(), self.core, self.pc)
    }
}

/// All accesses to one block that is not modelled, or to the registers that a modelled one lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmodelledBlock {
    /// Name of the block in the memory map; `None` for peripheral space without a block.
    pub block: Option<&'static str>,
    /// Its registers that were touched, as far as they were told apart.
    pub registers: usize,
    pub accesses: u64,
}

impl fmt::Display for UnmodelledBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count| if count == 1 { "" } else { "s" };
        let (registers, accesses) = (self.registers as u64, self.accesses);
        let block = self.block.unwrap_or(UNMAPPED);
        write!(f, "{block}: {accesses} access{}", if accesses == 1 { "" } else { "es" })?;
        write!(f, " to {registers} register{}", plural(registers))
    }
}

/// Names of blocks as strict mode is told to allow them.
#[derive(Clone, Debug, Default)]
pub struct Allowed(Vec<&'static str>);

impl Allowed {
    /// Checks the names, in any case of letters.
    pub fn new(names: &[String], rows: &[Row]) -> Result<Allowed, SocError> {
        names.iter().map(|name| known_name(name, rows)).collect::<Result<_, _>>().map(Allowed)
    }

    fn has(&self, block: Option<&'static str>) -> bool {
        self.0.contains(&block.unwrap_or(UNMAPPED))
    }
}

fn known_name(name: &str, rows: &[Row]) -> Result<&'static str, SocError> {
    let mut names: Vec<&'static str> = rows.iter().map(|row| row.name).collect();
    names.extend([UNMAPPED, CORE]);
    let known = names.iter().copied().find(|known| known.eq_ignore_ascii_case(name));
    known.ok_or_else(|| SocError::UnknownBlock { name: name.to_owned(), names: names.join(", ") })
}

/// The log of all such accesses since power-on.
#[derive(Clone, Debug, Default)]
pub struct UnmodelledLog {
    accesses: FlatMap<(u32, bool), UnmodelledAccess>,
    /// Accesses by block to registers beyond those that are kept.
    beyond: FlatMap<Option<&'static str>, u64>,
    /// The notes, in order, and the places that each stands for.
    notes: Vec<UnmodelledAccess>,
    noted: FlatMap<u32, ()>,
    allowed: Allowed,
    names: Names,
    /// The first new entry outside of what is allowed that was not reported yet.
    fresh: Option<(u32, bool)>,
}

/// The mnemonic of an instruction of the chip's cores that is spelt so.
pub type Mnemonics = fn(&str) -> Option<&'static str>;

/// Names of what software can touch.
#[derive(Clone, Debug)]
struct Names {
    blocks: Vec<&'static str>,
    mnemonics: Mnemonics,
}

impl Default for Names {
    fn default() -> Names {
        Names { blocks: Vec::new(), mnemonics: |_| None }
    }
}

/// The core that makes an access, and the time.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    pub core: usize,
    /// Start of the block of code that the core executes.
    pub pc: u32,
}

/// Names are written as text, and read as those of the chip's blocks and of instructions.
impl Persist for UnmodelledLog {
    fn save(&self, to: &mut Writer) {
        let UnmodelledLog { accesses, beyond, notes, noted, allowed: _, fresh, names: _ } = self;
        to.length(accesses.len());
        for (key, access) in accesses.iter() {
            key.save(to);
            save_access(access, to);
        }
        to.length(beyond.len());
        for (block, count) in beyond.iter() {
            block.map(str::to_owned).save(to);
            count.save(to);
        }
        to.length(notes.len());
        notes.iter().for_each(|note| save_access(note, to));
        noted.save(to);
        fresh.save(to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        let names = &self.names;
        let count = from.length()?;
        self.accesses =
            (0..count).map(|_| Ok((Load::load(from)?, load_access(names, from)?))).collect::<Result<_, _>>()?;
        let count = from.length()?;
        self.beyond = (0..count).map(|_| Ok((load_name(names, from)?, Load::load(from)?))).collect::<Result<_, _>>()?;
        let count = from.length()?;
        self.notes = (0..count).map(|_| load_access(names, from)).collect::<Result<_, _>>()?;
        self.noted.restore(from)?;
        self.fresh.restore(from)
    }
}

fn save_access(access: &UnmodelledAccess, to: &mut Writer) {
    let UnmodelledAccess { block, address, instruction, offset, write, at, core, pc, value, count } = access;
    (block.map(str::to_owned), *address, instruction.map(str::to_owned), *offset).save(to);
    (*write, *at, *core, *pc).save(to);
    (*value, *count).save(to);
}

fn load_access(names: &Names, from: &mut Reader<'_>) -> Result<UnmodelledAccess, Damaged> {
    let (block, address) = (load_name(names, from)?, Load::load(from)?);
    let (instruction, offset) = (load_name(names, from)?, Load::load(from)?);
    let (write, at, core, pc) = Load::load(from)?;
    let (value, count) = Load::load(from)?;
    Ok(UnmodelledAccess { block, address, instruction, offset, write, at, core, pc, value, count })
}

fn load_name(names: &Names, from: &mut Reader<'_>) -> Result<Option<&'static str>, Damaged> {
    let Some(name) = Option::<String>::load(from)? else { return Ok(None) };
    let mut blocks = names.blocks.iter().copied().chain([UNMAPPED, CORE]);
    let found = blocks.find(|known| *known == name).or_else(|| (names.mnemonics)(&name));
    found.map(Some).ok_or_else(|| from.damaged("no block and no instruction has this name"))
}

impl UnmodelledLog {
    pub fn new(allowed: Allowed, rows: &[Row], mnemonics: Mnemonics) -> UnmodelledLog {
        let names = Names { blocks: rows.iter().map(|row| row.name).collect(), mnemonics };
        UnmodelledLog { allowed, names, ..UnmodelledLog::default() }
    }

    /// Counts an access. Returns true if it is the first of its kind.
    pub fn record(
        &mut self,
        place: Option<(&Row, u32)>,
        address: u32,
        write: Option<u32>,
        origin: Origin,
        at: Time,
    ) -> bool {
        let key = (address, write.is_some());
        if let Some(access) = self.accesses.get_mut(&key) {
            access.count += 1;
            return false;
        }
        let block = place.map(|(row, _)| row.name);
        if self.accesses.len() >= REGISTERS_KEPT {
            *self.beyond.get_or_default(block) += 1;
            return false;
        }
        let access = UnmodelledAccess {
            block,
            address,
            instruction: None,
            offset: place.map_or(address, |(_, offset)| offset),
            write: write.is_some(),
            at,
            core: origin.core,
            pc: origin.pc,
            value: write.unwrap_or(0),
            count: 1,
        };
        self.note(place.map(|(row, _)| row), &access);
        self.insert(key, access);
        true
    }

    /// Counts an instruction whose effect is not public. Returns true if it is the first at its address.
    pub fn record_instruction(&mut self, mnemonic: &'static str, origin: Origin, at: Time) -> bool {
        let (address, instruction) = (origin.pc, Some(mnemonic));
        let key = (address, false);
        if let Some(access) = self.accesses.get_mut(&key) {
            access.count += 1;
            return false;
        }
        if self.accesses.len() >= REGISTERS_KEPT {
            *self.beyond.get_or_default(Some(CORE)) += 1;
            return false;
        }
        let Origin { core, pc } = origin;
        let access = UnmodelledAccess {
            block: Some(CORE),
            address,
            instruction,
            offset: address,
            write: false,
            at,
            core,
            pc,
            value: 0,
            count: 1,
        };
        let known = self.notes.iter().any(|note| note.instruction == instruction);
        if !known && self.notes.len() < NOTES_KEPT {
            self.notes.push(access.clone());
        }
        self.insert(key, access);
        true
    }

    fn insert(&mut self, key: (u32, bool), access: UnmodelledAccess) {
        if !self.allowed.has(access.block) {
            self.fresh.get_or_insert(key);
        }
        self.accesses.insert(key, access);
    }

    fn note(&mut self, row: Option<&Row>, access: &UnmodelledAccess) {
        let place = match row {
            None => access.address - access.address % UNMAPPED_GRAIN,
            Some(Row { stub: true, base, .. }) => *base,
            Some(_) => access.address,
        };
        if self.notes.len() < NOTES_KEPT && self.noted.insert(place, ()).is_none() {
            self.notes.push(access.clone());
        }
    }

    /// Takes the first new entry that is not allowed.
    pub fn take_fresh(&mut self) -> Option<UnmodelledAccess> {
        self.accesses.get(&self.fresh.take()?).cloned()
    }

    pub fn iter(&self) -> impl Iterator<Item = &UnmodelledAccess> {
        self.accesses.values()
    }

    pub fn notes(&self) -> &[UnmodelledAccess] {
        &self.notes
    }

    pub fn blocks(&self) -> Vec<UnmodelledBlock> {
        let mut blocks: FlatMap<_, (FlatMap<u32, ()>, u64)> = FlatMap::new();
        for access in self.accesses.values() {
            let (registers, accesses) = blocks.get_or_default(access.block);
            registers.insert(access.address, ());
            *accesses += access.count;
        }
        for (block, beyond) in self.beyond.iter() {
            blocks.get_or_default(*block).1 += beyond;
        }
        let totals = blocks.iter();
        totals
            .map(|(block, (registers, accesses))| UnmodelledBlock {
                block: *block,
                registers: registers.len(),
                accesses: *accesses,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Allowed, NOTES_KEPT, Origin, REGISTERS_KEPT, UnmodelledLog};
    use crate::error::SocError;
    use crate::platform::block::Block;
    use crate::platform::map::{Map, Window};
    use espalier_core::Time;

    const SDMMC: u32 = 0x3FF6_8000;
    const UART0: u32 = 0x3FF4_0000;
    const NOWHERE: u32 = 0x3FF3_0000;

    /// A chip with a block that is modelled and one that is not.
    fn map() -> Map {
        const WINDOWS: &[Window] = &[Window { base: 0x3FF0_0000, size: 0x8_0000, shows: 0x3FF0_0000 }];
        let mut uart: Block<()> = Block::stub("UART0", UART0, 0x1000);
        uart.row.stub = false;
        Map::new(&[uart, Block::stub("SDMMC", SDMMC, 0x1000)], WINDOWS)
    }

    fn touch(log: &mut UnmodelledLog, address: u32, write: Option<u32>) -> bool {
        let map = map();
        let place = map.find(address).map(|(index, offset)| (map.row(index), offset));
        log.record(place, address, write, Origin { core: 1, pc: 0x4008_1234 }, Time::from_micros(5))
    }

    #[test]
    fn an_access_is_logged_once_and_counted_after_that() {
        let mut log = UnmodelledLog::default();
        assert!(touch(&mut log, SDMMC + 0x2C, Some(7)));
        assert!(log.take_fresh().is_some());
        assert!(!touch(&mut log, SDMMC + 0x2C, Some(8)));
        assert!(log.take_fresh().is_none());
        let all: Vec<_> = log.iter().collect();
        assert_eq!((all.len(), all[0].count, all[0].value), (1, 2, 7));
        assert_eq!(all[0].to_string(), "write of 0x7 to SDMMC+0x2c (0x3ff6802c) by core 1 in the code at 0x40081234");
        touch(&mut log, SDMMC, None);
        touch(&mut log, NOWHERE, None);
        let blocks: Vec<_> = log.blocks().iter().map(ToString::to_string).collect();
        assert_eq!(blocks, ["unmapped: 1 access to 1 register", "SDMMC: 3 accesses to 2 registers"]);
    }

    #[test]
    fn a_block_is_noted_once_and_a_missing_register_of_a_modelled_block_too() {
        let mut log = UnmodelledLog::default();
        for address in [SDMMC + 8, SDMMC, UART0 + 0xF00, NOWHERE + 4, UART0 + 0xF00, NOWHERE, UART0 + 0xF04] {
            touch(&mut log, address, None);
            touch(&mut log, address, Some(1));
        }
        let noted: Vec<_> = log.notes().iter().map(|note| note.address).collect();
        assert_eq!(noted, [SDMMC + 8, UART0 + 0xF00, NOWHERE + 4, UART0 + 0xF04]);
    }

    #[test]
    fn an_instruction_is_noted_once_wherever_it_is() {
        let mut log = UnmodelledLog::default();
        for (mnemonic, pc) in [("f64norm", 0x4008_0000), ("f64rnd", 0x4008_0003), ("f64norm", 0x4008_0006)] {
            assert!(log.record_instruction(mnemonic, Origin { core: 0, pc }, Time::ZERO));
            assert!(!log.record_instruction(mnemonic, Origin { core: 0, pc }, Time::ZERO));
        }
        let noted: Vec<_> = log.notes().iter().map(ToString::to_string).collect();
        let expected = [("f64norm", "0x40080000"), ("f64rnd", "0x40080003")].map(|(mnemonic, pc)| {
            format!("instruction {mnemonic}, whose effect is not public, by core 0 in the code at {pc}")
        });
        assert_eq!(noted, expected);
        assert_eq!(log.blocks()[0].accesses, 6);
    }

    #[test]
    fn allowed_blocks_do_not_hide_the_others() {
        let mut log = UnmodelledLog::new(
            Allowed::new(&["sdmmc".to_owned(), "UNMAPPED".to_owned()], map().rows()).unwrap(),
            map().rows(),
            |_| None,
        );
        for address in [SDMMC, UART0 + 0xF00, SDMMC + 4, NOWHERE] {
            touch(&mut log, address, None);
        }
        assert_eq!(log.take_fresh().unwrap().address, UART0 + 0xF00);
        assert_eq!(log.take_fresh(), None);
        let Err(SocError::UnknownBlock { name, names }) = Allowed::new(&["SDMCC".to_owned()], map().rows()) else {
            panic!()
        };
        assert_eq!(name, "SDMCC");
        assert!(names.contains("SDMMC, ") && names.ends_with("unmapped, CPU core"), "{names}");
    }

    #[test]
    fn the_log_is_bounded_and_the_counts_of_blocks_are_not() {
        let mut log = UnmodelledLog::default();
        for word in 0..2 * REGISTERS_KEPT as u32 {
            touch(&mut log, NOWHERE - 0x1_0000 + 4 * word, None);
        }
        assert_eq!((log.iter().count(), log.notes().len() <= NOTES_KEPT), (REGISTERS_KEPT, true));
        let total: u64 = log.blocks().iter().map(|block| block.accesses).sum();
        assert_eq!(total, 2 * REGISTERS_KEPT as u64);
    }
}
