//! What a file says, in terms that all languages share: imports, classes, functions, bindings, loops and calls.
//! Plain data, filled by `extract/` and read by the rules. Must not know any language, and must not judge.

use serde::{Deserialize, Serialize};

use crate::language::Language;

/// Index into [`Facts::calls`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct CallId(pub usize);

/// Index into [`Facts::functions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct FunctionId(pub usize);

/// Index into [`Facts::classes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct ClassId(pub usize);

/// Index into [`Facts::loops`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct LoopId(pub usize);

/// Bytes `start..end` of the file's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    pub start: usize,
    pub end: usize,
}

/// Everything that the rules know of a file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub language: Language,
    pub imports: Vec<Import>,
    pub classes: Vec<Class>,
    pub functions: Vec<Function>,
    pub bindings: Vec<Binding>,
    pub defaults: Vec<DefaultValue>,
    pub returned: Vec<Returned>,
    pub loops: Vec<Loop>,
    /// In the order of their ends: what is called first stands before what uses its result.
    pub calls: Vec<Call>,
    /// String literals of 8 bytes and more, wherever they stand.
    pub texts: Vec<Text>,
    pub comments: Vec<Comment>,
}

/// One module brought in: `import redis`, `from redis import Redis as R`, `const { createClient } = require("redis")`,
/// `using StackExchange.Redis;`, `use redis::Commands;`, `require 'redis'`, `use Illuminate\Support\Facades\Redis;`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Import {
    /// The module, package or path as written, without quotes: `redis.asyncio`, `github.com/redis/go-redis/v9`.
    pub module: String,
    /// Names that it binds here, as (name in the module, name here). A module bound as a whole is (`""`, its name here).
    pub names: Vec<(String, String)>,
    pub span: Span,
}

/// A class, struct, interface, object, trait, module or impl block.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Class {
    pub name: String,
    /// Supertypes, mixins and the trait of an impl, as written, without type arguments.
    pub bases: Vec<String>,
    /// Fields with a declared type (constructor properties as well).
    pub fields: Vec<Param>,
    pub span: Span,
}

/// A name with the type that was declared for it, as written (`Redis`, `StringRedisTemplate`, `*redis.Client`).
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Param {
    pub name: String,
    pub declared: Option<String>,
}

/// A function, method, lambda or block. The file's top level is none.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Function {
    /// Empty for a lambda without a name. A lambda that is bound to a name has that name.
    pub name: String,
    /// What it is called on, where that is written (Go's `(s *Store)`, the receiver of a Kotlin extension as `self`),
    /// stands last, so that the others stand where a call's arguments do.
    pub params: Vec<Param>,
    /// The type that it declares to return, as written; the first where there are several.
    pub returns: Option<String>,
    /// Names of decorators, annotations and attributes, without arguments.
    pub marks: Vec<String>,
    pub lambda: bool,
    pub parent: Option<FunctionId>,
    pub class: Option<ClassId>,
    pub span: Span,
}

/// A value given to names: an assignment, a declaration, a field, a constant. Parameters are not here, and loop variables
/// only where their type is declared.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Binding {
    /// One path for `x = ...` or `self.x = ...`; several for `a, b = ...` and destructuring (a name left out is empty).
    pub targets: Vec<Vec<String>>,
    /// The declared type as written.
    pub declared: Option<String>,
    pub value: Expr,
    pub function: Option<FunctionId>,
    pub class: Option<ClassId>,
    pub loops: Vec<LoopId>,
    pub span: Span,
}

/// What a parameter is where a call leaves it out.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DefaultValue {
    pub name: String,
    pub value: Expr,
    pub function: Option<FunctionId>,
}

/// A value that a function gives back. One that isn't yielded is no call: a call has [`Usage::Returned`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Returned {
    pub value: Expr,
    /// One of many, given on while the function goes on: `yield x`, `yield from xs`.
    pub yielded: bool,
    pub function: Option<FunctionId>,
    pub span: Span,
}

/// A repetition.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Loop {
    pub kind: LoopKind,
    /// A comprehension that makes a list, set or map of it.
    pub gathers: bool,
    /// Paths that the condition of a `while`, `until` or C-style `for` reads; empty for `while true` and for-each.
    pub condition: Vec<Vec<String>>,
    pub function: Option<FunctionId>,
    /// The whole loop, body and head.
    pub span: Span,
}

/// What kind of repetition it is.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum LoopKind {
    /// `for x in xs`, comprehensions, `range`, C#'s foreach.
    Each { names: Vec<String>, iterable: Expr },
    /// A callback that is called for each element: `xs.forEach(x => ...)`, `xs.each do |x|`, `Enum.map(xs, fn ...)`.
    Callback {
        names: Vec<String>,
        iterable: Expr,
        call: CallId,
    },
    /// `while`, `until`, `do ... while`, `loop`, a C-style `for`.
    While,
}

