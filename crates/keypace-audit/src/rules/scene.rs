//! What a rule sees of a file, and where its findings go.
//! Must not know any one rule.

use crate::facts::{Call, Expr, Facts, FunctionId, Span};
use crate::language::Language;
use crate::receiver::origin::Origins;
use crate::receiver::shape::Sure;
use crate::receiver::verb::Verb;
use crate::receiver::{Command, Commands, argument};
use crate::report::{Confidence, Hit, Severity};
use crate::rule::Rule;

use super::found::{Found, Trace};

/// One file, or one script inside a string of it.
pub(super) struct Scene<'a> {
    /// Of these facts: Lua for a script inside a string.
    pub language: Language,
    pub facts: &'a Facts,
    pub text: &'a str,
    pub path: &'a str,
    pub commands: &'a Commands,
    pub origins: &'a Origins<'a>,
    pub found: &'a Found<'a>,
    pub host: Host,
}

/// The file around what is judged: the same, where nothing is around.
#[derive(Clone, Copy)]
pub(super) struct Host {
    /// The language that a fix is told in.
    pub language: Language,
    /// Where the text begins in the file.
    pub base: usize,
    /// The function around a script, where it is one.
    pub function: Option<FunctionId>,
    /// Findings are of a script inside a string.
    pub inner: bool,
}

/// Where findings go.
#[derive(Default)]
pub(super) struct Sink {
    pub hits: Vec<Hit>,
}

impl Scene<'_> {
    /// The call of a command.
    pub(super) fn call(&self, command: &Command) -> &Call {
        &self.facts.calls[command.call.0]
    }

    /// The commands, and calls that turn out to be one by the keys they are given.
    pub(super) fn with_likely(&self) -> impl Iterator<Item = &Command> {
        let likely = self.commands.maybe.iter().filter(|command| {
            let call = self.call(command);
            let mut args = command.args.iter();
            args.any(|arg| self.found.trace(arg, call.function).is_some())
                || command.verb.reads_one() && self.found.mentions(call)
        });
        self.commands.all.iter().chain(likely)
    }

    /// How sure a command is that is given keys found: what takes keys that KEYS gave for sure, and has a client's name, is
    /// what was asked for them, or was given to the function that asked, is a client.
    pub(super) fn given(&self, command: &Command, trace: Trace) -> Command {
        let source = self.found.source(trace.source);
        let asked = self.call(source);
        let same = self.call(command).receiver == asked.receiver
            || self.commands.at(source.call).is_none()
                && self
                    .call(command)
                    .receiver
                    .as_ref()
                    .is_some_and(|own| asked.args.contains(own));
        let lifted = source.confidence == Confidence::High
            && source.verb.finds()
            && (same || command.known.sure >= Sure::Named);
        let mut own = command.clone();
        if lifted {
            own.confidence = Confidence::High;
        }
        own
    }

    /// The same for a command of a function that is called for keys found: where another file's function finds them, two
    /// guesses are one too many.
    pub(super) fn given_through(&self, command: &Command, trace: Trace) -> Confidence {
        let source = self.found.source(trace.source);
        let confidence = self.given(command, trace).confidence;
        if self.origins.elsewhere.meant.contains_key(&source.call) {
            confidence.min(source.confidence)
        } else {
            confidence
        }
    }

    /// The pattern that a command is given: its first string for KEYS, what follows MATCH for SCAN.
    pub(super) fn pattern<'c>(&self, command: &'c Command) -> Option<&'c Expr> {
        match command.verb {
            Verb::Keys => command.args.first(),
            Verb::Scan | Verb::ScanIter => {
                match_option(&command.args).or_else(|| self.named_glob(command))
            }
            _ => None,
        }
    }

    /// A pattern by its place and the name of a constant: `server.Keys(0, Everything, 1000)`.
    fn named_glob<'c>(&self, command: &'c Command) -> Option<&'c Expr> {
        let mut names = command
            .args
            .iter()
            .take(2)
            .filter(|arg| matches!(arg, Expr::Path(_)));
        names.find(|arg| self.constant(arg).is_some_and(|text| text.contains('*')))
    }

    /// A string without holes, also by the name of a constant of the file.
    pub(super) fn constant<'s>(&'s self, expr: &'s Expr) -> Option<&'s str> {
        if let Some(text) = argument::literal(expr) {
            return Some(text);
        }
        let Expr::Path(path) = expr else { return None };
        let name = path.last()?;
        let mut values = self.facts.bindings.iter().filter(|binding| {
            binding.targets.first().and_then(|target| target.last()) == Some(name)
        });
        let first = argument::literal(&values.next()?.value)?;
        values.next().is_none().then_some(first)
    }

    /// Text of a span, empty where it is none.
    pub(super) fn source(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }
}

