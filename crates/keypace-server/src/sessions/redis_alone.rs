//! Sessions in Redis or Valkey alone, by the owner's index: records that we have written, and those that a rebuild has
//! brought from an older layout. Must not know SQL.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use keypace::{ErrorKind, Lifetime, Owner, PutOptions, RecordId, Shelf, Stored};
use serde_json::Value;
use serde_json::value::to_raw_value;

use crate::limits;
use crate::sessions::body::{read_fields, read_session};
use crate::sessions::cache::RecordFigures;
use crate::sessions::model::{Session, SessionChange};
use crate::sessions::page::{PageRequest, SessionPage, Start};
use crate::sessions::problem::SessionError;
use crate::sessions::service::Found;

/// A namespace of records that are sessions.
#[derive(Debug, Clone)]
pub struct RedisAlone {
    shelf: Shelf,
    lifetime: Lifetime,
}

impl RedisAlone {
    /// Sessions on this shelf. New ones stay until they are deleted.
    #[must_use]
    pub fn new(shelf: Shelf) -> Self {
        Self {
            shelf,
            lifetime: Lifetime::Forever,
        }
    }

    /// The same, where new sessions expire after so long. An update leaves a session the time that it has.
    #[must_use]
    pub fn with_ttl(mut self, ttl: Duration) -> Self {
        self.lifetime = Lifetime::For(ttl);
        self
    }

    pub(super) fn records(&self) -> RecordFigures {
        RecordFigures::of(&self.shelf)
    }

    pub(super) async fn create(
        &self,
        owner: &Owner,
        session: Session,
    ) -> Result<Session, SessionError> {
        let body = serde_json::to_vec(&session).map_err(SessionError::internal)?;
        let options = PutOptions::default()
            .with_lifetime(self.lifetime)
            // The index has the order of what the session itself says.
            .with_created_ms(session.created_at.timestamp_millis());
        let creating = self.shelf.create(owner, &session.id, body.into(), &options);
        match creating.await {
            Ok(_) => Ok(session),
            Err(error) if error.kind() == ErrorKind::Exists => Err(SessionError::conflict()),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn get(
        &self,
        owner: &Owner,
        id: &RecordId,
    ) -> Result<Option<Found>, SessionError> {
        let stored = self.stored(owner, id).await?;
        let session = stored.as_ref().and_then(readable);
        Ok(session.map(|session| Found::new(session, false)))
    }

    pub(super) async fn update(
        &self,
        owner: &Owner,
        id: &RecordId,
        change: &SessionChange,
        now: DateTime<Utc>,
    ) -> Result<Session, SessionError> {
        for _ in 0..limits::UPDATE_ATTEMPTS {
            let stored = self.stored(owner, id).await?;
            let stored = stored.ok_or_else(SessionError::not_found)?;
            let mut session = readable(&stored).ok_or_else(SessionError::not_found)?;
            change.apply(&mut session, now);
            let body = written_over(&stored.value, &session)?;
            let options = PutOptions::default().with_lifetime(Lifetime::Kept);
            let updating = self.shelf.update(owner, id, stored.version, body, &options);
            match updating.await {
                Ok(_) => return Ok(session),
                Err(error) if error.kind() == ErrorKind::Changed => {}
                Err(error) if error.kind() == ErrorKind::Missing => {
                    return Err(SessionError::not_found());
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(SessionError::changed())
    }

    pub(super) async fn delete(&self, owner: &Owner, id: &RecordId) -> Result<(), SessionError> {
        let was_there = self.shelf.delete(owner, id).await?;
        was_there.then_some(()).ok_or_else(SessionError::not_found)
    }

    pub(super) async fn list(
        &self,
        owner: &Owner,
        request: &PageRequest,
    ) -> Result<SessionPage, SessionError> {
        list_shelf(&self.shelf, owner, request).await
    }

    async fn stored(
        &self,
        owner: &Owner,
        id: &RecordId,
    ) -> Result<Option<Stored<Bytes>>, SessionError> {
        match self.shelf.get(owner, id).await {
            Err(error) if error.kind() == ErrorKind::Damaged => {
                tracing::warn!(%id, field = "header", "a session can't be read");
                Ok(None)
            }
            stored => Ok(stored?),
        }
    }
}

/// One page of what is on a shelf, without what is no readable session.
pub(super) async fn list_shelf(
    shelf: &Shelf,
    owner: &Owner,
    request: &PageRequest,
) -> Result<SessionPage, SessionError> {
    let size = request.size();
    let (place, page) = match request.start() {
        Start::Page(number) => (
            keypace::PageRequest::number((*number).into(), size)?,
            Some(*number),
        ),
        Start::After(cursor) => (keypace::PageRequest::after(cursor.clone(), size)?, None),
    };
    let records = shelf.list(owner, &place).await?;
    let listed = records.records.len();
    let sessions: Vec<Session> = records.records.iter().filter_map(readable).collect();
    let unreadable = u64::try_from(listed - sessions.len()).unwrap_or(u64::MAX);
    Ok(SessionPage {
        sessions,
        total: records.total,
        page,
        page_size: size,
        next: records.next,
        skipped: records.undecodable.saturating_add(unreadable),
        stale: false,
    })
}

/// The session that a record is; a warning names the record that is none.
fn readable(stored: &Stored<Bytes>) -> Option<Session> {
    match read_session(&stored.id, &stored.value) {
        Ok(session) => Some(session),
        Err(unreadable) => {
            tracing::warn!(id = %stored.id, field = unreadable.field, "a session can't be read");
            None
        }
    }
}

/// The session over what the record held: fields that are no session's are the application's, and stay as they are written.
fn written_over(body: &[u8], session: &Session) -> Result<Bytes, SessionError> {
    let mut fields = read_fields(body).map_err(SessionError::internal)?;
    match serde_json::to_value(session).map_err(SessionError::internal)? {
        Value::Object(own) => {
            for (name, value) in own {
                let written = to_raw_value(&value).map_err(SessionError::internal)?;
                fields.insert(name, written);
            }
        }
        _ => return Err(SessionError::internal("a session is a JSON object")),
    }
    let written = serde_json::to_vec(&fields).map_err(SessionError::internal)?;
    Ok(written.into())
}
