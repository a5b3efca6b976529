//! What a bench is to measure: sizes, jobs, rounds, budget, from what was typed. Asks no server.

use std::path::PathBuf;

use keypace::Budget;

use super::owned::{MAX_SESSIONS, Owned};
use crate::args::{Bench, BenchJob, Global};
use crate::exit::Halt;
use crate::render::bench::Way;

/// From what fits into a page to what makes KEYS felt by everybody.
const SIZES: [u64; 5] = [100, 1_000, 10_000, 100_000, 1_000_000];
/// What `--large` adds.
const LARGE_SIZE: u64 = 10_000_000;

/// What a key of ours takes with its name, value and the server's own books, rounded up.
const KEY_BYTES: u64 = 300;
/// The same of sessions with owners and their records: longer names and values, and the index.
const OWNED_KEY_BYTES: u64 = 400;

/// What is to be measured.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    /// Matching keys, ascending.
    pub(super) sizes: Vec<u64>,
    /// In the order in which they are shown.
    pub(super) jobs: Vec<BenchJob>,
    /// How often each.
    pub(super) rounds: u32,
    /// The promise of the adaptive ways.
    pub(super) budget: Budget,
    /// The same in microseconds.
    pub(super) budget_us: u64,
    /// Where the picture goes.
    pub(super) svg: Option<PathBuf>,
}

impl Choice {
    /// Checks what was typed.
    pub(super) fn read(typed: &Bench, budget: Budget) -> Result<Self, Halt> {
        let Some(promised) = budget.as_duration() else {
            return Err(Halt::usage(
                "read --budget: bench measures keypace with a budget beside keypace without one",
            )
            .with_hint("give a duration: --budget 1ms"));
        };
        let mut sizes = typed.keys.clone();
        if sizes.is_empty() {
            sizes.extend(SIZES);
        }
        if typed.large {
            sizes.push(LARGE_SIZE);
        }
        sizes.sort_unstable();
        sizes.dedup();
        let mut jobs = typed.only.clone();
        if jobs.is_empty() {
            jobs = vec![
                BenchJob::Enumerate,
                BenchJob::Delete,
                BenchJob::Read,
                BenchJob::Owner,
            ];
        }
        jobs.sort_unstable();
        jobs.dedup();
        if let Some(path) = &typed.svg {
            let is_drawn = |job: &BenchJob| matches!(job, BenchJob::Enumerate | BenchJob::Delete);
            if !jobs.iter().any(is_drawn) {
                return Err(Halt::usage("draw a picture: it shows listing and deleting")
                    .with_hint("add enumerate or delete to --only, or leave out --svg"));
            }
            // Minutes of measuring must not end at a folder that is not there.
            let folder = path
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty());
            if folder.is_some_and(|folder| !folder.is_dir()) {
                return Err(Halt::usage(format!(
                    "write {}: there is no folder of that name",
                    path.display()
                )));
            }
        }
        if jobs == [BenchJob::Owner] && sizes.iter().all(|size| *size > MAX_SESSIONS) {
            return Err(Halt::usage(format!(
                "list one owner's sessions among more than {MAX_SESSIONS}: reading each of them takes minutes"
            ))
            .with_hint("choose a smaller size with --keys"));
        }
        Ok(Self {
            sizes,
            jobs,
            rounds: typed.rounds,
            budget,
            budget_us: u64::try_from(promised.as_micros()).unwrap_or(u64::MAX),
            svg: typed.svg.clone(),
        })
    }

    /// How many measurements that is.
    pub(super) fn steps(&self) -> u64 {
        let of_job = |job: &BenchJob| {
            let sizes = self.sizes.iter().filter(|size| is_measured(*job, **size));
            Way::of(*job).len() * sizes.count()
        };
        let steps: usize = self.jobs.iter().map(of_job).sum();
        steps as u64 * u64::from(self.rounds)
    }

    /// The most keys that are there at once.
    pub(super) fn most_keys(&self) -> u64 {
        let plain = self.largest().saturating_mul(2);
        plain.max(self.most_of_owners())
    }

    /// What they take, rounded up.
    pub(super) fn most_bytes(&self) -> u64 {
        let plain = self.largest().saturating_mul(2 * KEY_BYTES);
        plain.max(self.most_of_owners().saturating_mul(OWNED_KEY_BYTES))
    }

    /// The most keys of sessions with owners.
    fn most_of_owners(&self) -> u64 {
        let job = BenchJob::Owner;
        let sizes = self.sizes.iter().copied();
        let sizes = sizes.filter(|size| self.jobs.contains(&job) && is_measured(job, *size));
        sizes.max().map_or(0, Owned::keys_of)
    }

    /// The largest size.
    pub(super) fn largest(&self) -> u64 {
        self.sizes.last().copied().unwrap_or(0)
    }
}

/// Whether a job is run at this size at all.
pub(super) fn is_measured(job: BenchJob, size: u64) -> bool {
    job != BenchJob::Owner || size <= MAX_SESSIONS
}

