//! Flags over environment over file: one table of values and where each came from. Merges; gives no value
//! a meaning, and holds no password.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::error::Kind;
use figment::providers::{Format as _, Serialized, Toml};
use figment::value::{Dict, Map};
use figment::{Error, Figment, Metadata, Profile, Provider};
use serde::{Deserialize, Deserializer, Serialize};

use super::surroundings::{ENV_URL, Surroundings};
use crate::args::{Global, ProgressChoice, Topology};
use crate::exit::{Halt, io_halt};

const FLAGS: &str = "flags";
const ENVIRONMENT: &str = "environment";

/// What one source says; every name may be left out. The names are those of the file.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Layer {
    /// `--url`: one, or a list of several. A text may hold several too.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "one_or_several"
    )]
    pub(crate) url: Option<Vec<String>>,
    /// `--user`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    /// `--password-file`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password_file: Option<PathBuf>,
    /// `--tls-ca`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls_ca: Option<PathBuf>,
    /// `--tls-cert`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// `--tls-key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls_key: Option<PathBuf>,
    /// `--topology`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) topology: Option<Topology>,
    /// As whom we come to Sentinels. Has no flag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sentinel_user: Option<String>,
    /// Where the Sentinels' password stands. Has no flag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sentinel_password_file: Option<PathBuf>,
    /// From an announced address to the one that it has from here. Has no flag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address_map: Option<BTreeMap<String, String>>,
    /// `--lanes`: a number, or `auto`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "number_or_text"
    )]
    pub(crate) lanes: Option<String>,
    /// `--max-nodes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_nodes: Option<u32>,
    /// `--allow-uncovered`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow_uncovered: Option<bool>,
    /// `--from-replica`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from_replica: Option<bool>,
    /// `--trust-idle`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trust_idle: Option<bool>,
    /// `--budget`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) budget: Option<String>,
    /// `--rate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rate: Option<u64>,
    /// `--deadline`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deadline: Option<String>,
    /// `--count`: a number, or `auto`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "number_or_text"
    )]
    pub(crate) count: Option<String>,
    /// The other side of `--use-keys`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) use_scan: Option<bool>,
    /// `--timeout`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<String>,
    /// `--retries`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retries: Option<u32>,
    /// `--json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) json: Option<bool>,
    /// `--progress`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) progress: Option<ProgressChoice>,
    /// From where on the pace holds back for what the server says of itself. Has no flags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pressure: Option<Pressure>,
}

/// The table `[pressure]` of the file.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Pressure {
    /// How far a replica may be behind (`32MiB`).
    pub(crate) replica_lag: Option<String>,
    /// Memory that the buffers for replicas may take (`32MiB`).
    pub(crate) replica_buffers: Option<String>,
    /// Values that may wait to be freed.
    pub(crate) lazyfree_pending: Option<u64>,
    /// Share of `maxmemory` in percent.
    pub(crate) memory_percent: Option<u64>,
    /// How many percent of all keys may become stale while the work goes on.
    pub(crate) stale_percent_growth: Option<u64>,
}

/// A file may say `url = "..."` as well as `url = ["...", "..."]`.
fn one_or_several<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        One(String),
        Several(Vec<String>),
    }
    Ok(
        Option::<Either>::deserialize(from)?.map(|either| match either {
            Either::One(one) => vec![one],
            Either::Several(several) => several,
        }),
    )
}

/// A file may say `count = 500` as well as `count = "auto"`.
fn number_or_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(i64),
        Text(String),
    }
    Ok(
        Option::<Either>::deserialize(from)?.map(|either| match either {
            Either::Number(number) => number.to_string(),
            Either::Text(text) => text,
        }),
    )
}

impl From<&Global> for Layer {
    fn from(typed: &Global) -> Self {
        Self {
            url: (!typed.url.is_empty()).then(|| typed.url.clone()),
            user: typed.user.clone(),
            password_file: typed.password_file.clone(),
            tls_ca: typed.tls_ca.clone(),
            tls_cert: typed.tls_cert.clone(),
            tls_key: typed.tls_key.clone(),
            topology: typed.topology,
            sentinel_user: None,
            sentinel_password_file: None,
            address_map: None,
            lanes: typed.lanes.clone(),
            max_nodes: typed.max_nodes,
            allow_uncovered: typed.allow_uncovered.then_some(true),
            from_replica: typed.from_replica.then_some(true),
            trust_idle: typed.trust_idle.then_some(true),
            budget: typed.budget.clone(),
            rate: typed.rate,
            deadline: typed.deadline.clone(),
            count: typed.count.clone(),
            use_scan: typed.use_keys.then_some(false),
            timeout: typed.timeout.clone(),
            retries: typed.retries,
            json: typed.json.then_some(true),
            progress: typed.progress,
            pressure: None,
        }
    }
}

