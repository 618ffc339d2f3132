//! The board in a browser: a page to watch and to touch it on, and what the page is made of.
//!
//! As much of HTTP/1.1 (RFC 9112) as that needs. A client that wants to see or do something has to know the token of this run, which stands
//! in the address that is printed; `Host` and `Origin` are checked as well. What is done with a board is an [`Action`], as over QMP.
//!
//! | | |
//! | --- | --- |
//! | `GET /` | the page |
//! | `GET /events` | what is to be seen of the boards, as it changes (`events`) |
//! | `POST /act` | does what the body says, and answers with JSON |
//! | `GET /screen.png`, `/console`, `/status`, `/network.pcap`, `/air.pcap`, `/pins.vcd`, `/board.espalier` | files |
//!
//! `token` in the query is the token, `board` the place of the board in its world, and `display` and `uart` say which one.

mod events;
mod hostile;
mod request;
mod token;

use std::sync::Arc;
use std::time::Duration;

use espalier_core::Time;
use espalier_page::{Action, ActionError, Export, FILES};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

pub(crate) use self::hostile::read_request;
use self::request::{Host, Request};
pub(crate) use self::token::Token;
use crate::clients::Clients;
use crate::handle::{BoardHandle, BoardStatus, Gone};

/// The longest request that is read, without its body.
const LONGEST_REQUEST: usize = 8 << 10;
/// Time limit for a request, and for taking its answer.
const PATIENCE: Duration = Duration::from_secs(10);
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const OK: &str = "200 OK";

/// Whom a server answers.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// Names of this computer beside `localhost` and its address.
    pub names: Vec<String>,
    /// Secret that a client has to know.
    pub token: Token,
}

/// Boards to serve, and their clients.
#[derive(Debug)]
pub(crate) struct Page {
    /// The boards with their names.
    pub boards: Vec<(String, BoardHandle)>,
    pub identity: Identity,
    /// Whether the boards are those of a world.
    pub is_world: bool,
}

/// Serves clients that ask for this computer and know the token.
pub(crate) async fn serve(listener: TcpListener, page: Page) {
    let (clients, page) = (Clients::of(listener), Arc::new(page));
    loop {
        let (socket, place) = clients.next().await;
        let page = Arc::clone(&page);
        tokio::spawn(async move {
            // A client may disconnect at any time.
            let _ = client(socket, &page).await;
            drop(place);
        });
    }
}

async fn client(mut socket: TcpStream, page: &Page) -> std::io::Result<()> {
    let answer = match timeout(PATIENCE, read(&mut socket, page)).await?? {
        None => return Ok(()),
        Some(Err(refusal)) => refusal,
        Some(Ok(request)) if request.path == "/events" => {
            return events::tell(&mut socket, &page.boards, page.is_world).await;
        }
        Some(Ok(request)) => timeout(PATIENCE, answer(&request, page)).await?,
    };
    timeout(PATIENCE, socket.write_all(&answer)).await??;
    socket.shutdown().await
}

/// A request that may be answered, or the answer to another one.
async fn read(socket: &mut TcpStream, page: &Page) -> std::io::Result<Option<Result<Request, Vec<u8>>>> {
    let host = Host { address: socket.local_addr()?.ip(), names: &page.identity.names };
    let mut bytes = Vec::new();
    loop {
        if socket.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
        match request::read(&bytes, LONGEST_REQUEST, host) {
            Ok(None) => {}
            Ok(Some(request)) => return Ok(Some(page.admit(request))),
            Err(refusal) => return Ok(Some(Err(response(refusal.status, TEXT, refusal.reason.as_bytes())))),
        }
    }
}

impl Page {
    /// The request, if its client knows the token or needs none.
    fn admit(&self, request: Request) -> Result<Request, Vec<u8>> {
        let free = request.body.is_none() && FILES.iter().any(|(path, ..)| *path == request.path);
        if free || request.value("token").is_some_and(|token| self.identity.token.is(&token)) {
            return Ok(request);
        }
        let reason =
            "the address lacks the token of this run: use the one that was printed when the board was served\n";
        Err(response("403 Forbidden", TEXT, reason.as_bytes()))
    }
}

