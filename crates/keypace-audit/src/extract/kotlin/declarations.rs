//! Kotlin's functions, classes, objects and properties.
//! Must not walk or judge.

use super::{bases, declared, declared_names, is_type, is_variable, own_name, param};
use crate::extract::children::{bare_type, first, has_token, last, of_kind, values};
use crate::extract::grammar::{BindParts, ClassParts, FunctionParts, Role};
use crate::facts::Param;
use crate::syntax::Node;

pub(super) fn function<'t>(node: &Node<'t>) -> Role<'t> {
    let inside = values(node);
    let list = inside
        .iter()
        .find(|child| child.kind() == "function_value_parameters");
    let mut params: Vec<_> = list.iter().flat_map(|list| params(list)).collect();
    if let Some(receiver) = node.field("receiver") {
        params.push(Param {
            name: "self".to_owned(),
            declared: Some(receiver.text().into_owned()),
        });
    }
    let returns = inside
        .iter()
        .skip_while(|child| child.kind() != "function_value_parameters")
        .find(|child| is_type(child))
        .map(|written| written.text().into_owned());
    let constructor = node.kind() == "secondary_constructor";
    let name = if constructor {
        Some("constructor".to_owned())
    } else {
        own_name(node)
    };
    let body = inside
        .iter()
        .find(|child| matches!(child.kind().as_ref(), "function_body" | "statements"));
    Role::Function(FunctionParts {
        name,
        params,
        returns,
        marks: marks(node),
        lambda: node.kind() == "anonymous_function",
        inside: body.cloned().into_iter().collect(),
        returns_last: body.is_some_and(|body| has_token(body, "=")),
    })
}

fn params(list: &Node<'_>) -> Vec<Param> {
    values(list)
        .iter()
        .filter(|child| child.kind() == "parameter")
        .filter_map(param)
        .collect()
}

/// `val size: Int get() = ...`; one with an expression only is the property's value.
pub(super) fn getter<'t>(node: &Node<'t>) -> Role<'t> {
    let Some(body) = of_kind(node, "function_body") else {
        return Role::Plain;
    };
    let property = node
        .parent()
        .and_then(|property| of_kind(&property, "variable_declaration"));
    Role::Function(FunctionParts {
        name: property.and_then(|property| own_name(&property)),
        returns_last: has_token(&body, "="),
        inside: vec![body],
        ..FunctionParts::default()
    })
}

pub(super) fn lambda<'t>(node: &Node<'t>) -> Role<'t> {
    let given = of_kind(node, "lambda_parameters").map(|list| {
        let names = |one: &Node<'_>| -> Vec<Param> {
            let declared = declared(one);
            declared_names(one)
                .into_iter()
                .map(|name| Param {
                    name,
                    declared: declared.clone(),
                })
                .collect()
        };
        values(&list).iter().flat_map(names).collect()
    });
    let it = || {
        vec![Param {
            name: "it".to_owned(),
            declared: None,
        }]
    };
    Role::Function(FunctionParts {
        params: given.unwrap_or_else(it),
        lambda: true,
        inside: of_kind(node, "statements").into_iter().collect(),
        returns_last: true,
        ..FunctionParts::default()
    })
}

/// Names of annotations.
fn marks(node: &Node<'_>) -> Vec<String> {
    let modifiers = of_kind(node, "modifiers");
    modifiers
        .iter()
        .flat_map(values)
        .filter(|modifier| modifier.kind() == "annotation")
        .filter_map(|annotation| {
            let inner = first(&annotation)?;
            let named = of_kind(&inner, "user_type").unwrap_or(inner);
            Some(bare_type(&named.text()))
        })
        .collect()
}

pub(super) fn class<'t>(node: &Node<'t>) -> Role<'t> {
    let mut fields: Vec<_> = of_kind(node, "primary_constructor")
        .iter()
        .flat_map(values)
        .filter_map(|parameter| param(&parameter))
        .collect();
    let body = of_kind(node, "class_body").or_else(|| of_kind(node, "enum_class_body"));
    for member in body.iter().flat_map(values) {
        fields.extend(field(&member));
        if member.kind() == "companion_object" {
            let body = of_kind(&member, "class_body");
            fields.extend(
                body.iter()
                    .flat_map(values)
                    .filter_map(|member| field(&member)),
            );
        }
    }
    Role::Class(ClassParts {
        name: own_name(node).unwrap_or_default(),
        bases: bases(node),
        fields,
        inside: body.iter().flat_map(values).collect(),
    })
}

/// What the grammar reads as `object name lambda` is an object with a body.
pub(super) fn object_call<'t>(node: &Node<'t>) -> Option<Role<'t>> {
    let object = first(node).filter(|object| object.kind() == "object_literal")?;
    let lambda = last(node).filter(|last| last.kind() == "lambda_literal")?;
    let body = of_kind(&lambda, "statements");
    let body = body.iter().flat_map(values).collect::<Vec<_>>();
    Some(Role::Class(ClassParts {
        name: own_name(node).unwrap_or_default(),
        bases: bases(&object),
        fields: body.iter().filter_map(field).collect(),
        inside: body,
    }))
}

/// A property as a field.
fn field(member: &Node<'_>) -> Option<Param> {
    (member.kind() == "property_declaration")
        .then(|| of_kind(member, "variable_declaration"))?
        .and_then(|variable| param(&variable))
}

pub(super) fn property<'t>(node: &Node<'t>) -> Role<'t> {
    let inside = values(node);
    let Some(at) = inside.iter().position(is_variable) else {
        return Role::Plain;
    };
    let variable = &inside[at];
    let names = declared_names(variable);
    let value = inside
        .iter()
        .skip(at + 1)
        .find_map(|child| match child.kind().as_ref() {
            "property_delegate" => delegate(child),
            "getter" => computed(child),
            "setter" | "type_constraints" => None,
            _ if is_type(child) => None,
            _ => Some(child.clone()),
        });
    Role::Bind(vec![BindParts {
        targets: names
            .into_iter()
            .map(|name| {
                if name.is_empty() {
                    Vec::new()
                } else {
                    vec![name]
                }
            })
            .collect(),
        declared: declared(variable),
        value,
    }])
}

/// `by lazy { client.connect() }` is what the lambda gives; any other delegate is itself.
fn delegate<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    let made = first(node)?;
    if !made.text().starts_with("lazy") {
        return Some(made);
    }
    let lambda = made.dfs().find(|inner| inner.kind() == "lambda_literal")?;
    last(&of_kind(&lambda, "statements")?)
}

/// `get() = pool.resource`
fn computed<'t>(getter: &Node<'t>) -> Option<Node<'t>> {
    let body = of_kind(getter, "function_body").filter(|body| has_token(body, "="))?;
    first(&body)
}
