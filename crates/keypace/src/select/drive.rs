//! Asks a page's keys what the guard and the caller want to know, stage by stage, and leaves out those that fail. Paced;
//! decides by the guard alone, and changes nothing.

use std::time::Duration;

use super::asking::{Asking, Candidate, Put};
use super::ground::Ground;
use super::questions::Questions;
use super::state::{Guard, Verdict};
use super::wire::{self, Manner, Question};
use crate::error::{Result, Retry};
use crate::key::{Facts, Key, Size, Slot, TypeName};
use crate::limits;
use crate::pace::QueryKind;
use crate::port::{Backoff, Lease, Node, Paced};

/// Asks the keys of one node's pages.
pub(crate) struct Selector {
    node: Node,
    guard: Guard,
    /// Wanted besides, of keys that pass.
    extra: Questions,
    paced: Paced,
    in_cluster: bool,
    ground: Ground,
    lease: Option<Lease>,
    backoff: Backoff,
    /// The server has MEMORY USAGE, as far as it was asked.
    measures: bool,
    waited: Duration,
}

/// What was learnt of a page.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    /// One a key, in order; `None` where the key is gone, elsewhere, or refused by the guard.
    pub(crate) facts: Vec<Option<Facts>>,
    /// Slots of keys that are another node's by now, or on their way there: to be walked again.
    pub(crate) elsewhere: Vec<Slot>,
}

impl Selector {
    /// On one node. Sends nothing yet.
    pub(crate) fn new(
        node: &Node,
        guard: Guard,
        extra: Questions,
        paced: Paced,
        in_cluster: bool,
    ) -> Self {
        Self {
            node: node.clone(),
            ground: Ground::new(node, &guard),
            guard,
            extra,
            paced,
            in_cluster,
            lease: None,
            backoff: node.backoff(),
            measures: true,
            waited: Duration::ZERO,
        }
    }

    /// Time spent waiting to try again.
    pub(crate) fn waited(&self) -> Duration {
        self.waited
    }

    /// Asks all of a page's keys. Cancel-safe: a dropped look is begun again by the next call with the same keys.
    ///
    /// # Errors
    /// `Guard` where idle times would lie or a right is missing; what asking gives, after as many tries as the options
    /// allow.
    pub(crate) async fn look(&mut self, keys: &[Key]) -> Result<Looked> {
        loop {
            match self.try_look(keys).await {
                Ok(looked) => {
                    self.backoff = self.node.backoff();
                    return Ok(looked);
                }
                Err(error) => {
                    if error.retry() != Retry::Backoff {
                        self.node.forget_idle();
                    }
                    self.waited += self.backoff.pause(error).await?;
                }
            }
        }
    }

    async fn try_look(&mut self, keys: &[Key]) -> Result<Looked> {
        // Out of our hands: dropped meanwhile, replies that are owed go with their connection.
        let mut lease = match self.lease.take() {
            Some(lease) => lease,
            None => self.node.lease().await?,
        };
        self.ground.hold(&mut lease, &self.paced).await?;
        let mut asking = Asking::of(keys);
        self.ask_all(&mut lease, &mut asking).await?;
        self.lease = Some(lease);
        Ok(asking.looked())
    }

    /// The stages: cheap questions of the guard, replicas, sizes, sizes near a threshold; then what is wanted besides.
    async fn ask_all(&mut self, lease: &mut Lease, asking: &mut Asking<'_>) -> Result<()> {
        let guarded = self.guard.questions();
        let mut asked = guarded.cheap();
        // Before sizes: counting elements makes a key young.
        asked.idle |= self.extra.idle;
        if guarded.is_empty() {
            asked = asked | self.extra.cheap();
        }
        self.ask_cheap(lease, asking, asked).await?;
        asking.leave_out(|facts| self.guard.rules_out(facts));
        self.ask_shares(lease, asking).await?;
        if guarded.idle {
            asking.leave_out(|facts| facts.idle.is_none());
            self.ask_readers(asking).await?;
            asking.leave_out(|facts| self.guard.rules_out(facts));
        }
        if guarded.size {
            self.ask_sizes(lease, asking).await?;
            self.ask_near(lease, asking).await?;
            asking.leave_out(|facts| self.guard.judge_measured(facts) != Verdict::Passes);
        }
        self.ask_cheap(lease, asking, self.extra.cheap() - asked)
            .await?;
        if self.extra.size && !guarded.size {
            self.ask_sizes(lease, asking).await?;
        }
        Ok(())
    }

