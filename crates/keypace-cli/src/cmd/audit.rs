//! `keypace audit`: source trees in, a report out. Asks no server, and finds nothing itself: the library does.

use std::io::IsTerminal as _;
use std::iter;
use std::path::Path;

use keypace_audit::{AuditError, Options, Report, render};

use super::{print, print_all};
use crate::args::{Audit, AuditFormat};
use crate::exit::{Exit, Halt, io_halt};
use crate::render::paint::Paint;
use crate::render::{Stderr, text};
use crate::settings::AuditSettings;

/// Audits, writes the report to stdout, and says how it ended.
pub(super) async fn run(typed: &Audit, json: bool, stderr: &Stderr) -> Result<Exit, Halt> {
    if typed.list_rules {
        return print(render::list().into_bytes()).await;
    }
    if let Some(id) = &typed.explain {
        let rule = keypace_audit::rule(id).ok_or_else(|| {
            Halt::usage(format!("explain {id:?}: there is no such rule"))
                .with_hint("keypace audit --list-rules names them")
        })?;
        return print(render::explain(rule, ink()).into_bytes()).await;
    }
    let settings = AuditSettings::resolve(typed, json)?;
    let report = audit(&settings.options, typed)?;
    for trouble in &report.troubles {
        stderr.prose(&text::warning(
            &format!("could not read {trouble}"),
            Paint::stderr(),
        ));
    }
    if let Some(file) = &typed.baseline {
        begin_baseline(file, &settings.options, typed, stderr)?;
    }
    print_all(rendered(&report, settings.format, typed)).await?;
    let is_bad = settings
        .fail_on
        .is_some_and(|severity| report.at_least(severity) > 0);
    // A file that nobody looked at may hold anything.
    Ok(if is_bad || report.unread > 0 {
        Exit::Incomplete
    } else {
        Exit::Done
    })
}

fn audit(options: &Options, typed: &Audit) -> Result<Report, Halt> {
    let audit = keypace_audit::Audit::new(options.clone());
    audit.run(&typed.paths).map_err(|error| halt(&error))
}

pub(super) fn halt(error: &AuditError) -> Halt {
    let mut halt = Halt::usage(error.to_string()).with_hint(error.hint());
    let mut cause = std::error::Error::source(error);
    if let AuditError::Path { source, .. } = error {
        halt.causes.push(crate::exit::io_text(source));
        cause = None;
    }
    if let AuditError::Changed { why, .. } = error {
        halt.causes.push(why.clone());
    }
    match cause {
        Some(cause) => halt.with_cause(cause),
        None => halt,
    }
}

/// Writes a baseline where there is none yet: everything, also what is less sure or unchanged since a commit, so that a
/// later run with other flags knows it.
fn begin_baseline(
    file: &Path,
    options: &Options,
    typed: &Audit,
    stderr: &Stderr,
) -> Result<(), Halt> {
    if file.exists() {
        return Ok(());
    }
    let whole = options
        .clone()
        .with_baseline(None)
        .with_changed_since(None)
        .with_min_confidence(keypace_audit::Confidence::Low);
    let report = audit(&whole, typed)?;
    let text: String = render::json(&report).collect();
    std::fs::write(file, text).map_err(|error| {
        io_halt(
            Exit::Usage,
            format!("write the baseline {}", file.display()),
            &error,
        )
    })?;
    stderr.prose(&format!(
        "there was no baseline: {} knows {} findings from now on, and the next run counts new ones only",
        file.display(),
        report.findings.len(),
    ));
    Ok(())
}

fn rendered<'a>(
    report: &'a Report,
    format: AuditFormat,
    typed: &Audit,
) -> Box<dyn Iterator<Item = String> + 'a> {
    match format {
        AuditFormat::Text => Box::new(render::text(report, ink())),
        AuditFormat::Json => Box::new(render::json(report)),
        AuditFormat::Sarif => Box::new(iter::once(render::sarif(report, &typed.paths))),
    }
}

/// Colours, where somebody can see them.
fn ink() -> render::Ink {
    if std::io::stdout().is_terminal() && Paint::stdout().is_on() {
        render::Ink::Colour
    } else {
        render::Ink::Plain
    }
}
