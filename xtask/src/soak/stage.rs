//! One cluster with all that works on it and befalls it, from its founding to its end.
//! Must not judge: what is found is the others' word.

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use keypace_lab::{ClusterOptions, Endpoint, OwnedCluster, Program, wait_until};

use super::books::{self, Books};
use super::chaos::{self, Shared};
use super::draw::Draw;
use super::families::{Family, NEAR, NEAR_KEYS, STABLE, STABLE_KEYS};
use super::jobs::{Clerk, Jobs};
use super::judge;
use super::kinds::Kind;
use super::ledger::{Invariant, Ledger};
use super::plant;
use super::proxies::Proxies;
use super::records::{self, Written};
use super::runs::{Runner, TIMEOUT};
use super::service::Service;
use super::witness::Census;
use super::writers;
use crate::failure::{Failure, Outcome};
use crate::slot_order::has_table_per_slot;
use crate::workspace::Workspace;

/// Clients beside.
const WRITERS: usize = 2;
/// A connection is gone when both ends have heard of it.
const CLOSING_PATIENCE: Duration = Duration::from_secs(20);
/// What an idle service keeps open to a node: connections to work with, one for the canary and one for INFO.
const SERVICE_CONNECTIONS: usize = 8;

/// The cluster and what is to be done with it.
pub(super) struct Stage<'a> {
    workspace: &'a Workspace,
    shared: Shared,
    seeds: Vec<Endpoint>,
    seed: u64,
    surplus_limit: u64,
    planted: Vec<String>,
    folder: PathBuf,
}

/// What came of all that worked beside the runs.
struct Beside {
    writes: u64,
    records: Outcome<Written>,
    faults: Outcome,
    jobs: Outcome,
    service: Option<Service>,
    tally: Jobs,
    kills: u64,
}

impl<'a> Stage<'a> {
    pub(super) fn set(
        workspace: &'a Workspace,
        program: &Program,
        seed: u64,
        is_planted: bool,
    ) -> Outcome<Self> {
        let cluster = OwnedCluster::start(program, ClusterOptions::default())?;
        cluster.seed_strings(STABLE, 0..STABLE_KEYS, super::VALUE_BYTES)?;
        cluster.seed_strings(NEAR, 0..NEAR_KEYS, super::VALUE_BYTES)?;
        if let Some(lost) = Census::take(&cluster, Family::NONE)?.lost() {
            return Err(Failure::new(format!("the lab: {lost}")));
        }
        let seeds = cluster.nodes().map(|node| node.endpoint.clone()).collect();
        let proxies = Proxies::start(&cluster)?;
        let folder = workspace.target.join("soak");
        let config = folder.join("keypace.toml");
        fs::write(&config, proxies.table("address_map")).map_err(|error| {
            Failure::new(format!("failed to write {}: {error}", config.display()))
        })?;
        let surplus_limit = if has_table_per_slot(program) {
            judge::SURPLUS_BY_SLOT
        } else {
            judge::SURPLUS_BY_NODE
        };
        let planted = if is_planted {
            plant::skipped_slot()
        } else {
            Vec::new()
        };
        Ok(Self {
            workspace,
            shared: Shared::new(cluster, proxies),
            seeds,
            seed,
            surplus_limit,
            planted,
            folder,
        })
    }

