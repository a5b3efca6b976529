//! What a language has to say of its nodes, so that one walk can read them all.
//! Must not walk: it describes one node, and names the nodes that the walk visits next.

use std::ops::Range;

use crate::facts::{Import, Param};
use crate::syntax::Node;

/// A language's description of its grammar.
pub(super) trait Grammar {
    /// What a node is. The walk asks for every named node once, from the root down, and visits the children of what is
    /// [`Role::Plain`]; of any other role it visits the nodes that the role names, and then the children that the role
    /// didn't name (a decorator's arguments, a catch block), so that no call is missed.
    fn role<'t>(&self, node: &Node<'t>) -> Role<'t>;

    /// What a call or a binding brings in besides being one: `require("redis").createClient()`. Asked for
    /// [`Role::Call`] and [`Role::Bind`].
    fn imports(&self, _node: &Node<'_>) -> Vec<Import> {
        Vec::new()
    }

    /// A function that is given by its name to a call that runs it for each element, at this place among the arguments:
    /// what it is called on, and its name. Asked for every argument.
    fn handed<'t>(&self, _parts: &CallParts<'t>, _at: usize) -> Option<Handed<'t>> {
        None
    }

    /// The type that a loop declares for its variable: `for (Jedis node : nodes)`. Asked for [`Role::Each`].
    fn loop_type(&self, _node: &Node<'_>) -> Option<String> {
        None
    }
}

/// What a function is called on, and the node of its name.
pub(super) type Handed<'t> = (Option<Node<'t>>, Node<'t>);

