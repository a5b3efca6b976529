//! What a sweep's filters and its backup need of a node: whether its clocks can be trusted, and how keys may be removed
//! there. Asked of each node before its walk begins, and of all of them before a person is asked. Keeps nothing.

use super::options::SweepOptions;
use super::shared::Shared;
use super::work::{Kind, Means};
use crate::delete::script_rights;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::port::{Keyspace, Node, removal, scripts_allowed};
use crate::select::{Acts, Ground, Guard, check_ground};

/// Whether there is anything to ask.
pub(super) fn matters(kind: &Kind, shared: &Shared) -> bool {
    let options = &shared.options;
    has_filters(options)
        || matches!(kind, Kind::List) && options.describe.0.idle
        || matches!(kind, Kind::Stats(_))
        || matches!(kind, Kind::Delete { .. })
            && (!options.scan.types.is_empty() || shared.vault.is_some())
}

/// What a node allows for.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) means: Means,
    /// Who acts without a look has not asked all who know of a key's idle time.
    pub(super) must_look: bool,
    /// To be asked again and again whether idle times tell the truth, where a delete rests on them.
    pub(super) clock: Option<Ground>,
}

/// Asks a node. Cancel-safe.
///
/// # Errors
/// `Guard` where a filter would lie there, or a right is missing; what asking gives.
pub(super) async fn find(node: &Node, kind: &Kind, shared: &Shared) -> Result<Found> {
    let options = &shared.options;
    let ground = check(node, options, acts(kind, options)).await?;
    let is_checked = has_filters(options) || !options.scan.types.is_empty();
    let may_run = !kind.removes() || !is_checked || scripts_allowed(node).await?;
    let guard = guard(options);
    if !may_run && needs_script(&guard) {
        return Err(two_steps(node, &guard).await?);
    }
    Ok(Found {
        means: if may_run {
            Means::Scripts
        } else {
            Means::Watching
        },
        must_look: !ground.readers().is_empty(),
        clock: (kind.removes() && options.filters.idle_over().is_some()).then_some(ground),
    })
}

/// Whether only a script can check and remove in one step: WATCH doesn't see reads, and a read is what ends an idle time.
fn needs_script(guard: &Guard) -> bool {
    guard.asks_idle() && !guard.trusts_idle()
}

/// Refuses a delete that would be two steps on this node. Cancel-safe.
async fn check_step(node: &Node, options: &SweepOptions) -> Result<()> {
    let guard = guard(options);
    if needs_script(&guard) && !scripts_allowed(node).await? {
        return Err(two_steps(node, &guard).await?);
    }
    Ok(())
}

async fn two_steps(node: &Node, guard: &Guard) -> Result<Error> {
    let rights = script_rights(guard, removal(node).await?);
    let error = Error::new(
        ErrorKind::Guard,
        Retry::Never,
        "delete keys by idle time",
        "no script may run there, and without one a key that is read between the look and the delete would be deleted",
    );
    Ok(error.on_node(node.name()).with_hint(format!(
        "add the rights to the ACL user: ACL SETUSER <user> {rights} (Redis before 3.2 has no script that will do); \
         --trust-idle deletes in two steps all the same"
    )))
}

/// Whether keys are removed in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// They are only found.
    Find,
    Remove,
}

/// Asks every node that can be asked, before the work is planned: what is refused is refused at once. A node that is
/// away now is asked when its walk begins. Cancel-safe.
///
/// # Errors
/// As [`find`], and `InvalidOption` for filters that no key passes.
pub(super) async fn check_all(
    keyspace: &Keyspace,
    options: &SweepOptions,
    acts: Acts,
    aim: Aim,
) -> Result<()> {
    options.filters.check()?;
    let asks = has_filters(options) || options.describe.0.idle || options.backup.is_some();
    if !asks {
        return Ok(());
    }
    if !keyspace.is_cluster() {
        return check_node(keyspace.node(), options, acts, aim).await;
    }
    for primary in keyspace.layout().await?.primaries {
        if primary.is_reachable
            && let Err(error) = check_node(&primary.node, options, acts, aim).await
            && is_refusal(&error)
        {
            return Err(error);
        }
    }
    Ok(())
}

async fn check_node(node: &Node, options: &SweepOptions, acts: Acts, aim: Aim) -> Result<()> {
    check(node, options, acts).await?;
    match aim {
        Aim::Find => Ok(()),
        Aim::Remove => check_step(node, options).await,
    }
}

pub(super) fn aim(kind: &Kind) -> Aim {
    if kind.removes() {
        Aim::Remove
    } else {
        Aim::Find
    }
}

pub(super) fn acts(kind: &Kind, options: &SweepOptions) -> Acts {
    match kind {
        Kind::List | Kind::Count | Kind::Stats(_) => Acts::Looks,
        Kind::DryRun | Kind::Delete { .. } => acts_of_delete(options),
    }
}

pub(super) fn acts_of_delete(options: &SweepOptions) -> Acts {
    if options.backup.is_some() {
        Acts::BacksUp
    } else {
        Acts::Deletes
    }
}

async fn check(node: &Node, options: &SweepOptions, acts: Acts) -> Result<Ground> {
    check_ground(node, &guard(options), options.describe.0, acts).await
}

fn guard(options: &SweepOptions) -> Guard {
    Guard::new(&options.filters, &options.scan.types)
}

fn has_filters(options: &SweepOptions) -> bool {
    !options.filters.is_empty()
}

fn is_refusal(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Guard | ErrorKind::Permission | ErrorKind::InvalidOption
    )
}
