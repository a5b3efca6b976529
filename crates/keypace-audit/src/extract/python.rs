//! Python's nodes.
//! Must not walk or judge.

mod form;

use self::form::{imports, is_listed, is_mapped, lent};
use super::children::defaulted;
use super::grammar::{BindParts, CallParts, ClassParts, FunctionParts, Grammar, Role, TextPiece};
use super::literal::{format_pieces, read_escapes};
use crate::facts::Param;
use crate::limits::MAX_DEPTH_NODES;
use crate::syntax::Node;

/// Python 2 and 3.
pub(super) struct Python;

impl Grammar for Python {
    fn role<'t>(&self, node: &Node<'t>) -> Role<'t> {
        match node.kind().as_ref() {
            "comment" => Role::Comment,
            "type"
            | "type_parameter"
            | "global_statement"
            | "nonlocal_statement"
            | "type_alias_statement" => Role::Skip,
            "import_statement" | "import_from_statement" => Role::Import(imports(node)),
            "block" => Role::Block,
            "if_statement" | "elif_clause" | "else_clause" => Role::Branch,
            "expression_statement" => only_child(node).map_or(Role::Plain, Role::Statement),
            "return_statement" => Role::Return(first(node)),
            "await" | "parenthesized_expression" => {
                only_child(node).map_or(Role::Plain, Role::Through)
            }
            "yield" => only_child(node).map_or(Role::Plain, Role::Yield),
            "identifier" => Role::Path(vec![node.text().into_owned()]),
            "attribute" => attribute(node),
            "call" => call(node),
            "decorated_definition" => decorated(node),
            "function_definition" | "lambda" => function(node, Vec::new()),
            "class_definition" => class(node),
            "assignment" => Role::Bind(vec![BindParts {
                targets: node
                    .field("left")
                    .map(|left| targets(&left))
                    .unwrap_or_default(),
                declared: node
                    .field("type")
                    .map(|declared| declared.text().into_owned()),
                value: node.field("right"),
            }]),
            "augmented_assignment" => grown(node),
            "named_expression" => bind_one(node.field("name"), node.field("value")),
            "as_pattern" => bind_one(node.field("alias"), first(node)),
            "for_statement" => each(node),
            "list_comprehension"
            | "set_comprehension"
            | "dictionary_comprehension"
            | "generator_expression" => comprehension(node),
            "for_in_clause" => each(node),
            "while_statement" => Role::While {
                condition: node.field("condition"),
                body: node.field("body").into_iter().collect(),
            },
            "string" => Role::Text(pieces(node)),
            "concatenated_string" => Role::Concat(values(node)),
            "conditional_expression" => conditional(node),
            "boolean_operator" => either(node),
            "binary_operator" => operator(node),
            "integer" | "float" => Role::Number,
            "list" | "tuple" | "set" | "expression_list" => Role::List(values(node)),
            "dictionary" => dictionary(node),
            "list_splat" | "dictionary_splat" => first(node).map_or(Role::Plain, Role::Spread),
            "default_parameter" | "typed_default_parameter" => defaulted(node, "name", "value"),
            "keyword_argument" => match (node.field("name"), node.field("value")) {
                (Some(name), Some(value)) => Role::Named(name.text().into_owned(), value),
                _ => Role::Plain,
            },
            "subscript" => subscript(node),
            _ => Role::Plain,
        }
    }
}

/// Named children that are not comments.
fn values<'t>(node: &Node<'t>) -> Vec<Node<'t>> {
    node.named_children()
        .filter(|child| child.kind() != "comment")
        .collect()
}

fn first<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    node.named_children()
        .find(|child| child.kind() != "comment")
}

fn only_child<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    let [only] = <[_; 1]>::try_from(values(node)).ok()?;
    Some(only)
}

/// The names of a chain, where it is one.
fn path(node: &Node<'_>) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut at = node.clone();
    for _ in 0..MAX_DEPTH_NODES {
        match at.kind().as_ref() {
            "identifier" | "as_pattern_target" => {
                names.push(at.text().into_owned());
                names.reverse();
                return Some(names);
            }
            "attribute" => {
                names.push(at.field("attribute")?.text().into_owned());
                at = at.field("object")?;
            }
            _ => return None,
        }
    }
    None
}

fn attribute<'t>(node: &Node<'t>) -> Role<'t> {
    if let (true, Some(name)) = (is_mapped(node), node.field("attribute")) {
        let of = node.field("object");
        return Role::Reference { of, name };
    }
    if let Some(path) = path(node) {
        return Role::Path(path);
    }
    match (node.field("object"), node.field("attribute")) {
        (Some(of), Some(name)) => Role::Member {
            of,
            name: name.text().into_owned(),
        },
        _ => Role::Plain,
    }
}