/// What a node is.
pub(super) enum Role<'t> {
    /// Nothing of its own: children are visited. As an expression it is `Expr::Other`.
    Plain,
    /// A sequence of statements in a language that doesn't wrap them: calls that are direct children are discarded, and
    /// the last child is what a function with `returns_last` returns.
    Block,
    /// Like `Plain`; each child may be what a function with `returns_last` returns: `if`, `case`, their branches.
    Branch,
    /// Left out with all below it (a type, an annotation without arguments).
    Skip,
    /// The expression inside: `await x`, `(x)`, `x!`, `x as T`, `&x`, `try x`.
    Through(Node<'t>),
    /// A statement that consists of this expression: its value is discarded.
    Statement(Node<'t>),
    /// Expressions in a row, where the grammar has no node for a statement: each but the last is discarded, and the last
    /// one's value goes where the sequence's value goes.
    Sequence(Vec<Node<'t>>),
    /// One of several values: `a ? b : c`, `a || b`, `if`, `match` and `case` as expressions. `before` (conditions, guards)
    /// is visited first; each value goes where the choice's value goes. As an expression it is that of the first value
    /// that is a call, else of the first that is anything.
    Choice {
        subject: Option<Subject<'t>>,
        before: Vec<Node<'t>>,
        values: Vec<Node<'t>>,
    },
    /// `return x`, also the implicit one of a one-expression lambda or function.
    Return(Option<Node<'t>>),
    /// `yield x`, `yield from xs`: a value that a generator gives on.
    Yield(Node<'t>),
    /// `store::get` and `&get/1` as a value: a lambda that calls the method or function with what it is given.
    Reference {
        of: Option<Node<'t>>,
        name: Node<'t>,
    },
    /// A call. One whose callee is neither a name nor a member is [`Role::Plain`].
    Call(CallParts<'t>),
    /// `a.b` where a member reads like a call without arguments (Ruby): a call, and as an expression the chain of names
    /// where `a` is one.
    Getter(CallParts<'t>),
    Function(FunctionParts<'t>),
    Class(ClassParts<'t>),
    /// One or several bindings in one node.
    Bind(Vec<BindParts<'t>>),
    Each {
        names: Vec<String>,
        iterable: Node<'t>,
        body: Vec<Node<'t>>,
    },
    /// A comprehension that makes a list, set or map: like `Each`, and as an expression it is `Expr::Gathered`.
    Gather {
        names: Vec<String>,
        iterable: Node<'t>,
        body: Vec<Node<'t>>,
    },
    While {
        condition: Option<Node<'t>>,
        body: Vec<Node<'t>>,
    },
    /// A loop over what a pipe hands to it: `... | while read x`. Outside a pipe it is a `While` without a condition.
    Fed {
        names: Vec<String>,
        body: Vec<Node<'t>>,
    },
    Import(Vec<Import>),
    Comment,
    /// A chain of names.
    Path(Vec<String>),
    /// A member of what is not a chain of names: `get_client().inner`. Where `of` turns out to be one, so is this.
    Member {
        of: Node<'t>,
        name: String,
    },
    /// Commands that hand their output on, in order (shell).
    Pipe(Vec<Node<'t>>),
    /// A string literal. Its pieces, in order; `content` of the literal without quotes is taken from the first piece to
    /// the last.
    Text(Vec<TextPiece<'t>>),
    /// Strings (and others) joined: `a + b`, `a . b`, `a <> b`, `a .. b`, adjacent literals. Lists as well: `["DEL"] + keys`
    /// is a list, what is not written as one being spread.
    Concat(Vec<Node<'t>>),
    /// Lists joined, whatever they are written as: `acc ++ keys`.
    Join(Vec<Node<'t>>),
    /// A list of words in one literal: `%w[KEYS *]`, `~w(KEYS user:#{id}:*)`.
    Words(Vec<TextPiece<'t>>),
    Number,
    List(Vec<Node<'t>>),
    /// `[a, b | rest]`: a list that ends in the elements of another.
    Cons {
        items: Vec<Node<'t>>,
        tail: Node<'t>,
    },
    Map(Vec<(String, Node<'t>)>),
    Spread(Node<'t>),
    Named(String, Node<'t>),
    /// A parameter with the value that it has where a call leaves it out.
    Default(String, Node<'t>),
    Index {
        of: Node<'t>,
        slice: bool,
        at: Vec<Node<'t>>,
    },
}

/// A call's parts.
pub(super) struct CallParts<'t> {
    pub receiver: Option<Node<'t>>,
    /// The node that is the name; its text without sigils is `text`.
    pub name: Node<'t>,
    pub text: String,
    pub constructs: bool,
    pub args: Vec<Node<'t>>,
    /// The receiver stands before the call by a pipe (`conn |> f(x)`): it becomes the first argument, not the receiver.
    pub piped: Option<Node<'t>>,
}

/// A function's parts. What a language has no word for is left at its default.
#[derive(Default)]
pub(super) struct FunctionParts<'t> {
    pub name: Option<String>,
    pub params: Vec<Param>,
    /// The declared type of what it returns; the first where there are several.
    pub returns: Option<String>,
    pub marks: Vec<String>,
    pub lambda: bool,
    /// Default values, decorators' arguments and the body, in the order to visit them.
    pub inside: Vec<Node<'t>>,
    /// The last expression of the body is what it returns.
    pub returns_last: bool,
}

/// What a `match` or `case` takes apart: visited once, and bound to each arm's names.
pub(super) struct Subject<'t> {
    pub value: Node<'t>,
    /// The names of each arm that has some, as in [`BindParts::targets`]. The subject's usage is bound to the arm with the
    /// most; without any it is other.
    pub arms: Vec<Vec<Vec<String>>>,
}

/// A class's parts.
pub(super) struct ClassParts<'t> {
    pub name: String,
    pub bases: Vec<String>,
    pub fields: Vec<Param>,
    pub inside: Vec<Node<'t>>,
}

/// A binding's parts.
pub(super) struct BindParts<'t> {
    pub targets: Vec<Vec<String>>,
    pub declared: Option<String>,
    pub value: Option<Node<'t>>,
}

/// A piece of a string literal.
pub(super) enum TextPiece<'t> {
    /// Literal text, escapes already read, and the node it came from.
    Plain(String, Node<'t>),
    /// Literal text at these bytes of the file, where the grammar has no node for it.
    Within(String, Range<usize>),
    /// An interpolated expression, which is visited.
    Hole(Node<'t>),
}
