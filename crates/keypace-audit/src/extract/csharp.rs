//! C#'s nodes: expressions and statements.
//! Must not walk or judge.

use super::children::{field_text, filled, first, has_token, last, of_kind, span, values};
use super::grammar::{BindParts, CallParts, Grammar, Role, TextPiece};
use super::literal::read_escapes;
use crate::facts::Import;
use crate::syntax::Node;

mod chain;
mod declarations;

#[cfg(test)]
mod tests;

use self::chain::{callee, member, method_group, path};
use self::declarations::{class, declaration, function, given, lambda, property, type_name};

/// C#, up to collection expressions and primary constructors.
pub(super) struct CSharp;

impl Grammar for CSharp {
    fn role<'t>(&self, node: &Node<'t>) -> Role<'t> {
        match node.kind().as_ref() {
            "comment" => Role::Comment,
            "nullable_type"
            | "array_type"
            | "pointer_type"
            | "generic_name"
            | "implicit_type"
            | "type_parameter_list"
            | "type_argument_list"
            | "modifier"
            | "type_parameter_constraints_clause"
            | "tuple_type" => Role::Skip,
            "using_directive" => Role::Import(import(node).into_iter().collect()),
            "block" | "switch_section" | "accessor_list" => Role::Block,
            "if_statement" | "arrow_expression_clause" => Role::Branch,
            "expression_statement" => first(node).map_or(Role::Plain, Role::Statement),
            "return_statement" => Role::Return(first(node)),
            "conditional_expression" | "switch_expression" => choice(node),
            "await_expression"
            | "parenthesized_expression"
            | "checked_expression"
            | "ref_expression"
            | "collection_element"
            | "expression_element"
            | "constant_pattern" => first(node).map_or(Role::Plain, Role::Through),
            "yield_statement" => first(node).map_or(Role::Plain, Role::Yield),
            "cast_expression" => cast(node),
            "as_expression" => node.field("left").map_or(Role::Plain, Role::Through),
            "prefix_unary_expression" => unary(node),
            "postfix_unary_expression" if has_token(node, "!") => {
                first(node).map_or(Role::Plain, Role::Through)
            }
            "identifier"
            | "predefined_type"
            | "this"
            | "base"
            | "this_expression"
            | "base_expression"
            | "member_access_expression"
            | "qualified_name"
            | "conditional_access_expression" => member(node),
            "invocation_expression" => call(node),
            "object_creation_expression" | "implicit_object_creation_expression" => creation(node),
            "constructor_initializer" => own_constructor(node),
            "array_creation_expression"
            | "implicit_array_creation_expression"
            | "stackalloc_expression" => match of_kind(node, "initializer_expression") {
                Some(given) => Role::List(values(&given)),
                None => Role::Plain,
            },
            "initializer_expression" | "collection_expression" | "tuple_expression" => {
                Role::List(values(node))
            }
            "spread_element" => first(node).map_or(Role::Plain, Role::Spread),
            "argument" | "attribute_argument" => argument(node),
            "element_access_expression" => index(node),
            "binary_expression" => binary(node),
            "string_literal"
            | "verbatim_string_literal"
            | "raw_string_literal"
            | "interpolated_string_expression" => Role::Text(pieces(node)),
            "integer_literal" | "real_literal" => Role::Number,
            kind => statement(node, kind),
        }
    }

    fn loop_type(&self, node: &Node<'_>) -> Option<String> {
        declared(node)
    }
}

fn statement<'t>(node: &Node<'t>, kind: &str) -> Role<'t> {
    match kind {
        "variable_declaration" => declaration(node),
        "assignment_expression" => assignment(node),
        // `out var x`, `o is IDatabase db`
        "declaration_expression" | "declaration_pattern" => match field_text(node, "name") {
            Some(name) => bind(vec![vec![name]], declared(node), None),
            None => Role::Plain,
        },
        "property_declaration" => property(node),
        "foreach_statement" => match (node.field("left"), node.field("right")) {
            (Some(left), Some(iterable)) => Role::Each {
                names: targets(&left).into_iter().flatten().collect(),
                iterable,
                body: node.field("body").into_iter().collect(),
            },
            _ => Role::Plain,
        },
        "query_expression" => query(node),
        "for_statement" | "while_statement" | "do_statement" => Role::While {
            condition: node.field("condition"),
            body: node.field("body").into_iter().collect(),
        },
        "method_declaration"
        | "constructor_declaration"
        | "destructor_declaration"
        | "local_function_statement"
        | "operator_declaration"
        | "conversion_operator_declaration"
        | "accessor_declaration" => function(node),
        "lambda_expression" | "anonymous_method_expression" => lambda(node),
        "class_declaration"
        | "interface_declaration"
        | "struct_declaration"
        | "record_declaration"
        | "record_struct_declaration" => class(node),
        _ => Role::Plain,
    }
}

