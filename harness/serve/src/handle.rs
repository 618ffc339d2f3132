//! The board from the other threads' side: what can be asked of it, and how it is woken.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use espalier_core::{Bitmap, Time};
use espalier_page::{Action, ActionError, Export, Look, Seen, UartLog};
use espalier_soc::{Strap, UnmodelledAccess};
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::forwards::Forwards;
use crate::link::LinkEnd;
use crate::serial_input::{CancelToken, SerialInput};

/// Bytes that go onto the serial line as one piece, so that what comes after them does not wait long.
const PIECE: usize = 256;
/// Events that a slow listener may be behind by.
const EVENTS: usize = 64;

/// The board has been shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the board has been shut down")]
pub struct Gone;

/// Something that happened to the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoardEvent {
    /// It was reset from outside.
    Reset,
    /// It runs no more.
    Stop,
    /// It runs again.
    Resume,
    /// It was shut down.
    Shutdown,
}

/// The state of the board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoardStatus {
    /// False while it is paused, or after it was halted.
    pub running: bool,
    /// Why it was halted, if it was: in strict mode, what it touched that is not modelled.
    pub halted: Option<String>,
    /// Its time.
    pub now: Time,
}

/// Statistics of the clients of a serial port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortStatistics {
    /// The port's kind.
    pub name: &'static str,
    /// True while a client is connected.
    pub connected: bool,
    /// Bytes that clients have missed because they did not read them.
    pub dropped: u64,
}

/// A request of another thread to the board.
pub(crate) enum Control {
    Reset(Strap),
    Pause,
    Resume,
    PlugCable(bool),
    Screen(oneshot::Sender<Option<Bitmap>>),
    Status(oneshot::Sender<BoardStatus>),
    Act(Action, oneshot::Sender<Result<Value, ActionError>>),
    Look(Box<Look>, oneshot::Sender<(Box<Look>, Seen)>),
    Export(Export, oneshot::Sender<Vec<u8>>),
    Debug(DebugInput),
    Link { board_port: u16, end: LinkEnd },
    Quit,
}

/// An event on the connection to a debugger.
pub(crate) enum DebugInput {
    /// A debugger is there; answers go here.
    Attach(mpsc::UnboundedSender<Vec<u8>>),
    /// It sent bytes. The other end is dropped when they have been dealt with.
    Bytes(Vec<u8>, oneshot::Sender<()>),
    /// It has gone.
    Detach,
}

/// Wakes the board's thread.
#[derive(Debug, Default)]
pub(crate) struct BoardWaker {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl BoardWaker {
    pub fn wake(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }

    /// Waits until it rings, or until `patience` is over.
    pub fn wait(&self, patience: Option<Duration>) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let silent = |rung: &mut bool| !*rung;
        let mut rung = match patience {
            Some(patience) => {
                self.changed.wait_timeout_while(rung, patience, silent).unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.changed.wait_while(rung, silent).unwrap_or_else(PoisonError::into_inner),
        };
        *rung = false;
    }
}

/// The last bytes of a UART.
#[derive(Debug, Default)]
pub(crate) struct ConsoleLog(Mutex<UartLog>);

impl ConsoleLog {
    pub fn push(&self, bytes: &[u8]) {
        self.log().push(bytes);
    }

    pub fn copy(&self) -> Vec<u8> {
        self.log().bytes().to_vec()
    }

    /// Returns the output after the first `seen` bytes as JSON; see [`UartLog::told`].
    pub fn told(&self, uart: usize, seen: &mut u64) -> Option<Value> {
        self.log().told(uart, seen)
    }

    fn log(&self) -> MutexGuard<'_, UartLog> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A UART from the side of those who read and write it.
#[derive(Clone, Debug)]
pub(crate) struct UartEnd {
    pub sender: SerialSender,
    pub log: Arc<ConsoleLog>,
}

/// A page that shows the board. While there is one, the board is watched.
#[derive(Debug)]
pub(crate) struct Viewer(Arc<AtomicUsize>);

impl Drop for Viewer {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Brings what a client does onto the serial line.
#[derive(Clone, Debug)]
pub(crate) struct SerialSender {
    pub inputs: mpsc::Sender<SerialInput>,
    pub waker: Arc<BoardWaker>,
}

impl SerialSender {
    /// Waits while the line is behind.
    pub async fn send(&self, input: SerialInput) -> Result<(), Gone> {
        self.inputs.send(input).await.map_err(|_| Gone)?;
        self.waker.wake();
        Ok(())
    }

    /// The same for bytes, in pieces.
    pub async fn send_bytes(&self, bytes: &[u8]) -> Result<(), Gone> {
        self.send_cancellable(bytes, &CancelToken::default()).await
    }

