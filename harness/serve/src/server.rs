//! A board and everything that leads to it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use espalier_page::record;
use espalier_soc::Machine;
use espalier_xtensa::Cpu;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};

use crate::board::{BoardSetup, BoardThread, CONSOLE, SerialLine};
use crate::config::ServeConfig;
use crate::error::ServeError;
use crate::fuses::FuseFile;
use crate::handle::{BoardHandle, BoardWaker, Gone, PortStatistics, SerialSender, UartEnd};
use crate::listeners::{Addresses, Listeners};
use crate::outlet::Outlet;
use crate::ports::SerialPort;
use crate::serial_input::SerialInput;

/// Pieces of input that may wait for the serial line.
const SERIAL_QUEUE: usize = 16;
/// Time in which clients hear the last words of a board that is shut down.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// A board that runs and can be reached. Dropping it shuts the board down.
#[derive(Debug)]
pub struct Server {
    handle: BoardHandle,
    addresses: Addresses,
    ports: Vec<(&'static str, Arc<Outlet>)>,
    console: Option<ConsolePort>,
    board: Option<JoinHandle<Machine>>,
    io: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

/// UART0 for the program that serves the board. Bytes that the board sent before the first client are kept.
#[derive(Debug)]
pub struct ConsolePort {
    sender: SerialSender,
    outlet: Arc<Outlet>,
}

impl ConsolePort {
    /// Sends bytes to the board; waits while the line is behind.
    pub async fn send(&self, bytes: &[u8]) -> Result<(), Gone> {
        self.sender.send_bytes(bytes).await
    }

    /// Waits for bytes from the board. None once the board is shut down and everything was taken.
    pub async fn receive(&self) -> Option<Vec<u8>> {
        self.outlet.take(usize::MAX).await
    }
}

impl Drop for ConsolePort {
    fn drop(&mut self) {
        self.outlet.disconnect();
    }
}

/// Whether GDB can be served: it is told of the registers of the Xtensa, and of no other processor's.
pub fn has_debugger(machine: &Machine) -> bool {
    machine.core_as::<Cpu>(0).is_some()
}

impl Server {
    /// Starts the board and offers what `config` asks for.
    ///
    /// # Errors
    /// If a port is in use, or the host cannot give what is needed. Nothing is left behind then.
    pub fn start(mut machine: Machine, config: &ServeConfig) -> Result<Server, ServeError> {
        if config.gdb.is_some() && !has_debugger(&machine) {
            return Err(ServeError::NoDebugger { board: machine.board().name.to_string() });
        }
        let (control, controls) = std::sync::mpsc::channel();
        let waker = Arc::new(BoardWaker::default());
        let (mut ports, mut serial) = (Vec::new(), Vec::<(SerialSender, SerialLine)>::new());
        let open_lines = |serial: &mut Vec<(SerialSender, SerialLine)>, count: usize| {
            while serial.len() < count {
                let (inputs, received) = mpsc::channel::<SerialInput>(SERIAL_QUEUE);
                let sender = SerialSender { inputs, waker: Arc::clone(&waker) };
                serial.push((sender, SerialLine::new(serial.len(), received)));
            }
        };
        let mut open_port = |name: &'static str, uart: usize, outlet: Outlet| {
            let outlet = Arc::new(outlet);
            ports.push((name, Arc::clone(&outlet)));
            open_lines(&mut serial, uart + 1);
            let (sender, line) = &mut serial[uart];
            line.outlets.push(Arc::clone(&outlet));
            SerialPort::new(sender.clone(), outlet)
        };
        let mut addresses = Addresses::default();
        let (listeners, peer_ports, cable) = Listeners::open(config, &mut machine, &mut addresses, &mut open_port)?;
        let console = open_port("console", CONSOLE, Outlet::keeping());
        if config.http.is_some() {
            open_lines(&mut serial, machine.uarts());
            record(&mut machine);
        }
        let uarts = serial.iter().map(|(sender, line)| UartEnd { sender: sender.clone(), log: Arc::clone(&line.log) });
        let handle = BoardHandle::new(control, Arc::clone(&waker), uarts.collect());
        let fuses = match &config.efuses {
            Some(path) => Some(FuseFile::open(path, &mut machine).map_err(ServeError::Fuses)?),
            None => None,
        };

        if let Some(program) = &config.program {
            program.load(&mut machine).map_err(ServeError::Program)?;
        }
        let setup = BoardSetup {
            machine,
            pace: config.pace,
            paused: config.paused,
            control: controls,
            lines: serial.into_iter().map(|(_, line)| line).collect(),
            waker,
            handle: handle.clone(),
            peer_ports,
            cable,
            fuses,
            program: config.program.clone(),
            ends_with_reset: config.ends_with_reset,
        };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(ServeError::Run)?;
        let (stop, stopped) = oneshot::channel();
        let io_handle = handle.clone();
        let io = std::thread::Builder::new()
            .name("espalier-io".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    // A listener that cannot be watched is a bug of ours, and the panic names it.
                    listeners.serve(&io_handle);
                    let _ = stopped.await;
                    tokio::time::sleep(LAST_WORDS).await;
                });
                // Neither a read of standard input nor a file on a disk that does not answer is waited for.
                runtime.shutdown_background();
            })
            .map_err(ServeError::Run)?;
        let mut server = Server {
            handle,
            addresses,
            ports,
            console: Some(ConsolePort { sender: console.sender, outlet: console.outlet }),
            board: None,
            io: Some((stop, io)),
        };
        let board = std::thread::Builder::new().name("espalier-board".to_owned());
        server.board = Some(board.spawn(move || BoardThread::new(setup).run()).map_err(ServeError::Run)?);
        Ok(server)
    }

    /// A handle on the board, for this and other threads.
    pub fn board(&self) -> &BoardHandle {
        &self.handle
    }

    /// UART0 for this program. There is one; None if it was taken.
    pub fn console(&mut self) -> Option<ConsolePort> {
        let console = self.console.take()?;
        console.outlet.connect();
        Some(console)
    }

    /// Where UART0 is as a TCP socket.
    pub fn serial_address(&self) -> Option<SocketAddr> {
        self.addresses.serial
    }

    /// Where UART0 is as an RFC 2217 port.
    pub fn rfc2217_address(&self) -> Option<SocketAddr> {
        self.addresses.rfc2217
    }

    /// The pseudo-terminal that is UART0.
    pub fn pty_path(&self) -> Option<&Path> {
        let console = self.pty_paths().iter().find(|(uart, _)| *uart == CONSOLE)?;
        Some(&console.1)
    }

    /// The pseudo-terminals, each with its UART, in the order of the configuration.
    pub fn pty_paths(&self) -> &[(usize, PathBuf)] {
        &self.addresses.ptys
    }

    /// Where QMP is.
    pub fn qmp_address(&self) -> Option<SocketAddr> {
        self.addresses.qmp
    }

    /// Where GDB's remote serial protocol is.
    pub fn gdb_address(&self) -> Option<SocketAddr> {
        self.addresses.gdb
    }

    /// Where the page is.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.addresses.http
    }

    /// The address of the page as a browser needs it, with the token of this run.
    pub fn page(&self) -> Option<String> {
        self.addresses.page()
    }

    /// Where the host listens for the board, in the order of the configuration.
    pub fn host_forward_addresses(&self) -> &[SocketAddr] {
        &self.addresses.host_forwards
    }

    /// Returns the statistics of the clients of each serial port.
    pub fn statistics(&self) -> Vec<PortStatistics> {
        let describe = |(name, outlet): &(&'static str, Arc<Outlet>)| PortStatistics {
            name,
            connected: outlet.is_connected(),
            dropped: outlet.dropped(),
        };
        self.ports.iter().map(describe).collect()
    }

    /// Waits until the board is shut down, and gives the machine back.
    pub fn wait(mut self) -> Machine {
        let machine = self.join().expect("the board's thread is joined once");
        drop(self);
        machine
    }

    /// Shuts the board down and gives the machine back.
    pub fn shutdown(self) -> Machine {
        // It may have been shut down already.
        let _ = self.handle.quit();
        self.wait()
    }

    /// Ends both threads. A panic of theirs goes on in this one.
    fn join(&mut self) -> Option<Machine> {
        let machine = self.board.take().map(JoinHandle::join);
        if let Some((stop, io)) = self.io.take() {
            // Without a receiver, the thread has ended.
            let _ = stop.send(());
            if let Err(panic) = io.join()
                && !std::thread::panicking()
            {
                std::panic::resume_unwind(panic);
            }
        }
        match machine? {
            Ok(machine) => Some(machine),
            Err(panic) if !std::thread::panicking() => std::panic::resume_unwind(panic),
            Err(_) => None,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been shut down already.
        let _ = self.handle.quit();
        self.join();
    }
}
