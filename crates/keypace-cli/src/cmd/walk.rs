//! Drives a sweep to its end: pages to stdout, progress to stderr, Ctrl-C and the deadline to the sweep, and at the
//! end what a person and a script have to know. Knows no command.

use std::cell::Cell;
use std::io::IsTerminal as _;
use std::time::Duration;

use keypace::{Error, Event, Page, SlotSet, StopHandle, Sweep};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::interrupt::{Interrupt, Second};
use super::{Run, place};
use crate::args::{Field, ProgressChoice, Resume};
use crate::exit::{Exit, Halt, Phase};
use crate::render::keys::KeyFormat;
use crate::render::output::{Closed, Output};
use crate::render::paint::Paint;
use crate::render::{Renderer, Stderr, Style, TICK, Watched, slots, text};

/// Further than any run: where no deadline is set.
const NEVER: Duration = Duration::from_secs(10 * 365 * 86_400);

/// What ended a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It came to its own end, whatever that is.
    Ended,
    /// Somebody asked to stop.
    Interrupted,
    /// The time was up.
    Deadline,
    /// Nobody reads the keys any more.
    ReaderGone,
}

/// Where the keys of a walk go.
pub(super) struct Keys {
    /// Stdout.
    pub(super) output: Output,
    /// How they look there.
    pub(super) format: KeyFormat,
    /// What is said of each beside its name.
    pub(super) fields: Vec<Field>,
    /// Whether a page must be out before the next one is asked for.
    pub(super) settle: Settle,
    /// Whether sizes were none of memory.
    pub(super) had_elements: Cell<bool>,
}

impl Keys {
    fn bytes(&self, page: &Page) -> Vec<u8> {
        if self.fields.is_empty() {
            return self.format.page(page.keys());
        }
        let mut sizes = (0..page.keys().len())
            .filter_map(|place| page.facts_of(place).and_then(|facts| facts.size));
        if sizes.any(|size| size.is_elements) {
            self.had_elements.set(true);
        }
        self.format.described(page, &self.fields)
    }
}

/// When the keys of a page have to be out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settle {
    /// Some time.
    Later,
    /// Before the place behind them is kept: a key that is neither out nor ahead would be lost.
    EachPage,
}

/// Drives the sweep until it ends or is stopped; what is in flight is settled then.
pub(super) async fn drive(
    run: &Run,
    sweep: &mut Sweep,
    deadline: Option<Instant>,
    watched: Watched,
    keys: Option<&Keys>,
) -> Why {
    let mut stops = Stops::new(run, sweep.stop_handle(), deadline);
    let mut view = renderer(run, watched, keys.is_some());
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let progress = sweep.progress_handle();
    loop {
        let event = {
            // One call is driven to its end: what is asked of the server is asked once.
            let next = sweep.next();
            tokio::pin!(next);
            loop {
                tokio::select! {
                    event = &mut next => break event,
                    _ = tick.tick() => view.show(&progress.get()),
                    () = stops.stop_when_asked() => {}
                }
            }
        };
        match (event, keys) {
            (None, _) => break,
            (Some(Event::Page(page)), Some(keys)) => stops.hand_on(keys, &page).await,
            (Some(_), _) => {}
        }
    }
    view.end(&sweep.progress());
    stops.why
}

/// The stop button of a walk: signals, the deadline, a reader that is gone.
pub(super) struct Stops {
    interrupt: Interrupt,
    deadline: Instant,
    button: StopHandle,
    stderr: Stderr,
    why: Why,
}

impl Stops {
    /// Nothing is pressed yet.
    pub(super) fn new(run: &Run, button: StopHandle, deadline: Option<Instant>) -> Self {
        Self {
            interrupt: run.interrupt.clone(),
            deadline: deadline.unwrap_or_else(|| Instant::now() + NEVER),
            button,
            stderr: run.stderr.clone(),
            why: Why::Ended,
        }
    }

    /// Waits for a reason to stop and stops; once stopped, waits for ever. Cancel-safe.
    pub(super) async fn stop_when_asked(&mut self) {
        if self.why != Why::Ended {
            std::future::pending::<()>().await;
        }
        let why = tokio::select! {
            () = self.interrupt.happened() => Why::Interrupted,
            () = sleep_until(self.deadline) => Why::Deadline,
        };
        self.stop(why);
    }

    /// What ended the work.
    pub(super) fn why(&self) -> Why {
        self.why
    }

    fn stop(&mut self, why: Why) {
        self.why = why;
        self.button.stop();
        if why == Why::Interrupted && self.interrupt.second() == Second::ExitAtOnce {
            self.stderr
                .line("stopping: settling what is under way; Ctrl-C again ends at once");
        }
    }