/// An expression, as far as the rules look into it. `await`, `?`, `!`, `try`, `yield`, casts, references, unwrapping and
/// parentheses are transparent: they are the expression inside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Expr {
    /// A name or a chain of members, without sigils and calls: `redis`, `self.redis`, `Rails.cache`. `this`, `@x`, `$this->x`
    /// and `@@x` begin with `self`; `::`, `->`, `?.` and `!!.` are dots; `$x` is `x`.
    Path(Vec<String>),
    Call(CallId),
    /// A member of something that is not a path: `get_client().inner`, `xs[0].redis`.
    Member(Box<Expr>, String),
    /// A comprehension that makes a list, set or map: `[f(k) for k in xs]`.
    Gathered(LoopId),
    /// A string: literals, interpolation and concatenation flattened. A heredoc and a template as well.
    Text(Vec<Piece>),
    Number(String),
    List(Vec<Expr>),
    /// Pairs of a map or object literal; the key is empty where it isn't a plain name or string.
    Map(Vec<(String, Expr)>),
    /// `*xs`, `...xs`, `**xs`, Kotlin's `*xs`, C#'s none.
    Spread(Box<Expr>),
    /// A keyword argument: `match="a*"`, `count: 10`.
    Named(String, Box<Expr>),
    /// A lambda, block or closure.
    Lambda(FunctionId),
    /// `xs[0]`, `xs[a:b]`: what is indexed. The second is true for a slice.
    Index(Box<Expr>, bool),
    /// Anything else. What is called inside it is in [`Facts::calls`] all the same.
    Other,
}

/// A piece of a string.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Piece {
    /// As the program sees it, as far as escapes are simple.
    Text(String),
    /// Something worked out at run time.
    Hole,
}

/// A call of a function, method, constructor or command.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Call {
    /// What stands before the last dot; `None` for a plain function. For a package function it is the package.
    pub receiver: Option<Expr>,
    /// The method's or function's own name, without sigils, type arguments, `!` or `?`. For shell the program's name.
    pub name: String,
    /// `new X(...)`, `X { }`-like construction, `X(...)` in languages where the grammar tells it.
    pub constructs: bool,
    /// In the order written. A trailing block or closure is the last; what `|>` hands over is the first.
    pub args: Vec<Expr>,
    /// The name's own bytes: a finding's line is this one's.
    pub at: Span,
    pub span: Span,
    pub function: Option<FunctionId>,
    pub class: Option<ClassId>,
    /// Outermost first. A lambda that is given to a callback loop is inside that loop; any other lambda is still inside
    /// the loops around it.
    pub loops: Vec<LoopId>,
    pub usage: Usage,
}

/// Where a call's result goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Usage {
    /// A statement of its own.
    Discarded,
    /// Given to names: as in [`Binding::targets`].
    Bound(Vec<Vec<String>>),
    /// Returned, or the last expression of a function where that returns it.
    Returned,
    /// An argument of another call.
    Argument(CallId),
    /// The receiver of another call: `r.keys("*").each`.
    Receiver(CallId),
    /// What a loop goes over.
    Iterated(LoopId),
    /// Piped into another command (shell).
    Piped(CallId),
    /// Part of a condition, a literal, an operator, an index.
    Other,
}

/// A string literal, whole.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Text {
    /// As the program sees it; a hole is `\u{fffd}`. Line breaks are kept, so that lines can be counted.
    pub text: String,
    /// The content's bytes, without quotes.
    pub span: Span,
    pub function: Option<FunctionId>,
}

/// A comment, with its marks.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Comment {
    pub text: String,
    pub span: Span,
}

impl Call {
    /// Made by name alone or on `self`: of a function that the file or its class has.
    pub(crate) fn call_of_own(&self) -> bool {
        match &self.receiver {
            None => true,
            Some(Expr::Path(path)) => matches!(path.as_slice(), [one] if one == "self"),
            Some(_) => false,
        }
    }
}

impl Facts {
    /// Nothing said yet.
    pub(crate) fn new(language: Language) -> Self {
        Self {
            language,
            imports: Vec::new(),
            classes: Vec::new(),
            functions: Vec::new(),
            bindings: Vec::new(),
            defaults: Vec::new(),
            returned: Vec::new(),
            loops: Vec::new(),
            calls: Vec::new(),
            texts: Vec::new(),
            comments: Vec::new(),
        }
    }

    /// A function and those around it, the innermost first.
    pub(crate) fn around(
        &self,
        function: Option<FunctionId>,
    ) -> impl Iterator<Item = FunctionId> + '_ {
        std::iter::successors(function, |id| self.functions.get(id.0)?.parent)
    }

    /// The outermost function around a function.
    pub(crate) fn root(&self, function: Option<FunctionId>) -> Option<FunctionId> {
        self.around(function).last()
    }
}
