//! What `verify --repair` and `rebuild` write: imports, removals, members set right. Each leaves things as they are where it
//! has run before, so that one whose answer was lost is done again. Nothing of an old layout is ever written.

use bytes::Bytes;

use super::answers::{self, Answer, PutSaid};
use super::calls::{self, Mode, Put, Trace};
use super::compare::Wanted;
use super::drift::IMPORTED_VERSIONS_END;
use super::ground::{Ground, is_wrong_type, wrong};
use super::names::{RecordId, Tag};
use super::page::{Lifetime, Version};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits::index as limits;
use crate::pace::QueryKind;
use crate::port::{Call, Class, Reply, Script};

/// Makes both indexes say of a record what it says itself.
pub(crate) const MEND: Script = Script {
    text: include_str!("scripts/mend.lua"),
    digest: "9f63f7fb889cc89992024b36920a5551517dab03",
};

/// Removes a record as long as it is the one that was looked at.
pub(crate) const UNMAKE: Script = Script {
    text: include_str!("scripts/unmake.lua"),
    digest: "8075f5dd61ea12d90ef7bb9598806fccf9a64856",
};

/// A record, and the version that it was judged by.
pub(crate) type Seen = (Tag, RecordId, u64);

/// What became of one write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Written {
    Done,
    /// It was not needed any more, or somebody was faster.
    Unneeded,
    /// The server refused it, for one key.
    Refused(String),
}

impl Ground {
    /// Imports old records, but none over what somebody else has put in its place. Not cancel-safe.
    pub(crate) async fn import(&self, wanted: &[Wanted]) -> Result<Vec<Written>> {
        let mut volley = Vec::with_capacity(wanted.len());
        for one in wanted.iter().filter(|one| one.in_place.is_none()) {
            let put = Put {
                mode: Mode::Import(Version::new(one.version)?),
                body: one.body.clone(),
                lifetime: Lifetime::Forever,
                created_ms: Some(one.record.created_ms),
                updated_ms: Some(one.record.updated_ms),
                expires_ms: one.expires_ms.and_then(|at| i64::try_from(at).ok()),
            };
            let kib = u32::try_from(one.body.len() / 1024 + 1).unwrap_or(u32::MAX);
            let call = put.call(&self.names(&one.tag), &one.id, Trace::None)?;
            volley.push(call.with_pace(QueryKind::Restore, kib));
        }
        let replies = self.volley(volley).await?;
        let said = |reply| match answers::put(reply) {
            Some(Answer::Given(PutSaid::Written(_))) => Ok(Written::Done),
            // Its time was over, or something newer is there.
            Some(Answer::Given(_)) => Ok(Written::Unneeded),
            Some(Answer::Sealed(_)) => Err(sealed()),
            None => refused(reply),
        };
        let mut replies = replies.iter();
        let written = wanted.iter().map(|one| match one.in_place {
            Some(what) => Ok(Written::Refused(what.to_owned())),
            None => said(replies.next().unwrap_or(&Reply::Null)),
        });
        written.collect()
    }

    /// Remembers for longer that these were deleted, or have expired. Not cancel-safe.
    pub(crate) async fn renew(&self, records: &[(Tag, RecordId)]) -> Result<()> {
        let last = Version::new(IMPORTED_VERSIONS_END - 1)?;
        let calls = records.iter().map(|(tag, id)| {
            calls::bury(&self.names(tag), id, last, Trace::Left.ttl())
                .with_pace(QueryKind::Check, 1)
        });
        // One that is refused is found by the next pass again.
        self.volley(calls.collect()).await.map(drop)
    }

    /// Removes new records that are still of these versions. Not cancel-safe.
    pub(crate) async fn remove(&self, records: &[Seen]) -> Result<Vec<Written>> {
        let calls = records.iter().map(|(tag, id, version)| {
            let names = self.names(tag);
            let keys = vec![
                names.record(id),
                names.by_created(),
                names.by_expiry(),
                names.seal(),
            ];
            let args = vec![id.to_bytes(), version.to_string().into()];
            Call::script(names.slot(), &UNMAKE, Class::Write, keys, args)
                .with_pace(QueryKind::Unlink, 1)
        });
        let replies = self.volley(calls.collect()).await?;
        let said = |reply| match answers::number(reply) {
            Some(Answer::Given(0)) => Ok(Written::Unneeded),
            Some(Answer::Given(_)) => Ok(Written::Done),
            Some(Answer::Sealed(_)) => Err(sealed()),
            None => refused(reply),
        };
        replies.iter().map(said).collect()
    }

    /// Sets the members of these records right, and drops those of records that are gone. Not cancel-safe.
    pub(crate) async fn mend(&self, records: &[(Tag, RecordId)]) -> Result<Vec<Written>> {
        let calls = records.iter().map(|(tag, id)| {
            let names = self.names(tag);
            let keys = vec![
                names.record(id),
                names.by_created(),
                names.by_expiry(),
                names.seal(),
            ];
            Call::script(names.slot(), &MEND, Class::Write, keys, vec![id.to_bytes()])
                .with_pace(QueryKind::Check, 1)
        });
        let replies = self.volley(calls.collect()).await?;
        replies.iter().map(mended).collect()
    }

    /// Drops a member that can't be a record's. Not cancel-safe.
    pub(crate) async fn drop_member(
        &self,
        tag: &Tag,
        set: &Bytes,
        member: &Bytes,
    ) -> Result<Written> {
        let words = vec![Bytes::from_static(b"ZREM"), set.clone(), member.clone()];
        let call = Call::command(self.names(tag).slot(), "ZREM", Class::Write, words)
            .with_pace(QueryKind::Check, 1);
        let mut replies = self.volley(vec![call]).await?;
        Ok(match replies.pop() {
            Some(Reply::Int(1)) => Written::Done,
            Some(Reply::Error(text)) => Written::Refused(shown(&text)),
            _ => Written::Unneeded,
        })
    }

    /// Sends again what may have run without an answer.
    pub(super) async fn volley(&self, calls: Vec<Call>) -> Result<Vec<Reply>> {
        let mut lost = 0;
        loop {
            match self.router.volley(calls.clone()).await {
                Err(error) if error.retry() == Retry::AskAgain && lost < limits::LOST_ANSWERS => {
                    lost += 1;
                }
                sent => return sent,
            }
        }
    }
}

fn mended(reply: &Reply) -> Result<Written> {
    let Reply::Array(words) = reply else {
        return refused(reply);
    };
    match words.first() {
        Some(Reply::Bulk(said)) if said.as_ref() == b"sealed" => Err(sealed()),
        Some(Reply::Bulk(said)) if said.as_ref() == b"foreign" => Ok(Written::Refused(
            "a record's key holds no record of ours".to_owned(),
        )),
        _ => Ok(Written::Done),
    }
}

/// What an error says of one key: its type, or the index's.
fn refused(reply: &Reply) -> Result<Written> {
    match reply {
        Reply::Error(text) if is_wrong_type(text) => Ok(Written::Refused(shown(text))),
        _ => Err(wrong(reply, "EVALSHA")),
    }
}

fn sealed() -> Error {
    Error::new(
        ErrorKind::Guard,
        Retry::Never,
        "write the index",
        "records of an owner lie under a newer owner key",
    )
    .with_hint("use the key file that the last `keypace index rekey` has written")
}

fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
