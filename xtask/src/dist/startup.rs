//! How long `keypace --version` takes: what every call of it pays before it does anything.
//! Must not measure one run: on a busy machine a single one says nothing.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::limits::{STARTUP_MS, STARTUP_RUNS};
use crate::failure::{Failure, Outcome};

/// The middle of many runs, if it is below the bound.
pub(super) fn measure(program: &Path) -> Outcome<String> {
    let mut times = Vec::with_capacity(STARTUP_RUNS);
    for _ in 0..STARTUP_RUNS {
        let mut command = Command::new(program);
        command.arg("--version").stdout(Stdio::null());
        let began = Instant::now();
        let status = command.status();
        let took = began.elapsed();
        if !status.is_ok_and(|status| status.success()) {
            return Err(Failure::new(format!(
                "failed to run {} --version",
                program.display()
            )));
        }
        times.push(took);
    }
    judge(&mut times)
}

fn judge(times: &mut [Duration]) -> Outcome<String> {
    times.sort_unstable();
    let middle = times[times.len() / 2];
    let text = format!(
        "--version in {:.1} ms (middle of {} runs; longest {:.1} ms)",
        middle.as_secs_f64() * 1e3,
        times.len(),
        times[times.len() - 1].as_secs_f64() * 1e3,
    );
    if middle < Duration::from_millis(STARTUP_MS) {
        Ok(text)
    } else {
        Err(Failure::new(format!(
            "{text}, and the bound is {STARTUP_MS} ms: find what it does before it reads its arguments, or measure where nothing else runs"
        )))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{STARTUP_MS, judge};

    #[test]
    fn the_middle_counts_and_not_the_longest() {
        let ms = Duration::from_millis;
        assert!(judge(&mut [ms(500), ms(1), ms(2)]).is_ok());
        assert!(judge(&mut [ms(STARTUP_MS), ms(500), ms(1)]).is_err());
    }
}
