//! The emulator as a module of WebAssembly (`wasm32-unknown-unknown`): one board, for a page that has no server.
//!
//! The module imports nothing, so it neither knows a clock nor draws random numbers: the page decides how far the board runs, and the same
//! actions at the same board times give the same run as everywhere. Code is interpreted, since a module cannot make code.
//!
//! All that goes in and out are bytes in one buffer, whose address [`espalier_buffer`] returns. A function takes the number of bytes that
//! the page has put there, and returns the number of bytes of its answer there; a negative number `-1 - n` is a refusal, and the `n`
//! bytes say why. `static/board.js` is the other side of this.

mod session;

use std::cell::RefCell;

use espalier_page::Export;

pub use session::{Session, SessionError};

/// The page's board, and the buffer between both.
#[derive(Default)]
struct Slot {
    session: Option<Session>,
    buffer: Vec<u8>,
}

thread_local! {
    /// A module is loaded once for each board, and has one thread.
    static SLOT: RefCell<Slot> = RefCell::default();
}

/// Does something with the board and leaves the answer in the buffer.
fn with_slot(length: usize, act: impl FnOnce(&mut Slot, Vec<u8>) -> Result<Vec<u8>, SessionError>) -> i32 {
    SLOT.with_borrow_mut(|slot| {
        let mut input = std::mem::take(&mut slot.buffer);
        input.truncate(length);
        let answer = act(slot, input);
        let refused = answer.is_err();
        slot.buffer = answer.unwrap_or_else(|error| error.to_string().into_bytes());
        let length = i32::try_from(slot.buffer.len()).unwrap_or(i32::MAX);
        if refused { -1 - length } else { length }
    })
}

fn with_board(length: usize, act: impl FnOnce(&mut Session, Vec<u8>) -> Result<Vec<u8>, SessionError>) -> i32 {
    with_slot(length, |slot, input| act(slot.session.as_mut().ok_or(SessionError::NoBoard)?, input))
}

fn text(bytes: Vec<u8>) -> Result<String, SessionError> {
    String::from_utf8(bytes).map_err(|_| SessionError::NotText)
}

// The attributes: a page finds functions by their names. No name is one of another library's, since all begin with that of this one.

/// Makes the buffer so long and returns its address.
#[unsafe(no_mangle)]
pub extern "C" fn espalier_buffer(length: usize) -> *mut u8 {
    SLOT.with_borrow_mut(|slot| {
        slot.buffer.resize(length, 0);
        slot.buffer.as_mut_ptr()
    })
}

/// Starts a board. The buffer has the board's name or the text of its file, the name of the firmware's file for messages, and the firmware:
/// an application, a merged image, an ELF file or a snapshot; without it, the flash chip is empty.
#[unsafe(no_mangle)]
pub extern "C" fn espalier_start(length: usize, board: usize, name: usize) -> i32 {
    with_slot(length, |slot, mut input| {
        let firmware = input.split_off((board + name).min(input.len()));
        let name = text(input.split_off(board.min(input.len())))?;
        slot.session = Some(Session::start(&text(input)?, &name, &firmware)?);
        Ok(Vec::new())
    })
}

/// Runs the board for so many microseconds of its time, unless it is paused.
#[unsafe(no_mangle)]
pub extern "C" fn espalier_run(microseconds: u32) -> i32 {
    with_board(0, |session, _| {
        session.run(microseconds);
        Ok(Vec::new())
    })
}

/// Returns what has changed since the last look, as JSON.
#[unsafe(no_mangle)]
pub extern "C" fn espalier_look() -> i32 {
    with_board(0, |session, _| Ok(session.look().to_string().into_bytes()))
}

/// Does what the JSON in the buffer says: an action on the board, or one of its peer.
#[unsafe(no_mangle)]
pub extern "C" fn espalier_act(length: usize) -> i32 {
    with_board(length, |session, input| Ok(session.act(&text(input)?)?.to_string().into_bytes()))
}

/// Returns the output of a UART, as far as it is kept.
#[unsafe(no_mangle)]
pub extern "C" fn espalier_console(uart: usize) -> i32 {
    with_board(0, |session, _| session.console(uart))
}

/// Returns the picture on the display of the name in the buffer, or on the first one: width and height as little-endian words, then RGBA.
#[unsafe(no_mangle)]
pub extern "C" fn espalier_screen(length: usize) -> i32 {
    with_board(length, |session, input| session.screen(&text(input)?))
}

/// Returns a file that is made of the board: 0 frames of the network, 1 frames in the air, 2 waveforms, 3 a snapshot.
#[unsafe(no_mangle)]
pub extern "C" fn espalier_export(kind: u32) -> i32 {
    with_board(0, |session, _| {
        let export = match kind {
            0 => Export::Network,
            1 => Export::Air,
            2 => Export::Pins,
            _ => Export::Snapshot,
        };
        Ok(session.export(export))
    })
}