/// Which source a value came from; a later one wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// Nobody said: the default.
    Default,
    /// The settings file.
    File,
    /// A variable.
    Environment,
    /// The command line.
    Flag,
}

/// The merged values.
pub(crate) struct Merged {
    /// The value of each name, from the highest source that has it.
    pub(crate) values: Layer,
    figment: Figment,
    file: Option<PathBuf>,
}

impl Merged {
    /// Where the value of `name` came from.
    pub(crate) fn origin(&self, name: &str) -> Origin {
        match self.figment.find_metadata(name) {
            None => Origin::Default,
            Some(found) if found.name == FLAGS => Origin::Flag,
            Some(found) if found.name == ENVIRONMENT => Origin::Environment,
            Some(_) => Origin::File,
        }
    }

    /// How to name `name` to a person: as it was written at its origin.
    pub(crate) fn written(&self, name: &str) -> String {
        match self.origin(name) {
            Origin::Environment => ENV_URL.to_owned(),
            Origin::File => match &self.file {
                Some(file) => format!("{name} in {}", file.display()),
                None => name.to_owned(),
            },
            Origin::Flag | Origin::Default => format!("--{}", name.replace('_', "-")),
        }
    }
}

/// A layer with a name that [`Merged::origin`] finds again.
struct Named {
    name: &'static str,
    values: Layer,
}

impl Provider for Named {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Serialized::defaults(&self.values).data()
    }
}

/// Reads the file, where there is one, and lays environment and flags over it.
pub(crate) fn merge(typed: &Global, around: &Surroundings) -> Result<Merged, Halt> {
    let mut figment = Figment::new();
    let mut file = None;
    if let Some((path, text)) = settings_file(typed, around)? {
        let alone = Figment::from(Toml::string(&text));
        alone
            .extract::<Layer>()
            .map_err(|error| in_file(&path, error))?;
        figment = figment.merge(alone);
        file = Some(path);
    }
    let environment = Layer {
        url: around.url.clone().map(|url| vec![url]),
        ..Layer::default()
    };
    figment = figment
        .merge(Named {
            name: ENVIRONMENT,
            values: environment,
        })
        .merge(Named {
            name: FLAGS,
            values: Layer::from(typed),
        });
    let values = figment
        .extract::<Layer>()
        .map_err(|error| Halt::usage("read the settings").with_cause(&error))?;
    Ok(Merged {
        values,
        figment,
        file,
    })
}

/// The file and its text: the one of `--config`, which must be there, else the user's own, which need not.
fn settings_file(typed: &Global, around: &Surroundings) -> Result<Option<(PathBuf, String)>, Halt> {
    let (path, must) = match (&typed.config, &around.config_file) {
        (Some(path), _) => (path, true),
        (None, Some(path)) => (path, false),
        (None, None) => return Ok(None),
    };
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some((path.clone(), text))),
        Err(error) if !must && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_halt(
            crate::exit::Exit::Usage,
            format!("read the settings file {}", path.display()),
            &error,
        )),
    }
}

/// What is wrong with the file, in the file's own terms.
fn in_file(path: &Path, error: Error) -> Halt {
    let file = format!("read the settings file {}", path.display());
    let Some(first) = error.into_iter().next() else {
        return Halt::usage(file);
    };
    if let Kind::UnknownField(name, known) = &first.kind {
        let halt = Halt::usage(format!("{file}: unknown name `{name}`"));
        return halt.with_hint(match name.as_str() {
            "yes" | "all" | "i_know" => {
                format!("{name} never comes from a file: it is given with each run")
            }
            "sentinel_password" => {
                "name a file in sentinel_password_file, or set KEYPACE_SENTINEL_PASSWORD".to_owned()
            }
            "password" => "name a file in password_file, or set KEYPACE_PASSWORD".to_owned(),
            "use_keys" => "write use_scan = false".to_owned(),
            _ => format!("known names: {}", known.join(", ")),
        });
    }
    let place = first.path.join(".");
    let text = if place.is_empty() {
        first.kind.to_string()
    } else {
        format!("{place}: {}", first.kind)
    };
    let mut halt = Halt::usage(file);
    halt.causes.push(text.trim_end().to_owned());
    if matches!(first.kind, Kind::InvalidType(..)) {
        halt.hint = Some("durations are texts with a unit: budget = \"1ms\"".to_owned());
    }
    halt
}

#[cfg(test)]
mod tests {
    use super::{Origin, merge};
    use crate::args::Global;
    use crate::exit::Exit;
    use crate::settings::surroundings::Surroundings;

    fn file(text: &str) -> (tempfile::TempDir, Global) {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("keypace.toml");
        std::fs::write(&path, text).expect("write");
        let typed = Global {
            config: Some(path),
            ..Global::default()
        };
        (folder, typed)
    }

    fn one(url: &str) -> Option<Vec<String>> {
        Some(vec![url.to_owned()])
    }

