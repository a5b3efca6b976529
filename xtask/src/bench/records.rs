//! A page of one owner's records among few and among millions of others: its round trips, its latency, and what the
//! index takes of the server's memory. Must not compare servers that were measured at different times.

use std::process::Command;

use keypace_lab::seed::{self, OwnerRecords};
use keypace_lab::{Listen, OwnedServer, Raw, ServerOptions};
use serde_json::{Value, json};

use super::figures::{Row, Unit, Verdict, column, median};
use super::process;
use super::setting::Setting;
use crate::failure::{Failure, Outcome};
use crate::shell;

/// Records of others, in hundredths of the setting's keys: 10,000, 1,000,000 and 5,000,000 at full size.
const OTHERS_HUNDREDTHS: [u64; 3] = [1, 100, 500];
/// Of each other owner.
const PER_OWNER: u64 = 10;
/// From 128 members on a sorted set is another structure, with more memory for each.
const PER_LARGE_OWNER: u64 = 1000;
/// What is measured is one owner's page: more of them find less of it in a processor's cache.
const LISTED_OWNERS: u64 = 100;
/// Two pages each, so that the members which a page asks for beyond its size are there.
const LISTED_RECORDS: u64 = 40;
/// Of each owner in a round: one list is a fifth of a millisecond.
const PASSES: u64 = 5;
const BODY_BYTES: usize = 100;
/// As the example opens it.
const NAMESPACE: &str = "bench";
/// Owners beside those that are listed, whose tags nobody has to know.
const TAG_SEED: u64 = 0x6b65_7970_6163_6536;
const EXAMPLE: &str = "records_speed";
const LATENCY_LIMIT_TIMES: f64 = 1.3;
const ROUND_TRIPS: f64 = 2.0;

/// A server, and what its records take.
struct Store {
    server: OwnedServer,
    others: u64,
    taken: Taken,
}

/// Bytes of the server's memory for each record.
struct Taken {
    record: f64,
    index: f64,
}

/// A row for each number of others, all in turns, and one for the memory of long indexes.
pub(crate) fn measure(setting: &Setting<'_>) -> Outcome<Vec<Row>> {
    let workspace = setting.workspace;
    let example = ["--package", "keypace", "--example", EXAMPLE];
    shell::run(
        shell::cargo(&workspace.root)
            .args(["build", "--release"])
            .args(example),
    )?;
    let mut stores = Vec::new();
    for hundredths in OTHERS_HUNDREDTHS {
        let others = (setting.keys * hundredths / 100).max(PER_OWNER);
        stores.push(Store::filled(setting, others, PER_OWNER)?);
    }
    let mut command = Command::new(workspace.release("examples").join(EXAMPLE));
    let numbers = [LISTED_OWNERS, LISTED_RECORDS, setting.rounds as u64, PASSES];
    command.args(numbers.map(|number| number.to_string()));
    command.args(stores.iter().map(|store| store.server.url()));
    let said = process::piped(vec![command])?.said()?;
    let mut rows = rows(&stores_of(&stores), &said)?;
    for store in stores {
        store.server.stop()?;
    }
    let large = (setting.keys / 10).max(PER_LARGE_OWNER);
    let store = Store::filled(setting, large, PER_LARGE_OWNER)?;
    store.server.stop()?;
    rows.push(
        Row::new(format!("index of owners with {PER_LARGE_OWNER} records"))
            .with_field("others", large)
            .with_rounds(vec![store.taken.to_json()]),
    );
    Ok(rows)
}

impl Store {
    /// Records of `each` for an owner, then their index.
    fn filled(setting: &Setting<'_>, others: u64, each: u64) -> Outcome<Self> {
        eprintln!("seeding {others} records, {each} for each owner");
        let options = ServerOptions::default().with_listen(Listen::Tcp);
        let server = OwnedServer::start(setting.program, options)?;
        let mut raw = Raw::connect(server.endpoint())?;
        let empty = used(&mut raw)?;
        let body = "x".repeat(BODY_BYTES - 2);
        let body = |_| format!("\"{body}\"");
        seed::records(&mut raw, NAMESPACE, owners(others, each), body)?;
        let with_records = used(&mut raw)?;
        seed::record_index(&mut raw, NAMESPACE, owners(others, each))?;
        let with_index = used(&mut raw)?;
        let taken = Taken {
            record: (with_records - empty) / others as f64,
            index: (with_index - with_records) / others as f64,
        };
        Ok(Self {
            server,
            others,
            taken,
        })
    }
}

