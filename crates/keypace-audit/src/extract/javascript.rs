//! JavaScript's and TypeScript's nodes, with JSX.
//! Must not walk or judge.

mod classes;
mod handed;
mod modules;
mod patterns;

use self::modules::{import_statement, required};
use self::patterns::{params_of, pattern_names, targets};
use super::children::defaulted;
use super::grammar::{
    BindParts, CallParts, FunctionParts, Grammar, Handed, Role, Subject, TextPiece,
};
use super::literal::read_escapes;
use crate::facts::{Import, Param, Span};
use crate::limits::MAX_DEPTH_NODES;
use crate::syntax::Node;

/// JavaScript, TypeScript and both with JSX: one grammar's kinds are the other's and more.
pub(super) struct JavaScript;

impl Grammar for JavaScript {
    fn handed<'t>(&self, parts: &CallParts<'t>, at: usize) -> Option<Handed<'t>> {
        handed::handed(parts, at)
    }

    fn role<'t>(&self, node: &Node<'t>) -> Role<'t> {
        match node.kind().as_ref() {
            "comment" | "html_comment" => Role::Comment,
            "property_signature"
            | "method_signature"
            | "function_signature"
            | "call_signature"
            | "construct_signature"
            | "index_signature"
            | "type_annotation"
            | "type_arguments"
            | "type_parameters"
            | "type_alias_declaration" => Role::Skip,
            "import_statement" => Role::Import(import_statement(node)),
            "expression_statement" => first(node).map_or(Role::Plain, Role::Statement),
            "return_statement" => Role::Return(first(node)),
            "await_expression"
            | "parenthesized_expression"
            | "non_null_expression"
            | "as_expression"
            | "satisfies_expression" => first(node).map_or(Role::Plain, Role::Through),
            "yield_expression" => first(node).map_or(Role::Plain, Role::Yield),
            "type_assertion" => values(node).pop().map_or(Role::Plain, Role::Through),
            "sequence_expression" => Role::Sequence(values(node)),
            "identifier"
            | "this"
            | "super"
            | "shorthand_property_identifier"
            | "member_expression" => chain(node),
            "subscript_expression" => subscript(node),
            "call_expression" => call(node),
            "new_expression" => construct(node),
            "function_declaration"
            | "generator_function_declaration"
            | "function_expression"
            | "generator_function"
            | "arrow_function"
            | "method_definition" => function(node),
            "class_declaration" | "abstract_class_declaration" | "class" => classes::class(node),
            "internal_module" => classes::namespace(node),
            "interface_declaration" => classes::interface(node),
            "public_field_definition" | "field_definition" => classes::field(node),
            "variable_declarator" => declarator(node),
            "assignment_expression" | "augmented_assignment_expression" => {
                Role::Bind(vec![BindParts {
                    targets: node
                        .field("left")
                        .map(|left| targets(&left))
                        .unwrap_or_default(),
                    declared: None,
                    value: node.field("right"),
                }])
            }
            "for_in_statement" => each(node),
            "for_statement" | "while_statement" | "do_statement" => Role::While {
                condition: node
                    .field("condition")
                    .filter(|condition| condition.kind() != "empty_statement"),
                body: node.field("body").into_iter().collect(),
            },
            "string" | "template_string" => Role::Text(pieces(node)),
            "binary_expression" => operator(node),
            "ternary_expression" => Role::Choice {
                subject: None::<Subject<'t>>,
                before: node.field("condition").into_iter().collect(),
                values: node
                    .field("consequence")
                    .into_iter()
                    .chain(node.field("alternative"))
                    .collect(),
            },
            "number" => Role::Number,
            "unary_expression" => sign(node),
            "array" => Role::List(values(node)),
            "object" => object(node),
            "spread_element" => first(node).map_or(Role::Plain, Role::Spread),
            "assignment_pattern" => defaulted(node, "left", "right"),
            "required_parameter" => defaulted(node, "pattern", "value"),
            _ => Role::Plain,
        }
    }

    fn imports(&self, node: &Node<'_>) -> Vec<Import> {
        let module = modules::call_of_module(node);
        module
            .map(|module| Import {
                module,
                names: Vec::new(),
                span: span(node),
            })
            .into_iter()
            .collect()
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

fn span(node: &Node<'_>) -> Span {
    let range = node.range();
    Span {
        start: range.start,
        end: range.end,
    }
}

/// A name without what marks it as private.
fn plain_name(node: &Node<'_>) -> String {
    node.text().trim_start_matches('#').to_owned()
}

/// The text of a literal without holes.
fn literal(node: &Node<'_>) -> Option<String> {
    matches!(node.kind().as_ref(), "string" | "template_string")
        .then(|| node.text().trim_matches(['"', '\'', '`']).to_owned())
}

/// A declared type without its colon.
fn annotation(node: &Node<'_>, field: &str) -> Option<String> {
    Some(
        node.field(field)?
            .text()
            .trim_start_matches(':')
            .trim()
            .to_owned(),
    )
}

/// The names of a chain, where it is one.
fn path(node: &Node<'_>) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut at = node.clone();
    for _ in 0..MAX_DEPTH_NODES {
        match at.kind().as_ref() {
            "identifier"
            | "shorthand_property_identifier"
            | "super"
            | "shorthand_property_identifier_pattern" => {
                names.push(at.text().into_owned());
            }
            "this" => names.push("self".to_owned()),
            "member_expression" => {
                names.push(plain_name(&at.field("property")?));
                at = at.field("object")?;
                continue;
            }
            "subscript_expression" => {
                names.push(literal(&at.field("index")?)?);
                at = at.field("object")?;
                continue;
            }
            "parenthesized_expression"
            | "non_null_expression"
            | "as_expression"
            | "await_expression" => {
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

fn chain<'t>(node: &Node<'t>) -> Role<'t> {
    if let Some(path) = path(node) {
        return Role::Path(path);
    }
    match (node.field("object"), node.field("property")) {
        (Some(of), Some(name)) => Role::Member {
            of,
            name: plain_name(&name),
        },
        _ => Role::Plain,
    }
}

fn subscript<'t>(node: &Node<'t>) -> Role<'t> {
    if let Some(path) = path(node) {
        return Role::Path(path);
    }
    match node.field("object") {
        Some(of) => Role::Index {
            of,
            slice: false,
            at: node.field("index").into_iter().collect(),
        },
        None => Role::Plain,
    }
}

/// What a callee is called on, and the node of its name.
fn callee<'t>(node: &Node<'t>) -> Option<(Option<Node<'t>>, Node<'t>)> {
    match node.kind().as_ref() {
        "identifier" | "super" | "import" => Some((None, node.clone())),
        "member_expression" => Some((Some(node.field("object")?), node.field("property")?)),
        "subscript_expression" => {
            let index = node
                .field("index")
                .filter(|index| index.kind() == "string")?;
            Some((Some(node.field("object")?), index))
        }
        "non_null_expression" | "parenthesized_expression" => {
            let inner = first(node)?;
            let plain = matches!(
                inner.kind().as_ref(),
                "identifier" | "member_expression" | "subscript_expression"
            );
            if plain { callee(&inner) } else { None }
        }
        _ => None,
    }
}

