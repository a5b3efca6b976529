//! PHP's declarations: imports, classes, functions, and the types that stand in comments above them.
//! Must not walk or judge.

use super::super::children::{field_text, first, of_kind, span, text, values};
use super::super::grammar::{ClassParts, FunctionParts, Role};
use crate::facts::{Import, Param};
use crate::syntax::Node;

/// `use A\B as C;`, `use A\{B, C as D};`
pub(super) fn imports(node: &Node<'_>) -> Vec<Import> {
    let group = node.field("body");
    let prefix = group
        .as_ref()
        .and_then(|_| first(node))
        .map(|prefix| format!("{}\\", prefix.text()))
        .unwrap_or_default();
    let clause = |clause: Node<'_>| {
        let alias = field_text(&clause, "alias");
        let named = first(&clause)?;
        let module = format!("{prefix}{}", named.text());
        let module = module.trim_start_matches('\\').to_owned();
        let last = module.rsplit('\\').next().unwrap_or(&module).to_owned();
        Some(Import {
            names: vec![(String::new(), alias.unwrap_or(last))],
            module,
            span: span(node),
        })
    };
    values(group.as_ref().unwrap_or(node))
        .into_iter()
        .filter(|child| child.kind() == "namespace_use_clause")
        .filter_map(clause)
        .collect()
}

/// The class that a type names: the first of `?\Redis`, `Redis|null`; none where it is a word of the language.
pub(super) fn class_of(written: &str) -> Option<String> {
    written
        .split(['|', '&'])
        .map(|part| part.trim().trim_start_matches('?').trim_start_matches('\\'))
        .find(|name| !name.is_empty() && !is_builtin(name))
        .map(str::to_owned)
}

fn is_builtin(name: &str) -> bool {
    matches!(
        name.to_ascii_lowercase().as_str(),
        "array"
            | "bool"
            | "callable"
            | "false"
            | "float"
            | "int"
            | "iterable"
            | "mixed"
            | "never"
            | "null"
            | "object"
            | "string"
            | "true"
            | "void"
    )
}

fn declared_type(node: &Node<'_>) -> Option<String> {
    class_of(&field_text(node, "type")?)
}

/// The comment right above.
fn comment_above(node: &Node<'_>) -> Option<String> {
    node.prev()
        .filter(|before| before.kind() == "comment")
        .map(|comment| text(&comment))
}

/// `@var \Redis` and `@param Redis $redis`: the type after the tag, where the name fits.
fn documented(comment: &str, tag: &str, name: Option<&str>) -> Option<String> {
    comment.lines().find_map(|line| {
        let mut words = line[line.find(tag)? + tag.len()..].split_whitespace();
        let declared = words.next()?;
        let fits = name.is_none_or(|name| {
            words
                .next()
                .is_some_and(|word| word.trim_start_matches(['&', '$']) == name)
        });
        fits.then(|| class_of(declared)).flatten()
    })
}

pub(super) fn class<'t>(node: &Node<'t>) -> Role<'t> {
    let body = node.field("body");
    let members = body.as_ref().map(values).unwrap_or_default();
    let plain = |name: &Node<'_>| name.text().trim_start_matches('\\').to_owned();
    let mut bases: Vec<String> = ["base_clause", "class_interface_clause"]
        .iter()
        .filter_map(|clause| of_kind(node, clause))
        .flat_map(|clause| values(&clause))
        .map(|base| plain(&base))
        .collect();
    let mut fields = Vec::new();
    for member in &members {
        match member.kind().as_ref() {
            "use_declaration" => bases.extend(
                values(member)
                    .iter()
                    .filter(|used| used.kind().ends_with("name"))
                    .map(plain),
            ),
            "property_declaration" => fields.extend(properties(member)),
            "method_declaration" => fields.extend(promoted(member)),
            _ => {}
        }
    }
    Role::Class(ClassParts {
        name: field_text(node, "name").unwrap_or_default(),
        bases,
        fields,
        inside: body.into_iter().collect(),
    })
}

fn properties(member: &Node<'_>) -> Vec<Param> {
    let declared =
        declared_type(member).or_else(|| documented(&comment_above(member)?, "@var", None));
    let Some(declared) = declared else {
        return Vec::new();
    };
    let name = |element: Node<'_>| {
        let name = field_text(&element, "name")?;
        Some(Param {
            name: name.trim_start_matches('$').to_owned(),
            declared: Some(declared.clone()),
        })
    };
    values(member)
        .into_iter()
        .filter(|part| part.kind() == "property_element")
        .filter_map(name)
        .collect()
}

/// Parameters of a constructor that are fields as well.
fn promoted(method: &Node<'_>) -> Vec<Param> {
    let list = method.field("parameters");
    list.iter()
        .flat_map(values)
        .filter(|param| param.kind() == "property_promotion_parameter")
        .filter_map(|promoted| param(&promoted))
        .collect()
}

fn param(node: &Node<'_>) -> Option<Param> {
    let name = field_text(node, "name")?;
    Some(Param {
        name: name.trim_start_matches(['&', '$', '.']).to_owned(),
        declared: declared_type(node),
    })
}

pub(super) fn params(list: &Node<'_>) -> Vec<Param> {
    values(list).iter().filter_map(param).collect()
}

pub(super) fn function<'t>(node: &Node<'t>) -> Role<'t> {
    let list = node.field("parameters");
    let mut named = list.as_ref().map(params).unwrap_or_default();
    if let Some(comment) = comment_above(node) {
        for param in &mut named {
            if param.declared.is_none() {
                param.declared = documented(&comment, "@param", Some(&param.name));
            }
        }
    }
    let marks = node
        .field("attributes")
        .iter()
        .flat_map(|list| list.dfs().collect::<Vec<_>>())
        .filter(|attribute| attribute.kind() == "attribute")
        .filter_map(|attribute| first(&attribute).map(|name| text(&name)))
        .collect();
    let returns = field_text(node, "return_type").and_then(|written| class_of(&written));
    Role::Function(FunctionParts {
        name: field_text(node, "name"),
        params: named,
        returns: returns.or_else(|| documented(&comment_above(node)?, "@return", None)),
        marks,
        inside: list.into_iter().chain(node.field("body")).collect(),
        ..FunctionParts::default()
    })
}
