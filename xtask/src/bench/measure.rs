//! Runs one process to its end and measures it from outside: wall time and peak resident memory.
//! Must not change what it measures: the process gets no more than a null stdin and a place for its output.

use std::fs::{self, File};
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome};
use crate::shell;

/// How often the peak is read. The kernel keeps the peak itself, so only growth in the last moments can be missed.
const SAMPLE_PAUSE: Duration = Duration::from_millis(20);
/// No row takes minutes; one that does hangs.
const PATIENCE: Duration = Duration::from_secs(900);

/// The wall time of `command`, whose stdout is thrown away.
pub(crate) fn wall(command: &mut Command) -> Outcome<Duration> {
    let shown = shell::show(command);
    command
        .stdin(Stdio::null())
        .stdout(null()?)
        .stderr(Stdio::piped());
    let begun = Instant::now();
    let output = command
        .output()
        .map_err(|error| could_not_run(&shown, &error))?;
    let wall = begun.elapsed();
    if output.status.success() {
        Ok(wall)
    } else {
        Err(Failure::new(format!(
            "{shown} ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        )))
    }
}

/// How many lines `command` prints.
pub(crate) fn lines(command: &mut Command) -> Outcome<u64> {
    let shown = shell::show(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|error| could_not_run(&shown, &error))?;
    let counted = child.stdout.take().map(count_lines).transpose();
    let status = child
        .wait()
        .map_err(|error| could_not_run(&shown, &error))?;
    match counted {
        Ok(lines) if status.success() => Ok(lines.unwrap_or(0)),
        Ok(_) => Err(Failure::new(format!("{shown} ended with {status}"))),
        Err(error) => Err(could_not_run(&shown, &error)),
    }
}

/// The peak resident memory of `command` in bytes; its exit code must be `expected`.
pub(crate) fn peak_bytes(command: &mut Command, expected: i32) -> Outcome<u64> {
    let shown = shell::show(command);
    command
        .stdin(Stdio::null())
        .stdout(null()?)
        .stderr(Stdio::null());
    let mut child = command
        .spawn()
        .map_err(|error| could_not_run(&shown, &error))?;
    let begun = Instant::now();
    let mut peak = 0;
    loop {
        peak = peak.max(resident_peak(child.id()).unwrap_or(0));
        match child
            .try_wait()
            .map_err(|error| could_not_run(&shown, &error))?
        {
            Some(status) if status.code() == Some(expected) && peak > 0 => return Ok(peak),
            Some(status) if status.code() == Some(expected) => {
                return Err(Failure::new(format!(
                    "{shown} ended before its memory could be read in /proc"
                )));
            }
            Some(status) => {
                return Err(Failure::new(format!(
                    "{shown} ended with {status}, where {expected} was expected"
                )));
            }
            None if begun.elapsed() > PATIENCE => return Err(give_up(child, &shown)),
            None => thread::sleep(SAMPLE_PAUSE),
        }
    }
}

fn give_up(mut child: Child, shown: &str) -> Failure {
    // It is ours and it hangs; if it ends by itself just now, that is as well.
    let _ = child.kill();
    let _ = child.wait();
    Failure::new(format!(
        "{shown} did not end within {} s",
        PATIENCE.as_secs()
    ))
}

/// `VmHWM` of a running process, in bytes. Linux only.
fn resident_peak(pid: u32) -> Option<u64> {
    parse_peak(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn parse_peak(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn count_lines(mut output: impl Read) -> std::io::Result<u64> {
    let mut buffer = vec![0; 1 << 16];
    let mut lines = 0;
    loop {
        match output.read(&mut buffer)? {
            0 => return Ok(lines),
            read => lines += buffer[..read].iter().filter(|byte| **byte == b'\n').count() as u64,
        }
    }
}

/// The real device, as a shell's `> /dev/null` gives it.
fn null() -> Outcome<File> {
    File::options()
        .write(true)
        .open("/dev/null")
        .map_err(|error| Failure::new(format!("failed to open /dev/null: {error}")))
}

fn could_not_run(shown: &str, error: &std::io::Error) -> Failure {
    Failure::new(format!("failed to run {shown}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::count_lines;
    use super::parse_peak;
    use super::peak_bytes;
    use std::process::Command;

    #[test]
    fn the_peak_is_read_from_a_status_file() {
        assert_eq!(
            parse_peak("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n"),
            Some(2048 * 1024)
        );
        assert_eq!(parse_peak("Name:\tx\n"), None);
    }

    #[test]
    fn lines_are_counted_across_reads() {
        let text = "key\n".repeat(100_000);
        assert_eq!(
            count_lines(text.as_bytes()).expect("a slice is read"),
            100_000
        );
    }

    #[test]
    fn another_exit_code_is_a_failure() {
        let failure = peak_bytes(&mut Command::new("false"), 0).expect_err("false fails");
        assert!(failure.to_string().contains("false"), "{failure}");
    }
}
