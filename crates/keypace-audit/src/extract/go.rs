//! Go's nodes.
//! Must not walk or judge.

use super::children::{field_text, filled, first, of_kind, span, values};
use super::grammar::{BindParts, CallParts, Grammar, Role, TextPiece};
use super::literal::read_escapes;
use crate::facts::Import;
use crate::limits::MAX_DEPTH_NODES;
use crate::syntax::Node;

mod declarations;

#[cfg(test)]
mod tests;

use self::declarations::{function, named_type};

/// Go, with generics.
pub(super) struct Go;

impl Grammar for Go {
    fn role<'t>(&self, node: &Node<'t>) -> Role<'t> {
        match node.kind().as_ref() {
            "comment" => Role::Comment,
            "type_identifier"
            | "qualified_type"
            | "pointer_type"
            | "slice_type"
            | "array_type"
            | "implicit_length_array_type"
            | "map_type"
            | "channel_type"
            | "function_type"
            | "generic_type"
            | "struct_type"
            | "interface_type"
            | "type_arguments"
            | "type_parameter_list"
            | "label_name"
            | "package_clause" => Role::Skip,
            "import_spec" => Role::Import(import(node).into_iter().collect()),
            "expression_statement" | "go_statement" | "defer_statement" => {
                first(node).map_or(Role::Plain, Role::Statement)
            }
            "return_statement" => {
                Role::Return(first(node).or_else(|| declarations::named_result(node)))
            }
            // What stands first in a list is what callers are after; the rest is mostly an error.
            "expression_list" | "parenthesized_expression" | "literal_element" => {
                first(node).map_or(Role::Plain, Role::Through)
            }
            "identifier" | "package_identifier" | "field_identifier" => {
                Role::Path(vec![node.text().into_owned()])
            }
            "selector_expression" => selector(node),
            "call_expression" => call(node),
            "composite_literal" => composite(node),
            "literal_value" => elements(node),
            "keyed_element" => keyed(node),
            "variadic_argument" => first(node).map_or(Role::Plain, Role::Spread),
            "type_conversion_expression" => conversion(node),
            "type_assertion_expression" => node.field("operand").map_or(Role::Plain, Role::Through),
            "unary_expression" => unary(node),
            "binary_expression" => sum(node),
            "index_expression" => index(node, false),
            "slice_expression" => index(node, true),
            "interpreted_string_literal" | "raw_string_literal" => Role::Text(pieces(node)),
            "int_literal" | "float_literal" => Role::Number,
            "short_var_declaration" | "receive_statement" => assignment(node),
            // `+=` changes numbers and strings only; neither is a value of its own.
            "assignment_statement" if field_text(node, "operator").is_none_or(|op| op == "=") => {
                assignment(node)
            }
            // What goes into a channel comes out where the channel is read.
            "send_statement" => bind(
                node.field("channel").iter().map(target).collect(),
                None,
                node.field("value").into_iter().collect(),
            ),
            "var_spec" | "const_spec" => declaration(node),
            "for_statement" => repetition(node),
            "function_declaration" | "method_declaration" | "func_literal" | "method_elem" => {
                function(node)
            }
            "type_spec" | "type_alias" => named_type(node),
            _ => Role::Plain,
        }
    }
}

fn import(node: &Node<'_>) -> Option<Import> {
    let module = field_text(node, "path")?
        .trim_matches(['"', '`'])
        .to_owned();
    let names = match field_text(node, "name").as_deref() {
        Some("." | "_") => Vec::new(),
        Some(name) => vec![(String::new(), name.to_owned())],
        None => vec![(String::new(), package_name(&module))],
    };
    Some(Import {
        module,
        names,
        span: span(node),
    })
}

/// What a package is mostly called, by its path: `redis` of `github.com/redis/go-redis/v9` and of `gopkg.in/redis.v5`.
fn package_name(module: &str) -> String {
    let version = |part: &str| {
        part.strip_prefix('v')
            .is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()))
    };
    let name = module
        .rsplit('/')
        .find(|part| !version(part))
        .unwrap_or(module);
    let name = name.split_once(".v").map_or(name, |(name, _)| name);
    let name = name.strip_prefix("go-").unwrap_or(name);
    name.strip_suffix("-go").unwrap_or(name).to_owned()
}

