//! The application descriptor, which the bootloader checks and tools show (ESP-IDF, "App Image Format").

/// `esp_app_desc_t`
#[repr(C)]
pub struct AppDescription {
    magic_word: u32,
    secure_version: u32,
    reserved1: [u32; 2],
    version: [u8; 32],
    project_name: [u8; 32],
    time: [u8; 16],
    date: [u8; 16],
    idf_version: [u8; 32],
    /// Filled in when the image is made.
    app_elf_sha256: [u8; 32],
    min_efuse_blk_rev_full: u16,
    max_efuse_blk_rev_full: u16,
    /// Logarithm of the flash MMU's page size.
    mmu_page_size: u8,
    reserved3: [u8; 3],
    reserved2: [u32; 18],
}

const MAGIC_WORD: u32 = 0xABCD_5432;
/// Pages of 64 KB.
const MMU_PAGE_SIZE: u8 = 16;

#[unsafe(link_section = ".rodata_desc")]
#[unsafe(export_name = "esp_app_desc")]
#[used]
static DESCRIPTION: AppDescription = AppDescription {
    magic_word: MAGIC_WORD,
    secure_version: 0,
    reserved1: [0; 2],
    version: field(env!("CARGO_PKG_VERSION")),
    project_name: field(env!("CARGO_PKG_NAME")),
    // A date would make each build another.
    time: [0; 16],
    date: [0; 16],
    idf_version: field("none (bare Rust)"),
    app_elf_sha256: [0; 32],
    min_efuse_blk_rev_full: 0,
    max_efuse_blk_rev_full: u16::MAX,
    mmu_page_size: MMU_PAGE_SIZE,
    reserved3: [0; 3],
    reserved2: [0; 18],
};

/// A text that ends with at least one zero.
const fn field<const LENGTH: usize>(text: &str) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    let mut index = 0;
    while index < text.len() && index + 1 < LENGTH {
        bytes[index] = text.as_bytes()[index];
        index += 1;
    }
    bytes
}