/// The value of MATCH, however it is given; a lone glob counts.
fn match_option(args: &[Expr]) -> Option<&Expr> {
    for (at, arg) in args.iter().enumerate() {
        match arg {
            Expr::Named(name, inner) if is_match(name) => return Some(inner),
            Expr::Map(pairs) => {
                if let Some((_, value)) = pairs.iter().find(|(name, _)| is_match(name)) {
                    return Some(value);
                }
            }
            Expr::List(list) => {
                if let Some(found) = match_option(list) {
                    return Some(found);
                }
            }
            Expr::Text(_)
                if argument::literal(arg)
                    .is_some_and(|text| text.eq_ignore_ascii_case("match")) =>
            {
                return args.get(at + 1);
            }
            Expr::Text(_) if argument::is_glob(arg) => return Some(arg),
            _ => {}
        }
    }
    None
}

fn is_match(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    matches!(
        lower.as_str(),
        "match" | "pattern" | "matchpattern" | "key_pattern"
    )
}

impl Sink {
    /// A finding at a command's name.
    pub(super) fn command(
        &mut self,
        scene: &Scene<'_>,
        rule: &Rule,
        command: &Command,
        message: String,
    ) {
        let call = scene.call(command);
        self.at(
            scene,
            rule,
            call,
            command.confidence,
            rule.severity,
            message,
        );
    }

    /// A finding at a call's name.
    pub(super) fn at(
        &mut self,
        scene: &Scene<'_>,
        rule: &Rule,
        call: &Call,
        confidence: Confidence,
        severity: Severity,
        message: String,
    ) {
        let shift = |span: Span| Span {
            start: span.start + scene.host.base,
            end: span.end + scene.host.base,
        };
        let quiet = is_aside(scene.path) || is_test_text(scene, call);
        self.hits.push(Hit {
            rule: rule.id,
            severity: if quiet { severity.lowered() } else { severity },
            confidence,
            at: shift(call.at),
            call: shift(call.span),
            function: if scene.host.inner {
                scene.host.function
            } else {
                call.function
            },
            message,
            fix: (rule.fix)(scene.host.language),
        });
    }
}

/// Tests, examples and docs: what they do to a server is done to their own.
pub(crate) fn is_aside(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let mut parts = lower.split('/').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            let stem = part.split('.').next().unwrap_or_default();
            return stem.starts_with("test_")
                || stem == "conftest"
                || ["_test", "_spec", "tests", "-test", "_tests"]
                    .iter()
                    .any(|end| stem.ends_with(end))
                || part.contains(".test.")
                || part.contains(".spec.")
                || part.ends_with("test.java")
                || part.ends_with("test.kt")
                || part.ends_with("tests.cs")
                || part.ends_with("test.php");
        }
        if matches!(
            part,
            "test"
                | "tests"
                | "spec"
                | "specs"
                | "__tests__"
                | "testing"
                | "docs"
                | "doc"
                | "examples"
                | "example"
                | "samples"
                | "sample"
                | "fixtures"
                | "testfixtures"
                | "e2e"
                | "testdata"
                | "benchmarks"
                | "benchmark"
                | "demo"
                | "demos"
        ) {
            return true;
        }
    }
    false
}

/// A function that is marked as a test.
fn is_test_text(scene: &Scene<'_>, call: &Call) -> bool {
    let mut at = call.function;
    while let Some(id) = at {
        let Some(own) = scene.facts.functions.get(id.0) else {
            return false;
        };
        if own.marks.iter().any(|mark| {
            let last = mark.rsplit(['.', ':']).next().unwrap_or(mark);
            matches!(
                last,
                "test"
                    | "Test"
                    | "Fact"
                    | "Theory"
                    | "fixture"
                    | "TestMethod"
                    | "BeforeEach"
                    | "AfterEach"
            )
        }) {
            return true;
        }
        at = own.parent;
    }
    false
}
