//! Standard input and output, and files.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

use super::BoxedStream;

/// A reader whose end is not the end of the stream: what the board sends is still wanted.
struct Endless<R> {
    reader: R,
    ended: bool,
}

impl<R: AsyncRead + Unpin> AsyncRead for Endless<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ended {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        match Pin::new(&mut self.reader).poll_read(context, buffer) {
            Poll::Ready(Ok(())) if buffer.filled().len() > before => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
            Poll::Ready(_) => {
                self.ended = true;
                Poll::Pending
            }
        }
    }
}

fn endless<R: AsyncRead + Unpin>(reader: R) -> Endless<R> {
    Endless { reader, ended: false }
}

/// Standard input and output.
pub(super) fn stdio() -> BoxedStream {
    Box::new(tokio::io::join(endless(tokio::io::stdin()), tokio::io::stdout()))
}

/// A file that gets what is sent.
pub(super) fn file(file: std::fs::File) -> BoxedStream {
    Box::new(tokio::io::join(endless(tokio::io::empty()), tokio::fs::File::from_std(file)))
}
