//! Names that parameters, declarations and assignments bind, whole or taken apart.
//! Must not know what they are bound to.

use super::{annotation, first, path, values};
use crate::facts::Param;
use crate::syntax::Node;

/// A parameter's names; several where it is taken apart.
pub(super) fn params_of(param: &Node<'_>) -> Vec<Param> {
    match param.kind().as_ref() {
        "required_parameter" | "optional_parameter" => {
            let Some(pattern) = param.field("pattern") else {
                return Vec::new();
            };
            if pattern.kind() == "object_pattern" {
                return taken_apart(&pattern, param.field("type").as_ref());
            }
            let name = pattern_names(&pattern)
                .into_iter()
                .next()
                .unwrap_or_default();
            vec![Param {
                name,
                declared: annotation(param, "type"),
            }]
        }
        "assignment_pattern" => param
            .field("left")
            .map(|left| params_of(&left))
            .unwrap_or_default(),
        "object_pattern" => taken_apart(param, None),
        "identifier" | "rest_pattern" | "array_pattern" => {
            let names = pattern_names(param);
            names
                .into_iter()
                .map(|name| Param {
                    name,
                    declared: None,
                })
                .collect()
        }
        _ => Vec::new(),
    }
}

/// `{ redis, key }: { redis: Redis; key: string }`: each name with its own type.
fn taken_apart(pattern: &Node<'_>, declared: Option<&Node<'_>>) -> Vec<Param> {
    let shape = declared
        .and_then(first)
        .filter(|shape| shape.kind() == "object_type");
    let members: Vec<Node<'_>> = shape.iter().flat_map(values).collect();
    let type_of = |name: &str| {
        let member = members.iter().find(|member| {
            member
                .field("name")
                .is_some_and(|named| named.text() == name)
        })?;
        annotation(member, "type")
    };
    let names = pattern_names(pattern).into_iter();
    names
        .map(|name| Param {
            declared: type_of(&name),
            name,
        })
        .collect()
}

/// The names that a pattern binds, in order; values for what is missing are not among them.
pub(super) fn pattern_names(pattern: &Node<'_>) -> Vec<String> {
    let mut names = Vec::new();
    let mut open = vec![pattern.clone()];
    while let Some(part) = open.pop() {
        match part.kind().as_ref() {
            "identifier" | "shorthand_property_identifier_pattern" | "this" => {
                names.push(part.text().into_owned())
            }
            "assignment_pattern" | "object_assignment_pattern" => open.extend(part.field("left")),
            "pair_pattern" => open.extend(part.field("value")),
            _ => open.extend(values(&part).into_iter().rev()),
        }
    }
    names
}

/// What an assignment gives values to. A pattern has at least two targets, since it takes its value apart.
pub(super) fn targets(left: &Node<'_>) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = match left.kind().as_ref() {
        "object_pattern" => values(left).iter().map(target).collect(),
        "array_pattern" => elements(left),
        _ => return vec![path(left).unwrap_or_default()],
    };
    if all.len() < 2 {
        all.resize(2, Vec::new());
    }
    all
}

/// One name of a pattern; empty where it is a pattern again.
pub(super) fn target(part: &Node<'_>) -> Vec<String> {
    let name = match part.kind().as_ref() {
        "pair_pattern" => part.field("value").map(|value| target(&value)),
        "object_assignment_pattern" | "assignment_pattern" => {
            part.field("left").map(|left| target(&left))
        }
        "rest_pattern" => first(part).map(|rest| target(&rest)),
        _ => path(part),
    };
    name.unwrap_or_default()
}

/// An array pattern's names, with the places that are left out.
fn elements(pattern: &Node<'_>) -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    for child in pattern.children() {
        match child.kind().as_ref() {
            "," => all.push(Vec::new()),
            "[" | "]" | "comment" => {}
            _ => {
                if let Some(last) = all.last_mut() {
                    *last = target(&child);
                }
            }
        }
    }
    all
}
