//! One process of keypace, to its end or to a SIGKILL of ours, within bounds of time and memory.
//! Must not wait for a process for ever, nor keep more of its output than a Summary has.

use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bench::process::resident_peak;
use crate::failure::{Failure, Outcome};
use crate::shell;

/// A run takes seconds, and the longest fault some ten; with all retries it has an end well before this.
const RUN_LIMIT: Duration = Duration::from_secs(180);
/// A build with debug checks takes some 20 MiB; a list of all keys would not fit.
const PEAK_LIMIT_BYTES: u64 = 96 << 20;
/// Between two looks at a process.
const LOOK_PAUSE: Duration = Duration::from_millis(10);
/// A Summary is a few KiB; of what goes wrong the beginning says it.
const KEPT_BYTES: usize = 64 * 1024;
const READ_BYTES: usize = 64 * 1024;

/// What came of a process.
#[derive(Debug, Default)]
pub(super) struct Attempt {
    /// Its exit code; none where we killed it.
    pub(super) code: Option<i32>,
    pub(super) wall: Duration,
    pub(super) peak_bytes: u64,
    /// The beginning of what it said.
    pub(super) stderr: String,
    /// It took more memory or time than it may, and was killed for it.
    pub(super) trouble: Option<String>,
}

impl Attempt {
    /// Runs `command`, handing its output to `feed` as it comes; kills it after a while where told to.
    pub(super) fn run(
        mut command: Command,
        kill_after: Option<Duration>,
        feed: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Outcome<Self> {
        let shown = shell::show(&command);
        let failed = |error: io::Error| Failure::new(format!("failed to run {shown}: {error}"));
        let begun = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let mut said = Vec::new();
        let mut keep = |bytes: &[u8]| keep(&mut said, bytes);
        let mut attempt = thread::scope(|scope| {
            let output = scope.spawn(|| read(stdout, feed));
            let errors = scope.spawn(|| read(stderr, &mut keep));
            let attempt = watch(&mut child, begun, kill_after, &shown);
            for reader in [output, errors] {
                // A killed process breaks no pipe: its end is an end like any other.
                reader.join().unwrap_or(Ok(())).map_err(failed)?;
            }
            attempt
        })?;
        attempt.stderr = String::from_utf8_lossy(&said).into_owned();
        Ok(attempt)
    }

    /// What it said last.
    pub(super) fn last_words(&self) -> String {
        let lines: Vec<&str> = self.stderr.lines().collect();
        lines[lines.len().saturating_sub(6)..].join("\n")
    }
}

/// Adds what still fits.
pub(super) fn keep(kept: &mut Vec<u8>, bytes: &[u8]) {
    let room = KEPT_BYTES.saturating_sub(kept.len());
    kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

/// A Summary, as `--json` prints it.
pub(super) fn summary(output: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(output).map_err(|error| {
        let shown = String::from_utf8_lossy(output);
        format!("its output is no Summary: {error}: {:?}", shown.trim())
    })
}

fn watch(
    child: &mut Child,
    begun: Instant,
    kill_after: Option<Duration>,
    shown: &str,
) -> Outcome<Attempt> {
    let mut attempt = Attempt::default();
    loop {
        let peak_bytes = resident_peak(child.id()).unwrap_or(0);
        attempt.peak_bytes = attempt.peak_bytes.max(peak_bytes);
        let ended = child.try_wait();
        let ended =
            ended.map_err(|error| Failure::new(format!("failed to watch {shown}: {error}")))?;
        attempt.wall = begun.elapsed();
        if let Some(status) = ended {
            // A signal that is not ours has no code either, and is told apart by the caller's not having killed it.
            attempt.code = status.code().or(Some(-1));
            return Ok(attempt);
        }
        let is_due = kill_after.is_some_and(|after| attempt.wall >= after);
        let trouble = if attempt.wall > RUN_LIMIT {
            Some(format!("it did not end within {} s", RUN_LIMIT.as_secs()))
        } else if attempt.peak_bytes > PEAK_LIMIT_BYTES {
            Some(format!(
                "it takes {} MiB of memory",
                attempt.peak_bytes >> 20
            ))
        } else {
            None
        };
        if is_due || trouble.is_some() {
            // If it ends by itself just now, that is as well: its place is kept either way.
            let _ = child.kill();
            let _ = child.wait();
            attempt.trouble = trouble.map(|trouble| format!("{shown}: {trouble}"));
            return Ok(attempt);
        }
        thread::sleep(LOOK_PAUSE);
    }
}

fn read(from: Option<impl Read>, feed: &mut (dyn FnMut(&[u8]) + Send)) -> io::Result<()> {
    let Some(mut from) = from else { return Ok(()) };
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        feed(&buffer[..read]);
    }
}

#[cfg(test)]
mod tests {
    use super::{Attempt, KEPT_BYTES, keep};
    use std::process::Command;
    use std::time::Duration;

    fn shell(text: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", text]);
        command
    }

    #[test]
    fn a_process_is_run_to_its_end() {
        let mut output = Vec::new();
        let command = shell("printf one; echo two >&2; exit 4");
        let attempt = Attempt::run(command, None, &mut |bytes| keep(&mut output, bytes));
        let attempt = attempt.expect("sh runs");
        assert_eq!(
            (attempt.code, output.as_slice()),
            (Some(4), b"one".as_slice())
        );
        assert_eq!(attempt.last_words(), "two");
    }

    #[test]
    fn a_killed_process_has_no_code_and_keeps_what_it_said() {
        let mut output = Vec::new();
        let command = shell("printf one; exec sleep 600");
        let after = Some(Duration::from_millis(300));
        let attempt = Attempt::run(command, after, &mut |bytes| keep(&mut output, bytes));
        assert_eq!(attempt.expect("sh runs").code, None);
        assert_eq!(output, b"one");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut kept = Vec::new();
        keep(&mut kept, &vec![b'a'; KEPT_BYTES - 1]);
        keep(&mut kept, b"bcd");
        assert_eq!(kept.len(), KEPT_BYTES);
        assert_eq!(kept.last(), Some(&b'b'));
    }
}
