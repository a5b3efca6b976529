//! The order of the measurements: sizes, then jobs, then rounds in turns; what is left out and why; what a wrong
//! result means. Runs no way itself.

use std::time::Duration;

use super::Trouble;
use super::choice::{Choice, is_measured};
use super::ground::Ground;
use super::guest::{self, MAX_KEYS_FOR_GIANTS};
use super::notes::explain;
use super::steps::Steps;
use super::ways::{self, Task};
use crate::args::BenchJob;
use crate::exit::Halt;
use crate::render::bench::{Found, Report, Row, Server, Wait, Way};
use crate::render::figures::grouped;

/// As often as a busy application asks.
const PROBE_INTERVAL: Duration = Duration::from_micros(100);
/// Round trips of one walk: beyond them a way would take longer than a minute.
const MAX_CALLS: u64 = 500_000;
/// Keys are read before they are deleted, so that they need not be written again; sessions with owners take the place of
/// all others.
const ORDER: [BenchJob; 4] = [
    BenchJob::Enumerate,
    BenchJob::Read,
    BenchJob::Delete,
    BenchJob::Owner,
];

/// Measures everything that was chosen.
pub(super) async fn measure(
    ground: &mut Ground,
    choice: &Choice,
    steps: &mut Steps,
) -> Result<Report, Halt> {
    let mut idle = None;
    let mut rows = Vec::new();
    let mut wrong = Vec::new();
    for keys in choice.sizes.iter().copied() {
        let is_run = |job: &BenchJob| choice.jobs.contains(job) && is_measured(*job, keys);
        let jobs: Vec<BenchJob> = ORDER.into_iter().filter(is_run).collect();
        let Some(first) = jobs.first() else {
            continue;
        };
        steps.say(&format!("{} keys: writing them", grouped(keys)));
        fill(ground, *first, keys)
            .await
            .map_err(Trouble::into_halt)?;
        if idle.is_none() {
            idle = Some(
                (ground.idle(PROBE_INTERVAL).await)
                    .map_err(Trouble::into_halt)?
                    .into(),
            );
        }
        let mut of_size = Vec::new();
        for job in jobs {
            of_size.extend(measure_job(ground, choice, steps, job, keys, &mut wrong).await?);
        }
        of_size.sort_by_key(|row| row.job);
        rows.extend(of_size);
    }
    let is_complete = wrong.is_empty();
    let mut notes = wrong;
    notes.extend(explain(ground.is_own(), choice, &rows));
    let server = ground.keyspace.server();
    Ok(Report {
        command: "bench",
        complete: is_complete,
        server: Server {
            product: server.product.clone(),
            version: server.version.clone(),
            own: ground.is_own(),
        },
        budget_us: choice.budget_us,
        probe_interval_us: u64::try_from(PROBE_INTERVAL.as_micros()).unwrap_or(u64::MAX),
        rounds: choice.rounds,
        notes,
        idle: idle.unwrap_or_else(Wait::default),
        rows,
    })
}

/// What the rounds of one way have brought.
enum Seen {
    Measured(Vec<Found>),
    LeftOut(String),
}

