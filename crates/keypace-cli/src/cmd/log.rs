//! Log events on stderr, in the form of our other lines, above any bar. Warnings by default; `KEYPACE_LOG` says
//! otherwise, and `--explain-pace` adds what the pace decides. A service logs what it does too, with times, as lines or JSON.
//! Decides nothing.

use std::fmt;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry};

use crate::args::LogForm;
use crate::render::Stderr;
use crate::render::paint::Paint;

/// The variable that says what is logged, in the words of `tracing`'s filters.
const ENV_LOG: &str = "KEYPACE_LOG";

/// Where the library logs what its pace decides: JSON, a decision a line.
const PACE: &str = "keypace::pace";

/// Begins to log. A filter that can't be read is told and replaced by the default.
pub(super) fn start(stderr: &Stderr, explain_pace: bool) {
    let wanted = std::env::var(ENV_LOG).unwrap_or_default();
    let filter = EnvFilter::builder()
        .with_default_directive(Level::WARN.into())
        .parse(&wanted)
        .unwrap_or_else(|error| {
            stderr.line(&format!("warning: {ENV_LOG} can't be read: {error}"));
            EnvFilter::new("warn")
        });
    // Thousands a second, in a form of their own: only where they were asked for.
    let pace = if explain_pace {
        LevelFilter::DEBUG
    } else {
        LevelFilter::OFF
    };
    let filter = match format!("{PACE}={pace}").parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr.clone())
        .with_ansi(Paint::stderr().is_on())
        .event_format(Line)
        .finish();
    // Nobody else in this process sets one.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Begins to log for a service: what it does as well as what goes wrong, with times, as lines or as JSON.
/// `spans` takes up what others are to know.
pub(super) fn start_service(
    stderr: &Stderr,
    form: LogForm,
    spans: impl Layer<Registry> + Send + Sync,
) {
    let wanted = std::env::var(ENV_LOG).unwrap_or_default();
    let filter = EnvFilter::builder()
        .with_default_directive(Level::INFO.into())
        .parse(&wanted)
        .unwrap_or_else(|error| {
            stderr.line(&format!("warning: {ENV_LOG} can't be read: {error}"));
            EnvFilter::new("info")
        });
    let filter = match format!("{PACE}=off").parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(stderr.clone());
    let lines: Box<dyn Layer<_> + Send + Sync> = match form {
        LogForm::Json => Box::new(lines.json().flatten_event(true).with_filter(filter)),
        LogForm::Text => {
            let ansi = Paint::stderr().is_on();
            Box::new(lines.with_ansi(ansi).with_filter(filter))
        }
    };
    let subscriber = tracing_subscriber::registry().with(spans).with(lines);
    // Nobody else in this process sets one.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// `warning: text field=value`: no time and no module, which a person at a terminal doesn't ask for.
struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if event.metadata().target() == PACE {
            context.format_fields(writer.by_ref(), event)?;
            return writeln!(writer);
        }
        let paint = Paint::stderr();
        let level = match *event.metadata().level() {
            Level::ERROR => paint.bad("error:"),
            Level::WARN => paint.careful("warning:"),
            Level::INFO => "info:".to_owned(),
            Level::DEBUG => "debug:".to_owned(),
            Level::TRACE => "trace:".to_owned(),
        };
        write!(writer, "{level} ")?;
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}
