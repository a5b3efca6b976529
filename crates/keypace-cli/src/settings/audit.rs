//! What was typed for `keypace audit` means this: flags over the table `[audit]` of ./keypace.toml over defaults.
//! Reads that one file, and no source.

use std::io::ErrorKind;
use std::path::Path;

use figment::Figment;
use figment::providers::{Format as _, Toml};
use keypace_audit::{Confidence, Options, Severity};
use serde::Deserialize;

use crate::args::{Audit, AuditFormat, FailOn, Level};
use crate::exit::{Exit, Halt, io_halt};

/// The file of a project, beside its sources.
const PROJECT_FILE: &str = "keypace.toml";

/// How an audit is run, and how it ends.
#[derive(Debug)]
pub(crate) struct AuditSettings {
    /// For the library.
    pub(crate) options: Options,
    /// The form of the report.
    pub(crate) format: AuditFormat,
    /// From which severity on the run fails; `None` for never.
    pub(crate) fail_on: Option<Severity>,
}

/// `keypace.toml`. Other tables would be another project's mistake.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Project {
    audit: Table,
}

/// The table `[audit]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Table {
    wrappers: Vec<String>,
    exclude: Vec<String>,
    fail_on: Option<FailOn>,
    min_confidence: Option<Level>,
}

impl AuditSettings {
    /// In the folder that keypace was started in. `json` is the flag that every command takes.
    pub(crate) fn resolve(typed: &Audit, json: bool) -> Result<Self, Halt> {
        Self::of(typed, json, Path::new(PROJECT_FILE))
    }

    fn of(typed: &Audit, json: bool, file: &Path) -> Result<Self, Halt> {
        let format = match (typed.format, json) {
            (None, false) => AuditFormat::Text,
            (None, true) => AuditFormat::Json,
            (Some(AuditFormat::Text), true) | (Some(AuditFormat::Sarif), true) => {
                return Err(Halt::usage(
                    "choose a form: --json and --format say different things",
                ));
            }
            (Some(format), _) => format,
        };
        let table = read(file)?;
        let fail_on = typed.fail_on.or(table.fail_on).unwrap_or(FailOn::High);
        let level = typed.min_confidence.or(table.min_confidence);
        let exclude = table.exclude.into_iter().chain(typed.exclude.clone());
        let options = Options::default()
            .with_wrappers(table.wrappers)
            .with_exclude(exclude.collect())
            .with_min_confidence(confidence(level.unwrap_or(Level::Medium)))
            .with_changed_since(typed.changed_since.clone())
            .with_baseline(typed.baseline.clone());
        Ok(Self {
            options,
            format,
            fail_on: severity(fail_on),
        })
    }
}

fn read(file: &Path) -> Result<Table, Halt> {
    let failed = || format!("read {}", file.display());
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Table::default()),
        Err(error) => return Err(io_halt(Exit::Usage, failed(), &error)),
    };
    let project: Project = Figment::from(Toml::string(&text))
        .extract()
        .map_err(|error| {
            Halt::usage(failed())
                .with_cause(&error)
                .with_hint("[audit] has wrappers = [\"cache.redis\"], exclude = [\"gen/\"], fail_on = \"high\" and min_confidence = \"medium\"")
        })?;
    Ok(project.audit)
}

fn severity(fail_on: FailOn) -> Option<Severity> {
    match fail_on {
        FailOn::Low => Some(Severity::Low),
        FailOn::Medium => Some(Severity::Medium),
        FailOn::High => Some(Severity::High),
        FailOn::Never => None,
    }
}

fn confidence(level: Level) -> Confidence {
    match level {
        Level::Low => Confidence::Low,
        Level::Medium => Confidence::Medium,
        Level::High => Confidence::High,
    }
}

#[cfg(test)]
mod tests {
    use super::AuditSettings;
    use crate::args::{Audit, AuditFormat, FailOn, Level};
    use crate::exit::{Exit, Halt};
    use keypace_audit::{Confidence, Severity};

    fn settings(file: Option<&str>, typed: &Audit, json: bool) -> Result<AuditSettings, Halt> {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("keypace.toml");
        if let Some(text) = file {
            std::fs::write(&path, text).expect("write");
        }
        AuditSettings::of(typed, json, &path)
    }

    #[test]
    fn flags_stand_over_the_file_and_the_file_over_defaults() {
        let plain = settings(None, &Audit::default(), false).expect("defaults");
        assert_eq!(plain.fail_on, Some(Severity::High));
        assert_eq!(plain.options.min_confidence, Confidence::Medium);
        assert_eq!(plain.format, AuditFormat::Text);

        let file = "[audit]\nwrappers = [\"cache.redis\"]\nexclude = [\"gen/\"]\nfail_on = \"low\"\nmin_confidence = \"high\"\n";
        let filed = settings(Some(file), &Audit::default(), true).expect("file");
        assert_eq!(filed.fail_on, Some(Severity::Low));
        assert_eq!(filed.options.min_confidence, Confidence::High);
        assert_eq!(filed.options.wrappers, ["cache.redis"]);
        assert_eq!(filed.format, AuditFormat::Json);

        let typed = Audit {
            fail_on: Some(FailOn::Never),
            min_confidence: Some(Level::Low),
            exclude: vec!["old/".to_owned()],
            format: Some(AuditFormat::Sarif),
            ..Audit::default()
        };
        let both = settings(Some(file), &typed, false).expect("flags");
        assert_eq!(both.fail_on, None);
        assert_eq!(both.options.min_confidence, Confidence::Low);
        assert_eq!(both.options.exclude, ["gen/", "old/"]);
        assert_eq!(both.format, AuditFormat::Sarif);
    }

    #[test]
    fn an_unknown_name_or_level_is_a_usage_error() {
        for text in [
            "[audit]\nwrapper = []",
            "[audits]",
            "[audit]\nfail_on = \"all\"",
            "audit = 1",
            "[",
        ] {
            let halt = settings(Some(text), &Audit::default(), false).expect_err(text);
            assert_eq!(halt.exit, Exit::Usage, "{text}");
            assert!(!halt.causes.is_empty(), "{halt:?}");
        }
    }

    #[test]
    fn two_forms_at_once_are_refused() {
        let typed = Audit {
            format: Some(AuditFormat::Sarif),
            ..Audit::default()
        };
        assert!(settings(None, &typed, true).is_err());
    }
}
