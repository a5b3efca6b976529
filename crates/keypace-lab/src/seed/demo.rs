//! The demo's keyspace: several namespaces, all types, odd names.
//! Must not write a key that expires within the hour, so that counts stay exact.

use std::collections::BTreeMap;

use super::{SplitMix64, Writer, name};
use crate::error::LabError;
use crate::limits;
use crate::raw::Raw;

/// Fills an empty server with `total_keys` keys in several namespaces, from the default seed. See [`demo_from`].
///
/// # Errors
/// As `strings`.
pub fn demo(raw: &mut Raw, total_keys: u64) -> Result<BTreeMap<&'static str, u64>, LabError> {
    demo_from(raw, total_keys, limits::DEFAULT_SEED)
}

/// Fills an empty server with exactly `total_keys` keys in several namespaces: sessions with and without TTL, caches,
/// hashes, lists, sets, sorted sets, and names with spaces, newlines, NULs, quotes and bytes that are not UTF-8.
/// Returns how many keys each prefix has.
///
/// # Errors
/// As `strings`.
pub fn demo_from(
    raw: &mut Raw,
    total_keys: u64,
    seed: u64,
) -> Result<BTreeMap<&'static str, u64>, LabError> {
    let shares = shares(total_keys);
    let mut random = SplitMix64::new(seed);
    let mut writer = Writer::new(raw);
    for (namespace, keys) in NAMESPACES.iter().zip(&shares) {
        for number in 0..*keys {
            (namespace.write)(&mut writer, number, random.next())?;
        }
    }
    writer.finish()?;
    Ok(NAMESPACES
        .iter()
        .map(|namespace| namespace.prefix)
        .zip(shares)
        .collect())
}

