//! What the process finds around itself: environment, folders, the clock. Read once, here alone, so that
//! everything else can be tested without touching the process.

use std::ffi::OsString;
use std::path::PathBuf;

use chrono::{DateTime, Local};

use crate::exit::Halt;

/// The variable that holds the URL.
pub(crate) const ENV_URL: &str = "KEYPACE_URL";
/// The variable that holds the password.
pub(crate) const ENV_PASSWORD: &str = "KEYPACE_PASSWORD";

/// The variable that holds the Sentinels' own password.
pub(crate) const ENV_SENTINEL_PASSWORD: &str = "KEYPACE_SENTINEL_PASSWORD";

/// The variable that names the owner key file.
pub(crate) const ENV_OWNER_KEYS: &str = "KEYPACE_OWNER_KEYS";

/// The variable that names a collector of spans, as OpenTelemetry has it.
pub(crate) const ENV_COLLECTOR: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// What was found. Without `Debug`: it holds passwords.
#[derive(Clone)]
pub(crate) struct Surroundings {
    /// `KEYPACE_URL`, unless empty.
    pub(crate) url: Option<String>,
    /// `KEYPACE_PASSWORD`, unless empty.
    pub(crate) password: Option<String>,
    /// `KEYPACE_SENTINEL_PASSWORD`, unless empty.
    pub(crate) sentinel_password: Option<String>,
    /// `KEYPACE_OWNER_KEYS`, unless empty.
    pub(crate) owner_keys: Option<PathBuf>,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`, unless empty.
    pub(crate) collector: Option<String>,
    /// Where settings are looked for when no `--config` says.
    pub(crate) config_file: Option<PathBuf>,
    /// Where checkpoints go when no `--checkpoint` says.
    pub(crate) state_folder: Option<PathBuf>,
    /// Where a pipe's names are kept while a run lasts.
    pub(crate) temporary_folder: PathBuf,
    /// The time, for `--deadline HH:MM`.
    pub(crate) now: DateTime<Local>,
}

impl Surroundings {
    /// Reads the environment and the clock.
    pub(crate) fn read() -> Result<Self, Halt> {
        Self::from_variables(|name| std::env::var_os(name), Local::now())
    }

    fn from_variables(
        variable: impl Fn(&str) -> Option<OsString>,
        now: DateTime<Local>,
    ) -> Result<Self, Halt> {
        let text = |name: &str| match variable(name).filter(|value| !value.is_empty()) {
            None => Ok(None),
            Some(value) => value
                .into_string()
                .map(Some)
                .map_err(|_| Halt::usage(format!("read the environment: {name} is not UTF-8"))),
        };
        let folder = |name: &str| {
            variable(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let home = folder("HOME").or_else(|| folder("USERPROFILE"));
        let below_home = |path: &str| home.as_ref().map(|home| home.join(path));
        Ok(Self {
            url: text(ENV_URL)?,
            password: text(ENV_PASSWORD)?,
            sentinel_password: text(ENV_SENTINEL_PASSWORD)?,
            owner_keys: variable(ENV_OWNER_KEYS)
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
            collector: text(ENV_COLLECTOR)?,
            config_file: folder("XDG_CONFIG_HOME")
                .or_else(|| folder("APPDATA"))
                .or_else(|| below_home(".config"))
                .map(|folder| folder.join("keypace").join("config.toml")),
            state_folder: folder("XDG_STATE_HOME")
                .or_else(|| folder("LOCALAPPDATA"))
                .or_else(|| below_home(".local/state"))
                .map(|folder| folder.join("keypace")),
            temporary_folder: std::env::temp_dir(),
            now,
        })
    }

    /// Nothing found: for a run that must not depend on where it runs.
    pub(crate) fn nothing() -> Self {
        Self {
            url: None,
            password: None,
            sentinel_password: None,
            owner_keys: None,
            collector: None,
            config_file: None,
            state_folder: None,
            temporary_folder: std::env::temp_dir(),
            now: Local::now(),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::Surroundings;
    use chrono::Local;
    use std::collections::HashMap;
    use std::ffi::OsString;
    use std::path::Path;

    fn with(pairs: &[(&str, &str)]) -> Surroundings {
        let map: HashMap<String, OsString> = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), OsString::from(value)))
            .collect();
        Surroundings::from_variables(|name| map.get(name).cloned(), Local::now())
            .unwrap_or_else(|halt| panic!("{}", halt.text))
    }

    #[test]
    fn folders_follow_xdg_and_ignore_relative_ones() {
        let found = with(&[("HOME", "/home/x")]);
        assert_eq!(
            found.config_file.as_deref(),
            Some(Path::new("/home/x/.config/keypace/config.toml"))
        );
        assert_eq!(
            found.state_folder.as_deref(),
            Some(Path::new("/home/x/.local/state/keypace"))
        );
        let found = with(&[
            ("HOME", "/home/x"),
            ("XDG_CONFIG_HOME", "/c"),
            ("XDG_STATE_HOME", "relative"),
        ]);
        assert_eq!(
            found.config_file.as_deref(),
            Some(Path::new("/c/keypace/config.toml"))
        );
        assert_eq!(
            found.state_folder.as_deref(),
            Some(Path::new("/home/x/.local/state/keypace"))
        );
        assert_eq!(with(&[]).state_folder, None);
    }

    #[test]
    fn an_empty_variable_is_none() {
        let found = with(&[("KEYPACE_URL", ""), ("KEYPACE_PASSWORD", "")]);
        assert_eq!(found.url, None);
        assert_eq!(found.password, None);
    }
}
