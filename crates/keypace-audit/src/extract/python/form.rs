//! Python's imports, methods that are handed over by their name, and lists that are joined.
//! Must not walk or judge.

use super::first;
use crate::extract::grammar::CallParts;
use crate::facts::{Import, Span};
use crate::syntax::Node;

pub(super) fn imports(node: &Node<'_>) -> Vec<Import> {
    let range = node.range();
    let span = Span {
        start: range.start,
        end: range.end,
    };
    let names = node
        .field_children("name")
        .filter_map(|name| match name.kind().as_ref() {
            "dotted_name" => Some((name.text().into_owned(), None)),
            "aliased_import" => Some((
                name.field("name")?.text().into_owned(),
                Some(name.field("alias")?.text().into_owned()),
            )),
            _ => None,
        });
    let Some(module) = node.field("module_name") else {
        let whole = |(module, alias): (String, Option<String>)| {
            let here =
                alias.unwrap_or_else(|| module.split('.').next().unwrap_or_default().to_owned());
            Import {
                module,
                names: vec![(String::new(), here)],
                span,
            }
        };
        return names.map(whole).collect();
    };
    let names = names
        .map(|(name, alias)| (name.clone(), alias.unwrap_or(name)))
        .collect();
    vec![Import {
        module: module.text().into_owned(),
        names,
        span,
    }]
}

/// `map(r.get, keys)`
pub(super) fn is_mapped(node: &Node<'_>) -> bool {
    let list = node.parent().filter(|list| list.kind() == "argument_list");
    let first = list.as_ref().and_then(first);
    let call = list.and_then(|list| list.parent());
    let function = call.and_then(|call| call.field("function"));
    first.is_some_and(|first| first.node_id() == node.node_id())
        && function.is_some_and(|function| function.text() == "map")
}

/// A method with the arguments that it is called with beside it: `self._retry(self._client.scan, cursor=0)`,
/// `loop.run_in_executor(None, r.keys, "*")`. What runs it gives back what it gives.
pub(super) fn lent<'t>(runner: &str, args: &[Node<'t>]) -> Option<CallParts<'t>> {
    let sure = matches!(
        runner,
        "to_thread" | "run_in_executor" | "run_in_threadpool" | "run_sync" | "submit"
    );
    if !sure && !is_runner(runner) {
        return None;
    }
    let at = usize::from(runner == "run_in_executor");
    let (method, rest) = args.get(at..)?.split_first()?;
    if method.kind() != "attribute" || rest.is_empty() && !sure {
        return None;
    }
    let (receiver, name) = (method.field("object")?, method.field("attribute")?);
    let text = name.text().into_owned();
    is_lent(&text).then(|| CallParts {
        receiver: Some(receiver),
        name,
        text,
        constructs: false,
        args: rest.to_vec(),
        piped: None,
    })
}

/// A function that says of itself that it runs another one: `_with_retry`, `safe_call`, `execute`.
fn is_runner(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "retry", "retries", "retrying", "call", "execute", "exec", "run", "invoke", "attempt",
        "backoff", "guard", "guarded", "safe", "safely", "spawn", "thread",
    ];
    let asserts = name.starts_with("assert");
    !asserts && name.split('_').any(|word| WORDS.contains(&word))
}

/// Methods that a client of a store has, and other objects rarely hand over.
fn is_lent(name: &str) -> bool {
    matches!(
        name,
        "delete"
            | "exists"
            | "flushall"
            | "flushdb"
            | "get"
            | "hget"
            | "hgetall"
            | "hkeys"
            | "hscan"
            | "hvals"
            | "keys"
            | "lrange"
            | "mget"
            | "scan"
            | "smembers"
            | "sscan"
            | "ttl"
            | "type"
            | "unlink"
            | "zrange"
            | "zscan"
    )
}

/// A value that can only be a list: `list(names)`, `sorted(names)`, a comprehension, and what is added to one.
pub(super) fn is_listed(node: &Node<'_>) -> bool {
    const MOST_ADDED: usize = 4;
    let mut at = node.clone();
    for _ in 0..MOST_ADDED {
        match at.kind().as_ref() {
            "list_comprehension" => return true,
            "call" => {
                let function = at
                    .field("function")
                    .filter(|own| own.kind() == "identifier");
                return function
                    .is_some_and(|own| matches!(own.text().as_ref(), "list" | "sorted"));
            }
            "binary_operator" => match at.field("left") {
                Some(left) => at = left,
                None => return false,
            },
            _ => return false,
        }
    }
    false
}
