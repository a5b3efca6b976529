//! `keypace index list`: a page of one owner's records. Formats nothing itself.

use super::super::Run;
use crate::args::IndexList as Typed;
use crate::exit::{Exit, Halt};
use crate::settings::{namespace, owner};

/// Runs the command.
pub(super) async fn run(run: &mut Run, typed: &Typed) -> Result<Exit, Halt> {
    let _owner = owner(typed)?;
    let _namespace = namespace(&typed.of)?;
    let _keyspace = run.connect().await?;
    Ok(Exit::Done)
}
