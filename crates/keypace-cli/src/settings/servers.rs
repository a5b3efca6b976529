//! Where the servers are and as whom we come: URLs, logins, TLS files, topology, address map. Opens no connection.

use std::collections::HashMap;

use keypace::{ConnectOptions, Target, TlsFiles};

use super::layers::{Layer, Merged, Origin};
use super::surroundings::Surroundings;
use super::{secret, unreadable, urls};
use crate::args::Topology;
use crate::exit::{Halt, Phase};

/// Where a server of one's own is.
const DEFAULT_URL: &str = "redis://127.0.0.1:6379";

/// The servers that the URLs name, with the logins.
pub(super) fn target(
    merged: &Merged,
    around: &Surroundings,
    warnings: &mut Vec<String>,
) -> Result<Target, Halt> {
    let values = &merged.values;
    let texts = values.url.as_deref().unwrap_or_default();
    let mut named: Vec<&str> = texts.iter().flat_map(|text| urls::split(text)).collect();
    if named.is_empty() {
        named.push(DEFAULT_URL);
    }
    let (first, mut target) = (named[0], parsed(named[0])?);
    let mut url_has_password = target.url_has_password();
    let mut seeds = Vec::new();
    for url in &named[1..] {
        let seed = parsed(url)?;
        check_seed(merged, (first, &target), (url, &seed))?;
        url_has_password |= seed.url_has_password();
        seeds.push(seed);
    }
    if url_has_password && merged.origin("url") == Origin::Flag {
        warnings.push(
            "the password in --url can be seen by every user of this machine and stays in the \
             shell's history; KEYPACE_PASSWORD and --password-file don't have that fault"
                .to_owned(),
        );
    }
    if let Some(user) = &values.user {
        // A user inside a URL that outranks the file's `user` is the nearer word.
        let url_names_one = secret::user_info(first)
            .is_some_and(|info| info.split(':').next().is_some_and(|user| !user.is_empty()));
        if !url_names_one || merged.origin("user") >= merged.origin("url") {
            target = target.with_user(user.clone());
        }
    }
    if let Some(password) = secret::password(merged, around, target.url_has_password())? {
        target = target.with_password(password);
    }
    target = with_sentinel_login(target, merged, around)?;
    Ok(match tls_files(values) {
        Some(files) => target.with_tls(files),
        None => target,
    }
    .with_seeds(seeds))
}

fn parsed(url: &str) -> Result<Target, Halt> {
    Target::parse(url).map_err(|error| Halt::library(&error, Phase::Connecting))
}

/// Further URLs are further ways into the same cluster. What they say differently would be lost without a word.
fn check_seed(merged: &Merged, first: (&str, &Target), seed: (&str, &Target)) -> Result<(), Halt> {
    let refused = |why: &str, hint: &str| Err(unreadable(merged, "url", why).with_hint(hint));
    if first.1.names_sentinels() || seed.1.names_sentinels() {
        return refused(
            "several URLs are the nodes of one cluster, and this is one of Sentinels",
            "name all Sentinels in one URL: redis-sentinel://host1:26379,host2:26379/NAME",
        );
    }
    let hint = "several URLs are several ways into one cluster: say it in the first one, and the same or nothing in \
                the others";
    let login = secret::login(seed.0);
    if !login.is_empty() && login != secret::login(first.0) {
        return refused("the URLs name different users or passwords", hint);
    }
    if first.1.uses_tls() != seed.1.uses_tls() {
        return refused("some of the URLs are with TLS and others without", hint);
    }
    if first.1.database() != seed.1.database() {
        return refused("the URLs name different databases", hint);
    }
    Ok(())
}

/// The Sentinels' own login. No file is read for it where there are none.
fn with_sentinel_login(
    target: Target,
    merged: &Merged,
    around: &Surroundings,
) -> Result<Target, Halt> {
    if !target.names_sentinels() {
        return Ok(target);
    }
    let password = secret::sentinel_password(merged, around)?;
    Ok(match (&merged.values.sentinel_user, password) {
        (None, None) => target,
        // A user that is named without a password comes with an empty one, never as the default user.
        (user, password) => target.with_sentinel_login(user.clone(), password.unwrap_or_default()),
    })
}

/// The files, where any is named: the library refuses them for a connection without TLS.
fn tls_files(values: &Layer) -> Option<TlsFiles> {
    if values.tls_ca.is_none() && values.tls_cert.is_none() && values.tls_key.is_none() {
        return None;
    }
    let mut tls = TlsFiles::default();
    if let Some(path) = &values.tls_ca {
        tls = tls.with_ca(path.clone());
    }
    if let Some(path) = &values.tls_cert {
        tls = tls.with_cert(path.clone());
    }
    if let Some(path) = &values.tls_key {
        tls = tls.with_key(path.clone());
    }
    Some(tls)
}

