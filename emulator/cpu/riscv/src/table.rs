//! The one opcode table: decoder and disassembler are generated from it, and the interpreter matches on its opcodes, so that an opcode
//! without an implementation does not compile.
//!
//! Encodings follow the chapters "RV32I Base Integer Instruction Set", "M", "C", "Zicsr" and "Zifencei" of *The RISC-V Instruction
//! Set Manual*, volume I, and the machine-mode instructions of volume II. A row of the first part is
//!
//! `Opcode, "mnemonic", mask, match, flow, [operands];`
//!
//! where `word & mask == match` selects the row, `flow` says how the instruction affects straight-line execution, and
//! the operands are listed in assembler order. A row of the second part is a 16-bit form of an opcode of the first:
//!
//! `Opcode, "mnemonic", mask, match, [operands];`
//!
//! The first row that matches and whose operands accept the word counts.

/// Passes every row of the opcode table to the macro `$callback`.
macro_rules! for_each_instruction {
    ($callback:ident) => {
        $callback! {
            // RV32I: upper immediates, jumps, branches.
            Lui, "lui", 0x0000_007f, 0x0000_0037, Next, [Rd, Upper];
            Auipc, "auipc", 0x0000_007f, 0x0000_0017, Next, [Rd, Upper];
            Jal, "jal", 0x0000_007f, 0x0000_006f, End, [Rd, Jump];
            Jalr, "jalr", 0x0000_707f, 0x0000_0067, End, [Rd, LoadAddress];
            Beq, "beq", 0x0000_707f, 0x0000_0063, Branch, [Rs1, Rs2, Target];
            Bne, "bne", 0x0000_707f, 0x0000_1063, Branch, [Rs1, Rs2, Target];
            Blt, "blt", 0x0000_707f, 0x0000_4063, Branch, [Rs1, Rs2, Target];
            Bge, "bge", 0x0000_707f, 0x0000_5063, Branch, [Rs1, Rs2, Target];
            Bltu, "bltu", 0x0000_707f, 0x0000_6063, Branch, [Rs1, Rs2, Target];
            Bgeu, "bgeu", 0x0000_707f, 0x0000_7063, Branch, [Rs1, Rs2, Target];
            // RV32I: memory.
            Lb, "lb", 0x0000_707f, 0x0000_0003, Next, [Rd, LoadAddress];
            Lh, "lh", 0x0000_707f, 0x0000_1003, Next, [Rd, LoadAddress];
            Lw, "lw", 0x0000_707f, 0x0000_2003, Next, [Rd, LoadAddress];
            Lbu, "lbu", 0x0000_707f, 0x0000_4003, Next, [Rd, LoadAddress];
            Lhu, "lhu", 0x0000_707f, 0x0000_5003, Next, [Rd, LoadAddress];
            Sb, "sb", 0x0000_707f, 0x0000_0023, Next, [Rs2, StoreAddress];
            Sh, "sh", 0x0000_707f, 0x0000_1023, Next, [Rs2, StoreAddress];
            Sw, "sw", 0x0000_707f, 0x0000_2023, Next, [Rs2, StoreAddress];
            // RV32I: arithmetic and logic.
            Addi, "addi", 0x0000_707f, 0x0000_0013, Next, [Rd, Rs1, Immediate];
            Slti, "slti", 0x0000_707f, 0x0000_2013, Next, [Rd, Rs1, Immediate];
            Sltiu, "sltiu", 0x0000_707f, 0x0000_3013, Next, [Rd, Rs1, Immediate];
            Xori, "xori", 0x0000_707f, 0x0000_4013, Next, [Rd, Rs1, Immediate];
            Ori, "ori", 0x0000_707f, 0x0000_6013, Next, [Rd, Rs1, Immediate];
            Andi, "andi", 0x0000_707f, 0x0000_7013, Next, [Rd, Rs1, Immediate];
            Slli, "slli", 0xfe00_707f, 0x0000_1013, Next, [Rd, Rs1, Shift];
            Srli, "srli", 0xfe00_707f, 0x0000_5013, Next, [Rd, Rs1, Shift];
            Srai, "srai", 0xfe00_707f, 0x4000_5013, Next, [Rd, Rs1, Shift];
            Add, "add", 0xfe00_707f, 0x0000_0033, Next, [Rd, Rs1, Rs2];
            Sub, "sub", 0xfe00_707f, 0x4000_0033, Next, [Rd, Rs1, Rs2];
            Sll, "sll", 0xfe00_707f, 0x0000_1033, Next, [Rd, Rs1, Rs2];
            Slt, "slt", 0xfe00_707f, 0x0000_2033, Next, [Rd, Rs1, Rs2];
            Sltu, "sltu", 0xfe00_707f, 0x0000_3033, Next, [Rd, Rs1, Rs2];
            Xor, "xor", 0xfe00_707f, 0x0000_4033, Next, [Rd, Rs1, Rs2];
            Srl, "srl", 0xfe00_707f, 0x0000_5033, Next, [Rd, Rs1, Rs2];
            Sra, "sra", 0xfe00_707f, 0x4000_5033, Next, [Rd, Rs1, Rs2];
            Or, "or", 0xfe00_707f, 0x0000_6033, Next, [Rd, Rs1, Rs2];
            And, "and", 0xfe00_707f, 0x0000_7033, Next, [Rd, Rs1, Rs2];
            // RV32M.
            Mul, "mul", 0xfe00_707f, 0x0200_0033, Next, [Rd, Rs1, Rs2];
            Mulh, "mulh", 0xfe00_707f, 0x0200_1033, Next, [Rd, Rs1, Rs2];
            Mulhsu, "mulhsu", 0xfe00_707f, 0x0200_2033, Next, [Rd, Rs1, Rs2];
            Mulhu, "mulhu", 0xfe00_707f, 0x0200_3033, Next, [Rd, Rs1, Rs2];
            Div, "div", 0xfe00_707f, 0x0200_4033, Next, [Rd, Rs1, Rs2];
            Divu, "divu", 0xfe00_707f, 0x0200_5033, Next, [Rd, Rs1, Rs2];
            Rem, "rem", 0xfe00_707f, 0x0200_6033, Next, [Rd, Rs1, Rs2];
            Remu, "remu", 0xfe00_707f, 0x0200_7033, Next, [Rd, Rs1, Rs2];
            // Order of memory accesses. `FENCE.TSO` is one of the fences for a core that never reorders.
            FenceTso, "fence.tso", 0xffff_ffff, 0x8330_000f, Next, [];
            Fence, "fence", 0x0000_707f, 0x0000_000f, Next, [FenceSets];
            FenceI, "fence.i", 0x0000_707f, 0x0000_100f, End, [];
            // Traps, machine mode, control and status registers. An instruction that is not defined executes as `UNIMP`.
            Unimp, "unimp", 0xffff_ffff, 0xc000_1073, End, [Word];
            Ecall, "ecall", 0xffff_ffff, 0x0000_0073, End, [];
            Ebreak, "ebreak", 0xffff_ffff, 0x0010_0073, End, [];
            Mret, "mret", 0xffff_ffff, 0x3020_0073, End, [Word];
            Wfi, "wfi", 0xffff_ffff, 0x1050_0073, End, [Word];
            Csrrw, "csrrw", 0x0000_707f, 0x0000_1073, End, [Rd, Csr, Rs1];
            Csrrs, "csrrs", 0x0000_707f, 0x0000_2073, End, [Rd, Csr, Rs1];
            Csrrc, "csrrc", 0x0000_707f, 0x0000_3073, End, [Rd, Csr, Rs1];
            Csrrwi, "csrrwi", 0x0000_707f, 0x0000_5073, End, [Rd, Csr, Unsigned5];
            Csrrsi, "csrrsi", 0x0000_707f, 0x0000_6073, End, [Rd, Csr, Unsigned5];
            Csrrci, "csrrci", 0x0000_707f, 0x0000_7073, End, [Rd, Csr, Unsigned5];
            @compressed
            // Quadrant 0.
            Unimp, "c.unimp", 0xffff, 0x0000, [Word];
            Addi, "c.addi4spn", 0xe003, 0x0000, [RdShort, BaseSp, StackAdd];
            Lw, "c.lw", 0xe003, 0x4000, [RdShort, WordAddress];
            Sw, "c.sw", 0xe003, 0xc000, [Rs2Short, WordAddress];
            // Quadrant 1.
            Addi, "c.nop", 0xffff, 0x0001, [NoRd, NoRs1];
            Addi, "c.addi", 0xe003, 0x0001, [RdAndRs1, Signed6];
            Jal, "c.jal", 0xe003, 0x2001, [Link, ShortJump];
            Addi, "c.li", 0xe003, 0x4001, [Rd, NoRs1, Signed6];
            Addi, "c.addi16sp", 0xef83, 0x6101, [SpAndSp, StackMove];
            Lui, "c.lui", 0xe003, 0x6001, [Rd, Upper6];
            Srli, "c.srli", 0xfc03, 0x8001, [RdAndRs1Short, Shift6];
            Srai, "c.srai", 0xfc03, 0x8401, [RdAndRs1Short, Shift6];
            Andi, "c.andi", 0xec03, 0x8801, [RdAndRs1Short, Signed6];
            Sub, "c.sub", 0xfc63, 0x8c01, [RdAndRs1Short, Rs2Short];
            Xor, "c.xor", 0xfc63, 0x8c21, [RdAndRs1Short, Rs2Short];
            Or, "c.or", 0xfc63, 0x8c41, [RdAndRs1Short, Rs2Short];
            And, "c.and", 0xfc63, 0x8c61, [RdAndRs1Short, Rs2Short];
            Jal, "c.j", 0xe003, 0xa001, [NoRd, ShortJump];
            Beq, "c.beqz", 0xe003, 0xc001, [Rs1Short, NoRs2, ShortTarget];
            Bne, "c.bnez", 0xe003, 0xe001, [Rs1Short, NoRs2, ShortTarget];
            // Quadrant 2.
            Slli, "c.slli", 0xf003, 0x0002, [RdAndRs1, Shift6];
            Lw, "c.lwsp", 0xe003, 0x4002, [RdNotZero, StackLoad];
            Jalr, "c.jr", 0xf07f, 0x8002, [NoRd, Rs1NotZero, NoOffset];
            Add, "c.mv", 0xf003, 0x8002, [Rd, NoRs1, Rs2NotZero];
            Ebreak, "c.ebreak", 0xffff, 0x9002, [];
            Jalr, "c.jalr", 0xf07f, 0x9002, [Link, Rs1NotZero, NoOffset];
            Add, "c.add", 0xf003, 0x9002, [RdAndRs1, Rs2NotZero];
            Sw, "c.swsp", 0xe003, 0xc002, [Rs2Low, StackStore];
        }
    };
}

pub(crate) use for_each_instruction;
