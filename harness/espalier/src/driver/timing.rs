//! The time that emulated boards keep, by the environment.

use espalier_core::Timing;

/// Chooses the time that emulated boards keep: `fast` or `silicon`. It comes before what the board file says.
pub const TIMING_VARIABLE: &str = "ESPALIER_TIMING";

/// The environment asks for a time that there is not.
///
/// ```
/// use espalier::{Timing, timing_from_env};
///
/// match timing_from_env() {
///     Ok(timing) => assert_ne!(timing, Some(Timing::Silicon), "the tests of this crate are about fast boards"),
///     Err(error) => panic!("{error}"),
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{TIMING_VARIABLE}={0:?} names no timing; it is \"fast\" or \"silicon\"")]
pub struct UnknownTiming(String);

/// The timing that `ESPALIER_TIMING` asks for.
///
/// # Errors
/// If it names none.
pub fn timing_from_env() -> Result<Option<Timing>, UnknownTiming> {
    named(std::env::var_os(TIMING_VARIABLE).map(|value| value.to_string_lossy().into_owned()))
}

fn named(value: Option<String>) -> Result<Option<Timing>, UnknownTiming> {
    match value.as_deref() {
        None | Some("") => Ok(None),
        Some("fast") => Ok(Some(Timing::Fast)),
        Some("silicon") => Ok(Some(Timing::Silicon)),
        Some(value) => Err(UnknownTiming(value.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::Timing;

    use super::named;

    #[test]
    fn a_time_has_a_name() {
        let value = |text: &str| named(Some(text.to_owned())).map_err(|error| error.to_string());
        assert!(named(None).is_ok_and(|timing| timing.is_none()));
        assert_eq!([value(""), value("fast")], [Ok(None), Ok(Some(Timing::Fast))]);
        assert_eq!(value("silicon"), Ok(Some(Timing::Silicon)));
        assert!(value("slow").is_err_and(|error| error.contains("\"slow\" names no timing")));
    }
}
