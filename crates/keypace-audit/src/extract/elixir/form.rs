//! Elixir's words that look like calls: definitions, imports, branches and comprehensions.
//! Must not walk or judge.

use super::super::children::{field_text, first, of_kind, only, span, text, values};
use super::super::grammar::{CallParts, ClassParts, FunctionParts, Role, Subject};
use super::pattern::{head, names, params, targets, unguarded};
use super::{args, is_member, key_name, keyword, member, parts, path, unfold};
use crate::facts::Import;
use crate::syntax::{Node, around};

const DEFINITIONS: &[&str] = &["def", "defp", "defmacro", "defmacrop"];

/// What a call node is.
pub(super) fn role<'t>(node: &Node<'t>) -> Role<'t> {
    let Some(target) = node.field("target") else {
        return Role::Plain;
    };
    if target.kind() == "identifier" {
        let word = target.text();
        if let Some(role) = special(node, &word) {
            return role;
        }
        if is_head(node) {
            return Role::Plain;
        }
    }
    if is_member(node) {
        return member(&target);
    }
    if let Some(role) = joined(&target.text(), args(node)) {
        return role;
    }
    parts(node, None).map_or(Role::Plain, Role::Call)
}

/// Lists that are made one, as a command's words and its keys are: `Enum.concat(["DEL"], keys)`, `List.flatten(["DEL", keys])`.
fn joined<'t>(name: &str, given: Vec<Node<'t>>) -> Option<Role<'t>> {
    match (name, given.len()) {
        ("Enum.concat", 2) => Some(Role::Join(given)),
        ("Enum.into", 2) if given.last()?.kind() == "list" => {
            Some(Role::Join(given.into_iter().rev().collect()))
        }
        ("List.insert_at", 3) if given[1].text() == "0" => {
            let [tail, _, word] = <[_; 3]>::try_from(given).ok()?;
            let items = vec![word];
            Some(Role::Cons { items, tail })
        }
        ("Enum.concat", 1) if given[0].kind() == "list" => Some(Role::Join(values(&given[0]))),
        ("List.flatten" | "Enum.concat", 1) => given.into_iter().next().map(Role::Through),
        ("String.split", 1) if given[0].kind() == "string" => {
            Some(Role::Words(super::pieces(&given[0])))
        }
        _ => None,
    }
}

/// The module and the function of `Store.get/1`, which `&` stands before; a function of this module has none.
pub(super) fn referred<'t>(operand: &Node<'t>) -> Option<(Option<Node<'t>>, Node<'t>)> {
    let arity = operand.field("right")?;
    let is_arity = arity.kind() == "integer" && field_text(operand, "operator")? == "/";
    let mut named = operand.field("left").filter(|_| is_arity)?;
    if named.kind() == "call" {
        named = named.field("target")?;
    }
    match named.kind().as_ref() {
        "identifier" => Some((None, named)),
        "dot" => Some((named.field("left"), named.field("right")?)),
        _ => None,
    }
}

/// `left |> right`
pub(super) fn piped<'t>(left: Node<'t>, right: &Node<'t>) -> Role<'t> {
    let is_case = field_text(right, "target").is_some_and(|word| word == "case");
    if is_case && let Some(block) = of_kind(right, "do_block") {
        return case(left, &block);
    }
    let name = right.field("target").map(|target| text(&target));
    let given = std::iter::once(left.clone()).chain(args(right)).collect();
    if let Some(role) = joined(&name.unwrap_or_default(), given) {
        return role;
    }
    let both = vec![left.clone(), right.clone()];
    if let Some(lambda) = applied(right) {
        return Role::Call(CallParts {
            receiver: None,
            name: lambda.clone(),
            text: "then".to_owned(),
            constructs: false,
            args: vec![lambda],
            piped: Some(left),
        });
    }
    parts(right, Some(left)).map_or(Role::Sequence(both), Role::Call)
}

/// The function of `(fn keys -> ... end).()`, which a pipe hands its value to.
fn applied<'t>(right: &Node<'t>) -> Option<Node<'t>> {
    let target = right.field("target").filter(|own| own.kind() == "dot")?;
    if target.field("right").is_some() || !args(right).is_empty() {
        return None;
    }
    let mut inner = target.field("left")?;
    if inner.kind() == "block" {
        inner = only(&inner)?;
    }
    matches!(
        inner.kind().as_ref(),
        "anonymous_function" | "unary_operator"
    )
    .then_some(inner)
}

fn special<'t>(node: &Node<'t>, word: &str) -> Option<Role<'t>> {
    let block = of_kind(node, "do_block");
    Some(match word {
        "defmodule" | "defprotocol" | "defimpl" => class(node),
        _ if DEFINITIONS.contains(&word) => function(node)?,
        "test" => test(node, block?)?,
        "alias" | "import" | "require" | "use" => imports(node, word)?,
        "case" => case(args(node).into_iter().next()?, &block?),
        "if" | "unless" | "with" | "try" => branches(node, block),
        "cond" | "receive" => Role::Choice {
            subject: None,
            before: Vec::new(),
            values: bodies(&block?),
        },
        "for" => comprehension(node, block)?,
        _ => return None,
    })
}

/// The name and parameters of a definition are written as a call, and are none.
fn is_head(call: &Node<'_>) -> bool {
    let (before, _) = around(call);
    let before = before.trim_end_matches([' ', '(']);
    let word = before.rsplit(|c: char| !c.is_alphanumeric()).next();
    word.is_some_and(|word| DEFINITIONS.contains(&word) || word.starts_with("defguard"))
}