/// How the servers stand to each other, and where they are from here.
pub(super) fn with_topology(
    options: ConnectOptions,
    merged: &Merged,
) -> Result<ConnectOptions, Halt> {
    let options = options.with_topology(match merged.values.topology {
        None | Some(Topology::Auto) => keypace::Topology::Auto,
        Some(Topology::Standalone) => keypace::Topology::Standalone,
        Some(Topology::Cluster) => keypace::Topology::Cluster,
        Some(Topology::Sentinel) => keypace::Topology::Sentinel,
    });
    let Some(map) = &merged.values.address_map else {
        return Ok(options);
    };
    let map: HashMap<String, String> = map.clone().into_iter().collect();
    options.with_address_map(map).map_err(|error| {
        let halt = unreadable(merged, "address_map", error.context());
        match error.hint() {
            Some(hint) => halt.with_hint(hint),
            None => halt,
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::args::Global;
    use crate::exit::{Exit, Halt};
    use crate::settings::{Settings, Surroundings};

    fn with_urls(urls: &[&str]) -> Result<Settings, Halt> {
        let typed = Global {
            url: urls.iter().map(|url| (*url).to_owned()).collect(),
            ..Global::default()
        };
        Settings::resolve(&typed, &Surroundings::nothing())
    }

    fn from_file(text: &str, around: &Surroundings) -> Result<Settings, Halt> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("config.toml");
        std::fs::write(&file, text).expect("written");
        let typed = Global {
            config: Some(file),
            ..Global::default()
        };
        Settings::resolve(&typed, around)
    }

    #[test]
    fn further_urls_say_the_same_or_nothing() {
        for urls in [
            &["redis://:pw@a:1", "redis://b:2"][..],
            &["redis://:pw@a:1", "redis://:pw@b:2"],
            &["redis://:pw@a:1,redis://b:2", "redis://c:3"],
            &["redis-sentinel://a:1,b:2/name"],
        ] {
            assert!(with_urls(urls).is_ok(), "{urls:?}");
        }
        for (urls, says) in [
            (&["redis://a:1", "redis://:pw@b:2"][..], "passwords"),
            (&["redis://amy@a:1", "redis://bob@b:2"], "users"),
            (&["redis://a", "redis://b?password=pw"], "passwords"),
            (&["redis://a:1", "rediss://b:2"], "TLS"),
            (&["redis://a:1/3", "redis://b:2"], "databases"),
            (
                &["redis-sentinel://a/n", "redis-sentinel://b/n"],
                "Sentinels",
            ),
        ] {
            let halt = with_urls(urls).err().expect("refused");
            assert_eq!(halt.exit, Exit::Usage, "{urls:?}");
            assert!(halt.text.contains(says) && halt.hint.is_some(), "{halt:?}");
            assert!(!format!("{halt:?}").contains("pw"), "{halt:?}");
        }
    }

    #[test]
    fn a_password_in_any_url_is_warned_about() {
        let settings = with_urls(&["redis://:hunter2@a", "redis://:hunter2@b"]);
        let warnings = settings.expect("taken").warnings;
        assert!(
            warnings.len() == 1 && !warnings[0].contains("hunter2"),
            "{warnings:?}"
        );
    }

    #[test]
    fn the_variable_holds_several() {
        let around = Surroundings {
            url: Some("redis://a:1, redis://b:2 redis://:pw@c:3".to_owned()),
            ..Surroundings::nothing()
        };
        let halt = Settings::resolve(&Global::default(), &around).err();
        let text = halt.expect("refused").text;
        assert!(text.starts_with("read KEYPACE_URL: "), "{text}");
    }

    #[test]
    fn the_sentinels_password_is_read_where_there_are_sentinels() {
        let nothing = Surroundings::nothing();
        let names = "sentinel_user = \"amy\"\nsentinel_password_file = \"/none/such\"\n";
        let halt = from_file(&format!("{names}url = \"redis-sentinel://a/n\""), &nothing).err();
        assert!(halt.expect("read").text.contains("/none/such"));
        assert!(from_file(&format!("{names}url = \"redis://a\""), &nothing).is_ok());
        let around = Surroundings {
            sentinel_password: Some("pw".to_owned()),
            ..nothing
        };
        assert!(from_file(&format!("{names}url = \"redis-sentinel://a/n\""), &around).is_ok());
    }

    #[test]
    fn the_address_map_is_checked_and_named() {
        let nothing = Surroundings::nothing();
        let good = "[address_map]\n\"10.0.0.1:7000\" = \"127.0.0.1:17000\"";
        assert!(from_file(good, &nothing).is_ok());
        let halt = from_file("[address_map]\n\"10.0.0.1\" = \"127.0.0.1:1\"", &nothing).err();
        let halt = halt.expect("refused");
        assert_eq!(halt.exit, Exit::Usage);
        assert!(halt.text.contains("address_map in "), "{halt:?}");
        assert!(halt.hint.is_some(), "{halt:?}");
    }

    #[test]
    fn nodes_at_once_are_at_least_one() {
        let nothing = Surroundings::nothing();
        let halt = from_file("max_nodes = 0", &nothing).err().expect("refused");
        assert!(halt.exit == Exit::Usage && halt.text.contains("max_nodes"));
        let settings = from_file("max_nodes = 2\nallow_uncovered = true", &nothing);
        let settings = settings.expect("taken");
        assert!(settings.max_nodes == Some(2) && settings.allow_uncovered);
    }
}