    #[test]
    fn flags_over_environment_over_file_over_default() {
        let (_folder, mut typed) =
            file("url = \"redis://file\"\nbudget = \"3ms\"\nrate = 7\ncount = 50");
        let mut around = Surroundings::nothing();
        let from_file = merge(&typed, &around).unwrap_or_else(|halt| panic!("{halt:?}"));
        assert_eq!(from_file.values.url, one("redis://file"));
        assert_eq!(from_file.values.count.as_deref(), Some("50"));
        assert_eq!(from_file.origin("url"), Origin::File);
        assert_eq!(from_file.origin("timeout"), Origin::Default);
        assert!(from_file.written("budget").starts_with("budget in "));

        around.url = Some("redis://environment".to_owned());
        let merged = merge(&typed, &around).unwrap_or_else(|halt| panic!("{halt:?}"));
        assert_eq!(merged.values.url, one("redis://environment"));
        assert_eq!(merged.origin("url"), Origin::Environment);
        assert_eq!(merged.written("url"), "KEYPACE_URL");

        typed.url = vec!["redis://flag".to_owned()];
        typed.rate = Some(9);
        let merged = merge(&typed, &around).unwrap_or_else(|halt| panic!("{halt:?}"));
        assert_eq!(merged.values.url, one("redis://flag"));
        assert_eq!(merged.origin("url"), Origin::Flag);
        assert_eq!(merged.values.rate, Some(9));
        assert_eq!(merged.values.budget.as_deref(), Some("3ms"));
        assert_eq!(merged.written("password_file"), "--password-file");
    }

    #[test]
    fn a_flag_takes_the_place_of_all_urls_of_the_file() {
        let (_folder, mut typed) = file("url = [\"redis://a\", \"redis://b\"]");
        let merged =
            merge(&typed, &Surroundings::nothing()).unwrap_or_else(|halt| panic!("{halt:?}"));
        assert_eq!(merged.values.url.as_ref().map(Vec::len), Some(2));
        assert_eq!(merged.origin("url"), Origin::File);
        typed.url = vec!["redis://flag".to_owned()];
        let merged =
            merge(&typed, &Surroundings::nothing()).unwrap_or_else(|halt| panic!("{halt:?}"));
        assert_eq!(merged.values.url, one("redis://flag"));
        assert_eq!(merged.origin("url"), Origin::Flag);
    }

    #[test]
    fn a_flag_switches_keys_on_over_the_file() {
        let (_folder, mut typed) = file("use_scan = true");
        typed.use_keys = true;
        let merged =
            merge(&typed, &Surroundings::nothing()).unwrap_or_else(|halt| panic!("{halt:?}"));
        assert_eq!(merged.values.use_scan, Some(false));
    }

    #[test]
    fn an_unknown_name_is_a_usage_error_that_says_which() {
        for (text, name, advice) in [
            ("budgett = \"1ms\"", "budgett", "known names"),
            ("yes = true", "yes", "never comes from a file"),
            ("all = true", "all", "never comes from a file"),
            ("password = \"x\"", "password", "password_file"),
            ("use_keys = true", "use_keys", "use_scan = false"),
            ("[delete]\nyes = true", "delete", "known names"),
        ] {
            let (_folder, typed) = file(text);
            let Err(halt) = merge(&typed, &Surroundings::nothing()) else {
                panic!("{text} was taken");
            };
            assert_eq!(halt.exit, Exit::Usage);
            assert!(halt.text.contains(&format!("`{name}`")), "{}", halt.text);
            assert!(
                halt.hint.as_deref().unwrap_or_default().contains(advice),
                "{halt:?}"
            );
        }
    }

    #[test]
    fn a_bare_number_for_a_duration_and_bad_toml_are_told() {
        let (_folder, typed) = file("budget = 5");
        let halt = merge(&typed, &Surroundings::nothing())
            .err()
            .expect("refused");
        assert!(halt.causes[0].contains("budget"), "{halt:?}");
        assert!(halt.hint.expect("hint").contains("\"1ms\""));
        let (_folder, typed) = file("budget = \"");
        let halt = merge(&typed, &Surroundings::nothing())
            .err()
            .expect("refused");
        assert_eq!(halt.exit, Exit::Usage);
        assert!(!halt.causes.is_empty());
    }

    #[test]
    fn the_named_file_must_be_there_and_the_users_own_need_not() {
        let folder = tempfile::tempdir().expect("folder");
        let missing = folder.path().join("none.toml");
        let typed = Global {
            config: Some(missing.clone()),
            ..Global::default()
        };
        let halt = merge(&typed, &Surroundings::nothing())
            .err()
            .expect("refused");
        assert_eq!(halt.exit, Exit::Usage);
        let around = Surroundings {
            config_file: Some(missing),
            ..Surroundings::nothing()
        };
        assert!(merge(&Global::default(), &around).is_ok());
    }
}
