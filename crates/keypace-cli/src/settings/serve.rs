//! What `keypace serve` was told, as the service's config: the file of `--config`, with flags over it; without servers in it,
//! the one server that every other command means. Binds and opens nothing but that file.

use keypace_server::config::{Config, ConfigError, DEFAULT_SERVER, ServerPlace};
use keypace_server::servers::ServerConfig;

use super::surroundings::Surroundings;
use super::{Settings, index};
use crate::args::{Global, IndexOwner, Serve};
use crate::exit::{Exit, Halt, io_halt};

/// Whether this build sends spans to a collector.
const SENDS_SPANS: bool = cfg!(feature = "otel");

/// The folder below the state folder that a service keeps everything in.
const DATA_FOLDER: &str = "serve";

/// The config, and what a person should hear of before the service begins.
pub(crate) fn config(
    global: &Global,
    typed: &Serve,
    around: &Surroundings,
) -> Result<(Config, Vec<String>), Halt> {
    check_global(global)?;
    let mut config = match &global.config {
        None => Config::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| {
                let what = format!("read the config {}", path.display());
                io_halt(Exit::Usage, what, &error)
            })?;
            Config::parse(&text).map_err(|error| unreadable(&error))?
        }
    };
    if let Some(text) = &typed.listen {
        config.listen = text.parse().map_err(|_| {
            Halt::usage(format!("read --listen: `{text}` is no address and port"))
                .with_hint("write it like 127.0.0.1:8420 or [::1]:8420")
        })?;
    }
    let in_state = || {
        around
            .state_folder
            .as_ref()
            .map(|folder| folder.join(DATA_FOLDER))
    };
    config.data_dir = typed.data_dir.clone().or(config.data_dir).or_else(in_state);
    check_collector(&config)?;
    if around.collector.is_some() && SENDS_SPANS {
        config.collector.clone_from(&around.collector);
    }
    let warnings = with_server(&mut config, global, around)?;
    Ok((config, warnings))
}

/// What the config asks for is done, or the service does not begin. The variable is for every program of a machine, and means
/// nothing to one that sends no spans.
fn check_collector(config: &Config) -> Result<(), Halt> {
    if config.collector.is_none() || SENDS_SPANS {
        return Ok(());
    }
    Err(
        Halt::usage("start the service: [otel] names a collector, and this keypace sends no spans")
            .with_hint("leave the table out, or build keypace with --features otel"),
    )
}

/// Where the config names no server, it is the one of `--url`, as for every other command.
fn with_server(
    config: &mut Config,
    global: &Global,
    around: &Surroundings,
) -> Result<Vec<String>, Halt> {
    if !config.servers.is_empty() {
        if global.url.is_empty() {
            return Ok(Vec::new());
        }
        return Err(
            Halt::usage("start the service: --url names a server, and so does the config")
                .with_hint("leave --url out, or add it to the config as a table [servers.NAME]"),
        );
    }
    // The file of `--config` is the service's; the user's own settings count only where there is none.
    let mut around = around.clone();
    if global.config.is_some() {
        around.config_file = None;
    }
    let global = Global {
        config: None,
        ..global.clone()
    };
    let settings = Settings::resolve(&global, &around)?;
    let ready = ServerConfig {
        name: DEFAULT_SERVER.to_owned(),
        url: settings.target,
        connect: settings.connect,
    };
    config.servers.insert(
        DEFAULT_SERVER.to_owned(),
        ServerPlace::Ready(Box::new(ready)),
    );
    Ok(settings.warnings)
}

/// What each job says for itself can't be said for all of them.
fn check_global(global: &Global) -> Result<(), Halt> {
    let typed = [
        ("--budget", global.budget.is_some()),
        ("--rate", global.rate.is_some()),
        ("--deadline", global.deadline.is_some()),
        ("--count", global.count.is_some()),
        ("--lanes", global.lanes.is_some()),
        ("--max-nodes", global.max_nodes.is_some()),
        ("--use-keys", global.use_keys),
        ("--from-replica", global.from_replica),
        ("--allow-uncovered", global.allow_uncovered),
        ("--trust-idle", global.trust_idle),
    ];
    match typed.iter().find(|(_, is_typed)| *is_typed) {
        None => Ok(()),
        Some((flag, _)) => Err(Halt::usage(format!(
            "start the service: {flag} belongs to one piece of work"
        ))
        .with_hint("leave it out; a job has a budget of its own")),
    }
}

