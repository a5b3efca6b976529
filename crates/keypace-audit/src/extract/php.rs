//! PHP's nodes.
//! Must not walk or judge.

mod declared;

use super::children::{field_text, filled, first, of_kind, only, text, values};
use super::grammar::{BindParts, CallParts, FunctionParts, Grammar, Role, TextPiece};
use super::literal::read_escapes;
use crate::limits::MAX_DEPTH_NODES;
use crate::syntax::Node;

/// PHP, alone or among HTML.
pub(super) struct Php;

impl Grammar for Php {
    fn role<'t>(&self, node: &Node<'t>) -> Role<'t> {
        match node.kind().as_ref() {
            "comment" => Role::Comment,
            "namespace_definition" if node.field("body").is_none() => Role::Skip,
            "named_type" | "optional_type" | "union_type" | "primitive_type" | "type_list" => {
                Role::Skip
            }
            "namespace_use_declaration" => Role::Import(declared::imports(node)),
            "class_declaration"
            | "interface_declaration"
            | "trait_declaration"
            | "enum_declaration"
            | "anonymous_class" => declared::class(node),
            "method_declaration" | "function_definition" => declared::function(node),
            "anonymous_function" | "arrow_function" => lambda(node),
            "expression_statement" => only(node).map_or(Role::Plain, Role::Statement),
            "return_statement" => Role::Return(first(node)),
            "yield_expression" => given_on(node).map_or(Role::Plain, Role::Yield),
            "parenthesized_expression"
            | "error_suppression_expression"
            | "clone_expression"
            | "variadic_placeholder"
            | "by_ref"
            | "reference_modifier"
            | "print_intrinsic" => only(node).map_or(Role::Plain, Role::Through),
            "cast_expression" => cast(node),
            "name" | "qualified_name" | "namespace_name" | "relative_scope" | "variable_name" => {
                path(node).map_or(Role::Plain, Role::Path)
            }
            "member_access_expression"
            | "nullsafe_member_access_expression"
            | "scoped_property_access_expression"
            | "class_constant_access_expression" => member(node),
            "member_call_expression"
            | "nullsafe_member_call_expression"
            | "scoped_call_expression"
            | "function_call_expression" => call(node),
            "object_creation_expression" => construction(node),
            "shell_command_expression" => Role::Call(CallParts {
                receiver: None,
                name: node.clone(),
                text: "shell_exec".to_owned(),
                constructs: false,
                args: values(node),
                piped: None,
            }),
            "string_content"
                if node
                    .parent()
                    .is_some_and(|own| own.kind() == "shell_command_expression") =>
            {
                Role::Text(vec![TextPiece::Plain(text(node), node.clone())])
            }
            "argument" => argument(node),
            "variadic_unpacking" => first(node).map_or(Role::Plain, Role::Spread),
            "array_creation_expression" => array(node),
            "array_element_initializer" => only(node).map_or(Role::Plain, Role::Through),
            "assignment_expression"
            | "reference_assignment_expression"
            | "augmented_assignment_expression" => Role::Bind(vec![BindParts {
                targets: node
                    .field("left")
                    .map(|left| targets(&left))
                    .unwrap_or_default(),
                declared: None,
                value: node.field("right"),
            }]),
            "property_element" => bind(node, true, node.field("default_value")),
            "static_variable_declaration" => bind(node, false, node.field("value")),
            "const_element" => constant(node),
            "conditional_expression" => conditional(node),
            "match_expression" => matches(node),
            "binary_expression" => binary(node),
            "foreach_statement" => each(node),
            "while_statement" | "do_statement" | "for_statement" => Role::While {
                condition: node.field("condition"),
                body: node.field("body").into_iter().collect(),
            },
            "string" | "encapsed_string" | "heredoc" | "nowdoc" => Role::Text(pieces(node)),
            "integer" | "float" => Role::Number,
            "subscript_expression" => index(node),
            _ => Role::Plain,
        }
    }
}

/// A name without its dollar; `$this`, `self` and `static` are `self`.
fn own_name(written: &str) -> String {
    match written.trim_start_matches('$') {
        "this" | "self" | "static" => "self".to_owned(),
        name => name.to_owned(),
    }
}

