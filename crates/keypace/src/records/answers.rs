//! What the scripts' answers say. Pure: a reply goes in, a meaning comes out, or none where the reply is no script's of ours.

use bytes::Bytes;

use super::names::RecordId;
use super::page::{Version, Written};
use crate::port::Reply;

/// An answer, or word that the owner's records have moved.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer<T> {
    Given(T),
    /// To the names that this version of the owner key gives; 0 while they are on their way.
    Sealed(u32),
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum PutSaid {
    Written(Written),
    /// Nothing was written: a record is there.
    Exists(Version),
    /// Nothing was written: no record is there.
    Missing,
    /// Nothing was written: another version is there.
    Changed(Version),
    /// Nothing was written: a version as new is there, or was buried.
    Older(Version),
    /// Its time was over: nothing is there now.
    Expired,
    /// Nothing was written: it came too late.
    Late,
}

/// What became of a burial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum BurySaid {
    Gone(bool),
    Older(Version),
}

/// A page of the index.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PageSaid {
    /// The server's time.
    pub(crate) now_ms: i64,
    /// Live members of the whole index.
    pub(crate) total: u64,
    /// Dead members that were not dropped.
    pub(crate) dead_left: u64,
    /// Members behind this page.
    pub(crate) behind: u64,
    pub(crate) members: Vec<Member>,
}

/// A member of the index by creation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member {
    pub(crate) id: RecordId,
    pub(crate) score: f64,
    /// Its score by expiry; none where that index lacks it.
    pub(crate) expiry: Option<f64>,
}

/// All that is known of one record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Checked {
    /// Header and body, or a part of it; empty where there is no string.
    pub(crate) value: Bytes,
    pub(crate) expiry: KeyExpiry,
    pub(crate) by_created: Option<f64>,
    pub(crate) by_expiry: Option<f64>,
    pub(crate) now_ms: i64,
    /// As TYPE names them: of the record, of the index by creation, of the index by expiry.
    pub(crate) types: [Bytes; 3],
    /// Up to which version nothing is imported, or 0.
    pub(crate) buried: u64,
}

/// When a key expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyExpiry {
    /// There is no key.
    NoKey,
    Never,
    At(i64),
}

pub(crate) fn put(reply: &Reply) -> Option<Answer<PutSaid>> {
    read(reply, |verdict, rest| {
        let version = || Version::read(unsigned(rest.first()?)?);
        Some(match verdict {
            b"ok" => {
                let [version, created, updated, expires] = rest else {
                    return None;
                };
                PutSaid::Written(Written {
                    version: Version::read(unsigned(version)?)?,
                    created_ms: int(created)?,
                    updated_ms: int(updated)?,
                    expires_ms: time(expires)?,
                })
            }
            b"exists" => PutSaid::Exists(version()?),
            b"missing" => PutSaid::Missing,
            b"version" => PutSaid::Changed(version()?),
            b"older" => PutSaid::Older(version()?),
            b"expired" => PutSaid::Expired,
            b"late" => PutSaid::Late,
            _ => return None,
        })
    })
}

/// The new expiry, `None` within for none; or that there is no record.
pub(crate) fn touch(reply: &Reply) -> Option<Answer<Option<Option<i64>>>> {
    read(reply, |verdict, rest| {
        Some(match verdict {
            b"ok" => Some(time(rest.first()?)?),
            b"missing" => None,
            _ => return None,
        })
    })
}

/// How many there were.
pub(crate) fn number(reply: &Reply) -> Option<Answer<u64>> {
    read(reply, |verdict, rest| match verdict {
        b"ok" => unsigned(rest.first()?),
        _ => None,
    })
}

pub(crate) fn bury(reply: &Reply) -> Option<Answer<BurySaid>> {
    read(reply, |verdict, rest| {
        let said = unsigned(rest.first()?)?;
        Some(match verdict {
            b"ok" => BurySaid::Gone(said > 0),
            b"older" => BurySaid::Older(Version::read(said)?),
            _ => return None,
        })
    })
}

/// Members whose name is no id are left out: no record can be theirs.
pub(crate) fn page(reply: &Reply) -> Option<Answer<PageSaid>> {
    read(reply, |verdict, rest| {
        let (counts, members) = rest.split_at_checked(4)?;
        if verdict != b"ok" || members.len() % 3 != 0 {
            return None;
        }
        let member = |parts: &[Reply]| {
            let score = double(&parts[1])?;
            let expiry = match bytes(&parts[2])? {
                b"" => None,
                _ => Some(double(&parts[2])?),
            };
            let id = RecordId::parse(bytes(&parts[0])?);
            Some(id.map(|id| Member { id, score, expiry }))
        };
        let members: Option<Vec<_>> = members.chunks_exact(3).map(member).collect();
        Some(PageSaid {
            now_ms: int(&counts[0])?,
            total: unsigned(&counts[1])?,
            dead_left: unsigned(&counts[2])?,
            behind: unsigned(&counts[3])?,
            members: members?.into_iter().flatten().collect(),
        })
    })
}

