//! The controller against a simulated server: one queue, cost = a + b x units + noise, other clients beside. Proves
//! bounds, convergence, yielding, fairness and replay; knows no real clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use proptest::prelude::{
    Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
};

use super::order::Record;
use super::{Input, Order, Pacer, QueryKind, Thresholds, Vitals};
use crate::limits;
use crate::report::PauseReason;

const ROUND_TRIP_US: u64 = 50;
const MS: u64 = 1_000;
const S: u64 = 1_000_000;

/// Steele, Lea and Flood's generator: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Other clients that ask, wait, think and ask again.
#[derive(Clone, Copy)]
struct Others {
    clients: u64,
    service_us: u64,
    think_us: u64,
}

const FEW: Others = Others {
    clients: 20,
    service_us: 10,
    think_us: 4_000,
};
const SATURATING: Others = Others {
    clients: 60,
    service_us: 10,
    think_us: 50,
};

/// A server that serves one after the other.
struct Server {
    busy_until_us: u64,
    fixed_us: f64,
    unit_us: f64,
    noise: f64,
    others: Others,
    arrivals: BinaryHeap<Reverse<(u64, u64)>>,
    /// When others came, and what they waited.
    waits: Vec<(u64, u64)>,
    random: Random,
}

impl Server {
    fn new(unit_us: f64, seed: u64) -> Self {
        let mut server = Self {
            busy_until_us: 0,
            fixed_us: 15.0,
            unit_us,
            noise: 0.2,
            others: FEW,
            arrivals: BinaryHeap::new(),
            waits: Vec::new(),
            random: Random(seed),
        };
        server.welcome(FEW, 0);
        server
    }

    /// From now on these are the others.
    fn welcome(&mut self, others: Others, at_us: u64) {
        self.others = others;
        self.arrivals = (0..others.clients)
            .map(|n| Reverse((at_us + n * 7, n)))
            .collect();
    }

    /// Serves all others who come before this time.
    fn advance(&mut self, to_us: u64) {
        while let Some(Reverse((at, client))) = self
            .arrivals
            .peek()
            .copied()
            .filter(|next| next.0.0 < to_us)
        {
            self.arrivals.pop();
            self.waits.push((at, self.busy_until_us.saturating_sub(at)));
            self.busy_until_us = self.busy_until_us.max(at) + self.others.service_us;
            let think = -(1.0 - self.random.unit()).ln() * self.others.think_us as f64;
            self.arrivals
                .push(Reverse((self.busy_until_us + think as u64 + 1, client)));
        }
    }

    /// A command sent now; gives when its answer is there.
    fn serve(&mut self, sent_us: u64, cost_us: u64) -> u64 {
        let arrives = sent_us + ROUND_TRIP_US / 2;
        self.advance(arrives);
        self.busy_until_us = self.busy_until_us.max(arrives) + cost_us;
        self.busy_until_us + ROUND_TRIP_US / 2
    }

    fn cost_us(&mut self, units: u32) -> u64 {
        let noise = 1.0 + self.noise * (2.0 * self.random.unit() - 1.0);
        ((self.fixed_us + self.unit_us * f64::from(units)) * noise) as u64
    }

    fn tail_us(&self, from_us: u64, to_us: u64) -> u64 {
        let mut waits: Vec<u64> = self
            .waits
            .iter()
            .filter(|(at, _)| (from_us..to_us).contains(at))
            .map(|(_, wait)| *wait)
            .collect();
        waits.sort_unstable();
        waits[waits.len() * 99 / 100]
    }
}

/// One run of keypace: walks for ever.
struct Run {
    pacer: Pacer,
    now_us: u64,
    canary_due_us: u64,
    canaries: Vec<(u64, u64)>,
    /// Kept where somebody asks for it.
    trace: Option<Vec<Record>>,
    /// When keys were walked, and how many.
    walked: Vec<(u64, u32)>,
    reasons: Vec<PauseReason>,
}

impl Run {
    fn new(budget_us: Option<u64>, from_us: u64, keeps_trace: bool) -> Self {
        let mut run = Self {
            pacer: Pacer::new(),
            now_us: from_us,
            canary_due_us: from_us,
            canaries: Vec::new(),
            trace: keeps_trace.then(Vec::new),
            walked: Vec::new(),
            reasons: Vec::new(),
        };
        let thresholds = Thresholds::default();
        run.tell(Input::Joined {
            budget_us,
            frees_memory: false,
            thresholds,
        });
        run.tell(Input::RoundTrip {
            took_us: ROUND_TRIP_US + 10,
        });
        run
    }

    fn tell(&mut self, input: Input) -> Option<Order> {
        let order = self.pacer.step(self.now_us, &input);
        if let Some(trace) = &mut self.trace {
            trace.push(self.pacer.record(self.now_us, input, order));
        }
        order
    }

