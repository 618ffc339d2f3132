//! The board's Ethernet cable as a TCP connection: every frame after its length in four bytes, the highest first (QEMU's
//! `-nic socket`).

use std::sync::Arc;

use espalier_net::SharedFrame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::handle::BoardWaker;

/// Longest frame that is taken. QEMU carries no longer ones.
const FRAME_MAX: u32 = 64 << 10;
/// Frames that may wait on either side. What comes beyond is lost, as in any switch.
const QUEUE: usize = 256;

/// One end of the cable.
#[derive(Debug)]
pub(crate) struct CableEnd {
    pub incoming: Receiver<SharedFrame>,
    pub outgoing: Sender<SharedFrame>,
}

/// Both ends.
pub(crate) fn cable() -> (CableEnd, CableEnd) {
    let ((to_board, from_outside), (to_outside, from_board)) = (channel(QUEUE), channel(QUEUE));
    let board = CableEnd { incoming: from_outside, outgoing: to_outside };
    (board, CableEnd { incoming: from_board, outgoing: to_board })
}

/// Carries frames until the other program is gone.
pub(crate) async fn serve(socket: TcpStream, end: CableEnd, waker: Arc<BoardWaker>) {
    let CableEnd { mut incoming, outgoing } = end;
    let (mut reader, mut writer) = socket.into_split();
    let to_board = async {
        while let Ok(length @ ..=FRAME_MAX) = reader.read_u32().await {
            let mut frame = vec![0; length as usize];
            if reader.read_exact(&mut frame).await.is_err() {
                return;
            }
            // A full queue loses the frame.
            let _ = outgoing.try_send(frame.into());
            waker.wake();
        }
    };
    let to_outside = async {
        while let Some(frame) = incoming.recv().await {
            // A frame is far shorter than four gigabytes.
            let mut packet = (frame.len() as u32).to_be_bytes().to_vec();
            packet.extend(frame.iter());
            if writer.write_all(&packet).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = to_board => {}
        () = to_outside => {}
    }
}
