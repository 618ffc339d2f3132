//! The peer, and its connections.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::error::Raise;
use crate::values::{Data, length, span};
use crate::wait::{Wait, within};

/// A host and a port, as Python's sockets have them.
pub(crate) type Address = (String, u16);

fn address(to: SocketAddrV4) -> Address {
    (to.ip().to_string(), to.port())
}

fn socket_address((host, port): &Address) -> PyResult<SocketAddrV4> {
    let host = host.parse::<Ipv4Addr>();
    Ok(SocketAddrV4::new(host.map_err(|error| PyValueError::new_err(format!("not an IPv4 address: {error}")))?, *port))
}

/// The host at the other end of the board's network. Handles are cheap and all lead to the same peer.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct Peer(pub(crate) espalier::Peer);

#[pymethods]
impl Peer {
    /// The address at which the board reaches the peer.
    #[getter]
    fn address(&self) -> String {
        self.0.address().to_string()
    }

    /// Listens on `port` of the peer.
    #[pyo3(signature = (port, *, within=None))]
    fn listen(&self, port: u16, within: Option<f64>) -> PyResult<Wait> {
        let wait = self::within(self.0.listen(port), within)?;
        Ok(Wait::new(async { Ok(Listener(Open::new(wait.await?))) }))
    }

    /// Connects to `port` of the board, as soon as the board has taken an address from DHCP; or to the `host` that is given.
    #[pyo3(signature = (port, *, host=None, within=None))]
    fn connect(&self, port: u16, host: Option<String>, within: Option<f64>) -> PyResult<Wait> {
        let wait = match host {
            Some(host) => self.0.connect_to(socket_address(&(host, port))?),
            None => self.0.connect(port),
        };
        let wait = self::within(wait, within)?;
        Ok(Wait::new(async { Ok(PeerStream(Open::new(wait.await?))) }))
    }

    /// Opens a UDP port of the peer; zero lets it choose one.
    #[pyo3(signature = (port=0))]
    fn udp(&self, port: u16) -> PyResult<UdpSocket> {
        Ok(UdpSocket(Open::new(self.0.udp(port).raise()?)))
    }

    /// Pings the board, as soon as it has an address, and returns how many seconds the answer took.
    #[pyo3(signature = (*, within=None))]
    fn ping(&self, within: Option<f64>) -> PyResult<Wait> {
        let wait = self::within(self.0.ping(), within)?;
        Ok(Wait::new(async { Ok(length(wait.await?)) }))
    }

    /// Asks the network for the address of a name in `.local` by multicast DNS.
    #[pyo3(signature = (name, *, within=None))]
    fn resolve(&self, name: &str, within: Option<f64>) -> PyResult<Wait> {
        let wait = self::within(self.0.resolve(name), within)?;
        Ok(Wait::new(async { Ok(wait.await?.to_string()) }))
    }

    /// Cuts the peer off the network, as if its cable were pulled.
    fn vanish(&self) -> PyResult<()> {
        self.0.vanish().raise()
    }

    /// Puts the peer back on the network. It has not noticed that it was away.
    fn reappear(&self) -> PyResult<()> {
        self.0.reappear().raise()
    }

    /// The traffic of the peer's connections, one line for each event.
    fn transcript(&self) -> Vec<String> {
        self.0.transcript().iter().map(ToString::to_string).collect()
    }
}

/// Something of the peer that is open until it is given up.
struct Open<T>(Mutex<Option<T>>);

impl<T> Open<T> {
    fn new(open: T) -> Open<T> {
        Open(Mutex::new(Some(open)))
    }

    fn lock(&self) -> MutexGuard<'_, Option<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<R>(&self, act: impl FnOnce(&T) -> R) -> PyResult<R> {
        self.lock().as_ref().map(act).ok_or_else(given_up)
    }

    /// Gives it up.
    fn take(&self) -> PyResult<T> {
        self.lock().take().ok_or_else(given_up)
    }
}

/// The methods of a class that is open until the end of its `with` block: PyO3 takes one block of them for a class.
macro_rules! with_block {
    (impl $class:ident { $($methods:tt)* }) => {
        #[pymethods]
        impl $class {
            $($methods)*

            fn __enter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
                this
            }

            #[pyo3(signature = (*_exception))]
            fn __exit__(&self, _exception: &Bound<'_, PyTuple>) {
                let _ = self.0.take();
            }
        }
    };
}

fn given_up() -> PyErr {
    PyValueError::new_err("this was given up already: it was aborted, has vanished, or its `with` block has ended")
}

/// A port on which the peer listens; it is closed at the end of its `with` block, or when it is dropped.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct Listener(Open<espalier::Listener>);

