//! What a list is asked for and what it gives, and where owners come from at the edges. Pure.

use keypace::{Cursor, Owner};
use serde::{Serialize, Serializer};

use crate::limits;
use crate::sessions::model::Session;
use crate::sessions::problem::SessionError;

/// Where an edge turns what it was given into an owner. Everything behind it takes an [`Owner`], so that a list without
/// one can't be written down.
#[derive(Debug, Clone, Copy)]
pub struct OwnerFilter;

impl OwnerFilter {
    /// The owner that was given.
    ///
    /// # Errors
    /// `NoOwner` where there is none or it is empty: *Owner filter (API key) is required for session listing. Unscoped
    /// listing is prohibited.* `Invalid` where it is too long.
    pub fn from_option(given: Option<impl AsRef<[u8]>>) -> Result<Owner, SessionError> {
        match given {
            Some(owner) if !owner.as_ref().is_empty() => Ok(Owner::new(owner)?),
            _ => Err(SessionError::no_owner()),
        }
    }
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// At the page of this number, from 1.
    Page(u32),
    /// Behind the place where another page ended. Stays true while sessions come and go.
    After(Cursor),
}

/// Which page is asked for: the first one of 20 sessions, unless it says otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct PageRequest {
    start: Start,
    size: u32,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self {
            start: Start::Page(1),
            size: limits::DEFAULT_PAGE_SIZE,
        }
    }
}

impl PageRequest {
    /// The page of this number, from 1, where each holds `size` sessions, 1 to 100.
    ///
    /// # Errors
    /// `Invalid` where either is outside its bounds.
    pub fn page(number: u32, size: u32) -> Result<Self, SessionError> {
        let max = limits::MAX_PAGE_NUMBER;
        if !(1..=max).contains(&number) {
            return Err(SessionError::invalid(format!(
                "page must be 1 to {max}, not {number}"
            )));
        }
        Ok(Self {
            start: Start::Page(number),
            size: checked_size(size)?,
        })
    }

    /// The page behind where another ended.
    ///
    /// # Errors
    /// `Invalid` where the size is not 1 to 100.
    pub fn after(cursor: Cursor, size: u32) -> Result<Self, SessionError> {
        Ok(Self {
            start: Start::After(cursor),
            size: checked_size(size)?,
        })
    }

    /// What a query has: all three may be left out. `page` and `after` exclude one another.
    ///
    /// # Errors
    /// `Invalid`, with a text that names what is wrong and what is allowed.
    pub fn from_parts(
        page: Option<i64>,
        page_size: Option<i64>,
        after: Option<&str>,
    ) -> Result<Self, SessionError> {
        let size = page_size.unwrap_or(limits::DEFAULT_PAGE_SIZE.into());
        let size = u32::try_from(size).map_err(|_| wrong_size(size))?;
        match (page, after) {
            (Some(_), Some(_)) => Err(SessionError::invalid(
                "page and after exclude one another: after goes on behind a page, whatever its number",
            )),
            (None, Some(cursor)) => Self::after(Cursor::parse(cursor)?, size),
            (page, None) => {
                let number = page.unwrap_or(1);
                let max = limits::MAX_PAGE_NUMBER;
                let wrong =
                    |_| SessionError::invalid(format!("page must be 1 to {max}, not {number}"));
                Self::page(u32::try_from(number).map_err(wrong)?, size)
            }
        }
    }

    /// Where it begins.
    #[must_use]
    pub fn start(&self) -> &Start {
        &self.start
    }

    /// How many sessions it holds at most.
    #[must_use]
    pub fn size(&self) -> u32 {
        self.size
    }
}

fn checked_size(size: u32) -> Result<u32, SessionError> {
    if (1..=limits::MAX_PAGE_SIZE).contains(&size) {
        Ok(size)
    } else {
        Err(wrong_size(size.into()))
    }
}

fn wrong_size(size: i64) -> SessionError {
    let max = limits::MAX_PAGE_SIZE;
    SessionError::invalid(format!("page_size must be 1 to {max}, not {size}"))
}

/// One page of an owner's sessions, newest first, sessions of the same millisecond by id. As JSON its cursor is a text.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SessionPage {
    /// The sessions; none on a page past the end.
    pub sessions: Vec<Session>,
    /// How many sessions the owner has.
    pub total: u64,
    /// The number that was asked for; nothing where the page began behind a cursor.
    pub page: Option<u32>,
    /// How many sessions a page holds at most.
    pub page_size: u32,
    /// Where the next page begins; nothing on the last one.
    #[serde(serialize_with = "as_optional_text")]
    pub next: Option<Cursor>,
    /// Records that are no readable session, and were left out of this page. The log names each.
    pub skipped: u64,
    /// Whether it comes from the cache alone, because the database did not answer: others may be missing, and some may
    /// be older than what was last written.
    pub stale: bool,
}

fn as_optional_text<S: Serializer>(next: &Option<Cursor>, to: S) -> Result<S::Ok, S::Error> {
    match next {
        Some(next) => to.collect_str(next),
        None => to.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::{OwnerFilter, PageRequest, Start};
    use crate::sessions::problem::SessionErrorKind;

    #[test]
    fn no_owner_is_told_in_the_words_that_applications_look_for() {
        let text = "Owner filter (API key) is required for session listing. Unscoped listing is prohibited.";
        for given in [None, Some("")] {
            let error = OwnerFilter::from_option(given).expect_err("refused");
            assert_eq!(error.kind(), SessionErrorKind::NoOwner);
            assert_eq!(error.to_string(), text);
        }
        assert!(OwnerFilter::from_option(Some("key")).is_ok());
        let error = OwnerFilter::from_option(Some("k".repeat(600))).expect_err("refused");
        assert_eq!(error.kind(), SessionErrorKind::Invalid);
    }

    #[test]
    fn pages_begin_at_1_and_hold_1_to_100() {
        let default = PageRequest::from_parts(None, None, None).expect("the default");
        assert_eq!(default, PageRequest::default());
        assert_eq!((default.start(), default.size()), (&Start::Page(1), 20));
        for (page, size, text) in [
            (Some(0), None, "page must be 1 to 1000000, not 0"),
            (Some(-1), None, "page must be 1 to 1000000, not -1"),
            (Some(i64::MAX), None, "not 9223372036854775807"),
            (None, Some(0), "page_size must be 1 to 100, not 0"),
            (None, Some(101), "page_size must be 1 to 100, not 101"),
            (None, Some(-5), "page_size must be 1 to 100, not -5"),
        ] {
            let error = PageRequest::from_parts(page, size, None).expect_err("refused");
            assert_eq!(error.kind(), SessionErrorKind::Invalid);
            assert!(error.to_string().contains(text), "{error}");
        }
        assert!(PageRequest::from_parts(Some(7), Some(100), None).is_ok());
        for (page, after) in [(Some(1), "x"), (None, "no cursor")] {
            let error = PageRequest::from_parts(page, None, Some(after)).expect_err("refused");
            assert_eq!(error.kind(), SessionErrorKind::Invalid);
        }
    }
}