fn call<'t>(node: &Node<'t>) -> Role<'t> {
    let Some((receiver, name)) = node
        .field("function")
        .and_then(|function| callee(&function))
    else {
        return Role::Plain;
    };
    let mut args = node.field("arguments").map_or_else(Vec::new, |arguments| {
        match arguments.kind().as_ref() {
            "arguments" => values(&arguments),
            _ => vec![arguments],
        }
    });
    let (receiver, name) = match applied(receiver.as_ref(), &name, &args) {
        Some(method) => {
            args.remove(0);
            method
        }
        None => (receiver, name),
    };
    let text = literal(&name).unwrap_or_else(|| plain_name(&name));
    Role::Call(CallParts {
        receiver,
        name,
        text,
        constructs: false,
        args,
        piped: None,
    })
}

/// `redis.del.apply(redis, keys)` and `redis.get.call(redis, key)` are the method's own call.
fn applied<'t>(
    method: Option<&Node<'t>>,
    name: &Node<'t>,
    args: &[Node<'t>],
) -> Option<(Option<Node<'t>>, Node<'t>)> {
    let method = method.filter(|_| matches!(name.text().as_ref(), "apply" | "call"))?;
    let (owner, name) = callee(method)?;
    let same = owner.as_ref()?.text() == args.first()?.text();
    same.then_some((owner, name))
}

