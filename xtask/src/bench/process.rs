//! Runs processes to their end and measures them from outside: wall time, output, peak resident memory, and what else
//! a caller looks at meanwhile. Must not change what it measures: a process has a null stdin and one place to write.

use std::fs::{self, File};
use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::shell;

/// How often the peak is read. The kernel keeps the peak itself, so only growth in the last moments can be missed.
const PEAK_PAUSE: Duration = Duration::from_millis(20);
/// No row takes minutes; one that does hangs.
const PATIENCE: Duration = Duration::from_secs(900);
/// The output that is kept: a Summary is a few KiB, a listing is only counted.
const KEPT_OUTPUT_BYTES: usize = 64 * 1024;

/// A process that ended as it was expected to.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) wall: Duration,
    /// The beginning of its output.
    pub(crate) output: Vec<u8>,
    /// How many lines it printed.
    pub(crate) lines: u64,
}

impl Ended {
    /// The whole output as JSON.
    pub(crate) fn said(&self) -> Outcome<Value> {
        serde_json::from_slice(&self.output).map_err(|error| {
            let shown = String::from_utf8_lossy(&self.output);
            Failure::new(format!(
                "failed to read {:?} as JSON: {error}",
                shown.trim()
            ))
        })
    }
}

/// Runs all `commands` at once, each to its end; all must succeed. Each wall begins with the first of them.
pub(crate) fn at_once(commands: Vec<Command>) -> Outcome<Vec<Ended>> {
    let begun = Instant::now();
    thread::scope(|scope| {
        let run = |command| {
            scope.spawn(move || {
                let mut ended = piped(vec![command])?;
                ended.wall = begun.elapsed();
                Ok(ended)
            })
        };
        let threads: Vec<_> = commands.into_iter().map(run).collect();
        let ended = threads.into_iter().map(|thread| match thread.join() {
            Ok(ended) => ended,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        ended.collect()
    })
}

/// Runs `stages` as a pipe from the first to the last, whose output is read. All must succeed.
pub(crate) fn piped(mut stages: Vec<Command>) -> Outcome<Ended> {
    let shown: Vec<String> = stages.iter().map(shell::show).collect();
    let shown = shown.join(" | ");
    let begun = Instant::now();
    let mut children = Vec::new();
    let mut input = Stdio::null();
    let mut output = None;
    let last = stages.len().saturating_sub(1);
    for (at, command) in stages.iter_mut().enumerate() {
        let mut child = command
            .stdin(input)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| could_not_run(&shown, &error))?;
        let pipe = child.stdout.take();
        if at == last {
            output = pipe;
            input = Stdio::null();
        } else {
            input = pipe.map_or_else(Stdio::null, Stdio::from);
        }
        children.push(child);
    }
    let read = output.map(drain).transpose();
    let statuses = children.iter_mut().map(Child::wait);
    let statuses: Vec<ExitStatus> = statuses
        .collect::<io::Result<_>>()
        .map_err(|error| could_not_run(&shown, &error))?;
    let wall = begun.elapsed();
    let (output, lines) = read
        .map_err(|error| could_not_run(&shown, &error))?
        .unwrap_or_default();
    match statuses.iter().find(|status| !status.success()) {
        None => Ok(Ended {
            wall,
            output,
            lines,
        }),
        Some(status) => Err(Failure::new(format!("{shown} ended with {status}"))),
    }
}

/// The wall time of `command`, with its output going where a shell's `> /dev/null` sends it: nobody has to read it.
pub(crate) fn wall(mut command: Command) -> Outcome<Duration> {
    let shown = shell::show(&command);
    let null = File::options()
        .write(true)
        .open("/dev/null")
        .map_err(|error| Failure::new(format!("failed to open /dev/null: {error}")))?;
    let begun = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(null).status();
    let wall = begun.elapsed();
    match status.map_err(|error| could_not_run(&shown, &error))? {
        status if status.success() => Ok(wall),
        status => Err(Failure::new(format!("{shown} ended with {status}"))),
    }
}

/// Runs `command` and calls `look` with its process id every `pause` while it runs. Its exit code must be one of
/// `expected`, and its output short: it is read at the end.
pub(crate) fn watched(
    mut command: Command,
    expected: &[i32],
    pause: Duration,
    look: impl FnMut(u32) -> Outcome,
) -> Outcome<Ended> {
    command.stdout(Stdio::piped());
    watch(command, expected, pause, look)
}

/// The same for a command that writes more than a pipe holds: its output is thrown away. Its wall time.
pub(crate) fn watched_unread(
    mut command: Command,
    expected: &[i32],
    pause: Duration,
    look: impl FnMut(u32) -> Outcome,
) -> Outcome<Duration> {
    command.stdout(Stdio::null());
    watch(command, expected, pause, look).map(|ended| ended.wall)
}

fn watch(
    mut command: Command,
    expected: &[i32],
    pause: Duration,
    mut look: impl FnMut(u32) -> Outcome,
) -> Outcome<Ended> {
    let shown = shell::show(&command);
    let begun = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| could_not_run(&shown, &error))?;
    let status = loop {
        let looked = look(child.id());
        let ended = child
            .try_wait()
            .map_err(|error| could_not_run(&shown, &error))?;
        match (ended, looked) {
            (Some(status), _) => break status,
            (None, Err(failure)) => {
                end(child);
                return Err(failure);
            }
            (None, Ok(())) if begun.elapsed() > PATIENCE => {
                end(child);
                return Err(Failure::new(format!(
                    "{shown} did not end within {} s",
                    PATIENCE.as_secs()
                )));
            }
            (None, Ok(())) => thread::sleep(pause),
        }
    };
    let wall = begun.elapsed();
    let (output, lines) = child
        .stdout
        .take()
        .map(drain)
        .transpose()
        .map_err(|error| could_not_run(&shown, &error))?
        .unwrap_or_default();
    if status.code().is_some_and(|code| expected.contains(&code)) {
        Ok(Ended {
            wall,
            output,
            lines,
        })
    } else {
        Err(Failure::new(format!(
            "{shown} ended with {status}, where one of {expected:?} was expected"
        )))
    }
}