    /// Hands a page to stdout. A reader that is behind must not keep a Ctrl-C from being heard.
    async fn hand_on(&mut self, keys: &Keys, page: &Page) {
        if self.why == Why::ReaderGone {
            return;
        }
        let bytes = keys.bytes(page);
        let handing = async {
            keys.output.send(bytes).await?;
            match keys.settle {
                Settle::Later => Ok(()),
                Settle::EachPage => keys.output.settle().await,
            }
        };
        tokio::pin!(handing);
        loop {
            tokio::select! {
                biased;
                handed = &mut handing => {
                    if handed == Err(Closed) {
                        self.stop(Why::ReaderGone);
                    }
                    return;
                }
                () = self.stop_when_asked() => {}
            }
        }
    }
}

/// What shows the progress, as was asked for and as stderr can take it.
pub(super) fn renderer(run: &Run, watched: Watched, has_keys: bool) -> Box<dyn Renderer> {
    let keys_on_terminal = has_keys && std::io::stdout().is_terminal();
    let automatic = Style::automatic(Stderr::is_terminal(), keys_on_terminal);
    let style = match run.settings.progress {
        ProgressChoice::Auto => automatic,
        // Keys would tear a bar apart, and without a terminal there is nothing to draw on.
        ProgressChoice::Bar if automatic == Style::Bar => Style::Bar,
        ProgressChoice::Bar | ProgressChoice::Plain => Style::Plain,
        ProgressChoice::Json => Style::Json,
        ProgressChoice::None => Style::None,
    };
    style.renderer(watched, &run.stderr)
}

/// When the run has to stop, counted from now.
pub(super) fn deadline(run: &Run) -> Option<Instant> {
    run.settings.deadline.map(|left| Instant::now() + left)
}

/// Tells how the walk ended and keeps its place where it did not come to its end.
pub(super) fn conclude(
    run: &Run,
    sweep: &Sweep,
    why: Why,
    resume: &Resume,
    resumable: bool,
) -> Exit {
    let summary = sweep.summary();
    let mut exit = Exit::Done;
    if why == Why::ReaderGone {
        return exit;
    }
    let notes = [
        text::limited(&summary),
        text::from_replica(&summary),
        slots::repeated(&summary),
    ];
    for note in notes.into_iter().flatten() {
        run.stderr.prose(&note);
    }
    let unfinished = !text::is_walked(&summary) || summary.unknown > 0;
    if unfinished && why == Why::Interrupted {
        exit = exit.merge(Exit::Interrupted);
        run.stderr.line("interrupted");
    } else if unfinished && why == Why::Deadline {
        run.stderr.line("stopped at the deadline");
    } else if let Some(error) = sweep.error() {
        exit = report(run, exit, &Halt::library(error, Phase::Walking));
    }
    if let Some(halt) = shortfall(&summary, sweep, why) {
        exit = report(run, exit, &halt);
    }
    if let Some(open) = open_slots(sweep, why).filter(|_| !summary.complete) {
        run.stderr.prose(&slots::not_walked(open));
    }
    if !summary.complete {
        exit = exit.merge(Exit::Incomplete);
    }
    // A refusal has no place to go on from.
    if unfinished && exit != Exit::Refused {
        if !resumable {
            run.stderr.prose(
                "note: this run keeps no place (nor do KEYS, --sorted, --exact and names from stdin); repeated, it begins again",
            );
        } else if let Err(halt) = place::keep(run, sweep, resume) {
            exit = report(run, exit, &halt);
        }
    }
    exit
}

/// What is missing, unless the line before said all there is to say.
fn shortfall(summary: &keypace::Summary, sweep: &Sweep, why: Why) -> Option<Halt> {
    let told = sweep.error().map(ToString::to_string);
    // A cluster's nodes fail each in its own way.
    let has_more = told.is_some() && summary.errors.len() > 1;
    let said_all =
        (why != Why::Ended || told.is_some()) && !has_more && summary.failed + summary.unknown == 0;
    text::shortfall(summary, told.as_deref()).filter(|_| !said_all)
}

/// The slots of a cluster that a failure left open. What a stopped run has not come to is no news.
fn open_slots(sweep: &Sweep, why: Why) -> Option<&SlotSet> {
    let open = sweep.uncovered().filter(|open| !open.is_empty())?;
    let is_told = |error: &Error| error.to_string().contains(&open.to_string());
    (why == Why::Ended && !sweep.error().is_some_and(is_told)).then_some(open)
}

/// Tells a failure, and merges its code.
pub(super) fn report(run: &Run, exit: Exit, halt: &Halt) -> Exit {
    run.stderr.prose(&text::halt(halt, Paint::stderr()));
    exit.merge(halt.exit)
}
