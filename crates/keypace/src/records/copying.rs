//! Copies one bounded batch of an owner's records from former names to new ones, and drops it there. The former names are
//! sealed meanwhile, so that nothing changes under them but by time.

use std::time::Duration;

use bytes::Bytes;

use super::answers::{self, Answer, KeyExpiry};
use super::calls::{self, Mode, Put, Trace};
use super::findings::Fault;
use super::ground::wrong;
use super::header::Header;
use super::moving::{Mover, refused};
use super::names::{Names, RecordId};
use super::page::{Lifetime, Version};
use crate::error::{ErrorKind, Result};
use crate::key::Key;
use crate::limits::index as limits;
use crate::limits::records::TOMBSTONE_TTL;
use crate::pace::QueryKind;
use crate::port::{Call, Reply};

/// What stands at a record's former key.
enum Former {
    Nothing,
    Record {
        header: Header,
        body: Bytes,
        expires_ms: Option<i64>,
    },
    Foreign(&'static str),
}

impl Mover {
    /// Moves what an index names. Says false where that is no index, and its owner stays closed.
    pub(super) async fn drain(&mut self, old: &Names, new: &Names, index: &Bytes) -> Result<bool> {
        loop {
            let call = calls::some_members(old, index, limits::MOVE_RECORDS);
            let call = call.with_pace(QueryKind::Ask, 1);
            let mut replies = self.ground.volley(vec![call]).await?;
            let members = match replies.pop() {
                Some(Reply::Error(text)) => {
                    self.fault(index.clone(), String::from_utf8_lossy(&text).into_owned());
                    return Ok(false);
                }
                Some(reply) => {
                    answers::raw_members(&reply).ok_or_else(|| wrong(&reply, "ZRANGE"))?
                }
                None => return Err(wrong(&Reply::Null, "ZRANGE")),
            };
            if members.is_empty() {
                return Ok(true);
            }
            let ids: Vec<RecordId> =
                (members.iter().filter_map(|id| RecordId::parse(id))).collect();
            self.transfer(old, new, &ids, members).await?;
        }
    }

    /// Copies records, and drops them and their members where they were. What can't be copied stays, and is no member.
    pub(super) async fn transfer(
        &mut self,
        old: &Names,
        new: &Names,
        ids: &[RecordId],
        members: Vec<Bytes>,
    ) -> Result<()> {
        self.hold().await?;
        let former = self.read(old, ids).await?;
        let (mut puts, mut copied) = (Vec::new(), Vec::new());
        for (id, former) in ids.iter().zip(former) {
            match former {
                Former::Nothing => {}
                Former::Foreign(what) => self.fault(old.record(id), what.to_owned()),
                Former::Record {
                    header,
                    body,
                    expires_ms,
                } => match import(header, body, expires_ms).call_paced(new, id) {
                    Ok(put) => {
                        puts.push(put);
                        copied.push(old.record(id));
                    }
                    Err(error) => self.fault(old.record(id), error.to_string()),
                },
            }
        }
        let replies = self.ground.volley(puts).await?;
        let mut gone = Vec::with_capacity(copied.len());
        for (key, reply) in copied.into_iter().zip(&replies) {
            match answers::put(reply) {
                // Written, or something newer is there, or its time was over.
                Some(Answer::Given(_)) => gone.push(key),
                Some(Answer::Sealed(_)) => {
                    let context = "the new names of an owner are sealed";
                    let hint =
                        "look at `rekeying_from` in meta, and whether another run is under way";
                    return Err(refused(context, hint.to_owned()));
                }
                None => match reply {
                    Reply::Error(text) => {
                        let text = String::from_utf8_lossy(text).into_owned();
                        self.fault(key, text);
                    }
                    _ => return Err(wrong(reply, "EVALSHA")),
                },
            }
        }
        self.moved += gone.len() as u64;
        self.drop_all(old, gone, members).await
    }

