//! Types that comments declare, where a language has them there: PHP's `@var \Redis`, `@param Client $redis`,
//! `@property Redis $instance`.
//! Must not read code.

use super::{Origins, put};
use crate::language::Language;
use crate::receiver::shape::Sure;

impl Origins<'_> {
    /// Clients by the type that a comment says.
    pub(super) fn read_said(&mut self, text: &str) {
        if self.facts.language != Language::Php {
            return;
        }
        for comment in &self.facts.comments {
            for line in comment.text.lines() {
                let Some((tag, declared, name)) = said(line) else {
                    continue;
                };
                let after = text.get(comment.span.end..).unwrap_or_default();
                let Some(name) = name.or_else(|| declared_after(after)) else {
                    continue;
                };
                let known = self.of_type(declared);
                let Some(known) = known.filter(|known| known.sure == Sure::Resolved) else {
                    continue;
                };
                if tag != "param" {
                    put(&mut self.members, name.to_owned(), known);
                    continue;
                }
                let next = self
                    .facts
                    .functions
                    .iter()
                    .position(|own| own.span.start >= comment.span.end);
                if let Some(at) = next {
                    let place = (Some(crate::facts::FunctionId(at)), name.to_owned());
                    self.names.entry(place).or_insert(known);
                }
            }
        }
    }
}

/// The tag, the type and the name of a line: `* @param \Redis $redis`.
fn said(line: &str) -> Option<(&str, &str, Option<&str>)> {
    let (_, rest) = line.split_once('@')?;
    let mut words = rest.split_whitespace();
    let tag = words.next()?;
    let tag = match tag {
        "property-read" | "property" => "property",
        "var" | "param" => tag,
        _ => return None,
    };
    let declared = words.next()?;
    let name = words.next().and_then(|name| name.strip_prefix('$'));
    Some((tag, declared, name))
}

/// The property that stands behind a comment: `private static $redis`.
fn declared_after(text: &str) -> Option<&str> {
    let line = text.trim_start().lines().next()?;
    let (before, rest) = line.split_once('$')?;
    let mut words = before.split_whitespace();
    let is_property = words.all(|word| {
        matches!(
            word,
            "private" | "protected" | "public" | "static" | "var" | "readonly"
        )
    });
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    let name = &rest[..end.unwrap_or(rest.len())];
    (is_property && !name.is_empty()).then_some(name)
}
