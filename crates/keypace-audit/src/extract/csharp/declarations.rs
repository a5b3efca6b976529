//! C#'s types, functions, properties and variables.
//! Must not walk or judge.

use super::{declared, targets};
use crate::extract::children::{bare_type, field_text, first, of_kind, values};
use crate::extract::grammar::{BindParts, ClassParts, FunctionParts, Role};
use crate::facts::Param;
use crate::syntax::Node;

/// The node of a type's own name.
pub(super) fn type_name<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    match node.kind().as_ref() {
        "identifier" => Some(node.clone()),
        "generic_name" => of_kind(node, "identifier"),
        "qualified_name" => type_name(&node.field("name")?),
        "nullable_type" => type_name(&first(node)?),
        _ => None,
    }
}

/// The key of `["a"] = x` in an initializer; empty where it is not a string.
pub(super) fn given(left: &Node<'_>) -> String {
    let key = left
        .dfs()
        .find(|inner| inner.kind() == "string_literal_content");
    key.map(|key| key.text().into_owned()).unwrap_or_default()
}

/// One or several variables; they are fields where the declaration is a field's.
pub(super) fn declaration<'t>(node: &Node<'t>) -> Role<'t> {
    let declared = declared(node);
    let one = |declarator: Node<'t>| {
        let inside = values(&declarator);
        let name = inside.first()?.clone();
        Some(BindParts {
            targets: targets(&name),
            declared: declared.clone(),
            value: inside
                .into_iter()
                .skip(1)
                .find(|inner| inner.kind() != "bracketed_argument_list"),
        })
    };
    let declarators = node
        .named_children()
        .filter(|child| child.kind() == "variable_declarator")
        .filter_map(one);
    Role::Bind(declarators.collect())
}

/// `IDatabase Db => mux.GetDatabase();` has that as its value; one with accessors is a declaration.
pub(super) fn property<'t>(node: &Node<'t>) -> Role<'t> {
    let Some(name) = field_text(node, "name") else {
        return Role::Plain;
    };
    let value = node.field("value").and_then(|value| {
        if value.kind() == "arrow_expression_clause" {
            first(&value)
        } else {
            Some(value)
        }
    });
    Role::Bind(vec![BindParts {
        targets: vec![vec![name]],
        declared: declared(node),
        value,
    }])
}

pub(super) fn function<'t>(node: &Node<'t>) -> Role<'t> {
    let accessor = node.kind() == "accessor_declaration";
    let name = if accessor {
        let property = node
            .ancestors()
            .find(|around| around.kind() == "property_declaration");
        property.and_then(|property| field_text(&property, "name"))
    } else {
        field_text(node, "name")
    };
    let body = node
        .field("body")
        .or_else(|| of_kind(node, "block"))
        .or_else(|| of_kind(node, "arrow_expression_clause"));
    if accessor && body.is_none() {
        return Role::Plain;
    }
    let returns = node.field("returns").or_else(|| node.field("type"));
    Role::Function(FunctionParts {
        name,
        params: params_of(node),
        returns: returns
            .map(|returns| returns.text().into_owned())
            .filter(|returns| returns != "void"),
        marks: marks(node),
        returns_last: body
            .as_ref()
            .is_some_and(|body| body.kind() == "arrow_expression_clause"),
        // A constructor's `: base(x)` runs before its body.
        inside: of_kind(node, "constructor_initializer")
            .into_iter()
            .chain(body)
            .collect(),
        ..FunctionParts::default()
    })
}

pub(super) fn lambda<'t>(node: &Node<'t>) -> Role<'t> {
    let body = node.field("body").or_else(|| of_kind(node, "block"));
    Role::Function(FunctionParts {
        params: params_of(node),
        lambda: true,
        returns_last: body.as_ref().is_some_and(|body| body.kind() != "block"),
        inside: body.into_iter().collect(),
        ..FunctionParts::default()
    })
}

fn params_of(node: &Node<'_>) -> Vec<Param> {
    node.field("parameters")
        .map(|list| params(&list))
        .unwrap_or_default()
}

/// Parameters with types, or only the names of a lambda's.
fn params(list: &Node<'_>) -> Vec<Param> {
    if list.kind() != "parameter_list" {
        return vec![Param {
            name: list.text().into_owned(),
            declared: None,
        }];
    }
    let one = |node: &Node<'_>| {
        Some(Param {
            name: field_text(node, "name")?,
            declared: declared(node),
        })
    };
    let mut all: Vec<_> = values(list)
        .iter()
        .filter(|child| child.kind() == "parameter")
        .filter_map(one)
        .collect();
    // `params string[] more` stands in the list itself.
    all.extend(one(list));
    all
}

/// Names of attributes.
fn marks(node: &Node<'_>) -> Vec<String> {
    node.named_children()
        .filter(|child| child.kind() == "attribute_list")
        .flat_map(|list| values(&list))
        .filter_map(|attribute| field_text(&attribute, "name"))
        .collect()
}

pub(super) fn class<'t>(node: &Node<'t>) -> Role<'t> {
    let mut fields = of_kind(node, "parameter_list")
        .map(|list| params(&list))
        .unwrap_or_default();
    let body = node.field("body");
    for member in body.iter().flat_map(values) {
        match member.kind().as_ref() {
            "field_declaration" => {
                let variables = of_kind(&member, "variable_declaration");
                fields.extend(variables.iter().flat_map(field_names));
            }
            "property_declaration" => {
                fields.extend(field_text(&member, "name").map(|name| Param {
                    name,
                    declared: declared(&member),
                }))
            }
            _ => {}
        }
    }
    let bases = of_kind(node, "base_list");
    let bases = bases
        .iter()
        .flat_map(values)
        .filter(|base| base.kind() != "argument_list")
        .map(|base| match base.kind().as_ref() {
            "primary_constructor_base_type" => base.field("type").unwrap_or(base),
            _ => base,
        })
        .map(|base| bare_type(&base.text()));
    Role::Class(ClassParts {
        name: field_text(node, "name").unwrap_or_default(),
        bases: bases.collect(),
        fields,
        inside: body.iter().flat_map(values).collect(),
    })
}

fn field_names(variables: &Node<'_>) -> Vec<Param> {
    let declared = declared(variables);
    variables
        .named_children()
        .filter(|child| child.kind() == "variable_declarator")
        .filter_map(|declarator| field_text(&declarator, "name"))
        .map(|name| Param {
            name,
            declared: declared.clone(),
        })
        .collect()
}