/// Owners with tags as random as those of a hash, the same each time.
fn owners(records: u64, each: u64) -> impl Iterator<Item = OwnerRecords> {
    let mut random = seed::SplitMix64::new(TAG_SEED);
    (0..records).step_by(each as usize).map(move |first| {
        let (high, low) = (random.next(), random.next());
        OwnerRecords {
            tag: format!("{high:016x}{low:016x}"),
            numbers: first..records.min(first + each),
        }
    })
}

fn used(raw: &mut Raw) -> Outcome<f64> {
    let memory = raw.info("memory")?;
    let used = memory.get("used_memory").and_then(|used| used.parse().ok());
    used.ok_or_else(|| Failure::new("INFO has no used_memory"))
}

impl Taken {
    fn to_json(&self) -> Value {
        json!({ "index_bytes_per_record": self.index.round(), "record_bytes": self.record.round() })
    }
}

fn stores_of(stores: &[Store]) -> Vec<(u64, Value)> {
    let of = |store: &Store| (store.others, store.taken.to_json());
    stores.iter().map(of).collect()
}

/// A row for each store, in their order; the first has the fewest records.
fn rows(stores: &[(u64, Value)], said: &Value) -> Outcome<Vec<Row>> {
    let said = said.as_array().map_or(&[][..], Vec::as_slice);
    if said.len() != stores.len() || said.is_empty() {
        return Err(Failure::new(format!(
            "{EXAMPLE} measured {} of {} servers",
            said.len(),
            stores.len()
        )));
    }
    let fewest = &stores[0].0;
    let base = lists_us(&said[0]);
    let rows = stores.iter().zip(said).map(|((others, taken), said)| {
        let mut rounds = said.as_array().cloned().unwrap_or_default();
        for round in &mut rounds {
            for field in ["index_bytes_per_record", "record_bytes"] {
                round[field] = taken[field].clone();
            }
        }
        let trips = median(&column(&rounds, "round_trips"));
        let most = column(&rounds, "round_trips")
            .into_iter()
            .fold(trips, f64::max);
        let row = Row::new(format!("list among {others}"))
            .with_field("others", *others)
            .with_rounds(rounds)
            .with_verdict(Verdict::at_most(
                format!("among {others}, round trips of a page"),
                most,
                ROUND_TRIPS,
                Unit::Count,
            ));
        if others == fewest {
            return row;
        }
        let ours = lists_us(said);
        row.with_wait_ratio(&format!("list among {others} / {fewest}"), &ours, &base)
            .with_verdict(Verdict::at_most(
                format!("among {others}, median of that among {fewest}"),
                median(&ours) / median(&base),
                LATENCY_LIMIT_TIMES,
                Unit::Times,
            ))
    });
    Ok(rows.collect())
}

fn lists_us(rounds: &Value) -> Vec<f64> {
    let rounds = rounds.as_array().map_or(&[][..], Vec::as_slice);
    column(rounds, "list_us")
}

#[cfg(test)]
mod tests {
    use super::{owners, rows};
    use serde_json::{Value, json};

    fn outcomes(of_many_us: f64, trips: f64) -> Vec<Value> {
        let stores = [10, 1000].map(|others| (others, json!({ "index_bytes_per_record": 50 })));
        let round =
            |list_us: f64, trips: f64| json!([{ "list_us": list_us, "round_trips": trips }]);
        let said = json!([round(100.0, 2.0), round(of_many_us, trips)]);
        let rows = rows(&stores, &said).expect("rows");
        let verdicts = rows.into_iter().flat_map(|row| {
            let row = row.into_json();
            row["verdicts"].as_array().cloned().unwrap_or_default()
        });
        verdicts.map(|verdict| verdict["outcome"].clone()).collect()
    }

    #[test]
    fn round_trips_and_latency_are_held() {
        assert_eq!(outcomes(129.0, 2.0), ["met", "met", "met"]);
        assert_eq!(outcomes(131.0, 2.01), ["met", "missed", "missed"]);
        assert!(rows(&[(10, Value::Null)], &json!([])).is_err());
    }

    #[test]
    fn all_records_have_an_owner_and_no_two_owners_a_tag() {
        let all: Vec<_> = owners(95, 10).collect();
        let records: u64 = all
            .iter()
            .map(|owner| owner.numbers.clone().count() as u64)
            .sum();
        assert_eq!((all.len(), records), (10, 95));
        assert!(all.iter().all(|owner| owner.tag.len() == 32));
        let again: Vec<_> = owners(95, 10).collect();
        assert_eq!(all, again);
        assert_ne!(all[0].tag, all[1].tag);
    }
}