fn call<'t>(node: &Node<'t>) -> Role<'t> {
    let (Some(callee), Some(arguments)) = (node.field("function"), node.field("arguments")) else {
        return Role::Plain;
    };
    let args = if arguments.kind() == "generator_expression" {
        vec![arguments.clone()]
    } else {
        values(&arguments)
    };
    let (receiver, name) = match callee.kind().as_ref() {
        "identifier" => (None, callee),
        "attribute" => match (callee.field("object"), callee.field("attribute")) {
            (Some(object), Some(name)) => (Some(object), name),
            _ => return Role::Plain,
        },
        _ => return Role::Plain,
    };
    let text = name.text().into_owned();
    if let Some(parts) = lent(&text, &args) {
        return Role::Call(parts);
    }
    // `cast(list[str], names)` is `names`.
    if let ("cast", [_, value]) = (text.as_str(), args.as_slice()) {
        return Role::Through(value.clone());
    }
    if let Some(template) = &receiver
        && text == "format"
        && template.kind() == "string"
    {
        return Role::Text(filled(template, '{', &arguments));
    }
    // Python doesn't tell a constructor from a function; the first letter does by convention.
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

fn decorated<'t>(node: &Node<'t>) -> Role<'t> {
    let Some(definition) = node.field("definition") else {
        return Role::Plain;
    };
    if definition.kind() == "class_definition" {
        return Role::Plain;
    }
    let mark = |decorator: Node<'t>| {
        let named = first(&decorator)?;
        let named = if named.kind() == "call" {
            named.field("function")?
        } else {
            named
        };
        Some(named.text().into_owned())
    };
    let marks = node
        .named_children()
        .filter(|child| child.kind() == "decorator")
        .filter_map(mark)
        .collect();
    function(&definition, marks)
}

fn function<'t>(node: &Node<'t>, marks: Vec<String>) -> Role<'t> {
    let lambda = node.kind() == "lambda";
    Role::Function(FunctionParts {
        name: node.field("name").map(|name| name.text().into_owned()),
        params: node
            .field("parameters")
            .map(|list| params(&list))
            .unwrap_or_default(),
        returns: node
            .field("return_type")
            .map(|returns| returns.text().into_owned()),
        marks,
        lambda,
        inside: node
            .field("parameters")
            .into_iter()
            .chain(node.field("body"))
            .collect(),
        returns_last: lambda,
    })
}

fn params(list: &Node<'_>) -> Vec<Param> {
    let param = |node: Node<'_>| {
        let name = match node.kind().as_ref() {
            "identifier" => node.clone(),
            "default_parameter" | "typed_default_parameter" => node.field("name")?,
            "typed_parameter" => first(&node)?,
            "list_splat_pattern" | "dictionary_splat_pattern" => node.clone(),
            _ => return None,
        };
        let name = name.text().trim_start_matches('*').to_owned();
        Some(Param {
            name,
            declared: node
                .field("type")
                .map(|declared| declared.text().into_owned()),
        })
    };
    list.named_children().filter_map(param).collect()
}

fn class<'t>(node: &Node<'t>) -> Role<'t> {
    let bases = node
        .field("superclasses")
        .map(|list| values(&list))
        .unwrap_or_default();
    let base = |base: &Node<'_>| match base.kind().as_ref() {
        "keyword_argument" => None,
        "subscript" => base
            .field("value")
            .map(|generic| generic.text().into_owned()),
        _ => Some(base.text().into_owned()),
    };
    let body = node.field("body");
    let fields = body
        .iter()
        .flat_map(|body| body.named_children().collect::<Vec<_>>())
        .filter_map(|statement| {
            let assignment = first(&statement).filter(|inner| inner.kind() == "assignment")?;
            let declared = assignment.field("type")?.text().into_owned();
            Some(Param {
                name: assignment.field("left")?.text().into_owned(),
                declared: Some(declared),
            })
        });
    Role::Class(ClassParts {
        name: node
            .field("name")
            .map(|name| name.text().into_owned())
            .unwrap_or_default(),
        bases: bases.iter().filter_map(base).collect(),
        fields: fields.collect(),
        inside: body.into_iter().collect(),
    })
}

fn targets(node: &Node<'_>) -> Vec<Vec<String>> {
    match node.kind().as_ref() {
        "pattern_list" | "tuple_pattern" | "list_pattern" => values(node)
            .iter()
            .map(|name| path(name).unwrap_or_default())
            .collect(),
        _ => vec![path(node).unwrap_or_default()],
    }
}

/// `keys += r.keys("*")`: what is added is bound to the name.
fn grown<'t>(node: &Node<'t>) -> Role<'t> {
    bind_one(node.field("left"), node.field("right"))
}

fn bind_one<'t>(name: Option<Node<'t>>, value: Option<Node<'t>>) -> Role<'t> {
    let targets = name.map(|name| targets(&name)).unwrap_or_default();
    Role::Bind(vec![BindParts {
        targets,
        declared: None,
        value,
    }])
}

/// The names that a loop gives a value to.
fn loop_names(left: &Node<'_>) -> Vec<String> {
    let leaves = left.dfs().filter(|leaf| leaf.kind() == "identifier");
    leaves.map(|leaf| leaf.text().into_owned()).collect()
}

fn each<'t>(node: &Node<'t>) -> Role<'t> {
    let (Some(left), Some(iterable)) = (node.field("left"), node.field("right")) else {
        return Role::Plain;
    };
    Role::Each {
        names: loop_names(&left),
        iterable,
        body: node.field("body").into_iter().collect(),
    }
}

