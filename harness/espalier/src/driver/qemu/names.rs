//! The names of the program, of its machine, and of the environment variables that lead to it.

/// Environment variable with the program.
pub const EMULATOR_VARIABLE: &str = "ESPALIER_QEMU";
/// Environment variable with the folder of Espressif's tools.
pub(super) const TOOLS_VARIABLE: &str = "IDF_TOOLS_PATH";
/// The program's usual name.
pub(super) const PROGRAM: &str = "qemu-system-xtensa";
/// The machine with the chip.
pub(super) const MACHINE: &str = "esp32";
