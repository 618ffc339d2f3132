//! UART0 over RFC 2217, "Telnet Com Port Control Option".
//!
//! DTR and RTS work the board's EN and IO0, and the rate that a client sets is the rate of the line.

use std::sync::{Arc, Mutex, PoisonError};

use rfc2217::{ModemState, PortSettings, Purge, Server, ServerEvent};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::telnet::Subnegotiations;
use super::{PIECE, PortLease, SerialPort};
use crate::guard::{Client, beginning_of};
use crate::handle::Gone;
use crate::lines::ModemLines;
use crate::serial_input::SerialInput;

/// The rate of the line until the client sets one: that of the ROM's messages.
const INITIAL_BAUD: u32 = 115_200;
const SIGNATURE: &str = "espalier";
/// Answers that a client may leave unread before it is taken for broken.
const UNREAD_ANSWERS: usize = 1 << 16;

/// Serves one client after the other.
pub(crate) async fn serve(listener: TcpListener, port: SerialPort) {
    loop {
        let (socket, lease) = port.accept(&listener).await;
        tokio::spawn(client(socket, port.clone(), lease));
    }
}

/// State that the reading and the writing half of a connection share.
struct Session {
    server: Mutex<Server>,
    /// The state machine has something to send.
    answered: Notify,
}

impl Session {
    fn new() -> Session {
        let settings = PortSettings { baud_rate: INITIAL_BAUD, ..PortSettings::default() };
        let mut server = Server::new(settings).with_signature(SIGNATURE);
        // A board whose bridge is there and whose UART is always ready.
        server.set_modem_state(ModemState::CTS | ModemState::DSR | ModemState::CD);
        Session { server: Mutex::new(server), answered: Notify::new() }
    }

    fn with<R>(&self, act: impl FnOnce(&mut Server) -> R) -> R {
        act(&mut self.server.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn client(socket: TcpStream, port: SerialPort, lease: Arc<PortLease>) {
    let session = Session::new();
    let (mut reader, mut writer) = socket.into_split();
    let input = async {
        // A client before this one may have had no time to let go of its lines.
        for setting in [SerialInput::Lines(ModemLines::default()), SerialInput::Baud(Some(INITIAL_BAUD))] {
            if port.sender.send(setting).await.is_err() {
                return;
            }
        }
        let Some(mut heard) = beginning_of(&mut reader, Client::Person).await else { return };
        let (mut lines, mut requests) = (ModemLines::default(), Subnegotiations::default());
        let mut ahead = Vec::new();
        loop {
            let Ok(input) = requests.pass(&heard) else { return };
            let hearing = hear(&input, &session, &port, &lease, &mut lines);
            let is_gone = lease.heed(&mut reader, &mut ahead, hearing).await.is_err();
            if is_gone || session.with(|server| server.output().len()) > UNREAD_ANSWERS {
                return;
            }
            heard = match lease.next(&mut reader, &mut ahead).await {
                Some(heard) => heard,
                None => return,
            };
        }
    };
    let output = async {
        loop {
            let answers = session.with(Server::take_output);
            if writer.write_all(&answers).await.is_err() {
                return;
            }
            tokio::select! {
                () = session.answered.notified() => {}
                bytes = port.outlet.take(PIECE) => match bytes {
                    Some(bytes) => session.with(|server| server.write_data(&bytes)),
                    None => return,
                },
            }
        }
    };
    tokio::select! {
        biased;
        () = lease.replaced() => {}
        () = input => {}
        () = output => {}
    }
    // A port that is closed lets go of its lines. The next client has done so if there is one.
    if !lease.is_replaced() {
        let _ = port.sender.send(SerialInput::Lines(ModemLines::default())).await;
    }
}

/// Takes what the client sent: payload and requests, in order.
async fn hear(
    input: &[u8],
    session: &Session,
    port: &SerialPort,
    lease: &PortLease,
    lines: &mut ModemLines,
) -> Result<(), Gone> {
    let mut at = 0;
    while at < input.len() {
        let mut payload = Vec::new();
        let (consumed, event) = session.with(|server| {
            let consumed = server.receive_until_event(&input[at..], &mut payload);
            (consumed, server.poll_event())
        });
        at += consumed;
        session.answered.notify_one();
        port.sender.send_cancellable(&payload, &lease.cancel).await?;
        match event {
            Some(ServerEvent::SettingsChanged(settings)) => {
                port.sender.send(SerialInput::Baud(Some(settings.baud_rate))).await?;
            }
            Some(ServerEvent::Dtr(dtr)) => {
                lines.dtr = dtr;
                port.sender.send(SerialInput::Lines(*lines)).await?;
            }
            Some(ServerEvent::Rts(rts)) => {
                lines.rts = rts;
                port.sender.send(SerialInput::Lines(*lines)).await?;
            }
            Some(ServerEvent::Purge(Purge::Receive | Purge::Both)) => port.outlet.clear(),
            _ => {}
        }
    }
    Ok(())
}
