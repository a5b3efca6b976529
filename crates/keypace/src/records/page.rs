//! What is asked of records and what is answered: options, pages, versions. Pure.

use std::fmt;
use std::time::Duration;

use super::cursor::Cursor;
use super::names::RecordId;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits::records as limits;

/// The version of one record: greater with each change, and never the same again. Microseconds of the server's clock,
/// unless changes come faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u64);

impl Version {
    /// One that came from elsewhere.
    ///
    /// # Errors
    /// `InvalidOption` where it is greater than 2^52: in microseconds that is the year 2112.
    pub fn new(version: u64) -> Result<Self> {
        let max = limits::MAX_IMPORTED_VERSION;
        if version > max {
            return Err(refused(
                "take the version",
                format!("it is greater than {max}"),
            ));
        }
        Ok(Self(version))
    }

    /// One that a record has, which may be some changes above what is imported.
    pub(crate) fn read(version: u64) -> Option<Self> {
        (version <= limits::MAX_EXACT).then_some(Self(version))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How long a record stays after a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Lifetime {
    /// Until it is deleted.
    #[default]
    Forever,
    /// For so long from now, by the server's clock: 1 ms to 100 years.
    For(Duration),
    /// As it was before the write; a new record stays.
    Kept,
}

/// How a record is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PutOptions {
    /// How long it stays.
    pub lifetime: Lifetime,
    /// When it was created, in ms since 1970; where it is not said, a record that is there keeps its time, and a new one
    /// has the server's.
    pub created_ms: Option<i64>,
}

impl PutOptions {
    /// It stays for so long.
    #[must_use]
    pub fn with_ttl(mut self, ttl: Duration) -> Self {
        self.lifetime = Lifetime::For(ttl);
        self
    }

    /// It stays as long as it would have without this write.
    #[must_use]
    pub fn with_lifetime(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// It was created then.
    #[must_use]
    pub fn with_created_ms(mut self, created_ms: i64) -> Self {
        self.created_ms = Some(created_ms);
        self
    }
}

/// A record's state in another source, which it is imported with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Import {
    /// Its version there. Below 10^12 are those that a rebuild gives, which takes away what has no old record: number yours
    /// from there, as microseconds since 1970 are.
    pub version: Version,
    /// When it was created, in ms since 1970.
    pub created_ms: i64,
    /// When it was last changed, in ms since 1970.
    pub updated_ms: i64,
    /// How long it stays; `Kept` means as long as what is there.
    pub lifetime: Lifetime,
    /// When it expires, in ms since 1970 by the server's clock, in place of the lifetime.
    pub expires_ms: Option<i64>,
    /// The last moment to write it at, in ms since 1970 by the server's clock. A burial is remembered for 60 s; who imports
    /// what it read a while ago, over a way that may hold it up, names a moment before those are over.
    pub not_after_ms: Option<i64>,
}

impl Import {
    /// One that stays until it is deleted.
    #[must_use]
    pub fn new(version: Version, created_ms: i64, updated_ms: i64) -> Self {
        Self {
            version,
            created_ms,
            updated_ms,
            lifetime: Lifetime::Forever,
            expires_ms: None,
            not_after_ms: None,
        }
    }

    /// It stays for so long from now.
    #[must_use]
    pub fn with_ttl(mut self, ttl: Duration) -> Self {
        self.lifetime = Lifetime::For(ttl);
        self
    }

    /// It stays until then, in ms since 1970.
    #[must_use]
    pub fn with_expires_ms(mut self, expires_ms: i64) -> Self {
        self.expires_ms = Some(expires_ms);
        self
    }

    /// Later than this it is not written.
    #[must_use]
    pub fn with_not_after_ms(mut self, not_after_ms: i64) -> Self {
        self.not_after_ms = Some(not_after_ms);
        self
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// The record's version now.
    pub version: Version,
    /// When it was created, in ms since 1970.
    pub created_ms: i64,
    /// When it was written, in ms since 1970.
    pub updated_ms: i64,
    /// When it expires, in ms since 1970 by the server's clock; `None` where it stays.
    pub expires_ms: Option<i64>,
}

/// How an import ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Imported {
    /// It is what is there now.
    Written(Written),
    /// Nothing was done: a newer version was there, or the same with the same body, or it was deleted a short while ago.
    Older(Version),
    /// Its time was over: nothing is there now.
    Expired,
    /// Nothing was done: it came later than it may.
    Late,
}

/// How a burial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Buried {
    /// Nothing is there now, and nothing older is imported for a while. Whether there was a record.
    Gone(bool),
    /// Nothing was done: a newer version is there.
    Older(Version),
}

/// How many members an owner's indexes have. They differ where somebody else has written to one alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct IndexSize {
    /// Of the one by creation.
    pub by_created: u64,
    /// Of the one by expiry.
    pub by_expiry: u64,
}

/// When a record expires, as far as an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// It was not asked: reads by id spare the question.
    Unasked,
    /// It stays until it is deleted.
    Never,
    /// Then, in ms since 1970 by the server's clock.
    At(i64),
}

/// A record as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored<T> {
    /// What it is called within its owner.
    pub id: RecordId,
    /// Its version, which an update names.
    pub version: Version,
    /// When it was created, in ms since 1970.
    pub created_ms: i64,
    /// When it was last written, in ms since 1970; a new TTL is no write.
    pub updated_ms: i64,
    /// When it expires: lists say it.
    pub expiry: Expiry,
    /// The value.
    pub value: T,
}