fn unreadable(error: &ConfigError) -> Halt {
    let halt = Halt::usage(error.to_string());
    match error.hint() {
        Some(hint) => halt.with_hint(hint),
        None => halt,
    }
}

/// Whom a new key stands for, where anybody was named.
pub(crate) fn key_owner(typed: &Serve) -> Result<Option<String>, Halt> {
    let mut whose = IndexOwner {
        owner: typed.owner.clone(),
        owner_file: typed.owner_file.clone(),
    };
    // `--owner -` is stdin too, so that nobody needs to know of two flags to keep it out of the command line.
    if whose.owner.as_deref() == Some(std::ffi::OsStr::new(super::secret::STDIN)) {
        whose.owner_file = whose.owner.take().map(Into::into);
    }
    if whose.owner.is_none() && whose.owner_file.is_none() {
        return Ok(None);
    }
    let bytes = index::owner_bytes(&whose)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Halt::usage("read the owner: it is no text; owners of API keys are UTF-8"))?;
    if text.is_empty() {
        return Err(Halt::usage("read the owner: it is empty"));
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::config;
    use crate::args::{Global, Serve};
    use crate::exit::Exit;
    use crate::settings::Surroundings;
    use std::path::{Path, PathBuf};

    fn file(text: &str) -> (tempfile::TempDir, Global) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("serve.toml");
        std::fs::write(&path, text).expect("written");
        let global = Global {
            config: Some(path),
            ..Global::default()
        };
        (folder, global)
    }

    #[test]
    fn without_a_config_there_is_the_one_server_of_the_command_line() {
        let mut around = Surroundings::nothing();
        around.state_folder = Some(PathBuf::from("/s/keypace"));
        let (made, _) = config(&Global::default(), &Serve::default(), &around)
            .unwrap_or_else(|halt| panic!("{halt:?}"));
        assert_eq!(made.servers.keys().collect::<Vec<_>>(), ["default"]);
        assert_eq!(made.listen.to_string(), "127.0.0.1:8420");
        assert_eq!(
            made.data_dir.as_deref(),
            Some(Path::new("/s/keypace/serve"))
        );
    }

    #[test]
    fn flags_are_over_the_file() {
        let (_folder, global) = file("listen = \"127.0.0.1:1\"\ndata_dir = \"/d\"");
        let typed = Serve {
            listen: Some("127.0.0.1:2".to_owned()),
            ..Serve::default()
        };
        let (made, _) = config(&global, &typed, &Surroundings::nothing())
            .unwrap_or_else(|halt| panic!("{halt:?}"));
        assert_eq!(made.listen.port(), 2);
        assert_eq!(made.data_dir.as_deref(), Some(Path::new("/d")));
    }

    #[test]
    fn what_can_t_be_meant_is_told() {
        let nothing = Surroundings::nothing();
        let (_folder, mut global) = file("[servers.a]\nurl = \"redis://a\"");
        global.url = vec!["redis://b".to_owned()];
        let halt = config(&global, &Serve::default(), &nothing).expect_err("refused");
        assert!(
            halt.exit == Exit::Usage && halt.text.contains("--url"),
            "{halt:?}"
        );
        let (_folder, global) = file("[servers.a]\nurl = \"redis://a\"\nbudgett = 1");
        let halt = config(&global, &Serve::default(), &nothing).expect_err("refused");
        assert!(
            halt.exit == Exit::Usage && halt.text.contains("[servers.a]"),
            "{halt:?}"
        );
        let global = Global {
            rate: Some(5),
            ..Global::default()
        };
        let halt = config(&global, &Serve::default(), &nothing).expect_err("refused");
        assert!(halt.text.contains("--rate"), "{halt:?}");
    }
}
