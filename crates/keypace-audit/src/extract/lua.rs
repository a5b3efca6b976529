//! Lua's nodes: modules, scripts of a server and texts of scripts inside other languages.
//! Must not walk or judge.

use super::grammar::{BindParts, CallParts, FunctionParts, Grammar, Role, TextPiece};
use super::literal::read_escapes;
use crate::facts::{Import, Param, Span};
use crate::limits::MAX_DEPTH_NODES;
use crate::syntax::Node;

/// Lua 5.1 to 5.4.
pub(super) struct Lua;

impl Grammar for Lua {
    fn role<'t>(&self, node: &Node<'t>) -> Role<'t> {
        match node.kind().as_ref() {
            "comment" => Role::Comment,
            "attribute" => Role::Skip,
            "chunk" | "block" => Role::Block,
            "return_statement" => {
                Role::Return(first(node).map(|list| alone(&list).unwrap_or(list)))
            }
            "parenthesized_expression" => first(node).map_or(Role::Plain, Role::Through),
            "identifier" | "vararg_expression" | "dot_index_expression" => chain(node),
            "bracket_index_expression" => index(node),
            "function_call" => call(node),
            "function_declaration" | "function_definition" => function(node),
            "assignment_statement" => assignment(node),
            "for_statement" => each(node),
            "while_statement" | "repeat_statement" => Role::While {
                condition: node.field("condition"),
                body: node.field("body").into_iter().collect(),
            },
            "string" => Role::Text(pieces(node)),
            "binary_expression" => operator(node),
            "number" => Role::Number,
            "expression_list" => Role::List(values(node)),
            "table_constructor" => table(node),
            _ => Role::Plain,
        }
    }

    fn imports(&self, node: &Node<'_>) -> Vec<Import> {
        let module = module_of(node);
        module
            .map(|module| Import {
                module,
                names: Vec::new(),
                span: span(node),
            })
            .into_iter()
            .collect()
    }
}

fn values<'t>(node: &Node<'t>) -> Vec<Node<'t>> {
    node.named_children()
        .filter(|child| child.kind() != "comment")
        .collect()
}

fn first<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    node.named_children()
        .find(|child| child.kind() != "comment")
}

fn alone<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    let [only] = <[_; 1]>::try_from(values(node)).ok()?;
    Some(only)
}

fn span(node: &Node<'_>) -> Span {
    let range = node.range();
    Span {
        start: range.start,
        end: range.end,
    }
}

fn content(string: &Node<'_>) -> Option<String> {
    let plain = string.kind() == "string";
    plain.then(|| {
        string
            .field("content")
            .map(|content| content.text().into_owned())
            .unwrap_or_default()
    })
}

/// The names of a chain, where it is one.
fn path(node: &Node<'_>) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut at = node.clone();
    for _ in 0..MAX_DEPTH_NODES {
        let name = match at.kind().as_ref() {
            "identifier" | "vararg_expression" => {
                names.push(at.text().into_owned());
                names.reverse();
                return Some(names);
            }
            "dot_index_expression" => at.field("field")?.text().into_owned(),
            "method_index_expression" => at.field("method")?.text().into_owned(),
            "bracket_index_expression" => content(&at.field("field")?)?,
            _ => return None,
        };
        names.push(name);
        at = at.field("table")?;
    }
    None
}

fn chain<'t>(node: &Node<'t>) -> Role<'t> {
    if let Some(path) = path(node) {
        return Role::Path(path);
    }
    match (node.field("table"), node.field("field")) {
        (Some(of), Some(name)) => Role::Member {
            of,
            name: name.text().into_owned(),
        },
        _ => Role::Plain,
    }
}

fn index<'t>(node: &Node<'t>) -> Role<'t> {
    if let Some(path) = path(node) {
        return Role::Path(path);
    }
    match node.field("table") {
        Some(of) => Role::Index {
            of,
            slice: false,
            at: node.field("field").into_iter().collect(),
        },
        None => Role::Plain,
    }
}