/// The names of a chain, where it is one.
fn path(node: &Node<'_>) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut at = node.clone();
    for _ in 0..MAX_DEPTH_NODES {
        match at.kind().as_ref() {
            "identifier" | "package_identifier" => {
                names.push(at.text().into_owned());
                names.reverse();
                return Some(names);
            }
            "selector_expression" => {
                names.push(field_text(&at, "field")?);
                at = at.field("operand")?;
            }
            _ => return None,
        }
    }
    None
}

fn selector<'t>(node: &Node<'t>) -> Role<'t> {
    if let Some(path) = path(node) {
        return Role::Path(path);
    }
    match (node.field("operand"), field_text(node, "field")) {
        (Some(of), Some(name)) => Role::Member { of, name },
        _ => Role::Plain,
    }
}

fn call<'t>(node: &Node<'t>) -> Role<'t> {
    let (Some(callee), Some(arguments)) = (node.field("function"), node.field("arguments")) else {
        return Role::Plain;
    };
    let args = values(&arguments);
    let (receiver, name) = match callee.kind().as_ref() {
        "identifier" => (None, callee),
        "selector_expression" => match (callee.field("operand"), callee.field("field")) {
            (Some(operand), Some(name)) => (Some(operand), name),
            _ => return Role::Plain,
        },
        _ => return Role::Plain,
    };
    let text = name.text().into_owned();
    // `string(x)` is x; a number's type may be too small for it, which rules want to see.
    if let (None, "string", [inner]) = (&receiver, text.as_str(), args.as_slice()) {
        return Role::Through(inner.clone());
    }
    if text == "Sprintf"
        && let [template, by @ ..] = args.as_slice()
        && is_string(template)
        && let Some(pieces) = filled(pieces(template), '%', by.to_vec())
    {
        return Role::Text(pieces);
    }
    Role::Call(CallParts {
        receiver,
        name,
        text,
        constructs: false,
        args,
        piped: None,
    })
}

fn is_string(node: &Node<'_>) -> bool {
    matches!(
        node.kind().as_ref(),
        "interpreted_string_literal" | "raw_string_literal"
    )
}

/// `[]byte(x)` is x. The grammar reads a generic function with one argument as a conversion as well.
fn conversion<'t>(node: &Node<'t>) -> Role<'t> {
    let (Some(to), Some(operand)) = (node.field("type"), node.field("operand")) else {
        return Role::Plain;
    };
    if to.kind() != "generic_type" {
        return Role::Through(operand);
    }
    let Some((receiver, name)) = type_parts(&to) else {
        return Role::Plain;
    };
    Role::Call(CallParts {
        receiver,
        text: name.text().into_owned(),
        name,
        constructs: false,
        args: vec![operand],
        piped: None,
    })
}

/// A named type's package and name.
fn type_parts<'t>(node: &Node<'t>) -> Option<(Option<Node<'t>>, Node<'t>)> {
    match node.kind().as_ref() {
        "type_identifier" => Some((None, node.clone())),
        "qualified_type" => Some((of_kind(node, "package_identifier"), node.field("name")?)),
        "generic_type" => type_parts(&node.field("type")?),
        _ => None,
    }
}

fn composite<'t>(node: &Node<'t>) -> Role<'t> {
    let (Some(made), Some(body)) = (node.field("type"), node.field("body")) else {
        return Role::Plain;
    };
    match made.kind().as_ref() {
        "slice_type" | "array_type" | "implicit_length_array_type" => Role::List(values(&body)),
        "map_type" => Role::Map(pairs(&body)),
        _ => match type_parts(&made) {
            Some((receiver, name)) => Role::Call(CallParts {
                receiver,
                text: name.text().into_owned(),
                name,
                constructs: true,
                args: values(&body),
                piped: None,
            }),
            None => elements(&body),
        },
    }
}

/// The braces of a literal whose type stands further out.
fn elements<'t>(body: &Node<'t>) -> Role<'t> {
    let elements = values(body);
    if elements
        .iter()
        .any(|element| element.kind() == "keyed_element")
    {
        Role::Map(pairs(body))
    } else {
        Role::List(elements)
    }
}

fn pairs<'t>(body: &Node<'t>) -> Vec<(String, Node<'t>)> {
    let pair = |element: Node<'t>| {
        let [key, value] = <[_; 2]>::try_from(values(&element)).ok()?;
        Some((key_name(&key), value))
    };
    values(body).into_iter().filter_map(pair).collect()
}

