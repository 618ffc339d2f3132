//! Inputs that are made out of comparisons: where firmware compares a number of an input with another one, the input gets the other one
//! (Aschermann et al., "REDQUEEN: Fuzzing with Input-to-State Correspondence", NDSS 2019).

use std::collections::BTreeSet;

/// Most places of a number in an input that are tried.
const PLACES: usize = 8;
/// A longer input is not made.
const LONGEST: usize = 1 << 16;

/// An input whose bytes are all others, so that comparisons which are in both runs have nothing to do with them.
pub(crate) fn coloured(input: &[u8]) -> Vec<u8> {
    input.iter().map(|byte| byte ^ 0x15).collect()
}

/// Inputs with one number of each pair in the place of the other, in one, two or four bytes of either order, and inputs that are as long as
/// the other number if one is the length; `most` of them at most. Longer numbers come first, since they are in an input by chance less often.
///
/// ```
/// let made = espalier_fuzz::replacements(b"hello", &[(u32::from(b'h'), u32::from(b'E'))], 10);
/// assert_eq!(made, [b"Eello".to_vec()]);
/// ```
pub fn replacements(input: &[u8], pairs: &[(u32, u32)], most: usize) -> Vec<Vec<u8>> {
    let (mut made, mut known) = (Vec::new(), BTreeSet::from([input.to_vec()]));
    let mut add = |candidate: Vec<u8>| {
        if made.len() < most && known.insert(candidate.clone()) {
            made.push(candidate);
        }
    };
    let both: Vec<(u32, u32)> = pairs.iter().flat_map(|(one, other)| [(*one, *other), (*other, *one)]).collect();
    for width in [4, 2, 1] {
        for (there, wanted) in both.iter().filter(|(there, wanted)| width_of(*there, *wanted) == width) {
            let (old, new) = (there.to_le_bytes(), wanted.to_le_bytes());
            replace(input, &old[..width], &new[..width], &mut add);
            let (old, new) = (there.to_be_bytes(), wanted.to_be_bytes());
            replace(input, &old[4 - width..], &new[4 - width..], &mut add);
        }
    }
    for (length, wanted) in both {
        let wanted = wanted as usize;
        if length as usize == input.len() && wanted < LONGEST {
            // One byte on either side of the limit, too.
            for length in [wanted.saturating_sub(1), wanted, wanted + 1] {
                let mut other = input.to_vec();
                other.resize(length, 0);
                add(other);
            }
        }
    }
    made
}

/// The bytes that both numbers need.
fn width_of(one: u32, other: u32) -> usize {
    match one | other {
        0..=0xFF => 1,
        0x100..=0xFFFF => 2,
        _ => 4,
    }
}

fn replace(input: &[u8], old: &[u8], new: &[u8], add: &mut impl FnMut(Vec<u8>)) {
    let places = input.windows(old.len()).enumerate().filter(|(_, window)| *window == old);
    for (at, _) in places.take(PLACES) {
        let mut other = input.to_vec();
        other[at..at + new.len()].copy_from_slice(new);
        add(other);
    }
}