    /// One order, carried out.
    fn step(&mut self, server: &mut Server) {
        match self.tell(Input::Ask {
            kind: QueryKind::Scan,
            ending: false,
        }) {
            Some(Order::Go { units }) => {
                let sent = self.now_us;
                let cost = server.cost_us(units);
                let answered = server.serve(sent, cost);
                self.sing(server, sent, answered);
                self.now_us = answered;
                self.walked.push((answered, units));
                self.tell(Input::Done {
                    kind: QueryKind::Scan,
                    units,
                    took_us: answered - sent,
                });
                self.now_us += 20;
            }
            Some(Order::Listen) => {
                let answered = server.serve(self.now_us, 1);
                let wait_us = answered - self.now_us;
                self.now_us = answered;
                self.tell(Input::Canary {
                    wait_us,
                    quiet: true,
                });
            }
            Some(Order::Inspect) => {
                self.now_us = server.serve(self.now_us, 60);
                self.tell(Input::Vitals(Vitals::default()));
            }
            Some(Order::Pause { us, reason }) => {
                self.reasons.push(reason);
                let until = self.now_us + us;
                self.sing(server, self.now_us, until);
                self.now_us = until;
            }
            None => unreachable!("who asks is answered"),
        }
        self.hear();
    }

    /// The canary sings in its rhythm beside what goes on.
    fn sing(&mut self, server: &mut Server, from_us: u64, to_us: u64) {
        self.canary_due_us = self.canary_due_us.max(from_us);
        while self.canary_due_us < to_us {
            let sent = self.canary_due_us;
            // It comes behind the command that is being served, and before what others ask later.
            let answered =
                server.busy_until_us.max(sent + ROUND_TRIP_US / 2) + ROUND_TRIP_US / 2 + 1;
            self.canaries.push((answered, answered - sent));
            self.canary_due_us = answered.max(sent + 10 * MS);
        }
    }

    fn hear(&mut self) {
        for (at, wait_us) in std::mem::take(&mut self.canaries) {
            self.now_us = self.now_us.max(at);
            self.tell(Input::Canary {
                wait_us,
                quiet: false,
            });
        }
    }

    fn keys_per_s(&self, from_us: u64, to_us: u64) -> f64 {
        let keys = self
            .walked
            .iter()
            .filter(|(at, _)| (from_us..to_us).contains(at));
        keys.map(|(_, units)| f64::from(*units)).sum::<f64>() / ((to_us - from_us) as f64 / 1e6)
    }
}