/// The flags that a bench heeds; those that would change what it measures, and can't, are refused.
pub(in crate::cmd) fn globals(typed: &Global, bench: &Bench) -> Result<Global, Halt> {
    if !typed.url.is_empty() {
        return Err(Halt::usage(
            "read --url: bench starts a private server of its own and touches no other",
        )
        .with_hint("to measure on that server, with keys of its own there: --on URL --i-know"));
    }
    let refused = [
        ("--rate", typed.rate.is_some()),
        ("--count", typed.count.is_some()),
        ("--deadline", typed.deadline.is_some()),
        ("--use-keys", typed.use_keys),
        ("--retries", typed.retries.is_some()),
        ("--topology", typed.topology.is_some()),
        ("--lanes", typed.lanes.is_some()),
        ("--max-nodes", typed.max_nodes.is_some()),
        ("--allow-uncovered", typed.allow_uncovered),
        ("--from-replica", typed.from_replica),
    ];
    if let Some((flag, _)) = refused.into_iter().find(|(_, is_typed)| *is_typed) {
        return Err(Halt::usage(format!(
            "read {flag}: bench measures each way with settings of its own"
        ))
        .with_hint("leave it out; --keys, --only and --rounds say what is measured"));
    }
    // Settings files say nothing to a bench, named or not: its figures are to be the same for everybody.
    let named = [
        ("--user", typed.user.is_some()),
        ("--password-file", typed.password_file.is_some()),
    ];
    let is_named = named.into_iter().find(|(_, is_typed)| *is_typed);
    if let (Some((flag, _)), false) = (is_named, bench.on.is_some()) {
        return Err(Halt::usage(format!(
            "read {flag}: bench starts a private server of its own, which asks for no name"
        ))
        .with_hint("to measure on another server under that name: --on URL --i-know"));
    }
    Ok(Global {
        budget: typed.budget.clone(),
        json: typed.json,
        progress: typed.progress,
        ..Global::default()
    })
}

#[cfg(test)]
mod tests {
    use super::{Choice, globals};
    use crate::args::{Bench, BenchJob, Global};
    use crate::exit::Exit;
    use keypace::Budget;
    use std::path::PathBuf;

    fn choice(typed: &Bench) -> Choice {
        Choice::read(typed, Budget::default()).unwrap_or_else(|halt| panic!("{}", halt.text))
    }

    #[test]
    fn sizes_and_jobs_are_sorted_and_each_counted_once() {
        let typed = Bench {
            keys: vec![1_000, 100, 1_000],
            only: vec![BenchJob::Read, BenchJob::Enumerate, BenchJob::Read],
            rounds: 3,
            ..Bench::default()
        };
        let read = choice(&typed);
        assert_eq!(read.sizes, [100, 1_000]);
        assert_eq!(read.jobs, [BenchJob::Enumerate, BenchJob::Read]);
        assert_eq!(read.steps(), 2 * (7 + 3) * 3);
        assert_eq!(read.most_keys(), 2_000);
        let all = choice(&Bench::default());
        assert_eq!((all.largest(), all.most_keys()), (1_000_000, 2_000_000));
        // All jobs at five sizes, and sessions of owners at four of them; one round.
        let all = Choice { rounds: 1, ..all };
        assert_eq!(all.steps(), 5 * 15 + 4 * 6);
        let owner = Bench {
            keys: vec![100],
            only: vec![BenchJob::Owner],
            ..Bench::default()
        };
        assert_eq!(choice(&owner).most_keys(), 207);
        let large = Bench {
            large: true,
            ..Bench::default()
        };
        assert_eq!(choice(&large).largest(), 10_000_000);
    }

    #[test]
    fn what_can_t_be_meant_is_refused() {
        assert!(Choice::read(&Bench::default(), Budget::off()).is_err());
        let svg = |path: &str, only: Vec<BenchJob>| Bench {
            svg: Some(path.into()),
            only,
            ..Bench::default()
        };
        let read = |typed| Choice::read(&typed, Budget::default());
        assert!(read(svg("/none/such/waits.svg", Vec::new())).is_err());
        for only in [vec![BenchJob::Read], vec![BenchJob::Owner, BenchJob::Read]] {
            assert!(read(svg("waits.svg", only)).is_err());
        }
        let among_many = Bench {
            only: vec![BenchJob::Owner],
            keys: vec![1_000_000],
            ..Bench::default()
        };
        assert!(read(among_many).is_err());
        assert!(read(svg("waits.svg", Vec::new())).is_ok());
    }

    #[test]
    fn flags_that_would_do_nothing_are_refused() {
        let url = vec!["redis://h".to_owned()];
        let user = Some("amy".to_owned());
        let file = Some(PathBuf::from("-"));
        let none = Global::default;
        for (typed, flag) in [
            (Global { url, ..none() }, "--url"),
            (
                Global {
                    rate: Some(5),
                    ..none()
                },
                "--rate",
            ),
            (
                Global {
                    use_keys: true,
                    ..none()
                },
                "--use-keys",
            ),
            (
                Global {
                    retries: Some(9),
                    ..none()
                },
                "--retries",
            ),
            (
                Global {
                    max_nodes: Some(2),
                    ..none()
                },
                "--max-nodes",
            ),
            (
                Global {
                    user: user.clone(),
                    ..none()
                },
                "--user",
            ),
            (
                Global {
                    password_file: file.clone(),
                    ..none()
                },
                "--password-file",
            ),
        ] {
            let halt = globals(&typed, &Bench::default()).expect_err(flag);
            assert_eq!(halt.exit, Exit::Usage, "{flag}");
            assert!(halt.text.contains(flag) && halt.hint.is_some(), "{halt:?}");
        }
        let visitor = Global {
            user,
            password_file: file.clone(),
            config: file,
            ..none()
        };
        let elsewhere = Bench {
            on: Some("redis://127.0.0.1:6379".to_owned()),
            ..Bench::default()
        };
        assert!(globals(&visitor, &elsewhere).is_ok());
    }
}
