//! A board and everything that leads to it.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use espalier_soc::Machine;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};

use crate::board::{Board, BoardSetup, PeerPort, SerialInput};
use crate::config::ServeConfig;
use crate::error::ServeError;
use crate::handle::{Bell, BoardHandle, ConsoleLog, Gone, PortStatistics, SerialSender};
use crate::outlet::Outlet;
use crate::ports::{SerialPort, rfc2217, tcp};
use crate::{forward, http, qmp};

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

/// Where everything is, port numbers filled in.
#[derive(Debug, Default)]
struct Addresses {
    serial: Option<SocketAddr>,
    rfc2217: Option<SocketAddr>,
    pty: Option<PathBuf>,
    qmp: Option<SocketAddr>,
    http: Option<SocketAddr>,
    host_forwards: Vec<SocketAddr>,
}

/// What listens, until the thread that serves it takes it over.
struct Listeners {
    serial: Option<(TcpListener, SerialPort)>,
    rfc2217: Option<(TcpListener, SerialPort)>,
    #[cfg(unix)]
    pty: Option<(crate::ports::pty::Pty, SerialPort)>,
    qmp: Option<TcpListener>,
    http: Option<TcpListener>,
    host_forwards: Vec<(TcpListener, u16)>,
    guest_forwards: Vec<(mpsc::UnboundedReceiver<crate::board::Accepted>, SocketAddr)>,
}

/// UART0 for the program that serves the board. What the board sent before somebody listened is kept.
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

fn listen(service: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let open = || -> std::io::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    open().map_err(|source| ServeError::Listen { service, address, source })
}

impl Server {
    /// Starts the board and offers what `config` asks for.
    ///
    /// # Errors
    /// If a port is in use, or the host cannot give what is needed. Nothing is left behind then.
    pub fn start(mut machine: Machine, config: &ServeConfig) -> Result<Server, ServeError> {
        let (control, controls) = std::sync::mpsc::channel();
        let (inputs, serial) = mpsc::channel::<SerialInput>(SERIAL_QUEUE);
        let (bell, log) = (Arc::new(Bell::default()), Arc::new(ConsoleLog::default()));
        let handle = BoardHandle::new(control, Arc::clone(&bell), Arc::clone(&log));
        let sender = SerialSender { inputs, bell: Arc::clone(&bell) };

        let mut ports = Vec::new();
        let mut open_port = |name: &'static str, outlet: Outlet| {
            let outlet = Arc::new(outlet);
            ports.push((name, Arc::clone(&outlet)));
            SerialPort { sender: sender.clone(), outlet }
        };
        let mut addresses = Addresses::default();
        let listeners = Listeners::open(config, &mut machine, &mut addresses, &mut open_port)?;
        let console = open_port("console", Outlet::keeping());

        let peer_ports = listeners.1;
        let setup = BoardSetup {
            machine,
            pace: config.pace,
            paused: config.paused,
            control: controls,
            serial,
            bell,
            handle: handle.clone(),
            log,
            outlets: ports.iter().map(|(_, outlet)| Arc::clone(outlet)).collect(),
            peer_ports,
        };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(ServeError::Run)?;
        let (stop, stopped) = oneshot::channel();
        let io_handle = handle.clone();
        let io = std::thread::Builder::new()
            .name("espalier-io".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    // A listener that cannot be watched is a bug of ours, and the panic names it.
                    listeners.0.serve(&io_handle);
                    let _ = stopped.await;
                    tokio::time::sleep(LAST_WORDS).await;
                });
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
        server.board = Some(board.spawn(move || Board::new(setup).run()).map_err(ServeError::Run)?);
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
        self.addresses.pty.as_deref()
    }

    /// Where QMP is.
    pub fn qmp_address(&self) -> Option<SocketAddr> {
        self.addresses.qmp
    }

    /// Where the page is.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.addresses.http
    }

    /// Where the host listens for the board, in the order of the configuration.
    pub fn host_forward_addresses(&self) -> &[SocketAddr] {
        &self.addresses.host_forwards
    }

    /// How the clients of each serial port fare.
    pub fn statistics(&self) -> Vec<PortStatistics> {
        let describe = |(name, outlet): &(&'static str, Arc<Outlet>)| PortStatistics {
            name,
            connected: outlet.is_connected(),
            dropped: outlet.dropped(),
        };
        self.ports.iter().map(describe).collect()
    }

    /// Waits until somebody shuts the board down, and gives the machine back.
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
            // If nobody listens, the thread has ended.
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

