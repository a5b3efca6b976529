//! A parsed file into facts: one file a language family, each a description of that grammar's nodes.
//! Must not judge, and must not know Redis.

mod callback;
mod children;
mod csharp;
mod go;
mod grammar;
mod java;
mod javascript;
mod kotlin;
mod literal;
mod lua;
mod python;
mod shell;
mod walk;

#[cfg(test)]
mod sketch;

use self::grammar::{Grammar, Role};
use crate::facts::Facts;
use crate::language::Language;
use crate::syntax::{self, Node};

/// Reads the facts of a text. Never fails: what the grammar can't read is left out.
pub(crate) fn facts(language: Language, text: &str) -> Facts {
    let tree = syntax::parse(language, text);
    walk::walk(language, grammar(language), &tree.root())
}

fn grammar(language: Language) -> &'static dyn Grammar {
    match language {
        Language::CSharp => &csharp::CSharp,
        Language::Go => &go::Go,
        Language::Java => &java::Java,
        Language::Kotlin => &kotlin::Kotlin,
        Language::JavaScript | Language::TypeScript | Language::Tsx => &javascript::JavaScript,
        Language::Lua => &lua::Lua,
        Language::Shell => &shell::Shell,
        Language::Python => &python::Python,
        _ => &Unread,
    }
}

/// A language whose nodes nobody describes yet.
struct Unread;

impl Grammar for Unread {
    fn role<'t>(&self, _node: &Node<'t>) -> Role<'t> {
        Role::Plain
    }
}
