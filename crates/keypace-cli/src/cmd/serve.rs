//! `keypace serve`: the service until somebody says stop; or one of its API keys made, revoked or listed. Decides nothing
//! that the service could.

use keypace_server::access::{KeyId, KeyRow, KeyStore, Scope};
use keypace_server::app::{App, StartError, StartErrorKind, open_keys};
use keypace_server::config::Config;
use serde::Serialize;

use super::interrupt::{Interrupt, Second};
use super::spans::Spans;
use super::{json_line, log, print};
use crate::args::{Global, LogForm, Serve};
use crate::exit::{Exit, Halt, io_halt};
use crate::render::paint::Paint;
use crate::render::{Stderr, text};
use crate::settings::{Surroundings, key_owner, serve_config};

/// Runs the command.
pub(super) async fn run(global: &Global, typed: &Serve, stderr: &Stderr) -> Result<Exit, Halt> {
    let (config, warnings) = serve_config(global, typed, &Surroundings::read()?)?;
    let spans = Spans::to(config.collector.as_deref())?;
    log::start_service(stderr, typed.log, spans.layer());
    for warning in &warnings {
        match typed.log {
            LogForm::Text => stderr.prose(&text::warning(warning, Paint::stderr())),
            LogForm::Json => tracing::warn!("{warning}"),
        }
    }
    if let Some(scope) = &typed.new_key {
        let owner = key_owner(typed)?;
        return new_key(&config, scope, owner.as_deref(), global.json, stderr).await;
    }
    if let Some(id) = &typed.revoke_key {
        return revoke_key(&config, id, stderr).await;
    }
    if typed.list_keys {
        return list_keys(&config, global.json).await;
    }
    let served = serve(config, global.json, typed.log, stderr).await;
    spans.finish().await;
    served
}

/// Where the service is, for whoever started it.
#[derive(Serialize)]
struct Listening<'a> {
    listening: &'a str,
    keyless: bool,
}

async fn serve(config: Config, json: bool, log: LogForm, stderr: &Stderr) -> Result<Exit, Halt> {
    let mut interrupt = Interrupt::listen(Second::ExitAtOnce)?;
    let building = interrupt.or(App::build(config)).await?;
    let app = building.map_err(|error| halt_of(&error))?;
    let scheme = if app.uses_tls() { "https" } else { "http" };
    let place = format!("{scheme}://{}", app.address());
    let keyless = app.is_keyless();
    if json {
        let line = Listening {
            listening: &place,
            keyless,
        };
        print(json_line(&line)?).await?;
    }
    // Where the log is for machines, nothing else stands between its lines.
    match (log, keyless) {
        (LogForm::Json, _) => tracing::info!(place, keyless, "listening"),
        (LogForm::Text, true) => stderr.prose(&format!(
            "keypace serves {place} to everybody on this machine: there are no API keys"
        )),
        (LogForm::Text, false) => stderr.prose(&format!("keypace serves {place}")),
    }
    let served = app.run(async move { interrupt.happened().await }).await;
    served.map_err(|error| io_halt(Exit::Incomplete, "serve", &error))?;
    Ok(Exit::Done)
}

/// A key as it is shown, once.
#[derive(Serialize)]
struct Made<'a> {
    id: &'a str,
    scope: &'a str,
    key: &'a str,
}

async fn new_key(
    config: &Config,
    scope: &str,
    owner: Option<&str>,
    json: bool,
    stderr: &Stderr,
) -> Result<Exit, Halt> {
    let parsed: Scope = scope
        .parse()
        .map_err(|error| Halt::usage("read --new-key").with_cause(&error))?;
    if parsed == Scope::Owner && owner.is_none() {
        return Err(
            Halt::usage("make an API key: one of the scope owner stands for somebody")
                .with_hint("name an owner with --owner-file FILE, or --owner - for stdin"),
        );
    }
    let store = opened(config).await?;
    let made = store.add(parsed, owner).await;
    let made =
        made.map_err(|error| Halt::new(Exit::Connection, "make an API key").with_cause(&error))?;
    let (id, key) = (made.id.as_str(), made.secret.as_str());
    if json {
        return print(json_line(&Made { id, scope, key })?).await;
    }
    stderr.prose(&format!(
        "{id} has the scope {scope}. The key is shown this once, and kept as its SHA-256 only:"
    ));
    print(format!("{key}\n").into_bytes()).await
}

async fn revoke_key(config: &Config, id: &str, stderr: &Stderr) -> Result<Exit, Halt> {
    let store = opened(config).await?;
    let revoked = store.revoke(&KeyId::new(id)).await;
    let revoked = revoked
        .map_err(|error| Halt::new(Exit::Connection, "revoke an API key").with_cause(&error))?;
    if !revoked {
        return Err(
            Halt::usage(format!("revoke an API key: there is none called `{id}`"))
                .with_hint("keypace serve --list-keys names them"),
        );
    }
    stderr.prose(&format!("{id} is revoked"));
    Ok(Exit::Done)
}

/// A key of a list.
#[derive(Serialize)]
struct Listed<'a> {
    id: &'a str,
    scope: &'a str,
    has_owner: bool,
    created_at: String,
}

async fn list_keys(config: &Config, json: bool) -> Result<Exit, Halt> {
    let store = opened(config).await?;
    let keys = store.list().await;
    let keys =
        keys.map_err(|error| Halt::new(Exit::Connection, "list the API keys").with_cause(&error))?;
    let mut bytes = Vec::new();
    for key in &keys {
        let created_at = key.created_at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        if json {
            bytes.extend(json_line(&Listed {
                id: key.id.as_str(),
                scope: key.scope.as_str(),
                has_owner: key.has_owner,
                created_at,
            })?);
        } else {
            bytes.extend(row(key, &created_at).into_bytes());
        }
    }
    print(bytes).await
}

fn row(key: &KeyRow, created_at: &str) -> String {
    let owner = if key.has_owner { "  with an owner" } else { "" };
    format!("{}  {:8}  {created_at}{owner}\n", key.id, key.scope)
}

async fn opened(config: &Config) -> Result<std::sync::Arc<dyn KeyStore>, Halt> {
    open_keys(config).await.map_err(|error| halt_of(&error))
}

/// A service's reason not to begin, with the code that it means.
fn halt_of(error: &StartError) -> Halt {
    let exit = match error.kind() {
        StartErrorKind::Config => Exit::Usage,
        StartErrorKind::Refused => Exit::Refused,
        StartErrorKind::Connection => Exit::Connection,
        StartErrorKind::Internal => Exit::Incomplete,
    };
    let mut halt = Halt::new(exit, error.to_string());
    if let Some(cause) = std::error::Error::source(error) {
        halt = halt.with_cause(cause);
    }
    match error.hint() {
        Some(hint) => halt.with_hint(hint),
        None => halt,
    }
}
