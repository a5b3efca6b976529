//! How a run ends: the exit codes that scripts rely on, and [`Halt`], the failure that carries one.
//! Must not print, and must not exit by itself: `main` does.

use std::error::Error as _;
use std::process::ExitCode;

use keypace::{Error, ErrorKind};

/// How deep a chain of causes is shown: real ones are three or four long, and a text needs an end.
const MAX_CAUSES: usize = 8;

/// How a run ended, as a number that scripts can test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done and complete; also a pipe that its reader closed.
    Done,
    /// Keys failed, an outcome is unknown, or a part was not walked.
    Incomplete,
    /// What was typed can't be meant.
    Usage,
    /// No connection, or the server refused us at the door.
    Connection,
    /// A guard refused, or nobody confirmed.
    Refused,
    /// Ctrl-C or SIGTERM.
    Interrupted,
}

impl Exit {
    /// The number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Incomplete => 1,
            Self::Usage => 2,
            Self::Connection => 3,
            Self::Refused => 4,
            // 128 + SIGINT, as shells count it; SIGTERM too, so that one number means "stopped, can go on".
            Self::Interrupted => 130,
        }
    }

    /// The one of two endings that a script has to hear of: an interruption hides everything, since the
    /// rest follows from it; a refusal says more than a walk that is incomplete because of it.
    pub(crate) fn merge(self, other: Self) -> Self {
        if other.weight() > self.weight() {
            other
        } else {
            self
        }
    }

    fn weight(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Incomplete => 1,
            Self::Connection => 2,
            Self::Usage => 3,
            Self::Refused => 4,
            Self::Interrupted => 5,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// How far a run had come when the library gave up: the same failure means another code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing was walked: a server that can't be reached is *no connection*.
    Connecting,
    /// A part was walked: what is left makes the run *incomplete*.
    Walking,
}

/// A failure on its way to the person: the text completes *failed to ...*.
#[derive(Debug)]
pub(crate) struct Halt {
    /// The code to leave with.
    pub(crate) exit: Exit,
    /// Completes *failed to ...*, in lower case.
    pub(crate) text: String,
    /// Why, from the outside in.
    pub(crate) causes: Vec<String>,
    /// What to check or to do.
    pub(crate) hint: Option<String>,
}

impl Halt {
    /// A failure of our own.
    pub(crate) fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self {
            exit,
            text: text.into(),
            causes: Vec::new(),
            hint: None,
        }
    }

    /// What was typed can't be meant.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::new(Exit::Usage, text)
    }

    /// Adds a line of advice.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a cause and the causes below it.
    pub(crate) fn with_cause(mut self, cause: &dyn std::error::Error) -> Self {
        self.causes.push(cause.to_string());
        self.causes.extend(causes_of(cause));
        self
    }

    /// The library's failure, with the code that it means at this point.
    pub(crate) fn library(error: &Error, phase: Phase) -> Self {
        Self {
            exit: exit_of(error.kind(), phase),
            text: error.to_string(),
            causes: causes_of(error),
            hint: error.hint().map(str::to_owned),
        }
    }
}

/// The chain below an error, without repeats: some errors print their cause in their own text.
fn causes_of(error: &dyn std::error::Error) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.contains(&text) {
            causes.push(without_number(&text).to_owned());
        }
        said = text;
        next = cause.source();
        if causes.len() >= MAX_CAUSES {
            break;
        }
    }
    causes
}

/// The table from kinds to codes.
fn exit_of(kind: ErrorKind, phase: Phase) -> Exit {
    match kind {
        ErrorKind::InvalidUrl | ErrorKind::InvalidPattern | ErrorKind::InvalidOption => Exit::Usage,
        ErrorKind::Guard | ErrorKind::Checkpoint | ErrorKind::KeysRefused => Exit::Refused,
        // In mid-walk it is `--max-delete` that was reached: the rest is left, and that is no refusal.
        ErrorKind::Limit => match phase {
            Phase::Connecting => Exit::Refused,
            Phase::Walking => Exit::Incomplete,
        },
        // A file that was named can't be read or made; in mid-walk a disk is full.
        ErrorKind::Io => match phase {
            Phase::Connecting => Exit::Usage,
            Phase::Walking => Exit::Incomplete,
        },
        // Everything that a server or a network can do to us.
        _ => match phase {
            Phase::Connecting => Exit::Connection,
            Phase::Walking => Exit::Incomplete,
        },
    }
}

