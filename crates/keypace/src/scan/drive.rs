//! Walks: sends SCAN, reads pages, has the next call on its way before a page is handed on, and takes the walk up
//! again after a failure. Decides nothing that `state` can decide.

use std::time::Duration;

use bytes::Bytes;

use super::call::Pacing;
use super::cursor::EDGE;
use super::options::{Order, ScanOptions, Strategy};
use super::order::Held;
use super::page::{Mark, Page};
use super::state::Walk;
use super::types::TypeFilter;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::{Key, Pattern};
use crate::limits;
use crate::port::{Backoff, Keyspace, Lease, Node, Paced};

/// What came of one step of a walk.
#[derive(Debug)]
#[non_exhaustive]
pub enum Step {
    /// A page, perhaps an empty one.
    Page(Page),
    /// Another process answers at the address: its cursors mean something else, so the walk begins again, and
    /// keys that were handed out come again.
    Restarted,
}

/// A walk over one database.
pub struct Pages {
    node: Node,
    pub(super) options: ScanOptions,
    /// What the server filters by; `None` where all keys match.
    pub(super) matching: Option<Pattern>,
    pub(super) filter: TypeFilter,
    held: Held,
    /// Pages cut from sorted keys, or from KEYS, that are still to be handed out.
    cut: Option<std::vec::IntoIter<(Key, u8)>>,
    pub(super) walk: Walk,
    run_id: Option<Bytes>,
    pub(super) lease: Option<Lease>,
    /// Held from the first call to the end, over reconnects too.
    permit: Option<tokio::sync::OwnedSemaphorePermit>,
    backoff: Backoff,
    pub(super) stage: Stage,
    pub(super) handed_out: u64,
    limited: bool,
    waited: Duration,
    pub(super) pacing: Option<Pacing>,
    /// COUNT of the call that was sent last.
    pub(super) count: u32,
}

/// What is on its way on the connection.
pub(super) enum Stage {
    /// Nothing.
    Idle,
    /// A SCAN with the walk's cursor.
    Asked,
    /// A page is here, and its keys' types are being asked for.
    Typing(Candidates),
    /// A page is whole, and the call behind it may be on its way.
    Ready(Page, bool),
}

/// A page whose types are not all known yet.
pub(super) struct Candidates {
    pub(super) keys: Vec<Key>,
    pub(super) wanted: Vec<bool>,
    /// How many of them have been asked for.
    pub(super) asked: usize,
    pub(super) next: Bytes,
}

impl Pages {
    /// A walk from the beginning. Sends nothing yet.
    #[must_use]
    pub fn new(keyspace: &Keyspace, options: ScanOptions) -> Self {
        Self::resume(keyspace, options, &Mark::start())
    }

    /// A walk that goes on behind a Mark. Where another process answers than the one that gave the Mark, the walk
    /// begins again, and says so by [`Step::Restarted`]; the Mark's cursor is not sent to it.
    #[must_use]
    pub fn resume(keyspace: &Keyspace, options: ScanOptions, mark: &Mark) -> Self {
        count_scope(&options);
        let matching =
            Pattern::covering(&options.patterns).filter(|pattern| pattern.as_bytes() != b"*");
        let order = if options.strategy == Strategy::Scan {
            options.order
        } else {
            Order::Sorted
        };
        Self {
            node: keyspace.node().clone(),
            matching,
            filter: TypeFilter::new(&options.types),
            held: Held::new(order),
            cut: None,
            walk: if mark.is_end {
                Walk::at_end()
            } else {
                Walk::from(mark.cursor.clone())
            },
            run_id: mark.run_id.clone(),
            lease: None,
            permit: None,
            backoff: keyspace.node().backoff(),
            stage: Stage::Idle,
            handed_out: 0,
            limited: false,
            waited: Duration::ZERO,
            pacing: None,
            count: options.count_for(options.types.len() > 1),
            options,
        }
    }

