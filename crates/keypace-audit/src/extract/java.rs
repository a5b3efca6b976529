//! Java's nodes.
//! Must not walk or judge.

use super::children::{
    bare_type, field_text, filled, first, has_token, last, of_kind, span, values,
};
use super::grammar::{BindParts, CallParts, ClassParts, FunctionParts, Grammar, Role, TextPiece};
use super::literal::read_escapes;
use crate::facts::{Import, Param};
use crate::limits::MAX_DEPTH_NODES;
use crate::syntax::Node;

#[cfg(test)]
mod tests;

/// Java, up to records and patterns.
pub(super) struct Java;

impl Grammar for Java {
    fn role<'t>(&self, node: &Node<'t>) -> Role<'t> {
        match node.kind().as_ref() {
            "line_comment" | "block_comment" => Role::Comment,
            "type_identifier"
            | "scoped_type_identifier"
            | "generic_type"
            | "array_type"
            | "integral_type"
            | "floating_point_type"
            | "boolean_type"
            | "void_type"
            | "type_arguments"
            | "type_parameters"
            | "marker_annotation"
            | "package_declaration"
            | "class_literal"
            | "dimensions"
            | "throws"
            | "catch_type" => Role::Skip,
            "import_declaration" => Role::Import(import(node).into_iter().collect()),
            "block" | "constructor_body" => Role::Block,
            "if_statement" | "switch_expression" | "switch_block" | "switch_rule" => Role::Branch,
            "ternary_expression" => choice(node),
            "expression_statement" => first(node).map_or(Role::Plain, Role::Statement),
            "return_statement" => Role::Return(first(node)),
            "parenthesized_expression" | "yield_statement" => {
                first(node).map_or(Role::Plain, Role::Through)
            }
            "cast_expression" => node.field("value").map_or(Role::Plain, Role::Through),
            "unary_expression" => unary(node),
            "identifier" => Role::Path(vec![node.text().into_owned()]),
            "this" | "super" => Role::Path(vec!["self".to_owned()]),
            "field_access" | "scoped_identifier" => member(node),
            "method_reference" => reference(node),
            "method_invocation" => method(node),
            "object_creation_expression" => creation(node),
            "explicit_constructor_invocation" => own_constructor(node),
            "array_creation_expression" => match node.field("value") {
                Some(given) => Role::List(values(&given)),
                None => Role::Plain,
            },
            "array_initializer" => Role::List(values(node)),
            "array_access" => match (node.field("array"), node.field("index")) {
                (Some(of), Some(at)) => Role::Index {
                    of,
                    slice: false,
                    at: vec![at],
                },
                _ => Role::Plain,
            },
            "binary_expression" => sum(node),
            "string_literal" => Role::Text(pieces(node)),
            "decimal_integer_literal" | "decimal_floating_point_literal" => Role::Number,
            "element_value_pair" => match (field_text(node, "key"), node.field("value")) {
                (Some(key), Some(value)) => Role::Named(key, value),
                _ => Role::Plain,
            },
            kind => statement(node, kind),
        }
    }

    fn loop_type(&self, node: &Node<'_>) -> Option<String> {
        field_text(node, "type").filter(|declared| declared != "var")
    }
}

fn statement<'t>(node: &Node<'t>, kind: &str) -> Role<'t> {
    match kind {
        "local_variable_declaration" | "field_declaration" | "constant_declaration" => {
            declaration(node)
        }
        "resource" if node.field("name").is_some() => {
            let name = field_text(node, "name").unwrap_or_default();
            Role::Bind(vec![bind(vec![name], declared(node), node.field("value"))])
        }
        // `o instanceof Jedis jedis`
        "instanceof_expression" => match field_text(node, "name") {
            Some(name) => {
                let declared = field_text(node, "right");
                Role::Bind(vec![bind(vec![name], declared, node.field("left"))])
            }
            None => Role::Plain,
        },
        "assignment_expression" => assignment(node),
        "enhanced_for_statement" => match (field_text(node, "name"), node.field("value")) {
            (Some(name), Some(iterable)) => Role::Each {
                names: vec![name],
                iterable,
                body: node.field("body").into_iter().collect(),
            },
            _ => Role::Plain,
        },
        "for_statement" | "while_statement" | "do_statement" => Role::While {
            condition: node.field("condition"),
            body: node.field("body").into_iter().collect(),
        },
        "method_declaration" | "constructor_declaration" | "compact_constructor_declaration" => {
            function(node)
        }
        "lambda_expression" => lambda(node),
        "class_declaration"
        | "interface_declaration"
        | "enum_declaration"
        | "record_declaration" => class(node),
        // The body after `new X()` is plain, so that what is in it still sees the class around it.
        _ => Role::Plain,
    }
}

fn import(node: &Node<'_>) -> Option<Import> {
    let path = first(node)?.text().into_owned();
    let all = of_kind(node, "asterisk").is_some();
    let (module, names) = match path.rsplit_once('.') {
        Some((module, name)) if !all => {
            (module.to_owned(), vec![(name.to_owned(), name.to_owned())])
        }
        _ => (path, Vec::new()),
    };
    Some(Import {
        module,
        names,
        span: span(node),
    })
}

