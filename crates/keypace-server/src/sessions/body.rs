//! Reads a session as applications have written it: lenient, and the same for one and for many. What is written by us
//! is strict (`model.rs`). Pure: who reads warns of what was left out.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use keypace::RecordId;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::limits;
use crate::sessions::iso_time::parse_iso_time;
use crate::sessions::model::{Session, Status};

/// Why a record is no readable session: the field, for a warning beside the record's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable {
    /// The field that is missing or can't be read; `body` where the whole is no JSON object.
    pub field: &'static str,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "read a session: `{}` is missing or can't be read",
            self.field
        )
    }
}

impl std::error::Error for Unreadable {}

/// Reads the body of the record `id`. Times are what Python's `fromisoformat` accepts; numbers may be text, and a count
/// a fraction; an unknown status is active; a cost that is no finite number is none.
///
/// The session has the id of its record, whatever the body's own says, as long as that is there.
///
/// # Errors
/// [`Unreadable`] where id, model, status or one of the times is missing, or a time can't be read.
pub fn read_session(id: &RecordId, body: &[u8]) -> Result<Session, Unreadable> {
    let fields = read_fields(body)?;
    let value = |field| fields.get(field).and_then(|raw| value_of(raw));
    let present = |field: &'static str| match value(field) {
        None | Some(Value::Null) => Err(Unreadable { field }),
        Some(value) => Ok(value),
    };
    let text = |field| text_of(&present(field)?).ok_or(Unreadable { field });
    let time = |field| time_of(&present(field)?).ok_or(Unreadable { field });
    text("id")?;
    Ok(Session {
        id: id.clone(),
        model: text("model")?,
        status: status_of(&present("status")?),
        created_at: time("created_at")?,
        updated_at: time("updated_at")?,
        total_turns: value("total_turns")
            .and_then(|value| count_of(&value))
            .unwrap_or(0),
        total_cost_usd: value("total_cost_usd").and_then(|value| number_of(&value)),
        parent_session_id: value("parent_session_id")
            .and_then(|value| text_of(&value))
            .and_then(|parent| RecordId::new(parent).ok()),
    })
}

/// The fields of a body by their names, each as it is written.
pub(crate) type Fields = BTreeMap<String, Box<RawValue>>;

/// All fields of a body, the ones that are no session's too: what those hold is not looked at, and can't make the body
/// unreadable.
pub(crate) fn read_fields(body: &[u8]) -> Result<Fields, Unreadable> {
    serde_json::from_slice(body).or_else(|_| {
        let unreadable = Unreadable { field: "body" };
        let text = std::str::from_utf8(body).map_err(|_| unreadable)?;
        serde_json::from_str(&without_pythons_numbers(text)).map_err(|_| unreadable)
    })
}

fn value_of(raw: &RawValue) -> Option<Value> {
    serde_json::from_str(raw.get()).ok()
}

/// Python's `json` writes NaN and infinities by names that are no JSON: `null` in their place.
fn without_pythons_numbers(text: &str) -> String {
    const NAMES: [&str; 3] = ["-Infinity", "Infinity", "NaN"];
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    let mut is_in_string = false;
    while let Some(first) = rest.chars().next() {
        let name = NAMES.iter().find(|name| rest.starts_with(**name));
        let taken = match (first, is_in_string, name) {
            (_, false, Some(name)) => {
                plain.push_str("null");
                rest = &rest[name.len()..];
                continue;
            }
            // What is escaped ends no string.
            ('\\', true, _) => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            ('"', ..) => {
                is_in_string = !is_in_string;
                1
            }
            _ => first.len_utf8(),
        };
        plain.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    plain
}

/// A text that says something, or a number as text.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn status_of(value: &Value) -> Status {
    value
        .as_str()
        .and_then(Status::from_name)
        .unwrap_or_default()
}

