//! The board's network: the emulated LAN at the end of QEMU's virtual cable.
//!
//! QEMU hands over and takes Ethernet frames on a socket, each after its length in four bytes, the highest first (QEMU's
//! `-nic socket`). At the other end are the switch, the DHCP server and the peer of the emulated board, here in the host's
//! time. So a board in QEMU has the same addresses and can be refused, cut off and recorded in the same way, its ports are
//! those of no other board, and any number of boards can use the same ones at once.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use espalier_net::{Lan, SharedFrame};

use super::super::live::Clock;

/// Shortest frame on a cable, without its frame check sequence (IEEE 802.3, 3.2.8).
const FRAME_MIN: usize = 60;
/// A length beyond this is none: QEMU carries no longer frames.
const FRAME_MAX: usize = 64 << 10;
/// Frames that wait for QEMU to take them. What comes beyond is lost, as in any switch.
const QUEUE: usize = 256;
/// Longest sleep of the LAN when nothing is due.
const REST: Duration = Duration::from_millis(100);

/// The LAN and its time.
pub(super) struct LanSocket {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Clock,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    lan: Lan,
    /// To the thread that writes to QEMU, while there is one.
    to_board: Option<SyncSender<SharedFrame>>,
    over: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with a LAN that has come to the present, and sends what follows from it.
    fn with<T>(&self, act: impl FnOnce(&mut Lan) -> T) -> T {
        let mut state = self.lock();
        let now = self.clock.now();
        state.lan.advance(now);
        let result = act(&mut state.lan);
        while let Some(frame) = state.lan.take_for_board(now) {
            if let Some(to_board) = &state.to_board {
                // A full queue loses the frame, and a closed one belongs to a board that is gone.
                let _ = to_board.try_send(frame);
            }
        }
        drop(state);
        self.changed.notify_one();
        result
    }
}

impl LanSocket {
    /// A LAN without a board.
    pub(super) fn new(clock: Clock, lan: Lan) -> io::Result<LanSocket> {
        let state = Mutex::new(State { lan, to_board: None, over: false });
        let shared = Arc::new(Shared { clock, state, changed: Condvar::new() });
        let timed = shared.clone();
        thread::Builder::new().name("espalier-lan".to_owned()).spawn(move || keep_time(&timed))?;
        Ok(LanSocket { shared })
    }

    /// Connects a board's cable. One that was connected before is pulled out.
    pub(super) fn connect(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let (to_board, frames) = sync_channel(QUEUE);
        let (shared, reader) = (self.shared.clone(), stream.try_clone()?);
        // Both end with the stream, which ends with QEMU.
        thread::Builder::new().name("espalier-frames".to_owned()).spawn(move || read(&shared, reader))?;
        thread::Builder::new().name("espalier-cable".to_owned()).spawn(move || write(&frames, stream))?;
        self.shared.lock().to_board = Some(to_board);
        Ok(())
    }

    /// Does something on the LAN, in the present.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Lan) -> T) -> T {
        self.shared.with(act)
    }
}

impl Drop for LanSocket {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        (state.over, state.to_board) = (true, None);
        drop(state);
        self.shared.changed.notify_one();
    }
}

/// Lets the LAN's time go on.
fn keep_time(shared: &Shared) {
    loop {
        shared.with(|_| ());
        let state = shared.lock();
        if state.over {
            return;
        }
        let now = shared.clock.now();
        let rest = state.lan.deadline().map_or(REST, |due| Duration::from_micros(due.since(now).as_micros()).min(REST));
        if !rest.is_zero() {
            drop(shared.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner));
        }
    }
}

fn read(shared: &Shared, mut stream: impl Read) {
    let mut length = [0; 4];
    while stream.read_exact(&mut length).is_ok() {
        let mut frame = match usize::try_from(u32::from_be_bytes(length)) {
            Ok(length @ ..=FRAME_MAX) => vec![0; length],
            _ => return,
        };
        if stream.read_exact(&mut frame).is_err() {
            return;
        }
        let now = shared.clock.now();
        shared.with(|lan| lan.send_from_board(frame, now));
    }
}

fn write(frames: &Receiver<SharedFrame>, mut stream: impl Write) {
    while let Ok(frame) = frames.recv() {
        let length = frame.len().max(FRAME_MIN);
        // A frame is far shorter than four gigabytes.
        let mut packet = (length as u32).to_be_bytes().to_vec();
        packet.extend(frame.iter());
        packet.resize(size_of::<u32>() + length, 0);
        if stream.write_all(&packet).is_err() {
            return;
        }
    }
}