/// `using StackExchange.Redis;`, `using R = StackExchange.Redis.IDatabase;`
fn import(node: &Node<'_>) -> Option<Import> {
    let path = last(node)?.text().into_owned();
    let (module, names) = match (field_text(node, "name"), path.rsplit_once('.')) {
        (Some(here), Some((module, name))) => (module.to_owned(), vec![(name.to_owned(), here)]),
        _ => (path, Vec::new()),
    };
    Some(Import {
        module,
        names,
        span: span(node),
    })
}

fn declared(node: &Node<'_>) -> Option<String> {
    let written = node.field("type")?;
    (written.kind() != "implicit_type").then(|| written.text().into_owned())
}

fn call<'t>(node: &Node<'t>) -> Role<'t> {
    let (Some(called), Some(arguments)) = (node.field("function"), node.field("arguments")) else {
        return Role::Plain;
    };
    let Some((receiver, name)) = callee(&called) else {
        return Role::Plain;
    };
    let args = values(&arguments);
    let text = name.text().into_owned();
    if let Some(role) = transparent(receiver.as_ref(), &text, &args) {
        return role;
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

/// Calls that say the same as what is given to them: bytes of a string, a filled template, joined strings.
fn transparent<'t>(receiver: Option<&Node<'t>>, name: &str, args: &[Node<'t>]) -> Option<Role<'t>> {
    let of = receiver.map(|receiver| receiver.text().into_owned())?;
    let string = matches!(of.as_str(), "string" | "String");
    match (name, args) {
        ("GetBytes", [inner]) if of.contains("Encoding") => Some(Role::Through(inner.clone())),
        ("Concat", _) if string => Some(Role::Concat(args.to_vec())),
        ("Format", [template, by @ ..]) if string => {
            let template = first(template)?;
            is_text(&template)
                .then(|| filled(pieces(&template), '{', by.to_vec()))?
                .map(Role::Text)
        }
        _ => None,
    }
}

fn is_text(node: &Node<'_>) -> bool {
    matches!(
        node.kind().as_ref(),
        "string_literal" | "verbatim_string_literal" | "raw_string_literal"
    )
}

fn creation<'t>(node: &Node<'t>) -> Role<'t> {
    let initializer = of_kind(node, "initializer_expression");
    let inside = initializer.iter().flat_map(values).collect::<Vec<_>>();
    let arguments = of_kind(node, "argument_list");
    let mut args: Vec<_> = arguments.iter().flat_map(values).collect();
    let elements = |inside: &[Node<'_>]| {
        !inside.iter().any(|one| {
            matches!(
                one.kind().as_ref(),
                "assignment_expression" | "initializer_expression"
            )
        })
    };
    if !inside.is_empty() && args.is_empty() && elements(&inside) {
        return Role::List(inside);
    }
    args.extend(inside);
    let made = match node.field("type") {
        Some(made) => type_name(&made),
        // `IDatabase db = new();` makes what is declared.
        None => node
            .ancestors()
            .take_while(|around| around.kind() != "block")
            .find_map(|around| around.field("type"))
            .and_then(|made| type_name(&made)),
    };
    let Some(name) = made else {
        return Role::Plain;
    };
    Role::Call(CallParts {
        receiver: None,
        text: name.text().into_owned(),
        name,
        constructs: true,
        args,
        piped: None,
    })
}

/// `: base(db)`, `: this(db)`
fn own_constructor<'t>(node: &Node<'t>) -> Role<'t> {
    let name = node
        .children()
        .find(|child| matches!(child.kind().as_ref(), "base" | "this"));
    match (name, of_kind(node, "argument_list")) {
        (Some(name), Some(arguments)) => Role::Call(CallParts {
            receiver: None,
            text: name.text().into_owned(),
            name,
            constructs: false,
            args: values(&arguments),
            piped: None,
        }),
        _ => Role::Plain,
    }
}

fn argument<'t>(node: &Node<'t>) -> Role<'t> {
    let Some(value) = last(node) else {
        return Role::Plain;
    };
    match field_text(node, "name") {
        Some(name) if value.text() != name.as_str() || has_token(node, ":") => {
            Role::Named(name, value)
        }
        _ => method_group(node, &value).unwrap_or(Role::Through(value)),
    }
}

fn index<'t>(node: &Node<'t>) -> Role<'t> {
    let Some(of) = node.field("expression") else {
        return Role::Plain;
    };
    let at = node.field("subscript").map(|list| values(&list));
    let at = at.unwrap_or_default();
    let slice =
        |index: &Node<'_>| first(index).is_some_and(|index| index.kind() == "range_expression");
    Role::Index {
        of,
        slice: at.iter().any(slice),
        at,
    }
}

/// `a ? b : c`, `x switch { 1 => b, _ => c }`
fn choice<'t>(node: &Node<'t>) -> Role<'t> {
    let arms = node
        .named_children()
        .filter(|child| child.kind() == "switch_expression_arm")
        .filter_map(|arm| last(&arm));
    let values = node.field("consequence").into_iter();
    Role::Choice {
        subject: None,
        before: node.field("condition").into_iter().collect(),
        values: values
            .chain(node.field("alternative"))
            .chain(arms)
            .collect(),
    }
}

