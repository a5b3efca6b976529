//! The controller: joins the estimates of cost, the window, the canary's delay and the back-pressure to one answer,
//! how large the next command may be, or why it has to wait. Holds no await, clock or randomness.

use super::climb::Climb;
use super::cost::Cost;
use super::delay::Delay;
use super::order::{Input, Order, QueryKind, Record};
use super::pressure::{Pressure, Thresholds, Vitals};
use super::window::Window;
use crate::limits;
use crate::report::PauseReason;

/// What a piece of work has joined with.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Promise {
    /// `None` is full speed.
    budget_us: Option<u64>,
    frees_memory: bool,
    thresholds: Thresholds,
}

/// One server's pace: all work on the server shares it, so that the promise holds for the sum.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pacer {
    promises: Vec<Promise>,
    /// The strictest of each.
    thresholds: Thresholds,
    /// `None` at full speed.
    window: Option<Window>,
    costs: [Cost; QueryKind::ALL.len()],
    climb: Climb,
    delay: Delay,
    pressure: Pressure,
    /// Somebody else is the load: the next command goes at this time.
    yields_until_us: Option<u64>,
    listens_at_us: u64,
    inspects_at_us: u64,
}

impl Pacer {
    /// Nothing is promised and nothing known.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes what was observed at this time, and answers where it is asked. Times never go back.
    pub(crate) fn step(&mut self, at_us: u64, input: &Input) -> Option<Order> {
        match input {
            Input::Joined {
                budget_us,
                frees_memory,
                thresholds,
            } => self.join(
                at_us,
                Promise {
                    budget_us: *budget_us,
                    frees_memory: *frees_memory,
                    thresholds: *thresholds,
                },
            ),
            Input::Left {
                budget_us,
                frees_memory,
                thresholds,
            } => self.leave(Promise {
                budget_us: *budget_us,
                frees_memory: *frees_memory,
                thresholds: *thresholds,
            }),
            Input::RoundTrip { took_us } => self.delay.round_trip(at_us, *took_us),
            Input::Ask { kind, ending } => return Some(self.ask(at_us, *kind, *ending)),
            Input::Done {
                kind,
                units,
                took_us,
            } => self.done(at_us, *kind, *units, *took_us),
            Input::Canary { wait_us, quiet } => self.canary(at_us, *wait_us, *quiet),
            Input::Unheard => self.unheard(at_us),
            Input::Vitals(vitals) => self.vitals(at_us, *vitals),
            Input::Untold => {
                self.pressure.untold();
                self.inspects_at_us = at_us + limits::PACE_INSPECT_NEAR_US;
            }
        }
        None
    }

    /// The same with what the pace knew then.
    pub(crate) fn record(&self, at_us: u64, input: Input, order: Option<Order>) -> Record {
        Record {
            at_us,
            input,
            order,
            phase: self.phase().to_owned(),
            window_us: self.window_us().unwrap_or(0),
            base_us: self.delay.base_us(),
            delay_us: self.delay.tail_us(),
        }
    }

    /// Whether a promise is kept, so that one command goes at a time.
    pub(crate) fn is_bounded(&self) -> bool {
        self.window.is_some()
    }

    /// What one command may take on the server at the moment; `None` at full speed.
    pub(crate) fn window_us(&self) -> Option<u64> {
        self.window
            .as_ref()
            .map(|window| window.allowed_us() as u64)
    }

    /// Whether a command that took so long was beyond this budget; where somebody else is the load, by itself.
    pub(crate) fn is_over(&self, took_us: u64, budget_us: u64) -> bool {
        self.own_cost_us(took_us) > budget_us as f64
    }

    fn cost_us(&self, took_us: u64) -> f64 {
        let budget_us = self.window.as_ref().map_or(0.0, Window::budget_us);
        self.delay.cost_us(took_us, budget_us)
    }

    /// What a command took, without what others made it wait where they are the load.
    fn own_cost_us(&self, took_us: u64) -> f64 {
        let others_us = self
            .yields_until_us
            .and_then(|_| self.delay.quiet_tail_us())
            .unwrap_or(0);
        (self.cost_us(took_us) - others_us as f64).max(0.0)
    }

