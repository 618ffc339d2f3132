//! The display and the console in a browser.
//!
//! Pages that can only be looked at, so this is as much of HTTP/1.1 (RFC 9112) as a GET without a body needs.

use espalier_core::Time;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::handle::{BoardHandle, BoardStatus, Gone};
use crate::picture::picture_as_png;

/// The longest request that is read.
const LONGEST_REQUEST: usize = 8 << 10;
/// How long a client may take to say what it wants.
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

/// Serves any number of clients.
pub(crate) async fn serve(listener: TcpListener, board: BoardHandle) {
    loop {
        if let Ok((socket, _)) = listener.accept().await {
            let board = board.clone();
            // A client that goes away is no matter for anybody.
            tokio::spawn(async move { tokio::time::timeout(PATIENCE, client(socket, &board)).await });
        }
    }
}

async fn client(mut socket: TcpStream, board: &BoardHandle) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        if request.len() > LONGEST_REQUEST {
            return socket.write_all(&response("431 Request Header Fields Too Large", TEXT, b"too long\n")).await;
        }
        if socket.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let answer = match path(&request) {
        Ok(path) => page(path, board).await,
        Err(status) => response(status, TEXT, status.as_bytes()),
    };
    socket.write_all(&answer).await?;
    socket.shutdown().await
}

/// The path that a request asks for, without its query.
fn path(request: &[u8]) -> Result<&str, &'static str> {
    const MALFORMED: &str = "400 Bad Request";
    let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = std::str::from_utf8(line).map_err(|_| MALFORMED)?;
    let mut words = line.split(' ');
    match (words.next(), words.next(), words.next()) {
        (Some("GET"), Some(target), Some(version)) if version.starts_with("HTTP/1.") => {
            Ok(target.split('?').next().unwrap_or_default())
        }
        (Some(_), Some(_), Some(version)) if version.starts_with("HTTP/1.") => Err("405 Method Not Allowed"),
        _ => Err(MALFORMED),
    }
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
         Connection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::path;
    use proptest::prelude::*;

    #[test]
    fn requests_name_a_page() {
        assert_eq!(path(b"GET /screen.png?17 HTTP/1.1\r\nHost: x\r\n\r\n"), Ok("/screen.png"));
        assert_eq!(path(b"POST / HTTP/1.1\r\n\r\n"), Err("405 Method Not Allowed"));
        assert_eq!(path(b"\x16\x03\x01\r\n\r\n"), Err("400 Bad Request"));
    }

    proptest! {
        #[test]
        fn hostile_requests_are_refused(request in any::<Vec<u8>>()) {
            prop_assert!(path(&request).is_err());
        }
    }
}