fn call<'t>(node: &Node<'t>) -> Role<'t> {
    let Some(callee) = node.field("name") else {
        return Role::Plain;
    };
    let (receiver, name) = match callee.kind().as_ref() {
        "identifier" => (None, Some(callee)),
        "dot_index_expression" => (callee.field("table"), callee.field("field")),
        "method_index_expression" => (callee.field("table"), callee.field("method")),
        _ => return Role::Plain,
    };
    let Some(name) = name else {
        return Role::Plain;
    };
    let args = node
        .field("arguments")
        .map(|arguments| values(&arguments))
        .unwrap_or_default();
    let text = name.text().into_owned();
    // `assert(f())` gives what it is given.
    if text == "assert" && receiver.is_none() && !args.is_empty() {
        return args.into_iter().next().map_or(Role::Plain, Role::Through);
    }
    Role::Call(CallParts {
        receiver,
        name,
        text,
        constructs: false,
        args,
        piped: None,
    })
}

/// The module of `require "m"`, `require("m")` and `pcall(require, "m")`.
fn module_of(node: &Node<'_>) -> Option<String> {
    if node.kind() != "function_call" {
        return None;
    }
    let args = values(&node.field("arguments")?);
    match node.field("name")?.text().as_ref() {
        "require" => content(args.first()?),
        "pcall" if args.first()?.text() == "require" => content(args.get(1)?),
        _ => None,
    }
}

fn function<'t>(node: &Node<'t>) -> Role<'t> {
    let name = node
        .field("name")
        .and_then(|name| path(&name))
        .and_then(|mut path| path.pop());
    let params = node
        .field("parameters")
        .iter()
        .flat_map(values)
        .collect::<Vec<_>>();
    let params = params.iter().map(|param| Param {
        name: param.text().into_owned(),
        declared: None,
    });
    Role::Function(FunctionParts {
        lambda: name.is_none(),
        name,
        params: params.collect(),
        inside: node.field("body").into_iter().collect(),
        ..FunctionParts::default()
    })
}

/// Names and values stand in pairs; what the last value gives beyond its own name goes to the names that are left.
/// The table of `found[#found + 1]`.
fn list_of<'t>(element: &Node<'t>) -> Option<Node<'t>> {
    (element.kind() == "bracket_index_expression")
        .then(|| element.field("table"))
        .flatten()
}

fn assignment<'t>(node: &Node<'t>) -> Role<'t> {
    let lists = values(node);
    let [names, given] = lists.as_slice() else {
        return Role::Plain;
    };
    let names = values(names);
    let mut targets = names
        .iter()
        .map(|name| {
            path(name)
                .or_else(|| path(&list_of(name)?))
                .unwrap_or_default()
        })
        .collect::<Vec<_>>();
    let given = values(given);
    if let [value] = given.as_slice()
        && let Some(module) = module_of(value)
        && let Some(name) = targets.last().and_then(|target| target.last())
    {
        return Role::Import(vec![Import {
            module,
            names: vec![(String::new(), name.clone())],
            span: span(node),
        }]);
    }
    let last = given.len().saturating_sub(1);
    let mut parts = Vec::with_capacity(given.len());
    for (at, value) in given.into_iter().enumerate() {
        let count = if at == last {
            targets.len()
        } else {
            targets.len().min(1)
        };
        let targets = targets.drain(..count).collect();
        parts.push(BindParts {
            targets,
            declared: None,
            value: Some(value),
        });
    }
    Role::Bind(parts)
}

fn each<'t>(node: &Node<'t>) -> Role<'t> {
    let Some(clause) = node.field("clause") else {
        return Role::Plain;
    };
    let body = node.field("body").into_iter().collect();
    if clause.kind() == "for_numeric_clause" {
        let names = clause
            .field("name")
            .map(|name| name.text().into_owned())
            .into_iter()
            .collect();
        // `for i = 1, #xs` goes over `xs`.
        let end = clause
            .field("end")
            .filter(|end| end.kind() == "unary_expression" && end.text().starts_with('#'));
        return match end.and_then(|end| end.field("operand")) {
            Some(iterable) => Role::Each {
                names,
                iterable,
                body,
            },
            None => Role::While {
                condition: clause.field("end"),
                body,
            },
        };
    }
    let lists = values(&clause);
    let [names, over] = lists.as_slice() else {
        return Role::Plain;
    };
    let names = values(names)
        .iter()
        .map(|name| name.text().into_owned())
        .collect();
    let Some(iterable) = first(over) else {
        return Role::Plain;
    };
    // `ipairs(xs)` goes over `xs`.
    let pairs = iterable
        .field("name")
        .is_some_and(|name| matches!(name.text().as_ref(), "ipairs" | "pairs"));
    let inner = iterable
        .field("arguments")
        .filter(|_| pairs)
        .and_then(|arguments| alone(&arguments));
    Role::Each {
        names,
        iterable: inner.unwrap_or(iterable),
        body,
    }
}

