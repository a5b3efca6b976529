//! What the benchmarks found: the table for a person, the file for later, and whether a limit is met.
//! Must not hold a figure without what it is compared with.

use std::fs;
use std::process::Command;

use keypace_lab::Program;
use serde_json::{Value, json};

use crate::failure::{Failure, Outcome};
use crate::shell;
use crate::workspace::Workspace;

const MIB: f64 = 1024.0 * 1024.0;

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Line {
    name: String,
    figures: Figures,
}

#[derive(Debug)]
enum Figures {
    Speed {
        keys: u64,
        keypace_ms: Vec<f64>,
        floor_ms: Vec<f64>,
        limit: f64,
    },
    Memory {
        small_bytes: u64,
        large_bytes: u64,
        peak_limit_bytes: u64,
        growth_limit_bytes: u64,
    },
}

impl Line {
    /// Walls in milliseconds of both, and the ratio of their medians that is allowed.
    pub(crate) fn speed(
        name: &str,
        keys: u64,
        keypace_ms: Vec<f64>,
        floor_ms: Vec<f64>,
        limit: f64,
    ) -> Self {
        Self {
            name: name.to_owned(),
            figures: Figures::Speed {
                keys,
                keypace_ms,
                floor_ms,
                limit,
            },
        }
    }

    /// Peaks in the small and the large keyspace, and what is allowed.
    pub(crate) fn memory(
        name: &str,
        small_bytes: u64,
        large_bytes: u64,
        peak_limit_bytes: u64,
        growth_limit_bytes: u64,
    ) -> Self {
        let figures = Figures::Memory {
            small_bytes,
            large_bytes,
            peak_limit_bytes,
            growth_limit_bytes,
        };
        Self {
            name: name.to_owned(),
            figures,
        }
    }

    /// Whether the row keeps its limits.
    pub(crate) fn is_met(&self) -> bool {
        match &self.figures {
            Figures::Speed {
                keypace_ms,
                floor_ms,
                limit,
                ..
            } => median(keypace_ms) <= median(floor_ms) * limit,
            Figures::Memory {
                small_bytes,
                large_bytes,
                peak_limit_bytes,
                growth_limit_bytes,
            } => {
                small_bytes.max(large_bytes) <= peak_limit_bytes
                    && large_bytes.saturating_sub(*small_bytes) <= *growth_limit_bytes
            }
        }
    }

    /// The row with all its rounds.
    pub(crate) fn to_json(&self) -> Value {
        match &self.figures {
            Figures::Speed {
                keys,
                keypace_ms,
                floor_ms,
                limit,
            } => json!({
                "row": self.name, "keys": keys, "keypace_ms": rounded(keypace_ms), "floor_ms": rounded(floor_ms),
                "ratio": round(median(keypace_ms) / median(floor_ms), 1000.0), "limit": limit, "met": self.is_met(),
                "ratio_of_best": round(best(keypace_ms) / best(floor_ms), 1000.0),
            }),
            Figures::Memory {
                small_bytes,
                large_bytes,
                peak_limit_bytes,
                growth_limit_bytes,
            } => json!({
                "row": self.name, "small_bytes": small_bytes, "large_bytes": large_bytes,
                "peak_limit_bytes": peak_limit_bytes, "growth_limit_bytes": growth_limit_bytes, "met": self.is_met(),
            }),
        }
    }

    fn text(&self) -> String {
        let verdict = if self.is_met() { "pass" } else { "FAIL" };
        match &self.figures {
            Figures::Speed {
                keys,
                keypace_ms,
                floor_ms,
                limit,
            } => {
                let (ours, floor) = (median(keypace_ms), median(floor_ms));
                // Load from outside only adds time, so where the best rounds tell another story it was there.
                let best = best(keypace_ms) / best(floor_ms);
                format!(
                    "{:<22} {keys} keys: keypace {ours:.0} ms, floor {floor:.0} ms, ratio {:.2} (limit {limit}) \
                     {verdict}; of the best rounds {best:.2}",
                    self.name,
                    ours / floor
                )
            }
            Figures::Memory {
                small_bytes,
                large_bytes,
                peak_limit_bytes,
                growth_limit_bytes,
            } => {
                let mib = |bytes: &u64| *bytes as f64 / MIB;
                format!(
                    "{:<22} peak {:.1} MiB small, {:.1} MiB large (limit {:.0} MiB, within {:.0} MiB) {verdict}",
                    self.name,
                    mib(small_bytes),
                    mib(large_bytes),
                    mib(peak_limit_bytes),
                    mib(growth_limit_bytes)
                )
            }
        }
    }
}

/// Prints the table.
pub(crate) fn print(rows: &[Line]) {
    for row in rows {
        println!("{}", row.text());
    }
}

/// Writes `benches/results/wire-SERVER-VERSION.json`.
pub(crate) fn write(workspace: &Workspace, program: &Program, document: &Value) -> Outcome {
    let folder = workspace.root.join("benches/results");
    let path = folder.join(format!("wire-{}-{}.json", program.name, program.version));
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&path, format!("{document:#}\n")))
        .map_err(|error| Failure::new(format!("failed to write {}: {error}", path.display())))?;
    println!("written to {}", path.display());
    Ok(())
}

/// What the figures depend on: processor, cores, memory, system and compiler. No names of machines or people.
pub(crate) fn machine() -> Value {
    let field = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find_map(|line| {
            line.strip_prefix(name)?
                .trim_start()
                .strip_prefix(':')
                .map(str::trim)
                .map(str::to_owned)
        });
        line.unwrap_or_else(|| "unknown".to_owned())
    };
    let said = |program: &str, word: &str| {
        shell::output(Command::new(program).arg(word))
            .map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
    };
    json!({
        "processor": field("/proc/cpuinfo", "model name"),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memory": field("/proc/meminfo", "MemTotal"),
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "compiler": said("rustc", "--version"),
    })
}

/// The middle one, or the mean of the two in the middle.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length.is_multiple_of(2) => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

/// The shortest.
fn best(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NAN, f64::min)
}

fn rounded(values: &[f64]) -> Vec<f64> {
    values.iter().map(|value| round(*value, 10.0)).collect()
}

fn round(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}

#[cfg(test)]
mod tests {
    use super::Line;
    use super::best;
    use super::median;

    #[test]
    fn the_median_is_in_the_middle() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn the_best_is_the_shortest() {
        assert!((best(&[3.0, 1.0, 2.0]) - 1.0).abs() < f64::EPSILON);
        assert!(best(&[]).is_nan());
    }

    #[test]
    fn limits_decide() {
        let speed = |ours: f64| {
            Line::speed("list", 1, vec![ours, 1.0, 900.0], vec![100.0; 3], 1.25).is_met()
        };
        assert!(speed(125.0) && !speed(126.0));
        let memory = |small: u64, large: u64| Line::memory("count", small, large, 64, 4).is_met();
        assert!(memory(60, 64) && memory(64, 10));
        assert!(!memory(60, 65) && !memory(50, 55) && !memory(65, 60));
    }

    #[test]
    fn no_rounds_meet_no_limit() {
        assert!(!Line::speed("list", 1, vec![], vec![], 1.25).is_met());
    }
}
