//! Programs that `llvm-mc` assembled.

/// The code of a file of this folder, in whole words.
pub fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    let mut code: Vec<u8> = digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect();
    code.resize(code.len().next_multiple_of(4), 0);
    code
}
