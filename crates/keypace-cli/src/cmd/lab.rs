//! The lab's failures as failures of a command. Decides no code: who calls knows how far it had come.

use std::error::Error as _;

use keypace_lab::LabError;

use crate::exit::{Exit, Halt};

/// The same failure with the code to leave with.
pub(super) fn from_lab(error: &LabError, exit: Exit) -> Halt {
    let mut halt = Halt::new(exit, error.to_string());
    if let Some(cause) = error.source() {
        halt = halt.with_cause(cause);
    }
    halt.hint = error.hint().map(str::to_owned);
    halt
}
