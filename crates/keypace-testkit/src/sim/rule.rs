//! Owns scripted faults: which command they meet and what they do. It must not touch connections or data itself; the
//! serving task carries a `Plan` out.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::cluster::ClusterState;
use super::data::State;
use super::options::normal_name;
use super::plan::Plan;
use super::table::Resize;
use crate::limits::MAX_RULES;

/// What a scripted closure looks like. It runs under the simulator's lock: it must use the state it is given and not the
/// `Sim` handle, which would wait for itself.
pub type StateFn = Arc<dyn Fn(&mut State) + Send + Sync>;

/// As `StateFn`, over all nodes of a cluster: it must use none of their handles, nor the cluster's.
pub type ClusterFn = Arc<dyn Fn(&mut ClusterState) + Send + Sync>;

/// What a rule does to the command it meets. The command runs as ever, unless said otherwise.
#[derive(Clone)]
#[non_exhaustive]
pub enum Action {
    /// These raw bytes are the reply; the command does not run.
    Reply(Vec<u8>),
    /// This error is the reply (its code first, without the `-`); the command does not run.
    Error(String),
    /// Waits on tokio's clock, then runs the command. Only this connection waits.
    Delay(Duration),
    /// The connection closes and the command does not run.
    DropConnection,
    /// The command runs, its reply is never sent, the connection closes.
    ExecuteThenDrop,
    /// The command runs; this many bytes of its reply are sent, then the connection closes.
    CutReply {
        /// Bytes of the reply that still go out.
        after_bytes: usize,
    },
    /// The command runs and its reply goes out in pieces.
    TrickleReply {
        /// Bytes a piece.
        chunk: usize,
        /// Between two pieces, on tokio's clock.
        pause: Duration,
    },
    /// The command does not run, the connection stays open and never answers again.
    Stall,
    /// The command runs, the connection stays open and never answers again.
    ExecuteThenStall,
    /// A SCAN page gives all its keys twice.
    Duplicates,
    /// This and the next SCAN calls, so many in all, give empty pages with cursors that move, and lose nothing.
    EmptyPages(u64),
    /// Begins a rehash of every database now.
    Rehash(Resize),
    /// As if restarted: another `run_id` and hash seed, the keys kept, all other connections closed.
    NewRunId,
    /// A SCAN gives its page with the cursor that was sent: a proxy's loop. (With cursor 0 that reads as the end.)
    SameCursor,
    /// Another client's doing, at the moment before the command runs.
    Run(StateFn),
    /// What happens to the cluster, at the moment before the command runs.
    Cluster(ClusterFn),
}

impl Action {
    /// `Run`, from a closure. The closure must not use the `Sim` handle.
    pub fn run(closure: impl Fn(&mut State) + Send + Sync + 'static) -> Self {
        Self::Run(Arc::new(closure))
    }

    /// `Cluster`, from a closure. The closure must not use a node's handle, nor the cluster's.
    pub fn cluster(closure: impl Fn(&mut ClusterState) + Send + Sync + 'static) -> Self {
        Self::Cluster(Arc::new(closure))
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(bytes) => write!(f, "Reply({})", bytes.escape_ascii()),
            Self::Error(text) => write!(f, "Error({text})"),
            Self::Delay(time) => write!(f, "Delay({time:?})"),
            Self::DropConnection => f.write_str("DropConnection"),
            Self::ExecuteThenDrop => f.write_str("ExecuteThenDrop"),
            Self::CutReply { after_bytes } => write!(f, "CutReply({after_bytes})"),
            Self::TrickleReply { chunk, pause } => write!(f, "TrickleReply({chunk}, {pause:?})"),
            Self::Stall => f.write_str("Stall"),
            Self::ExecuteThenStall => f.write_str("ExecuteThenStall"),
            Self::Duplicates => f.write_str("Duplicates"),
            Self::EmptyPages(pages) => write!(f, "EmptyPages({pages})"),
            Self::Rehash(way) => write!(f, "Rehash({way:?})"),
            Self::NewRunId => f.write_str("NewRunId"),
            Self::SameCursor => f.write_str("SameCursor"),
            Self::Run(_) => f.write_str("Run(..)"),
            Self::Cluster(_) => f.write_str("Cluster(..)"),
        }
    }
}

/// When to do what. A rule fires once, on the next command it fits, unless told otherwise. Rules are tried in the order
/// they were scripted and one fires a command: one that is due when an earlier one fires waits for the next fit.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rule {
    name: Option<String>,
    arg: Option<Vec<u8>>,
    connection: Option<u64>,
    first: u64,
    every: u64,
    times: Option<u64>,
    actions: Vec<Action>,
}

impl Rule {
    /// Fits commands of this name: `SCAN`, `CONFIG GET`, or `CONFIG` with any subcommand.
    #[must_use]
    pub fn on(name: &str) -> Self {
        Self {
            name: Some(normal_name(name)),
            ..Self::on_any()
        }
    }

    /// Fits every command.
    #[must_use]
    pub fn on_any() -> Self {
        Self {
            name: None,
            arg: None,
            connection: None,
            first: 1,
            every: 1,
            times: Some(1),
            actions: Vec::new(),
        }
    }

