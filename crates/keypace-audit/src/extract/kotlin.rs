//! Kotlin's nodes. The grammar names few fields, so that parts are told by their kinds and places.
//! Must not walk or judge.

use super::children::{bare_type, filled, first, has_token, last, of_kind, span, values};
use super::grammar::{BindParts, CallParts, Grammar, Role, TextPiece};
use super::literal::read_escapes;
use crate::facts::{Import, Param};
use crate::limits::MAX_DEPTH_NODES;
use crate::syntax::Node;

mod declarations;
mod elements;

#[cfg(test)]
mod tests;

use self::declarations::{class, function, getter, lambda, object_call, property};
use self::elements::index;

/// Kotlin, with scripts.
pub(super) struct Kotlin;

impl Grammar for Kotlin {
    fn role<'t>(&self, node: &Node<'t>) -> Role<'t> {
        match node.kind().as_ref() {
            "line_comment" | "multiline_comment" | "shebang_line" => Role::Comment,
            "user_type"
            | "nullable_type"
            | "function_type"
            | "type_arguments"
            | "type_parameters"
            | "type_identifier"
            | "package_header"
            | "type_alias"
            | "visibility_modifier"
            | "member_modifier"
            | "class_modifier"
            | "property_modifier"
            | "parameter_modifier"
            | "function_modifier"
            | "binding_pattern_kind"
            | "label"
            | "type_constraints" => Role::Skip,
            "import_header" => Role::Import(import(node).into_iter().collect()),
            "source_file" => Role::Block,
            "statements" => Role::Sequence(values(node)),
            "function_body" | "control_structure_body" => body(node),
            "if_expression" | "when_expression" | "try_expression" | "elvis_expression" => {
                choice(node)
            }
            "when_entry" => last(node).map_or(Role::Plain, Role::Through),
            "jump_expression" => jump(node),
            "simple_identifier" | "interpolated_identifier" => {
                Role::Path(vec![node.text().trim_matches('`').to_owned()])
            }
            "this_expression" | "super_expression" => Role::Path(vec!["self".to_owned()]),
            "navigation_expression" | "callable_reference" => member(node),
            "call_expression" => call(node),
            "parenthesized_expression"
            | "as_expression"
            | "postfix_expression"
            | "interpolated_expression"
            | "annotated_lambda"
            | "long_literal" => first_expression(node).map_or(Role::Plain, Role::Through),
            "prefix_expression" => prefix(node),
            "spread_expression" => first(node).map_or(Role::Plain, Role::Spread),
            "value_argument" => argument(node),
            "indexing_expression" => index(node),
            "additive_expression" => match values(node).as_slice() {
                [left, right] if has_token(node, "+") => {
                    Role::Concat(vec![left.clone(), right.clone()])
                }
                _ => Role::Plain,
            },
            "infix_expression" => object_call(node).unwrap_or(Role::Plain),
            "collection_literal" => Role::List(values(node)),
            "string_literal" => Role::Text(pieces(node)),
            "integer_literal" | "real_literal" => Role::Number,
            "assignment" => assignment(node),
            "property_declaration" => property(node),
            "for_statement" => each(node),
            "while_statement" | "do_while_statement" => repetition(node),
            "function_declaration" | "anonymous_function" | "secondary_constructor" => {
                function(node)
            }
            "getter" | "setter" => getter(node),
            "lambda_literal" => lambda(node),
            // A companion and `object : Base { }` are plain, so that what is in them still sees the class around them.
            "class_declaration" | "object_declaration" => class(node),
            _ => Role::Plain,
        }
    }

    fn loop_type(&self, node: &Node<'_>) -> Option<String> {
        let variable = of_kind(node, "variable_declaration")?;
        declared(&variable)
    }
}