    /// The same for bytes that can be taken back as long as the line has not carried them.
    pub async fn send_cancellable(&self, bytes: &[u8], cancel: &CancelToken) -> Result<(), Gone> {
        for piece in bytes.chunks(PIECE) {
            self.send(SerialInput::Bytes(piece.to_vec(), cancel.clone())).await?;
        }
        Ok(())
    }
}

/// A handle on the running board. Clones are handles on the same board.
#[derive(Clone, Debug)]
pub struct BoardHandle {
    control: Sender<Control>,
    waker: Arc<BoardWaker>,
    events: broadcast::Sender<BoardEvent>,
    /// The UARTs that are carried outside, from UART0 on.
    uarts: Arc<[UartEnd]>,
    viewers: Arc<AtomicUsize>,
    unmodelled: watch::Sender<Vec<UnmodelledAccess>>,
    forwards: Arc<Forwards>,
}

impl BoardHandle {
    pub(crate) fn new(control: Sender<Control>, waker: Arc<BoardWaker>, uarts: Vec<UartEnd>) -> BoardHandle {
        let (events, unmodelled) = (broadcast::channel(EVENTS).0, watch::Sender::default());
        let (uarts, viewers) = (uarts.into(), Arc::default());
        BoardHandle { control, waker, events, uarts, viewers, unmodelled, forwards: Arc::default() }
    }

    /// The UARTs that are carried outside, from UART0 on.
    pub(crate) fn uarts(&self) -> &[UartEnd] {
        &self.uarts
    }

    /// Watches the board.
    pub(crate) fn watch(&self) -> Viewer {
        self.viewers.fetch_add(1, Ordering::Relaxed);
        self.waker.wake();
        Viewer(Arc::clone(&self.viewers))
    }

    /// Whether a page shows the board.
    pub(crate) fn is_watched(&self) -> bool {
        self.viewers.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn send(&self, control: Control) -> Result<(), Gone> {
        self.control.send(control).map_err(|_| Gone)?;
        self.waker.wake();
        Ok(())
    }

    pub(crate) fn waker(&self) -> &Arc<BoardWaker> {
        &self.waker
    }

    pub(crate) fn forwards(&self) -> &Forwards {
        &self.forwards
    }

    pub(crate) fn announce(&self, event: BoardEvent) {
        // Without a receiver the event is dropped.
        let _ = self.events.send(event);
    }

    /// The board's firmware touched for the first time what is not modelled.
    pub(crate) fn note_unmodelled(&self, fresh: &[UnmodelledAccess]) {
        self.unmodelled.send_modify(|noted| noted.extend_from_slice(fresh));
    }

    /// The first touch of each block that is not modelled, and of each register that a modelled block lacks, in order. It grows,
    /// up to the machine's bound.
    pub fn unmodelled(&self) -> watch::Receiver<Vec<UnmodelledAccess>> {
        self.unmodelled.subscribe()
    }

    /// Listens to what happens to the board from now on.
    pub fn events(&self) -> broadcast::Receiver<BoardEvent> {
        self.events.subscribe()
    }

    /// A pulse on EN, with the strapping pins at `strap`.
    pub fn reset(&self, strap: Strap) -> Result<(), Gone> {
        self.send(Control::Reset(strap))
    }

    /// Stops the board where it is.
    pub fn pause(&self) -> Result<(), Gone> {
        self.send(Control::Pause)
    }

    /// Lets the board go on.
    pub fn resume(&self) -> Result<(), Gone> {
        self.send(Control::Resume)
    }

    /// Cuts the board's Ethernet cable, or puts it back. Its PHY notices.
    pub fn plug_cable(&self, plugged: bool) -> Result<(), Gone> {
        self.send(Control::PlugCable(plugged))
    }

    /// Shuts the board down; [`Server::wait`](crate::Server::wait) returns.
    pub fn quit(&self) -> Result<(), Gone> {
        self.send(Control::Quit)
    }

    /// The display's picture; None if the board has no display.
    pub async fn screen(&self) -> Result<Option<Bitmap>, Gone> {
        self.ask(Control::Screen).await
    }

    /// Returns the state of the board.
    pub async fn status(&self) -> Result<BoardStatus, Gone> {
        self.ask(Control::Status).await
    }

    /// Does something with the board, and returns what it says, as JSON.
    ///
    /// # Errors
    /// If it is not possible.
    pub async fn act(&self, action: Action) -> Result<Value, ActionError> {
        if let Action::Send { text, uart } = action {
            let count = self.uarts.len();
            let end = self.uarts.get(uart).ok_or(ActionError::NoUart { uart, count })?;
            end.sender.send_bytes(text.as_bytes()).await.map_err(|Gone| ActionError::Gone)?;
            return Ok(json!({}));
        }
        self.ask(|reply| Control::Act(action, reply)).await.map_err(|Gone| ActionError::Gone)?
    }

    /// Returns the changes since the last look.
    pub(crate) async fn look(&self, look: Box<Look>) -> Result<(Box<Look>, Seen), Gone> {
        self.ask(|reply| Control::Look(look, reply)).await
    }

    /// The board, or what was recorded of it, as a file.
    pub(crate) async fn export(&self, export: Export) -> Result<Vec<u8>, Gone> {
        self.ask(|reply| Control::Export(export, reply)).await
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Control) -> Result<T, Gone> {
        let (reply, answer) = oneshot::channel();
        self.send(question(reply))?;
        answer.await.map_err(|_| Gone)
    }

    /// The last of what the console has said, since the start unless that was long ago.
    pub fn console(&self) -> Vec<u8> {
        self.uarts.first().map(|uart| uart.log.copy()).unwrap_or_default()
    }
}
