//! What a session is, and what may be written of one. Pure: it reads no clock; whoever writes says what time it is.

use chrono::{DateTime, SubsecRound, Utc};
use keypace::{Cursor, RecordId};
use serde::{Serialize, Serializer};

use crate::limits;
use crate::sessions::problem::SessionError;

/// How a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Status {
    /// It goes on.
    #[default]
    Active,
    /// It came to its end.
    Completed,
    /// It ended with an error.
    Error,
}

impl Status {
    /// Its name in JSON and SQL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Error => "error",
        }
    }

    /// The status of this name. Exact: what is written has one of the three.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Active, Self::Completed, Self::Error]
            .into_iter()
            .find(|status| status.as_str() == name)
    }
}

/// One session. Whose it is stands in no field: owner and id together say which session is meant, and the owner is what
/// a caller has to know.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Session {
    /// What it is called within its owner.
    #[serde(serialize_with = "as_text")]
    pub id: RecordId,
    /// The model that it talks to.
    pub model: String,
    /// How it stands.
    #[serde(serialize_with = "as_name")]
    pub status: Status,
    /// When it was made, to the millisecond: lists are in this order.
    #[serde(serialize_with = "as_time")]
    pub created_at: DateTime<Utc>,
    /// When it was last written, to the microsecond.
    #[serde(serialize_with = "as_time")]
    pub updated_at: DateTime<Utc>,
    /// How many turns it has had.
    pub total_turns: u64,
    /// What it has cost, in US dollars, where that is known.
    pub total_cost_usd: Option<f64>,
    /// The session that it came out of.
    #[serde(serialize_with = "as_optional_text")]
    pub parent_session_id: Option<RecordId>,
}

impl Session {
    /// The place behind it in its owner's list, whether or not it is still there when a page is asked for.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor::behind_created(self.created_at.timestamp_millis(), self.id.clone())
    }
}

/// A session that is to be made.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct NewSession {
    /// What it is to be called; without one an id is made.
    pub id: Option<RecordId>,
    /// The model that it talks to: 1 to [`limits::MAX_MODEL_BYTES`] bytes, no control characters.
    pub model: String,
    /// How it stands; active where nobody says otherwise.
    pub status: Status,
    /// How many turns it has had, at most [`limits::MAX_TOTAL_TURNS`].
    pub total_turns: u64,
    /// What it has cost, in US dollars; a finite number.
    pub total_cost_usd: Option<f64>,
    /// The session that it came out of.
    pub parent_session_id: Option<RecordId>,
}

impl NewSession {
    /// An active session without turns.
    #[must_use]
    pub fn new(model: impl Into<String>) -> Self {
        Self {
            id: None,
            model: model.into(),
            status: Status::default(),
            total_turns: 0,
            total_cost_usd: None,
            parent_session_id: None,
        }
    }

    /// The same with this id.
    #[must_use]
    pub fn with_id(mut self, id: RecordId) -> Self {
        self.id = Some(id);
        self
    }

    /// The session that this makes at `now`, checked.
    ///
    /// # Errors
    /// `Invalid`, which names the field; `Internal` where the system gives no random bytes for an id.
    pub(crate) fn into_session(self, now: DateTime<Utc>) -> Result<Session, SessionError> {
        check_model(&self.model)?;
        check_turns(self.total_turns)?;
        check_cost(self.total_cost_usd)?;
        Ok(Session {
            id: self.id.map_or_else(made_id, Ok)?,
            model: self.model,
            status: self.status,
            // Redis orders by milliseconds, so SQL must not know more.
            created_at: now.trunc_subsecs(3),
            updated_at: now.trunc_subsecs(6),
            total_turns: self.total_turns,
            total_cost_usd: self.total_cost_usd,
            parent_session_id: self.parent_session_id,
        })
    }
}

/// What is to be another in a session; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct SessionChange {
    /// Another model.
    pub model: Option<String>,
    /// Another status.
    pub status: Option<Status>,
    /// Another count of turns.
    pub total_turns: Option<u64>,
    /// Another cost; `Some(None)` takes it away.
    pub total_cost_usd: Option<Option<f64>>,
    /// Another parent; `Some(None)` takes it away.
    pub parent_session_id: Option<Option<RecordId>>,
}

impl SessionChange {
    /// Sets the status.
    #[must_use]
    pub fn with_status(mut self, status: Status) -> Self {
        self.status = Some(status);
        self
    }

    /// Sets the count of turns.
    #[must_use]
    pub fn with_total_turns(mut self, turns: u64) -> Self {
        self.total_turns = Some(turns);
        self
    }

    /// Sets the cost, or takes it away.
    #[must_use]
    pub fn with_total_cost_usd(mut self, cost: Option<f64>) -> Self {
        self.total_cost_usd = Some(cost);
        self
    }

    /// # Errors
    /// `Invalid`, which names the field.
    pub(crate) fn check(&self) -> Result<(), SessionError> {
        self.model.as_deref().map_or(Ok(()), check_model)?;
        self.total_turns.map_or(Ok(()), check_turns)?;
        check_cost(self.total_cost_usd.flatten())
    }