fn key_name(key: &Node<'_>) -> String {
    let text = key.text();
    let name = text.trim_matches(['"', '`']);
    let plain = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if plain {
        name.to_owned()
    } else {
        String::new()
    }
}

fn keyed<'t>(node: &Node<'t>) -> Role<'t> {
    match values(node).as_slice() {
        [key, value] => Role::Named(key_name(key), value.clone()),
        _ => Role::Plain,
    }
}

fn unary<'t>(node: &Node<'t>) -> Role<'t> {
    let Some(operand) = node.field("operand") else {
        return Role::Plain;
    };
    if operand.kind() == "int_literal" {
        return Role::Number;
    }
    Role::Through(operand)
}

fn sum<'t>(node: &Node<'t>) -> Role<'t> {
    match (node.field("left"), node.field("right")) {
        (Some(left), Some(right)) if field_text(node, "operator").as_deref() == Some("+") => {
            Role::Concat(vec![left, right])
        }
        _ => Role::Plain,
    }
}

fn index<'t>(node: &Node<'t>, slice: bool) -> Role<'t> {
    let mut inner = values(node);
    if inner.is_empty() {
        return Role::Plain;
    }
    let of = inner.remove(0);
    // `keys[:]` is all of it.
    if slice && inner.is_empty() {
        return Role::Through(of);
    }
    Role::Index {
        of,
        slice,
        at: inner,
    }
}

fn pieces<'t>(literal: &Node<'t>) -> Vec<TextPiece<'t>> {
    let raw = literal.kind() == "raw_string_literal";
    let piece = |child: Node<'t>| {
        let text = child.text();
        let text = if raw {
            text.into_owned()
        } else {
            read_escapes(&text)
        };
        TextPiece::Plain(text, child)
    };
    literal.named_children().map(piece).collect()
}

/// The list itself for one of its elements.
fn target(node: &Node<'_>) -> Vec<String> {
    let list = (node.kind() == "index_expression")
        .then(|| node.field("operand"))
        .flatten();
    path(list.as_ref().unwrap_or(node))
        .filter(|path| path.iter().all(|name| name != "_"))
        .unwrap_or_default()
}

fn assignment<'t>(node: &Node<'t>) -> Role<'t> {
    let Some(left) = node.field("left") else {
        return Role::Plain;
    };
    let targets = values(&left).iter().map(target).collect();
    let given = match node.field("right") {
        Some(list) if list.kind() == "expression_list" => values(&list),
        other => other.into_iter().collect(),
    };
    bind(targets, None, given)
}

fn declaration<'t>(node: &Node<'t>) -> Role<'t> {
    let targets = node
        .field_children("name")
        .filter(Node::is_named)
        .map(|name| target(&name))
        .collect();
    let given = node.field("value").map(|list| values(&list));
    bind(targets, field_text(node, "type"), given.unwrap_or_default())
}

/// `a, b = x, y` are two bindings, `a, b = f()` is one of two names.
fn bind<'t>(targets: Vec<Vec<String>>, declared: Option<String>, given: Vec<Node<'t>>) -> Role<'t> {
    if given.len() < 2 && (targets.len() == 1 || !given.is_empty()) {
        return Role::Bind(vec![BindParts {
            targets,
            declared,
            value: given.into_iter().next(),
        }]);
    }
    let mut given = given.into_iter();
    let one = |target| BindParts {
        targets: vec![target],
        declared: declared.clone(),
        value: given.next(),
    };
    Role::Bind(targets.into_iter().map(one).collect())
}

fn repetition<'t>(node: &Node<'t>) -> Role<'t> {
    let body: Vec<_> = node.field("body").into_iter().collect();
    let head = values(node)
        .into_iter()
        .find(|child| child.kind() != "block");
    match head {
        Some(head) if head.kind() == "range_clause" => {
            let names = head.field("left").map(|left| values(&left));
            let names = names.unwrap_or_default().into_iter();
            match head.field("right") {
                Some(iterable) => Role::Each {
                    names: names
                        .map(|name| name.text().into_owned())
                        .filter(|name| name != "_")
                        .collect(),
                    iterable,
                    body,
                },
                None => Role::Plain,
            }
        }
        Some(head) if head.kind() == "for_clause" => Role::While {
            condition: head.field("condition"),
            body,
        },
        condition => Role::While { condition, body },
    }
}
