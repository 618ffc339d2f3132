//! The Xtensa LX6 of the ESP32 as GDB sees it: its registers, their numbers and the target description.
//!
//! Numbers are those of Espressif's configuration of GDB for the ESP32, which OpenOCD and QEMU use as well: `pc`, the 64
//! physical address registers, what every program may use, and, from `mmid` on, what needs privileges. GDB makes the window
//! `a0` to `a15` and the fields of `ps` out of these itself. The answer to `g` ends before the privileged registers; GDB asks
//! for those one by one.

use std::fmt::Write;
use std::sync::LazyLock;

use espalier_xtensa::{Cpu, PHYSICAL_REGISTERS, SpecialRegister, UserRegister};
use gdbstub::arch::{Arch, RegId, Registers};

use SpecialRegister as S;
use UserRegister as U;

/// Registers that the answer to `g` has.
const IN_G_PACKET: usize = 105;
/// Bytes of each register in a packet, whatever its width.
pub(super) const REGISTER_BYTES: usize = size_of::<u32>();
const WINDOW: u8 = 16;
const FLOATS: u8 = 16;
/// Special registers that only programs with privileges may use, in the order of their numbers. `INTERRUPT` can be written under
/// a name of its own.
const PRIVILEGED: [(&str, SpecialRegister); 52] = [
    ("mmid", S::Mmid),
    ("ibreakenable", S::Ibreakenable),
    ("memctl", S::Memctl),
    ("atomctl", S::Atomctl),
    ("ddr", S::Ddr),
    ("ibreaka0", S::Ibreaka0),
    ("ibreaka1", S::Ibreaka1),
    ("dbreaka0", S::Dbreaka0),
    ("dbreaka1", S::Dbreaka1),
    ("dbreakc0", S::Dbreakc0),
    ("dbreakc1", S::Dbreakc1),
    ("epc1", S::Epc1),
    ("epc2", S::Epc2),
    ("epc3", S::Epc3),
    ("epc4", S::Epc4),
    ("epc5", S::Epc5),
    ("epc6", S::Epc6),
    ("epc7", S::Epc7),
    ("depc", S::Depc),
    ("eps2", S::Eps2),
    ("eps3", S::Eps3),
    ("eps4", S::Eps4),
    ("eps5", S::Eps5),
    ("eps6", S::Eps6),
    ("eps7", S::Eps7),
    ("excsave1", S::Excsave1),
    ("excsave2", S::Excsave2),
    ("excsave3", S::Excsave3),
    ("excsave4", S::Excsave4),
    ("excsave5", S::Excsave5),
    ("excsave6", S::Excsave6),
    ("excsave7", S::Excsave7),
    ("cpenable", S::Cpenable),
    ("interrupt", S::Interrupt),
    ("intset", S::Interrupt),
    ("intclear", S::Intclear),
    ("intenable", S::Intenable),
    ("vecbase", S::Vecbase),
    ("exccause", S::Exccause),
    ("debugcause", S::Debugcause),
    ("ccount", S::Ccount),
    ("prid", S::Prid),
    ("icount", S::Icount),
    ("icountlevel", S::Icountlevel),
    ("excvaddr", S::Excvaddr),
    ("ccompare0", S::Ccompare0),
    ("ccompare1", S::Ccompare1),
    ("ccompare2", S::Ccompare2),
    ("misc0", S::Misc0),
    ("misc1", S::Misc1),
    ("misc2", S::Misc2),
    ("misc3", S::Misc3),
];

/// Where a register's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RegisterSource {
    Pc,
    Physical(u8),
    Special(SpecialRegister),
    User(UserRegister),
    Float(u8),
    Window(u8),
}

struct Description {
    name: String,
    source: RegisterSource,
}

/// All registers, in the order of their numbers.
static REGISTERS: LazyLock<Vec<Description>> = LazyLock::new(|| {
    let mut registers = vec![(String::from("pc"), RegisterSource::Pc)];
    registers
        .extend((0..PHYSICAL_REGISTERS as u8).map(|number| (format!("ar{number}"), RegisterSource::Physical(number))));
    let special = |register: SpecialRegister| (register.name().to_owned(), RegisterSource::Special(register));
    let user = |register: UserRegister| (register.name().to_owned(), RegisterSource::User(register));
    registers.extend([S::Lbeg, S::Lend, S::Lcount, S::Sar, S::Windowbase, S::Windowstart].map(special));
    registers.extend([S::Configid0, S::Configid1, S::Ps].map(special));
    registers.push(user(U::Threadptr));
    registers.extend([S::Br, S::Scompare1, S::Acclo, S::Acchi, S::M0, S::M1, S::M2, S::M3].map(special));
    registers.extend([U::Expstate, U::F64rLo, U::F64rHi, U::F64s].map(user));
    registers.extend((0..FLOATS).map(|number| (format!("f{number}"), RegisterSource::Float(number))));
    registers.extend([U::Fcr, U::Fsr].map(user));
    registers.extend(PRIVILEGED.map(|(name, register)| (name.to_owned(), RegisterSource::Special(register))));
    registers.extend((0..WINDOW).map(|number| (format!("a{number}"), RegisterSource::Window(number))));
    registers.into_iter().map(|(name, source)| Description { name, source }).collect()
});

