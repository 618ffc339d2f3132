//! Files with a board's state, made up behind the checksum that keeps damage out.

use std::sync::OnceLock;

use espalier_core::{Load, Reader, Span};
use espalier_soc::sealed::{Magic, pack, seal, unpack, unseal};
use espalier_soc::{Machine, MachineConfig};

const MAGIC: Magic = *b"ESPALIER";
/// Bytes of a change: where, and the new value.
const CHANGE: usize = 4;
/// For how long a machine runs that was made up.
const RUN: Span = Span::from_micros(200);

/// The bytes before the packed state, and the state.
fn parts() -> &'static (Vec<u8>, Vec<u8>) {
    static PARTS: OnceLock<(Vec<u8>, Vec<u8>)> = OnceLock::new();
    PARTS.get_or_init(|| {
        let mut machine = Machine::new(&MachineConfig::default()).expect("the default board");
        machine.run_for(Span::from_millis(2));
        split(&machine.save()).expect("what was saved")
    })
}

fn split(file: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut reader = unseal(MAGIC, file).ok()?;
    let content = reader.bytes(reader.left()).ok()?;
    let mut rest = Reader::new(content);
    String::load(&mut rest).ok()?;
    u32::load(&mut rest).ok()?;
    MachineConfig::load(&mut rest).ok()?;
    <Vec<bool>>::load(&mut rest).ok()?;
    let head = content[..content.len() - rest.left()].to_vec();
    Some((head, unpack(&mut rest).ok()?))
}

/// Changes bytes of the state, or of what comes before it where the first bit of a change is set. Bytes of files are those of one build,
/// so it is changes that are kept, not files.
pub(crate) fn load(input: &[u8]) {
    let (head, state) = parts();
    let (mut head, mut state) = (head.clone(), state.clone());
    for change in input.chunks_exact(CHANGE) {
        let [low, middle, high, value] = [change[0], change[1], change[2], change[3]];
        let at = usize::from(low) | usize::from(middle) << 8 | usize::from(high & 0x7F) << 16;
        let part = if high & 0x80 == 0 { &mut state } else { &mut head };
        let length = part.len();
        part[at % length] = value;
    }
    let file = seal(MAGIC, |to| {
        to.bytes(&head);
        pack(&state, to);
    });
    if let Ok(mut machine) = Machine::load(&file) {
        machine.run_for(RUN);
        let _ = machine.clone().save();
    }
}