fn import(node: &Node<'_>) -> Option<Import> {
    let path = of_kind(node, "identifier")?.text().into_owned();
    let alias = of_kind(node, "import_alias").and_then(|alias| first(&alias));
    let all = of_kind(node, "wildcard_import").is_some();
    let (module, names) = match path.rsplit_once('.') {
        Some((module, name)) if !all => {
            let here = alias.map_or_else(|| name.to_owned(), |alias| alias.text().into_owned());
            (module.to_owned(), vec![(name.to_owned(), here)])
        }
        _ => (path, Vec::new()),
    };
    Some(Import {
        module,
        names,
        span: span(node),
    })
}

/// Whether a node is a type as it is written after a colon.
fn is_type(node: &Node<'_>) -> bool {
    matches!(
        node.kind().as_ref(),
        "user_type" | "nullable_type" | "function_type" | "parenthesized_type"
    )
}

/// The type that stands directly in a node.
fn declared(node: &Node<'_>) -> Option<String> {
    let written = values(node).into_iter().find(is_type)?;
    Some(written.text().into_owned())
}

/// The name that stands directly in a node.
fn own_name(node: &Node<'_>) -> Option<String> {
    let name = node.named_children().find(|child| {
        matches!(
            child.kind().as_ref(),
            "simple_identifier" | "type_identifier"
        )
    })?;
    Some(name.text().trim_matches('`').to_owned())
}

fn first_expression<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    node.named_children()
        .find(|child| !child.is_extra() && !matches!(child.kind().as_ref(), "label" | "annotation"))
}

/// The names of a chain, where it is one.
fn path(node: &Node<'_>) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut at = node.clone();
    for _ in 0..MAX_DEPTH_NODES {
        match at.kind().as_ref() {
            "simple_identifier" | "type_identifier" => {
                names.push(at.text().trim_matches('`').to_owned());
            }
            "this_expression" | "super_expression" => names.push("self".to_owned()),
            "navigation_expression" => {
                names.push(own_name(&last(&at)?)?);
                at = first(&at)?;
                continue;
            }
            "postfix_expression" => {
                at = first(&at)?;
                continue;
            }
            _ => return None,
        }
        names.reverse();
        return Some(names);
    }
    None
}

fn member<'t>(node: &Node<'t>) -> Role<'t> {
    if node.kind() == "callable_reference" {
        if has_token(node, "class") {
            return Role::Plain;
        }
        let names = values(node);
        let reference = match names.as_slice() {
            [of, name] if name.kind() == "simple_identifier" => Some((Some(of.clone()), name)),
            [name] if name.text().starts_with(char::is_lowercase) => Some((None, name)),
            _ => None,
        };
        if let Some((of, name)) = reference {
            let name = name.clone();
            return Role::Reference { of, name };
        }
        let names = names
            .iter()
            .map(|name| path(name).map(|mut path| path.pop().unwrap_or_default()))
            .collect::<Option<Vec<_>>>();
        return names.map_or(Role::Plain, Role::Path);
    }
    if let Some(path) = path(node) {
        return Role::Path(path);
    }
    let name = last(node).and_then(|suffix| own_name(&suffix));
    match (first(node), name) {
        (Some(of), Some(name)) => Role::Member { of, name },
        _ => Role::Plain,
    }
}

fn call<'t>(node: &Node<'t>) -> Role<'t> {
    let (Some(callee), Some(suffix)) = (first(node), of_kind(node, "call_suffix")) else {
        return Role::Plain;
    };
    let mut args = of_kind(&suffix, "value_arguments")
        .map(|list| values(&list))
        .unwrap_or_default();
    args.extend(of_kind(&suffix, "annotated_lambda"));
    let (receiver, name) = match callee.kind().as_ref() {
        "simple_identifier" => (None, callee),
        "navigation_expression" => {
            let name = last(&callee).and_then(|suffix| of_kind(&suffix, "simple_identifier"));
            match (first(&callee), name) {
                (Some(receiver), Some(name)) => (Some(receiver), name),
                _ => return Role::Plain,
            }
        }
        _ => return Role::Plain,
    };
    let text = name.text().trim_matches('`').to_owned();
    if let Some(role) = transparent(receiver.as_ref(), &text, &args) {
        return role;
    }
    // Kotlin has no `new`; the first letter tells a constructor by convention.
    let constructs = text.starts_with(char::is_uppercase);
    Role::Call(CallParts {
        receiver,
        name,
        text,
        constructs,
        args,
        piped: None,
    })
}

