//! Reads what a client asks to be written: one JSON object, strictly. A field that no client may write is refused, and so is a
//! value of another type; the text names the field. Pure. What applications have written is read by `body.rs`, leniently.

use keypace::RecordId;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::limits;
use crate::sessions::model::{NewSession, SessionChange, Status};
use crate::sessions::problem::SessionError;

/// The fields of a session that is to be made. A field that is `null` is one that is left out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewFields {
    id: Option<Value>,
    model: Option<Value>,
    status: Option<Value>,
    total_turns: Option<Value>,
    total_cost_usd: Option<Value>,
    parent_session_id: Option<Value>,
}

/// The fields of a change. `null` takes away what may be away.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeFields {
    #[serde(default, deserialize_with = "given")]
    model: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    status: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    total_turns: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    total_cost_usd: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    parent_session_id: Option<Value>,
}

impl NewSession {
    /// Reads the body of a request: `model`, and as far as they are given `id`, `status`, `total_turns`, `total_cost_usd` and
    /// `parent_session_id`. The owner is no field.
    ///
    /// # Errors
    /// `Invalid`, with a text that names the field; values are checked when the session is made.
    pub fn from_json(body: &[u8]) -> Result<Self, SessionError> {
        let fields: NewFields = parse(body)?;
        let model = fields.model.ok_or_else(|| wrong("model", "is missing"))?;
        let mut new = Self::new(text("model", model)?);
        new.id = fields.id.map(|id| id_of("id", id)).transpose()?;
        new.parent_session_id = fields
            .parent_session_id
            .map(|id| id_of("parent_session_id", id))
            .transpose()?;
        new.status = fields.status.map_or(Ok(Status::default()), status)?;
        new.total_turns = fields.total_turns.map_or(Ok(0), turns)?;
        new.total_cost_usd = fields.total_cost_usd.map(cost).transpose()?;
        Ok(new)
    }
}

impl SessionChange {
    /// Reads the body of a request: `model`, `status`, `total_turns`, `total_cost_usd` and `parent_session_id`, one of them at
    /// least; `null` takes a cost or a parent away. Id, owner and times are not to be changed.
    ///
    /// # Errors
    /// `Invalid`, with a text that names the field; values are checked when the session is changed.
    pub fn from_json(body: &[u8]) -> Result<Self, SessionError> {
        let fields: ChangeFields = parse(body)?;
        let change = Self {
            model: fields.model.map(|model| text("model", model)).transpose()?,
            status: fields.status.map(status).transpose()?,
            total_turns: fields.total_turns.map(turns).transpose()?,
            total_cost_usd: fields
                .total_cost_usd
                .map(|value| unless_null(value, cost))
                .transpose()?,
            parent_session_id: fields
                .parent_session_id
                .map(|value| unless_null(value, |id| id_of("parent_session_id", id)))
                .transpose()?,
        };
        if change == Self::default() {
            return Err(SessionError::invalid(
                "the body changes nothing: give model, status, total_turns, total_cost_usd or parent_session_id",
            ));
        }
        Ok(change)
    }
}

/// A field that is there, `null` too.
fn given<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(field).map(Some)
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, SessionError> {
    let max = limits::MAX_SESSION_BODY_BYTES;
    if body.len() > max {
        return Err(SessionError::invalid(format!(
            "the body is longer than {max} bytes"
        )));
    }
    // A derived struct may be written as a list too.
    let is_object = body.trim_ascii_start().first() == Some(&b'{');
    if !is_object {
        return Err(SessionError::invalid("the body must be a JSON object"));
    }
    serde_json::from_slice(body)
        .map_err(|error| SessionError::invalid(format!("the body can't be read: {error}")))
}

fn wrong(field: &str, what: &str) -> SessionError {
    SessionError::invalid(format!("{field} {what}"))
}

fn unless_null<T>(
    value: Value,
    read: impl FnOnce(Value) -> Result<T, SessionError>,
) -> Result<Option<T>, SessionError> {
    match value {
        Value::Null => Ok(None),
        value => read(value).map(Some),
    }
}

fn text(field: &str, value: Value) -> Result<String, SessionError> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(wrong(field, "must be a text")),
    }
}

fn id_of(field: &str, value: Value) -> Result<RecordId, SessionError> {
    let id = text(field, value)?;
    RecordId::new(id).map_err(|_| wrong(field, "must be 1 to 128 letters, digits, `_` and `-`"))
}

fn status(value: Value) -> Result<Status, SessionError> {
    let name = text("status", value)?;
    Status::from_name(&name).ok_or_else(|| wrong("status", "must be active, completed or error"))
}

fn turns(value: Value) -> Result<u64, SessionError> {
    let max = limits::MAX_TOTAL_TURNS;
    let wrong = || {
        wrong(
            "total_turns",
            &format!("must be a whole number, 0 to {max}"),
        )
    };
    value.as_u64().ok_or_else(wrong)
}

fn cost(value: Value) -> Result<f64, SessionError> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        _ => None,
    };
    number.ok_or_else(|| wrong("total_cost_usd", "must be a number"))
}

