//! Pages of an owner's records: one read of the index, one bulk read, and where members are dead and the page is short, both
//! once more and no further.

use bytes::Bytes;
use tokio::time::Instant;

use super::answers::{self, Answer, Member, PageSaid};
use super::calls;
use super::cursor::Cursor;
use super::metrics::Counters;
use super::names::{Names, RecordId};
use super::owner::Owner;
use super::page::{Expiry, IndexSize, PageRequest, Place, RecordIds, RecordPage, Stored};
use super::reads::{Found, NO_HEADER, Read};
use super::shelf::Shelf;
use crate::error::{Error, Result};
use crate::key::Pattern;
use crate::limits::records as limits;
use crate::port::Reply;

const OPERATION: &str = "list the owner's records";

/// A page as it grows.
struct Growing {
    size: usize,
    /// Records, and in their places those that can't be read.
    rows: Vec<Row>,
    total: u64,
    /// Members whose record is gone, and which are to be dropped.
    gone: Vec<RecordId>,
    /// Behind the last member that was looked at.
    looked_at: Option<Cursor>,
    /// Whether the index has members behind that.
    has_more: bool,
}

struct Row {
    place: Cursor,
    record: Option<Stored<Bytes>>,
}

/// What a look at the index and the records came to.
enum Look {
    Taken,
    Sealed(u32),
}

impl Shelf {
    /// A page of an owner's records, newest first. Two round trips, whatever the size of the keyspace: the index, and one bulk
    /// read. Members whose record is gone are dropped, which is one call more; where the page is short for them, it is two
    /// more, and no further: then a page may be shorter than asked for and still have a `next`. Cancel-safe.
    ///
    /// # Errors
    /// Any that one command can give.
    pub async fn list(&self, owner: &Owner, request: &PageRequest) -> Result<RecordPage<Bytes>> {
        let begun = Instant::now();
        let mut berth = self.berth(owner, None).await?;
        let page = loop {
            let mut growing = Growing::new(request.size);
            match self
                .grow(owner, &berth.names, request, &mut growing)
                .await?
            {
                Look::Taken => break growing.finish(),
                Look::Sealed(version) => berth = self.moved(owner, None, &berth, version).await?,
            }
        };
        self.note_undecodable(page.undecodable, NO_HEADER);
        self.counters().listed(begun.elapsed(), page.total);
        Ok(page)
    }

    async fn grow(
        &self,
        owner: &Owner,
        names: &Names,
        request: &PageRequest,
        growing: &mut Growing,
    ) -> Result<Look> {
        let reply = self
            .router()
            .call(growing.call(names, &request.place))
            .await;
        let reply = reply.map_err(|error| error.during(OPERATION))?;
        if let Look::Sealed(version) = self.take(owner, names, &reply, growing).await? {
            return Ok(Look::Sealed(version));
        }
        if let Some(place) = growing.wants_more() {
            Counters::add(&self.counters().refilled, 1);
            let mut volley = vec![growing.call(names, &place)];
            if !growing.gone.is_empty() {
                volley.insert(0, calls::prune(names, &growing.gone));
            }
            let replies = self.router().volley(volley).await;
            let mut replies = replies.map_err(|error| error.during(OPERATION))?;
            let reply = replies.pop().ok_or_else(|| self.unexpected(owner))?;
            if let Some(pruned) = replies.pop() {
                self.note_pruned(&pruned, growing);
            }
            if let Look::Sealed(version) = self.take(owner, names, &reply, growing).await? {
                return Ok(Look::Sealed(version));
            }
        }
        if !growing.gone.is_empty() {
            // The page is right without it: a server that takes no writes at the moment is listed all the same.
            match self.router().call(calls::prune(names, &growing.gone)).await {
                Ok(reply) => self.note_pruned(&reply, growing),
                Err(error) => tracing::debug!(%error, "dead members stay in the index for now"),
            }
        }
        Ok(Look::Taken)
    }

