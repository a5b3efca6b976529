//! What the commands of a run took by the server's own account (INFO commandstats).
//! Must not count what the benchmark asks itself, nor a command within EXEC twice.

use std::collections::{BTreeMap, HashMap};

use keypace_lab::Raw;
use serde_json::{Map, Value, json};

use crate::failure::Outcome;

/// What is asked by those who measure, around a run.
const OURS: [&str; 3] = ["config|resetstat", "config", "dbsize"];
/// The time of EXEC has that of the commands that it runs. A delete with copies removes nowhere else.
const WITHIN_EXEC: [&str; 2] = ["unlink", "del"];

/// Calls and microseconds by command, since `forget`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Spent {
    by_command: BTreeMap<String, (u64, u64)>,
}

/// Has the server count from 0.
pub(crate) fn forget(raw: &mut Raw) -> Outcome {
    raw.command(&[b"CONFIG", b"RESETSTAT"])?.checked()?;
    Ok(())
}

/// What was spent since.
pub(crate) fn read(raw: &mut Raw) -> Outcome<Spent> {
    Ok(Spent::of(&raw.info("commandstats")?))
}

impl Spent {
    fn of(commandstats: &HashMap<String, String>) -> Self {
        let commands = commandstats.iter().filter_map(|(name, line)| {
            let name = name.strip_prefix("cmdstat_")?;
            let spent = (part(line, "calls")?, part(line, "usec")?);
            (!OURS.contains(&name)).then(|| (name.to_owned(), spent))
        });
        Self {
            by_command: commands.collect(),
        }
    }

    /// How often a command ran.
    pub(crate) fn calls(&self, command: &str) -> u64 {
        self.by_command.get(command).map_or(0, |(calls, _)| *calls)
    }

    /// Microseconds that the server worked, for each of `keys`.
    pub(crate) fn us_per_key(&self, keys: u64) -> f64 {
        let has_exec = self.by_command.contains_key("exec");
        let counted = self
            .by_command
            .iter()
            .filter(|(name, _)| !has_exec || !WITHIN_EXEC.contains(&name.as_str()));
        counted.map(|(_, (_, usec))| usec).sum::<u64>() as f64 / keys as f64
    }

    /// Commands that the server ran, for each of `keys`.
    pub(crate) fn calls_per_key(&self, keys: u64) -> f64 {
        let calls: u64 = self.by_command.values().map(|(calls, _)| calls).sum();
        calls as f64 / keys as f64
    }

    /// Both for each command, the costly ones only: what one takes a hundredth of a call for each key for, or more.
    pub(crate) fn shown(&self, keys: u64) -> Value {
        let per_key = |number: u64| ((number as f64 / keys as f64) * 1000.0).round() / 1000.0;
        let commands = self.by_command.iter().filter(|(_, (calls, usec))| {
            per_key(*calls) >= LEAST_SHOWN || per_key(*usec) >= LEAST_SHOWN
        });
        let shown = commands.map(|(name, (calls, usec))| {
            let both = json!({ "calls_per_key": per_key(*calls), "us_per_key": per_key(*usec) });
            (name.clone(), both)
        });
        Value::Object(shown.collect::<Map<_, _>>())
    }
}

/// Calls or microseconds a key below which a command is not worth a line.
const LEAST_SHOWN: f64 = 0.005;

/// The number in one of `name=number,name=number`.
fn part(line: &str, name: &str) -> Option<u64> {
    let mut parts = line.split(',').filter_map(|part| part.split_once('='));
    parts.find(|(found, _)| *found == name)?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::Spent;
    use serde_json::json;

    fn spent(lines: &[(&str, &str)]) -> Spent {
        let lines = lines.iter();
        Spent::of(
            &lines
                .map(|(name, line)| (format!("cmdstat_{name}"), (*line).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn what_exec_runs_is_counted_once_and_what_we_ask_never() {
        let plain = spent(&[
            ("scan", "calls=10,usec=50,usec_per_call=5.00"),
            ("unlink", "calls=10,usec=150,usec_per_call=15.00"),
            ("dbsize", "calls=1,usec=9000,usec_per_call=9000.00"),
        ]);
        assert!((plain.us_per_key(100) - 2.0).abs() < 1e-9);
        assert!((plain.calls_per_key(100) - 0.2).abs() < 1e-9);
        let backed = spent(&[
            ("unlink", "calls=10,usec=150,usec_per_call=15.00"),
            ("exec", "calls=10,usec=180,usec_per_call=18.00"),
        ]);
        assert!((backed.us_per_key(100) - 1.8).abs() < 1e-9);
    }

    #[test]
    fn commands_are_shown_by_key() {
        let some = spent(&[
            ("pttl", "calls=100,usec=50,usec_per_call=0.50"),
            ("hello", "calls=1,usec=1,usec_per_call=1.00"),
        ]);
        assert_eq!(
            some.shown(1000),
            json!({ "pttl": { "calls_per_key": 0.1, "us_per_key": 0.05 } })
        );
    }
}