/// One sort of key in the demo. `write` gets the key's number within its namespace and a random number.
struct Namespace {
    prefix: &'static str,
    per_mille: u64,
    write: fn(&mut Writer<'_>, u64, u64) -> Result<(), LabError>,
}

/// The first one also takes what the shares leave over. Sessions lead, as they do in the keyspaces that need sweeping.
const NAMESPACES: [Namespace; 9] = [
    Namespace {
        prefix: "session:",
        per_mille: 450,
        write: write_session,
    },
    Namespace {
        prefix: "cache:page:",
        per_mille: 200,
        write: write_page,
    },
    Namespace {
        prefix: "image_proxy:",
        per_mille: 100,
        write: write_image,
    },
    Namespace {
        prefix: "image_metadata:",
        per_mille: 100,
        write: write_image_metadata,
    },
    Namespace {
        prefix: "user:",
        per_mille: 90,
        write: write_user,
    },
    Namespace {
        prefix: "queue:",
        per_mille: 10,
        write: write_queue,
    },
    Namespace {
        prefix: "tag:",
        per_mille: 30,
        write: write_tag,
    },
    Namespace {
        prefix: "leaderboard:",
        per_mille: 10,
        write: write_leaderboard,
    },
    Namespace {
        prefix: "odd:",
        per_mille: 10,
        write: write_odd,
    },
];

/// How many keys each namespace gets; the sum is `total_keys`.
fn shares(total_keys: u64) -> [u64; NAMESPACES.len()] {
    let mut shares = NAMESPACES.map(|namespace| {
        total_keys / 1000 * namespace.per_mille + total_keys % 1000 * namespace.per_mille / 1000
    });
    shares[0] += total_keys - shares.iter().sum::<u64>();
    shares
}

fn ttl_seconds(random: u64) -> String {
    (limits::SEED_MIN_TTL_SECONDS + random % limits::SEED_TTL_SPREAD_SECONDS).to_string()
}

/// Every second session has a TTL; the others are the leftovers that somebody wants to sweep.
fn write_session(writer: &mut Writer<'_>, number: u64, random: u64) -> Result<(), LabError> {
    let key = format!("session:{random:016x}");
    let value = format!("{{\"user\":{},\"csrf\":\"{random:x}\"}}", random % 10_000);
    if number.is_multiple_of(2) {
        writer.add(&[
            b"SET",
            key.as_bytes(),
            value.as_bytes(),
            b"EX",
            ttl_seconds(random).as_bytes(),
        ])
    } else {
        writer.add(&[b"SET", key.as_bytes(), value.as_bytes()])
    }
}

fn write_page(writer: &mut Writer<'_>, number: u64, random: u64) -> Result<(), LabError> {
    let key = format!(
        "cache:page:/{}/{number}",
        ["news", "shop", "help", "blog"][(random % 4) as usize]
    );
    let value = vec![b'<'; 64 + (random % 192) as usize];
    writer.add(&[
        b"SET",
        key.as_bytes(),
        &value,
        b"EX",
        ttl_seconds(random).as_bytes(),
    ])
}

fn write_image(writer: &mut Writer<'_>, _number: u64, random: u64) -> Result<(), LabError> {
    let key = format!("image_proxy:{random:016x}");
    let value = vec![0xff; 128 + (random % 256) as usize];
    writer.add(&[b"SET", key.as_bytes(), &value])
}

fn write_image_metadata(
    writer: &mut Writer<'_>,
    _number: u64,
    random: u64,
) -> Result<(), LabError> {
    let key = format!("image_metadata:{random:016x}");
    let value = format!(
        "{{\"width\":{},\"height\":{}}}",
        random % 4000,
        random % 3000
    );
    writer.add(&[b"SET", key.as_bytes(), value.as_bytes()])
}

/// HMSET, as HSET takes one field only before 4.0.
fn write_user(writer: &mut Writer<'_>, number: u64, random: u64) -> Result<(), LabError> {
    let key = format!("user:{number}:profile");
    let visits = (random % 1000).to_string();
    writer.add(&[
        b"HMSET",
        key.as_bytes(),
        b"language",
        b"en",
        b"visits",
        visits.as_bytes(),
    ])
}

fn write_queue(writer: &mut Writer<'_>, number: u64, random: u64) -> Result<(), LabError> {
    let key = format!("queue:{number}");
    let job = format!("job-{random:x}");
    writer.add(&[b"RPUSH", key.as_bytes(), job.as_bytes(), b"job-1", b"job-2"])
}

fn write_tag(writer: &mut Writer<'_>, number: u64, random: u64) -> Result<(), LabError> {
    let key = format!("tag:{number}");
    let member = format!("page-{}", random % 100_000);
    writer.add(&[
        b"SADD",
        key.as_bytes(),
        member.as_bytes(),
        b"page-a",
        b"page-b",
    ])
}

fn write_leaderboard(writer: &mut Writer<'_>, number: u64, random: u64) -> Result<(), LabError> {
    let key = format!("leaderboard:{number}");
    let score = (random % 1_000_000).to_string();
    writer.add(&[
        b"ZADD",
        key.as_bytes(),
        score.as_bytes(),
        b"first",
        b"10",
        b"second",
    ])
}

/// Names that break tools which split on white space or expect UTF-8.
fn write_odd(writer: &mut Writer<'_>, number: u64, _random: u64) -> Result<(), LabError> {
    const FORMS: [&[u8]; 5] = [
        b"odd:with space ",
        b"odd:new\nline ",
        b"odd:\xff\xfe not utf-8 ",
        b"odd:nul\0 ",
        b"odd:\"quoted\" 'twice' ",
    ];
    let form = FORMS[(number % FORMS.len() as u64) as usize];
    writer.add(&[b"SET", &name(form, number), b"odd"])
}

#[cfg(test)]
mod tests {
    use super::NAMESPACES;
    use super::shares;

    #[test]
    fn shares_add_up_to_the_total() {
        for total in [0, 1, 7, 999, 1000, 1001, 200_000, u64::MAX / 1000] {
            assert_eq!(shares(total).iter().sum::<u64>(), total);
        }
        assert_eq!(
            NAMESPACES
                .iter()
                .map(|namespace| namespace.per_mille)
                .sum::<u64>(),
            1000
        );
    }
}
