//! Names and numbers of special and user registers (ISA manual, chapter "Processor State").

/// Bits of `VECBASE` that exist: vectors are aligned to 1024 bytes.
pub(crate) const VECBASE_MASK: u32 = 0xffff_fc00;
/// The bit of the floating-point unit in `CPENABLE`.
pub(crate) const COPROCESSOR_0: u32 = 1;
/// Bits of `FCR`: rounding mode and the enables of five exceptions.
pub(crate) const FCR_MASK: u32 = 0x0000_007f;
/// Its field for the rounding mode.
pub(crate) const ROUNDING: u32 = 3;
/// Bits of `FSR`: five sticky exception flags.
pub(crate) const FSR_MASK: u32 = 0x0000_0f80;
/// Interrupts that software sets and clears.
pub(crate) const SOFTWARE: u32 = 1 << 7 | 1 << 29;
/// External inputs that latch a rising edge.
pub(crate) const EDGE: u32 = 1 << 10 | 1 << 22 | 1 << 28 | 1 << 30;

/// Sticky flags of `FSR`.
pub(crate) mod flag {
    pub const INEXACT: u32 = 1 << 7;
    pub const UNDERFLOW: u32 = 1 << 8;
    pub const OVERFLOW: u32 = 1 << 9;
    pub const DIVIDE_BY_ZERO: u32 = 1 << 10;
    pub const INVALID: u32 = 1 << 11;
}

macro_rules! registers {
    ($(#[$meta:meta])* $kind:ident { $($variant:ident = $number:literal $name:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the variants are the register names of the ISA manual")]
        #[repr(u8)]
        pub enum $kind {
            $($variant = $number),*
        }

        impl $kind {
            /// All registers in order of their numbers.
            pub const ALL: &[$kind] = &[$($kind::$variant),*];

            /// The register with a number of the `RSR`, `WSR`, `XSR`, `RUR` or `WUR` instructions.
            pub fn from_number(number: u8) -> Option<$kind> {
                match number {
                    $($number => Some($kind::$variant),)*
                    _ => None,
                }
            }

            /// Name in assembler syntax.
            pub fn name(self) -> &'static str {
                match self {
                    $($kind::$variant => $name),*
                }
            }
        }
    };
}

registers! {
    /// Special registers of the ESP32's core.
    SpecialRegister {
        Lbeg = 0 "lbeg",
        Lend = 1 "lend",
        Lcount = 2 "lcount",
        Sar = 3 "sar",
        Br = 4 "br",
        Scompare1 = 12 "scompare1",
        Acclo = 16 "acclo",
        Acchi = 17 "acchi",
        M0 = 32 "m0",
        M1 = 33 "m1",
        M2 = 34 "m2",
        M3 = 35 "m3",
        Windowbase = 72 "windowbase",
        Windowstart = 73 "windowstart",
        Mmid = 89 "mmid",
        Ibreakenable = 96 "ibreakenable",
        Memctl = 97 "memctl",
        Atomctl = 99 "atomctl",
        Ddr = 104 "ddr",
        Ibreaka0 = 128 "ibreaka0",
        Ibreaka1 = 129 "ibreaka1",
        Dbreaka0 = 144 "dbreaka0",
        Dbreaka1 = 145 "dbreaka1",
        Dbreakc0 = 160 "dbreakc0",
        Dbreakc1 = 161 "dbreakc1",
        Configid0 = 176 "configid0",
        Epc1 = 177 "epc1",
        Epc2 = 178 "epc2",
        Epc3 = 179 "epc3",
        Epc4 = 180 "epc4",
        Epc5 = 181 "epc5",
        Epc6 = 182 "epc6",
        Epc7 = 183 "epc7",
        Depc = 192 "depc",
        Eps2 = 194 "eps2",
        Eps3 = 195 "eps3",
        Eps4 = 196 "eps4",
        Eps5 = 197 "eps5",
        Eps6 = 198 "eps6",
        Eps7 = 199 "eps7",
        Configid1 = 208 "configid1",
        Excsave1 = 209 "excsave1",
        Excsave2 = 210 "excsave2",
        Excsave3 = 211 "excsave3",
        Excsave4 = 212 "excsave4",
        Excsave5 = 213 "excsave5",
        Excsave6 = 214 "excsave6",
        Excsave7 = 215 "excsave7",
        Cpenable = 224 "cpenable",
        Interrupt = 226 "interrupt",
        Intclear = 227 "intclear",
        Intenable = 228 "intenable",
        Ps = 230 "ps",
        Vecbase = 231 "vecbase",
        Exccause = 232 "exccause",
        Debugcause = 233 "debugcause",
        Ccount = 234 "ccount",
        Prid = 235 "prid",
        Icount = 236 "icount",
        Icountlevel = 237 "icountlevel",
        Excvaddr = 238 "excvaddr",
        Ccompare0 = 240 "ccompare0",
        Ccompare1 = 241 "ccompare1",
        Ccompare2 = 242 "ccompare2",
        Misc0 = 244 "misc0",
        Misc1 = 245 "misc1",
        Misc2 = 246 "misc2",
        Misc3 = 247 "misc3",
    }
}

registers! {
    /// User registers of the ESP32's core.
    UserRegister {
        Expstate = 230 "expstate",
        Threadptr = 231 "threadptr",
        Fcr = 232 "fcr",
        Fsr = 233 "fsr",
        F64rLo = 234 "f64r_lo",
        F64rHi = 235 "f64r_hi",
        F64s = 236 "f64s",
    }
}