    async fn ask_cheap(
        &mut self,
        lease: &mut Lease,
        asking: &mut Asking<'_>,
        asked: Questions,
    ) -> Result<()> {
        let mut puts = Vec::with_capacity(asking.keys.len() * asked.number());
        for place in asking.open() {
            puts.extend(wire::cheap(asked).map(|question| (place, question)));
        }
        self.put(lease, asking, puts, QueryKind::Ask).await
    }

    /// Takes idle times back that are those of a value which several keys share, unless they are trusted: strings that are
    /// small numbers may be one value for all keys.
    async fn ask_shares(&mut self, lease: &mut Lease, asking: &mut Asking<'_>) -> Result<()> {
        if self.guard.trusts_idle() {
            return Ok(());
        }
        let mut puts = asking.open();
        puts.retain(|place| asking.candidates[*place].facts.idle.is_some());
        let puts = puts.into_iter().map(|place| (place, Question::Shares));
        self.put(lease, asking, puts.collect(), QueryKind::Ask)
            .await
    }

    /// MEMORY USAGE, or how many elements there are.
    async fn ask_sizes(&mut self, lease: &mut Lease, asking: &mut Asking<'_>) -> Result<()> {
        if self.measures {
            let question = Question::Size(self.guard.samples());
            let open = asking.open().into_iter();
            let puts = open.map(|place| (place, question)).collect();
            self.put(lease, asking, puts, QueryKind::Measure).await?;
            self.measures = !asking.lacks_measure;
        }
        if !self.measures {
            self.count_elements(lease, asking, |candidate| candidate.facts.size.is_none())
                .await?;
            for candidate in &mut asking.candidates {
                let counted = candidate.elements.map(Size::elements);
                candidate.facts.size = candidate.facts.size.or(counted);
            }
        }
        Ok(())
    }

    /// Measures whole what a sample may have put on the wrong side of a threshold.
    async fn ask_near(&mut self, lease: &mut Lease, asking: &mut Asking<'_>) -> Result<()> {
        let guard = self.guard.clone();
        asking.leave_out(|facts| guard.rules_out(facts));
        self.measure_whole(lease, asking, |facts| {
            guard.judge(facts) == Verdict::Measure
        })
        .await
    }

    /// Measures whole what is wanted and small enough. Where counting elements would make keys young although idle times
    /// matter, the samples are left as they are.
    async fn measure_whole(
        &mut self,
        lease: &mut Lease,
        asking: &mut Asking<'_>,
        is_wanted: impl Fn(&Facts) -> bool,
    ) -> Result<()> {
        let is_safe = lease.is_no_touch() || self.guard.trusts_idle() || !self.guard.asks_idle();
        if !is_safe || !self.measures {
            return Ok(());
        }
        let is_open = |candidate: &Candidate| {
            let is_string = candidate.facts.kind == Some(TypeName::String);
            !candidate.is_measured && !is_string && is_wanted(&candidate.facts)
        };
        self.count_elements(lease, asking, is_open).await?;
        let mut puts = Vec::new();
        for place in asking.open() {
            let candidate = &mut asking.candidates[place];
            let elements = candidate.elements.take();
            let is_cheap =
                elements.is_some_and(|elements| elements <= limits::WHOLE_SIZE_MAX_ELEMENTS);
            if is_cheap && is_open(candidate) {
                candidate.is_measured = true;
                candidate.elements = elements;
                puts.push((place, Question::Size(0)));
            }
        }
        self.put(lease, asking, puts, QueryKind::Measure).await
    }

