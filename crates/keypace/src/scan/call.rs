//! What a walk sends and reads: SCAN at the size and at the time that the pace gives, the questions for types, the call
//! ahead, KEYS. Moves no cursor and hands nothing out: `drive` does.

use std::future::Future;

use bytes::Bytes;

use super::cursor::EDGE;
use super::drive::{Candidates, Pages, Stage};
use super::keys_command;
use super::options::{CountChoice, Strategy};
use super::page::Page;
use super::reply::into_page;
use super::types::{self, TypeFilter};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::Key;
use crate::pace::QueryKind;
use crate::port::{Class, Paced, Reply, ServerCode, Turn, decimal};

/// Who says how large a page may be, and when.
pub(super) struct Pacing {
    pub(super) paced: Paced,
    /// No page is larger, whatever the pace allows.
    pub(super) most: u32,
    /// The next call may be on its way while a page is worked on, also under a budget. Who hands pages to a caller
    /// can't know when that caller asks again, and would keep the right to send meanwhile.
    pub(super) runs_ahead: bool,
    /// A call that ran ahead was over before anybody looked: the next one doesn't run ahead, so that it is watched.
    pub(super) was_missed: bool,
    /// The right by which the call that is on its way was sent.
    pub(super) turn: Option<Turn>,
    /// Its reply, where it was waited for before anybody wanted the page.
    pub(super) landed: Option<Result<Reply>>,
}

impl Pages {
    /// One page by SCAN, until it is `Ready`.
    pub(super) async fn scan(&mut self) -> Result<()> {
        while matches!(self.stage, Stage::Idle | Stage::Asked) {
            if matches!(self.stage, Stage::Idle) {
                let turn = turn(self.paced_handle(), self.kind()).await;
                self.ask(turn).await?;
                self.stage = Stage::Asked;
            }
            self.land().await;
            let page = self.read_page().await?;
            let Some((next, keys)) = page else {
                continue;
            };
            if self.filter == TypeFilter::Ask && !keys.is_empty() {
                self.stage = Stage::Typing(Candidates {
                    wanted: Vec::with_capacity(keys.len()),
                    keys,
                    asked: 0,
                    next,
                });
            } else {
                return self.ready(keys, next);
            }
        }
        self.find_types().await
    }

    /// Waits for the call that is on its way, and gives its right to send back. Cancel-safe.
    pub(crate) async fn land(&mut self) {
        let (Some(pacing), Some(lease)) = (&mut self.pacing, &mut self.lease) else {
            return;
        };
        let Some(mut turn) = pacing.turn.take() else {
            return;
        };
        let reply = match lease.reply_now() {
            Some(reply) => {
                turn.was_not_watched();
                pacing.was_missed = true;
                reply
            }
            None => pacing.paced.beside(lease.reply()).await,
        };
        // A refusal is answered at once, and shows no price.
        if matches!(&reply, Ok(reply) if !matches!(reply, Reply::Error(_))) {
            turn.done(self.count);
        }
        pacing.landed = Some(reply);
    }

    /// Gives the right to send back without waiting: nobody asks for the page any more.
    pub(crate) fn let_go(&mut self) {
        if let Some(pacing) = &mut self.pacing {
            pacing.turn = None;
        }
    }

    /// What was on its way is lost with its connection.
    pub(super) fn forget_call(&mut self) {
        self.let_go();
        if let Some(pacing) = &mut self.pacing {
            pacing.landed = None;
        }
    }

    fn kind(&self) -> QueryKind {
        if self.matching.is_some() || self.filter == TypeFilter::Server {
            QueryKind::ScanFilter
        } else {
            QueryKind::Scan
        }
    }

    fn paced_handle(&self) -> Option<Paced> {
        self.pacing.as_ref().map(|pacing| pacing.paced.clone())
    }

    /// Sends SCAN with the walk's cursor.
    async fn ask(&mut self, turn: Option<Turn>) -> Result<()> {
        if let (Some(mut turn), Some(pacing)) = (turn, &mut self.pacing) {
            if self.options.count == CountChoice::Auto {
                self.count = turn.units().min(pacing.most);
            }
            pacing.paced.scanning(self.count);
            turn.begin();
            pacing.turn = Some(turn);
        }
        let count = self.count;
        let lease = self.lease.as_mut().ok_or_else(no_connection)?;
        let mut digits = [0; 20];
        let mut args: [&[u8]; 8] = [&[]; 8];
        let mut used = 0;
        let mut push = |arg| {
            args[used] = arg;
            used += 1;
        };
        push(b"SCAN");
        push(self.walk.cursor());
        if let Some(pattern) = &self.matching {
            push(b"MATCH");
            push(pattern.as_bytes());
        }
        push(b"COUNT");
        push(decimal(u64::from(count), &mut digits));
        if self.filter == TypeFilter::Server {
            push(b"TYPE");
            push(self.options.types[0].as_bytes());
        }
        lease.queue("SCAN", Class::Read, args[..used].iter());
        lease.flush().await
    }

