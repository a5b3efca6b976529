//! Waiting for servers: asks again and again until something is so, within bounds.
//! Must not wait for anything that it does not look at.

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{LabError, LabErrorKind};
use crate::limits;

/// Why something is not so yet: a text, or the error of the question.
pub type NotYet = Box<dyn Error + Send + Sync>;

/// Asks until there is an answer, and completes "failed to ..." with `what` where there is none `within` that time.
/// It asks at least once.
///
/// # Errors
/// `Timeout`, with the last reason as the cause.
pub fn wait_until<T>(
    what: &str,
    within: Duration,
    mut ask: impl FnMut() -> Result<T, NotYet>,
) -> Result<T, LabError> {
    let began = Instant::now();
    loop {
        match ask() {
            Ok(answer) => return Ok(answer),
            Err(reason) if began.elapsed() >= within => {
                return Err(LabError::new(
                    LabErrorKind::Timeout,
                    format!("{what} within {within:?}"),
                )
                .because(reason));
            }
            Err(_) => thread::sleep(limits::LOOK_PAUSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::wait_until;
    use crate::LabErrorKind;
    use std::time::Duration;

    #[test]
    fn the_last_reason_is_told() {
        let mut asked = 0;
        let error = wait_until("see three", Duration::ZERO, || -> Result<(), _> {
            asked += 1;
            Err(format!("asked {asked}").into())
        })
        .expect_err("a timeout");
        assert_eq!(error.kind(), LabErrorKind::Timeout);
        assert!(format!("{error:?}").ends_with(": asked 1"), "{error:?}");
    }

    #[test]
    fn the_first_answer_ends_it() {
        let mut asked = 0;
        let answer = wait_until("see three", Duration::from_secs(5), || {
            asked += 1;
            if asked == 3 {
                Ok(asked)
            } else {
                Err("not yet".into())
            }
        });
        assert_eq!(answer.expect("an answer"), 3);
    }
}
