//! Owns the order of checks between a request and its command: known, arity, authenticated, ACL, cluster, replica,
//! queued.
//! It must not know what a command does.

use super::super::cluster::Asked;
use super::super::data::State;
use super::super::options::{Flavour, Role, User};
use super::super::plan::PageEdit;
use super::super::reply::Reply;
use super::super::session::{Session, Who};
use super::{Call, KeyAt, Refusal, Spec, find, name_of, refuse};
use crate::limits::MAX_QUEUED_COMMANDS;

/// Longest stretch of arguments that the text for an unknown command repeats, in bytes: Redis's own.
const ECHOED_BYTES: usize = 128;

/// Answers one request.
pub(crate) fn dispatch(
    state: &mut State,
    session: &mut Session,
    args: &[Vec<u8>],
    edit: PageEdit,
) -> Reply {
    let asking = std::mem::take(&mut session.asking);
    let checked = check(state, session, args).and_then(|spec| {
        check_slot(state, session, asking, spec, args)?;
        check_writable(state, spec)
    });
    let spec = match checked {
        Ok(spec) => spec,
        Err(Refusal(text)) => {
            spoil(state, session, args);
            return Reply::Error(text);
        }
    };
    if let Some(transaction) = &mut session.transaction
        && !spec.is("unqueued")
    {
        if transaction.queue.len() >= MAX_QUEUED_COMMANDS {
            transaction.broken = true;
            return Reply::Error("ERR the simulator queues no more commands".to_owned());
        }
        transaction.queue.push(args.to_vec());
        return Reply::Status("QUEUED".to_owned());
    }
    run(state, session, spec, args, edit)
}

/// Runs a command that was checked when it was queued.
pub(crate) fn run_queued(
    state: &mut State,
    session: &mut Session,
    args: &[Vec<u8>],
    edit: PageEdit,
) -> Reply {
    match locate(state, args) {
        Ok(spec) => run(state, session, spec, args, edit),
        Err(Refusal(text)) => Reply::Error(text),
    }
}

fn run(
    state: &mut State,
    session: &mut Session,
    spec: &Spec,
    args: &[Vec<u8>],
    edit: PageEdit,
) -> Reply {
    match (spec.run)(&mut Call {
        state,
        session,
        args,
        edit,
    }) {
        Ok(reply) => reply,
        Err(Refusal(text)) => Reply::Error(text),
    }
}

fn check(state: &State, session: &Session, args: &[Vec<u8>]) -> Result<&'static Spec, Refusal> {
    let unauthenticated = session.who == Who::Nobody;
    let located = locate(state, args);
    let open = located.as_ref().is_ok_and(|spec| spec.is("no_auth"));
    // Redis says what is wrong with the command first; Valkey tells a stranger nothing.
    if state.options.flavour == Flavour::Valkey && unauthenticated && !open {
        return refuse("NOAUTH Authentication required.");
    }
    let spec = located?;
    if unauthenticated && !open {
        return refuse("NOAUTH Authentication required.");
    }
    if !spec.is("no_auth") {
        check_rights(state, session, spec, args)?;
    }
    Ok(spec)
}

