//! Classes, interfaces and their fields.
//! Must not know functions' bodies.

use super::{annotation, first, plain_name, values};
use crate::extract::grammar::{BindParts, ClassParts, Role};
use crate::facts::Param;
use crate::syntax::Node;

pub(super) fn class<'t>(node: &Node<'t>) -> Role<'t> {
    let body = node.field("body");
    let mut fields = Vec::new();
    for member in body.iter().flat_map(values) {
        match member.kind().as_ref() {
            "public_field_definition" => fields.extend(typed(&member)),
            "method_definition"
                if member
                    .field("name")
                    .is_some_and(|name| name.text() == "constructor") =>
            {
                fields.extend(promoted(&member));
            }
            _ => {}
        }
    }
    let heritage = node
        .named_children()
        .find(|child| child.kind() == "class_heritage");
    Role::Class(ClassParts {
        name: node
            .field("name")
            .map(|name| name.text().into_owned())
            .unwrap_or_default(),
        bases: heritage
            .map(|heritage| bases(&heritage))
            .unwrap_or_default(),
        fields,
        inside: body.into_iter().collect(),
    })
}

/// TypeScript's `namespace cache { ... }`: its functions are called on its name, as a class's own are.
pub(super) fn namespace<'t>(node: &Node<'t>) -> Role<'t> {
    Role::Class(ClassParts {
        name: node
            .field("name")
            .map(|name| name.text().into_owned())
            .unwrap_or_default(),
        bases: Vec::new(),
        fields: Vec::new(),
        inside: node.field("body").into_iter().collect(),
    })
}

pub(super) fn interface<'t>(node: &Node<'t>) -> Role<'t> {
    let body = node.field("body");
    let members: Vec<Node<'t>> = body.iter().flat_map(values).collect();
    Role::Class(ClassParts {
        name: node
            .field("name")
            .map(|name| name.text().into_owned())
            .unwrap_or_default(),
        bases: Vec::new(),
        fields: members
            .iter()
            .filter(|member| member.kind() == "property_signature")
            .filter_map(typed)
            .collect(),
        inside: Vec::new(),
    })
}

/// A field with a value binds `self.name`.
pub(super) fn field<'t>(node: &Node<'t>) -> Role<'t> {
    let name = node.field("name").or_else(|| node.field("property"));
    let (Some(name), Some(value)) = (name, node.field("value")) else {
        return Role::Plain;
    };
    let targets = vec![vec!["self".to_owned(), plain_name(&name)]];
    Role::Bind(vec![BindParts {
        targets,
        declared: annotation(node, "type"),
        value: Some(value),
    }])
}

/// Names of the decorators before a member.
pub(super) fn marks(member: &Node<'_>) -> Vec<String> {
    let mut marks = Vec::new();
    let mut before = member.prev();
    while let Some(decorator) = before.filter(|before| before.kind() == "decorator") {
        let named = first(&decorator);
        let named = named.and_then(|named| named.field("function").or(Some(named)));
        marks.extend(named.map(|named| named.text().into_owned()));
        before = decorator.prev();
    }
    marks.reverse();
    marks
}

fn typed(member: &Node<'_>) -> Option<Param> {
    let declared = annotation(member, "type")?;
    Some(Param {
        name: plain_name(&member.field("name")?),
        declared: Some(declared),
    })
}

/// Parameters of a constructor that are fields: `constructor(private readonly redis: Redis)`.
fn promoted(constructor: &Node<'_>) -> Vec<Param> {
    let Some(list) = constructor.field("parameters") else {
        return Vec::new();
    };
    let field = |param: Node<'_>| {
        let marked = param.children().any(|part| {
            matches!(
                part.kind().as_ref(),
                "accessibility_modifier" | "readonly" | "override_modifier"
            )
        });
        let name = param
            .field("pattern")
            .filter(|_| marked)?
            .text()
            .into_owned();
        Some(Param {
            name,
            declared: annotation(&param, "type"),
        })
    };
    list.named_children().filter_map(field).collect()
}

fn bases(heritage: &Node<'_>) -> Vec<String> {
    let mut bases = Vec::new();
    for clause in heritage.named_children() {
        match clause.kind().as_ref() {
            "extends_clause" => bases.extend(
                clause
                    .field_children("value")
                    .map(|value| value.text().into_owned()),
            ),
            "implements_clause" => {
                let name = |of: Node<'_>| of.field("name").unwrap_or(of).text().into_owned();
                bases.extend(clause.named_children().map(name));
            }
            "comment" => {}
            _ => bases.push(clause.text().into_owned()),
        }
    }
    bases
}
