//! The board's UARTs, each as the console is: what a serial adapter at its pins sends and reads.

use std::sync::Arc;

use espalier_core::LineSettings;

use crate::console::{Captured, Console, Match};
use crate::session::{Line, Result, Shared, Wait};

/// A UART of the chip, from 0 on, with a serial adapter at its pins. Handles are cheap and all lead to the same UART; UART0 is the
/// [console](crate::Board::console), whose expectations it shares.
///
/// The adapter follows the UART's own settings until [`set_line`](Uart::set_line). While something drives the pad of the UART's RX, such as
/// another UART over a wire of the board file, it receives that as well.
///
/// ```no_run
/// use espalier::{Board, LineSettings, Units};
///
/// # async fn test(board: Board) -> espalier::Result<()> {
/// let gps = board.uart(2);
/// gps.set_line(LineSettings { baud: Some(9600), ..LineSettings::default() })?;
/// gps.send("$GPGGA,123519,4807.038,N\r\n").await?;
/// gps.expect("$PMTK").within(2.s()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Uart {
    shared: Arc<Shared>,
    port: usize,
    console: Console,
}

impl Uart {
    pub(crate) fn new(shared: Arc<Shared>, port: usize) -> Uart {
        Uart { console: Console::at(shared.clone(), port), shared, port }
    }

    /// Sends bytes as they are.
    pub fn send(&self, bytes: impl AsRef<[u8]>) -> Wait<()> {
        self.console.send(bytes)
    }

    /// Waits until `text` was sent by the board, and consumes up to its end.
    pub fn expect(&self, text: impl AsRef<[u8]>) -> Wait<Match> {
        self.console.expect(text)
    }

    /// Waits until a match of `pattern` was sent; see [`Console::expect_regex`].
    pub fn expect_regex(&self, pattern: impl AsRef<str>) -> Wait<Captured> {
        self.console.expect_regex(pattern)
    }

    /// Waits for a complete line that contains `text`, and consumes up to its end.
    pub fn expect_line(&self, text: impl AsRef<[u8]>) -> Wait<Line> {
        self.console.expect_line(text)
    }

    /// Every byte that the board has sent here since a test first looked, as far as they are kept. Consumes nothing.
    pub fn bytes(&self) -> Vec<u8> {
        self.console.bytes()
    }

    /// Takes what no expectation has consumed yet, without waiting.
    pub fn take_unread(&self) -> Vec<u8> {
        self.console.take_unread()
    }

    /// Sets how the adapter sends and reads from now on. A setting that is `None` follows the UART's own. If the settings differ, each side
    /// reads other bytes, with framing and parity errors, as on a real line.
    ///
    /// # Errors
    /// If the UART of this kind of board is out of reach.
    pub fn set_line(&self, settings: LineSettings) -> Result<()> {
        let mut state = self.shared.lock();
        state.driver.set_uart_line(self.port, settings).map_err(|kind| state.fail(kind))
    }
}

#[cfg(test)]
mod tests {
    use crate::driver::fake::Fake;
    use crate::{Board, Capability, Model, NoSuchUart, Unsupported};

    #[tokio::test]
    async fn missing_uarts_are_reported() {
        let folder = tempfile::tempdir().unwrap();
        let board = Fake::new([]).board(folder.path());
        let error = board.uart(1).send("x").await.unwrap_err();
        assert!(matches!(error.find(), Some(Unsupported { capability: Capability::Uarts, .. })), "{error}");
        let board = Board::builder().model(Model::DevKit).name("uarts").start().await.unwrap();
        let error = board.uart(3).send("x").await.unwrap_err();
        assert_eq!(error.find(), Some(&NoSuchUart { uart: 3, uarts: 3 }));
        // The mask ROM says its part on UART0, which is the console.
        board.uart(0).expect("rst:0x1").await.unwrap();
        assert!(board.console().bytes().ends_with(&board.uart(0).bytes()));
    }
}