/// The names of a chain, where it is one.
fn path(node: &Node<'_>) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut at = node.clone();
    for _ in 0..MAX_DEPTH_NODES {
        match at.kind().as_ref() {
            "identifier" => names.push(at.text().into_owned()),
            "this" | "super" => names.push("self".to_owned()),
            "field_access" => {
                names.push(field_text(&at, "field")?);
                at = at.field("object")?;
                continue;
            }
            "scoped_identifier" => {
                names.push(field_text(&at, "name")?);
                at = at.field("scope")?;
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
    if let Some(path) = path(node) {
        return Role::Path(path);
    }
    match (node.field("object"), field_text(node, "field")) {
        (Some(of), Some(name)) => Role::Member { of, name },
        _ => Role::Plain,
    }
}

/// `store::get`. `Session::new` is a constructor, whose name is no node.
fn reference<'t>(node: &Node<'t>) -> Role<'t> {
    match (first(node), last(node)) {
        (Some(of), Some(name)) if name.kind() == "identifier" => {
            let of = Some(of);
            Role::Reference { of, name }
        }
        (Some(of), _) => Role::Through(of),
        _ => Role::Plain,
    }
}

fn method<'t>(node: &Node<'t>) -> Role<'t> {
    let (Some(name), Some(arguments)) = (node.field("name"), node.field("arguments")) else {
        return Role::Plain;
    };
    let receiver = node.field("object");
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

/// Calls that say the same as what is given to them: bytes of a string, a list of some values, a filled template.
fn transparent<'t>(receiver: Option<&Node<'t>>, name: &str, args: &[Node<'t>]) -> Option<Role<'t>> {
    let class = receiver.and_then(path).and_then(|mut path| path.pop());
    let is_text = |node: &Node<'_>| node.kind() == "string_literal";
    match (name, args) {
        ("getBytes", _) => Some(Role::Through(receiver?.clone())),
        ("stripIndent" | "trim" | "strip", []) if is_text(receiver?) => {
            Some(Role::Through(receiver?.clone()))
        }
        ("requireNonNull", [inner, ..]) => Some(Role::Through(inner.clone())),
        ("encode", [inner]) if class.as_deref() == Some("SafeEncoder") => {
            Some(Role::Through(inner.clone()))
        }
        ("formatted", _) if is_text(receiver?) => {
            filled(pieces(receiver?), '%', args.to_vec()).map(Role::Text)
        }
        ("format", [template, by @ ..])
            if class.as_deref() == Some("String") && is_text(template) =>
        {
            filled(pieces(template), '%', by.to_vec()).map(Role::Text)
        }
        ("of", [_, ..]) => matches!(
            class?.as_str(),
            "List" | "Set" | "ImmutableList" | "ImmutableSet"
        )
        .then(|| Role::List(args.to_vec())),
        ("singletonList" | "singleton", [_]) => Some(Role::List(args.to_vec())),
        // One argument may be an array, whose length isn't one.
        ("asList", [_, _, ..]) => Some(Role::List(args.to_vec())),
        ("asList", [only]) if is_text(only) => Some(Role::List(args.to_vec())),
        _ => None,
    }
}

fn creation<'t>(node: &Node<'t>) -> Role<'t> {
    let Some(name) = node.field("type").and_then(|made| type_name(&made)) else {
        return Role::Plain;
    };
    let args = node.field("arguments").map(|list| values(&list));
    Role::Call(CallParts {
        receiver: None,
        text: name.text().into_owned(),
        name,
        constructs: true,
        args: args.unwrap_or_default(),
        piped: None,
    })
}

/// The node of a type's own name.
fn type_name<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    match node.kind().as_ref() {
        "type_identifier" => Some(node.clone()),
        "generic_type" => type_name(&first(node)?),
        "scoped_type_identifier" => last(node),
        _ => None,
    }
}

/// `super(redis)`, `this(redis)`
fn own_constructor<'t>(node: &Node<'t>) -> Role<'t> {
    match (node.field("constructor"), node.field("arguments")) {
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

fn choice<'t>(node: &Node<'t>) -> Role<'t> {
    let values = node.field("consequence").into_iter();
    Role::Choice {
        subject: None,
        before: node.field("condition").into_iter().collect(),
        values: values.chain(node.field("alternative")).collect(),
    }
}

fn unary<'t>(node: &Node<'t>) -> Role<'t> {
    match node.field("operand") {
        Some(operand) if operand.kind() == "decimal_integer_literal" => Role::Number,
        Some(operand) => Role::Through(operand),
        None => Role::Plain,
    }
}

fn sum<'t>(node: &Node<'t>) -> Role<'t> {
    match (node.field("left"), node.field("right")) {
        (Some(left), Some(right)) if has_token(node, "+") => Role::Concat(vec![left, right]),
        _ => Role::Plain,
    }
}

