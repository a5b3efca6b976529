//! Many runs of the same promise, as one good run is luck: how many broke it, and by how much.
//! Must not leave a bad run out.

use std::time::Duration;

use keypace_lab::seed::SplitMix64;
use serde_json::Value;

use super::beside;
use super::figures::{Row, Unit, Verdict, column, median};
use super::ground::Ground;
use super::promise::MILLISECOND;
use super::setting::Setting;
use crate::failure::Outcome;

const RUNS: usize = 50;
/// 200,000 of 400,000 keys: half a second's run, with 50 waits above its 99th percentile.
const MATCHING_SHARE: f64 = 0.2;
/// Before each run, as other tenants of the machine come and go within minutes.
const IDLE: Duration = Duration::from_secs(1);
/// A promise that is broken by more than half is one that nobody can plan with.
const MUCH: f64 = 1.5;
/// Numbers of the keys of each run are drawn from this, so that no two runs delete at the same places of the table.
const SEED: u64 = 3;

/// The row of all runs.
pub(crate) fn measure(setting: &Setting<'_>) -> Outcome<Vec<Row>> {
    let matching = (setting.keys as f64 * MATCHING_SHARE) as u64;
    let mut random = SplitMix64::new(SEED);
    let mut ground = Ground::start(setting.program, matching, matching)?;
    // Takes the first keys away, so that each run finds its own only.
    super::process::wall(setting.floor("delete", &ground.url()))?;
    let mut rounds: Vec<Value> = Vec::new();
    for run in 0..RUNS {
        let first_key = random.next() >> 32;
        ground.refill_from(first_key)?;
        let idle = beside::idle(ground.endpoint(), IDLE)?;
        let seen = beside::run(
            ground.endpoint(),
            vec![setting.delete(&ground.url(), MILLISECOND.text)],
        )?;
        ground.expect_gone("keypace")?;
        let mut round = seen.to_json_with_pace()?;
        round["first_key"] = first_key.into();
        round["idle_p99_us"] = idle.waits.p99_us.into();
        println!(
            "run {}: keys from {first_key} on, {:.0} ms, p99 {} us, idle {} us, longest {} us",
            run + 1,
            seen.wall_ms,
            seen.waits.p99_us,
            idle.waits.p99_us,
            seen.waits.max_us
        );
        rounds.push(round);
    }
    ground.stop()?;
    let broken = |times: f64| broken(&rounds, MILLISECOND.us * times) as f64;
    let (at_all, by_much) = (broken(1.0), broken(MUCH));
    let stalled = stalled(&rounds, MILLISECOND.us * MUCH);
    Ok(vec![
        Row::new("50 deletes --budget 1ms")
            .with_field("keys", matching)
            .with_field("seed", SEED)
            .with_field("broken", at_all)
            .with_field("idle_broken_by_much", stalled as u64)
            .with_rounds(rounds)
            .with_verdict(Verdict::at_most(
                format!(
                    "runs that broke it by more than half ({at_all} broke it at all; of the 50 idle seconds \
                     {stalled} would have, against their median)"
                ),
                by_much,
                0.0,
                Unit::Count,
            )),
    ])
}

/// How many rounds have a p99 of more than `us` above that of the idle server just before.
fn broken(rounds: &[Value], us: f64) -> usize {
    let above = |round: &&Value| {
        let field = |name: &str| round[name].as_f64();
        // What is no number did not keep the promise either.
        field("p99_us")
            .zip(field("idle_p99_us"))
            .is_none_or(|(p99, idle)| p99 - idle > us)
    };
    rounds.iter().filter(above).count()
}

/// How many of the idle seconds have a p99 of more than `us` above that of the median one: what the machine does by
/// itself, with no work of ours on it.
fn stalled(rounds: &[Value], us: f64) -> usize {
    let idle = column(rounds, "idle_p99_us");
    let usual = median(&idle);
    idle.iter().filter(|p99| *p99 - usual > us).count()
}

#[cfg(test)]
mod tests {
    use super::{broken, stalled};
    use serde_json::json;

    #[test]
    fn each_run_is_held_against_its_own_idle_time() {
        let rounds = [
            json!({ "p99_us": 1100, "idle_p99_us": 100 }),
            json!({ "p99_us": 1101, "idle_p99_us": 100 }),
            json!({ "p99_us": 1700, "idle_p99_us": 100 }),
            json!({ "p99_us": 1700, "idle_p99_us": 900 }),
            json!({ "p99_us": null, "idle_p99_us": 900 }),
        ];
        assert_eq!((broken(&rounds, 1000.0), broken(&rounds, 1500.0)), (3, 2));
        assert_eq!(stalled(&rounds, 700.0), 2);
        assert_eq!(stalled(&rounds, 800.0), 0);
    }
}
