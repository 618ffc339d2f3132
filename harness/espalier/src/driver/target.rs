//! The kind of board that `ESPALIER_BOARD` names.

use std::fmt;

use super::Kind;

/// Environment variable that chooses the board.
pub const BOARD_VARIABLE: &str = "ESPALIER_BOARD";
/// Another word for the emulated kind of board.
const EMULATOR: &str = "emulator";

/// A kind of board, as `ESPALIER_BOARD` and `--board` of the command name it.
///
/// ```
/// use espalier::Target;
///
/// assert_eq!(Target::from("/dev/ttyUSB0"), Target::Bench("/dev/ttyUSB0".to_owned()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// `emulator` or `emulated`: the emulator of this project.
    Emulated,
    /// `qemu`: Espressif's QEMU.
    Qemu,
    /// A board on a bench: `/dev/ttyUSB0` or another serial port, `rfc2217://host:port`, `socket://host:port`, a name in
    /// `bench.toml` (or `FILE#NAME`), or `bench` (also `auto`) for the only one that is plugged in.
    Bench(String),
}

impl Target {
    /// The board that `ESPALIER_BOARD` chooses; an emulated one if it is not set.
    pub fn from_env() -> Target {
        std::env::var(BOARD_VARIABLE).map_or(Target::Emulated, |text| Target::from(text.as_str()))
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Target::Emulated => Kind::Emulated,
            Target::Qemu => Kind::Qemu,
            Target::Bench(_) => Kind::Bench,
        }
    }
}

impl From<&str> for Target {
    fn from(text: &str) -> Target {
        match text {
            "" | EMULATOR => Target::Emulated,
            text if text == Kind::Emulated.name() => Target::Emulated,
            text if text == Kind::Qemu.name() => Target::Qemu,
            text => Target::Bench(text.to_owned()),
        }
    }
}

impl From<Kind> for Target {
    fn from(kind: Kind) -> Target {
        match kind {
            Kind::Emulated => Target::Emulated,
            Kind::Qemu => Target::Qemu,
            Kind::Bench => Target::Bench(kind.name().to_owned()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Emulated | Target::Qemu => f.write_str(self.kind().name()),
            Target::Bench(place) => f.write_str(place),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Target};

    #[test]
    fn kinds_have_their_words_and_everything_else_is_on_a_bench() {
        for word in ["", "emulator", "emulated"] {
            assert_eq!(Target::from(word).kind(), Kind::Emulated, "{word}");
        }
        for place in ["bench", "auto", "/dev/ttyUSB0", "rfc2217://127.0.0.1:4000", "left"] {
            let target = Target::from(place);
            assert_eq!((target.kind(), target.to_string().as_str()), (Kind::Bench, place));
        }
        for kind in Kind::ALL {
            assert_eq!(Target::from(kind), Target::from(kind.name()));
        }
    }
}
