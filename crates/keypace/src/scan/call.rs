//! What a walker sends and reads: SCAN at the size and at the time that the pace gives, the questions for types, and a look
//! at which kind of table the node has. Moves no cursor and hands nothing out: `drive` does.

use std::future::Future;

use bytes::Bytes;

use super::cursor::EDGE;
use super::estimate::{Evidence, Kind, SlotsSeen, number};
use super::reply::into_page;
use super::types::{self, TypeFilter};
use super::walker::{Candidates, Raw, Stage, Walker, no_connection};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::Key;
use crate::limits;
use crate::pace::QueryKind;
use crate::port::{Class, Lease, Paced, Reply, ServerCode, Turn, decimal, label};

/// Who says how large a page may be, and when.
pub(super) struct Pacing {
    pub(super) paced: Paced,
    /// No page is larger, whatever the pace allows.
    pub(super) most: u32,
    /// The next call may be on its way while a page is worked on, also under a budget. Who hands pages to a caller
    /// can't know when that caller asks again, and would keep the right to send meanwhile.
    pub(super) runs_ahead: bool,
    /// A call that ran ahead was over before anybody looked: the next one doesn't run ahead, so that it is watched.
    was_missed: bool,
    /// The right by which the call that is on its way was sent.
    turn: Option<Turn>,
    /// Its reply, where it was waited for before anybody wanted the page.
    landed: Option<Result<Reply>>,
}

impl Pacing {
    pub(super) fn new(paced: Paced, most: u32) -> Self {
        Self {
            paced,
            most,
            runs_ahead: false,
            was_missed: false,
            turn: None,
            landed: None,
        }
    }
}

impl Walker {
    /// One page by SCAN.
    pub(super) async fn scan(&mut self) -> Result<Raw> {
        while matches!(self.stage, Stage::Idle | Stage::Asked) {
            if matches!(self.stage, Stage::Idle) {
                let turn = self.turn().await;
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
                self.stage = Stage::Idle;
                return Ok(Raw { keys, next });
            }
        }
        self.find_types().await
    }

    /// Which kind of table the node has, as far as the first keys of all show it. `None` where they don't.
    pub(super) async fn learn_kind(&mut self) -> Result<Option<Kind>> {
        let mut evidence = Evidence::default();
        let mut cursor = Bytes::from_static(EDGE);
        for _ in 0..limits::KIND_PAGES {
            let turn = self.turn_for(QueryKind::Scan).await;
            // Out of the walker's hands: dropped meanwhile, the reply that is owed goes with its connection.
            let mut lease = self.lease.take().ok_or_else(no_connection)?;
            let (keys, next) = first_keys(&mut lease, turn, &cursor).await?;
            self.lease = Some(lease);
            let (Some(from), Some(to)) = (number(&cursor), number(&next)) else {
                return Ok(None);
            };
            evidence.see(from, to, &SlotsSeen::of(&keys));
            if evidence.kind().is_some() || next == EDGE {
                break;
            }
            cursor = next;
        }
        Ok(evidence.kind())
    }