    /// Takes a page of the index, and reads its records.
    async fn take(
        &self,
        owner: &Owner,
        names: &Names,
        reply: &Reply,
        growing: &mut Growing,
    ) -> Result<Look> {
        let said = match answers::page(reply).ok_or_else(|| self.no_page(owner, reply))? {
            Answer::Given(said) => said,
            Answer::Sealed(version) => return Ok(Look::Sealed(version)),
        };
        growing.note(&said);
        let is_live = |member: &Member| member.expiry.is_none_or(|at| at >= said.now_ms as f64);
        let members: Vec<Member> = said.members.into_iter().filter(is_live).collect();
        if members.is_empty() {
            return Ok(Look::Taken);
        }
        let ids: Vec<RecordId> = members.iter().map(|member| member.id.clone()).collect();
        match self.read_at(names, &ids).await? {
            Read::Sealed(version) => Ok(Look::Sealed(version)),
            Read::Found(found) => {
                growing.add(members, found);
                Ok(Look::Taken)
            }
        }
    }

    fn note_pruned(&self, reply: &Reply, growing: &mut Growing) {
        growing.gone.clear();
        if let Some(Answer::Given(pruned)) = answers::number(reply) {
            Counters::add(&self.counters().pruned, pruned);
        }
    }

    /// How many live records the owner has, as the index says. One round trip. Cancel-safe.
    ///
    /// # Errors
    /// Any that one command can give.
    pub async fn count(&self, owner: &Owner) -> Result<u64> {
        let call = |names: &Names| Ok(calls::page(names, &Place::Rank(0), 0));
        let operation = "count the owner's records";
        Ok(self
            .ask(owner, None, operation, call, answers::page)
            .await?
            .total)
    }

    /// How many members the owner's two indexes have, dead ones too. One round trip. Cancel-safe.
    ///
    /// # Errors
    /// Any that one command can give.
    pub async fn index_size(&self, owner: &Owner) -> Result<IndexSize> {
        let operation = "size the owner's index";
        let mut berth = self.berth(owner, None).await?;
        loop {
            let names = &berth.names;
            // The seal is read behind them: while it is not there, they have told the truth.
            let [created, expiring] =
                [names.by_created(), names.by_expiry()].map(|key| calls::size(names, &key));
            let volley = vec![created, expiring, calls::read_seal(names)];
            let replies = self.router().volley(volley).await;
            let mut replies = replies.map_err(|error| error.during(operation))?;
            if let Some(Reply::Bulk(seal)) = replies.pop() {
                let version = answers::seal(&seal).version();
                berth = self.moved(owner, None, &berth, version).await?;
                continue;
            }
            let [Reply::Int(by_created), Reply::Int(by_expiry)] = replies.as_slice() else {
                return Err(self.no_page(owner, replies.first().unwrap_or(&Reply::Null)));
            };
            let number = |number: &i64| u64::try_from(*number).unwrap_or(0);
            return Ok(IndexSize {
                by_created: number(by_created),
                by_expiry: number(by_expiry),
            });
        }
    }

    /// The ids of an owner's records that a pattern matches, newest first: 10,000 at most, and it says where there are more.
    /// Goes through the whole index of the owner, 500 members at a time. Cancel-safe.
    ///
    /// # Errors
    /// Any that one command can give.
    pub async fn keys(&self, owner: &Owner, pattern: &Pattern) -> Result<RecordIds> {
        let operation = "list the owner's ids";
        Counters::add(&self.counters().key_walks, 1);
        let mut ids = Vec::new();
        let mut place = Place::Rank(0);
        loop {
            let size = limits::BATCH_RECORDS as u32;
            let call = |names: &Names| Ok(calls::page(names, &place, size));
            let said = self
                .ask(owner, None, operation, call, answers::page)
                .await?;
            let next = said.last();
            let has_more = said.behind > 0;
            let members = said.members.into_iter().map(|member| member.id);
            let matched = members.filter(|id| pattern.matches(id.as_str().as_bytes()));
            let matched: Vec<RecordId> = matched.collect();
            // A member may outlive its record where something else has deleted that.
            let found = self.there(owner, &matched, operation).await?;
            let there = matched.into_iter().zip(found);
            ids.extend(there.filter(|(_, is_there)| *is_there).map(|(id, _)| id));
            let truncated = ids.len() > limits::MAX_KEYS;
            ids.truncate(limits::MAX_KEYS);
            match next {
                Some(next) if has_more && !truncated => place = Place::Behind(next),
                _ => return Ok(RecordIds { ids, truncated }),
            }
        }
    }