with_block! {
impl Listener {
    #[getter]
    fn port(&self) -> PyResult<u16> {
        self.0.with(espalier::Listener::port)
    }

    /// Waits for the board to connect.
    #[pyo3(signature = (*, within=None))]
    fn accept(&self, within: Option<f64>) -> PyResult<Wait> {
        let wait = self::within(self.0.with(espalier::Listener::accept)?, within)?;
        Ok(Wait::new(async { Ok(PeerStream(Open::new(wait.await?))) }))
    }

    /// Takes a connection that the board has made by now, without waiting.
    fn try_accept(&self) -> PyResult<Option<PeerStream>> {
        Ok(self.0.with(espalier::Listener::try_accept)?.map(|stream| PeerStream(Open::new(stream))))
    }

    /// Listens no more.
    fn close(&self) {
        let _ = self.0.take();
    }
}
}

/// A TCP connection between the peer and the board. It is closed at the end of its `with` block, or when it is dropped.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct PeerStream(Open<espalier::PeerStream>);

with_block! {
impl PeerStream {
    /// The board's end of the connection: its address and port.
    #[getter]
    fn remote(&self) -> PyResult<Address> {
        self.0.with(|stream| address(stream.remote()))
    }

    /// Sends all of `data`.
    #[pyo3(signature = (data, *, within=None))]
    fn send(&self, data: Data, within: Option<f64>) -> PyResult<Wait> {
        let sending = self.0.with(|stream| stream.send(data))?;
        let sending = match within {
            Some(seconds) => sending.within(span(seconds)?),
            None => sending,
        };
        Ok(Wait::new(sending))
    }

    /// Waits until the board has sent `data`, and takes what it sent up to their end. What came before is returned.
    #[pyo3(signature = (data, *, within=None))]
    fn expect(&self, data: Data, within: Option<f64>) -> PyResult<Wait> {
        Ok(Wait::new(self::within(self.0.with(|stream| stream.expect(data))?, within)?))
    }

    /// Waits for bytes from the board and takes all that are there; no bytes once the board has closed.
    #[pyo3(signature = (*, within=None))]
    fn receive(&self, within: Option<f64>) -> PyResult<Wait> {
        Ok(Wait::new(self::within(self.0.with(espalier::PeerStream::receive)?, within)?))
    }

    /// Takes what the board has sent by now, without waiting; `None` once it will send no more.
    fn try_receive(&self) -> PyResult<Option<Vec<u8>>> {
        self.0.with(espalier::PeerStream::try_receive)
    }

    /// Whether the board has cut the connection. What came before can still be taken.
    fn was_reset(&self) -> PyResult<bool> {
        self.0.with(espalier::PeerStream::was_reset)
    }

    /// Waits until the board closes its side, and returns what came before.
    #[pyo3(signature = (*, within=None))]
    fn expect_close(&self, within: Option<f64>) -> PyResult<Wait> {
        Ok(Wait::new(self::within(self.0.with(espalier::PeerStream::expect_close)?, within)?))
    }

    /// Says that the peer will send no more. What the board still sends can be received.
    fn close(&self) -> PyResult<Wait> {
        Ok(Wait::new(self.0.with(espalier::PeerStream::close)?))
    }

    /// Cuts the connection: the board sees a reset.
    fn abort(&self) -> PyResult<()> {
        self.0.take()?.abort();
        Ok(())
    }

    /// The peer is gone without a word, as if its cable were pulled.
    fn vanish(&self) -> PyResult<()> {
        self.0.take()?.vanish().raise()
    }
}
}

/// A UDP port of a peer; it is closed at the end of its `with` block, or when it is dropped.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct UdpSocket(Open<espalier::UdpSocket>);

with_block! {
impl UdpSocket {
    #[getter]
    fn port(&self) -> PyResult<u16> {
        self.0.with(espalier::UdpSocket::port)
    }

    /// Sends a datagram. Whether it arrives is another matter.
    #[pyo3(signature = (data, to, *, within=None))]
    fn send_to(&self, data: Data, to: Address, within: Option<f64>) -> PyResult<Wait> {
        let to = socket_address(&to)?;
        Ok(Wait::new(self::within(self.0.with(|socket| socket.send_to(data, to))?, within)?))
    }

    /// Waits for a datagram, and says who sent it.
    #[pyo3(signature = (*, within=None))]
    fn receive(&self, within: Option<f64>) -> PyResult<Wait> {
        let wait = self::within(self.0.with(espalier::UdpSocket::receive)?, within)?;
        Ok(Wait::new(async {
            let (bytes, from) = wait.await?;
            Ok((bytes, address(from)))
        }))
    }

    /// Closes it.
    fn close(&self) {
        let _ = self.0.take();
    }
}
}