fn pieces<'t>(literal: &Node<'t>) -> Vec<TextPiece<'t>> {
    literal
        .named_children()
        .map(|child| TextPiece::Plain(read_escapes(&child.text()), child))
        .collect()
}

fn bind<'t>(
    target: Vec<String>,
    declared: Option<String>,
    value: Option<Node<'t>>,
) -> BindParts<'t> {
    BindParts {
        targets: vec![target],
        declared,
        value,
    }
}

fn declared(node: &Node<'_>) -> Option<String> {
    field_text(node, "type").filter(|declared| declared != "var")
}

fn declaration<'t>(node: &Node<'t>) -> Role<'t> {
    let declared = declared(node);
    let one = |declarator: Node<'t>| {
        let name = field_text(&declarator, "name")?;
        Some(bind(
            vec![name],
            declared.clone(),
            declarator.field("value"),
        ))
    };
    let declarators = node
        .field_children("declarator")
        .filter(Node::is_named)
        .filter_map(one);
    Role::Bind(declarators.collect())
}

fn assignment<'t>(node: &Node<'t>) -> Role<'t> {
    // `+=` changes numbers and strings only; neither is a value of its own.
    match node.field("left") {
        Some(left) if has_token(node, "=") => {
            let target = path(&left).unwrap_or_default();
            Role::Bind(vec![bind(target, None, node.field("right"))])
        }
        _ => Role::Plain,
    }
}

fn function<'t>(node: &Node<'t>) -> Role<'t> {
    let parameters = node.field("parameters");
    Role::Function(FunctionParts {
        name: field_text(node, "name"),
        params: parameters.iter().flat_map(params).collect(),
        returns: field_text(node, "type").filter(|returned| returned != "void"),
        marks: marks(node),
        inside: node.field("body").into_iter().collect(),
        ..FunctionParts::default()
    })
}

fn lambda<'t>(node: &Node<'t>) -> Role<'t> {
    let body = node.field("body");
    Role::Function(FunctionParts {
        params: node.field("parameters").iter().flat_map(params).collect(),
        lambda: true,
        returns_last: body.as_ref().is_some_and(|body| body.kind() != "block"),
        inside: body.into_iter().collect(),
        ..FunctionParts::default()
    })
}

/// Parameters with types, or only the names of a lambda's.
fn params(list: &Node<'_>) -> Vec<Param> {
    let plain = |name: &Node<'_>| Param {
        name: name.text().into_owned(),
        declared: None,
    };
    if list.kind() == "identifier" {
        return vec![plain(list)];
    }
    let one = |node: Node<'_>| match node.kind().as_ref() {
        "identifier" => Some(plain(&node)),
        "formal_parameter" => Some(Param {
            name: field_text(&node, "name")?,
            declared: declared(&node),
        }),
        "spread_parameter" => {
            let written = values(&node).into_iter().find(|child| {
                !matches!(child.kind().as_ref(), "modifiers" | "variable_declarator")
            })?;
            Some(Param {
                name: field_text(&of_kind(&node, "variable_declarator")?, "name")?,
                declared: Some(format!("{}...", written.text())),
            })
        }
        _ => None,
    };
    values(list).into_iter().filter_map(one).collect()
}

/// Names of annotations.
fn marks(node: &Node<'_>) -> Vec<String> {
    let modifiers = of_kind(node, "modifiers");
    let marks = modifiers.iter().flat_map(values);
    marks.filter_map(|mark| field_text(&mark, "name")).collect()
}

fn class<'t>(node: &Node<'t>) -> Role<'t> {
    let mut bases = Vec::new();
    for child in node.named_children() {
        match child.kind().as_ref() {
            "superclass" => bases.extend(first(&child)),
            "super_interfaces" | "extends_interfaces" => {
                bases.extend(first(&child).iter().flat_map(values));
            }
            _ => {}
        }
    }
    let body = node.field("body");
    let mut all = node
        .field("parameters")
        .map(|list| params(&list))
        .unwrap_or_default();
    all.extend(body.iter().flat_map(fields));
    Role::Class(ClassParts {
        name: field_text(node, "name").unwrap_or_default(),
        bases: bases.iter().map(|base| bare_type(&base.text())).collect(),
        fields: all,
        inside: body.iter().flat_map(values).collect(),
    })
}

fn fields(body: &Node<'_>) -> Vec<Param> {
    let of_one = |field: Node<'_>| -> Vec<Param> {
        let declared = declared(&field);
        field
            .field_children("declarator")
            .filter_map(|declarator| field_text(&declarator, "name"))
            .map(|name| Param {
                name,
                declared: declared.clone(),
            })
            .collect()
    };
    let inside = values(body).into_iter().flat_map(|child| {
        if child.kind() == "enum_body_declarations" {
            values(&child)
        } else {
            vec![child]
        }
    });
    inside
        .filter(|child| {
            matches!(
                child.kind().as_ref(),
                "field_declaration" | "constant_declaration"
            )
        })
        .flat_map(of_one)
        .collect()
}
