//! The one walk over a file's nodes: what a grammar says of each node becomes facts.
//! Must not know a language or Redis.

mod expr;
mod named;

use std::collections::{HashMap, HashSet};

use self::named::Named;
use super::grammar::{BindParts, ClassParts, FunctionParts, Grammar, Role};
use crate::facts::{
    Binding, CallId, Class, ClassId, Comment, DefaultValue, Expr, Facts, Function, FunctionId,
    Loop, LoopId, LoopKind, Returned, Span, Usage,
};
use crate::language::Language;
use crate::limits::MAX_DEPTH_NODES;
use crate::syntax::Node;

/// Reads all facts below `root`.
pub(super) fn walk(language: Language, grammar: &dyn Grammar, root: &Node<'_>) -> Facts {
    let mut walk = Walk {
        grammar,
        facts: Facts::new(language),
        function: None,
        class: None,
        loops: Vec::new(),
        depth: 0,
        tails: HashSet::new(),
        others: HashMap::new(),
        beside: HashMap::new(),
        reads: None,
    };
    walk.visit(root);
    walk.facts
}

struct Walk<'g> {
    grammar: &'g dyn Grammar,
    facts: Facts,
    function: Option<FunctionId>,
    class: Option<ClassId>,
    /// The loops around the node, outermost first.
    loops: Vec<LoopId>,
    depth: usize,
    /// Nodes whose value a function gives back without saying so.
    tails: HashSet<usize>,
    /// Calls whose results go where that of the first goes: the other values of a choice.
    others: HashMap<CallId, Vec<CallId>>,
    /// The same for values that are no calls.
    beside: HashMap<CallId, Vec<Expr>>,
    /// Paths read since a condition began; `None` outside conditions.
    reads: Option<Vec<Vec<String>>>,
}

