//! The languages that are read, and how a file's name or first line tells which one it is.
//! Must not read files.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// A language whose source is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Language {
    /// C#.
    CSharp,
    /// Elixir.
    Elixir,
    /// Go.
    Go,
    /// Java.
    Java,
    /// JavaScript, with JSX.
    JavaScript,
    /// Kotlin.
    Kotlin,
    /// Lua.
    Lua,
    /// PHP.
    Php,
    /// Python.
    Python,
    /// Ruby.
    Ruby,
    /// Rust.
    Rust,
    /// POSIX shell and Bash.
    Shell,
    /// TypeScript without JSX.
    TypeScript,
    /// TypeScript with JSX.
    Tsx,
}

impl Language {
    /// All of them, in the order of their names.
    pub const ALL: &[Self] = &[
        Self::CSharp,
        Self::Elixir,
        Self::Go,
        Self::Java,
        Self::JavaScript,
        Self::Kotlin,
        Self::Lua,
        Self::Php,
        Self::Python,
        Self::Ruby,
        Self::Rust,
        Self::Shell,
        Self::TypeScript,
        Self::Tsx,
    ];

    /// The language of a file, by its name's ending; `None` where it is not one of ours.
    #[must_use]
    pub fn of_path(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        match name {
            "Rakefile" | "Gemfile" | "Guardfile" | "Capfile" => return Some(Self::Ruby),
            _ => {}
        }
        let ending = name.rsplit_once('.')?.1;
        Some(match ending.to_ascii_lowercase().as_str() {
            "cs" | "csx" => Self::CSharp,
            "ex" | "exs" => Self::Elixir,
            "go" => Self::Go,
            "java" => Self::Java,
            "js" | "jsx" | "mjs" | "cjs" => Self::JavaScript,
            "kt" | "kts" => Self::Kotlin,
            "lua" => Self::Lua,
            "php" | "phtml" => Self::Php,
            "py" | "pyw" | "pyi" => Self::Python,
            "rb" | "rake" | "gemspec" => Self::Ruby,
            "rs" => Self::Rust,
            "sh" | "bash" | "ksh" | "zsh" => Self::Shell,
            "ts" | "mts" | "cts" => Self::TypeScript,
            "tsx" => Self::Tsx,
            _ => return None,
        })
    }

    /// The language of a file without an ending, by the program that its first line names.
    #[must_use]
    pub fn of_first_line(line: &str) -> Option<Self> {
        let program = line.strip_prefix("#!")?;
        let has = |word: &str| {
            program
                .split(['/', ' '])
                .any(|part| part.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.') == word)
        };
        if has("sh") || has("bash") || has("dash") || has("ksh") || has("zsh") {
            return Some(Self::Shell);
        }
        if has("python") {
            return Some(Self::Python);
        }
        if has("ruby") {
            return Some(Self::Ruby);
        }
        if has("node") {
            return Some(Self::JavaScript);
        }
        if has("php") {
            return Some(Self::Php);
        }
        has("lua").then_some(Self::Lua)
    }

    /// The name in reports, in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CSharp => "csharp",
            Self::Elixir => "elixir",
            Self::Go => "go",
            Self::Java => "java",
            Self::JavaScript => "javascript",
            Self::Kotlin => "kotlin",
            Self::Lua => "lua",
            Self::Php => "php",
            Self::Python => "python",
            Self::Ruby => "ruby",
            Self::Rust => "rust",
            Self::Shell => "shell",
            Self::TypeScript => "typescript",
            Self::Tsx => "tsx",
        }
    }
}