/// The names of a chain, where it is one.
fn path(node: &Node<'_>) -> Option<Vec<String>> {
    let mut members = Vec::new();
    let mut at = node.clone();
    for _ in 0..MAX_DEPTH_NODES {
        let member = match at.kind().as_ref() {
            "name" | "relative_scope" => vec![own_name(&at.text())],
            "variable_name" => vec![own_name(&at.text())],
            "qualified_name" | "namespace_name" => at
                .text()
                .split('\\')
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            "member_access_expression" | "nullsafe_member_access_expression" => {
                let name = at.field("name").filter(|name| name.kind() == "name")?;
                members.push(text(&name));
                at = at.field("object")?;
                continue;
            }
            "scoped_property_access_expression" => {
                members.push(own_name(&field_text(&at, "name")?));
                at = at.field("scope")?;
                continue;
            }
            "class_constant_access_expression" => {
                members.push(text(&values(&at).pop()?));
                at = first(&at)?;
                continue;
            }
            "parenthesized_expression" => {
                at = only(&at)?;
                continue;
            }
            _ => return None,
        };
        let mut names = member;
        names.extend(members.into_iter().rev());
        return Some(names);
    }
    None
}

fn member<'t>(node: &Node<'t>) -> Role<'t> {
    if let Some(path) = path(node) {
        return Role::Path(path);
    }
    let of = node
        .field("object")
        .or_else(|| node.field("scope"))
        .or_else(|| first(node));
    let name = node.field("name").or_else(|| values(node).pop());
    match (of, name) {
        (Some(of), Some(name)) if matches!(name.kind().as_ref(), "name" | "variable_name") => {
            Role::Member {
                of,
                name: own_name(&name.text()),
            }
        }
        _ => Role::Plain,
    }
}

fn arguments<'t>(node: &Node<'t>) -> Vec<Node<'t>> {
    node.field("arguments")
        .or_else(|| of_kind(node, "arguments"))
        .map(|list| values(&list))
        .unwrap_or_default()
}

fn call<'t>(node: &Node<'t>) -> Role<'t> {
    let (receiver, name) = if let Some(function) = node.field("function") {
        (None, function)
    } else if let Some(name) = node.field("name") {
        (node.field("object").or_else(|| node.field("scope")), name)
    } else {
        return Role::Plain;
    };
    let method = match name.kind().as_ref() {
        "name" => text(&name),
        // `$work($redis)`: a function that is held as a value.
        "variable_name" if receiver.is_none() => own_name(&name.text()),
        // `$redis->$name(...)`: no method is called so.
        "variable_name" => text(&name),
        "qualified_name" => path(&name)
            .and_then(|mut path| path.pop())
            .unwrap_or_default(),
        // `$redis->{"keys"}("*")`
        "string" | "encapsed_string" => only(&name).map(|name| text(&name)).unwrap_or_default(),
        _ => return Role::Plain,
    };
    let args = arguments(node);
    if receiver.is_none()
        && matches!(method.as_str(), "call_user_func" | "call_user_func_array")
        && let Some(role) = called_by_name(&args)
    {
        return role;
    }
    if receiver.is_none()
        && method == "sprintf"
        && let Some((template, fill)) = args.split_first()
        && let Some(template) = only(template)
        && matches!(template.kind().as_ref(), "string" | "encapsed_string")
        && let Some(pieces) = filled(pieces(&template), '%', fill.to_vec())
    {
        return Role::Text(pieces);
    }
    Role::Call(CallParts {
        receiver,
        name,
        text: method,
        constructs: false,
        args,
        piped: None,
    })
}

/// `call_user_func_array([$redis, 'del'], $keys)` is the method's own call.
fn called_by_name<'t>(args: &[Node<'t>]) -> Option<Role<'t>> {
    let (callable, rest) = args.split_first()?;
    let pair = only(callable).filter(|pair| pair.kind() == "array_creation_expression")?;
    let [of, method] = <[_; 2]>::try_from(values(&pair)).ok()?;
    let method = only(&method)?;
    let name = match method.kind().as_ref() {
        "variable_name" => method,
        _ => only(&method)?,
    };
    Some(Role::Call(CallParts {
        receiver: Some(only(&of)?),
        text: text(&name),
        name,
        constructs: false,
        args: rest.to_vec(),
        piped: None,
    }))
}