    /// How many elements those have that are wanted: by their types, which are asked where they are not known.
    async fn count_elements(
        &mut self,
        lease: &mut Lease,
        asking: &mut Asking<'_>,
        is_wanted: impl Fn(&Candidate) -> bool,
    ) -> Result<()> {
        let mut wanted = asking.open();
        wanted.retain(|place| is_wanted(&asking.candidates[*place]));
        let kinds = wanted.iter().copied();
        let kinds = kinds.filter(|place| asking.candidates[*place].facts.kind.is_none());
        let kinds = kinds.map(|place| (place, Question::Kind)).collect();
        self.put(lease, asking, kinds, QueryKind::Ask).await?;
        let mut lengths = Vec::with_capacity(wanted.len());
        for place in wanted {
            let candidate = &asking.candidates[place];
            // A string that is measured in bytes needs no count.
            if candidate.is_out || !is_wanted(candidate) {
                continue;
            }
            let question = candidate.facts.kind.as_ref().and_then(wire::length_of);
            lengths.extend(question.map(|question| (place, question)));
        }
        self.put(lease, asking, lengths, QueryKind::Ask).await
    }

    /// The least idle time counts: what is read on a replica leaves the primary's clock as it is.
    async fn ask_readers(&mut self, asking: &mut Asking<'_>) -> Result<()> {
        for reader in self.ground.readers().to_vec() {
            let mut lease = reader.lease().await?;
            let open = asking.open().into_iter();
            let own: Vec<(usize, Option<Duration>)> = open
                .map(|place| (place, asking.candidates[place].facts.idle.take()))
                .collect();
            let puts = own.iter().map(|(place, _)| (*place, Question::Idle));
            self.put_at(&mut lease, asking, puts.collect(), QueryKind::Ask, true)
                .await?;
            for (place, idle) in own {
                let facts = &mut asking.candidates[place].facts;
                facts.idle = facts.idle.into_iter().chain(idle).min();
            }
        }
        Ok(())
    }

    /// Puts questions, as many at once as the pace allows, and enters the answers. What the server can't answer at the
    /// moment is asked again.
    async fn put(
        &mut self,
        lease: &mut Lease,
        asking: &mut Asking<'_>,
        puts: Vec<Put>,
        kind: QueryKind,
    ) -> Result<()> {
        self.put_at(lease, asking, puts, kind, false).await
    }

    /// The same at the node itself or at a replica of it.
    async fn put_at(
        &mut self,
        lease: &mut Lease,
        asking: &mut Asking<'_>,
        mut puts: Vec<Put>,
        kind: QueryKind,
        is_replica: bool,
    ) -> Result<()> {
        let manner = Manner {
            in_cluster: self.in_cluster,
            needs_idle: self.guard.asks_idle(),
            is_replica,
        };
        while !puts.is_empty() {
            let mut again = Vec::new();
            let mut trouble = None;
            let mut left = puts.as_slice();
            while !left.is_empty() && trouble.is_none() {
                let mut turn = self.paced.turn(kind).await;
                let (now, units) = asking.cut(left, turn.units());
                left = &left[now.len()..];
                turn.begin();
                for (place, question) in now {
                    wire::queue(lease, *question, asking.keys[*place].as_bytes());
                }
                lease.flush().await?;
                for put in now {
                    let reply = match lease.arrived() {
                        Some(reply) => reply?,
                        None => self.paced.beside(lease.reply()).await?,
                    };
                    if let Some(error) = asking.hear(lease, *put, reply, manner)? {
                        again.push(*put);
                        trouble = Some(error);
                    }
                }
                // A replica's time says nothing of this node's price, and a refusal shows none.
                if !is_replica && trouble.is_none() {
                    turn.done(units);
                }
            }
            again.extend_from_slice(left);
            puts = again;
            if let Some(error) = trouble {
                self.waited += self.backoff.pause(error).await?;
            }
        }
        Ok(())
    }
}
