//! The plan of a delete, as a person reads it before agreeing. Builds text; asks nothing.

use keypace::Plan;

use super::figures::{grouped, percent, plural};
use super::paint::Paint;
use super::text::{samples, server};
use super::wrap::wrap;

/// Columns of the labels.
const LABEL: usize = 10;

/// What was typed, in words.
pub(crate) struct Words {
    /// Patterns, or the list.
    pub(crate) keys: String,
    /// Which of those; nothing where all of them.
    pub(crate) only: Option<String>,
    /// At which pace.
    pub(crate) how: String,
    /// Where copies go; or that there are none, and how to have some.
    pub(crate) backup: String,
}

/// What is to be deleted, before it is.
pub(crate) fn plan(plan: &Plan, words: &Words, columns: usize, paint: Paint) -> String {
    let total = plan.total_keys();
    let matches = match plan.estimate() {
        Some(0) if plan.is_exact() => "no key at the moment".to_owned(),
        Some(keys) => {
            let (about, keys) = if plan.is_exact() {
                ("", keys)
            } else {
                ("about ", rounded(keys))
            };
            let slots = plan.slot_keys().map_or_else(String::new, |there| {
                format!(", {} of them where its hash tag leads", grouped(there))
            });
            format!(
                "{about}{}, {} of the {} there{slots}",
                plural(keys, "key"),
                percent(plan.share()),
                grouped(total)
            )
        }
        None => format!("what still matches, of the {} there", plural(total, "key")),
    };
    let matches = match plan.not_asked() {
        [] => matches,
        silent => format!(
            "{matches}, without what {} holds: no answer for now",
            silent.join(" and ")
        ),
    };
    let mut text = format!("{}\n", paint.strong("About to delete keys"));
    text.push_str(&row("from", &server(plan.server()), columns));
    text.push_str(&row("keys", &words.keys, columns));
    if let Some(only) = &words.only {
        text.push_str(&row("only", only, columns));
    }
    text.push_str(&row("that is", &matches, columns));
    text.push_str(&samples(plan.samples(), &format!("  {:LABEL$}", "such as")));
    let by = format!("{} {}", plan.verb(), words.how);
    text.push_str(&row("by", &by, columns));
    text.push_str(&row("backup", &words.backup, columns));
    text
}

/// A label and its text, broken to the width below itself.
pub(super) fn row(label: &str, words: &str, columns: usize) -> String {
    let indent = " ".repeat(LABEL + 2);
    let wrapped = wrap(words, columns, &indent);
    format!("  {label:LABEL$}{}\n", wrapped.trim_start())
}

/// An estimate in three figures: more would be false.
fn rounded(number: u64) -> u64 {
    let unit = 10_u64.pow(number.checked_ilog10().unwrap_or(0).saturating_sub(2));
    (number + unit / 2) / unit * unit
}

#[cfg(test)]
mod tests {
    use super::{rounded, row};

    #[test]
    fn estimates_have_three_figures_and_rows_keep_to_the_width() {
        for (number, text) in [
            (0, 0),
            (7, 7),
            (999, 999),
            (1_234, 1_230),
            (110_606, 111_000),
        ] {
            assert_eq!(rounded(number), text);
        }
        let text = row("by", "UNLINK in batches of 500, with a budget of 1ms", 40);
        assert!(text.lines().all(|line| line.len() <= 40), "{text}");
        assert!(
            text.starts_with("  by        UNLINK in batches of 500,"),
            "{text}"
        );
    }
}