impl<T> Stored<T> {
    /// The place behind it in its owner's list, whether or not it is still there when a page is asked for.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        // Exact: times are checked to be below 2^53.
        Cursor::behind(-(self.created_ms as f64), self.id.clone())
    }

    /// The same record with another value.
    pub(super) fn with<U>(self, value: U) -> Stored<U> {
        Stored {
            id: self.id,
            version: self.version,
            created_ms: self.created_ms,
            updated_ms: self.updated_ms,
            expiry: self.expiry,
            value,
        }
    }
}

/// Which page of an owner's records.
#[derive(Debug, Clone, PartialEq)]
pub struct PageRequest {
    pub(super) place: Place,
    pub(super) size: u32,
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Place {
    /// At a rank among the newest.
    Rank(u64),
    /// Behind a record.
    Behind(Cursor),
}

impl PageRequest {
    /// The newest records, 1 to 1000.
    ///
    /// # Errors
    /// `InvalidOption` where the size is another.
    pub fn first(size: u32) -> Result<Self> {
        Self::at(Place::Rank(0), size)
    }

    /// Those behind a place: stable while records come and go.
    ///
    /// # Errors
    /// `InvalidOption` where the size is not 1 to 1000.
    pub fn after(cursor: Cursor, size: u32) -> Result<Self> {
        Self::at(Place::Behind(cursor), size)
    }

    /// The page with this number, from 1. It shifts as records come and go.
    ///
    /// # Errors
    /// `InvalidOption` where the number is 0, or the size is not 1 to 1000.
    pub fn number(page: u64, size: u32) -> Result<Self> {
        let Some(before) = page.checked_sub(1) else {
            let context = "pages are numbered from 1".to_owned();
            return Err(refused("choose the page", context));
        };
        // No index is as long, and a script's numbers are exact up to here.
        let rank = before.saturating_mul(size.into()).min(limits::MAX_EXACT);
        Self::at(Place::Rank(rank), size)
    }

    fn at(place: Place, size: u32) -> Result<Self> {
        let max = limits::MAX_PAGE;
        if !(1..=max).contains(&size) {
            let context = format!("its size is {size}, 1 to {max} are allowed");
            return Err(refused("choose the page", context));
        }
        Ok(Self { place, size })
    }
}

/// A page of an owner's records, newest first, those of one time by id.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RecordPage<T> {
    /// The records.
    pub records: Vec<Stored<T>>,
    /// How many live records the owner has, as far as the index says.
    pub total: u64,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
    /// Values on this page that could not be read as what they should be: counted, and left out.
    pub undecodable: u64,
}

/// Ids of an owner's records.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordIds {
    /// In the order of a list: newest first.
    pub ids: Vec<RecordId>,
    /// There are more: only the first so many were gathered.
    pub truncated: bool,
}

fn refused(operation: &'static str, context: String) -> Error {
    Error::new(ErrorKind::InvalidOption, Retry::Never, operation, context)
}

/// Whole milliseconds, rounded up, of a time that a record may stay.
pub(super) fn ttl_ms(ttl: Duration) -> Result<i64> {
    let max = limits::MAX_TTL;
    if ttl.is_zero() || ttl > max {
        let days = max.as_secs() / (24 * 3600);
        let context =
            format!("it is {ttl:?}, more than nothing and at most {days} days are allowed");
        return Err(refused("set the TTL", context));
    }
    let ms = ttl.as_nanos().div_ceil(1_000_000);
    Ok(i64::try_from(ms).unwrap_or(i64::MAX))
}

/// A time that a calendar has.
pub(super) fn checked_ms(time: i64) -> Result<i64> {
    if !(limits::MIN_UNIX_MS..=limits::MAX_UNIX_MS).contains(&time) {
        let context = format!("{time} ms since 1970 is in none of the years 1 to 9999");
        return Err(refused("set the time", context));
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::{PageRequest, Place, Version, checked_ms, ttl_ms};
    use std::time::Duration;

    #[test]
    fn pages_are_checked_and_never_overflow() {
        for refused in [
            PageRequest::first(0),
            PageRequest::first(1001),
            PageRequest::number(0, 20),
            PageRequest::number(1, 0),
        ] {
            assert!(refused.is_err(), "{refused:?}");
        }
        let third = PageRequest::number(3, 20).expect("a page");
        assert_eq!(third.place, Place::Rank(40));
        let far = PageRequest::number(u64::MAX, 1000).expect("a page");
        assert_eq!(far.place, Place::Rank((1 << 53) - 1));
    }

    #[test]
    fn times_and_versions_are_bounded() {
        assert_eq!(ttl_ms(Duration::from_nanos(1)).ok(), Some(1));
        assert_eq!(ttl_ms(Duration::from_micros(1001)).ok(), Some(2));
        assert!(ttl_ms(Duration::ZERO).is_err());
        assert!(ttl_ms(Duration::MAX).is_err());
        assert!(checked_ms(i64::MAX).is_err());
        assert_eq!(checked_ms(-1).ok(), Some(-1));
        assert!(Version::new((1 << 52) + 1).is_err());
    }
}