    /// Deletions that are remembered are remembered there too, for as long or a little longer.
    pub(super) async fn bury(&mut self, old: &Names, new: &Names, ids: &[RecordId]) -> Result<()> {
        self.hold().await?;
        let calls = ids.iter().flat_map(|id| calls::read_tombstone(old, id));
        let calls = calls.map(|call| call.with_pace(QueryKind::Ask, 1));
        let replies = self.ground.volley(calls.collect()).await?;
        let (mut buries, mut gone) = (Vec::new(), Vec::new());
        for (id, pair) in ids.iter().zip(replies.chunks_exact(2)) {
            let [Reply::Bulk(version), Reply::Int(left)] = pair else {
                continue;
            };
            gone.push(old.tombstone(id));
            let version = std::str::from_utf8(version)
                .ok()
                .and_then(|text| text.parse().ok());
            if let Some(version) = version.and_then(Version::read) {
                // The second is for a tombstone whose id has a newer record.
                let ttl = Duration::from_millis(u64::try_from(*left).unwrap_or(0));
                let ttl = ttl.max(TOMBSTONE_TTL);
                buries.push(calls::bury(new, id, version, ttl).with_pace(QueryKind::Write, 1));
                let kept = calls::keep_tombstone(new, id, version, (*left).max(1));
                buries.push(kept.with_pace(QueryKind::Write, 1));
            }
        }
        for reply in self.ground.volley(buries).await? {
            if let Reply::Error(_) = reply {
                return Err(wrong(&reply, "EVALSHA"));
            }
        }
        self.drop_all(old, gone, Vec::new()).await
    }

    async fn read(&self, old: &Names, ids: &[RecordId]) -> Result<Vec<Former>> {
        let most = u32::try_from(limits::BODY_BYTES).unwrap_or(u32::MAX);
        let calls = ids.iter().map(|id| calls::check(old, id, Some(most)));
        let calls = calls.map(|call| call.with_pace(QueryKind::Check, 1));
        let replies = self.ground.volley(calls.collect()).await?;
        let mut formers = Vec::with_capacity(ids.len());
        for (id, reply) in ids.iter().zip(replies) {
            let former = former(&reply)?;
            let is_cut =
                matches!(&former, Former::Record { body, .. } if body.len() >= limits::BODY_BYTES);
            formers.push(match is_cut {
                // All of the long ones together would take too much memory.
                true => {
                    let call = calls::check(old, id, None).with_pace(QueryKind::Read, most / 1024);
                    let replies = self.ground.volley(vec![call]).await?;
                    self::former(replies.first().unwrap_or(&Reply::Null))?
                }
                false => former,
            });
        }
        Ok(formers)
    }

    async fn drop_all(&mut self, old: &Names, keys: Vec<Bytes>, members: Vec<Bytes>) -> Result<()> {
        if keys.is_empty() && members.is_empty() {
            return Ok(());
        }
        let units = u32::try_from(keys.len().max(1)).unwrap_or(u32::MAX);
        let call = calls::drop_copied(old, self.leg.to, keys, members);
        let mut replies = (self.ground)
            .volley(vec![call.with_pace(QueryKind::Check, units)])
            .await?;
        let reply = replies.pop().unwrap_or(Reply::Null);
        match answers::number(&reply) {
            Some(Answer::Given(dropped)) => {
                self.found += dropped;
                Ok(())
            }
            _ if answers::word(&reply) == Some(b"lost") => {
                let context = "somebody else has changed the seal of an owner";
                Err(refused(
                    context,
                    "look whether another run is under way".to_owned(),
                ))
            }
            _ => Err(wrong(&reply, "EVALSHA")),
        }
    }

    fn fault(&mut self, key: Bytes, text: String) {
        let key = Key::new(key);
        if self.at_fault.len() < limits::REMEMBERED_FINDINGS && self.at_fault.insert(key.clone()) {
            self.faults.push(Fault {
                kind: ErrorKind::WrongType,
                text,
                key: Some(key),
            });
        }
    }
}

/// As it is, under other names.
fn import(header: Header, body: Bytes, expires_ms: Option<i64>) -> Put {
    Put {
        mode: Mode::Import(header.version),
        body,
        lifetime: Lifetime::Forever,
        created_ms: Some(header.created_ms),
        updated_ms: Some(header.updated_ms),
        expires_ms,
    }
}

impl Put {
    fn call_paced(self, names: &Names, id: &RecordId) -> Result<Call> {
        let kib = u32::try_from(self.body.len() / 1024 + 1).unwrap_or(u32::MAX);
        let call = self.call(names, id, Trace::None)?;
        Ok(call.with_pace(QueryKind::Write, kib))
    }
}

fn former(reply: &Reply) -> Result<Former> {
    let said = answers::check(reply).ok_or_else(|| wrong(reply, "EVALSHA"))?;
    Ok(match said.types[0].as_ref() {
        b"none" => Former::Nothing,
        b"string" => match Header::split(&said.value) {
            Some((header, body)) => Former::Record {
                header,
                body,
                expires_ms: match said.expiry {
                    KeyExpiry::At(at) => Some(at),
                    KeyExpiry::Never | KeyExpiry::NoKey => None,
                },
            },
            None => Former::Foreign("a record's key holds no record of ours"),
        },
        _ => Former::Foreign("a record's key holds another type"),
    })
}