/// The target description ("Target Descriptions" in the manual of GDB).
static DESCRIPTION: LazyLock<String> = LazyLock::new(|| {
    let mut xml = String::from(concat!(
        "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target version=\"1.0\">",
        "<architecture>xtensa</architecture><feature name=\"org.gnu.gdb.xtensa.core\">"
    ));
    for (number, Description { name, source }) in REGISTERS.iter().enumerate() {
        let (kind, group) = match source {
            RegisterSource::Pc => ("code_ptr", "general"),
            RegisterSource::Window(1) => ("data_ptr", "general"),
            RegisterSource::Physical(_) | RegisterSource::Window(_) => ("int", "general"),
            RegisterSource::Float(_) => ("ieee_single", "float"),
            RegisterSource::Special(_) | RegisterSource::User(_) => ("uint32", "system"),
        };
        write!(xml, "<reg name=\"{name}\" bitsize=\"32\" regnum=\"{number}\" type=\"{kind}\" group=\"{group}\"/>")
            .expect("a string takes everything");
    }
    xml + "</feature></target>"
});

/// A register by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Register(usize);

impl Register {
    /// The registers that the answer to `g` has.
    pub fn in_g_packet() -> impl Iterator<Item = Register> {
        (0..IN_G_PACKET).map(Register)
    }

    pub fn read(self, cpu: &Cpu) -> u32 {
        match REGISTERS[self.0].source {
            RegisterSource::Pc => cpu.pc(),
            RegisterSource::Physical(number) => cpu.physical(usize::from(number)),
            RegisterSource::Special(register) => cpu.special(register),
            RegisterSource::User(register) => cpu.user(register),
            RegisterSource::Float(number) => cpu.float(number),
            RegisterSource::Window(number) => cpu.ar(number),
        }
    }

    pub fn write(self, cpu: &mut Cpu, value: u32) {
        if self.read(cpu) == value {
            return;
        }
        match REGISTERS[self.0].source {
            RegisterSource::Pc => cpu.set_pc(value),
            RegisterSource::Physical(number) => cpu.set_physical(usize::from(number), value),
            RegisterSource::Special(register) => cpu.set_special(register, value),
            RegisterSource::User(register) => cpu.set_user(register, value),
            RegisterSource::Float(number) => cpu.set_float(number, value),
            RegisterSource::Window(number) => cpu.set_ar(number, value),
        }
    }
}

impl RegId for Register {
    fn from_raw_id(id: usize) -> Option<(Register, Option<std::num::NonZeroUsize>)> {
        (id < REGISTERS.len()).then_some((Register(id), std::num::NonZeroUsize::new(REGISTER_BYTES)))
    }

    fn to_raw_id(&self) -> Option<usize> {
        Some(self.0)
    }
}

/// The registers of a `g` or `G` packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CoreRegisters {
    pub values: Vec<u32>,
}

impl Registers for CoreRegisters {
    type ProgramCounter = u32;

    fn pc(&self) -> u32 {
        self.values.first().copied().unwrap_or_default()
    }

    fn gdb_serialize(&self, mut write_byte: impl FnMut(Option<u8>)) {
        self.values.iter().flat_map(|value| value.to_le_bytes()).for_each(|byte| write_byte(Some(byte)));
    }

    fn gdb_deserialize(&mut self, bytes: &[u8]) -> Result<(), ()> {
        let (words, rest) = bytes.as_chunks();
        if words.len() != IN_G_PACKET || !rest.is_empty() {
            return Err(());
        }
        self.values = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
        Ok(())
    }
}

/// The architecture, for `gdbstub`.
#[derive(Debug)]
pub(crate) enum XtensaLx6 {}

impl Arch for XtensaLx6 {
    type Usize = u32;
    type Registers = CoreRegisters;
    type BreakpointKind = usize;
    type RegId = Register;

    fn target_description_xml() -> Option<&'static str> {
        Some(&DESCRIPTION)
    }
}

#[cfg(test)]
mod tests {
    use super::{DESCRIPTION, IN_G_PACKET, REGISTERS, Register};
    use espalier_xtensa::{Config, Cpu, SpecialRegister};
    use gdbstub::arch::RegId;

    /// Places at which Espressif's configuration of GDB and QEMU's `core-esp32` have these.
    #[test]
    fn numbers_are_those_of_espressif() {
        let at = |number: usize| REGISTERS[number].name.as_str();
        for (number, name) in [
            (0, "pc"),
            (1, "ar0"),
            (64, "ar63"),
            (65, "lbeg"),
            (69, "windowbase"),
            (73, "ps"),
            (74, "threadptr"),
            (76, "scompare1"),
            (83, "expstate"),
            (87, "f0"),
            (104, "fsr"),
            (105, "mmid"),
            (116, "epc1"),
            (129, "eps7"),
            (139, "intset"),
            (145, "ccount"),
            (156, "misc3"),
            (157, "a0"),
            (172, "a15"),
        ] {
            assert_eq!(at(number), name);
        }
        assert_eq!((at(IN_G_PACKET), REGISTERS.len()), ("mmid", 173));
        assert!(DESCRIPTION.contains("<reg name=\"ps\" bitsize=\"32\" regnum=\"73\""));
    }

    #[test]
    fn every_register_can_be_read_and_the_window_written() {
        let mut cpu = Cpu::new(Config::ESP32_PRO);
        cpu.set_special(SpecialRegister::Windowbase, 3);
        let register = |number| Register::from_raw_id(number).unwrap().0;
        (0..REGISTERS.len()).for_each(|number| {
            register(number).read(&cpu);
        });
        register(157 + 5).write(&mut cpu, 0x1234);
        assert_eq!((register(1 + 12 + 5).read(&cpu), cpu.ar(5)), (0x1234, 0x1234));
        assert_eq!(Register::from_raw_id(REGISTERS.len()), None);
    }
}