fn time_of(value: &Value) -> Option<DateTime<Utc>> {
    value.as_str().and_then(parse_iso_time)
}

/// A finite number, which may be written as text.
fn number_of(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

/// A whole number that is not negative; what a fraction has behind its point is cut off, as Python's `int` does.
fn count_of(value: &Value) -> Option<u64> {
    let exact = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let count = exact.or_else(|| {
        let number = number_of(value)?.trunc();
        let is_exact = (0.0..=limits::MAX_TOTAL_TURNS as f64).contains(&number);
        // In these bounds every whole number is an integer's.
        is_exact.then_some(number as u64)
    });
    count.filter(|count| *count <= limits::MAX_TOTAL_TURNS)
}

#[cfg(test)]
mod tests {
    use super::{Unreadable, read_fields, read_session};
    use crate::sessions::model::{NewSession, Session, Status};
    use chrono::{DateTime, Utc};
    use keypace::RecordId;
    use proptest::prelude::{Strategy, any, prop};
    use proptest::{prop_assert_eq, proptest};
    use serde_json::{Value, json};

    fn id() -> RecordId {
        RecordId::new("s1").expect("allowed")
    }

    /// A readable body, with one field set to this JSON, or without it.
    fn with(field: &str, value: Option<&str>) -> Result<Session, Unreadable> {
        let mut parts: Vec<String> = [
            ("id", r#""s1""#),
            ("model", r#""m""#),
            ("status", r#""completed""#),
            ("created_at", r#""2024-05-01T10:00:00.123456""#),
            ("updated_at", r#""2024-05-01 12:00:00+02:00""#),
            ("owner_api_key", r#""NaN \" Infinity \\""#),
        ]
        .into_iter()
        .filter(|(name, _)| *name != field)
        .map(|(name, value)| format!("\"{name}\": {value}"))
        .collect();
        parts.extend(value.map(|value| format!("\"{field}\": {value}")));
        read_session(&id(), format!("{{{}}}", parts.join(", ")).as_bytes())
    }

    #[test]
    fn a_whole_session_is_read() {
        let session = with("", None).expect("readable");
        assert_eq!(session.status, Status::Completed);
        assert_eq!(
            session.created_at.to_rfc3339(),
            "2024-05-01T10:00:00.123456+00:00"
        );
        assert_eq!(session.updated_at.to_rfc3339(), "2024-05-01T10:00:00+00:00");
        assert_eq!((session.total_turns, session.total_cost_usd), (0, None));
        assert_eq!(session.parent_session_id, None);
    }

    #[test]
    fn counts_and_costs_may_be_written_in_many_ways() {
        for (value, turns) in [
            ("7", 7),
            ("\"7\"", 7),
            ("\" 7 \"", 7),
            ("7.0", 7),
            ("7.9", 7),
            ("\"7.9\"", 7),
            ("1e2", 100),
            ("-1", 0),
            ("null", 0),
            ("true", 0),
            ("NaN", 0),
            ("\"nan\"", 0),
            ("Infinity", 0),
            ("1e300", 0),
            ("18446744073709551615", 0),
            ("\"many\"", 0),
            ("[7]", 0),
        ] {
            let session = with("total_turns", Some(value)).expect("readable");
            assert_eq!(session.total_turns, turns, "{value}");
        }
        for (value, cost) in [
            ("0.25", Some(0.25)),
            ("\"0.25\"", Some(0.25)),
            ("3", Some(3.0)),
            ("-0.5", Some(-0.5)),
            ("NaN", None),
            ("-Infinity", None),
            ("Infinity", None),
            ("\"NaN\"", None),
            ("\"inf\"", None),
            ("\"\"", None),
            ("null", None),
            ("{}", None),
        ] {
            let session = with("total_cost_usd", Some(value)).expect("readable");
            assert_eq!(session.total_cost_usd, cost, "{value}");
        }
    }

    #[test]
    fn an_unknown_status_is_active_and_an_unreadable_parent_none() {
        for value in ["\"active\"", "\"paused\"", "\"Completed\"", "\"\"", "7"] {
            let session = with("status", Some(value)).expect("readable");
            assert_eq!(session.status, Status::Active, "{value}");
        }
        assert_eq!(
            with("status", Some("\"error\"")).map(|s| s.status),
            Ok(Status::Error)
        );
        for (value, parent) in [
            ("\"p-1\"", Some("p-1")),
            ("17", Some("17")),
            ("\"a b\"", None),
            ("\"\"", None),
        ] {
            let session = with("parent_session_id", Some(value)).expect("readable");
            assert_eq!(
                session.parent_session_id.as_ref().map(RecordId::as_str),
                parent
            );
        }
    }

    #[test]
    fn what_a_session_can_t_be_without_is_named() {
        for field in ["id", "model", "status", "created_at", "updated_at"] {
            assert_eq!(with(field, None), Err(Unreadable { field }));
            assert_eq!(with(field, Some("null")), Err(Unreadable { field }));
        }
        for (field, value) in [
            ("id", "\"\""),
            ("model", "\"\""),
            ("model", "{}"),
            ("created_at", "\"yesterday\""),
            ("created_at", "1714557600"),
            ("updated_at", "\"\""),
        ] {
            assert_eq!(
                with(field, Some(value)),
                Err(Unreadable { field }),
                "{value}"
            );
        }
        for body in ["", "[]", "7", "{\"id\":", "{\"id\": NaNa}", "\u{1}"] {
            let unreadable = Unreadable { field: "body" };
            assert_eq!(
                read_session(&id(), body.as_bytes()),
                Err(unreadable),
                "{body}"
            );
        }
        assert_eq!(
            read_session(&id(), b"\xff{}"),
            Err(Unreadable { field: "body" })
        );
    }

    #[test]
    fn a_record_says_what_its_session_is_called() {
        let session = with("id", Some("\"another\"")).expect("readable");
        assert_eq!(session.id, id());
        assert_eq!(with("id", Some("7")).map(|s| s.id), Ok(id()));
    }

    /// Numbers of any length, halves of characters and deep lists are JSON to others.
    #[test]
    fn fields_of_the_applications_own_are_not_looked_at() {
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        for value in [
            r#""cut \ud83d""#,
            "123456789012345678901234567890",
            "1e400",
            &deep,
        ] {
            assert_eq!(with("notes", Some(value)), with("", None), "{value}");
            let body = format!("{{\"notes\":{value},\"id\":1}}");
            let fields = read_fields(body.as_bytes()).expect("readable");
            assert_eq!(fields["notes"].get(), value);
        }
        assert_eq!(with("total_cost_usd", Some("1e400")), with("", None));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            model in "[^\\p{Cc}]{1,40}",
            micros in -62_135_596_800_000_000_i64..253_402_300_800_000_000,
            turns in 0..=crate::limits::MAX_TOTAL_TURNS,
            cost in prop::option::of(any::<f64>().prop_filter("finite", |cost| cost.is_finite())),
        ) {
            let now = DateTime::<Utc>::from_timestamp_micros(micros).expect("a time");
            let mut new = NewSession::new(model).with_id(id());
            (new.total_turns, new.total_cost_usd) = (turns, cost);
            let session = new.into_session(now).expect("allowed");
            let body = serde_json::to_vec(&session).expect("JSON");
            prop_assert_eq!(read_session(&id(), &body), Ok(session));
        }

        #[test]
        fn no_bytes_make_the_reader_fail(body in prop::collection::vec(any::<u8>(), 0..200), text in ".{0,40}") {
            let _ = read_session(&id(), &body);
            let value: Value = json!({"id": "a", "model": "m", "status": 1, "created_at": text, "updated_at": text});
            let _ = read_session(&id(), value.to_string().as_bytes());
        }
    }
}