    /// The same under a pace, which chooses COUNT where the caller has not, up to `most`.
    pub(crate) fn paced(
        keyspace: &Keyspace,
        options: ScanOptions,
        mark: &Mark,
        paced: Paced,
        most: u32,
    ) -> Self {
        let mut pages = Self::resume(keyspace, options, mark);
        pages.pacing = Some(Pacing {
            paced,
            most,
            runs_ahead: false,
            was_missed: false,
            turn: None,
            landed: None,
        });
        pages
    }

    /// The next call may be on its way while a page is worked on, also under a budget. Who sends other commands has to
    /// `land` first, and who stops asking to `let_go`.
    pub(crate) fn run_ahead(mut self) -> Self {
        if let Some(pacing) = &mut self.pacing {
            pacing.runs_ahead = true;
        }
        self
    }

    /// The next step, or `None` when the walk has ended. Cancel-safe: a dropped future loses no key.
    ///
    /// # Errors
    /// After as many tries as the connection's options allow; the walk stands where it stood, and another call
    /// tries again. `CursorLoop` where the server's cursors go round in a circle.
    pub async fn next(&mut self) -> Result<Option<Step>> {
        loop {
            if self.limited {
                return Ok(None);
            }
            if let Some(page) = self.next_cut() {
                return Ok(Some(Step::Page(page)));
            }
            if self.walk.is_ended() && !matches!(self.stage, Stage::Ready(..)) {
                self.lease = None;
                self.permit = None;
                if !self.cut_sorted() {
                    return Ok(None);
                }
                continue;
            }
            match self.attempt().await {
                Ok(step) => {
                    self.backoff = self.node.backoff();
                    return Ok(Some(step));
                }
                Err(error) => {
                    self.lease = None;
                    self.node.forget_idle();
                    self.forget_call();
                    self.stage = Stage::Idle;
                    self.waited += self.backoff.pause(error).await?;
                }
            }
        }
    }

