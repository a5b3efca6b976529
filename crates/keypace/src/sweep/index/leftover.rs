//! Looks, before a namespace is begun, whether records of it are there that another owner key made: begun with ours, their
//! owners would have other names, and empty lists. Changes nothing.

use super::walk::all_of;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::port::Keyspace;
use crate::records::{Ground, Part, Sign};
use crate::sweep::drive::{Event, Sweep};
use crate::sweep::options::SweepOptions;

/// Walks the namespace's own keys, until one record tells whose key made it. Cancel-safe.
pub(super) async fn check(keyspace: &Keyspace, walk: &SweepOptions, ground: &Ground) -> Result<()> {
    let mut walk = walk.clone();
    walk.scan.patterns = vec![all_of(&format!("{}{{", ground.namespace.lead()))];
    walk.checkpoint = None;
    walk.resume = None;
    let mut sweep = Sweep::list(keyspace, walk).await?;
    let mut is_left = false;
    while let Some(event) = sweep.next().await {
        let Event::Page(page) = event else { continue };
        for key in page.keys() {
            let Some(part) = ground.namespace.part(key.as_bytes()) else {
                continue;
            };
            is_left = true;
            let Part::Record(tag, id) = part else {
                continue;
            };
            match ground.sign(tag, &id).await? {
                Sign::Ours => return Ok(()),
                Sign::Anothers => return Err(left(ground, "another owner key made them")),
                Sign::None => {}
            }
        }
    }
    if !sweep.is_complete() {
        let context = "not every key could be looked at";
        return Err(match sweep.error() {
            Some(error) => Error::new(error.kind(), error.retry(), BEGIN, error.to_string()),
            None => Error::new(ErrorKind::Disconnected, Retry::Backoff, BEGIN, context),
        });
    }
    if is_left {
        return Err(left(ground, "nothing says which owner key made them"));
    }
    Ok(())
}

const BEGIN: &str = "begin the namespace";

fn left(ground: &Ground, why: &str) -> Error {
    let namespace = &ground.namespace;
    let context = format!("keys of {namespace} are there without its meta, and {why}");
    Error::new(ErrorKind::Guard, Retry::Never, BEGIN, context).with_hint(format!(
        "name their key file with --keys; or delete them, to begin anew: keypace delete 'kp:{namespace}:*'"
    ))
}