#[cfg(test)]
mod tests {
    use super::{NewSession, SessionChange};
    use crate::limits;
    use crate::sessions::model::Status;
    use crate::sessions::problem::SessionErrorKind;
    use proptest::prelude::{any, prop};
    use proptest::proptest;

    #[test]
    fn a_session_is_made_of_what_a_body_says() {
        let body =
            br#" {"id":"a-1","model":"m","status":"completed","total_turns":3,"total_cost_usd":1,
            "parent_session_id":"p"}"#;
        let new = NewSession::from_json(body).expect("allowed");
        assert_eq!(new.id.as_ref().map(|id| id.as_str()), Some("a-1"));
        assert_eq!((new.model.as_str(), new.status), ("m", Status::Completed));
        assert_eq!((new.total_turns, new.total_cost_usd), (3, Some(1.0)));
        assert_eq!(
            new.parent_session_id.map(|id| id.as_str().to_owned()),
            Some("p".to_owned())
        );
        let nulls = br#"{"model":"m","id":null,"status":null,"total_cost_usd":null,"parent_session_id":null}"#;
        for body in [&b"{\"model\":\"m\"}"[..], nulls] {
            assert_eq!(
                NewSession::from_json(body).expect("allowed"),
                NewSession::new("m")
            );
        }
    }

    #[test]
    fn a_change_tells_what_is_taken_away_from_what_is_left() {
        let body = br#"{"status":"error","total_cost_usd":null,"parent_session_id":"p"}"#;
        let change = SessionChange::from_json(body).expect("allowed");
        assert_eq!((change.status, change.model), (Some(Status::Error), None));
        assert_eq!(
            (change.total_turns, change.total_cost_usd),
            (None, Some(None))
        );
        assert_eq!(
            change
                .parent_session_id
                .flatten()
                .map(|id| id.as_str().to_owned()),
            Some("p".to_owned())
        );
        let change = SessionChange::from_json(br#"{"parent_session_id":null,"total_turns":0}"#);
        let change = change.expect("allowed");
        assert_eq!(
            (change.parent_session_id, change.total_turns),
            (Some(None), Some(0))
        );
    }

    #[test]
    fn what_is_not_allowed_is_refused_by_name() {
        let long = format!(
            "{{\"model\":\"{}\"}}",
            "m".repeat(limits::MAX_SESSION_BODY_BYTES)
        );
        for (body, named) in [
            ("{}", "model is missing"),
            ("", "must be a JSON object"),
            ("[\"m\"]", "must be a JSON object"),
            ("null", "must be a JSON object"),
            ("{\"model\":\"m\"", "can't be read"),
            ("{\"model\":\"m\"} {}", "can't be read"),
            (&long, "longer than"),
            ("{\"model\":7}", "model"),
            (
                "{\"model\":\"m\",\"model\":\"n\"}",
                "duplicate field `model`",
            ),
            ("{\"model\":\"m\",\"owner\":\"x\"}", "unknown field `owner`"),
            (
                "{\"model\":\"m\",\"created_at\":\"2024-01-01\"}",
                "unknown field `created_at`",
            ),
            ("{\"model\":\"m\",\"id\":\"a b\"}", "id must be"),
            ("{\"model\":\"m\",\"id\":7}", "id must be a text"),
            (
                "{\"model\":\"m\",\"status\":\"Active\"}",
                "status must be active",
            ),
            (
                "{\"model\":\"m\",\"total_turns\":1.5}",
                "total_turns must be",
            ),
            (
                "{\"model\":\"m\",\"total_turns\":-1}",
                "total_turns must be",
            ),
            (
                "{\"model\":\"m\",\"total_turns\":\"1\"}",
                "total_turns must be",
            ),
            (
                "{\"model\":\"m\",\"total_cost_usd\":\"1\"}",
                "total_cost_usd must be",
            ),
            ("{\"model\":\"m\",\"total_cost_usd\":NaN}", "can't be read"),
            (
                "{\"model\":\"m\",\"total_cost_usd\":1e400}",
                "can't be read",
            ),
            (
                "{\"model\":\"m\",\"parent_session_id\":\"}\"}",
                "parent_session_id must be",
            ),
        ] {
            let error = NewSession::from_json(body.as_bytes()).expect_err(body);
            assert_eq!(error.kind(), SessionErrorKind::Invalid, "{body}");
            assert!(error.to_string().contains(named), "{body}: {error}");
        }
        for (body, named) in [
            ("{}", "changes nothing"),
            ("{\"id\":\"a\"}", "unknown field `id`"),
            ("{\"owner\":null}", "unknown field `owner`"),
            ("{\"model\":null}", "model must be a text"),
            ("{\"status\":null}", "status must be a text"),
            ("{\"total_turns\":null}", "total_turns must be"),
            ("{\"total_cost_usd\":[]}", "total_cost_usd must be"),
        ] {
            let error = SessionChange::from_json(body.as_bytes()).expect_err(body);
            assert_eq!(error.kind(), SessionErrorKind::Invalid, "{body}");
            assert!(error.to_string().contains(named), "{body}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_fail(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = NewSession::from_json(&body);
            let _ = SessionChange::from_json(&body);
        }
    }
}