    /// Share of the walk that is done, 0 to 1; never goes back but at a restart.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.walk.share()
    }

    /// SCAN calls so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.walk.calls()
    }

    /// How often the walk began again.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.walk.restarts()
    }

    /// COUNT of the last call.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Whether the limit ended the walk.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.limited
    }

    /// Whether the whole walk is done.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.walk.is_ended() && self.cut.as_ref().is_none_or(|cut| cut.len() == 0)
    }

    /// Time spent waiting to try again.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// What was handed out before a restart counts no longer against the limit.
    pub(crate) fn forget_handed_out(&mut self, limit: Option<u64>) {
        self.options.limit = limit;
        self.handed_out = 0;
        self.held.forget();
    }

    async fn attempt(&mut self) -> Result<Step> {
        if !matches!(self.stage, Stage::Ready(..)) {
            if self.connect().await? {
                return Ok(Step::Restarted);
            }
            if self.options.strategy != Strategy::Scan {
                return self.keys().await.map(Step::Page);
            }
            self.scan().await?;
        }
        self.prefetch().await;
        match std::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::Ready(page, is_asked) => {
                if is_asked {
                    self.stage = Stage::Asked;
                }
                Ok(Step::Page(self.hand_out(page)))
            }
            Stage::Idle | Stage::Asked | Stage::Typing(_) => {
                Err(self.error(ErrorKind::Protocol, "no page came of a call"))
            }
        }
    }

    /// Makes sure of a connection. True where it leads to another process than before.
    async fn connect(&mut self) -> Result<bool> {
        if self.lease.is_some() {
            return Ok(false);
        }
        if self.permit.is_none() {
            self.permit = self.node.walk_permit().await;
        }
        let lease = self.node.lease().await?;
        let run_id = lease.run_id().cloned();
        // A server that does not say who it is can't be known to be the same.
        let is_same = run_id.is_some() && run_id == self.run_id;
        let goes_on = is_same || self.walk.is_at_start();
        if !goes_on && self.walk.restarts() >= limits::MAX_RESTARTS {
            // Nothing of this process is kept: asked again, it is still another one, and the old cursor stays unsent.
            return Err(self
                .error(
                    ErrorKind::Disconnected,
                    "another process answers again and again: the walk would never end",
                )
                .with_hint(
                    "does the server restart under this load, or do two servers share the address?",
                ));
        }
        self.lease = Some(lease);
        self.forget_call();
        self.stage = Stage::Idle;
        self.run_id = run_id;
        if goes_on {
            return Ok(false);
        }
        tracing::warn!(node = %self.node.name(), "another process answers: the walk begins again");
        self.walk.restart();
        self.held.restart();
        Ok(true)
    }

    /// A page is whole: the walk moves on, so that no failure from here on repeats or loses it.
    pub(super) fn ready(&mut self, keys: Vec<Key>, next: Bytes) -> Result<()> {
        if self.walk.advance(next.clone()).is_err() {
            return Err(self
                .error(
                    ErrorKind::CursorLoop,
                    "the server's cursors go round in a circle: the walk would never end",
                )
                .with_hint(
                    "is a proxy in between that alters SCAN? connect to the server itself",
                ));
        }
        let mark = (self.options.order == Order::AsFound).then(|| Mark {
            run_id: self.run_id.clone(),
            is_end: next == EDGE,
            cursor: next,
        });
        let page = self.select(keys, mark);
        self.stage = Stage::Ready(page, false);
        Ok(())
    }

    /// Excludes, attribution to patterns, duplicates: what is decided on our side.
    pub(super) fn select(&mut self, mut keys: Vec<Key>, mark: Option<Mark>) -> Page {
        let mut pattern_of = Vec::new();
        let many = self.options.patterns.len() > 1;
        keys.retain(|key| {
            let bytes = key.as_bytes();
            // Also for one pattern: a proxy that loses MATCH must not get other keys deleted.
            let first = self.options.patterns.iter().position(|p| p.matches(bytes));
            let Some(first) = first.and_then(|place| u8::try_from(place).ok()) else {
                return false;
            };
            let wanted = !self.options.exclude.iter().any(|p| p.matches(bytes))
                && self.held.admit(key, first);
            if wanted && many {
                pattern_of.push(first);
            }
            wanted
        });
        Page {
            keys,
            pattern_of,
            mark,
        }
    }

    /// The page as the caller gets it: cut where the limit ends it.
    fn hand_out(&mut self, mut page: Page) -> Page {
        if let Some(limit) = self.options.limit {
            let left = usize::try_from(limit.saturating_sub(self.handed_out)).unwrap_or(usize::MAX);
            if page.keys.len() >= left {
                self.limited = true;
                page.keys.truncate(left);
                page.pattern_of.truncate(left);
                page.mark = None;
            }
        }
        self.handed_out += page.keys.len() as u64;
        page
    }

    /// The walk has ended: what was held back can be cut into pages. False where there is nothing.
    fn cut_sorted(&mut self) -> bool {
        if self.cut.is_some() || !matches!(self.held, Held::All(_)) {
            return false;
        }
        self.cut = Some(
            std::mem::replace(&mut self.held, Held::Nothing)
                .into_sorted()
                .into_iter(),
        );
        true
    }

    fn next_cut(&mut self) -> Option<Page> {
        let cut = self.cut.as_mut()?;
        let (keys, pattern_of): (Vec<_>, Vec<_>) = cut.take(limits::PAGE_KEYS).unzip();
        if keys.is_empty() {
            return None;
        }
        Some(self.hand_out(Page {
            keys,
            pattern_of,
            mark: None,
        }))
    }

    fn error(&self, kind: ErrorKind, context: &str) -> Error {
        Error::new(kind, Retry::Never, "scan the keyspace", context).on_node(self.node.name())
    }
}

fn count_scope(options: &ScanOptions) {
    for pattern in &options.patterns {
        let scope = pattern.scope(limits::DEFAULT_SEPARATOR).as_str();
        metrics::counter!("keypace_scans_total", "scope" => scope).increment(1);
    }
}