fn check_writable(state: &State, spec: &'static Spec) -> Result<&'static Spec, Refusal> {
    if spec.is("write") && state.options.role == Role::Replica {
        return refuse("READONLY You can't write against a read only replica.");
    }
    Ok(spec)
}

/// A refused command breaks the transaction that it should have joined. An EXEC that was sent elsewhere ends its own.
fn spoil(state: &mut State, session: &mut Session, args: &[Vec<u8>]) {
    let is_exec = args[0].eq_ignore_ascii_case(b"exec");
    if is_exec && session.transaction.is_some() {
        session.transaction = None;
        state.watchers.forget(session.id);
    } else if let Some(transaction) = &mut session.transaction {
        transaction.broken = true;
    }
}

/// Whether this node of a cluster serves a command's keys. An EXEC asks for all that were queued.
fn check_slot(
    state: &State,
    session: &Session,
    asking: bool,
    spec: &'static Spec,
    args: &[Vec<u8>],
) -> Result<(), Refusal> {
    let Some(member) = state
        .member
        .as_ref()
        .filter(|_| session.who != Who::Trusted)
    else {
        return Ok(());
    };
    let mut asked = Asked {
        keys: keys_of(spec, args).map(Vec::as_slice).collect(),
        is_write: spec.is("write"),
        asking,
        readonly: session.reads_here,
        full_coverage: state.needs_full_coverage(),
    };
    if let ("exec", Some(transaction)) = (spec.name, &session.transaction) {
        for queued in &transaction.queue {
            let Ok(spec) = locate(state, queued) else {
                continue;
            };
            asked.is_write |= spec.is("write");
            asked.keys.extend(keys_of(spec, queued).map(Vec::as_slice));
        }
    }
    let holds = |key: &[u8]| state.contains(0, key);
    member.refusal(&asked, holds).map_or(Ok(()), refuse)
}

fn locate(state: &State, args: &[Vec<u8>]) -> Result<&'static Spec, Refusal> {
    let Some(mut spec) = find(&state.options, &args[0]) else {
        return refuse(unknown(args));
    };
    if let (true, Some(sub)) = (spec.is("container"), args.get(1)) {
        let full = [spec.name.as_bytes(), b"|", sub].concat();
        spec = match find(&state.options, &full) {
            Some(spec) => spec,
            None => {
                let (sub, container) =
                    (String::from_utf8_lossy(sub), spec.name.to_ascii_uppercase());
                return refuse(format!(
                    "ERR unknown subcommand '{sub}'. Try {container} HELP."
                ));
            }
        };
    }
    if !spec.takes(args.len()) {
        return refuse(format!(
            "ERR wrong number of arguments for '{}' command",
            spec.name
        ));
    }
    Ok(spec)
}

fn unknown(args: &[Vec<u8>]) -> String {
    let mut echoed = String::new();
    for arg in &args[1..] {
        if echoed.len() >= ECHOED_BYTES {
            break;
        }
        let shown = &arg[..arg.len().min(ECHOED_BYTES - echoed.len())];
        echoed += &format!("'{}' ", String::from_utf8_lossy(shown));
    }
    let name = &args[0][..args[0].len().min(ECHOED_BYTES)];
    format!(
        "ERR unknown command '{}', with args beginning with: {echoed}",
        String::from_utf8_lossy(name)
    )
}

fn check_rights(
    state: &State,
    session: &Session,
    spec: &Spec,
    args: &[Vec<u8>],
) -> Result<(), Refusal> {
    let Who::User(name) = &session.who else {
        return Ok(());
    };
    let Some(user) = state.options.users.iter().find(|user| user.name == *name) else {
        return Ok(());
    };
    let valkey = state.options.flavour == Flavour::Valkey;
    if !user.may_run(&name_of(args)) {
        let who = if valkey {
            format!("User {name}")
        } else {
            "this user".to_owned()
        };
        return refuse(format!(
            "NOPERM {who} has no permissions to run the '{}' command",
            spec.name
        ));
    }
    if keys_allowed(user, spec, args) {
        return Ok(());
    }
    refuse(if valkey {
        "NOPERM No permissions to access a key"
    } else {
        "NOPERM this user has no permissions to access one of the keys used as arguments"
    })
}

fn keys_allowed(user: &User, spec: &Spec, args: &[Vec<u8>]) -> bool {
    keys_of(spec, args).all(|key| user.may_touch(key))
}

/// The arguments that are keys.
fn keys_of<'a>(spec: &Spec, args: &'a [Vec<u8>]) -> impl Iterator<Item = &'a Vec<u8>> {
    let counted = spec.is("counted_keys").then(|| {
        let count = args
            .get(2)
            .and_then(|count| std::str::from_utf8(count).ok()?.parse().ok())
            .unwrap_or(0_usize);
        (3, count, 1)
    });
    let KeyAt { first, last, step } = spec.keys;
    let end = usize::try_from(last).unwrap_or_else(|_| args.len().saturating_add_signed(last));
    let listed = if first == 0 {
        (0, 0, 1)
    } else {
        (first, (end + 1).saturating_sub(first).div_ceil(step), step)
    };
    let (first, count, step) = counted.unwrap_or(listed);
    args.iter().skip(first).step_by(step).take(count)
}