/// Calls that say the same as what is given to them: bytes of a string, a list of some values, a filled template.
fn transparent<'t>(receiver: Option<&Node<'t>>, name: &str, args: &[Node<'t>]) -> Option<Role<'t>> {
    let is_text = |node: &Node<'_>| node.kind() == "string_literal";
    match (name, args, receiver) {
        ("toByteArray" | "encodeToByteArray", _, Some(of)) => Some(Role::Through(of.clone())),
        ("trimIndent" | "trimMargin" | "trim", _, Some(of)) if is_text(of) => {
            Some(Role::Through(of.clone()))
        }
        ("requireNotNull" | "checkNotNull", [inner, ..], None) => {
            Some(Role::Through(inner.clone()))
        }
        ("format", _, Some(of)) if is_text(of) => {
            filled(pieces(of), '%', args.to_vec()).map(Role::Text)
        }
        ("format", [template, by @ ..], Some(of)) if of.text() == "String" => {
            let template = first(template).filter(is_text)?;
            filled(pieces(&template), '%', by.to_vec()).map(Role::Text)
        }
        (
            "listOf" | "setOf" | "arrayOf" | "mutableListOf" | "mutableSetOf" | "arrayListOf"
            | "hashSetOf" | "sequenceOf",
            _,
            None,
        ) => Some(Role::List(args.to_vec())),
        ("mapOf" | "mutableMapOf" | "hashMapOf", _, None) => {
            let pairs: Vec<_> = args.iter().filter_map(pair).collect();
            (pairs.len() == args.len()).then_some(Role::Map(pairs))
        }
        _ => None,
    }
}

/// `"key" to value`
fn pair<'t>(argument: &Node<'t>) -> Option<(String, Node<'t>)> {
    let infix = first(argument).filter(|inner| inner.kind() == "infix_expression")?;
    let [key, _, value] = <[_; 3]>::try_from(values(&infix)).ok()?;
    let name = match key.kind().as_ref() {
        "string_literal" => key.text().trim_matches('"').to_owned(),
        "simple_identifier" => key.text().into_owned(),
        _ => String::new(),
    };
    Some((name, value))
}

fn argument<'t>(node: &Node<'t>) -> Role<'t> {
    let Some(value) = last(node) else {
        return Role::Plain;
    };
    match first(node) {
        Some(name) if has_token(node, "=") => Role::Named(name.text().into_owned(), value),
        // The grammar may leave the star outside.
        _ if has_token(node, "*") => Role::Spread(value),
        _ => Role::Through(value),
    }
}

/// What braces hold. Where they are the body of a function or a loop, nobody takes the value.
fn body<'t>(node: &Node<'t>) -> Role<'t> {
    let Some(inner) = first(node) else {
        return Role::Plain;
    };
    let value = if node.kind() == "function_body" {
        has_token(node, "=")
    } else {
        node.parent().is_none_or(|around| {
            !matches!(
                around.kind().as_ref(),
                "for_statement" | "while_statement" | "do_while_statement"
            )
        })
    };
    if value {
        Role::Through(inner)
    } else {
        Role::Statement(inner)
    }
}

/// `if`, `when`, `try` and `?:`, all of which have a value.
fn choice<'t>(node: &Node<'t>) -> Role<'t> {
    let elvis = node.kind() == "elvis_expression";
    let (values, before) = values(node).into_iter().partition(|child| {
        elvis
            || matches!(
                child.kind().as_ref(),
                "control_structure_body" | "when_entry" | "statements"
            )
    });
    Role::Choice {
        subject: None,
        before,
        values,
    }
}