    fn runner(&self) -> Runner<'_> {
        Runner {
            workspace: self.workspace,
            shared: &self.shared,
            folder: self.folder.clone(),
            config: self.folder.join("keypace.toml"),
            draw: Draw::new(self.seed, "runs"),
            books: Books::default(),
            surplus_limit: self.surplus_limit,
            planted: self.planted.clone(),
        }
    }

    /// One run, which nothing befalls.
    pub(super) fn one(&self, kind: Kind) -> Outcome {
        self.runner().one(kind)
    }

    pub(super) fn end(self) -> Outcome {
        Ok(self.shared.into_cluster().stop()?)
    }

    /// Runs until `deadline`, and then until what was looked at is enough; prints what happened.
    pub(super) fn soak(
        self,
        deadline: Instant,
        is_enough: &dyn Fn(&Ledger) -> bool,
    ) -> (Ledger, Outcome) {
        let mut runner = self.runner();
        let enough = || is_enough(&self.shared.ledger());
        let (ran, beside) = thread::scope(|scope| {
            let beside = self.start_beside(scope);
            let ran = match &beside {
                Ok(_) => runner.run(deadline, &enough),
                Err(_) => Ok(()),
            };
            self.shared.stop();
            (ran, beside.map(Workers::join))
        });
        let books = runner.books;
        let ended = beside.and_then(|beside| {
            self.print(&books, &beside);
            self.conclude(ran, &books, beside)
        });
        let ledger = self.shared.ledger().clone();
        let stopped = self.end();
        (ledger, ended.and(stopped))
    }

    fn start_beside<'scope>(
        &'scope self,
        scope: &'scope thread::Scope<'scope, '_>,
    ) -> Outcome<Workers<'scope>> {
        let service = Service::start(
            self.workspace,
            &self.folder.join("serve"),
            &self.shared.urls(),
            &self.shared.proxies,
            TIMEOUT,
        )?;
        let (shared, seeds, seed) = (&self.shared, &self.seeds, self.seed);
        let (calm, is_calm) = mpsc::channel();
        let faults = scope.spawn(move || {
            let ended = chaos::run(shared, seed);
            // The one who waits for it may have failed.
            let _ = calm.send(());
            ended
        });
        let writers = (0..WRITERS)
            .map(|number| scope.spawn(move || writers::run(shared, seeds, seed, number)))
            .collect();
        let records = scope.spawn(move || {
            records::run(shared, seed, || {
                // An end of the channel is the end of the faults too.
                let _ = is_calm.recv();
            })
        });
        let surplus_limit = self.surplus_limit;
        let jobs = scope.spawn(move || {
            let mut clerk = Clerk {
                shared,
                service,
                draw: Draw::new(seed, "jobs"),
                surplus_limit,
                jobs: Jobs::default(),
                kills: 0,
            };
            let ended = clerk.run();
            (clerk.service, clerk.jobs, clerk.kills, ended)
        });
        Ok(Workers {
            faults,
            writers,
            records,
            jobs,
        })
    }

    fn print(&self, books: &Books, beside: &Beside) {
        println!("\n{}\n{}", books.table(), books::faults(&self.shared.log()));
        println!("{:<24}{:>6}  states", "jobs", "all");
        for ((kind, state), times) in &beside.tally {
            println!("{kind:<24}{times:>6}  {state}");
        }
        println!("the service was killed {} times", beside.kills);
        println!("{} commands of writers beside", beside.writes);
        if let Ok(written) = &beside.records {
            println!(
                "{} changes of records were answered and {} not, {} lists; of {} records it is not known which of two they are\n",
                written.answered, written.unanswered, written.lists, written.doubtful
            );
        }
    }

    /// What went wrong first, else the last looks: at the keys, and at connections that stay.
    fn conclude(&self, ran: Outcome, books: &Books, beside: Beside) -> Outcome {
        ran?;
        beside.faults?;
        beside.jobs?;
        beside.records?;
        let census = Census::take(&self.shared.cluster(), Family::NONE)?;
        judge::unlost(&census, &mut self.shared.ledger()).map_err(Failure::new)?;
        let unproven = books.unproven();
        if !unproven.is_empty() {
            let kinds = unproven.join(", ");
            return Err(Failure::new(format!("no run of {kinds} was complete")));
        }
        self.leaks(beside.service)
    }

    /// Of all that was connected only the service is left, with no more than it needs; and then nobody.
    fn leaks(&self, service: Option<Service>) -> Outcome {
        let proxies = &self.shared.proxies;
        let most = SERVICE_CONNECTIONS * proxies.map().len();
        let until = |most: usize| {
            wait_until("see connections end", CLOSING_PATIENCE, || {
                match proxies.open() {
                    open if open <= most => Ok(()),
                    open => Err(format!("{open} are open, and {most} are enough").into()),
                }
            })
        };
        let idle = until(most);
        println!("{} connections of the idle service", proxies.open());
        if let Some(service) = service {
            service.stop()?;
        }
        let gone = until(0);
        let broken = idle.and(gone).err().map(|error| format!("{error:?}"));
        let mut ledger = self.shared.ledger();
        let noted = ledger.check(Invariant::NoLeak, proxies.made(), broken);
        noted.map_err(Failure::new)
    }
}

type Job<'scope, T> = thread::ScopedJoinHandle<'scope, T>;

/// Threads that end after the soak was told to stop.
struct Workers<'scope> {
    faults: Job<'scope, Outcome>,
    writers: Vec<Job<'scope, u64>>,
    records: Job<'scope, Outcome<Written>>,
    jobs: Job<'scope, (Service, Jobs, u64, Outcome)>,
}

impl Workers<'_> {
    fn join(self) -> Beside {
        let panicked = |what: &str| Failure::new(format!("{what} panicked"));
        let jobs = self.jobs.join();
        let writers = self.writers.into_iter();
        let writes = writers.map(|writer| writer.join().unwrap_or(0)).sum();
        let records = self.records.join();
        let faults = self.faults.join();
        let (service, tally, kills, jobs) = match jobs {
            Ok((service, tally, kills, ended)) => (Some(service), tally, kills, ended),
            Err(_) => (None, Jobs::default(), 0, Err(panicked("the jobs"))),
        };
        Beside {
            writes,
            records: records.unwrap_or_else(|_| Err(panicked("the writers of records"))),
            faults: faults.unwrap_or_else(|_| Err(panicked("the faults"))),
            jobs,
            service,
            tally,
            kills,
        }
    }
}