    /// Only where one argument is exactly this.
    #[must_use]
    pub fn with_arg(mut self, arg: impl AsRef<[u8]>) -> Self {
        self.arg = Some(arg.as_ref().to_vec());
        self
    }

    /// Only on this connection, by its CLIENT ID; the first is 1.
    #[must_use]
    pub fn on_connection(mut self, id: u64) -> Self {
        self.connection = Some(id);
        self
    }

    /// First on the n-th command that fits, counted from 1 since the rule was scripted.
    #[must_use]
    pub fn nth(mut self, n: u64) -> Self {
        assert!(n > 0, "commands are counted from 1");
        self.first = n;
        self
    }

    /// On every n-th command that fits, without end unless `times` follows.
    #[must_use]
    pub fn every(mut self, n: u64) -> Self {
        assert!(n > 0, "commands are counted from 1");
        (self.first, self.every, self.times) = (n, n, None);
        self
    }

    /// Fires so many times in all.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Fires without end.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// What to do; several are done together.
    #[must_use]
    pub fn then(mut self, action: Action) -> Self {
        self.actions.push(action);
        self
    }

    fn fits(&self, connection: u64, name: &str, args: &[Vec<u8>]) -> bool {
        let named = self.name.as_ref().is_none_or(|wanted| {
            name.strip_prefix(wanted.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        });
        named
            && self.connection.is_none_or(|wanted| wanted == connection)
            && self
                .arg
                .as_ref()
                .is_none_or(|wanted| args.iter().any(|arg| arg == wanted))
    }
}

#[derive(Debug)]
struct Scripted {
    rule: Rule,
    seen: u64,
    next: u64,
}

/// The rules of one server, in order.
#[derive(Debug, Default)]
pub(crate) struct RuleBook(VecDeque<Scripted>);

impl RuleBook {
    pub(crate) fn add(&mut self, rule: Rule) {
        assert!(
            self.0.len() < MAX_RULES,
            "a simulator takes {MAX_RULES} rules at once"
        );
        assert!(
            !rule.actions.is_empty(),
            "a rule without then() does nothing: {rule:?}"
        );
        let next = rule.first;
        self.0.push_back(Scripted {
            rule,
            seen: 0,
            next,
        });
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Rules that may still fire.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Counts a command on every rule that fits it, and takes the plan of the first that is due.
    pub(crate) fn plan(&mut self, connection: u64, name: &str, args: &[Vec<u8>]) -> Plan {
        let mut due = None;
        for scripted in &mut self.0 {
            if !scripted.rule.fits(connection, name, args) {
                continue;
            }
            scripted.seen += 1;
            if due.is_none() && scripted.seen >= scripted.next {
                scripted.next = scripted.seen + scripted.rule.every;
                scripted.rule.times = scripted.rule.times.map(|left| left.saturating_sub(1));
                due = Some(Plan::new(&scripted.rule.actions));
            }
        }
        self.0.retain(|scripted| scripted.rule.times != Some(0));
        due.unwrap_or_else(|| Plan::new(&[]))
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, Rule, RuleBook};

    fn fired(rule: Rule, commands: &[&str]) -> Vec<usize> {
        let mut book = RuleBook::default();
        book.add(rule.then(Action::Stall));
        let due = |(at, name): (usize, &&str)| (!book.plan(1, name, &[]).execute).then_some(at + 1);
        commands.iter().enumerate().filter_map(due).collect()
    }

    #[test]
    fn rules_fire_when_they_say() {
        let scans = ["SCAN"; 8];
        assert_eq!(fired(Rule::on("scan"), &scans), [1]);
        assert_eq!(fired(Rule::on("SCAN").nth(3), &scans), [3]);
        assert_eq!(fired(Rule::on("SCAN").nth(3).times(2), &scans), [3, 4]);
        assert_eq!(fired(Rule::on("SCAN").every(3), &scans), [3, 6]);
        assert_eq!(fired(Rule::on("SCAN").every(3).times(1), &scans), [3]);
        assert_eq!(fired(Rule::on("SCAN").nth(7).always(), &scans), [7, 8]);
        assert_eq!(
            fired(Rule::on("config|get"), &["CONFIG SET", "CONFIG GET"]),
            [2]
        );
        assert_eq!(
            fired(
                Rule::on("CONFIG").always(),
                &["CONFIG SET", "CONFIGS", "CONFIG GET"]
            ),
            [1, 3]
        );
    }

    #[test]
    fn a_rule_that_is_due_waits_for_an_earlier_one() {
        let mut book = RuleBook::default();
        book.add(Rule::on("GET").then(Action::Error("ERR first".into())));
        book.add(Rule::on_any().then(Action::Error("ERR second".into())));
        let said = |book: &mut RuleBook| book.plan(1, "GET", &[]).instead;
        assert_eq!(said(&mut book), Some(b"-ERR first\r\n".to_vec()));
        assert_eq!(said(&mut book), Some(b"-ERR second\r\n".to_vec()));
        assert_eq!((said(&mut book), book.len()), (None, 0));
    }
}