fn jump<'t>(node: &Node<'t>) -> Role<'t> {
    let returns = node
        .children()
        .next()
        .is_some_and(|keyword| keyword.kind().starts_with("return"));
    if returns {
        Role::Return(first_expression(node))
    } else {
        Role::Plain
    }
}

fn prefix<'t>(node: &Node<'t>) -> Role<'t> {
    match last(node) {
        Some(operand) if operand.kind() == "integer_literal" => Role::Number,
        Some(operand) => Role::Through(operand),
        None => Role::Plain,
    }
}

fn pieces<'t>(literal: &Node<'t>) -> Vec<TextPiece<'t>> {
    let raw = literal.text().starts_with("\"\"\"");
    let mut pieces = Vec::new();
    for child in literal.named_children() {
        match child.kind().as_ref() {
            "string_content" => {
                let text = child.text();
                let text = if raw {
                    text.into_owned()
                } else {
                    read_escapes(&text)
                };
                pieces.push(TextPiece::Plain(text, child));
            }
            "interpolated_identifier" | "interpolated_expression" => {
                pieces.push(TextPiece::Hole(child));
            }
            _ => {}
        }
    }
    pieces
}

/// `x = y`, and `keys += y`, where what is added is bound to the name.
fn assignment<'t>(node: &Node<'t>) -> Role<'t> {
    let (Some(left), Some(right)) = (first(node), last(node)) else {
        return Role::Plain;
    };
    Role::Bind(vec![BindParts {
        targets: vec![assigned(&left).unwrap_or_default()],
        declared: None,
        value: Some(right),
    }])
}

/// The names of what is assigned to; an element has none.
fn assigned(left: &Node<'_>) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for part in values(left) {
        match part.kind().as_ref() {
            "navigation_suffix" => names.push(own_name(&part)?),
            _ => names.extend(path(&part)?),
        }
    }
    Some(names)
}

/// The names that a declaration gives: one, or those of `(a, b)`.
fn declared_names(node: &Node<'_>) -> Vec<String> {
    match node.kind().as_ref() {
        "multi_variable_declaration" => values(node)
            .iter()
            .map(|one| own_name(one).filter(|name| name != "_").unwrap_or_default())
            .collect(),
        _ => own_name(node).into_iter().collect(),
    }
}

fn is_variable(node: &Node<'_>) -> bool {
    matches!(
        node.kind().as_ref(),
        "variable_declaration" | "multi_variable_declaration"
    )
}

fn each<'t>(node: &Node<'t>) -> Role<'t> {
    let inside = values(node);
    let names = inside
        .iter()
        .find(|child| is_variable(child))
        .map(declared_names);
    let mut rest = inside
        .into_iter()
        .filter(|child| !is_variable(child) && child.kind() != "annotation" && !is_type(child));
    match rest.next() {
        Some(iterable) => Role::Each {
            names: names
                .unwrap_or_default()
                .into_iter()
                .filter(|name| !name.is_empty())
                .collect(),
            iterable,
            body: rest.collect(),
        },
        None => Role::Plain,
    }
}

fn repetition<'t>(node: &Node<'t>) -> Role<'t> {
    let (body, condition): (Vec<_>, Vec<_>) = values(node)
        .into_iter()
        .partition(|child| child.kind() == "control_structure_body");
    Role::While {
        condition: condition.into_iter().next(),
        body,
    }
}

/// The supertypes that a class or an object names.
fn bases(node: &Node<'_>) -> Vec<String> {
    let base = |specifier: Node<'_>| {
        let inner = first(&specifier)?;
        let named = of_kind(&inner, "user_type").unwrap_or(inner);
        Some(bare_type(&named.text()))
    };
    node.named_children()
        .filter(|child| child.kind() == "delegation_specifier")
        .filter_map(base)
        .collect()
}

/// A parameter's name and type, wherever they stand in it.
fn param(node: &Node<'_>) -> Option<Param> {
    Some(Param {
        name: own_name(node)?,
        declared: declared(node),
    })
}