    /// Reads a page. `None` where the server doesn't know TYPE, and the question has to be put otherwise.
    async fn read_page(&mut self) -> Result<Option<(Bytes, Vec<Key>)>> {
        let landed = self.pacing.as_mut().and_then(|pacing| pacing.landed.take());
        let lease = self.lease.as_mut().ok_or_else(no_connection)?;
        let reply = match (landed, &self.pacing) {
            (Some(reply), _) => reply?,
            (None, Some(pacing)) => pacing.paced.beside(lease.reply()).await?,
            (None, None) => lease.reply().await?,
        };
        if let Reply::Error(text) = &reply {
            if self.filter == TypeFilter::Server && ServerCode::of(text) == ServerCode::Syntax {
                self.filter = TypeFilter::Ask;
                self.stage = Stage::Idle;
                if self.pacing.is_none() {
                    self.count = self.options.count_for(true);
                }
                return Ok(None);
            }
            return Err(lease.refused("SCAN", text).during("scan the keyspace"));
        }
        let (next, keys) = into_page(reply, lease)?;
        Ok(Some((next, keys)))
    }

    /// Asks for the types of a page's keys, as many at once as the pace allows.
    async fn find_types(&mut self) -> Result<()> {
        let mut turn = None;
        while let Stage::Typing(page) = &mut self.stage {
            if page.wanted.len() == page.keys.len() {
                let mut wanted = std::mem::take(&mut page.wanted).into_iter();
                let mut keys = std::mem::take(&mut page.keys);
                let next = page.next.clone();
                keys.retain(|_| wanted.next().unwrap_or(false));
                return self.ready(keys, next);
            }
            if page.wanted.len() < page.asked {
                let lease = self.lease.as_mut().ok_or_else(no_connection)?;
                let paced = self.pacing.as_ref().map(|pacing| &pacing.paced);
                let answer = types::answer(lease, &self.options.types);
                page.wanted.push(beside(paced, answer).await?);
                if page.wanted.len() == page.asked
                    && let Some((turn, units)) = turn.take()
                {
                    Turn::done(turn, units);
                }
                continue;
            }
            let granted = self::turn(self.paced_handle(), QueryKind::Type).await;
            turn = self.ask_types(granted).await?;
        }
        Ok(())
    }

    /// Sends the next questions; gives the turn back with their number.
    async fn ask_types(&mut self, turn: Option<Turn>) -> Result<Option<(Turn, u32)>> {
        let (Stage::Typing(page), Some(lease)) = (&mut self.stage, self.lease.as_mut()) else {
            return Ok(None);
        };
        let granted = turn
            .as_ref()
            .map_or(usize::MAX, |turn| turn.units() as usize);
        let past = page.keys.len().min(page.asked.saturating_add(granted));
        for key in &page.keys[page.asked..past] {
            types::ask(lease, key.as_bytes());
        }
        let units = u32::try_from(past - page.asked).unwrap_or(u32::MAX);
        page.asked = past;
        lease.flush().await?;
        Ok(turn.map(|turn| (turn, units)))
    }

    /// The next call is on its way while the page in hand is worked on. A failure shows when its reply is read.
    pub(super) async fn prefetch(&mut self) {
        let is_enough = match (&self.stage, self.options.limit) {
            (Stage::Ready(page, _), Some(limit)) => {
                self.handed_out + page.keys.len() as u64 >= limit
            }
            _ => false,
        };
        let waits = self.pacing.as_mut().is_some_and(|pacing| {
            let was_missed = std::mem::take(&mut pacing.was_missed);
            pacing.paced.is_bounded() && (was_missed || !pacing.runs_ahead)
        });
        let is_scan = self.options.strategy == Strategy::Scan;
        if self.walk.is_ended() || is_enough || waits || !is_scan {
            return;
        }
        if matches!(self.stage, Stage::Ready(_, false)) {
            let turn = turn(self.paced_handle(), self.kind()).await;
            if let Stage::Ready(_, is_asked) = &mut self.stage {
                *is_asked = true;
            }
            if let Err(error) = self.ask(turn).await {
                tracing::debug!(%error, "the call ahead could not be sent");
            }
        }
    }

    pub(super) async fn keys(&mut self) -> Result<Page> {
        let lease = self.lease.as_mut().ok_or_else(no_connection)?;
        let keys = keys_command::keys(lease, &self.options, self.matching.as_ref()).await?;
        self.select(keys, None);
        let _ = self.walk.advance(Bytes::from_static(EDGE));
        self.stage = Stage::Idle;
        Ok(Page {
            keys: Vec::new(),
            pattern_of: Vec::new(),
            mark: None,
        })
    }
}

/// The right to send, where a pace gives it.
async fn turn(paced: Option<Paced>, kind: QueryKind) -> Option<Turn> {
    match paced {
        Some(paced) => Some(paced.turn(kind).await),
        None => None,
    }
}

/// Waits for a reply, and looks after the canary of a pace meanwhile.
async fn beside<F: Future>(paced: Option<&Paced>, work: F) -> F::Output {
    match paced {
        Some(paced) => paced.beside(work).await,
        None => work.await,
    }
}

fn no_connection() -> Error {
    Error::new(
        ErrorKind::Disconnected,
        Retry::Reconnect,
        "scan the keyspace",
        "there is no connection",
    )
}