impl Walk<'_> {
    /// Reads a node and all below it; says what it is as an expression.
    fn visit(&mut self, node: &Node<'_>) -> Expr {
        if self.depth >= MAX_DEPTH_NODES {
            return Expr::Other;
        }
        self.depth += 1;
        let expr = self.read(node);
        self.depth -= 1;
        if self.tails.remove(&node.node_id()) {
            self.give_back(&expr, node);
        }
        expr
    }

    fn read(&mut self, node: &Node<'_>) -> Expr {
        match self.grammar.role(node) {
            Role::Plain | Role::Branch => self.children(node),
            Role::Skip => Expr::Other,
            Role::Through(inner) => self.through(node, &inner),
            Role::Block => self.block(node),
            Role::Statement(inner) => self.settled(node, &inner, &Usage::Discarded),
            Role::Sequence(list) => self.sequence(node, &list),
            Role::Choice {
                subject,
                before,
                values,
            } => self.choice(node, subject, &before, &values),
            Role::Return(Some(inner)) => {
                let expr = self.through(node, &inner);
                self.settle(&expr, &Usage::Returned);
                self.give_back(&expr, &inner);
                Expr::Other
            }
            Role::Return(None) => Expr::Other,
            Role::Yield(inner) => self.give_on(node, &inner),
            Role::Reference { of, name } => self.reference(node, of.as_ref(), &name),
            Role::Call(parts) => self.call(node, &parts),
            Role::Getter(parts) => self.getter(node, &parts),
            Role::Function(parts) => self.function(node, parts),
            Role::Class(parts) => self.class(node, parts),
            Role::Bind(list) => self.bind(node, list),
            Role::Each {
                names,
                iterable,
                body,
            } => {
                self.each(node, names, &iterable, &body);
                Expr::Other
            }
            Role::Gather {
                names,
                iterable,
                body,
            } => {
                let id = self.each(node, names, &iterable, &body);
                self.facts.loops[id.0].gathers = true;
                Expr::Gathered(id)
            }
            Role::While { condition, body } => self.repeat(node, condition.as_ref(), &body),
            Role::Fed { body, .. } => self.repeat(node, None, &body),
            Role::Pipe(list) => self.pipe(node, &list),
            Role::Import(list) => {
                self.facts.imports.extend(list);
                Expr::Other
            }
            Role::Comment => {
                let text = node.text().into_owned();
                self.facts.comments.push(Comment {
                    text,
                    span: span(node),
                });
                Expr::Other
            }
            Role::Path(path) => self.path(path),
            Role::Member { of, name } => self.member(node, &of, name),
            Role::Text(pieces) => self.text(node, &pieces),
            Role::Concat(list) => self.concat(node, &list),
            Role::Join(list) => Expr::List(
                self.all(node, &list)
                    .into_iter()
                    .flat_map(expr::elements)
                    .collect(),
            ),
            Role::Words(pieces) => self.words(node, &pieces),
            Role::Number => Expr::Number(node.text().into_owned()),
            Role::List(list) => Expr::List(self.all(node, &list)),
            Role::Cons { items, tail } => self.cons(node, items, tail),
            Role::Map(pairs) => self.map(node, pairs),
            Role::Spread(inner) => Expr::Spread(Box::new(self.through(node, &inner))),
            Role::Named(name, inner) => {
                let value = self.through(node, &inner);
                self.name_lambda(&value, &name);
                Expr::Named(name, Box::new(value))
            }
            Role::Default(name, inner) => {
                let value = self.through(node, &inner);
                self.facts.defaults.push(DefaultValue {
                    name,
                    value,
                    function: self.function,
                });
                Expr::Other
            }
            Role::Index { of, slice, at } => self.index(node, &of, slice, &at),
        }
    }

    fn children(&mut self, node: &Node<'_>) -> Expr {
        for child in node.named_children() {
            self.visit(&child);
        }
        Expr::Other
    }

    fn block(&mut self, node: &Node<'_>) -> Expr {
        for child in node.named_children() {
            let expr = self.visit(&child);
            self.settle(&expr, &Usage::Discarded);
        }
        Expr::Other
    }

    /// Visits what a role left out: a named child that is not one of its nodes, nor around one.
    fn rest(&mut self, node: &Node<'_>, named: &Named) {
        for child in node.named_children() {
            let inside = named.inside(&child);
            if inside.iter().any(|(_, id)| *id == child.node_id()) {
                continue;
            }
            if inside.is_empty() {
                self.visit(&child);
            } else if self.depth < MAX_DEPTH_NODES {
                self.depth += 1;
                self.rest(&child, named);
                self.depth -= 1;
            }
        }
    }

    fn through(&mut self, node: &Node<'_>, inner: &Node<'_>) -> Expr {
        let expr = self.visit(inner);
        self.rest(node, &Named::new([inner]));
        expr
    }

    fn all(&mut self, node: &Node<'_>, list: &[Node<'_>]) -> Vec<Expr> {
        let exprs = list.iter().map(|item| self.visit(item)).collect();
        self.rest(node, &Named::new(list));
        exprs
    }

    fn settled(&mut self, node: &Node<'_>, inner: &Node<'_>, usage: &Usage) -> Expr {
        let expr = self.through(node, inner);
        self.settle(&expr, usage);
        Expr::Other
    }

    /// Remembers what a function gives back, where it isn't a call.
    fn give_back(&mut self, expr: &Expr, node: &Node<'_>) {
        if let Expr::Call(id) = expr {
            for value in self.beside.remove(id).unwrap_or_default() {
                self.give_back(&value, node);
            }
        }
        if !matches!(expr, Expr::Call(_) | Expr::Other | Expr::Number(_)) {
            self.facts.returned.push(Returned {
                value: expr.clone(),
                yielded: false,
                function: self.function,
                span: span(node),
            });
        }
    }

    fn give_on(&mut self, node: &Node<'_>, inner: &Node<'_>) -> Expr {
        let expr = self.through(node, inner);
        self.facts.returned.push(Returned {
            value: expr.clone(),
            yielded: true,
            function: self.function,
            span: span(inner),
        });
        expr
    }

    /// Says where a call's result goes. What was said first stays: a binding inside a condition is a binding.
    fn settle(&mut self, expr: &Expr, usage: &Usage) {
        match expr {
            Expr::Call(id) => {
                if let Some(call) = self.facts.calls.get_mut(id.0)
                    && call.usage == Usage::Other
                {
                    call.usage = usage.clone();
                }
                for other in self.others.remove(id).unwrap_or_default() {
                    self.settle(&Expr::Call(other), usage);
                }
            }
            Expr::Spread(inner) | Expr::Named(_, inner) => self.settle(inner, usage),
            _ => {}
        }
    }

    fn function(&mut self, node: &Node<'_>, parts: FunctionParts<'_>) -> Expr {
        let id = FunctionId(self.facts.functions.len());
        self.facts.functions.push(Function {
            name: parts.name.unwrap_or_default(),
            params: parts.params,
            returns: parts.returns,
            marks: parts.marks,
            lambda: parts.lambda,
            parent: self.function,
            class: self.class,
            span: span(node),
        });
        if parts.returns_last
            && let Some(last) = parts.inside.last()
        {
            self.find_tails(last, self.depth);
        }
        let function = self.function.replace(id);
        // A function with a name runs when it is called, not where it stands.
        let loops = (!parts.lambda).then(|| std::mem::take(&mut self.loops));
        let reads = self.reads.take();
        for inner in &parts.inside {
            self.visit(inner);
        }
        self.rest(node, &Named::new(&parts.inside));
        self.reads = reads;
        if let Some(loops) = loops {
            self.loops = loops;
        }
        self.function = function;
        Expr::Lambda(id)
    }

    /// Remembers the calls and values that stand last in a body.
    fn find_tails(&mut self, node: &Node<'_>, depth: usize) {
        if depth >= MAX_DEPTH_NODES {
            return;
        }
        match self.grammar.role(node) {
            Role::Call(_)
            | Role::Getter(_)
            | Role::Path(_)
            | Role::Gather { .. }
            | Role::List(_)
            | Role::Concat(_)
            | Role::Join(_)
            | Role::Cons { .. }
            | Role::Index { .. } => {
                self.tails.insert(node.node_id());
            }
            Role::Statement(inner) | Role::Through(inner) => self.find_tails(&inner, depth + 1),
            Role::Block => {
                let last = node
                    .named_children()
                    .filter(|child| !child.is_extra())
                    .last();
                if let Some(last) = last {
                    self.find_tails(&last, depth + 1);
                }
            }
            Role::Sequence(list) => {
                if let Some(last) = list.last() {
                    self.find_tails(last, depth + 1);
                }
            }
            Role::Choice { values, .. } => {
                for value in &values {
                    self.find_tails(value, depth + 1);
                }
            }
            Role::Branch => {
                for child in node.named_children() {
                    self.find_tails(&child, depth + 1);
                }
            }
            _ => {}
        }
    }

    fn class(&mut self, node: &Node<'_>, parts: ClassParts<'_>) -> Expr {
        let id = ClassId(self.facts.classes.len());
        self.facts.classes.push(Class {
            name: parts.name,
            bases: parts.bases,
            fields: parts.fields,
            span: span(node),
        });
        let class = self.class.replace(id);
        let loops = std::mem::take(&mut self.loops);
        for inner in &parts.inside {
            self.visit(inner);
        }
        self.rest(node, &Named::new(&parts.inside));
        self.loops = loops;
        self.class = class;
        Expr::Other
    }

    /// Gives the value, so that an assignment inside an expression is what it assigns.
    fn bind(&mut self, node: &Node<'_>, list: Vec<BindParts<'_>>) -> Expr {
        let named = Named::new(list.iter().filter_map(|parts| parts.value.as_ref()));
        self.facts.imports.extend(self.grammar.imports(node));
        let mut last = Expr::Other;
        for parts in list {
            let value = parts.value.map_or(Expr::Other, |value| self.visit(&value));
            self.settle(&value, &Usage::Bound(parts.targets.clone()));
            if let [target] = parts.targets.as_slice()
                && let Some(name) = target.last()
            {
                self.name_lambda(&value, name);
            }
            last = value.clone();
            self.facts.bindings.push(Binding {
                targets: parts.targets,
                declared: parts.declared,
                value,
                function: self.function,
                class: self.class,
                loops: self.loops.clone(),
                span: span(node),
            });
        }
        self.rest(node, &named);
        last
    }

    fn begin_loop(&mut self, node: &Node<'_>, kind: LoopKind) -> LoopId {
        let id = LoopId(self.facts.loops.len());
        self.facts.loops.push(Loop {
            kind,
            gathers: false,
            condition: Vec::new(),
            function: self.function,
            span: span(node),
        });
        self.loops.push(id);
        id
    }

    fn each<'t>(
        &mut self,
        node: &Node<'t>,
        names: Vec<String>,
        iterable: &Node<'t>,
        body: &[Node<'t>],
    ) -> LoopId {
        // Evaluated once, before the loop.
        let value = self.visit(iterable);
        let named = Named::new(body.iter().chain([iterable]));
        self.each_of(node, names, value, body, &named)
    }

    fn each_of(
        &mut self,
        node: &Node<'_>,
        names: Vec<String>,
        value: Expr,
        body: &[Node<'_>],
        named: &Named,
    ) -> LoopId {
        let id = self.begin_loop(node, LoopKind::While);
        self.settle(&value, &Usage::Iterated(id));
        if let Some(declared) = self.grammar.loop_type(node) {
            self.facts.bindings.push(Binding {
                targets: names.iter().map(|name| vec![name.clone()]).collect(),
                declared: Some(declared),
                value: Expr::Other,
                function: self.function,
                class: self.class,
                loops: self.loops.clone(),
                span: span(node),
            });
        }
        self.facts.loops[id.0].kind = LoopKind::Each {
            names,
            iterable: value,
        };
        for inner in body {
            self.visit(inner);
        }
        self.rest(node, named);
        self.loops.pop();
        id
    }

    fn repeat<'t>(
        &mut self,
        node: &Node<'t>,
        condition: Option<&Node<'t>>,
        body: &[Node<'t>],
    ) -> Expr {
        let id = self.begin_loop(node, LoopKind::While);
        if let Some(condition) = condition {
            let outer = self.reads.replace(Vec::new());
            self.visit(condition);
            let read = std::mem::replace(&mut self.reads, outer);
            self.facts.loops[id.0].condition = read.unwrap_or_default();
        }
        for inner in body {
            self.visit(inner);
        }
        self.rest(node, &Named::new(body.iter().chain(condition)));
        self.loops.pop();
        Expr::Other
    }
}

fn span(node: &Node<'_>) -> Span {
    let range = node.range();
    Span {
        start: range.start,
        end: range.end,
    }
}

#[cfg(test)]
mod tests;
