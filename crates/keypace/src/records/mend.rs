//! What `verify --repair` and `rebuild` write: imports, removals, members set right. Each leaves things as they are where it
//! has run before, so that one whose answer was lost is done again. Nothing of an old layout is ever written.

use bytes::Bytes;

use super::compare::Wanted;
use super::ground::{Ground, refused, verdict};
use super::names::{RecordId, Tag};
use super::scripts::{DELETE, PUT};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits::index as limits;
use crate::limits::records::PRUNED_BY_PUT;
use crate::pace::QueryKind;
use crate::port::{Call, Class, Reply, Script};

/// Makes both indexes say of a record what it says itself.
pub(crate) const MEND: Script = Script {
    text: include_str!("scripts/mend.lua"),
    digest: "0125d752144a38eac306a776e0d6cf3f2c464cf8",
};

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
    /// Imports old records. Not cancel-safe.
    pub(crate) async fn import(&self, wanted: &[Wanted]) -> Result<Vec<Written>> {
        let calls = wanted.iter().map(|one| {
            let names = self.names(&one.tag);
            let expires = one.expires_ms.map_or(String::new(), |ms| ms.to_string());
            let keys = vec![
                names.record(&one.id),
                names.by_created(),
                names.by_expiry(),
                names.seal(),
                names.tombstone(&one.id),
            ];
            let args = vec![
                Bytes::from_static(b"import"),
                one.id.to_bytes(),
                one.body.clone(),
                Bytes::from_static(b"0"),
                one.record.created_ms.to_string().into(),
                one.record.updated_ms.to_string().into(),
                one.version.to_string().into(),
                expires.into(),
                PRUNED_BY_PUT.to_string().into(),
            ];
            let kib = u32::try_from(one.body.len() / 1024 + 1).unwrap_or(u32::MAX);
            Call::script(names.slot(), &PUT, Class::Write, keys, args)
                .with_pace(QueryKind::Restore, kib)
        });
        self.write(calls.collect()).await
    }

    /// Removes new records. Not cancel-safe.
    pub(crate) async fn remove(&self, records: &[(Tag, RecordId)]) -> Result<Vec<Written>> {
        let calls = records.iter().map(|(tag, id)| {
            let names = self.names(tag);
            let keys = vec![
                names.by_created(),
                names.by_expiry(),
                names.seal(),
                names.record(id),
            ];
            let args = vec![id.to_bytes()];
            Call::script(names.slot(), &DELETE, Class::Write, keys, args)
                .with_pace(QueryKind::Unlink, 1)
        });
        self.write(calls.collect()).await
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
        self.write(calls.collect()).await
    }

    /// Drops a member that can't be a record's. Not cancel-safe.
    pub(crate) async fn drop_member(&self, tag: &Tag, set: &Bytes, member: &Bytes) -> Result<Written> {
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

    async fn write(&self, calls: Vec<Call>) -> Result<Vec<Written>> {
        let replies = self.volley(calls).await?;
        replies.iter().map(written).collect()
    }

    /// Sends again what may have run without an answer.
    async fn volley(&self, calls: Vec<Call>) -> Result<Vec<Reply>> {
        let mut lost = 0;
        loop {
            match self.router.volley(calls.clone()).await {
                Err(error)
                    if error.retry() == Retry::AskAgain && lost < limits::LOST_ANSWERS =>
                {
                    lost += 1;
                }
                sent => return sent,
            }
        }
    }
}

fn written(reply: &Reply) -> Result<Written> {
    if let Reply::Error(text) = reply {
        // Of one key: its type, or the index's.
        if text.starts_with(b"WRONGTYPE") {
            return Ok(Written::Refused(shown(text)));
        }
        return Err(refused("EVALSHA", text));
    }
    match verdict(reply) {
        Some(b"ok" | b"gone") => Ok(Written::Done),
        Some(b"foreign") => Ok(Written::Refused(
            "a record's key holds no record of ours".to_owned(),
        )),
        Some(b"sealed") => Err(sealed()),
        _ => Ok(Written::Unneeded),
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
