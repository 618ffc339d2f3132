//! The display and the console in a browser.
//!
//! Pages that can only be looked at, so this is as much of HTTP/1.1 (RFC 9112) as a GET without a body needs.

mod request;

use std::sync::Arc;

use espalier_core::Time;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use self::request::Identity;
use crate::clients::Clients;
use crate::handle::{BoardHandle, BoardStatus, Gone};
use crate::picture::picture_as_png;

/// The longest request that is read.
const LONGEST_REQUEST: usize = 8 << 10;
/// Time limit for a client's request.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);
const TEXT: &str = "text/plain; charset=utf-8";

/// Shows the picture and the console, again and again.
const PAGE: &str = r##"<!doctype html>
<meta charset="utf-8">
<title>Espalier board</title>
<style>
  body { font-family: system-ui, sans-serif; background: #f4f4f2; margin: 2rem; }
  img { image-rendering: pixelated; width: 512px; border: 12px solid #111; background: #000; display: block; }
  pre { background: #fff; border: 1px solid #ccc; padding: 1rem; height: 24rem; overflow: auto; }
</style>
<img id="screen" alt="no display">
<pre id="console"></pre>
<script>
  const screen = document.getElementById("screen"), log = document.getElementById("console");
  async function refresh() {
    screen.src = "/screen.png?" + Date.now();
    try {
      const text = await (await fetch("/console")).text();
      if (text !== log.textContent) { log.textContent = text; log.scrollTop = log.scrollHeight; }
    } catch (error) { log.textContent += "\n[the board is gone]"; return; }
    setTimeout(refresh, 250);
  }
  refresh();
</script>
"##;

/// Serves clients that ask for this computer's address, for `localhost`, or for one of `names`.
pub(crate) async fn serve(listener: TcpListener, board: BoardHandle, names: Vec<String>) {
    let (clients, names) = (Clients::of(listener), Arc::new(names));
    loop {
        let (socket, place) = clients.next().await;
        let (board, names) = (board.clone(), Arc::clone(&names));
        tokio::spawn(async move {
            // A client may disconnect at any time.
            let _ = tokio::time::timeout(PATIENCE, client(socket, &board, &names)).await;
            drop(place);
        });
    }
}

async fn client(mut socket: TcpStream, board: &BoardHandle, names: &[String]) -> std::io::Result<()> {
    let identity = Identity { address: socket.local_addr()?.ip(), names };
    let mut request = Vec::new();
    let answer = loop {
        if socket.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
        match request::path(&request, LONGEST_REQUEST, identity) {
            Ok(None) => {}
            Ok(Some(path)) => break page(&path, board).await,
            Err(refusal) => break response(refusal.status, TEXT, refusal.reason.as_bytes()),
        }
    };
    socket.write_all(&answer).await?;
    socket.shutdown().await
}

async fn page(path: &str, board: &BoardHandle) -> Vec<u8> {
    const OK: &str = "200 OK";
    match path {
        "/" => response(OK, "text/html; charset=utf-8", PAGE.as_bytes()),
        "/console" => response(OK, TEXT, &board.console()),
        "/status" => match board.status().await {
            Ok(status) => response(OK, TEXT, describe(&status).as_bytes()),
            Err(gone) => unavailable(gone),
        },
        "/screen.png" => match board.screen().await {
            Ok(Some(picture)) => response(OK, "image/png", &picture_as_png(&picture)),
            Ok(None) => response("404 Not Found", TEXT, b"the board has no display\n"),
            Err(gone) => unavailable(gone),
        },
        _ => response("404 Not Found", TEXT, b"there are /, /screen.png, /console and /status\n"),
    }
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
         Cross-Origin-Resource-Policy: same-origin\r\nContent-Security-Policy: frame-ancestors 'none'\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}