pub(crate) fn check(reply: &Reply) -> Option<Checked> {
    let Reply::Array(parts) = reply else {
        return None;
    };
    let [
        value,
        expiry,
        by_created,
        by_expiry,
        now_ms,
        types @ ..,
        buried,
    ] = parts.as_slice()
    else {
        return None;
    };
    let types: [Option<&[u8]>; 3] =
        <[_; 3]>::try_from(types.iter().map(bytes).collect::<Vec<_>>()).ok()?;
    let [record, created, expiring] = types.map(|name| name.map(Bytes::copy_from_slice));
    let Reply::Bulk(value) = value else {
        return None;
    };
    let score = |reply: &Reply| match reply {
        Reply::Null => Some(None),
        reply => double(reply).map(Some),
    };
    Some(Checked {
        value: value.clone(),
        expiry: match int(expiry)? {
            -2 => KeyExpiry::NoKey,
            -1 => KeyExpiry::Never,
            at => KeyExpiry::At(at),
        },
        by_created: score(by_created)?,
        by_expiry: score(by_expiry)?,
        now_ms: int(now_ms)?,
        types: [record?, created?, expiring?],
        buried: unsigned(buried)?,
    })
}

/// The members that a range names, and how many there were with those that are no ids.
pub(super) fn members(reply: &Reply) -> Option<(Vec<RecordId>, usize)> {
    let Reply::Array(items) = reply else {
        return None;
    };
    let ids = items.iter().map(|item| bytes(item).map(RecordId::parse));
    let ids: Option<Vec<_>> = ids.collect();
    Some((ids?.into_iter().flatten().collect(), items.len()))
}

/// What a seal's value says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seal {
    /// To the names of this key version.
    Leads(u32),
    /// The owner's records are on their way there.
    Moving,
    /// It is no seal of ours.
    Strange,
}

impl Seal {
    /// As a script says it: 0 where it can't be followed at once.
    pub(super) fn version(self) -> u32 {
        match self {
            Self::Leads(version) => version,
            Self::Moving | Self::Strange => 0,
        }
    }
}

/// Reads a seal: `VERSION`, or `VERSION moving`.
pub(super) fn seal(value: &[u8]) -> Seal {
    let text = std::str::from_utf8(value).unwrap_or_default();
    let number = |text: &str| text.parse::<u32>().ok();
    match text.strip_suffix(" moving") {
        Some(version) => number(version).map_or(Seal::Strange, |_| Seal::Moving),
        None => number(text).map_or(Seal::Strange, Seal::Leads),
    }
}

/// Where an owner's records are in a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// Under the former names.
    Here,
    /// Nothing is there, and nothing is sealed.
    Empty,
    /// On their way.
    Moving,
    /// Under the names of this version. A deletion of this version, or 0, is remembered under the former names.
    Sealed { version: u32, buried: u64 },
}

pub(super) fn settle(reply: &Reply) -> Option<Settled> {
    let Reply::Array(parts) = reply else {
        return None;
    };
    Some(match (bytes(parts.first()?)?, &parts[1..]) {
        (b"here", []) => Settled::Here,
        (b"empty", []) => Settled::Empty,
        (b"moving", []) => Settled::Moving,
        (b"sealed", [version, buried]) => Settled::Sealed {
            version: u32::try_from(int(version)?).ok()?,
            buried: unsigned(buried)?,
        },
        _ => return None,
    })
}

/// How long another mover may hold the namespace yet.
pub(super) fn busy_ms(reply: &Reply) -> Option<u64> {
    let Reply::Array(parts) = reply else {
        return None;
    };
    unsigned(parts.get(1)?)
}

/// The key version that a mark names.
pub(super) fn mark(value: &[u8]) -> Option<u32> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// The members that a range names, whatever they are.
pub(super) fn raw_members(reply: &Reply) -> Option<Vec<Bytes>> {
    let Reply::Array(items) = reply else {
        return None;
    };
    let raw = |item: &Reply| match item {
        Reply::Bulk(bytes) => Some(bytes.clone()),
        _ => None,
    };
    items.iter().map(raw).collect()
}

/// The one word of a script that gives no more.
pub(super) fn word(reply: &Reply) -> Option<&[u8]> {
    let Reply::Array(parts) = reply else {
        return None;
    };
    bytes(parts.first()?)
}

