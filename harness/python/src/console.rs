//! The console, and the other UARTs.

use espalier::LineSettings;
use pyo3::prelude::*;

use crate::error::Raise;
use crate::values::{Captured, Data, Line, Match};
use crate::wait::{Wait, within};

/// The methods that the console and the other UARTs have in common: PyO3 takes one block of methods for a class.
macro_rules! serial {
    (impl $class:ident { $($methods:tt)* }) => {
        #[pymethods]
        impl $class {
            /// Sends text or bytes as they are.
            fn send(&self, data: Data) -> Wait {
                Wait::new(self.0.send(data.into_bytes()))
            }

            /// Waits until `text` has been printed, and consumes up to its end.
            #[pyo3(signature = (text, *, within=None))]
            fn expect(&self, text: Data, within: Option<f64>) -> PyResult<Wait> {
                let wait = self::within(self.0.expect(text), within)?;
                Ok(Wait::new(async { Ok(Match::from(wait.await?)) }))
            }

            /// Waits until a match of `pattern` has been printed, and consumes up to its end. The expression is one of Rust's crate regex.
            #[pyo3(signature = (pattern, *, within=None))]
            fn expect_regex(&self, pattern: &str, within: Option<f64>) -> PyResult<Wait> {
                let wait = self::within(self.0.expect_regex(pattern), within)?;
                Ok(Wait::new(async { Ok(Captured::from(wait.await?)) }))
            }

            /// Waits for a complete line that contains `text`, and consumes up to its end.
            #[pyo3(signature = (text, *, within=None))]
            fn expect_line(&self, text: Data, within: Option<f64>) -> PyResult<Wait> {
                let wait = self::within(self.0.expect_line(text), within)?;
                Ok(Wait::new(async { Ok(Line::from(wait.await?)) }))
            }

            /// Every byte that the board has sent, since power-on or since a test first looked, if it is kept. Consumes nothing.
            fn bytes(&self) -> Vec<u8> {
                self.0.bytes()
            }

            /// Takes what no expectation has consumed yet, without waiting.
            fn take_unread(&self) -> Vec<u8> {
                self.0.take_unread()
            }

            $($methods)*
        }
    };
}

/// The serial console of a board. Handles are cheap and all lead to the same console.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct Console(pub(crate) espalier::Console);

serial! {
impl Console {
    /// Sends a line, ended as the Enter key ends it: with a carriage return.
    fn send_line(&self, line: &str) -> Wait {
        Wait::new(self.0.send_line(line))
    }

    /// Waits for the next complete line and consumes it.
    #[pyo3(signature = (*, within=None))]
    fn next_line(&self, within: Option<f64>) -> PyResult<Wait> {
        let wait = self::within(self.0.next_line(), within)?;
        Ok(Wait::new(async { Ok(Line::from(wait.await?)) }))
    }

    /// The last `count` lines, the unfinished one included. Consumes nothing.
    fn tail(&self, count: usize) -> Vec<Line> {
        self.0.tail(count).into_iter().map(Line::from).collect()
    }

    /// Every line since power-on that is kept. Consumes nothing.
    fn lines(&self) -> Vec<Line> {
        self.tail(usize::MAX)
    }

    /// Number of bytes that were dropped, because the board printed more than is kept.
    fn dropped(&self) -> usize {
        self.0.dropped()
    }
}
}

/// A UART of the chip with a serial adapter at its pins. UART0 is the console.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct Uart(pub(crate) espalier::Uart);

serial! {
impl Uart {
    /// The adapter sends and reads at this rate from now on; `None` follows the UART's own setting, as it does otherwise.
    fn set_baud(&self, baud: Option<u32>) -> PyResult<()> {
        self.0.set_line(LineSettings { baud, ..LineSettings::default() }).raise()
    }
}
}