fn construct<'t>(node: &Node<'t>) -> Role<'t> {
    let Some((receiver, name)) = node
        .field("constructor")
        .and_then(|constructor| callee(&constructor))
    else {
        return Role::Plain;
    };
    let args = node
        .field("arguments")
        .map(|arguments| values(&arguments))
        .unwrap_or_default();
    let text = plain_name(&name);
    Role::Call(CallParts {
        receiver,
        name,
        text,
        constructs: true,
        args,
        piped: None,
    })
}

fn function<'t>(node: &Node<'t>) -> Role<'t> {
    let kind = node.kind();
    let method = kind == "method_definition";
    let lambda = matches!(
        kind.as_ref(),
        "arrow_function" | "function_expression" | "generator_function"
    );
    let body = node.field("body");
    let params = match (node.field("parameters"), node.field("parameter")) {
        (Some(list), _) => list
            .named_children()
            .flat_map(|param| params_of(&param))
            .collect(),
        (None, Some(one)) => vec![Param {
            name: one.text().into_owned(),
            declared: None,
        }],
        (None, None) => Vec::new(),
    };
    Role::Function(FunctionParts {
        name: node.field("name").map(|name| plain_name(&name)),
        params,
        returns: annotation(node, "return_type"),
        marks: if method {
            classes::marks(node)
        } else {
            Vec::new()
        },
        lambda,
        returns_last: body
            .as_ref()
            .is_some_and(|body| body.kind() != "statement_block"),
        inside: node.field("parameters").into_iter().chain(body).collect(),
    })
}

fn declarator<'t>(node: &Node<'t>) -> Role<'t> {
    let Some(name) = node.field("name") else {
        return Role::Plain;
    };
    let value = node.field("value");
    if let Some(import) = value
        .as_ref()
        .and_then(|value| required(node, &name, value))
    {
        return Role::Import(vec![import]);
    }
    let declared = annotation(node, "type");
    Role::Bind(vec![BindParts {
        targets: targets(&name),
        declared,
        value,
    }])
}

fn each<'t>(node: &Node<'t>) -> Role<'t> {
    let (Some(left), Some(iterable)) = (node.field("left"), node.field("right")) else {
        return Role::Plain;
    };
    Role::Each {
        names: pattern_names(&left),
        iterable,
        body: node.field("body").into_iter().collect(),
    }
}

fn pieces<'t>(node: &Node<'t>) -> Vec<TextPiece<'t>> {
    let piece = |child: Node<'t>| match child.kind().as_ref() {
        "string_fragment" => Some(TextPiece::Plain(child.text().into_owned(), child)),
        "escape_sequence" => Some(TextPiece::Plain(read_escapes(&child.text()), child)),
        "template_substitution" => Some(TextPiece::Hole(first(&child).unwrap_or(child))),
        _ => None,
    };
    node.named_children().filter_map(piece).collect()
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
        Some("+") => Role::Concat(vec![left, right]),
        Some("||" | "??") => Role::Choice {
            subject: None,
            before: Vec::new(),
            values: vec![left, right],
        },
        Some("&&") => Role::Choice {
            subject: None,
            before: vec![left],
            values: vec![right],
        },
        _ => Role::Plain,
    }
}

/// `+x` makes a number of `x`.
fn sign<'t>(node: &Node<'t>) -> Role<'t> {
    match (node.field("operator"), node.field("argument")) {
        (Some(plus), Some(of)) if plus.text() == "+" && of.kind() != "number" => {
            Role::Call(CallParts {
                receiver: None,
                text: "+".to_owned(),
                name: plus,
                constructs: false,
                args: vec![of],
                piped: None,
            })
        }
        _ => Role::Plain,
    }
}

fn object<'t>(node: &Node<'t>) -> Role<'t> {
    let pair = |child: Node<'t>| match child.kind().as_ref() {
        "pair" => {
            let key = child.field("key")?;
            let name = match key.kind().as_ref() {
                "property_identifier" | "number" => key.text().into_owned(),
                _ => literal(&key).unwrap_or_default(),
            };
            Some((name, child.field("value")?))
        }
        "shorthand_property_identifier" => Some((child.text().into_owned(), child)),
        "spread_element" => Some((String::new(), child)),
        _ => None,
    };
    Role::Map(node.named_children().filter_map(pair).collect())
}

#[cfg(test)]
mod tests;
