//! Configs: the example is read, and what can't be meant is told by table and field.

use crate::access::Scope;
use crate::config::{Config, ConfigKey, KeyOwner, SessionSource, StorePlace};

const EXAMPLE: &str = include_str!("../../../../docs/examples/keypace-serve.toml");

/// A server that other tables may mean.
const SERVER: &str = "[servers.a]\nurl = \"redis://a\"\n";

fn read(text: &str) -> Config {
    Config::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn the_example_is_read() {
    let config = read(EXAMPLE);
    assert_eq!(config.listen.to_string(), "127.0.0.1:8420");
    assert_eq!(config.public_host.as_deref(), Some("keypace.example.com"));
    assert!(config.tls.is_some() && matches!(config.store, StorePlace::Postgres(_)));
    assert_eq!(
        config.servers.keys().collect::<Vec<_>>(),
        ["cluster", "prod", "watched"]
    );
    assert_eq!(config.caches["images"].patterns.len(), 2);
    let ConfigKey { scope, owner, .. } = &config.keys["shop"];
    assert!(*scope == Scope::Owner && matches!(owner, Some(KeyOwner::File(_))));
    let sessions = config.sessions.expect("sessions");
    assert!(matches!(sessions.source, SessionSource::Postgres(_)));
    assert_eq!(sessions.server.as_deref(), Some("prod"));
    assert_eq!(config.indexes["sessions"].server, "prod");
}

/// What the example says is the default, is.
#[test]
fn the_example_names_the_defaults() {
    let jobs = Config::default().jobs;
    let requests = Config::default().requests;
    for line in [
        format!("# running = {} ", jobs.running),
        format!("# waiting = {} ", jobs.waiting),
        format!("# history = {} ", jobs.history),
        format!("# backup_days = {} ", jobs.backup_days),
        format!("# backup_bytes = \"{}GiB\"", jobs.backup_bytes >> 30),
        format!("# requests_per_second = {} ", requests.per_second),
        format!("# burst = {} ", requests.burst),
        format!("# body = \"{}KiB\"", requests.body_bytes / 1024),
        format!("# request_time = \"{}s\"", requests.time.as_secs()),
    ] {
        assert!(EXAMPLE.contains(&line), "the example lacks {line}");
    }
}

#[test]
fn an_empty_config_is_one() {
    let config = read("");
    assert!(config.servers.is_empty() && config.keys.is_empty());
    assert_eq!(config.jobs, Config::default().jobs);
}

#[test]
fn a_table_means_the_only_server_there_is() {
    let text = format!("{SERVER}[caches.c]\npatterns = {{ x = \"x:*\" }}");
    assert_eq!(read(&text).caches["c"].server, "a");
    // The one of the command line has this name.
    let text = "[caches.c]\nserver = \"default\"\npatterns = { x = \"x:*\" }";
    assert_eq!(read(text).caches["c"].server, "default");
}

#[test]
fn what_can_t_be_meant_names_its_table_and_field() {
    let key = "sha256 = \"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae\"";
    let two = format!("{SERVER}[servers.b]\nurl = \"redis://b\"\n");
    let rows: &[(&str, &[&str])] = &[
        ("listen = \"8420\"", &["listen", "127.0.0.1:8420"]),
        ("listen = 8420", &["listen"]),
        ("listn = \"a\"", &["unknown field `listn`", "listen"]),
        ("url = \"redis://a\"", &["`url`", "[servers.default]"]),
        ("listen = \"", &["line 1"]),
        ("public_url = \"ftp://a\"", &["public_url", "https://"]),
        (
            "public_url = \"https://a/b\"",
            &["public_url", "without a path"],
        ),
        ("[tls]\ncert = \"c\"", &["[tls]", "key"]),
        (
            "[tls]\ncert = \"c\"\nkey = \"k\"\nca = \"x\"",
            &["[tls]", "`ca`"],
        ),
        (
            "[store]\nurl = \"mysql://a\"",
            &["[store] url", "postgres://"],
        ),
        ("[otel]", &["[otel]", "endpoint"]),
        (
            "[otel]\nendpoint = \"https://a:4318\"",
            &["[otel] endpoint", "http://127.0.0.1:4318"],
        ),
        ("[jobs]\nbackup_days = 0", &["[jobs] backup_days", "1 to"]),
        (
            "[jobs]\nbackup_bytes = \"20\"",
            &["[jobs] backup_bytes", "4MiB"],
        ),
        ("[store]\npassword_file = \"f\"", &["[store] password_file"]),
        ("[jobs]\nrunning = 0", &["[jobs] running", "1 to"]),
        ("[jobs]\nrunning = -1", &["[jobs]", "running"]),
        ("[jobs]\nwaiting = 1000000", &["[jobs] waiting"]),
        ("[limits]\nburst = 0", &["[limits] burst"]),
        ("[limits]\nbody = \"1\"", &["[limits] body", "4MiB"]),
        ("[limits]\nbody = \"1GiB\"", &["[limits] body", "outside"]),
        (
            "[limits]\nrequest_time = \"1h\"",
            &["[limits] request_time"],
        ),
        ("[limits]\nrequest_time = 30", &["[limits]", "request_time"]),
        ("[servers.a]", &["[servers.a]", "url"]),
        (
            "[servers.a]\nurl = \"http://a\"",
            &["[servers.a] url", "redis://"],
        ),
        ("[servers.a]\nurl = 5", &["[servers.a] url"]),
        ("[servers.a]\nurl = []", &["[servers.a] url"]),
        (
            "[servers.a]\nurl = \"redis://a\"\npassword = \"x\"",
            &["[servers.a]", "password_file"],
        ),
        (
            "[servers.a]\nurl = \"redis://a\"\ntimeout = \"5\"",
            &["[servers.a] timeout", "250ms"],
        ),
        (
            "[servers.a]\nurl = \"redis://a\"\ntopology = \"ring\"",
            &["[servers.a]", "topology", "cluster"],
        ),
        (
            "[servers.\"a b\"]\nurl = \"redis://a\"",
            &["[servers.a b]", "letters"],
        ),
        ("[caches.c]\npatterns = {}", &["[caches.c] patterns"]),
        (
            "[caches.c]\nserver = \"b\"\npatterns = { x = \"x:*\" }",
            &["[caches.c] server", "`b`"],
        ),
        (
            "[caches.c]\npatterns = { x = \"*\" }",
            &["[caches.c] patterns.x", "everything"],
        ),
        (
            "[caches.c]\npatterns = { x = \"\" }",
            &["[caches.c] patterns.x", "empty"],
        ),
        (
            "[caches.c]\npattern = { x = \"x\" }",
            &["[caches.c]", "`pattern`"],
        ),
        (
            "[keys.k]\nsha256 = \"ab\"\nscope = \"admin\"",
            &["[keys.k] sha256", "64"],
        ),
        (
            &format!("[keys.k]\n{key}\nscope = \"root\""),
            &["[keys.k] scope", "operator"],
        ),
        (
            &format!("[keys.k]\n{key}\nscope = \"owner\""),
            &["[keys.k] owner"],
        ),
        (
            &format!("[keys.k]\n{key}\nscope = \"owner\"\nowner = \"a\"\nowner_file = \"b\""),
            &["[keys.k] owner", "owner_file"],
        ),
        (
            "[sessions]\nsource = \"sqlite\"\nowner_keys = \"k\"",
            &["[sessions] path"],
        ),
        (
            "[sessions]\nsource = \"mongo\"\nowner_keys = \"k\"",
            &["[sessions]", "source"],
        ),
        (
            "[sessions]\nsource = \"redis\"\npath = \"p\"\nowner_keys = \"k\"",
            &["[sessions] path", "sqlite"],
        ),
        (
            "[sessions]\nsource = \"redis\"\nowner_keys = \"k\"\nnamespace = \"a b\"",
            &["[sessions] namespace"],
        ),
        (
            &format!("{two}[sessions]\nsource = \"redis\"\nowner_keys = \"k\""),
            &["[sessions] server", "a, b"],
        ),
        (
            "[indexes.i]\nnamespace = \"s\"\nowner_keys = \"k\"\nold_prefix = \"\"",
            &["[indexes.i] old_prefix"],
        ),
        (
            "[indexes.i]\nowner_keys = \"k\"",
            &["[indexes.i]", "namespace"],
        ),
    ];
    for (text, says) in rows {
        let error = Config::parse(text).expect_err(text);
        let told = format!("{error}; {}", error.hint().unwrap_or_default());
        for part in *says {
            assert!(told.contains(part), "{text}\n{told}\nlacks {part}");
        }
    }
}

#[test]
fn secrets_stand_in_no_text() {
    let text = "[servers.a]\nurl = \"redis://:hunter2@a\"\n[store]\nurl = \"postgres://u:hunter2@h/d\"\n\
        [keys.k]\nsha256 = \"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae\"\n\
        scope = \"owner\"\nowner = \"hunter2\"";
    assert!(!format!("{:?}", read(text)).contains("hunter2"));
    for wrong in [
        "[store]\nurl = \"mysql://u:hunter2@h/d\"",
        "[servers.a]\nurl = \"http://:hunter2@a\"",
    ] {
        let error = Config::parse(wrong).expect_err(wrong);
        assert!(
            !format!("{error} {error:?}").contains("hunter2"),
            "{error:?}"
        );
    }
}
