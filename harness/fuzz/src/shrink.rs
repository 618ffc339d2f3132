//! Makes an input smaller as long as it does the same.

/// Trials of one input, at most.
const TRIALS: usize = 400;

/// The smallest of the inputs that were tried for which `holds`: parts are left out, from halves down to single bytes, and then what is
/// left becomes zero, byte by byte. After 400 trials it is done.
///
/// ```
/// let input: Vec<u8> = (0..200).collect();
/// assert_eq!(espalier_fuzz::shrink(&input, |bytes| bytes.contains(&77) && bytes.contains(&150)), [77, 150]);
/// ```
pub fn shrink(input: &[u8], mut holds: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
    let mut best = input.to_vec();
    let mut trials = 0;
    let mut holds = |candidate: &[u8]| {
        trials += 1;
        trials <= TRIALS && holds(candidate)
    };
    let mut part = best.len().div_ceil(2);
    while part > 0 {
        let mut at = 0;
        while at < best.len() {
            let mut shorter = best.clone();
            shorter.drain(at..(at + part).min(best.len()));
            if holds(&shorter) {
                best = shorter;
            } else {
                at += part;
            }
        }
        part /= 2;
    }
    for at in 0..best.len() {
        let old = std::mem::take(&mut best[at]);
        if old != 0 && !holds(&best) {
            best[at] = old;
        }
    }
    best
}