fn construction<'t>(node: &Node<'t>) -> Role<'t> {
    let Some(whole) = first(node) else {
        return Role::Plain;
    };
    let (receiver, name) = match whole.kind().as_ref() {
        "name" | "relative_scope" => (None, whole),
        "qualified_name" => {
            let name = values(&whole).pop().unwrap_or_else(|| whole.clone());
            (of_kind(&whole, "namespace_name"), name)
        }
        _ => return Role::Plain,
    };
    Role::Call(CallParts {
        receiver,
        text: own_name(&name.text()),
        name,
        constructs: true,
        args: arguments(node),
        piped: None,
    })
}

/// `(T) $x` is `$x`; a number may be too small for it, which rules want to see.
fn cast<'t>(node: &Node<'t>) -> Role<'t> {
    let Some(value) = node.field("value") else {
        return Role::Plain;
    };
    match node.field("type") {
        Some(to) if matches!(to.text().as_ref(), "int" | "integer") => Role::Call(CallParts {
            receiver: None,
            text: text(&to),
            name: to,
            constructs: false,
            args: vec![value],
            piped: None,
        }),
        _ => Role::Through(value),
    }
}

fn argument<'t>(node: &Node<'t>) -> Role<'t> {
    let name = node.field("name");
    let Some(value) = values(node).pop() else {
        return Role::Plain;
    };
    match name {
        Some(name) if name.node_id() != value.node_id() => Role::Named(text(&name), value),
        _ => Role::Through(value),
    }
}

fn lambda<'t>(node: &Node<'t>) -> Role<'t> {
    let list = node.field("parameters");
    Role::Function(FunctionParts {
        params: list.as_ref().map(declared::params).unwrap_or_default(),
        returns: node
            .field("return_type")
            .and_then(|declared| declared::class_of(&declared.text())),
        lambda: true,
        inside: list.into_iter().chain(node.field("body")).collect(),
        returns_last: node.kind() == "arrow_function",
        ..FunctionParts::default()
    })
}

/// A list, or a map where each element has a key.
fn array<'t>(node: &Node<'t>) -> Role<'t> {
    let elements = values(node);
    let pair = |element: &Node<'t>| {
        let [key, value] = <[_; 2]>::try_from(values(element)).ok()?;
        let name = match key.kind().as_ref() {
            "string" | "encapsed_string" => only(&key).map(|content| text(&content)),
            _ => None,
        };
        Some((name.unwrap_or_default(), value))
    };
    let pairs: Vec<_> = elements.iter().filter_map(pair).collect();
    if pairs.is_empty() || pairs.len() < elements.len() {
        Role::List(elements)
    } else {
        Role::Map(pairs)
    }
}

fn targets(left: &Node<'_>) -> Vec<Vec<String>> {
    match left.kind().as_ref() {
        "list_literal" | "array_creation_expression" => values(left)
            .iter()
            .filter(|name| !name.kind().ends_with("string"))
            .map(|name| path(name).unwrap_or_default())
            .collect(),
        // `$keys[] = $key` adds to the list.
        "subscript_expression" => vec![only(left).and_then(|list| path(&list)).unwrap_or_default()],
        _ => vec![path(left).unwrap_or_default()],
    }
}

fn bind<'t>(node: &Node<'t>, is_field: bool, value: Option<Node<'t>>) -> Role<'t> {
    let Some(name) = field_text(node, "name") else {
        return Role::Plain;
    };
    let own = is_field.then(|| "self".to_owned());
    Role::Bind(vec![BindParts {
        targets: vec![own.into_iter().chain([own_name(&name)]).collect()],
        declared: None,
        value,
    }])
}

fn constant<'t>(node: &Node<'t>) -> Role<'t> {
    let Ok([name, value]) = <[_; 2]>::try_from(values(node)) else {
        return Role::Plain;
    };
    let in_class = node
        .ancestors()
        .any(|around| around.kind() == "declaration_list");
    let own = in_class.then(|| "self".to_owned());
    Role::Bind(vec![BindParts {
        targets: vec![own.into_iter().chain([text(&name)]).collect()],
        declared: None,
        value: Some(value),
    }])
}

