//! Keys with what is said of each beside its name: columns for people and pipes, or JSON. Turns what was learnt into
//! bytes; writes nothing.

use keypace::{Facts, Key, Ttl};
use serde::Serialize;

use super::keys::{JsonKey, json_key};
use crate::args::Field;

/// What stands in a column that has nothing to say.
const NOTHING: &str = "-";

/// A line for a key: its name, escaped, and the fields behind tabs.
pub(super) fn columns(to: &mut Vec<u8>, key: &Key, facts: &Facts, fields: &[Field]) {
    to.extend_from_slice(key.escaped().to_string().as_bytes());
    for field in fields {
        to.push(b'\t');
        let text = column(*field, facts);
        to.extend_from_slice(text.as_deref().unwrap_or(NOTHING).as_bytes());
    }
    to.push(b'\n');
}

fn column(field: Field, facts: &Facts) -> Option<String> {
    match field {
        Field::Type => facts.kind.as_ref().map(ToString::to_string),
        Field::Ttl => match facts.ttl? {
            Ttl::None => None,
            Ttl::Left(left) => {
                let ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
                Some(seconds(ms).to_string())
            }
        },
        Field::Idle => facts.idle.map(|idle| idle.as_secs().to_string()),
        Field::Size => facts.size.map(|size| size.amount.to_string()),
    }
}

/// Whole seconds, rounded up: what is there yet has more than nothing left.
fn seconds(ms: u64) -> u64 {
    ms.div_ceil(1000)
}

/// An object for a key. A field that was asked for is there, null where the server doesn't tell.
pub(super) fn json(to: &mut Vec<u8>, key: &Key, facts: &Facts, fields: &[Field]) {
    let wants = |field| fields.contains(&field);
    let ttl_ms = match facts.ttl {
        Some(Ttl::Left(left)) => u64::try_from(left.as_millis()).ok(),
        Some(Ttl::None) | None => None,
    };
    let line = Line {
        key: json_key(key.as_bytes()),
        kind: wants(Field::Type).then(|| facts.kind.as_ref().map(ToString::to_string)),
        ttl: wants(Field::Ttl).then(|| ttl_ms.map(seconds)),
        ttl_ms: wants(Field::Ttl).then_some(ttl_ms),
        idle: wants(Field::Idle).then(|| facts.idle.map(|idle| idle.as_secs())),
        size: wants(Field::Size).then(|| facts.size.map(|size| size.amount)),
        size_is_elements: wants(Field::Size) && facts.size.is_some_and(|size| size.is_elements),
    };
    // Writing to memory can't fail, and no part is one that JSON can't hold.
    if serde_json::to_writer(&mut *to, &line).is_ok() {
        to.push(b'\n');
    }
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    key: JsonKey<'a>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<Option<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl_ms: Option<Option<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle: Option<Option<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<Option<u64>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    size_is_elements: bool,
}

#[cfg(test)]
mod tests {
    use super::{columns, json};
    use crate::args::Field;
    use keypace::{Facts, Key, Size, Ttl, TypeName};
    use std::time::Duration;

    const ALL: [Field; 4] = [Field::Type, Field::Ttl, Field::Idle, Field::Size];

    fn known() -> Facts {
        let mut facts = Facts::default();
        facts.kind = Some(TypeName::Hash);
        facts.ttl = Some(Ttl::Left(Duration::from_millis(1_001)));
        facts.idle = Some(Duration::from_secs(7));
        facts.size = Some(Size::bytes(4_096));
        facts
    }

    fn text(key: &[u8], facts: &Facts, fields: &[Field]) -> String {
        let mut bytes = Vec::new();
        columns(&mut bytes, &Key::new(key.to_vec()), facts, fields);
        String::from_utf8(bytes).expect("UTF-8")
    }

    fn object(key: &[u8], facts: &Facts, fields: &[Field]) -> String {
        let mut bytes = Vec::new();
        json(&mut bytes, &Key::new(key.to_vec()), facts, fields);
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn columns_stand_in_the_order_asked_for() {
        assert_eq!(text(b"k", &known(), &ALL), "k\thash\t2\t7\t4096\n");
        assert_eq!(
            text(b"k", &known(), &[Field::Size, Field::Type]),
            "k\t4096\thash\n"
        );
    }

    #[test]
    fn nothing_to_say_is_a_dash() {
        assert_eq!(text(b"k", &Facts::default(), &ALL), "k\t-\t-\t-\t-\n");
        let mut facts = known();
        facts.ttl = Some(Ttl::None);
        assert_eq!(text(b"k", &facts, &[Field::Ttl]), "k\t-\n");
    }

    #[test]
    fn a_name_can_t_be_taken_for_a_column_or_a_line() {
        assert_eq!(
            text(b"a\tb\nc\xff", &known(), &[Field::Type]),
            "a\\tb\\nc\\xff\thash\n"
        );
    }

    #[test]
    fn json_has_what_was_asked_for_and_null_where_nothing_is_known() {
        assert_eq!(
            object(b"k", &known(), &ALL),
            "{\"key\":\"k\",\"type\":\"hash\",\"ttl\":2,\"ttl_ms\":1001,\"idle\":7,\"size\":4096}\n"
        );
        assert_eq!(
            object(b"\xff", &Facts::default(), &[Field::Ttl, Field::Idle]),
            "{\"key_b64\":\"/w==\",\"ttl\":null,\"ttl_ms\":null,\"idle\":null}\n"
        );
        let mut facts = known();
        facts.size = Some(Size::elements(3));
        assert_eq!(
            object(b"k", &facts, &[Field::Size]),
            "{\"key\":\"k\",\"size\":3,\"size_is_elements\":true}\n"
        );
    }
}