impl Listeners {
    fn open(
        config: &ServeConfig,
        machine: &mut Machine,
        addresses: &mut Addresses,
        open_port: &mut impl FnMut(&'static str, Outlet) -> SerialPort,
    ) -> Result<(Listeners, Vec<PeerPort>), ServeError> {
        let open = |service, wanted: Option<SocketAddr>, found: &mut Option<SocketAddr>| match wanted {
            Some(address) => {
                let (listener, address) = listen(service, address)?;
                *found = Some(address);
                Ok(Some(listener))
            }
            None => Ok(None),
        };
        let serial = open("the serial port", config.serial, &mut addresses.serial)?;
        let rfc2217 = open("RFC 2217", config.rfc2217, &mut addresses.rfc2217)?;
        let qmp = open("QMP", config.qmp, &mut addresses.qmp)?;
        let http = open("HTTP", config.http, &mut addresses.http)?;
        let mut host_forwards = Vec::new();
        for forward in &config.host_forwards {
            let (listener, address) = listen("a forwarded port", forward.host)?;
            addresses.host_forwards.push(address);
            host_forwards.push((listener, forward.board_port));
        }
        let (mut guest_forwards, mut peer_ports) = (Vec::new(), Vec::new());
        for forward in &config.guest_forwards {
            let listener = machine.lan_mut().listen(forward.peer_port);
            let listener = listener.map_err(|source| ServeError::PeerPort { port: forward.peer_port, source })?;
            let (sender, receiver) = mpsc::unbounded_channel();
            peer_ports.push(PeerPort { listener, accepted: sender });
            guest_forwards.push((receiver, forward.host));
        }
        let listeners = Listeners {
            serial: serial.map(|listener| (listener, open_port("tcp", Outlet::new()))),
            rfc2217: rfc2217.map(|listener| (listener, open_port("rfc2217", Outlet::new()))),
            #[cfg(unix)]
            pty: if config.pty {
                let pty = crate::ports::pty::Pty::open().map_err(ServeError::Pty)?;
                addresses.pty = Some(pty.path().to_owned());
                Some((pty, open_port("pty", Outlet::new())))
            } else {
                None
            },
            qmp,
            http,
            host_forwards,
            guest_forwards,
        };
        #[cfg(not(unix))]
        if config.pty {
            return Err(ServeError::Pty(std::io::ErrorKind::Unsupported.into()));
        }
        Ok((listeners, peer_ports))
    }

    /// Serves all of it on the present runtime.
    fn serve(self, board: &BoardHandle) {
        let take = |listener| tokio::net::TcpListener::from_std(listener).expect("a listener that was set up for this");
        if let Some((listener, port)) = self.serial {
            tokio::spawn(tcp::serve(take(listener), port));
        }
        if let Some((listener, port)) = self.rfc2217 {
            tokio::spawn(rfc2217::serve(take(listener), port));
        }
        #[cfg(unix)]
        if let Some((pty, port)) = self.pty {
            tokio::spawn(crate::ports::pty::serve(pty, port));
        }
        if let Some(listener) = self.qmp {
            tokio::spawn(qmp::serve(take(listener), board.clone()));
        }
        if let Some(listener) = self.http {
            tokio::spawn(http::serve(take(listener), board.clone()));
        }
        for (listener, board_port) in self.host_forwards {
            tokio::spawn(forward::serve_host(take(listener), board_port, board.clone()));
        }
        for (accepted, host) in self.guest_forwards {
            tokio::spawn(forward::serve_guest(accepted, host, board.clone()));
        }
    }
}