fn pieces<'t>(node: &Node<'t>) -> Vec<TextPiece<'t>> {
    let long = node.text().starts_with('[');
    let piece = |content: Node<'t>| {
        let text = content.text();
        TextPiece::Plain(
            if long {
                text.into_owned()
            } else {
                read_escapes(&text)
            },
            content,
        )
    };
    node.field("content").map(piece).into_iter().collect()
}

fn operator<'t>(node: &Node<'t>) -> Role<'t> {
    let (Some(left), Some(right)) = (node.field("left"), node.field("right")) else {
        return Role::Plain;
    };
    let operator = node.children().find(|child| !child.is_named());
    match operator
        .map(|operator| operator.text().into_owned())
        .as_deref()
    {
        Some("..") => Role::Concat(vec![left, right]),
        Some("or") => Role::Choice {
            subject: None,
            before: Vec::new(),
            values: vec![left, right],
        },
        Some("and") => Role::Choice {
            subject: None,
            before: vec![left],
            values: vec![right],
        },
        _ => Role::Plain,
    }
}

fn table<'t>(node: &Node<'t>) -> Role<'t> {
    let fields = values(node);
    if fields.iter().all(|field| field.field("name").is_none()) {
        return Role::List(
            fields
                .iter()
                .filter_map(|field| field.field("value"))
                .collect(),
        );
    }
    let pair = |field: &Node<'t>| {
        let key = field
            .field("name")
            .map(|name| content(&name).unwrap_or_else(|| name.text().into_owned()));
        Some((key.unwrap_or_default(), field.field("value")?))
    };
    Role::Map(fields.iter().filter_map(pair).collect())
}

#[cfg(test)]
mod tests {
    use crate::extract::sketch::{bindings, calls, functions, imports, loops, texts};
    use crate::language::Language::Lua;

    #[test]
    fn scripts_of_a_server() {
        let text = "\
local keys = redis.call('KEYS', ARGV[1] .. ':*')
for i, k in ipairs(keys) do redis.call('GET', k) end
for i = 1, #keys, 5000 do redis.pcall('DEL', unpack(keys, i, i + 4999)) end
local cursor = '0'
repeat
  local res = redis.call('SCAN', cursor)
  cursor = res[1]
until cursor == '0'
return redis.call('KEYS', KEYS[1] or '*')
";
        assert_eq!(
            calls(Lua, text),
            [
                "redis.call(\"KEYS\", \"{}:*\") -> bound keys",
                "redis.call(\"GET\", k) -> discarded @0",
                "unpack(keys, i, ...) -> argument of pcall @1",
                "redis.pcall(\"DEL\", unpack()) -> discarded @1",
                "redis.call(\"SCAN\", cursor) -> bound res @2",
                "redis.call(\"KEYS\", KEYS[]) -> returned",
            ]
        );
        assert_eq!(
            loops(Lua, text),
            ["each i, k of keys", "each i of keys", "while [cursor]"]
        );
        assert_eq!(
            bindings(Lua, text),
            [
                "keys = call()",
                "cursor = \"0\"",
                "res = call()",
                "cursor = res[]"
            ]
        );
    }

    #[test]
    fn modules_that_use_a_client() {
        let text = "\
local redis = require \"resty.redis\"
local ok, client = pcall(require, 'redis')
local sure = assert(client.connect('h'), 'no server')
local red = require('resty.redis'):new()
local a, err = red:keys('user:*')
local M = { list = function(self, pattern) return self.red:keys(pattern) end }
function M:flush(all) self.red[\"flushall\"] = nil end
local function helper(...) return red:del(...) end
local script = [[
return redis.call('KEYS', '*')
]]
";
        assert_eq!(
            imports(Lua, text),
            ["resty.redis: *=redis", "redis: *=client", "resty.redis"]
        );
        assert_eq!(
            calls(Lua, text),
            [
                "client.connect(\"h\") -> bound sure",
                "require(\"resty.redis\") -> receiver of new",
                "require().new() -> bound red",
                "red.keys(\"user:*\") -> bound a, err",
                "self.red.keys(pattern) -> returned in list",
                "red.del(...) -> returned in helper",
            ]
        );
        assert_eq!(
            functions(Lua, text),
            ["list(self, pattern)", "flush(all)", "helper(...)"]
        );
        assert_eq!(texts(Lua, text).len(), 3);
    }
}