async fn answer(request: &Request, page: &Page) -> Vec<u8> {
    if let Some((_, kind, text)) = FILES.iter().find(|(path, ..)| *path == request.path) {
        return response(OK, kind, text.as_bytes());
    }
    let place = request.value("board").map_or(Some(0), |place| place.parse::<usize>().ok());
    let Some((_, board)) = place.and_then(|place| page.boards.get(place)) else {
        return response("404 Not Found", TEXT, b"there is no such board\n");
    };
    match &request.body {
        Some(body) if request.path == "/act" => act(board, body).await,
        Some(_) => response("404 Not Found", TEXT, b"there is only /act to be sent to\n"),
        None => file(request, board).await.unwrap_or_else(unavailable),
    }
}

/// Does what a body says.
async fn act(board: &BoardHandle, body: &[u8]) -> Vec<u8> {
    let action: Action = match serde_json::from_slice(body) {
        Ok(action) => action,
        Err(error) => return refused("400 Bad Request", &error.to_string()),
    };
    match board.act(action).await {
        Ok(answer) => response(OK, JSON, answer.to_string().as_bytes()),
        Err(error @ ActionError::Gone) => refused("503 Service Unavailable", &error.to_string()),
        Err(error) => refused("422 Unprocessable Content", &error.to_string()),
    }
}

fn refused(status: &str, reason: &str) -> Vec<u8> {
    response(status, JSON, json!({"error": reason}).to_string().as_bytes())
}

async fn file(request: &Request, board: &BoardHandle) -> Result<Vec<u8>, Gone> {
    Ok(match request.path.as_str() {
        "/screen.png" => match board.act(Action::Screen { display: request.value("display") }).await {
            Ok(picture) => response(OK, "image/png", &png(&picture)),
            Err(error) => response("404 Not Found", TEXT, format!("{error}\n").as_bytes()),
        },
        "/console" => {
            let uart = request.value("uart").map_or(Some(0), |uart| uart.parse::<usize>().ok());
            match uart.and_then(|uart| board.uarts().get(uart)) {
                Some(end) => response(OK, TEXT, &end.log.copy()),
                None => response("404 Not Found", TEXT, b"the board has no such UART\n"),
            }
        }
        "/status" => response(OK, TEXT, describe(&board.status().await?).as_bytes()),
        "/network.pcap" => response(OK, PCAP, &board.export(Export::Network).await?),
        "/air.pcap" => response(OK, PCAP, &board.export(Export::Air).await?),
        "/pins.vcd" => response(OK, TEXT, &board.export(Export::Pins).await?),
        // Of a world, all of it.
        "/board.espalier" => response(OK, "application/octet-stream", &board.export(Export::Snapshot).await?),
        _ => response("404 Not Found", TEXT, b"there is no such file here\n"),
    })
}

const PCAP: &str = "application/vnd.tcpdump.pcap";

fn png(picture: &serde_json::Value) -> Vec<u8> {
    use base64::Engine;
    base64::prelude::BASE64_STANDARD.decode(picture["png"].as_str().unwrap_or_default()).unwrap_or_default()
}

fn unavailable(gone: Gone) -> Vec<u8> {
    response("503 Service Unavailable", TEXT, gone.to_string().as_bytes())
}

fn describe(status: &BoardStatus) -> String {
    let state = match (&status.halted, status.running) {
        (Some(reason), _) => format!("halted: {reason}"),
        (None, true) => "running".to_owned(),
        (None, false) => "paused".to_owned(),
    };
    format!("{state}\nguest time {:.6} s\n", status.now.since(Time::ZERO).as_secs_f64())
}

fn response(status: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Cross-Origin-Resource-Policy: same-origin\r\nContent-Security-Policy: default-src 'none'; script-src 'self'; \
         style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}
