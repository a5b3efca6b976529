//! Walks of replicas: opted in to, for reading only, and labelled. Sends nothing.

use super::work::Kind;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::port::{Layout, Node, Primary, ServerInfo};

const OPERATION: &str = "walk the keys";

/// Whether the server may be walked as it is.
///
/// # Errors
/// `Guard` for a replica that nobody asked for, and `InvalidOption` where a replica was asked for and can't be had.
pub(super) fn check(server: &ServerInfo, kind: &Kind, from_replica: bool) -> Result<()> {
    let is_replica = server.role == "replica";
    let refused = |kind, context: &str, hint: &'static str| {
        let error = Error::new(kind, Retry::Never, OPERATION, context);
        Err(error.on_node(&server.address).with_hint(hint))
    };
    match (from_replica, is_replica) {
        (false, true) if !kind.removes() => refused(
            ErrorKind::Guard,
            "it is a replica, which may be behind and hold keys that have expired",
            "give the primary's address, or allow it with --from-replica",
        ),
        (true, _) if kind.removes() || kind.is_dry_run() => refused(
            ErrorKind::InvalidOption,
            "keys are deleted on primaries",
            "leave --from-replica out",
        ),
        (true, false) if server.role != "cluster" => refused(
            ErrorKind::InvalidOption,
            "it is a primary, and replicas are to be walked",
            "give a replica's own address, or leave --from-replica out",
        ),
        _ => Ok(()),
    }
}

/// Where to walk what a primary owns: the first of its replicas that answers.
///
/// # Errors
/// `Unsupported` where it has no replica; what the last one gave where none answers.
pub(super) async fn place<'a>(
    layout: &'a Layout,
    primary: &'a Primary,
    from_replica: bool,
) -> Result<&'a Node> {
    if !from_replica {
        return Ok(&primary.node);
    }
    let mut trouble = None;
    for node in layout.replicas_of(&primary.id) {
        match node.lease().await {
            Ok(_) => return Ok(node),
            Err(error) => trouble = Some(error),
        }
    }
    Err(trouble.unwrap_or_else(|| {
        let context = "it has no replica to walk";
        Error::new(ErrorKind::Unsupported, Retry::Never, OPERATION, context)
            .on_node(primary.node.name())
            .with_hint("leave --from-replica out")
    }))
}