async fn measure_job(
    ground: &mut Ground,
    choice: &Choice,
    steps: &mut Steps,
    job: BenchJob,
    keys: u64,
    wrong: &mut Vec<String>,
) -> Result<Vec<Row>, Halt> {
    let ways = Way::of(job);
    fill(ground, job, keys).await.map_err(Trouble::into_halt)?;
    let total = ground.total().await.map_err(Trouble::into_halt)?;
    let mut seen: Vec<Seen> = ways
        .iter()
        .map(|way| match left_out(*way, total, ground.is_own()) {
            Some(why) => Seen::LeftOut(why),
            None => Seen::Measured(Vec::new()),
        })
        .collect();
    for round in 0..choice.rounds {
        // To and fro, so that whoever comes first has no advantage.
        let mut order: Vec<usize> = (0..ways.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for at in order {
            let way = ways[at];
            steps.next(job, way, keys, round);
            let Seen::Measured(found) = &mut seen[at] else {
                continue;
            };
            let task = Task {
                job,
                way,
                keys,
                budget: choice.budget,
                interval: PROBE_INTERVAL,
            };
            match one(ground, task).await {
                Ok(one) => {
                    wrong.extend(fault(task, &one));
                    found.push(one);
                }
                Err(Trouble::Refused(text)) => {
                    seen[at] = Seen::LeftOut(format!("the server refused it: {text}"));
                }
                Err(Trouble::Halted(halt)) => return Err(halt),
            }
        }
    }
    let rows = ways.iter().zip(seen);
    Ok(rows
        .map(|(way, seen)| match seen {
            Seen::LeftOut(why) => Row::skipped(job, *way, keys, why),
            Seen::Measured(found) => match median(found) {
                Some(found) => Row::measured(job, *way, keys, found),
                None => Row::skipped(job, *way, keys, "no round was run".to_owned()),
            },
        })
        .collect())
}

/// The keys that a job needs.
async fn fill(ground: &mut Ground, job: BenchJob, keys: u64) -> Result<(), Trouble> {
    match job {
        BenchJob::Owner => ground.fill_sessions(keys).await,
        BenchJob::Enumerate | BenchJob::Delete | BenchJob::Read => ground.fill(keys).await,
    }
}

async fn one(ground: &mut Ground, task: Task) -> Result<Found, Trouble> {
    fill(ground, task.job, task.keys).await?;
    let found = ways::run(ground, task).await;
    if task.job == BenchJob::Delete {
        ground.deleted();
    }
    found
}

/// The round with the middle wall; of an even number the faster one of the middle.
fn median(mut rounds: Vec<Found>) -> Option<Found> {
    rounds.sort_by_key(|found| found.wall_us);
    let middle = rounds.len().checked_sub(1)? / 2;
    Some(rounds.swap_remove(middle))
}

/// Why a way is not run on such a database, if it isn't.
fn left_out(way: Way, total: u64, is_own: bool) -> Option<String> {
    let holds_everything = matches!(
        way,
        Way::Keys | Way::DelGiant | Way::UnlinkGiant | Way::MgetAll | Way::KeysGet
    );
    if holds_everything && !is_own && total >= MAX_KEYS_FOR_GIANTS {
        return Some(guest::too_large(total));
    }
    let count = match way {
        Way::Scan10 => 10,
        Way::Scan100 => 100,
        Way::Scan1000 | Way::ScanGet | Way::ScanMget => 1_000,
        Way::Scan10000 => 10_000,
        _ => return None,
    };
    let calls = total / count;
    (calls > MAX_CALLS).then(|| {
        format!(
            "it would need about {} calls, and more than a minute",
            grouped(calls)
        )
    })
}

/// What is wrong with a result, if anything is: more may be found than is there, as SCAN may return a key twice.
fn fault(task: Task, found: &Found) -> Option<String> {
    let expected = task.expected();
    let may_repeat = match task.job {
        BenchJob::Enumerate => task.way != Way::Keys,
        BenchJob::Owner => matches!(task.way, Way::ScanGet | Way::ScanMget),
        BenchJob::Delete | BenchJob::Read => false,
    };
    let is_right = found.found == expected || (may_repeat && found.found > expected);
    (!is_right).then(|| {
        format!(
            "WRONG: {} at {} keys came to {} and not to {}.",
            task.way.label(),
            grouped(task.keys),
            grouped(found.found),
            grouped(expected)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{fault, left_out, median};
    use crate::args::BenchJob;
    use crate::cmd::bench::ways::Task;
    use crate::render::bench::{Found, Wait, Way};
    use keypace::Budget;
    use keypace_lab::Timeline;
    use std::time::Duration;

    fn found(found: u64, wall_us: u64) -> Found {
        Found {
            found,
            wall_us,
            commands: 1,
            bytes_sent: 1,
            bytes_received: 1,
            wait: Wait::default(),
            timeline: Timeline::default(),
        }
    }

    #[test]
    fn the_median_is_a_round_that_was_run() {
        let wall = |walls: &[u64]| {
            median(walls.iter().map(|wall| found(1, *wall)).collect()).map(|found| found.wall_us)
        };
        assert_eq!(wall(&[]), None);
        assert_eq!(wall(&[5]), Some(5));
        assert_eq!(wall(&[9, 5]), Some(5));
        assert_eq!(wall(&[9, 5, 7]), Some(7));
    }

    #[test]
    fn commands_over_all_keys_are_for_small_databases_of_others() {
        for way in [
            Way::Keys,
            Way::DelGiant,
            Way::UnlinkGiant,
            Way::MgetAll,
            Way::KeysGet,
        ] {
            assert!(left_out(way, 100_000, false).is_some(), "{way:?}");
            assert!(left_out(way, 99_999, false).is_none(), "{way:?}");
            assert!(left_out(way, 20_000_000, true).is_none(), "{way:?}");
        }
        for way in [
            Way::Adaptive,
            Way::Batches500,
            Way::MgetChunks,
            Way::IndexPage,
        ] {
            assert!(left_out(way, 20_000_000, false).is_none(), "{way:?}");
        }
        assert!(left_out(Way::Scan10, 20_000_000, true).is_some());
        assert!(left_out(Way::Scan10, 2_000_000, true).is_none());
        assert!(left_out(Way::Scan100, 20_000_000, true).is_none());
    }

    #[test]
    fn a_key_too_few_is_a_fault_and_a_repeated_one_is_none() {
        let task = |job, way| Task {
            job,
            way,
            keys: 200_000,
            budget: Budget::default(),
            interval: Duration::from_micros(100),
        };
        let scan = task(BenchJob::Enumerate, Way::Scan100);
        assert!(fault(scan, &found(199_999, 1)).is_some());
        assert!(fault(scan, &found(200_001, 1)).is_none());
        assert!(fault(task(BenchJob::Enumerate, Way::Keys), &found(200_001, 1)).is_some());
        assert!(fault(task(BenchJob::Delete, Way::Adaptive), &found(200_001, 1)).is_some());
        assert!(fault(task(BenchJob::Read, Way::GetEach), &found(100_000, 1)).is_none());
        let owner = |way, sessions| fault(task(BenchJob::Owner, way), &found(sessions, 1));
        assert!(owner(Way::IndexPage, 20).is_none());
        assert!(owner(Way::IndexPage, 21).is_some());
        assert!(owner(Way::IndexList, 50).is_none());
        assert!(owner(Way::ScanMget, 51).is_none());
        assert!(owner(Way::SmembersGet, 49).is_some());
    }
}