    fn phase(&self) -> &'static str {
        match &self.window {
            None => "off",
            Some(_) if self.yields_until_us.is_some() => "yield",
            Some(window) if window.is_starting() => "start",
            Some(_) => "steady",
        }
    }

    fn join(&mut self, at_us: u64, promise: Promise) {
        if self.promises.is_empty() {
            self.pressure = Pressure::default();
            self.climb = Climb::default();
            self.window = None;
            self.yields_until_us = None;
            self.delay.forget_doubt();
            self.listens_at_us = at_us + limits::PACE_FIRST_LOOK_US;
            self.inspects_at_us = at_us + limits::PACE_FIRST_LOOK_US;
            self.costs.iter_mut().for_each(Cost::begin_small);
        }
        self.promises.push(promise);
        self.keep_promises();
    }

    fn leave(&mut self, promise: Promise) {
        if let Some(place) = self.promises.iter().position(|own| *own == promise) {
            self.promises.swap_remove(place);
            self.keep_promises();
        }
    }

    fn frees_memory(&self) -> bool {
        self.promises.iter().any(|promise| promise.frees_memory)
    }

    /// The smallest promise holds for all.
    fn keep_promises(&mut self) {
        let budgets = self.promises.iter().filter_map(|promise| promise.budget_us);
        match (budgets.min(), &mut self.window) {
            (Some(budget_us), Some(window)) => window.set_budget(budget_us),
            (Some(budget_us), None) => self.window = Some(Window::new(budget_us)),
            (None, _) => self.window = None,
        }
        let thresholds = self.promises.iter().map(|promise| promise.thresholds);
        self.thresholds = thresholds.reduce(Thresholds::stricter).unwrap_or_default();
    }

    fn ask(&mut self, at_us: u64, kind: QueryKind, ending: bool) -> Order {
        let Some(allowed_us) = self.window.as_ref().map(Window::allowed_us) else {
            return Order::Go {
                units: match kind {
                    QueryKind::Scan | QueryKind::ScanFilter => self.climb.count(),
                    QueryKind::Ask
                    | QueryKind::Measure
                    | QueryKind::Read
                    | QueryKind::Dump
                    | QueryKind::Check
                    | QueryKind::Unlink
                    | QueryKind::Del
                    | QueryKind::Shrink
                    | QueryKind::Restore
                    | QueryKind::Write => limits::COUNT_MAX,
                },
            };
        };
        if ending {
            return self.go_small(kind);
        }
        if at_us >= self.inspects_at_us {
            return Order::Inspect;
        }
        if let Some(reason) = self.pressure.reason() {
            let us = (self.inspects_at_us - at_us).min(limits::PACE_PRESSURE_PAUSE_US);
            return Order::Pause { us, reason };
        }
        if at_us >= self.listens_at_us {
            return Order::Listen;
        }
        if self.delay.is_in_doubt() {
            return self.wait_until(at_us, self.listens_at_us);
        }
        if let Some(until_us) = self.yields_until_us {
            if at_us < until_us {
                return self.wait_until(at_us, until_us.min(self.listens_at_us));
            }
            self.yields_until_us = Some(at_us + limits::PACE_YIELD_PAUSE_US);
            return self.go_small(kind);
        }
        let share = if self.pressure.is_saving() {
            limits::PACE_SAVING_SHARE
        } else {
            1.0
        };
        Order::Go {
            units: self.cost(kind).units(kind, allowed_us * share),
        }
    }

    /// As little as the window is never below; where nothing is known of the cost, the least.
    fn go_small(&mut self, kind: QueryKind) -> Order {
        let least_us = self.window.as_ref().map_or(0.0, Window::least_us);
        let cost = self.cost(kind);
        Order::Go {
            units: if cost.is_known() {
                cost.units(kind, least_us)
            } else {
                kind.least_units()
            },
        }
    }

    fn wait_until(&self, at_us: u64, until_us: u64) -> Order {
        Order::Pause {
            us: until_us.saturating_sub(at_us).max(1),
            reason: if self.yields_until_us.is_some() {
                PauseReason::Others
            } else {
                PauseReason::Latency
            },
        }
    }

    fn done(&mut self, at_us: u64, kind: QueryKind, units: u32, took_us: u64) {
        let cost_us = self.cost_us(took_us);
        let own_us = self.own_cost_us(took_us);
        // Others wait for what we waited for, too: of two that are each within the budget the sum may not be.
        let waited_us = self.delay.beyond_base(took_us);
        let ours_us = self.delay.ours_us();
        let yields = self.yields_until_us.is_some();
        let meant_us = self.cost(kind).meant_us(units);
        match &mut self.window {
            None => {
                if matches!(kind, QueryKind::Scan | QueryKind::ScanFilter) {
                    self.climb.done(at_us, units);
                }
            }
            // It waited for others: only what is dearer in spite of that is learned.
            Some(_) if yields => {
                if own_us > meant_us {
                    self.cost(kind).observe(units, own_us, false);
                }
            }
            Some(window) => {
                let is_over = window.is_over(waited_us, meant_us);
                window.done(at_us, waited_us, meant_us, ours_us);
                self.cost(kind).observe(units, cost_us, is_over);
            }
        }
    }

    fn canary(&mut self, at_us: u64, wait_us: u64, quiet: bool) {
        let patience_us = self.patience_us();
        self.delay.canary(at_us, wait_us, quiet, patience_us);
        if !quiet {
            if let (Some(window), Some(delay_us)) = (&mut self.window, self.delay.tail_us())
                && self.yields_until_us.is_none()
            {
                let quiet_us = self.delay.quiet_tail_us().unwrap_or(0);
                window.delay(at_us, delay_us, quiet_us);
            }
            return;
        }
        if self.delay.others_are_the_load() && self.yields_until_us.is_none() {
            self.yields_until_us = Some(at_us + limits::PACE_YIELD_PAUSE_US);
        } else if self.yields_until_us.is_some() && self.delay.is_calm() {
            self.yields_until_us = None;
            self.delay.forget_recent();
            if let Some(window) = &mut self.window {
                window.restart(at_us);
            }
        }
        self.listens_at_us = at_us
            + if self.delay.is_in_doubt() {
                limits::PACE_DOUBT_PAUSE_US
            } else if self.yields_until_us.is_some() {
                limits::PACE_YIELD_LISTEN_US
            } else {
                let base_us = self.delay.base_us().unwrap_or(0);
                base_us
                    .saturating_mul(limits::PACE_LISTEN_ROUND_TRIPS)
                    .clamp(limits::PACE_LISTEN_US, limits::PACE_INSPECT_US)
            };
    }

    /// Without a canary nobody knows whose load it is: the work goes on by the time of its own commands.
    fn unheard(&mut self, at_us: u64) {
        self.listens_at_us = at_us + limits::PACE_LISTEN_US;
        self.delay.forget_doubt();
        self.yields_until_us = None;
    }

    fn vitals(&mut self, at_us: u64, vitals: Vitals) {
        let frees = self.frees_memory();
        self.pressure
            .observe(at_us, vitals, &self.thresholds, frees);
        self.inspects_at_us = at_us
            + if self.pressure.is_near(&self.thresholds, frees) {
                limits::PACE_INSPECT_NEAR_US
            } else {
                limits::PACE_INSPECT_US
            };
    }

    /// The delay from which on a quiet canary has met somebody else: a part of the budget, and more than an idle
    /// machine's own unevenness.
    fn patience_us(&self) -> f64 {
        let budget_us = self.window.as_ref().map_or(0.0, Window::budget_us);
        let base_us = self.delay.base_us().unwrap_or(0) as f64;
        (budget_us * limits::PACE_PATIENCE_SHARE)
            .max(base_us)
            .max(limits::PACE_UNEVENNESS_US as f64)
    }

    fn cost(&mut self, kind: QueryKind) -> &mut Cost {
        let place = QueryKind::ALL.iter().position(|own| *own == kind);
        &mut self.costs[place.unwrap_or(0)]
    }
}