/// `(T)x` is x; a number's type may be too small for it, which rules want to see.
fn cast<'t>(node: &Node<'t>) -> Role<'t> {
    let Some(value) = node.field("value") else {
        return Role::Plain;
    };
    match node.field("type") {
        Some(to) if matches!(to.text().as_ref(), "int" | "long" | "uint" | "short") => {
            Role::Call(CallParts {
                receiver: None,
                text: to.text().into_owned(),
                name: to,
                constructs: false,
                args: vec![value],
                piped: None,
            })
        }
        _ => Role::Through(value),
    }
}

fn unary<'t>(node: &Node<'t>) -> Role<'t> {
    match first(node) {
        Some(operand) if operand.kind() == "integer_literal" => Role::Number,
        Some(operand) => Role::Through(operand),
        None => Role::Plain,
    }
}

fn binary<'t>(node: &Node<'t>) -> Role<'t> {
    match (node.field("left"), node.field("right")) {
        (Some(left), Some(right)) if has_token(node, "+") => Role::Concat(vec![left, right]),
        (Some(left), Some(right)) if has_token(node, "??") => Role::Choice {
            subject: None,
            before: Vec::new(),
            values: vec![left, right],
        },
        _ => Role::Plain,
    }
}

fn pieces<'t>(literal: &Node<'t>) -> Vec<TextPiece<'t>> {
    if literal.kind() == "verbatim_string_literal" {
        let text = literal.text();
        let inner = text.strip_prefix("@\"").unwrap_or(&text);
        let inner = inner.strip_suffix('"').unwrap_or(inner);
        let start = literal.range().end - 1 - inner.len();
        return vec![TextPiece::Within(
            inner.replace("\"\"", "\""),
            start..start + inner.len(),
        )];
    }
    let verbatim =
        of_kind(literal, "interpolation_start").is_some_and(|start| start.text().contains('@'));
    let mut pieces = Vec::new();
    for child in literal.named_children() {
        match child.kind().as_ref() {
            "string_literal_content" | "escape_sequence" => {
                pieces.push(TextPiece::Plain(read_escapes(&child.text()), child));
            }
            "raw_string_content" => {
                pieces.push(TextPiece::Plain(child.text().into_owned(), child));
            }
            "string_content" => {
                let text = child.text().replace("{{", "{").replace("}}", "}");
                let text = if verbatim {
                    text.replace("\"\"", "\"")
                } else {
                    read_escapes(&text)
                };
                pieces.push(TextPiece::Plain(text, child));
            }
            "interpolation" => {
                let hole = child
                    .named_children()
                    .find(|inner| inner.kind() != "interpolation_brace");
                pieces.push(TextPiece::Hole(hole.unwrap_or(child)));
            }
            _ => {}
        }
    }
    pieces
}

fn bind<'t>(
    targets: Vec<Vec<String>>,
    declared: Option<String>,
    value: Option<Node<'t>>,
) -> Role<'t> {
    Role::Bind(vec![BindParts {
        targets,
        declared,
        value,
    }])
}

/// The names that are given a value; an element and `_` have none.
fn targets(left: &Node<'_>) -> Vec<Vec<String>> {
    let one = |node: &Node<'_>| {
        let node = match node.kind().as_ref() {
            "argument" | "declaration_expression" => last(node).unwrap_or_else(|| node.clone()),
            _ => node.clone(),
        };
        path(&node)
            .filter(|path| path.iter().all(|name| name != "_"))
            .unwrap_or_default()
    };
    match left.kind().as_ref() {
        "tuple_pattern" | "tuple_expression" => values(left).iter().map(one).collect(),
        _ => vec![one(left)],
    }
}

fn assignment<'t>(node: &Node<'t>) -> Role<'t> {
    let (Some(left), Some(right)) = (node.field("left"), node.field("right")) else {
        return Role::Plain;
    };
    if node
        .parent()
        .is_some_and(|around| around.kind() == "initializer_expression")
    {
        let name = if left.kind() == "identifier" {
            left.text().into_owned()
        } else {
            given(&left)
        };
        return Role::Named(name, right);
    }
    // `??=` gives a value too; `+=` changes numbers and strings only.
    if !has_token(node, "=") && !has_token(node, "??=") {
        return Role::Plain;
    }
    bind(targets(&left), None, Some(right))
}

/// `from k in keys where ... select ...`
fn query<'t>(node: &Node<'t>) -> Role<'t> {
    let Some(from) = of_kind(node, "from_clause") else {
        return Role::Plain;
    };
    match (field_text(&from, "name"), last(&from)) {
        (Some(name), Some(iterable)) => Role::Each {
            names: vec![name],
            iterable,
            body: values(node).into_iter().skip(1).collect(),
        },
        _ => Role::Plain,
    }
}
