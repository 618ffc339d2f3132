//! Names the build: a digest of the emulator's sources and of the versions of what they use. A snapshot is read by the build that
//! wrote it and by no other, for another may have moved a field or mended a block.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// The packages of the emulator, relative to this one. Packages out of a registry lie elsewhere and have fixed versions.
const SOURCES: [&str; 11] = [
    "src",
    "boards",
    "../board-file/src",
    "../core/src",
    "../cpu",
    "../peripherals/src",
    "../ieee80211/src",
    "../parts/src",
    "../net/src",
    "../rom/src",
    "../world/src",
];
const VERSIONS: &str = "../../Cargo.lock";

fn main() {
    let mut files = Vec::new();
    for source in SOURCES.iter().chain([&VERSIONS]).map(Path::new).filter(|path| path.exists()) {
        println!("cargo::rerun-if-changed={}", source.display());
        collect(source, &mut files);
    }
    files.sort();
    let mut digest = Fnv::new();
    for file in &files {
        digest.add(file.to_string_lossy().as_bytes());
        digest.add(&fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display())));
    }
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    println!("cargo::rustc-env=ESPALIER_BUILD={version}-{:016x}", digest.0);
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    match fs::read_dir(path) {
        Ok(entries) => entries.flatten().for_each(|entry| collect(&entry.path(), files)),
        Err(_) => files.push(path.to_owned()),
    }
}

/// Fowler, Noll and Vo's hash, 64 bits, variant 1a.
struct Fnv(u64);

impl Fnv {
    fn new() -> Fnv {
        Fnv(0xCBF2_9CE4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
    }
}
