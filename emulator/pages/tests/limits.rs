//! Files and mappings that a memory and its clones take from Linux have a bound, and go with them.
#![cfg(target_os = "linux")]

use espalier_pages::{Limits, Pages};

const SIZE: usize = 8 * 4096;
const LIMITS: Limits = Limits { images: 3, mappings: 20 };
/// More than either of them.
const CLONES: usize = 50;
const NAME: &str = "espalier-memory";

/// Images that this process has open, and mappings of them (proc_pid_fd(5), proc_pid_maps(5)).
fn taken() -> (usize, usize) {
    let files = std::fs::read_dir("/proc/self/fd").expect("Linux has it").flatten();
    let names = files.filter_map(|file| std::fs::read_link(file.path()).ok());
    let images = names.filter(|name| name.to_string_lossy().contains(NAME)).count();
    let maps = std::fs::read_to_string("/proc/self/maps").expect("Linux has it");
    (images, maps.lines().filter(|line| line.contains(NAME)).count())
}

/// In one test, since others of the same process would be counted.
#[test]
fn clones_take_no_more_than_they_may() {
    let mut memory = Pages::<SIZE>::with_limits(LIMITS);
    memory.fill(1);
    assert_eq!((taken(), memory.is_mapped()), ((0, 0), false), "before the first clone");
    let clones: Vec<_> = (0..CLONES).map(|_| memory.clone()).collect();
    let (images, mappings) = taken();
    assert_eq!(images, 1, "one image for all clones of what does not change");
    assert!((LIMITS.mappings / 2..=LIMITS.mappings).contains(&mappings), "{mappings} mappings");
    assert_eq!(clones.iter().filter(|clone| clone.is_mapped()).count(), LIMITS.mappings - images);
    drop(clones);

    // Each clone is of a memory that has nothing in common with the one before.
    let mut chain = vec![memory.clone()];
    for value in 2..CLONES as u8 {
        memory.fill(value);
        chain.push(memory.clone());
    }
    let (images, mappings) = taken();
    assert!((1..=LIMITS.images).contains(&images), "{images} images");
    assert!((1..=LIMITS.mappings).contains(&mappings), "{mappings} mappings");
    for (clone, value) in chain.iter().zip(1..) {
        assert!(clone.iter().all(|byte| *byte == value), "the clone with {value}");
    }
    drop(chain);
    drop(memory);
    assert_eq!(taken(), (0, 0), "after the last of them");
}