    async fn there(
        &self,
        owner: &Owner,
        ids: &[RecordId],
        operation: &'static str,
    ) -> Result<Vec<bool>> {
        let mut berth = self.berth(owner, None).await?;
        loop {
            let names = &berth.names;
            let mut calls: Vec<_> = ids.iter().map(|id| calls::exists(names, id)).collect();
            // Behind them: while it is not there, they have told the truth.
            calls.push(calls::read_seal(names));
            let replies = self.router().volley(calls).await;
            let mut replies = replies.map_err(|error| error.during(operation))?;
            if let Some(Reply::Bulk(seal)) = replies.pop() {
                let version = answers::seal(&seal).version();
                berth = self.moved(owner, None, &berth, version).await?;
                continue;
            }
            let found = replies.iter().map(|reply| *reply == Reply::Int(1));
            return Ok(found.collect());
        }
    }

    /// What a script says of a key of another type stands in a volley's reply.
    fn no_page(&self, owner: &Owner, reply: &Reply) -> Error {
        match reply {
            Reply::Error(text) => {
                let slot = self.first_names(owner).slot();
                self.router()
                    .refused(slot, "EVALSHA", text)
                    .during(OPERATION)
            }
            _ => self.unexpected(owner),
        }
    }
}

impl Growing {
    fn new(size: u32) -> Self {
        Self {
            size: size as usize,
            rows: Vec::new(),
            total: 0,
            gone: Vec::new(),
            looked_at: None,
            has_more: false,
        }
    }

    /// Asks for what is missing, and a few more.
    fn call(&self, names: &Names, place: &Place) -> crate::port::Call {
        let missing = u32::try_from(self.size - self.rows.len()).unwrap_or(limits::MAX_PAGE);
        calls::page(names, place, missing + limits::SPARE)
    }

    fn note(&mut self, said: &PageSaid) {
        self.total = said.total;
        self.has_more = said.behind > 0;
        self.looked_at = said.last().or(self.looked_at.take());
    }

    fn add(&mut self, members: Vec<Member>, found: Vec<Found>) {
        for (member, found) in members.into_iter().zip(found) {
            let record = match found {
                Found::Record(mut stored) => {
                    stored.expiry = expiry(&member);
                    Some(stored)
                }
                Found::Strange => None,
                Found::Nothing => {
                    // It is counted among the live ones, if it is in the index that they are counted by.
                    self.total = self
                        .total
                        .saturating_sub(u64::from(member.expiry.is_some()));
                    if self.gone.len() < limits::PRUNED_BY_PAGE {
                        self.gone.push(member.id);
                    }
                    continue;
                }
            };
            let place = Cursor::behind(member.score, member.id);
            self.rows.push(Row { place, record });
        }
    }

    /// Where to look once more, if the page is short and that would help.
    fn wants_more(&self) -> Option<Place> {
        let is_short = self.rows.len() < self.size && self.has_more;
        let place = self.looked_at.clone().filter(|_| is_short)?;
        Some(Place::Behind(place))
    }

    fn finish(mut self) -> RecordPage<Bytes> {
        let next = if self.rows.len() > self.size {
            self.rows.truncate(self.size);
            self.rows.last().map(|row| row.place.clone())
        } else if self.has_more {
            self.looked_at
        } else {
            None
        };
        let rows = self.rows.len();
        let records: Vec<_> = self.rows.into_iter().filter_map(|row| row.record).collect();
        RecordPage {
            undecodable: (rows - records.len()) as u64,
            records,
            total: self.total,
            next,
        }
    }
}

impl PageSaid {
    fn last(&self) -> Option<Cursor> {
        let last = self.members.last()?;
        Some(Cursor::behind(last.score, last.id.clone()))
    }
}

fn expiry(member: &Member) -> Expiry {
    match member.expiry {
        Some(at) if at.is_finite() => Expiry::At(at as i64),
        Some(_) => Expiry::Never,
        None => Expiry::Unasked,
    }
}
