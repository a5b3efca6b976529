//! Owns SCAN: its options, the walk, the filters after it. The cursor itself is the table's.

use super::super::data::State;
use super::super::glob;
use super::super::options::Flavour;
use super::super::reply::Reply;
use super::{Answer, Call, NO_KEYS, READ, Refusal, SYNTAX, Spec, integer, refuse, word};
use crate::limits::DEFAULT_SCAN_COUNT;

pub(super) const SPECS: &[Spec] = &[Spec::new("scan", -2, NO_KEYS, READ, scan).since(2, 8)];

const TYPES: [&str; 6] = ["string", "list", "set", "hash", "zset", "stream"];

struct Filters<'a> {
    count: u64,
    pattern: Option<&'a [u8]>,
    type_name: Option<String>,
}

fn scan(call: &mut Call<'_>) -> Answer {
    let cursor = parse_cursor(call.state, &call.args[1])?;
    let filters = parse_options(call.state, &call.args[2..])?;
    if call.state.empty_pages > 0 {
        call.state.empty_pages -= 1;
        let aside = call.state.databases[call.session.database].step_aside(cursor);
        return Ok(page(aside, Vec::new()));
    }
    let database = call.session.database;
    let mut walked = Vec::new();
    let next = call.state.databases[database].scan_page(
        cursor,
        filters.count,
        filters.pattern,
        |key, _| {
            walked.push(key.to_vec());
        },
    );
    let mut keys: Vec<Vec<u8>> = Vec::new();
    for key in walked {
        if selects(call.state, database, &filters, &key) {
            keys.push(key);
        }
    }
    if call.edit.duplicate {
        keys.extend_from_within(..);
    }
    Ok(page(
        if call.edit.same_cursor { cursor } else { next },
        keys,
    ))
}

fn page(cursor: u64, keys: Vec<Vec<u8>>) -> Reply {
    Reply::Array(vec![
        Reply::bulk(cursor.to_string()),
        Reply::Array(keys.into_iter().map(Reply::Bulk).collect()),
    ])
}

/// In the server's order: pattern, then type, then expiry. So a scan deletes the expired keys that it would have returned.
fn selects(state: &mut State, database: usize, filters: &Filters<'_>, key: &[u8]) -> bool {
    if filters
        .pattern
        .is_some_and(|pattern| !glob::selects(pattern, key))
    {
        return false;
    }
    let type_name = state.databases[database]
        .get(key)
        .map(|entry| entry.value.type_name());
    if filters
        .type_name
        .as_deref()
        .is_some_and(|wanted| type_name != Some(wanted))
    {
        return false;
    }
    !state.expire_if_due(database, key)
}

/// Redis reads with `strtoul`, which takes a sign and an empty text; Valkey is stricter.
fn parse_cursor(state: &State, arg: &[u8]) -> Result<u64, Refusal> {
    let text = std::str::from_utf8(arg).ok();
    let cursor = match state.options.flavour {
        Flavour::Valkey => text.map(str::trim_start).and_then(|text| text.parse().ok()),
        Flavour::Redis => text.and_then(|text| match text.strip_prefix('-') {
            Some(digits) => digits.parse().ok().map(u64::wrapping_neg),
            None if text.is_empty() => Some(0),
            None => text.parse().ok(),
        }),
    };
    cursor.ok_or_else(|| Refusal("ERR invalid cursor".to_owned()))
}

fn parse_options<'a>(state: &State, mut rest: &'a [Vec<u8>]) -> Result<Filters<'a>, Refusal> {
    let mut filters = Filters {
        count: DEFAULT_SCAN_COUNT,
        pattern: None,
        type_name: None,
    };
    while let [name, value, after @ ..] = rest {
        match word(name).as_str() {
            "COUNT" => match u64::try_from(integer(value)?) {
                Ok(count) if count > 0 => filters.count = count,
                _ => return refuse(SYNTAX),
            },
            "MATCH" => filters.pattern = Some(value),
            "TYPE" if knows_type(state) => filters.type_name = Some(parse_type(state, value)?),
            _ => return refuse(SYNTAX),
        }
        rest = after;
    }
    if rest.is_empty() {
        Ok(filters)
    } else {
        refuse(SYNTAX)
    }
}

fn knows_type(state: &State) -> bool {
    state.options.release() >= (6, 0) && !state.options.off.contains("SCAN TYPE")
}

/// Older servers take any name and find nothing.
fn parse_type(state: &State, value: &[u8]) -> Result<String, Refusal> {
    let name = word(value).to_ascii_lowercase();
    if state.options.release() >= (8, 0) && !TYPES.contains(&name.as_str()) {
        return refuse(format!(
            "ERR unknown type name '{}'",
            String::from_utf8_lossy(value)
        ));
    }
    Ok(name)
}