    /// Waits for the call that is on its way, and gives its right to send back. Cancel-safe.
    pub(super) async fn land(&mut self) {
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
    pub(super) fn let_go(&mut self) {
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
        if self.query.matching.is_some() || self.filter == TypeFilter::Server {
            QueryKind::ScanFilter
        } else {
            QueryKind::Scan
        }
    }

    /// The right to send, where a pace gives it. Cancel-safe. Borrows nothing: a walker's connection can't be shared.
    pub(super) fn turn(&self) -> impl Future<Output = Option<Turn>> + use<> {
        self.turn_for(self.kind())
    }

    fn turn_for(&self, kind: QueryKind) -> impl Future<Output = Option<Turn>> + use<> {
        let paced = self.pacing.as_ref().map(|pacing| pacing.paced.clone());
        async move {
            match paced {
                Some(paced) => Some(paced.turn(kind).await),
                None => None,
            }
        }
    }

    /// Whether the pace has a reason not to send ahead.
    pub(super) fn has_to_wait(&mut self) -> bool {
        self.pacing.as_mut().is_some_and(|pacing| {
            let was_missed = std::mem::take(&mut pacing.was_missed);
            pacing.paced.is_bounded() && (was_missed || !pacing.runs_ahead)
        })
    }

    /// Sends SCAN with the walker's cursor.
    pub(super) async fn ask(&mut self, turn: Option<Turn>) -> Result<()> {
        let granted = match (&turn, &self.pacing) {
            (Some(turn), Some(pacing)) => Some(turn.units().min(pacing.most)),
            _ => None,
        };
        self.choose_count(granted);
        if let (Some(mut turn), Some(pacing)) = (turn, &mut self.pacing) {
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
        push(&self.cursor);
        if let Some(pattern) = &self.query.matching {
            push(b"MATCH");
            push(pattern.as_bytes());
        }
        push(b"COUNT");
        push(decimal(u64::from(count), &mut digits));
        if self.filter == TypeFilter::Server {
            push(b"TYPE");
            push(self.query.options.types[0].as_bytes());
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
                return Ok(None);
            }
            if ServerCode::of(text) == ServerCode::UnknownCommand {
                return Err(without_scan(lease).await);
            }
            return Err(lease.refused("SCAN", text).during("scan the keyspace"));
        }
        let (next, keys) = into_page(reply, lease)?;
        Ok(Some((next, keys)))
    }

    /// Asks for the types of a page's keys, as many at once as the pace allows.
    pub(super) async fn find_types(&mut self) -> Result<Raw> {
        let mut turn = None;
        loop {
            let Stage::Typing(page) = &mut self.stage else {
                return Err(no_connection());
            };
            if page.wanted.len() == page.keys.len() {
                let mut wanted = std::mem::take(&mut page.wanted).into_iter();
                let mut keys = std::mem::take(&mut page.keys);
                let next = std::mem::take(&mut page.next);
                keys.retain(|_| wanted.next().unwrap_or(false));
                self.stage = Stage::Idle;
                return Ok(Raw { keys, next });
            }
            if page.wanted.len() < page.asked {
                let lease = self.lease.as_mut().ok_or_else(no_connection)?;
                let paced = self.pacing.as_ref().map(|pacing| &pacing.paced);
                let answer = types::answer(lease, &self.query.options.types);
                let is_wanted = match beside(paced, answer).await {
                    Ok(is_wanted) => is_wanted,
                    Err(error) => {
                        let key = &page.keys[page.wanted.len()];
                        let names = self.names.as_mut();
                        if !names.is_some_and(|names| names.is_elsewhere(&error, key)) {
                            return Err(error);
                        }
                        false
                    }
                };
                page.wanted.push(is_wanted);
                if page.wanted.len() == page.asked
                    && let Some((turn, units)) = turn.take()
                {
                    Turn::done(turn, units);
                }
                continue;
            }
            let granted = self.turn_for(QueryKind::Ask).await;
            turn = self.ask_types(granted).await?;
        }
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
}

/// A page of any keys, of a walk of its own.
async fn first_keys(
    lease: &mut Lease,
    turn: Option<Turn>,
    cursor: &[u8],
) -> Result<(Vec<Key>, Bytes)> {
    let count = turn.as_ref().map_or(limits::COUNT_AUTO, |turn| {
        turn.units().min(limits::COUNT_AUTO)
    });
    let mut digits = [0; 20];
    let args: [&[u8]; 4] = [
        b"SCAN",
        cursor,
        b"COUNT",
        decimal(u64::from(count), &mut digits),
    ];
    let reply = lease.call("SCAN", Class::Read, args.iter()).await?;
    if let Some(turn) = turn {
        turn.done(count);
    }
    let (next, keys) = into_page(reply, lease)?;
    Ok((keys, next))
}

/// Waits for a reply, and looks after the canary of a pace meanwhile.
async fn beside<F: Future>(paced: Option<&Paced>, work: F) -> F::Output {
    match paced {
        Some(paced) => paced.beside(work).await,
        None => work.await,
    }
}

/// Who has no SCAN, and what there is instead.
async fn without_scan(lease: &mut Lease) -> Error {
    let server = label(lease).await;
    let server = server.unwrap_or_else(|_| "this server".to_owned());
    Error::new(
        ErrorKind::UnknownCommand,
        Retry::Never,
        "scan the keyspace",
        format!("{server} doesn't know SCAN, which Redis has since 2.8"),
    )
    .on_node(lease.node())
    .with_hint(
        "walk with a server from 2.8 on, such as a replica of this one; or accept --use-keys (use_scan = false), which \
         blocks every client while KEYS runs",
    )
}
