//! The walk over expressions: calls, chains, literals, choices.
//! Must not know a language or Redis.

use std::ops::Range;

use super::named::Named;
use super::{Walk, span};
use crate::extract::callback;
use crate::extract::grammar::{CallParts, Role, Subject, TextPiece};
use crate::facts::{
    Binding, Call, CallId, Expr, Function, FunctionId, LoopId, LoopKind, Param, Piece, Span, Text,
    Usage,
};
use crate::limits::MIN_TEXT_BYTES;
use crate::syntax::Node;

/// So much stands at most between a text and a hole in it: `#{`.
const MARK_BYTES: usize = 2;

impl Walk<'_> {
    pub(super) fn call(&mut self, node: &Node<'_>, parts: &CallParts<'_>) -> Expr {
        self.facts.imports.extend(self.grammar.imports(node));
        let tail = self.tails.remove(&node.node_id());
        let receiver = parts.receiver.as_ref().map(|receiver| self.visit(receiver));
        let mut args: Vec<Expr> = parts.piped.iter().map(|piped| self.visit(piped)).collect();
        let repeats = callback::repeats(self.grammar, parts);
        let mut callbacks = Vec::new();
        for (at, arg) in parts.args.iter().enumerate() {
            if let Some((id, lambda)) = self.given_by_name(node, parts, at) {
                args.push(lambda);
                callbacks.push((id, args.len() - 1));
            } else if repeats && callback::is_lambda(self.grammar, arg) {
                let id = self.begin_loop(node, LoopKind::While);
                args.push(self.visit(arg));
                self.loops.pop();
                callbacks.push((id, args.len() - 1));
            } else {
                args.push(self.visit(arg));
            }
        }
        let named = parts
            .args
            .iter()
            .chain(&parts.receiver)
            .chain(&parts.piped)
            .chain([&parts.name]);
        self.rest(node, &Named::new(named));

        let id = CallId(self.facts.calls.len());
        let first = callbacks.first().map_or(0, |(_, lambda)| *lambda);
        let brought = parts.receiver.as_ref();
        let brought = brought.is_some_and(|own| own.text().starts_with("require("));
        for (repeated, lambda) in callbacks {
            let kind = LoopKind::Callback {
                names: self.params_of(&args[lambda]),
                iterable: callback::iterable(receiver.as_ref(), brought, &args, first),
                call: id,
            };
            self.facts.loops[repeated.0].kind = kind;
        }
        if let Some(receiver) = &receiver {
            self.settle(receiver, &Usage::Receiver(id));
        }
        for arg in &args {
            self.settle(arg, &Usage::Argument(id));
        }
        // `call(*%w[KEYS a*])` is `call("KEYS", "a*")`.
        let args = args.into_iter().flat_map(given).collect();
        self.facts.calls.push(Call {
            receiver,
            name: parts.text.clone(),
            constructs: parts.constructs,
            args,
            at: span(&parts.name),
            span: span(node),
            function: self.function,
            class: self.class,
            loops: self.loops.clone(),
            usage: if tail { Usage::Returned } else { Usage::Other },
        });
        Expr::Call(id)
    }

    /// A function that a call is given by its name and runs for each element. Apart from [`Self::call`], whose frames are
    /// as deep as the code.
    #[inline(never)]
    fn given_by_name(
        &mut self,
        node: &Node<'_>,
        parts: &CallParts<'_>,
        at: usize,
    ) -> Option<(LoopId, Expr)> {
        let arg = &parts.args[at];
        if let Some((of, name)) = self.grammar.handed(parts, at) {
            let id = self.begin_loop(node, LoopKind::While);
            let lambda = self.reference(arg, of.as_ref(), &name);
            self.loops.pop();
            return Some((id, lambda));
        }
        let path = callback::function_named(self.grammar, parts, arg)?;
        let id = self.begin_loop(node, LoopKind::While);
        let lambda = self.applied(arg, path);
        self.loops.pop();
        Some((id, lambda))
    }

    pub(super) fn getter(&mut self, node: &Node<'_>, parts: &CallParts<'_>) -> Expr {
        let call = self.call(node, parts);
        let Expr::Call(id) = &call else {
            return call;
        };
        match &self.facts.calls[id.0].receiver {
            Some(Expr::Path(path)) => {
                let mut path = path.clone();
                path.push(parts.text.clone());
                self.path(path)
            }
            _ => call,
        }
    }

    /// A method by its name, given to something that calls it with a value: as the lambda that does so.
    pub(super) fn reference(
        &mut self,
        node: &Node<'_>,
        of: Option<&Node<'_>>,
        name: &Node<'_>,
    ) -> Expr {
        let receiver = of.map(|of| match self.visit(of) {
            // Kotlin's grammar reads `redis::get` as if a type stood there.
            Expr::Other => Expr::Path(vec![of.text().into_owned()]),
            receiver => receiver,
        });
        let name = (
            name.text().trim_end_matches(['!', '?']).to_owned(),
            span(name),
        );
        self.lambda_of(node, receiver, name)
    }

    /// A function by its name: `load`, `this.load`.
    fn applied(&mut self, node: &Node<'_>, mut path: Vec<String>) -> Expr {
        let name = path.pop().unwrap_or_default();
        let receiver = (!path.is_empty()).then_some(Expr::Path(path));
        self.lambda_of(node, receiver, (name, span(node)))
    }

    fn lambda_of(
        &mut self,
        node: &Node<'_>,
        receiver: Option<Expr>,
        (name, at): (String, Span),
    ) -> Expr {
        const GIVEN: &str = "it";
        let id = FunctionId(self.facts.functions.len());
        self.facts.functions.push(Function {
            name: String::new(),
            params: vec![Param {
                name: GIVEN.to_owned(),
                declared: None,
            }],
            returns: None,
            marks: Vec::new(),
            lambda: true,
            parent: self.function,
            class: self.class,
            span: span(node),
        });
        self.facts.calls.push(Call {
            receiver,
            name,
            constructs: false,
            args: vec![Expr::Path(vec![GIVEN.to_owned()])],
            at,
            span: span(node),
            function: Some(id),
            class: self.class,
            loops: self.loops.clone(),
            usage: Usage::Returned,
        });
        Expr::Lambda(id)
    }

    fn params_of(&self, expr: &Expr) -> Vec<String> {
        let Expr::Lambda(id) = expr else {
            return Vec::new();
        };
        let params = self
            .facts
            .functions
            .get(id.0)
            .map(|function| &function.params);
        params
            .into_iter()
            .flatten()
            .map(|param| param.name.clone())
            .collect()
    }

    pub(super) fn pipe(&mut self, node: &Node<'_>, list: &[Node<'_>]) -> Expr {
        let mut before = Expr::Other;
        for stage in list {
            before = match self.grammar.role(stage) {
                Role::Fed { names, body } => {
                    let named = Named::new(&body);
                    self.each_of(stage, names, before, &body, &named);
                    Expr::Other
                }
                _ => {
                    let expr = self.visit(stage);
                    if let Expr::Call(to) = expr {
                        self.settle(&before, &Usage::Piped(to));
                    }
                    expr
                }
            };
        }
        self.rest(node, &Named::new(list));
        before
    }

    pub(super) fn path(&mut self, path: Vec<String>) -> Expr {
        if let Some(reads) = &mut self.reads {
            reads.push(path.clone());
        }
        Expr::Path(path)
    }

    pub(super) fn member(&mut self, node: &Node<'_>, of: &Node<'_>, name: String) -> Expr {
        match self.through(node, of) {
            Expr::Path(mut path) => {
                path.push(name);
                Expr::Path(path)
            }
            inner => Expr::Member(Box::new(inner), name),
        }
    }

    pub(super) fn text(&mut self, node: &Node<'_>, pieces: &[TextPiece<'_>]) -> Expr {
        let mut flat = Vec::new();
        let mut content: Option<Range<usize>> = None;
        for piece in pieces {
            let range = match piece {
                TextPiece::Plain(_, from) | TextPiece::Hole(from) => from.range(),
                TextPiece::Within(_, range) => range.clone(),
            };
            // What fills a template from outside stands behind its quote.
            let outside = |all: &Range<usize>| {
                matches!(piece, TextPiece::Hole(_)) && range.start > all.end + MARK_BYTES
            };
            if !content.as_ref().is_some_and(outside) {
                content = Some(content.map_or(range.clone(), |all| {
                    all.start.min(range.start)..all.end.max(range.end)
                }));
            }
            match piece {
                TextPiece::Plain(text, _) | TextPiece::Within(text, _) => {
                    join(&mut flat, &Piece::Text(text.clone()))
                }
                TextPiece::Hole(hole) => {
                    self.visit(hole);
                    flat.push(Piece::Hole);
                }
            }
        }
        let text: String = flat
            .iter()
            .map(|piece| {
                if let Piece::Text(text) = piece {
                    text
                } else {
                    "\u{fffd}"
                }
            })
            .collect();
        if text.len() >= MIN_TEXT_BYTES {
            let content = content.unwrap_or_else(|| node.range());
            let span = Span {
                start: content.start,
                end: content.end,
            };
            self.facts.texts.push(Text {
                text,
                span,
                function: self.function,
            });
        }
        Expr::Text(flat)
    }

    pub(super) fn concat(&mut self, node: &Node<'_>, list: &[Node<'_>]) -> Expr {
        let parts = self.all(node, list);
        if parts.iter().any(|part| matches!(part, Expr::List(_))) {
            return Expr::List(parts.into_iter().flat_map(elements).collect());
        }
        if !parts.iter().any(|part| matches!(part, Expr::Text(_))) {
            return Expr::Other;
        }
        let mut flat = Vec::new();
        for part in parts {
            match part {
                Expr::Text(pieces) => pieces.iter().for_each(|piece| join(&mut flat, piece)),
                _ => flat.push(Piece::Hole),
            }
        }
        Expr::Text(flat)
    }

    pub(super) fn cons<'t>(
        &mut self,
        node: &Node<'t>,
        mut items: Vec<Node<'t>>,
        tail: Node<'t>,
    ) -> Expr {
        items.push(tail);
        let mut exprs = self.all(node, &items);
        let tail = exprs.pop().map(elements).unwrap_or_default();
        exprs.extend(tail);
        Expr::List(exprs)
    }

    pub(super) fn words(&mut self, node: &Node<'_>, pieces: &[TextPiece<'_>]) -> Expr {
        let Expr::Text(pieces) = self.text(node, pieces) else {
            return Expr::Other;
        };
        let mut words = vec![Vec::new()];
        for piece in &pieces {
            let Piece::Text(text) = piece else {
                words
                    .last_mut()
                    .into_iter()
                    .for_each(|word| word.push(Piece::Hole));
                continue;
            };
            for (at, part) in text.split(char::is_whitespace).enumerate() {
                if at > 0 {
                    words.push(Vec::new());
                }
                if let (Some(word), false) = (words.last_mut(), part.is_empty()) {
                    join(word, &Piece::Text(part.to_owned()));
                }
            }
        }
        words.retain(|word| !word.is_empty());
        Expr::List(words.into_iter().map(Expr::Text).collect())
    }

    pub(super) fn map(&mut self, node: &Node<'_>, pairs: Vec<(String, Node<'_>)>) -> Expr {
        let named = Named::new(pairs.iter().map(|(_, value)| value));
        let mut map = Vec::with_capacity(pairs.len());
        for (key, node) in pairs {
            let value = self.visit(&node);
            self.name_lambda(&value, &key);
            map.push((key, value));
        }
        self.rest(node, &named);
        Expr::Map(map)
    }

    pub(super) fn index<'t>(
        &mut self,
        node: &Node<'t>,
        of: &Node<'t>,
        slice: bool,
        at: &[Node<'t>],
    ) -> Expr {
        let inner = self.visit(of);
        for index in at {
            self.visit(index);
        }
        self.rest(node, &Named::new(at.iter().chain([of])));
        Expr::Index(Box::new(inner), slice)
    }

    /// A lambda that is given to a name has that name.
    pub(super) fn name_lambda(&mut self, value: &Expr, name: &str) {
        if let Expr::Lambda(id) = value
            && let Some(function) = self.facts.functions.get_mut(id.0)
            && function.name.is_empty()
        {
            name.clone_into(&mut function.name);
        }
    }

    /// Statements one after the other; the last one is what they give.
    pub(super) fn sequence(&mut self, node: &Node<'_>, list: &[Node<'_>]) -> Expr {
        let mut exprs = self.all(node, list);
        let last = exprs.pop().unwrap_or(Expr::Other);
        for expr in &exprs {
            self.settle(expr, &Usage::Discarded);
        }
        last
    }

    pub(super) fn choice<'t>(
        &mut self,
        node: &Node<'t>,
        subject: Option<Subject<'t>>,
        before: &[Node<'t>],
        values: &[Node<'t>],
    ) -> Expr {
        if let Some(subject) = &subject {
            self.take_apart(node, subject);
        }
        for condition in before {
            self.visit(condition);
        }
        let exprs: Vec<Expr> = values.iter().map(|value| self.visit(value)).collect();
        let subject = subject.as_ref().map(|subject| &subject.value);
        self.rest(
            node,
            &Named::new(before.iter().chain(values).chain(subject)),
        );

        let calls = exprs.iter().filter_map(|expr| {
            if let Expr::Call(id) = expr {
                Some(*id)
            } else {
                None
            }
        });
        let mut calls = calls.collect::<Vec<_>>().into_iter();
        if let Some(first) = calls.next() {
            self.others.entry(first).or_default().extend(calls);
            let values = exprs.into_iter();
            let values = values.filter(|own| matches!(own, Expr::Path(_) | Expr::List(_)));
            self.beside.entry(first).or_default().extend(values);
            return Expr::Call(first);
        }
        exprs
            .into_iter()
            .find(|expr| *expr != Expr::Other)
            .unwrap_or(Expr::Other)
    }

    /// Binds what is chosen by to the names of each arm.
    fn take_apart(&mut self, node: &Node<'_>, subject: &Subject<'_>) {
        let value = self.visit(&subject.value);
        let names = |arm: &&Vec<Vec<String>>| arm.iter().filter(|name| !name.is_empty()).count();
        // The first of equals: what is well stands before what went wrong.
        if let Some(most) = subject.arms.iter().rev().max_by_key(names) {
            self.settle(&value, &Usage::Bound(most.clone()));
        }
        for arm in &subject.arms {
            self.facts.bindings.push(Binding {
                targets: arm.clone(),
                declared: None,
                value: value.clone(),
                function: self.function,
                class: self.class,
                loops: self.loops.clone(),
                span: span(node),
            });
        }
    }
}

/// The arguments that one stands for: a list that is spread where it is written is its elements.
fn given(arg: Expr) -> Vec<Expr> {
    match arg {
        Expr::Spread(inner) if matches!(*inner, Expr::List(_)) => elements(*inner),
        other => vec![other],
    }
}

/// What a list that is joined to another adds.
pub(super) fn elements(list: Expr) -> Vec<Expr> {
    match list {
        Expr::List(items) => items,
        other => vec![Expr::Spread(Box::new(other))],
    }
}

/// Adds a piece, texts side by side becoming one.
fn join(pieces: &mut Vec<Piece>, piece: &Piece) {
    match (pieces.last_mut(), piece) {
        (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(text),
        _ => pieces.push(piece.clone()),
    }
}