fn run_until(server: &mut Server, run: &mut Run, until_us: u64) {
    while run.now_us < until_us {
        run.step(server);
    }
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

    #[test]
    fn converges_within_the_budget_and_near_full_speed(
        unit_us in 0.3f64..5.0, budget_us in prop::sample::select(vec![250u64, 1_000, 5_000]), seed in any::<u64>(),
    ) {
        let mut server = Server::new(unit_us, seed);
        let mut run = Run::new(Some(budget_us), 0, false);
        run_until(&mut server, &mut run, 3 * S);
        let p99 = server.tail_us(S, 3 * S);
        prop_assert!(p99 <= budget_us + 30, "p99 {p99} with {budget_us}");
        let speed = run.keys_per_s(S, 3 * S) * unit_us / 1e6;
        let most = if budget_us < 500 { 0.4 } else { 0.6 };
        prop_assert!(speed >= most, "{speed} of full speed with {budget_us}, {unit_us} us a key");
    }

    #[test]
    fn yields_to_a_load_within_a_fifth_of_a_second_and_comes_back(
        unit_us in 0.4f64..3.0, budget_us in prop::sample::select(vec![250u64, 1_000]), seed in any::<u64>(),
    ) {
        let mut server = Server::new(unit_us, seed);
        let mut run = Run::new(Some(budget_us), 0, false);
        run_until(&mut server, &mut run, 2 * S);
        let before = run.keys_per_s(S, 2 * S);
        server.welcome(SATURATING, run.now_us);
        run_until(&mut server, &mut run, 4 * S);
        let during = run.keys_per_s(2 * S + 200 * MS, 4 * S);
        prop_assert!(during < before * 0.15, "{during} of {before}");
        prop_assert!(during > 0.0, "the pace is held low, and goes on");
        prop_assert!(run.reasons.contains(&PauseReason::Others), "and it says why");
        server.welcome(FEW, run.now_us);
        run_until(&mut server, &mut run, 7 * S);
        let after = run.keys_per_s(5 * S, 7 * S);
        prop_assert!(after > before * 0.85, "{after} of {before}");
    }

    #[test]
    fn a_cost_that_grows_twentyfold_breaks_the_promise_a_few_times_only(
        unit_us in 0.4f64..2.0, seed in any::<u64>(),
    ) {
        let mut server = Server::new(unit_us, seed);
        let mut run = Run::new(Some(1000), 0, true);
        run_until(&mut server, &mut run, S);
        server.unit_us *= 20.0;
        let from = run.now_us;
        run_until(&mut server, &mut run, 2 * S);
        let trace = run.trace.expect("kept");
        let over = trace.iter().filter(|record| record.at_us > from).filter(|record| {
            matches!(record.input, Input::Done { took_us, .. } if took_us > 1000 + 2 * ROUND_TRIP_US)
        });
        let over = over.count();
        prop_assert!(over <= 12, "{over} commands over the budget");
    }

    #[test]
    fn two_runs_share_a_server_and_none_is_left_with_little(unit_us in 0.4f64..2.0, late_ms in 0u64..3_000, seed in any::<u64>()) {
        let mut server = Server::new(unit_us, seed);
        let mut runs = [Run::new(Some(1000), 0, false), Run::new(Some(1000), late_ms * MS, false)];
        let end = 14 * S;
        while runs.iter().any(|run| run.now_us < end) {
            let next = usize::from(runs[1].now_us < runs[0].now_us);
            runs[next].step(&mut server);
        }
        let speeds = runs.each_ref().map(|run| run.keys_per_s(6 * S, end));
        let ratio = speeds[0] / speeds[1];
        prop_assert!((0.33..3.0).contains(&ratio), "{speeds:?}");
        let together = (speeds[0] + speeds[1]) * unit_us / 1e6;
        prop_assert!(together > 0.4, "{together} of full speed");
        let p99 = server.tail_us(6 * S, end);
        // Each keeps its own promise; nobody promises the sum of two processes.
        prop_assert!(p99 <= 2 * 1_000, "others wait {p99} us");
    }

    #[test]
    fn whatever_it_is_told_orders_stay_in_their_bounds(
        inputs in prop::collection::vec((0u64..2_000_000, an_input()), 1..400), budget_us in prop::option::of(50u64..1_000_000),
    ) {
        let mut pacer = Pacer::new();
        let joined = Input::Joined { budget_us, frees_memory: false, thresholds: Thresholds::default() };
        pacer.step(0, &joined);
        let mut at_us = 0;
        for (later, input) in inputs {
            at_us += later;
            match pacer.step(at_us, &input) {
                Some(Order::Go { units }) => {
                    prop_assert!((1..=limits::COUNT_MAX).contains(&units), "{units}");
                }
                Some(Order::Pause { us, .. }) => prop_assert!((1..=limits::PACE_PRESSURE_PAUSE_US).contains(&us), "{us}"),
                Some(Order::Listen | Order::Inspect) | None => {}
            }
            if let (Some(window), Some(budget)) = (pacer.window_us(), budget_us) {
                prop_assert!(window <= budget && window + 1 >= budget / 16, "{window} of {budget}");
            }
        }
    }

    #[test]
    fn a_trace_replays_to_the_same_orders(seed in any::<u64>()) {
        let mut server = Server::new(1.0, seed);
        let mut run = Run::new(Some(1000), 0, true);
        run_until(&mut server, &mut run, S / 2);
        server.welcome(SATURATING, run.now_us);
        run_until(&mut server, &mut run, S);
        let text: Vec<String> = run.trace.expect("kept").iter().map(|record| serde_json::to_string(record).expect("JSON")).collect();
        let mut pacer = Pacer::new();
        for line in &text {
            let record: Record = serde_json::from_str(line).expect("a record");
            let order = pacer.step(record.at_us, &record.input);
            prop_assert_eq!(order, record.order);
            prop_assert_eq!(pacer.record(record.at_us, record.input.clone(), order), record);
        }
    }
}

fn an_input() -> impl Strategy<Value = Input> {
    let kind = prop_oneof![
        Just(QueryKind::Scan),
        Just(QueryKind::ScanFilter),
        Just(QueryKind::Ask),
        Just(QueryKind::Measure),
        Just(QueryKind::Read),
        Just(QueryKind::Dump),
        Just(QueryKind::Check),
        Just(QueryKind::Unlink),
        Just(QueryKind::Del),
        Just(QueryKind::Shrink),
        Just(QueryKind::Restore),
        Just(QueryKind::Write)
    ];
    let us = prop_oneof![0u64..1_000, 0u64..10_000_000, any::<u64>()];
    prop_oneof![
        4 => kind.clone().prop_map(|kind| Input::Ask { kind, ending: false }),
        4 => (kind, any::<u32>(), us.clone()).prop_map(|(kind, units, took_us)| Input::Done { kind, units, took_us }),
        2 => (us.clone(), any::<bool>()).prop_map(|(wait_us, quiet)| Input::Canary { wait_us, quiet }),
        1 => us.prop_map(|took_us| Input::RoundTrip { took_us }),
        1 => (any::<Option<u64>>(), any::<Option<u64>>(), any::<bool>()).prop_map(|(lag, pending, is_saving)| {
            Input::Vitals(Vitals {
                replica_lag_bytes: lag,
                lazyfree_pending: pending,
                is_saving,
                ..Vitals::default()
            })
        }),
    ]
}