fn read<T>(reply: &Reply, said: impl FnOnce(&[u8], &[Reply]) -> Option<T>) -> Option<Answer<T>> {
    let Reply::Array(parts) = reply else {
        return None;
    };
    let (verdict, rest) = parts.split_first()?;
    match bytes(verdict)? {
        b"sealed" => {
            let version = rest.first().and_then(unsigned).unwrap_or(0);
            Some(Answer::Sealed(u32::try_from(version).unwrap_or(0)))
        }
        verdict => said(verdict, rest).map(Answer::Given),
    }
}

fn bytes(reply: &Reply) -> Option<&[u8]> {
    match reply {
        Reply::Bulk(bytes) | Reply::Simple(bytes) => Some(bytes),
        _ => None,
    }
}

fn int(reply: &Reply) -> Option<i64> {
    match reply {
        Reply::Int(number) => Some(*number),
        _ => None,
    }
}

fn unsigned(reply: &Reply) -> Option<u64> {
    u64::try_from(int(reply)?).ok()
}

/// -1 is none.
fn time(reply: &Reply) -> Option<Option<i64>> {
    int(reply).map(|time| (time >= 0).then_some(time))
}

/// Seconds and microseconds, as TIME gives them, in milliseconds.
pub(crate) fn time_ms(reply: &Reply) -> Option<i64> {
    let Reply::Array(parts) = reply else {
        return None;
    };
    let [seconds, micros] = parts.as_slice() else {
        return None;
    };
    let number = |part| std::str::from_utf8(bytes(part)?).ok()?.parse::<i64>().ok();
    (number(seconds)?.checked_mul(1_000)).map(|ms| ms + number(micros).unwrap_or(0) / 1_000)
}

fn double(reply: &Reply) -> Option<f64> {
    std::str::from_utf8(bytes(reply)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Answer, PutSaid, Seal, check, page, put, seal};
    use crate::port::Reply;
    use bytes::Bytes;

    fn bulk(text: &'static str) -> Reply {
        Reply::Bulk(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn a_seal_is_read_wherever_it_stands() {
        let sealed = |version: &[Reply]| {
            let mut parts = vec![bulk("sealed")];
            parts.extend_from_slice(version);
            Reply::Array(parts)
        };
        assert_eq!(put(&sealed(&[Reply::Int(2)])), Some(Answer::Sealed(2)));
        assert_eq!(page(&sealed(&[Reply::Int(2)])), Some(Answer::Sealed(2)));
        assert_eq!(put(&sealed(&[])), Some(Answer::Sealed(0)));
    }

    #[test]
    fn a_seal_leads_or_says_to_wait() {
        assert_eq!(seal(b"2"), Seal::Leads(2));
        assert_eq!(seal(b"2 moving"), Seal::Moving);
        for strange in [
            &b""[..],
            b"x",
            b"-1",
            b" moving",
            b"x moving",
            b"2 moved",
            b"\xff",
        ] {
            assert_eq!(seal(strange), Seal::Strange, "{strange:?}");
        }
    }

    #[test]
    fn replies_of_another_shape_mean_nothing() {
        for reply in [
            Reply::Null,
            bulk("ok"),
            Reply::Array(vec![]),
            Reply::Array(vec![bulk("ok")]),
            Reply::Array(vec![bulk("ok"), Reply::Int(1)]),
            Reply::Array(vec![bulk("older"), Reply::Int(-1)]),
            Reply::Array(vec![bulk("what")]),
        ] {
            assert_eq!(put(&reply), None, "{reply:?}");
            assert_eq!(page(&reply), None, "{reply:?}");
            assert_eq!(check(&reply), None, "{reply:?}");
        }
        let missing = Reply::Array(vec![bulk("missing")]);
        assert_eq!(put(&missing), Some(Answer::Given(PutSaid::Missing)));
    }

    #[test]
    fn members_without_an_id_are_left_out() {
        let mut parts = vec![bulk("ok")];
        parts.extend([9, 2, 0, 5].map(Reply::Int));
        parts.extend([bulk("a:b"), bulk("-1"), bulk("inf")]);
        parts.extend([bulk("ab"), bulk("-1.5"), bulk("")]);
        let Some(Answer::Given(said)) = page(&Reply::Array(parts)) else {
            panic!("a page");
        };
        assert_eq!((said.now_ms, said.total, said.behind), (9, 2, 5));
        assert_eq!(said.members.len(), 1);
        assert_eq!(said.members[0].score, -1.5);
        assert_eq!(said.members[0].expiry, None);
    }
}
