//! The one place that knows the parser: a text of a language becomes a tree of nodes with kinds, fields and ranges.
//! Must not know what a node means.

mod fatal;

use std::ops::ControlFlow;
use std::time::Duration;

use ast_grep_core::AstGrep;
use ast_grep_core::source::Doc as _;
use ast_grep_core::tree_sitter::{LanguageExt, StrDoc};
use ast_grep_language::SupportLang;
use rustix::time::{ClockId, clock_gettime};
use tree_sitter::{ParseOptions, ParseState, Parser, Point};

use crate::language::Language;
use crate::limits;

/// A parsed text.
pub(crate) type Tree = AstGrep<StrDoc<SupportLang>>;

/// A node of a tree: `kind()`, `field(name)`, `children()`, `named_children()`, `parent()`, `text()`, `range()`.
pub(crate) type Node<'t> = ast_grep_core::Node<'t, StrDoc<SupportLang>>;

/// Parses a text. What the grammar can't read becomes nodes of the kind `ERROR`. `None` where a grammar loses itself in
/// a text that is no code: some take time by the square of such a text's length. `None` too for what would end the process.
pub(crate) fn parse(language: Language, text: &str) -> Option<Tree> {
    if fatal::is_fatal(language, text) {
        return None;
    }
    let lang = grammar(language);
    let mut parser = Parser::new();
    parser.set_language(&lang.get_ts_language()).ok()?;
    let began = processor_time();
    let mut watch = |_: &ParseState| {
        if processor_time().saturating_sub(began) > limits::MAX_PARSE_PROCESSOR_TIME {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let options = ParseOptions::new().progress_callback(&mut watch);
    let bytes = text.as_bytes();
    let mut read = |at: usize, _: Point| bytes.get(at..).unwrap_or_default();
    let tree = parser.parse_with_options(&mut read, None, Some(options))?;
    let src = text.to_owned();
    Some(AstGrep::doc(StrDoc { src, lang, tree }))
}

/// What this thread has had of a processor so far.
fn processor_time() -> Duration {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(spent.tv_sec).unwrap_or_default();
    let nanoseconds = u64::try_from(spent.tv_nsec).unwrap_or_default();
    Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds)
}

/// The file's text before and after a node. A look at what stands beside it costs nothing there, where the way to a
/// parent or sibling is looked for from the root, past all that stands before it.
pub(crate) fn around<'t>(node: &Node<'t>) -> (&'t str, &'t str) {
    let text = node.get_doc().get_source();
    let range = node.range();
    let before = text.get(..range.start).unwrap_or_default();
    (before, text.get(range.end..).unwrap_or_default())
}

fn grammar(language: Language) -> SupportLang {
    match language {
        Language::CSharp => SupportLang::CSharp,
        Language::Elixir => SupportLang::Elixir,
        Language::Go => SupportLang::Go,
        Language::Java => SupportLang::Java,
        Language::JavaScript => SupportLang::JavaScript,
        Language::Kotlin => SupportLang::Kotlin,
        Language::Lua => SupportLang::Lua,
        Language::Php => SupportLang::Php,
        Language::Python => SupportLang::Python,
        Language::Ruby => SupportLang::Ruby,
        Language::Rust => SupportLang::Rust,
        Language::Shell => SupportLang::Bash,
        Language::TypeScript => SupportLang::TypeScript,
        Language::Tsx => SupportLang::Tsx,
    }
}