/// A system call's failure without the number that `io::Error` adds: nobody looks it up.
fn without_number(text: &str) -> &str {
    text.find(" (os error").map_or(text, |end| &text[..end])
}

/// The public text of a failed system call.
pub(crate) fn io_text(error: &std::io::Error) -> String {
    without_number(&error.to_string()).to_lowercase()
}

/// A failed system call on a file, as a cause line.
pub(crate) fn io_halt(exit: Exit, text: impl Into<String>, error: &std::io::Error) -> Halt {
    let mut halt = Halt::new(exit, text);
    halt.causes.push(io_text(error));
    if let Some(inner) = error.source() {
        halt.causes.push(inner.to_string());
    }
    halt
}

#[cfg(test)]
mod tests {
    use super::{Exit, Phase, exit_of, io_text};
    use keypace::ErrorKind;

    const ALL: [Exit; 6] = [
        Exit::Done,
        Exit::Incomplete,
        Exit::Usage,
        Exit::Connection,
        Exit::Refused,
        Exit::Interrupted,
    ];

    #[test]
    fn codes_are_the_contracts() {
        let codes: Vec<u8> = ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 130]);
    }

    #[test]
    fn merging_is_commutative_and_done_is_neutral() {
        for a in ALL {
            assert_eq!(a.merge(Exit::Done), a);
            for b in ALL {
                assert_eq!(a.merge(b), b.merge(a), "{a:?} {b:?}");
            }
        }
        assert_eq!(Exit::Incomplete.merge(Exit::Refused), Exit::Refused);
        assert_eq!(Exit::Interrupted.merge(Exit::Incomplete), Exit::Interrupted);
    }

    #[test]
    fn a_lost_server_means_another_code_once_the_walk_began() {
        for kind in [
            ErrorKind::Unreachable,
            ErrorKind::Auth,
            ErrorKind::Permission,
            ErrorKind::Loading,
            ErrorKind::Timeout,
            ErrorKind::Disconnected,
            ErrorKind::Protocol,
            ErrorKind::Tls,
        ] {
            assert_eq!(exit_of(kind, Phase::Connecting), Exit::Connection);
            assert_eq!(exit_of(kind, Phase::Walking), Exit::Incomplete);
        }
    }

    #[test]
    fn usage_and_guards_don_t_depend_on_the_phase() {
        for phase in [Phase::Connecting, Phase::Walking] {
            assert_eq!(exit_of(ErrorKind::InvalidUrl, phase), Exit::Usage);
            assert_eq!(exit_of(ErrorKind::InvalidPattern, phase), Exit::Usage);
            assert_eq!(exit_of(ErrorKind::InvalidOption, phase), Exit::Usage);
            assert_eq!(exit_of(ErrorKind::Guard, phase), Exit::Refused);
            assert_eq!(exit_of(ErrorKind::Checkpoint, phase), Exit::Refused);
        }
        assert_eq!(exit_of(ErrorKind::Io, Phase::Connecting), Exit::Usage);
        assert_eq!(exit_of(ErrorKind::Io, Phase::Walking), Exit::Incomplete);
        assert_eq!(exit_of(ErrorKind::Limit, Phase::Connecting), Exit::Refused);
        assert_eq!(exit_of(ErrorKind::Limit, Phase::Walking), Exit::Incomplete);
    }

    #[test]
    fn system_errors_lose_their_number() {
        let error = std::io::Error::from_raw_os_error(2);
        assert_eq!(io_text(&error), "no such file or directory");
    }
}
