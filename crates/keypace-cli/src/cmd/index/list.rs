//! `keypace index list`: a page of one owner's records, and the command that gives the next. Formats nothing itself.

use keypace::{Cursor, PageRequest, Shelf};

use super::super::{Run, print, resume};
use super::{Found, find, not_begun};
use crate::args::IndexList as Typed;
use crate::exit::{Exit, Halt, Phase};
use crate::render::paint::Paint;
use crate::render::{index as texts, output, records};
use crate::settings::{namespace, owner};

/// Runs the command.
pub(super) async fn run(run: &mut Run, typed: &Typed) -> Result<Exit, Halt> {
    let owner = owner(&typed.whose, "list")?;
    let namespace = namespace(&typed.of)?;
    let unusable = |error: keypace::Error| Halt::library(&error, Phase::Connecting);
    let request = match &typed.after {
        Some(text) => {
            let cursor = Cursor::parse(text).map_err(unusable)?;
            PageRequest::after(cursor, typed.limit)
        }
        None => PageRequest::first(typed.limit),
    };
    let request = request.map_err(unusable)?;
    let keyspace = run.connect().await?;
    let Found { keys, .. } = find(run, &keyspace, &typed.of, &namespace).await?;
    let shelf = match keys {
        Some(keys) => {
            let found = Shelf::find(&keyspace, namespace.clone(), keys);
            let found = run.interrupt.or(found).await?;
            found.map_err(|error| not_begun(&error))?
        }
        None => None,
    };
    let shelf = shelf.ok_or_else(|| texts::no_index("list", namespace.as_str()))?;
    let page = run.interrupt.or(shelf.list(&owner, &request)).await?;
    let page = page.map_err(|error| not_begun(&error))?;
    let result = if run.settings.json {
        records::json_lines(&page)?
    } else {
        let now = run.around.now.to_utc();
        records::table(&page, now, output::columns(), Paint::stdout()).into_bytes()
    };
    let printed = print(result).await?;
    if page.undecodable > 0 {
        let note = records::undecodable(page.undecodable);
        run.stderr.line(&note);
    }
    if let Some(next) = &page.next {
        let typed: Vec<_> = std::env::args_os().collect();
        let line = resume::with_flag(&typed, "--after", next.to_string());
        run.stderr.line(&records::next_page(&line, Paint::stderr()));
    }
    Ok(printed)
}
