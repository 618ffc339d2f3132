//! The one opcode table: decoder and disassembler are generated from it, and the interpreter matches on its opcodes, so that an opcode
//! without an implementation does not compile.
//!
//! Encodings follow the "Instruction Descriptions" and "Instruction Formats and Opcodes" chapters of the *Xtensa
//! Instruction Set Architecture Reference Manual*, restricted to the options of the ESP32's core (density, loops,
//! windowed registers, MAC16, MUL32, DIV32, booleans, single-precision floating point with its division and root
//! helpers, region protection, debug). A row is
//!
//! `Opcode, "mnemonic", mask, match, flow, cost, [operands];`
//!
//! where `word & mask == match` selects the row, `flow` says how the instruction affects straight-line execution, `cost` how long it
//! takes and when its result is there ([`Cost`](crate::Cost), which names the sources), and the operands are listed in assembler order.

/// Passes every row of the opcode table to the macro `$callback`.
macro_rules! for_each_instruction {
    ($callback:ident) => {
        $callback! {
            // RST0: arithmetic and logic.
            And, "and", 0xff000f, 0x100000, Next, One, [Reg(R), Reg(S), Reg(T)];
            Or, "or", 0xff000f, 0x200000, Next, One, [Reg(R), Reg(S), Reg(T)];
            Xor, "xor", 0xff000f, 0x300000, Next, One, [Reg(R), Reg(S), Reg(T)];
            Neg, "neg", 0xff0f0f, 0x600000, Next, One, [Reg(R), Reg(T)];
            Abs, "abs", 0xff0f0f, 0x600100, Next, One, [Reg(R), Reg(T)];
            Add, "add", 0xff000f, 0x800000, Next, One, [Reg(R), Reg(S), Reg(T)];
            Addx2, "addx2", 0xff000f, 0x900000, Next, One, [Reg(R), Reg(S), Reg(T)];
            Addx4, "addx4", 0xff000f, 0xa00000, Next, One, [Reg(R), Reg(S), Reg(T)];
            Addx8, "addx8", 0xff000f, 0xb00000, Next, One, [Reg(R), Reg(S), Reg(T)];
            Sub, "sub", 0xff000f, 0xc00000, Next, One, [Reg(R), Reg(S), Reg(T)];
            Subx2, "subx2", 0xff000f, 0xd00000, Next, One, [Reg(R), Reg(S), Reg(T)];
            Subx4, "subx4", 0xff000f, 0xe00000, Next, One, [Reg(R), Reg(S), Reg(T)];
            Subx8, "subx8", 0xff000f, 0xf00000, Next, One, [Reg(R), Reg(S), Reg(T)];
            // SNM0: jumps through registers and returns.
            Ill, "ill", 0xffffff, 0x000000, End, One, [];
            Ret, "ret", 0xffffff, 0x000080, End, One, [Hidden(0)];
            Retw, "retw", 0xffffff, 0x000090, End, One, [Hidden(0)];
            Jx, "jx", 0xfff0ff, 0x0000a0, End, Use, [Reg(S)];
            Callx0, "callx0", 0xfff0ff, 0x0000c0, End, Use, [Reg(S)];
            Callx4, "callx4", 0xfff0ff, 0x0000d0, End, Use, [Hidden(1), Reg(S)];
            Callx8, "callx8", 0xfff0ff, 0x0000e0, End, Use, [Hidden(2), Reg(S)];
            Callx12, "callx12", 0xfff0ff, 0x0000f0, End, Use, [Hidden(3), Reg(S)];
            Movsp, "movsp", 0xfff00f, 0x001000, Next, One, [Reg(T), Reg(S)];
            // SYNC.
            Isync, "isync", 0xffffff, 0x002000, End, Refill, [];
            Rsync, "rsync", 0xffffff, 0x002010, Next, One, [];
            Esync, "esync", 0xffffff, 0x002020, Next, One, [];
            Dsync, "dsync", 0xffffff, 0x002030, Next, One, [];
            Excw, "excw", 0xffffff, 0x002080, Next, One, [];
            Memw, "memw", 0xffffff, 0x0020c0, Next, One, [];
            Extw, "extw", 0xffffff, 0x0020d0, Next, One, [];
            Nop, "nop", 0xffffff, 0x0020f0, Next, One, [];
            // Wires of the core (GPIO32) and helpers of double-precision arithmetic, as Espressif's configuration of the core encodes
            // them (`xtensa-modules.c` of its overlays).
            ReadImpwire, "read_impwire", 0xffff0f, 0x0e0000, Next, One, [Reg(T)];
            SetbExpstate, "setb_expstate", 0xfffe0f, 0x0e1000, Next, One, [BitIndex];
            ClrbExpstate, "clrb_expstate", 0xfffe0f, 0x0e1200, Next, One, [BitIndex];
            WrmskExpstate, "wrmsk_expstate", 0xfff00f, 0x0e2000, Next, One, [Reg(T), Reg(S)];
            F64sig, "f64sig", 0xfff00f, 0x0ed000, End, One, [Reg(T), Reg(S)];
            F64sexp, "f64sexp", 0xff000f, 0x1e0000, End, One, [Reg(R), Reg(S), Reg(T)];
            F64norm, "f64norm", 0xef000f, 0x2e0000, End, One, [Reg(R), Reg(S), Reg(T), Bits((20, 1))];
            F64rnd, "f64rnd", 0xcf000f, 0x4e0000, End, One, [Reg(R), Reg(S), Reg(T), Bits((20, 2))];
            F64iter, "f64iter", 0x8f000f, 0x8e0000, End, One, [Reg(R), Reg(S), Reg(T), Bits((20, 2)), Bits((22, 1))];
            F64cmph, "f64cmph", 0x0f000f, 0x0f0000, End, One, [Reg(R), Reg(S), Reg(T), Bits((20, 4))];
            F64cmpl, "f64cmpl", 0xff000f, 0xeb0000, End, One, [Reg(R), Reg(S), Reg(T)];
            F64addc, "f64addc", 0xff800f, 0xfb0000, End, One, [Reg(T), Reg(S), Bits((13, 2)), Bits((12, 1))];
            F64subc, "f64subc", 0xff800f, 0xfb8000, End, One, [Reg(T), Reg(S), Bits((13, 2)), Bits((12, 1))];
            Rf64r, "rf64r", 0xfffe0f, 0x0bce00, End, One, [Reg(T), Bits((8, 1))];
            Wf64r, "wf64r", 0xffe00f, 0x0be000, End, One, [Reg(S), Reg(T), Bits((12, 1))];
            // RFEI and its neighbours.
            Rfe, "rfe", 0xffffff, 0x003000, End, One, [];
            Rfde, "rfde", 0xffffff, 0x003200, End, One, [];
            Rfwo, "rfwo", 0xffffff, 0x003400, End, One, [];
            Rfwu, "rfwu", 0xffffff, 0x003500, End, One, [];
            Rfi, "rfi", 0xfff0ff, 0x003010, End, One, [Level];
            Break, "break", 0xfff00f, 0x004000, End, One, [Level, BreakT];
            Syscall, "syscall", 0xffffff, 0x005000, End, One, [];
            Simcall, "simcall", 0xffffff, 0x005100, Next, One, [];
            Rsil, "rsil", 0xfff00f, 0x006000, End, One, [Reg(T), Level];
            Waiti, "waiti", 0xfff0ff, 0x007000, End, One, [Level];
            Any4, "any4", 0xfff00f, 0x008000, Next, One, [Bool(T), BoolGroup4];
            All4, "all4", 0xfff00f, 0x009000, Next, One, [Bool(T), BoolGroup4];
            Any8, "any8", 0xfff00f, 0x00a000, Next, One, [Bool(T), BoolGroup8];
            All8, "all8", 0xfff00f, 0x00b000, Next, One, [Bool(T), BoolGroup8];
            // ST1.
            Ssr, "ssr", 0xfff0ff, 0x400000, Next, Use, [Reg(S)];
            Ssl, "ssl", 0xfff0ff, 0x401000, Next, Use, [Reg(S)];
            Ssa8l, "ssa8l", 0xfff0ff, 0x402000, Next, Use, [Reg(S)];
            Ssa8b, "ssa8b", 0xfff0ff, 0x403000, Next, Use, [Reg(S)];
            Ssai, "ssai", 0xfff0ef, 0x404000, Next, One, [SsaiAmount];
            Rer, "rer", 0xfff00f, 0x406000, Next, One, [Reg(T), Reg(S)];
            Wer, "wer", 0xfff00f, 0x407000, End, Use, [Reg(T), Reg(S)];
            Rotw, "rotw", 0xffff0f, 0x408000, End, One, [RotateAmount];
            Nsa, "nsa", 0xfff00f, 0x40e000, Next, One, [Reg(T), Reg(S)];
            Nsau, "nsau", 0xfff00f, 0x40f000, Next, One, [Reg(T), Reg(S)];
            // TLB: region protection.
            Ritlb0, "ritlb0", 0xfff00f, 0x503000, Next, One, [Reg(T), Reg(S)];
            Iitlb, "iitlb", 0xfff0ff, 0x504000, Next, One, [Reg(S)];
            Pitlb, "pitlb", 0xfff00f, 0x505000, Next, One, [Reg(T), Reg(S)];
            Witlb, "witlb", 0xfff00f, 0x506000, End, One, [Reg(T), Reg(S)];
            Ritlb1, "ritlb1", 0xfff00f, 0x507000, Next, One, [Reg(T), Reg(S)];
            Rdtlb0, "rdtlb0", 0xfff00f, 0x50b000, Next, One, [Reg(T), Reg(S)];
            Idtlb, "idtlb", 0xfff0ff, 0x50c000, Next, One, [Reg(S)];
            Pdtlb, "pdtlb", 0xfff00f, 0x50d000, Next, One, [Reg(T), Reg(S)];
            Wdtlb, "wdtlb", 0xfff00f, 0x50e000, Next, One, [Reg(T), Reg(S)];
            Rdtlb1, "rdtlb1", 0xfff00f, 0x50f000, Next, One, [Reg(T), Reg(S)];
            // RST1: shifts and 16-bit products.
            Slli, "slli", 0xef000f, 0x010000, Next, One, [Reg(R), Reg(S), SlliAmount];
            Srai, "srai", 0xef000f, 0x210000, Next, One, [Reg(R), Reg(T), SraiAmount];
            Srli, "srli", 0xff000f, 0x410000, Next, One, [Reg(R), Reg(T), SrliAmount];
            Src, "src", 0xff000f, 0x810000, Next, One, [Reg(R), Reg(S), Reg(T)];
            Srl, "srl", 0xff0f0f, 0x910000, Next, One, [Reg(R), Reg(T)];
            Sll, "sll", 0xff00ff, 0xa10000, Next, One, [Reg(R), Reg(S)];
            Sra, "sra", 0xff0f0f, 0xb10000, Next, One, [Reg(R), Reg(T)];
            Mul16u, "mul16u", 0xff000f, 0xc10000, Next, Product, [Reg(R), Reg(S), Reg(T)];
            Mul16s, "mul16s", 0xff000f, 0xd10000, Next, Product, [Reg(R), Reg(S), Reg(T)];
            Xsr, "xsr", 0xff000f, 0x610000, End, Use, [Reg(T), Special];
            Rfdo, "rfdo", 0xffffff, 0xf1e000, End, One, [];
            Rfdd, "rfdd", 0xffffff, 0xf1e010, End, One, [];
            Lddr32P, "lddr32.p", 0xfff0ff, 0x0070e0, Next, One, [Reg(S)];
            Sddr32P, "sddr32.p", 0xfff0ff, 0x0070f0, Next, Use, [Reg(S)];
            // RST2: booleans, 32-bit products and division.
            Andb, "andb", 0xff000f, 0x020000, Next, One, [Bool(R), Bool(S), Bool(T)];
            Andbc, "andbc", 0xff000f, 0x120000, Next, One, [Bool(R), Bool(S), Bool(T)];
            Orb, "orb", 0xff000f, 0x220000, Next, One, [Bool(R), Bool(S), Bool(T)];
            Orbc, "orbc", 0xff000f, 0x320000, Next, One, [Bool(R), Bool(S), Bool(T)];
            Xorb, "xorb", 0xff000f, 0x420000, Next, One, [Bool(R), Bool(S), Bool(T)];
            Mull, "mull", 0xff000f, 0x820000, Next, Product, [Reg(R), Reg(S), Reg(T)];
            Muluh, "muluh", 0xff000f, 0xa20000, Next, Product, [Reg(R), Reg(S), Reg(T)];
            Mulsh, "mulsh", 0xff000f, 0xb20000, Next, Product, [Reg(R), Reg(S), Reg(T)];
            Quou, "quou", 0xff000f, 0xc20000, Next, Division, [Reg(R), Reg(S), Reg(T)];
            Quos, "quos", 0xff000f, 0xd20000, Next, Division, [Reg(R), Reg(S), Reg(T)];
            Remu, "remu", 0xff000f, 0xe20000, Next, Division, [Reg(R), Reg(S), Reg(T)];
            Rems, "rems", 0xff000f, 0xf20000, Next, Division, [Reg(R), Reg(S), Reg(T)];
            // RST3: special and user registers, conditional moves, miscellaneous operations.
            Rsr, "rsr", 0xff000f, 0x030000, Next, One, [Reg(T), Special];
            Wsr, "wsr", 0xff000f, 0x130000, End, Use, [Reg(T), Special];
            Sext, "sext", 0xff000f, 0x230000, Next, One, [Reg(R), Reg(S), SignBit];
            Clamps, "clamps", 0xff000f, 0x330000, Next, One, [Reg(R), Reg(S), SignBit];
            Min, "min", 0xff000f, 0x430000, Next, One, [Reg(R), Reg(S), Reg(T)];
            Max, "max", 0xff000f, 0x530000, Next, One, [Reg(R), Reg(S), Reg(T)];
            Minu, "minu", 0xff000f, 0x630000, Next, One, [Reg(R), Reg(S), Reg(T)];
            Maxu, "maxu", 0xff000f, 0x730000, Next, One, [Reg(R), Reg(S), Reg(T)];
            Moveqz, "moveqz", 0xff000f, 0x830000, Next, One, [Reg(R), Reg(S), Reg(T)];
            Movnez, "movnez", 0xff000f, 0x930000, Next, One, [Reg(R), Reg(S), Reg(T)];
            Movltz, "movltz", 0xff000f, 0xa30000, Next, One, [Reg(R), Reg(S), Reg(T)];
            Movgez, "movgez", 0xff000f, 0xb30000, Next, One, [Reg(R), Reg(S), Reg(T)];
            Movf, "movf", 0xff000f, 0xc30000, Next, One, [Reg(R), Reg(S), Bool(T)];
            Movt, "movt", 0xff000f, 0xd30000, Next, One, [Reg(R), Reg(S), Bool(T)];
            Rur, "rur", 0xff000f, 0xe30000, Next, One, [Reg(R), UserRead];
            Wur, "wur", 0xff000f, 0xf30000, Next, Use, [Reg(T), UserWrite];
            Extui, "extui", 0x0e000f, 0x040000, Next, One, [Reg(R), Reg(T), ExtractShift, ExtractMask];
            // LSCX and LSC4.
            Lsx, "lsx", 0xff000f, 0x080000, Next, One, [Float(R), Reg(S), Reg(T)];
            Lsxp, "lsxp", 0xff000f, 0x180000, Next, One, [Float(R), Reg(S), Reg(T)];
            Ssx, "ssx", 0xff000f, 0x480000, Next, Use, [Float(R), Reg(S), Reg(T)];
            Ssxp, "ssxp", 0xff000f, 0x580000, Next, Use, [Float(R), Reg(S), Reg(T)];
            L32e, "l32e", 0xff000f, 0x090000, Next, Load, [Reg(T), Reg(S), WindowOffset];
            S32e, "s32e", 0xff000f, 0x490000, Next, Use, [Reg(T), Reg(S), WindowOffset];
            // FP0: single-precision arithmetic and conversion.
            AddS, "add.s", 0xff000f, 0x0a0000, Next, Float, [Float(R), Float(S), Float(T)];
            SubS, "sub.s", 0xff000f, 0x1a0000, Next, Float, [Float(R), Float(S), Float(T)];
            MulS, "mul.s", 0xff000f, 0x2a0000, Next, Float, [Float(R), Float(S), Float(T)];
            MaddS, "madd.s", 0xff000f, 0x4a0000, Next, Float, [Float(R), Float(S), Float(T)];
            MsubS, "msub.s", 0xff000f, 0x5a0000, Next, Float, [Float(R), Float(S), Float(T)];
            MaddnS, "maddn.s", 0xff000f, 0x6a0000, Next, Float, [Float(R), Float(S), Float(T)];
            DivnS, "divn.s", 0xff000f, 0x7a0000, Next, Float, [Float(R), Float(S), Float(T)];
            RoundS, "round.s", 0xff000f, 0x8a0000, Next, Float, [Reg(R), Float(S), FloatScale];
            TruncS, "trunc.s", 0xff000f, 0x9a0000, Next, Float, [Reg(R), Float(S), FloatScale];
            FloorS, "floor.s", 0xff000f, 0xaa0000, Next, Float, [Reg(R), Float(S), FloatScale];
            CeilS, "ceil.s", 0xff000f, 0xba0000, Next, Float, [Reg(R), Float(S), FloatScale];
            FloatS, "float.s", 0xff000f, 0xca0000, Next, Float, [Float(R), Reg(S), FloatScale];
            UfloatS, "ufloat.s", 0xff000f, 0xda0000, Next, Float, [Float(R), Reg(S), FloatScale];
            UtruncS, "utrunc.s", 0xff000f, 0xea0000, Next, Float, [Reg(R), Float(S), FloatScale];
            MovS, "mov.s", 0xff00ff, 0xfa0000, Next, One, [Float(R), Float(S)];
            AbsS, "abs.s", 0xff00ff, 0xfa0010, Next, One, [Float(R), Float(S)];
            ConstS, "const.s", 0xff00ff, 0xfa0030, Next, One, [Float(R), FloatConstant];
            Rfr, "rfr", 0xff00ff, 0xfa0040, Next, One, [Reg(R), Float(S)];
            Wfr, "wfr", 0xff00ff, 0xfa0050, Next, One, [Float(R), Reg(S)];
            NegS, "neg.s", 0xff00ff, 0xfa0060, Next, One, [Float(R), Float(S)];
            Div0S, "div0.s", 0xff00ff, 0xfa0070, Next, Float, [Float(R), Float(S)];
            Recip0S, "recip0.s", 0xff00ff, 0xfa0080, Next, Float, [Float(R), Float(S)];
            Sqrt0S, "sqrt0.s", 0xff00ff, 0xfa0090, Next, Float, [Float(R), Float(S)];
            Rsqrt0S, "rsqrt0.s", 0xff00ff, 0xfa00a0, Next, Float, [Float(R), Float(S)];
            Nexp01S, "nexp01.s", 0xff00ff, 0xfa00b0, Next, Float, [Float(R), Float(S)];
            MksadjS, "mksadj.s", 0xff00ff, 0xfa00c0, Next, Float, [Float(R), Float(S)];
            MkdadjS, "mkdadj.s", 0xff00ff, 0xfa00d0, Next, Float, [Float(R), Float(S)];
            AddexpS, "addexp.s", 0xff00ff, 0xfa00e0, Next, Float, [Float(R), Float(S)];
            AddexpmS, "addexpm.s", 0xff00ff, 0xfa00f0, Next, Float, [Float(R), Float(S)];
            // FP1: single-precision comparison and conditional moves.
            UnS, "un.s", 0xff000f, 0x1b0000, Next, One, [Bool(R), Float(S), Float(T)];
            OeqS, "oeq.s", 0xff000f, 0x2b0000, Next, One, [Bool(R), Float(S), Float(T)];
            UeqS, "ueq.s", 0xff000f, 0x3b0000, Next, One, [Bool(R), Float(S), Float(T)];
            OltS, "olt.s", 0xff000f, 0x4b0000, Next, One, [Bool(R), Float(S), Float(T)];
            UltS, "ult.s", 0xff000f, 0x5b0000, Next, One, [Bool(R), Float(S), Float(T)];
            OleS, "ole.s", 0xff000f, 0x6b0000, Next, One, [Bool(R), Float(S), Float(T)];
            UleS, "ule.s", 0xff000f, 0x7b0000, Next, One, [Bool(R), Float(S), Float(T)];
            MoveqzS, "moveqz.s", 0xff000f, 0x8b0000, Next, One, [Float(R), Float(S), Reg(T)];
            MovnezS, "movnez.s", 0xff000f, 0x9b0000, Next, One, [Float(R), Float(S), Reg(T)];
            MovltzS, "movltz.s", 0xff000f, 0xab0000, Next, One, [Float(R), Float(S), Reg(T)];
            MovgezS, "movgez.s", 0xff000f, 0xbb0000, Next, One, [Float(R), Float(S), Reg(T)];
            MovfS, "movf.s", 0xff000f, 0xcb0000, Next, One, [Float(R), Float(S), Bool(T)];
            MovtS, "movt.s", 0xff000f, 0xdb0000, Next, One, [Float(R), Float(S), Bool(T)];
            // Wide loads, stores and immediates.
            L32r, "l32r", 0x00000f, 0x000001, Next, Literal, [Reg(T), Literal];
            L8ui, "l8ui", 0x00f00f, 0x000002, Next, Load, [Reg(T), Reg(S), Offset8];
            L16ui, "l16ui", 0x00f00f, 0x001002, Next, Load, [Reg(T), Reg(S), Offset8x2];
            L32i, "l32i", 0x00f00f, 0x002002, Next, Load, [Reg(T), Reg(S), Offset8x4];
            S8i, "s8i", 0x00f00f, 0x004002, Next, Use, [Reg(T), Reg(S), Offset8];
            S16i, "s16i", 0x00f00f, 0x005002, Next, Use, [Reg(T), Reg(S), Offset8x2];
            S32i, "s32i", 0x00f00f, 0x006002, Next, Use, [Reg(T), Reg(S), Offset8x4];
            L16si, "l16si", 0x00f00f, 0x009002, Next, Load, [Reg(T), Reg(S), Offset8x2];
            Movi, "movi", 0x00f00f, 0x00a002, Next, One, [Reg(T), Immediate12];
            L32ai, "l32ai", 0x00f00f, 0x00b002, Next, Load, [Reg(T), Reg(S), Offset8x4];
            Addi, "addi", 0x00f00f, 0x00c002, Next, One, [Reg(T), Reg(S), Immediate8];
            Addmi, "addmi", 0x00f00f, 0x00d002, Next, One, [Reg(T), Reg(S), Immediate8x256];
            S32c1i, "s32c1i", 0x00f00f, 0x00e002, Next, Use, [Reg(T), Reg(S), Offset8x4];
            S32ri, "s32ri", 0x00f00f, 0x00f002, Next, Use, [Reg(T), Reg(S), Offset8x4];
            S32nb, "s32nb", 0xff000f, 0x590000, Next, Use, [Reg(T), Reg(S), OffsetRx4];
            Dpfr, "dpfr", 0x00f0ff, 0x007002, Next, One, [Reg(S), Offset8x4];
            Dpfw, "dpfw", 0x00f0ff, 0x007012, Next, One, [Reg(S), Offset8x4];
            Dpfro, "dpfro", 0x00f0ff, 0x007022, Next, One, [Reg(S), Offset8x4];
            Dpfwo, "dpfwo", 0x00f0ff, 0x007032, Next, One, [Reg(S), Offset8x4];
            Dhwb, "dhwb", 0x00f0ff, 0x007042, Next, One, [Reg(S), Offset8x4];
            Dhwbi, "dhwbi", 0x00f0ff, 0x007052, Next, One, [Reg(S), Offset8x4];
            Dhi, "dhi", 0x00f0ff, 0x007062, Next, One, [Reg(S), Offset8x4];
            Dii, "dii", 0x00f0ff, 0x007072, Next, One, [Reg(S), Offset8x4];
            Ipf, "ipf", 0x00f0ff, 0x0070c2, Next, One, [Reg(S), Offset8x4];
            Ihi, "ihi", 0x00f0ff, 0x0070e2, Next, One, [Reg(S), Offset8x4];
            Iii, "iii", 0x00f0ff, 0x0070f2, Next, One, [Reg(S), Offset8x4];
            Lsi, "lsi", 0x00f00f, 0x000003, Next, One, [Float(T), Reg(S), Offset8x4];
            Ssi, "ssi", 0x00f00f, 0x004003, Next, Use, [Float(T), Reg(S), Offset8x4];
            Lsip, "lsip", 0x00f00f, 0x008003, Next, One, [Float(T), Reg(S), Offset8x4];
            Ssip, "ssip", 0x00f00f, 0x00c003, Next, Use, [Float(T), Reg(S), Offset8x4];
            // MAC16. Two low bits of op1 choose the halves, which the mnemonic shows in place of `#`.
            UmulAa, "umul.aa.#", 0xfcf00f, 0x700004, Next, One, [Halves, Reg(S), Reg(T)];
            MulAa, "mul.aa.#", 0xfcf00f, 0x740004, Next, One, [Halves, Reg(S), Reg(T)];
            MulaAa, "mula.aa.#", 0xfcf00f, 0x780004, Next, One, [Halves, Reg(S), Reg(T)];
            MulsAa, "muls.aa.#", 0xfcf00f, 0x7c0004, Next, One, [Halves, Reg(S), Reg(T)];
            MulAd, "mul.ad.#", 0xfcf0bf, 0x340004, Next, One, [Halves, Reg(S), MacY];
            MulaAd, "mula.ad.#", 0xfcf0bf, 0x380004, Next, One, [Halves, Reg(S), MacY];
            MulsAd, "muls.ad.#", 0xfcf0bf, 0x3c0004, Next, One, [Halves, Reg(S), MacY];
            MulDa, "mul.da.#", 0xfcbf0f, 0x640004, Next, One, [Halves, MacX, Reg(T)];
            MulaDa, "mula.da.#", 0xfcbf0f, 0x680004, Next, One, [Halves, MacX, Reg(T)];
            MulsDa, "muls.da.#", 0xfcbf0f, 0x6c0004, Next, One, [Halves, MacX, Reg(T)];
            MulDd, "mul.dd.#", 0xfcbfbf, 0x240004, Next, One, [Halves, MacX, MacY];
            MulaDd, "mula.dd.#", 0xfcbfbf, 0x280004, Next, One, [Halves, MacX, MacY];
            MulsDd, "muls.dd.#", 0xfcbfbf, 0x2c0004, Next, One, [Halves, MacX, MacY];
            MulaDdLdinc, "mula.dd.#.ldinc", 0xfc80bf, 0x080004, Next, One, [Halves, MacW, Reg(S), MacX, MacY];
            MulaDdLddec, "mula.dd.#.lddec", 0xfc80bf, 0x180004, Next, One, [Halves, MacW, Reg(S), MacX, MacY];
            MulaDaLdinc, "mula.da.#.ldinc", 0xfc800f, 0x480004, Next, One, [Halves, MacW, Reg(S), MacX, Reg(T)];
            MulaDaLddec, "mula.da.#.lddec", 0xfc800f, 0x580004, Next, One, [Halves, MacW, Reg(S), MacX, Reg(T)];
            Ldinc, "ldinc", 0xffc0ff, 0x800004, Next, One, [MacW, Reg(S)];
            Lddec, "lddec", 0xffc0ff, 0x900004, Next, One, [MacW, Reg(S)];
            // Calls, jumps, branches and loops.
            Call0, "call0", 0x00003f, 0x000005, End, One, [CallTarget];
            Call4, "call4", 0x00003f, 0x000015, End, One, [Hidden(1), CallTarget];
            Call8, "call8", 0x00003f, 0x000025, End, One, [Hidden(2), CallTarget];
            Call12, "call12", 0x00003f, 0x000035, End, One, [Hidden(3), CallTarget];
            J, "j", 0x00003f, 0x000006, End, One, [JumpTarget];
            Beqz, "beqz", 0x0000ff, 0x000016, Branch, Use, [Reg(S), Target12];
            Bnez, "bnez", 0x0000ff, 0x000056, Branch, Use, [Reg(S), Target12];
            Bltz, "bltz", 0x0000ff, 0x000096, Branch, Use, [Reg(S), Target12];
            Bgez, "bgez", 0x0000ff, 0x0000d6, Branch, Use, [Reg(S), Target12];
            Beqi, "beqi", 0x0000ff, 0x000026, Branch, Use, [Reg(S), CompareSigned, Target8];
            Bnei, "bnei", 0x0000ff, 0x000066, Branch, Use, [Reg(S), CompareSigned, Target8];
            Blti, "blti", 0x0000ff, 0x0000a6, Branch, Use, [Reg(S), CompareSigned, Target8];
            Bgei, "bgei", 0x0000ff, 0x0000e6, Branch, Use, [Reg(S), CompareSigned, Target8];
            Entry, "entry", 0x0000ff, 0x000036, Next, Use, [Reg(S), FrameSize];
            Bf, "bf", 0x00f0ff, 0x000076, Branch, Use, [Bool(S), Target8];
            Bt, "bt", 0x00f0ff, 0x001076, Branch, Use, [Bool(S), Target8];
            Loop, "loop", 0x00f0ff, 0x008076, End, Use, [Reg(S), LoopEnd];
            Loopnez, "loopnez", 0x00f0ff, 0x009076, End, Use, [Reg(S), LoopEnd];
            Loopgtz, "loopgtz", 0x00f0ff, 0x00a076, End, Use, [Reg(S), LoopEnd];
            Bltui, "bltui", 0x0000ff, 0x0000b6, Branch, Use, [Reg(S), CompareUnsigned, Target8];
            Bgeui, "bgeui", 0x0000ff, 0x0000f6, Branch, Use, [Reg(S), CompareUnsigned, Target8];
            Bnone, "bnone", 0x00f00f, 0x000007, Branch, Use, [Reg(S), Reg(T), Target8];
            Beq, "beq", 0x00f00f, 0x001007, Branch, Use, [Reg(S), Reg(T), Target8];
            Blt, "blt", 0x00f00f, 0x002007, Branch, Use, [Reg(S), Reg(T), Target8];
            Bltu, "bltu", 0x00f00f, 0x003007, Branch, Use, [Reg(S), Reg(T), Target8];
            Ball, "ball", 0x00f00f, 0x004007, Branch, Use, [Reg(S), Reg(T), Target8];
            Bbc, "bbc", 0x00f00f, 0x005007, Branch, Use, [Reg(S), Reg(T), Target8];
            Bbci, "bbci", 0x00e00f, 0x006007, Branch, Use, [Reg(S), BitNumber, Target8];
            Bany, "bany", 0x00f00f, 0x008007, Branch, Use, [Reg(S), Reg(T), Target8];
            Bne, "bne", 0x00f00f, 0x009007, Branch, Use, [Reg(S), Reg(T), Target8];
            Bge, "bge", 0x00f00f, 0x00a007, Branch, Use, [Reg(S), Reg(T), Target8];
            Bgeu, "bgeu", 0x00f00f, 0x00b007, Branch, Use, [Reg(S), Reg(T), Target8];
            Bnall, "bnall", 0x00f00f, 0x00c007, Branch, Use, [Reg(S), Reg(T), Target8];
            Bbs, "bbs", 0x00f00f, 0x00d007, Branch, Use, [Reg(S), Reg(T), Target8];
            Bbsi, "bbsi", 0x00e00f, 0x00e007, Branch, Use, [Reg(S), BitNumber, Target8];
            // Code density option: 16-bit instructions.
            L32iN, "l32i.n", 0x00000f, 0x000008, Next, Load, [Reg(T), Reg(S), OffsetRx4];
            S32iN, "s32i.n", 0x00000f, 0x000009, Next, Use, [Reg(T), Reg(S), OffsetRx4];
            AddN, "add.n", 0x00000f, 0x00000a, Next, One, [Reg(R), Reg(S), Reg(T)];
            AddiN, "addi.n", 0x00000f, 0x00000b, Next, One, [Reg(R), Reg(S), ImmediateT];
            MoviN, "movi.n", 0x00008f, 0x00000c, Next, One, [Reg(S), Immediate7];
            BeqzN, "beqz.n", 0x0000cf, 0x00008c, Branch, Use, [Reg(S), Target6];
            BnezN, "bnez.n", 0x0000cf, 0x0000cc, Branch, Use, [Reg(S), Target6];
            MovN, "mov.n", 0x00f00f, 0x00000d, Next, One, [Reg(T), Reg(S)];
            RetN, "ret.n", 0x00ffff, 0x00f00d, End, One, [Hidden(0)];
            RetwN, "retw.n", 0x00ffff, 0x00f01d, End, One, [Hidden(0)];
            BreakN, "break.n", 0x00f0ff, 0x00f02d, End, One, [Level];
            NopN, "nop.n", 0x00ffff, 0x00f03d, Next, One, [];
            IllN, "ill.n", 0x00ffff, 0x00f06d, End, One, [];
        }
    };
}

pub(crate) use for_each_instruction;
