//! Dispatch: one file a command, and what they share: connecting, signals, driving a sweep, the way out. Knows no
//! flag by its spelling and no wire.

#[cfg(feature = "audit")]
mod audit;
mod bench;
mod completions;
mod confirm;
mod count;
mod delete;
mod demo;
mod index;
mod inspect;
mod interrupt;
mod key_source;
mod lab;
mod log;
mod man;
mod place;
mod restore;
mod resume;
mod scan;
mod serve;
#[cfg(feature = "audit")]
mod source_lines;
mod spans;
mod stats;
mod walk;

use std::future::Future;

use keypace::Keyspace;

use self::interrupt::{Interrupt, Second};
use crate::args::{Cli, Command, Global};
use crate::exit::{Exit, Halt, Phase, io_halt};
use crate::render::output::{Output, Written};
use crate::render::paint::Paint;
use crate::render::{Stderr, text};
use crate::settings::{Settings, Surroundings};

/// Runs what was typed and says how it ended.
pub(crate) fn run(cli: Cli) -> Exit {
    let stderr = Stderr::default();
    match &cli.command {
        // A service logs once its config says what else its spans go to.
        Command::Serve(_) => {}
        _ => log::start(&stderr, cli.global.explain_pace),
    }
    dispatch(cli, &stderr).unwrap_or_else(|halt| {
        stderr.prose(&text::halt(&halt, Paint::stderr()));
        halt.exit
    })
}

fn dispatch(cli: Cli, stderr: &Stderr) -> Result<Exit, Halt> {
    let global = cli.global;
    match cli.command {
        Command::Scan(typed) => in_runtime(async {
            scan::run(
                &mut Run::prepare(&global, stderr, Second::ExitAtOnce)?,
                &typed,
            )
            .await
        }),
        Command::Count(typed) => in_runtime(async {
            count::run(
                &mut Run::prepare(&global, stderr, Second::ExitAtOnce)?,
                &typed,
            )
            .await
        }),
        Command::Stats(typed) => in_runtime(async {
            stats::run(
                &mut Run::prepare(&global, stderr, Second::ExitAtOnce)?,
                &typed,
            )
            .await
        }),
        Command::Delete(typed) => in_runtime(async {
            key_source::check_stdin(&global, &typed)?;
            delete::run(
                &mut Run::prepare(&global, stderr, Second::ExitAtOnce)?,
                &typed,
            )
            .await
        }),
        Command::Restore(typed) => in_runtime(async {
            restore::run(
                &mut Run::prepare(&global, stderr, Second::ExitAtOnce)?,
                &typed,
            )
            .await
        }),
        Command::Index(typed) => in_runtime(async {
            index::run(
                &mut Run::prepare(&global, stderr, Second::ExitAtOnce)?,
                &typed,
            )
            .await
        }),
        Command::Inspect(typed) => in_runtime(async {
            inspect::run(
                &mut Run::prepare(&global, stderr, Second::ExitAtOnce)?,
                &typed,
            )
            .await
        }),
        Command::Serve(typed) => in_threads(serve::run(&global, &typed, stderr)),
        #[cfg(feature = "audit")]
        Command::Audit(typed) => in_runtime(audit::run(&typed, global.json, stderr)),
        // The tour owns a server: it is always left by the way that stops it.
        Command::Demo => in_runtime(async {
            let around = Surroundings::nothing();
            let mut run = Run::with(&demo::globals(&global), around, stderr, Second::Waits)?;
            demo::run(&mut run).await
        }),
        // As the tour; on another server it has keys to take away.
        Command::Bench(typed) => in_runtime(async {
            let around = Surroundings::nothing();
            let mut run = Run::with(
                &bench::globals(&global, &typed)?,
                around,
                stderr,
                Second::Waits,
            )?;
            bench::run(&mut run, &typed, &global).await
        }),
        Command::Completions { shell } => in_runtime(print(completions::script(shell))),
        Command::Man { command } => in_runtime(print(man::page(command.as_deref())?)),
    }
}

/// One thread is enough: the work is waiting for a server, and stdout has a thread of its own.
fn in_runtime(work: impl Future<Output = Result<Exit, Halt>>) -> Result<Exit, Halt> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| io_halt(Exit::Incomplete, "start", &error))?
        .block_on(work)
}

/// Many callers at once, and work beside them: as many threads as there are processors.
fn in_threads(work: impl Future<Output = Result<Exit, Halt>>) -> Result<Exit, Halt> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| io_halt(Exit::Incomplete, "start", &error))?
        .block_on(work)
}

/// Writes a result to stdout.
async fn print(bytes: Vec<u8>) -> Result<Exit, Halt> {
    print_all(std::iter::once(bytes)).await
}

/// Writes a result to stdout piece by piece, each made when there is room for it.
async fn print_all(pieces: impl Iterator<Item = impl Into<Vec<u8>>>) -> Result<Exit, Halt> {
    let output = Output::stdout()?;
    for piece in pieces {
        // When the reader is gone, `finish` says so.
        if output.send(piece.into()).await.is_err() {
            break;
        }
    }
    match output.finish().await? {
        Written::All | Written::ReaderGone => Ok(Exit::Done),
    }
}

/// What every walking command has.
struct Run {
    settings: Settings,
    around: Surroundings,
    stderr: Stderr,
    interrupt: Interrupt,
}

impl Run {
    fn prepare(global: &Global, stderr: &Stderr, second: Second) -> Result<Self, Halt> {
        Self::with(global, Surroundings::read()?, stderr, second)
    }

    fn with(
        global: &Global,
        around: Surroundings,
        stderr: &Stderr,
        second: Second,
    ) -> Result<Self, Halt> {
        let settings = Settings::resolve(global, &around)?;
        for warning in &settings.warnings {
            stderr.prose(&text::warning(warning, Paint::stderr()));
        }
        Ok(Self {
            settings,
            around,
            stderr: stderr.clone(),
            interrupt: Interrupt::listen(second)?,
        })
    }

    async fn connect(&mut self) -> Result<Keyspace, Halt> {
        let connecting =
            Keyspace::connect(self.settings.target.clone(), self.settings.connect.clone());
        self.interrupt
            .or(connecting)
            .await?
            .map_err(|error| Halt::library(&error, Phase::Connecting))
    }
}

/// One JSON object on a line of its own.
fn json_line(value: &impl serde::Serialize) -> Result<Vec<u8>, Halt> {
    let mut line = serde_json::to_vec(value)
        .map_err(|error| Halt::new(Exit::Incomplete, "write JSON").with_cause(&error))?;
    line.push(b'\n');
    Ok(line)
}
