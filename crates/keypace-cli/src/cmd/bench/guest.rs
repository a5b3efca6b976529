//! Measuring on a server that is somebody's: who we come as, what is refused, and what its keyspace is too large for.
//! Must not send anything there before it is certain that it is meant.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use keypace::ServerInfo;
use keypace_lab::{Raw, Visit};

use super::Trouble;
use super::choice::Choice;
use super::lane::Lane;
use crate::args::Global;
use crate::cmd::lab::from_lab;
use crate::exit::{Exit, Halt};
use crate::render::figures::{bytes, grouped, plural};
use crate::settings::{Surroundings, password_beside_url};

/// Of a server's memory, in hundredths: beyond this our keys could push others out or have writes refused.
const MAX_MEMORY_SHARE: u64 = 80;

/// Reads the address and who we come as; refuses unless `--i-know` was given.
pub(super) fn visit(url: &str, global: &Global, choice: &Choice) -> Result<Visit, Halt> {
    if !global.i_know {
        return Err(refusal(choice));
    }
    let mut visit = Visit::parse(url).map_err(|error| from_lab(&error, Exit::Usage))?;
    let around = Surroundings {
        password: Surroundings::read()?.password,
        ..Surroundings::nothing()
    };
    let typed = Global {
        url: vec![url.to_owned()],
        password_file: global.password_file.clone(),
        ..Global::default()
    };
    let password = password_beside_url(&typed, &around, visit.password().is_some())?;
    if let Some(user) = &global.user {
        visit = visit.with_user(user);
    }
    if let Some(password) = password {
        visit = visit.with_password(password);
    }
    Ok(visit)
}

fn refusal(choice: &Choice) -> Halt {
    let keys = choice.most_keys();
    Halt::new(
        Exit::Refused,
        format!(
            "measure on that server without --i-know: it would write up to {} ({}) under a random prefix of its own, \
             list, read and delete them at full speed, walk the whole database for that many times over, and so hold \
             its other clients up; then remove what it wrote, and nothing else",
            plural(keys, "key"),
            bytes(choice.most_bytes())
        ),
    )
    .with_hint("without --on a private server is measured; to do it there all the same, add --i-know")
}

/// A prefix that nobody else has, and the seed in it.
pub(super) fn prefix() -> String {
    // The standard library's maps are seeded by the system; that is random enough for a name.
    let seed = RandomState::new().build_hasher().finish();
    format!("keypace-bench:{seed:016x}:")
}

/// Refuses where the keys would find no room, or could push out those of others.
pub(super) async fn check(
    lane: &Lane,
    visit: &Visit,
    server: &ServerInfo,
    choice: &Choice,
) -> Result<(), Trouble> {
    if server.role == "replica" {
        return Err(Trouble::Halted(
            Halt::new(Exit::Refused, "measure on a replica: it takes no writes")
                .with_hint("give the address of its primary"),
        ));
    }
    let asked = visit.clone();
    let memory = lane
        .run(move |_| Raw::visit(&asked)?.info("memory"))
        .await?;
    check_room(&memory, choice.most_keys(), choice.most_bytes()).map_err(Trouble::Halted)
}

fn check_room(memory: &HashMap<String, String>, keys: u64, needed: u64) -> Result<(), Halt> {
    let field = |name: &str| memory.get(name).and_then(|value| value.parse::<u64>().ok());
    let used = field("used_memory").unwrap_or(0);
    let bounds = ["maxmemory", "total_system_memory"];
    let bound = bounds
        .into_iter()
        .filter_map(field)
        .filter(|bound| *bound > 0)
        .min();
    let Some(bound) = bound else {
        return Ok(());
    };
    let room = bound / 100 * MAX_MEMORY_SHARE;
    if used.saturating_add(needed) <= room {
        return Ok(());
    }
    Err(Halt::new(
        Exit::Refused,
        format!(
            "measure there: {} would need about {}, and {} of the server's {} are in use; keys of others could be \
             evicted, or their writes refused",
            plural(keys, "key"),
            bytes(needed),
            bytes(used),
            bytes(bound)
        ),
    )
    .with_hint("choose smaller sizes with --keys"))
}

/// The whole database, from which on a command over all keys is left out.
pub(super) const MAX_KEYS_FOR_GIANTS: u64 = 100_000;

/// Why a command over all keys at once is left out there.
pub(super) fn too_large(total: u64) -> String {
    format!(
        "the database holds {} keys, and on a server that is not its own bench runs it below {} only",
        grouped(total),
        grouped(MAX_KEYS_FOR_GIANTS)
    )
}

#[cfg(test)]
mod tests {
    use super::{check_room, prefix};
    use std::collections::HashMap;

    fn memory(pairs: &[(&str, u64)]) -> HashMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), value.to_string()))
            .collect()
    }

    #[test]
    fn there_must_be_room() {
        let gigabyte = 1_000_000_000;
        let check = |memory: &HashMap<String, String>, keys| check_room(memory, keys, keys * 300);
        let bounded = |used, bound| memory(&[("used_memory", used), ("maxmemory", bound)]);
        assert!(check(&bounded(0, gigabyte), 2_000_000).is_ok());
        assert!(check(&bounded(300_000_000, gigabyte), 2_000_000).is_err());
        assert!(check(&bounded(300_000_000, 0), 2_000_000).is_ok());
        let system = memory(&[("maxmemory", 0), ("total_system_memory", gigabyte)]);
        assert!(check(&system, 20_000_000).is_err());
        assert!(check(&HashMap::new(), 20_000_000).is_ok());
    }

    #[test]
    fn no_two_prefixes_are_the_same() {
        assert_ne!(prefix(), prefix());
    }
}