/// `a ? b : c`; `a ?: c` is `a` or `c`.
fn conditional<'t>(node: &Node<'t>) -> Role<'t> {
    let condition = node.field("condition");
    let alternative = node.field("alternative");
    let (before, first) = match node.field("body") {
        Some(body) => (condition, Some(body)),
        None => (None, condition),
    };
    Role::Choice {
        subject: None,
        before: before.into_iter().collect(),
        values: first.into_iter().chain(alternative).collect(),
    }
}

fn matches<'t>(node: &Node<'t>) -> Role<'t> {
    Role::Choice {
        subject: None,
        before: node.field("condition").into_iter().collect(),
        values: node
            .field("body")
            .iter()
            .flat_map(values)
            .filter_map(|arm| arm.field("return_expression"))
            .collect(),
    }
}

fn binary<'t>(node: &Node<'t>) -> Role<'t> {
    let (Some(left), Some(right)) = (node.field("left"), node.field("right")) else {
        return Role::Plain;
    };
    match field_text(node, "operator").as_deref() {
        Some(".") => Role::Concat(vec![left, right]),
        Some("??") => Role::Choice {
            subject: None,
            before: Vec::new(),
            values: vec![left, right],
        },
        _ => Role::Plain,
    }
}

fn each<'t>(node: &Node<'t>) -> Role<'t> {
    let body = node.field("body");
    let mut head = values(node)
        .into_iter()
        .filter(|part| Some(part.node_id()) != body.as_ref().map(Node::node_id));
    let (Some(iterable), Some(element)) = (head.next(), head.next()) else {
        return Role::Plain;
    };
    let names = element
        .dfs()
        .filter(|leaf| leaf.kind() == "variable_name")
        .map(|leaf| own_name(&leaf.text()))
        .collect();
    Role::Each {
        names,
        iterable,
        body: body.into_iter().collect(),
    }
}

fn pieces<'t>(node: &Node<'t>) -> Vec<TextPiece<'t>> {
    let held = node.field("value").unwrap_or_else(|| node.clone());
    let single = node.kind() == "string";
    let piece = |part: Node<'t>| match part.kind().as_ref() {
        "string_content" | "nowdoc_string" => TextPiece::Plain(text(&part), part),
        // Between single quotes only the quote and the backslash itself are escaped.
        "escape_sequence" if single => TextPiece::Plain(part.text()[1..].to_owned(), part),
        "escape_sequence" => TextPiece::Plain(read_escapes(&part.text()), part),
        _ => TextPiece::Hole(part),
    };
    values(&held).into_iter().map(piece).collect()
}

/// What a generator gives on; of `yield $key => $value` the value.
fn given_on<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    let given = first(node)?;
    if given.kind() == "array_element_initializer" {
        values(&given).pop()
    } else {
        Some(given)
    }
}

fn index<'t>(node: &Node<'t>) -> Role<'t> {
    let mut parts = values(node).into_iter();
    match parts.next() {
        // `$this[$key]` of an ArrayAccess.
        Some(of) if of.text() == "$this" && is_read(node) => Role::Call(CallParts {
            receiver: Some(of.clone()),
            name: of,
            text: "offsetGet".to_owned(),
            constructs: false,
            args: parts.collect(),
            piped: None,
        }),
        Some(of) => Role::Index {
            of,
            slice: false,
            at: parts.collect(),
        },
        None => Role::Plain,
    }
}

/// Whether an element is asked for: it is not what is assigned, and neither tested nor taken away.
fn is_read(node: &Node<'_>) -> bool {
    let Some(around) = node.parent() else {
        return false;
    };
    let assigned = around
        .field("left")
        .is_some_and(|left| left.node_id() == node.node_id());
    let asked = around.kind() == "argument"
        && node.ancestors().nth(2).is_some_and(|call| {
            matches!(
                field_text(&call, "function").as_deref(),
                Some("isset" | "empty")
            )
        });
    !assigned && !asked && around.kind() != "unset_statement"
}

#[cfg(test)]
mod tests;