fn comprehension<'t>(node: &Node<'t>) -> Role<'t> {
    let Some(clause) = node
        .named_children()
        .find(|child| child.kind() == "for_in_clause")
    else {
        return Role::Plain;
    };
    let (Some(left), Some(iterable)) = (clause.field("left"), clause.field("right")) else {
        return Role::Plain;
    };
    let names = loop_names(&left);
    let body = values(node)
        .into_iter()
        .filter(|child| child.node_id() != clause.node_id())
        .collect();
    if node.kind() == "generator_expression" {
        return Role::Each {
            names,
            iterable,
            body,
        };
    }
    Role::Gather {
        names,
        iterable,
        body,
    }
}

fn pieces<'t>(node: &Node<'t>) -> Vec<TextPiece<'t>> {
    let raw = node
        .named_children()
        .next()
        .is_some_and(|start| start.text().contains(['r', 'R']));
    let mut pieces = Vec::new();
    for child in node.named_children() {
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
            "interpolation" => {
                pieces.push(TextPiece::Hole(child.field("expression").unwrap_or(child)))
            }
            _ => {}
        }
    }
    pieces
}

/// A template with its holes: `"user:%s" % x` and `"user:{}".format(x)`. What fills them stands in `by`.
fn filled<'t>(template: &Node<'t>, mark: char, by: &Node<'t>) -> Vec<TextPiece<'t>> {
    let mut all = Vec::new();
    let mut by = Some(by.clone());
    for piece in pieces(template) {
        let TextPiece::Plain(text, node) = piece else {
            all.push(piece);
            continue;
        };
        for part in format_pieces(&text, mark) {
            match part {
                Some(text) => all.push(TextPiece::Plain(text, node.clone())),
                // Visited once, for the first hole.
                None => all.push(TextPiece::Hole(by.take().unwrap_or_else(|| node.clone()))),
            }
        }
    }
    all
}

/// `a if condition else b`.
fn conditional<'t>(node: &Node<'t>) -> Role<'t> {
    match <[_; 3]>::try_from(values(node)) {
        Ok([value, condition, other]) => Role::Choice {
            subject: None,
            before: vec![condition],
            values: vec![value, other],
        },
        Err(_) => Role::Plain,
    }
}

/// `a or b` gives one of both; `a and b` gives `b` where that counts.
fn either<'t>(node: &Node<'t>) -> Role<'t> {
    let (Some(left), Some(right)) = (node.field("left"), node.field("right")) else {
        return Role::Plain;
    };
    let or = node
        .field("operator")
        .is_some_and(|operator| operator.text() == "or");
    let (before, values) = if or {
        (Vec::new(), vec![left, right])
    } else {
        (vec![left], vec![right])
    };
    Role::Choice {
        subject: None,
        before,
        values,
    }
}

fn operator<'t>(node: &Node<'t>) -> Role<'t> {
    let (Some(left), Some(right)) = (node.field("left"), node.field("right")) else {
        return Role::Plain;
    };
    match node
        .field("operator")
        .map(|operator| operator.text().into_owned())
        .as_deref()
    {
        Some("+") if is_listed(&left) || is_listed(&right) => Role::Join(vec![left, right]),
        Some("+") => Role::Concat(vec![left, right]),
        Some("%") if left.kind() == "string" => Role::Text(filled(&left, '%', &right)),
        _ => Role::Plain,
    }
}

fn subscript<'t>(node: &Node<'t>) -> Role<'t> {
    let Some(of) = node.field("value") else {
        return Role::Plain;
    };
    let at: Vec<_> = node
        .field_children("subscript")
        .filter(Node::is_named)
        .collect();
    let slice = at.iter().any(|index| index.kind() == "slice");
    let own = of.text() == "self" && !slice;
    if let Some(operator) = own.then(|| operator_of(node)).flatten() {
        return Role::Call(CallParts {
            receiver: Some(of.clone()),
            name: of,
            text: operator.to_owned(),
            constructs: false,
            args: at,
            piped: None,
        });
    }
    Role::Index { of, slice, at }
}

/// The method that a class is asked for by `self[key]`, and by `del self[key]`.
fn operator_of(node: &Node<'_>) -> Option<&'static str> {
    let around = node.parent()?;
    let assigned = around
        .field("left")
        .is_some_and(|left| left.node_id() == node.node_id());
    match around.kind().as_ref() {
        "delete_statement" => Some("__delitem__"),
        _ if assigned => None,
        _ => Some("__getitem__"),
    }
}

fn dictionary<'t>(node: &Node<'t>) -> Role<'t> {
    let pair = |pair: Node<'t>| {
        let key = pair.field("key")?;
        let value = pair.field("value")?;
        let text = key.text();
        let plain = matches!(key.kind().as_ref(), "string" | "identifier");
        let name = if plain {
            text.trim_matches(['"', '\'']).to_owned()
        } else {
            String::new()
        };
        Some((name, value))
    };
    Role::Map(node.named_children().filter_map(pair).collect())
}

#[cfg(test)]
mod tests;
