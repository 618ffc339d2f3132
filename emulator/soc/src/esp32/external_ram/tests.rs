//! The translation of the caches for external RAM.

use espalier_peripherals::{ExternalRamControl, RamSharing};

use super::{EXTERNAL_RAM_BASE, ExternalRam};

fn control(sharing: RamSharing) -> ExternalRamControl {
    ExternalRamControl { open: true, sharing, page_mode: 0 }
}

/// A table for each core, with pages that tell the two apart.
fn shared(sharing: RamSharing) -> ExternalRam {
    let mut ram = ExternalRam::default();
    ram.set_control([control(sharing); 2]);
    for entry in 0..128 {
        ram.map(0, entry, Some(entry as u8));
        ram.map(1, entry, Some(128 + entry as u8));
    }
    ram
}

#[test]
fn a_cache_that_is_masked_or_maps_nothing_shows_nothing() {
    let mut ram = ExternalRam::default();
    assert_eq!(ram.place(0, EXTERNAL_RAM_BASE), None);
    ram.set_control([control(RamSharing::Own), ExternalRamControl::default()]);
    assert_eq!((ram.place(0, EXTERNAL_RAM_BASE + 5), ram.place(1, EXTERNAL_RAM_BASE)), (Some(5), None));
    ram.map(0, 1, None);
    assert_eq!(ram.place(0, EXTERNAL_RAM_BASE + 0x7FFF), Some(0x7FFF));
    for address in [EXTERNAL_RAM_BASE + 0x8000, EXTERNAL_RAM_BASE - 1, EXTERNAL_RAM_BASE + 0x40_0000] {
        assert_eq!(ram.place(0, address), None, "{address:#x}");
    }
}

#[test]
fn each_core_has_its_own_cache_unless_they_share() {
    let ram = shared(RamSharing::Own);
    let places = [0, 1].map(|core| ram.place(core, EXTERNAL_RAM_BASE + 0x20_8001));
    assert_eq!(places, [Some(0x20_8001), Some(0x60_8001)]);
}

#[test]
fn the_caches_share_by_halves_or_by_lines() {
    for core in [0, 1] {
        let ram = shared(RamSharing::Halves);
        let places = [0x1F_FFFF, 0x20_0000].map(|offset| ram.place(core, EXTERNAL_RAM_BASE + offset));
        assert_eq!(places, [Some(0x1F_FFFF), Some(0x60_0000)]);
        let ram = shared(RamSharing::Lines);
        let places = [0x1F, 0x20, 0x3F, 0x40].map(|offset| ram.place(core, EXTERNAL_RAM_BASE + offset));
        assert_eq!(places, [Some(0x1F), Some(0x40_0020), Some(0x40_003F), Some(0x40)]);
    }
}

#[test]
fn smaller_pages_cover_less() {
    let mut ram = shared(RamSharing::Own);
    ram.set_control([ExternalRamControl { page_mode: 4, ..control(RamSharing::Own) }; 2]);
    assert_eq!(ram.place(0, EXTERNAL_RAM_BASE + 0x801), Some(0x801));
    assert_eq!(ram.place(1, EXTERNAL_RAM_BASE + 0x801), Some(129 << 11 | 1));
    assert_eq!(ram.place(0, EXTERNAL_RAM_BASE + 128 * 0x800), None);
    ram.set_control([ExternalRamControl { page_mode: 7, ..control(RamSharing::Own) }; 2]);
    assert_eq!(ram.place(0, EXTERNAL_RAM_BASE + 0x801), Some(0x801), "a mode that does not exist");
}