    /// Carries it out on what was read; `now` becomes the time of the update.
    pub(crate) fn apply(&self, session: &mut Session, now: DateTime<Utc>) {
        if let Some(model) = &self.model {
            session.model.clone_from(model);
        }
        session.status = self.status.unwrap_or(session.status);
        session.total_turns = self.total_turns.unwrap_or(session.total_turns);
        session.total_cost_usd = self.total_cost_usd.unwrap_or(session.total_cost_usd);
        if let Some(parent) = &self.parent_session_id {
            session.parent_session_id.clone_from(parent);
        }
        session.updated_at = now.trunc_subsecs(6).max(session.updated_at);
    }
}

fn check_model(model: &str) -> Result<(), SessionError> {
    let max = limits::MAX_MODEL_BYTES;
    if model.is_empty() || model.len() > max || model.chars().any(char::is_control) {
        return Err(SessionError::invalid(format!(
            "model must be 1 to {max} bytes long, without control characters"
        )));
    }
    Ok(())
}

fn check_turns(turns: u64) -> Result<(), SessionError> {
    let max = limits::MAX_TOTAL_TURNS;
    if turns > max {
        return Err(SessionError::invalid(format!(
            "total_turns must be 0 to {max}"
        )));
    }
    Ok(())
}

fn check_cost(cost: Option<f64>) -> Result<(), SessionError> {
    if cost.is_some_and(|cost| !cost.is_finite()) {
        return Err(SessionError::invalid(
            "total_cost_usd must be a finite number",
        ));
    }
    Ok(())
}

fn made_id() -> Result<RecordId, SessionError> {
    let mut bytes = [0; limits::MADE_ID_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| SessionError::internal(std::io::Error::from(error)))?;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    RecordId::new(digits).map_err(SessionError::internal)
}

/// As Python's `isoformat` writes it, so that every version of Python reads it back.
pub(crate) fn time_text(time: &DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
}

fn as_time<S: Serializer>(time: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&time_text(time))
}

fn as_name<S: Serializer>(status: &Status, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(status.as_str())
}

fn as_text<S: Serializer>(id: &RecordId, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(id.as_str())
}

fn as_optional_text<S: Serializer>(id: &Option<RecordId>, to: S) -> Result<S::Ok, S::Error> {
    match id {
        Some(id) => to.serialize_some(id.as_str()),
        None => to.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::{NewSession, SessionChange, Status};
    use crate::limits;
    use crate::sessions::problem::SessionErrorKind;
    use chrono::{DateTime, Utc};
    use keypace::RecordId;

    fn at(microseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(microseconds).expect("a time")
    }

    #[test]
    fn what_is_written_is_strict() {
        let model = |model: &str| NewSession::new(model);
        let mut turns = model("m");
        turns.total_turns = limits::MAX_TOTAL_TURNS + 1;
        let mut cost = model("m");
        cost.total_cost_usd = Some(f64::NAN);
        let long = "m".repeat(limits::MAX_MODEL_BYTES + 1);
        for (session, field) in [
            (model(""), "model"),
            (model(&long), "model"),
            (model("a\nb"), "model"),
            (turns, "total_turns"),
            (cost, "total_cost_usd"),
        ] {
            let error = session.into_session(at(0)).expect_err("refused");
            assert_eq!(error.kind(), SessionErrorKind::Invalid);
            assert!(error.to_string().starts_with(field), "{error}");
        }
    }

    #[test]
    fn a_session_is_made_to_the_millisecond_and_has_an_id() {
        let one = NewSession::new("m")
            .into_session(at(1_234_567))
            .expect("made");
        let other = NewSession::new("m")
            .into_session(at(1_234_567))
            .expect("made");
        assert_ne!(one.id, other.id);
        assert_eq!(one.created_at, at(1_234_000));
        assert_eq!(one.updated_at, at(1_234_567));
        assert_eq!(
            serde_json::to_value(&one).expect("JSON"),
            serde_json::json!({
                "id": one.id.as_str(), "model": "m", "status": "active",
                "created_at": "1970-01-01T00:00:01.234000+00:00", "updated_at": "1970-01-01T00:00:01.234567+00:00",
                "total_turns": 0, "total_cost_usd": null, "parent_session_id": null,
            })
        );
    }

    #[test]
    fn a_change_leaves_the_rest_and_no_update_goes_back_in_time() {
        let parent = RecordId::new("p").expect("allowed");
        let mut session = NewSession::new("m").into_session(at(5_000)).expect("made");
        session.total_cost_usd = Some(1.0);
        session.parent_session_id = Some(parent.clone());
        let change = SessionChange::default()
            .with_status(Status::Completed)
            .with_total_cost_usd(None);
        change.check().expect("allowed");
        change.apply(&mut session, at(1_000));
        assert_eq!(session.status, Status::Completed);
        assert_eq!(session.total_cost_usd, None);
        assert_eq!(session.parent_session_id, Some(parent));
        assert_eq!((session.model.as_str(), session.total_turns), ("m", 0));
        assert_eq!(session.updated_at, at(5_000));
    }
}
