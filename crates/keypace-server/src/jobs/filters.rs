//! Which keys a job is about, as a body says it, and as the library wants it. The texts name the field.

use keypace::{Budget, Error, Filters, Pattern, ScanOptions};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::jobs::problem::JobError;
use crate::units;

/// How much of a pattern an error repeats: the start is enough to find it again.
const SHOWN_PATTERN_CHARS: usize = 40;

/// Whether keys have to have a TTL or to have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TtlSpec {
    /// Only keys with a TTL.
    Has,
    /// Only keys without one.
    None,
}

/// Conditions that a key has to meet, all of them, as on the command line: durations and sizes carry their units.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FilterSpec {
    /// Only keys of these types; none means all.
    pub types: Vec<String>,
    /// Without keys that match any of these patterns.
    pub exclude: Vec<String>,
    /// Only keys that nobody has used for so long, as `30d`.
    #[schema(
        pattern = r"^([0-9]{1,9}(\.[0-9]{1,9})?(ms|us|µs|ns|s|m|h|d|w))+$",
        max_length = 64
    )]
    pub idle_over: Option<String>,
    /// Only keys with, or without, a TTL.
    pub ttl: Option<TtlSpec>,
    /// Only keys with less than this left, as `1h`.
    #[schema(
        pattern = r"^([0-9]{1,9}(\.[0-9]{1,9})?(ms|us|µs|ns|s|m|h|d|w))+$",
        max_length = 64
    )]
    pub ttl_under: Option<String>,
    /// Only keys with more than this left, as `7d`.
    #[schema(
        pattern = r"^([0-9]{1,9}(\.[0-9]{1,9})?(ms|us|µs|ns|s|m|h|d|w))+$",
        max_length = 64
    )]
    pub ttl_over: Option<String>,
    /// Only keys that take more memory than this, as `1MiB`.
    #[schema(pattern = r"^[0-9]{1,6}(\.[0-9]{1,9})?([KMGT]i?)?B$")]
    pub size_over: Option<String>,
    /// Only keys that take less memory than this, as `1KiB`.
    #[schema(pattern = r"^[0-9]{1,6}(\.[0-9]{1,9})?([KMGT]i?)?B$")]
    pub size_under: Option<String>,
    /// No more keys than this; 0 means no limit.
    pub limit: u64,
}

impl FilterSpec {
    /// The conditions that look at a key.
    ///
    /// # Errors
    /// `Invalid`, with a text that names the field.
    pub fn to_filters(&self) -> Result<Filters, JobError> {
        let mut filters = Filters::default();
        if let Some(text) = &self.idle_over {
            let idle = read("filters.idle_over", text, units::duration)?;
            filters = filters
                .with_idle_over(idle)
                .map_err(|error| refused("filters.idle_over", &error))?;
        }
        filters = match self.ttl {
            Some(TtlSpec::Has) => filters.with_has_ttl(),
            Some(TtlSpec::None) => filters.with_no_ttl(),
            None => filters,
        };
        if let Some(text) = &self.ttl_under {
            filters = filters.with_ttl_under(read("filters.ttl_under", text, units::duration)?);
        }
        if let Some(text) = &self.ttl_over {
            filters = filters.with_ttl_over(read("filters.ttl_over", text, units::duration)?);
        }
        if let Some(text) = &self.size_over {
            filters = filters.with_size_over(read("filters.size_over", text, units::bytes)?);
        }
        if let Some(text) = &self.size_under {
            filters = filters.with_size_under(read("filters.size_under", text, units::bytes)?);
        }
        // What contradicts itself needs no server to be refused.
        filters
            .check()
            .map_err(|error| refused("filters", &error))?;
        Ok(filters)
    }

    /// What to walk for these patterns: with excludes, types and the limit.
    ///
    /// # Errors
    /// `Invalid`, with a text that names the field.
    pub fn to_scan(&self, patterns: &[String]) -> Result<ScanOptions, JobError> {
        let patterns = self.patterns(patterns, "patterns")?;
        let exclude = self.patterns(&self.exclude, "filters.exclude")?;
        let scan = ScanOptions::new(patterns)
            .map_err(|error| refused("patterns", &error))?
            .with_exclude(exclude)
            .map_err(|error| refused("filters.exclude", &error))?
            .with_types(self.types.clone())
            .map_err(|error| refused("filters.types", &error))?;
        Ok(if self.limit == 0 {
            scan
        } else {
            scan.with_limit(self.limit)
        })
    }

    /// Patterns of this field, checked.
    pub(super) fn patterns(&self, texts: &[String], field: &str) -> Result<Vec<Pattern>, JobError> {
        let number = texts.len();
        if number > keypace::limits::MAX_PATTERNS {
            let most = keypace::limits::MAX_PATTERNS;
            return Err(JobError::invalid(format!(
                "{field}: {number} are too many, at most {most} are allowed"
            )));
        }
        let pattern = |text: &String| {
            Pattern::new(text.clone().into_bytes()).map_err(|error| {
                let shown: String = text
                    .chars()
                    .take(SHOWN_PATTERN_CHARS)
                    .flat_map(char::escape_debug)
                    .collect();
                JobError::invalid(format!("{field}: `{shown}`: {error}; {}", error.hint()))
            })
        };
        texts.iter().map(pattern).collect()
    }
}

/// The budget that a body names: `250us`, `off`, or the default where none is named.
///
/// # Errors
/// `Invalid` where it can't be read or is outside the library's bounds.
pub fn budget_of(text: Option<&str>) -> Result<Budget, JobError> {
    match text {
        None => Ok(Budget::default()),
        Some("off") => Ok(Budget::off()),
        Some(text) => {
            let wait = units::duration(text)
                .map_err(|why| JobError::invalid(format!("budget: {why}, or `off`")))?;
            Budget::of(wait).map_err(|error| refused("budget", &error))
        }
    }
}

fn read<T>(field: &str, text: &str, unit: fn(&str) -> Result<T, String>) -> Result<T, JobError> {
    unit(text).map_err(|why| JobError::invalid(format!("{field}: {why}")))
}

/// The library's public text and hint, under the field's name.
fn refused(field: &str, error: &Error) -> JobError {
    let hint = error
        .hint()
        .map_or_else(String::new, |hint| format!("; {hint}"));
    JobError::invalid(format!("{field}: {}{hint}", error.context()))
}
