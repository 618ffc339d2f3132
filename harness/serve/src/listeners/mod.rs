//! Everything that listens for clients, from before the board runs until the thread that serves it takes it over.

mod mux;
mod serial;
mod streams;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use espalier_soc::Machine;
use tokio::sync::mpsc;

use crate::board::{CONSOLE, PeerPort};
use crate::cable::{self, CableEnd, cable};
use crate::config::ServeConfig;
use crate::error::ServeError;
use crate::handle::BoardHandle;
use crate::http::{Identity, Page, Token};
use crate::link::Accepted;
use crate::outlet::Outlet;
#[cfg(unix)]
use crate::ports::pty;
use crate::ports::{SerialPort, rfc2217, tcp};
use crate::{forward, gdb, http, qmp};
use streams::OpenStream;

/// Where everything is, port numbers filled in.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    pub serial: Option<SocketAddr>,
    pub rfc2217: Option<SocketAddr>,
    /// The UART's number, and the path of its PTY.
    pub ptys: Vec<(usize, PathBuf)>,
    pub qmp: Option<SocketAddr>,
    pub gdb: Option<SocketAddr>,
    pub http: Option<SocketAddr>,
    /// Secret that a client of the page has to know.
    pub token: Token,
    pub host_forwards: Vec<SocketAddr>,
}

impl Addresses {
    /// The address of the page as a browser needs it.
    pub fn page(&self) -> Option<String> {
        Some(format!("http://{}/?token={}", self.http?, self.token))
    }
}

/// The listeners, until the thread that serves them takes them over.
pub(crate) struct Listeners {
    serial: Option<(TcpListener, SerialPort)>,
    rfc2217: Option<(TcpListener, SerialPort)>,
    #[cfg(unix)]
    ptys: Vec<(pty::Pty, SerialPort)>,
    qmp: Option<TcpListener>,
    gdb: Option<TcpListener>,
    streams: Vec<OpenStream>,
    cable_to: Option<(TcpStream, CableEnd)>,
    /// The page, and the board's name.
    http: Option<(TcpListener, Identity, String)>,
    host_forwards: Vec<(TcpListener, u16)>,
    guest_forwards: Vec<(mpsc::UnboundedReceiver<Accepted>, SocketAddr)>,
}

pub(crate) fn listen(service: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let open = || -> std::io::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    open().map_err(|source| ServeError::Listen { service, address, source })
}

fn connect(service: &'static str, address: Option<SocketAddr>) -> Result<Option<TcpStream>, ServeError> {
    let open = |address| -> std::io::Result<TcpStream> {
        let stream = TcpStream::connect(address)?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    let connected =
        address.map(|address| open(address).map_err(|source| ServeError::Connect { service, address, source }));
    connected.transpose()
}

impl Listeners {
    /// Takes every port that `config` asks for, and says where it is.
    pub fn open(
        config: &ServeConfig,
        machine: &mut Machine,
        addresses: &mut Addresses,
        open_port: &mut impl FnMut(&'static str, usize, Outlet) -> SerialPort,
    ) -> Result<(Listeners, Vec<PeerPort>, Option<CableEnd>), ServeError> {
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
        let gdb = open("GDB", config.gdb, &mut addresses.gdb)?;
        let http = open("HTTP", config.http, &mut addresses.http)?;
        let mut host_forwards = Vec::new();
        for forward in &config.host_forwards {
            let (listener, address) = listen("a forwarded port", forward.host)?;
            addresses.host_forwards.push(address);
            host_forwards.push((listener, forward.board_port));
        }
        let (board_cable, our_cable) = cable();
        let cable_to = connect("the network", config.cable_to)?.map(|stream| (stream, our_cable));
        if cable_to.is_some() {
            machine.lan_mut().lead_outside();
        }
        let board_cable = cable_to.is_some().then_some(board_cable);
        let (mut guest_forwards, mut peer_ports) = (Vec::new(), Vec::new());
        for forward in &config.guest_forwards {
            let listener = machine.lan_mut().listen(forward.peer_port);
            let listener = listener.map_err(|source| ServeError::PeerPort { port: forward.peer_port, source })?;
            let (sender, receiver) = mpsc::unbounded_channel();
            peer_ports.push(PeerPort { listener, accepted: sender });
            guest_forwards.push((receiver, forward.host));
        }
        let streams =
            config.streams.iter().map(|stream| OpenStream::new(stream, open_port)).collect::<Result<_, _>>()?;
        let listeners = Listeners {
            serial: serial.map(|listener| (listener, open_port("tcp", CONSOLE, Outlet::new()))),
            streams,
            cable_to,
            rfc2217: rfc2217.map(|listener| (listener, open_port("rfc2217", CONSOLE, Outlet::new()))),
            #[cfg(unix)]
            ptys: {
                let mut open = |&uart: &usize| {
                    let terminal = pty::Pty::open().map_err(ServeError::Pty)?;
                    addresses.ptys.push((uart, terminal.path().to_owned()));
                    let outlet = Outlet::of_terminal(terminal.path().to_owned());
                    Ok((terminal, open_port("pty", uart, outlet)))
                };
                config.ptys.iter().map(&mut open).collect::<Result<_, ServeError>>()?
            },
            qmp,
            gdb,
            http: http.map(|listener| {
                let identity = Identity { names: config.http_names.clone(), token: addresses.token.clone() };
                (listener, identity, machine.board().name.clone())
            }),
            host_forwards,
            guest_forwards,
        };
        #[cfg(not(unix))]
        if !config.ptys.is_empty() {
            return Err(ServeError::Pty(std::io::ErrorKind::Unsupported.into()));
        }
        Ok((listeners, peer_ports, board_cable))
    }

    /// Serves all of it on the present runtime.
    pub fn serve(self, board: &BoardHandle) {
        let take = |listener| tokio::net::TcpListener::from_std(listener).expect("a listener that was set up for this");
        if let Some((listener, port)) = self.serial {
            tokio::spawn(tcp::serve(take(listener), port));
        }
        if let Some((listener, port)) = self.rfc2217 {
            tokio::spawn(rfc2217::serve(take(listener), port));
        }
        #[cfg(unix)]
        for (terminal, port) in self.ptys {
            tokio::spawn(pty::serve(terminal, port));
        }
        if let Some(listener) = self.qmp {
            tokio::spawn(qmp::serve(take(listener), board.clone()));
        }
        if let Some(listener) = self.gdb {
            tokio::spawn(gdb::serve(take(listener), board.clone()));
        }
        let connected =
            |stream| tokio::net::TcpStream::from_std(stream).expect("a connection that was set up for this");
        for stream in self.streams {
            stream.serve(board);
        }
        if let Some((stream, end)) = self.cable_to {
            tokio::spawn(cable::serve(connected(stream), end, Arc::clone(board.waker())));
        }
        if let Some((listener, identity, name)) = self.http {
            let boards = vec![(name, board.clone())];
            tokio::spawn(http::serve(take(listener), Page { boards, identity, is_world: false }));
        }
        for (listener, board_port) in self.host_forwards {
            forward::serve_host(take(listener), board_port, board);
        }
        for (accepted, host) in self.guest_forwards {
            tokio::spawn(forward::serve_guest(accepted, host, board.clone()));
        }
    }
}