/// The peak resident memory of `command` in bytes; its exit code must be `expected`.
pub(crate) fn peak_bytes(mut command: Command, expected: i32) -> Outcome<u64> {
    let shown = shell::show(&command);
    command.stderr(Stdio::null());
    let mut peak = 0;
    watched(command, &[expected], PEAK_PAUSE, |pid| {
        peak = peak.max(resident_peak(pid).unwrap_or(0));
        Ok(())
    })?;
    match peak {
        0 => Err(Failure::new(format!(
            "{shown} ended before its memory could be read in /proc"
        ))),
        peak => Ok(peak),
    }
}

/// Ends a process of ours that is of no more use.
fn end(mut child: Child) {
    // If it ends by itself just now, that is as well.
    let _ = child.kill();
    let _ = child.wait();
}

/// `VmHWM` of a running process, in bytes. Linux only.
pub(crate) fn resident_peak(pid: u32) -> Option<u64> {
    parse_peak(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn parse_peak(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Reads to the end; the beginning of it, and how many lines there were.
fn drain(mut output: impl Read) -> io::Result<(Vec<u8>, u64)> {
    let mut buffer = vec![0; KEPT_OUTPUT_BYTES];
    let mut kept = Vec::new();
    let mut lines = 0;
    loop {
        let read = output.read(&mut buffer)?;
        if read == 0 {
            return Ok((kept, lines));
        }
        let fits = read.min(KEPT_OUTPUT_BYTES - kept.len());
        kept.extend_from_slice(&buffer[..fits]);
        lines += buffer[..read].iter().filter(|byte| **byte == b'\n').count() as u64;
    }
}

fn could_not_run(shown: &str, error: &io::Error) -> Failure {
    Failure::new(format!("failed to run {shown}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::KEPT_OUTPUT_BYTES;
    use super::at_once;
    use super::drain;
    use super::parse_peak;
    use super::peak_bytes;
    use super::piped;
    use std::process::Command;

    fn command(words: &[&str]) -> Command {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        command
    }

    #[test]
    fn the_peak_is_read_from_a_status_file() {
        assert_eq!(
            parse_peak("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n"),
            Some(2048 * 1024)
        );
        assert_eq!(parse_peak("Name:\tx\n"), None);
    }

    #[test]
    fn lines_are_counted_beyond_what_is_kept() {
        let text = "key\n".repeat(100_000);
        let (kept, lines) = drain(text.as_bytes()).expect("a slice is read");
        assert_eq!((kept.len(), lines), (KEPT_OUTPUT_BYTES, 100_000));
    }

    #[test]
    fn stages_are_a_pipe() {
        let stages = vec![
            command(&["printf", "a\\nb\\n"]),
            command(&["xargs", "-n", "1", "echo"]),
        ];
        let ended = piped(stages).expect("both run");
        assert_eq!(
            (ended.output.as_slice(), ended.lines),
            (b"a\nb\n".as_slice(), 2)
        );
        let failure = piped(vec![command(&["false"]), command(&["true"])]).expect_err("one fails");
        assert!(failure.to_string().starts_with("false | true"), "{failure}");
    }

    #[test]
    fn several_run_at_once() {
        let commands = vec![
            command(&["printf", "a\\n"]),
            command(&["printf", "b\\nc\\n"]),
        ];
        let ended = at_once(commands).expect("both run");
        let lines: Vec<u64> = ended.iter().map(|ended| ended.lines).collect();
        assert_eq!(lines, [1, 2]);
        at_once(vec![command(&["true"]), command(&["false"])]).expect_err("one fails");
    }

    #[test]
    fn another_exit_code_is_a_failure() {
        let failure = peak_bytes(command(&["false"]), 0).expect_err("false fails");
        assert!(failure.to_string().contains("false"), "{failure}");
    }
}