fn class<'t>(node: &Node<'t>) -> Role<'t> {
    let block = of_kind(node, "do_block");
    let used = |call: Node<'_>| {
        let is_use = field_text(&call, "target").is_some_and(|word| word == "use");
        is_use.then(|| args(&call).first().map(text)).flatten()
    };
    Role::Class(ClassParts {
        name: args(node).first().map(text).unwrap_or_default(),
        bases: block
            .iter()
            .flat_map(values)
            .filter(|child| child.kind() == "call")
            .filter_map(used)
            .collect(),
        fields: Vec::new(),
        inside: block.into_iter().collect(),
    })
}

fn function<'t>(node: &Node<'t>) -> Option<Role<'t>> {
    let args = args(node);
    let written = unguarded(args.first()?.clone())?;
    let (name, given) = if written.kind() == "call" {
        let list = of_kind(&written, "arguments");
        (
            field_text(&written, "target"),
            list.as_ref().map(values).unwrap_or_default(),
        )
    } else {
        (Some(text(&written)), Vec::new())
    };
    let body = of_kind(node, "do_block").or_else(|| keyword(&args, "do"));
    Some(Role::Function(FunctionParts {
        name: name.map(|name| name.trim_end_matches(['!', '?']).to_owned()),
        params: params(&given),
        inside: body.into_iter().collect(),
        returns_last: true,
        ..FunctionParts::default()
    }))
}

/// `test "what is so", %{conn: conn} do`
fn test<'t>(node: &Node<'t>, block: Node<'t>) -> Option<Role<'t>> {
    let given = args(node);
    let (said, context) = given.split_first()?;
    if said.kind() != "string" {
        return None;
    }
    Some(Role::Function(FunctionParts {
        name: Some(said.text().trim_matches('"').to_owned()),
        params: params(context),
        marks: vec!["test".to_owned()],
        inside: vec![block],
        ..FunctionParts::default()
    }))
}

fn imports<'t>(node: &Node<'t>, word: &str) -> Option<Role<'t>> {
    let given = args(node);
    let named = given.first()?;
    let last = |module: &str| module.rsplit('.').next().unwrap_or(module).to_owned();
    let only = keyword(&given, "only")
        .map(|list| unfold(&list))
        .unwrap_or_default();
    let import = |module: String, here: Option<String>| {
        let mut names: Vec<_> = here.map(|here| (String::new(), here)).into_iter().collect();
        let functions = only
            .iter()
            .filter_map(|function| field_text(function, "key"));
        names.extend(functions.map(|name| (key_name(&name), key_name(&name))));
        Import {
            module,
            names,
            span: span(node),
        }
    };
    if named.kind() == "dot" {
        // `alias App.{Store, Cache}`
        let prefix = field_text(named, "left")?;
        let inner = values(&named.field("right")?);
        let each = inner.iter().map(|name| {
            let module = format!("{prefix}.{}", name.text());
            let here = (word == "alias").then(|| last(&module));
            import(module, here)
        });
        return Some(Role::Import(each.collect()));
    }
    let module = path(named)?.join(".");
    let here = match word {
        "alias" | "require" => keyword(&given, "as")
            .map(|here| text(&here))
            .or_else(|| (word == "alias").then(|| last(&module))),
        _ => None,
    };
    Some(Role::Import(vec![import(module, here)]))
}

fn clauses<'t>(block: &Node<'t>) -> Vec<Node<'t>> {
    block
        .named_children()
        .filter(|child| child.kind() == "stab_clause")
        .collect()
}

fn bodies<'t>(block: &Node<'t>) -> Vec<Node<'t>> {
    clauses(block)
        .iter()
        .filter_map(|clause| clause.field("right"))
        .collect()
}

fn case<'t>(value: Node<'t>, block: &Node<'t>) -> Role<'t> {
    let arms = clauses(block)
        .iter()
        .filter_map(|clause| first(&head(clause)?))
        .map(|pattern| targets(&pattern))
        .filter(|arm| arm.iter().any(|target| !target.is_empty()))
        .collect();
    Role::Choice {
        subject: Some(Subject { value, arms }),
        before: Vec::new(),
        values: bodies(block),
    }
}

/// `if`, `unless`, `with` and `try`, with a block or with `do:` and `else:`.
fn branches<'t>(node: &Node<'t>, block: Option<Node<'t>>) -> Role<'t> {
    let given = args(node);
    let values = block
        .into_iter()
        .chain(keyword(&given, "do"))
        .chain(keyword(&given, "else"))
        .collect();
    Role::Choice {
        subject: None,
        before: given
            .into_iter()
            .filter(|arg| arg.kind() != "pair")
            .collect(),
        values,
    }
}

/// `for x <- xs, do: ...`. Further generators are bindings in the body.
fn comprehension<'t>(node: &Node<'t>, block: Option<Node<'t>>) -> Option<Role<'t>> {
    let given = args(node);
    let at = given.iter().position(|arg| {
        arg.kind() == "binary_operator" && field_text(arg, "operator").as_deref() == Some("<-")
    })?;
    let generator = &given[at];
    let body = given
        .iter()
        .enumerate()
        .filter(|(other, _)| *other != at)
        .map(|(_, arg)| arg.clone());
    Some(Role::Gather {
        names: names(&generator.field("left")?),
        iterable: generator.field("right")?,
        body: body.chain(block).collect(),
    })
}
