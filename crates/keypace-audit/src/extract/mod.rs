//! A parsed file into facts: one file a language family, each a description of that grammar's nodes.
//! Must not judge, and must not know Redis.

mod callback;
mod children;
mod csharp;
mod elixir;
mod file_name;
mod go;
mod grammar;
mod java;
mod javascript;
mod kept;
mod kotlin;
mod literal;
mod lua;
mod php;
mod placeholder;
mod python;
mod recursion;
mod ruby;
mod rust;
mod shell;
mod walk;

#[cfg(test)]
mod sketch;

pub(crate) use self::file_name::{FILE, file_name};
pub(crate) use self::kept::{Kept, Packed};
use std::borrow::Cow;

use self::grammar::Grammar;
use crate::facts::Facts;
use crate::language::Language;
use crate::limits;
use crate::syntax;

/// The name of a call that is a list of a command's words, made for another call to send.
pub(crate) const MADE: &str = "[]";

/// Reads the facts of a text. What the grammar can't read is left out.
pub(crate) fn facts(language: Language, text: &str) -> Facts {
    read(language, text).unwrap_or_else(|| Facts::new(language))
}

/// The same, where it matters that a text is past what can be read: its parser gave up, or it has more calls than people
/// write. `None` then.
pub(crate) fn read(language: Language, text: &str) -> Option<Facts> {
    let text = match language {
        Language::Shell => placeholder::filled(text),
        _ => Cow::Borrowed(text),
    };
    let tree = syntax::parse(language, &text)?;
    let mut facts = walk::walk(language, grammar(language), &tree.root());
    if facts.calls.len() > limits::MAX_CALLS_PER_FILE {
        return None;
    }
    if language == Language::Elixir {
        recursion::unroll(&mut facts);
    }
    Some(facts)
}

fn grammar(language: Language) -> &'static dyn Grammar {
    match language {
        Language::CSharp => &csharp::CSharp,
        Language::Elixir => &elixir::Elixir,
        Language::Go => &go::Go,
        Language::Java => &java::Java,
        Language::JavaScript | Language::TypeScript | Language::Tsx => &javascript::JavaScript,
        Language::Kotlin => &kotlin::Kotlin,
        Language::Lua => &lua::Lua,
        Language::Php => &php::Php,
        Language::Python => &python::Python,
        Language::Ruby => &ruby::Ruby,
        Language::Rust => &rust::Rust,
        Language::Shell => &shell::Shell,
    }
}
