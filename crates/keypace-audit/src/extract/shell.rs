//! The shell's nodes: every command is a call of a program.
//! Must not walk or judge, and must not know programs' options.

use super::file_name::{FILE, file_name};
use super::grammar::{BindParts, CallParts, FunctionParts, Grammar, Role, TextPiece};
use super::literal::read_escapes;
use crate::syntax::Node;

/// POSIX shell and Bash.
pub(super) struct Shell;

impl Grammar for Shell {
    fn role<'t>(&self, node: &Node<'t>) -> Role<'t> {
        match node.kind().as_ref() {
            "comment" => Role::Comment,
            "file_redirect" => redirect(node),
            "program" | "compound_statement" | "do_group" | "if_statement" | "elif_clause"
            | "else_clause" | "case_item" => Role::Block,
            "subshell" | "list" | "command_substitution" | "process_substitution" => {
                Role::Sequence(values(node))
            }
            "negated_command" => first(node).map_or(Role::Plain, Role::Through),
            "command" => command(node, Vec::new()),
            "redirected_statement" => redirected(node),
            "heredoc_redirect" => named_part(node, "<<", "heredoc_body"),
            "herestring_redirect" => {
                first(node).map_or(Role::Plain, |text| Role::Named("<<<".to_owned(), text))
            }
            "pipeline" => Role::Pipe(values(node)),
            "variable_assignment" => assignment(node),
            "function_definition" => Role::Function(FunctionParts {
                name: node.field("name").map(|name| name.text().into_owned()),
                inside: node.field("body").into_iter().collect(),
                ..FunctionParts::default()
            }),
            "for_statement" => each(node),
            "while_statement" => repeat(node),
            "c_style_for_statement" => Role::While {
                condition: node.field("condition").filter(Node::is_named),
                body: node.field("body").into_iter().collect(),
            },
            "simple_expansion" | "expansion" => {
                variable(node).map_or(Role::Plain, |name| Role::Path(vec![name]))
            }
            "word" | "raw_string" | "ansi_c_string" | "heredoc_body" | "test_operator" => {
                Role::Text(pieces(node))
            }
            "string" => string(node),
            "translated_string" => first(node).map_or(Role::Plain, Role::Through),
            "concatenation" => Role::Concat(values(node)),
            "number" => Role::Number,
            "array" => Role::List(values(node)),
            _ => Role::Plain,
        }
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

/// The variable of `$x`, `${x}`, `${x[@]}` and `${x:-default}`.
fn variable(node: &Node<'_>) -> Option<String> {
    let name = first(node)?;
    let name = if name.kind() == "subscript" {
        name.field("name")?
    } else {
        name
    };
    matches!(
        name.kind().as_ref(),
        "variable_name" | "special_variable_name"
    )
    .then(|| name.text().into_owned())
}

/// A command's words. What stands around it (a here-document) comes after them.
fn command<'t>(node: &Node<'t>, more: Vec<Node<'t>>) -> Role<'t> {
    let Some(name) = node.field("name") else {
        return Role::Plain;
    };
    let mut args: Vec<Node<'t>> = node
        .field_children("argument")
        .filter(Node::is_named)
        .collect();
    args.truncate(words_of_one_line(node, &args));
    args.extend(
        node.field_children("redirect")
            .filter(|part| part.kind() == "herestring_redirect"),
    );
    args.extend(more);
    let text = program(&name);
    Role::Call(CallParts {
        receiver: None,
        name,
        text,
        constructs: false,
        args,
        piped: None,
    })
}

/// How many words belong to the command. Before a here-document the grammar may read whole lines after a pipe as words of
/// its last command; a line break that no backslash hides ends a command.
fn words_of_one_line(command: &Node<'_>, words: &[Node<'_>]) -> usize {
    let (all, start) = (command.text(), command.range().start);
    let mut from = command.field("name").map_or(start, |name| name.range().end);
    for (count, word) in words.iter().enumerate() {
        let range = word.range();
        let between = all
            .get(from.saturating_sub(start)..range.start.saturating_sub(start))
            .unwrap_or_default();
        if between
            .replace("\\\n", "")
            .replace("\\\r\n", "")
            .contains('\n')
        {
            return count;
        }
        from = range.end;
    }
    words.len()
}

/// A program's name without its folder; a variable's name where it is one.
fn program(name: &Node<'_>) -> String {
    let mut inner = first(name);
    if let Some(quoted) = inner.as_ref().filter(|inner| inner.kind() == "string") {
        inner = <[_; 1]>::try_from(values(quoted)).ok().map(|[only]| only);
    }
    if let Some(variable) = inner.as_ref().and_then(variable) {
        return variable;
    }
    let text = name.text();
    let text = text.trim_matches(['"', '\'']);
    text.rsplit('/')
        .next()
        .unwrap_or(text)
        .trim_start_matches('\\')
        .to_owned()
}

fn named_part<'t>(node: &Node<'t>, name: &str, kind: &str) -> Role<'t> {
    let part = node.named_children().find(|child| child.kind() == kind);
    part.map_or(Role::Plain, |part| Role::Named(name.to_owned(), part))
}

/// Where a redirect goes is a name of a file; only what runs for it counts.
fn redirect<'t>(node: &Node<'t>) -> Role<'t> {
    let to = node.field("destination");
    match to.filter(|to| {
        matches!(
            to.kind().as_ref(),
            "process_substitution" | "command_substitution"
        )
    }) {
        Some(runs) => Role::Through(runs),
        None => Role::Skip,
    }
}

fn redirected<'t>(node: &Node<'t>) -> Role<'t> {
    let Some(body) = node.field("body") else {
        return Role::Plain;
    };
    let redirects: Vec<Node<'t>> = node.field_children("redirect").collect();
    if let Some(file) = redirects.iter().find_map(written) {
        let plain = matches!(body.kind().as_ref(), "command" | "pipeline") && redirects.len() == 1;
        if plain {
            return Role::Bind(vec![BindParts {
                targets: vec![vec![FILE.to_owned(), file]],
                declared: None,
                value: Some(body),
            }]);
        }
    }
    match body.kind().as_ref() {
        "command" => {
            let documents = redirects.into_iter().filter(|part| {
                matches!(
                    part.kind().as_ref(),
                    "heredoc_redirect" | "herestring_redirect"
                ) || read_from(part).is_some_and(|from| from.kind() == "process_substitution")
            });
            command(&body, documents.collect())
        }
        // `while read x; do ... done < <(command)` goes over what the command writes, or what a file holds.
        "while_statement" => {
            let names = read_names(&body);
            let from = redirects
                .into_iter()
                .find_map(|part| match part.kind().as_ref() {
                    "file_redirect" => read_from(&part),
                    "herestring_redirect" => first(&part),
                    _ => None,
                });
            match (names, from) {
                (Some(names), Some(iterable)) => Role::Each {
                    names,
                    iterable,
                    body: body.field("body").into_iter().collect(),
                },
                _ => Role::Through(body),
            }
        }
        _ => Role::Through(body),
    }
}

/// Where `< file` and `< <(command)` read from.
fn read_from<'t>(redirect: &Node<'t>) -> Option<Node<'t>> {
    let reads = redirect.kind() == "file_redirect" && redirect.text().trim().starts_with('<');
    redirect.field("destination").filter(|_| reads)
}

/// The file that `> file` and `>> file` write, as [`named`] calls it.
fn written(redirect: &Node<'_>) -> Option<String> {
    let writes = redirect.kind() == "file_redirect" && redirect.text().starts_with('>');
    let to = redirect.field("destination").filter(|_| writes)?;
    let kept = matches!(
        to.kind().as_ref(),
        "word" | "string" | "simple_expansion" | "expansion" | "concatenation"
    );
    let text = to.text();
    let outside = text.starts_with("/dev/") || text.starts_with('&');
    (kept && !outside).then(|| file_name(&text))
}

fn assignment<'t>(node: &Node<'t>) -> Role<'t> {
    let name = node
        .field("name")
        .map(|name| name.field("name").unwrap_or(name).text().into_owned());
    Role::Bind(vec![BindParts {
        targets: vec![name.into_iter().collect()],
        declared: None,
        value: node.field("value"),
    }])
}

fn each<'t>(node: &Node<'t>) -> Role<'t> {
    let names = node
        .field("variable")
        .map(|name| name.text().into_owned())
        .into_iter()
        .collect();
    let over: Vec<Node<'t>> = node
        .field_children("value")
        .filter(Node::is_named)
        .collect();
    let runs = over
        .iter()
        .find(|value| value.kind() == "command_substitution");
    let Some(iterable) = runs.or(over.first()).cloned() else {
        return Role::Plain;
    };
    Role::Each {
        names,
        iterable,
        body: node.field("body").into_iter().collect(),
    }
}

fn repeat<'t>(node: &Node<'t>) -> Role<'t> {
    let body = node.field("body").into_iter().collect();
    if let Some(names) = read_names(node) {
        return Role::Fed { names, body };
    }
    Role::While {
        condition: node.field("condition").filter(Node::is_named),
        body,
    }
}

/// The variables of `while read -r a b`.
fn read_names(repeated: &Node<'_>) -> Option<Vec<String>> {
    let condition = repeated.field_children("condition").find(Node::is_named)?;
    let reads = match condition.kind().as_ref() {
        "list" => values(&condition).into_iter().find(is_read)?,
        _ => Some(condition).filter(is_read)?,
    };
    let words = reads
        .field_children("argument")
        .map(|word| word.text().into_owned());
    Some(
        words
            .filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
            .collect(),
    )
}

fn is_read(command: &Node<'_>) -> bool {
    command.kind() == "command"
        && command
            .field("name")
            .is_some_and(|name| name.text() == "read")
}

/// `"$(command)"` and `"$x"` are what stands inside.
fn string<'t>(node: &Node<'t>) -> Role<'t> {
    let parts = values(node);
    let quoted = node.range().len();
    if let [only] = parts.as_slice()
        && matches!(
            only.kind().as_ref(),
            "command_substitution" | "simple_expansion" | "expansion"
        )
        && only.range().len() + 2 == quoted
    {
        return Role::Through(only.clone());
    }
    Role::Text(pieces(node))
}

fn pieces<'t>(node: &Node<'t>) -> Vec<TextPiece<'t>> {
    match node.kind().as_ref() {
        "raw_string" => vec![TextPiece::Plain(
            node.text().trim_matches('\'').to_owned(),
            node.clone(),
        )],
        "ansi_c_string" => {
            let text = node.text();
            vec![TextPiece::Plain(
                read_escapes(text.trim_start_matches('$').trim_matches('\'')),
                node.clone(),
            )]
        }
        "word" | "test_operator" => vec![TextPiece::Plain(unquoted(&node.text()), node.clone())],
        _ => {
            let parts = values(node);
            if parts.is_empty() {
                return vec![TextPiece::Plain(
                    node.text().trim_matches('"').to_owned(),
                    node.clone(),
                )];
            }
            let piece = |part: Node<'t>| match part.kind().as_ref() {
                "string_content" => TextPiece::Plain(in_quotes(&part.text()), part),
                "heredoc_content" => TextPiece::Plain(part.text().into_owned(), part),
                _ => TextPiece::Hole(part),
            };
            parts.into_iter().map(piece).collect()
        }
    }
}

/// A word without its backslashes.
fn unquoted(word: &str) -> String {
    let mut text = String::with_capacity(word.len());
    let mut rest = word.chars();
    while let Some(c) = rest.next() {
        text.extend(if c == '\\' { rest.next() } else { Some(c) });
    }
    text
}

/// In double quotes a backslash hides only quotes, dollars, backquotes and itself.
fn in_quotes(text: &str) -> String {
    text.replace("\\\"", "\"")
        .replace("\\$", "$")
        .replace("\\`", "`")
        .replace("\\\\", "\\")
}

#[cfg(test)]
mod tests {
    use crate::extract::sketch::{bindings, calls, loops};
    use crate::language::Language::Shell;

    #[test]
    fn commands_are_calls() {
        let text = "\
redis-cli -h \"$HOST\" -p 6379 KEYS 'user:*'
/usr/bin/redis-cli keys \"sess:${id}:*\" > out.txt
keys=$(redis-cli --raw keys \\*)
redis-cli <<EOF
KEYS *
EOF
redis-cli <<< 'KEYS *'
redis-cli --scan --pattern 'a:*' | sort | xargs -n 100 redis-cli del
$REDIS_CLI keys foo*
\"$BIN/redis-cli\" keys 'x*'
\"${RC}\" keys 'y*'
if ! redis-cli ping; then redis-cli flushall && echo done; fi
local n=\"$(redis-cli dbsize)\"
cleanup() { redis-cli FLUSHDB; }
";
        assert_eq!(
            calls(Shell, text),
            [
                "redis-cli(\"-h\", HOST, \"-p\", 6379, \"KEYS\", \"user:*\") -> discarded",
                "redis-cli(\"keys\", \"sess:{}:*\") -> bound <.out.txt",
                "redis-cli(\"--raw\", \"keys\", \"*\") -> bound keys",
                "redis-cli(<<=\"KEYS *\\n\") -> discarded",
                "redis-cli(<<<=\"KEYS *\") -> discarded",
                "redis-cli(\"--scan\", \"--pattern\", \"a:*\") -> piped to sort",
                "sort() -> piped to xargs",
                "xargs(\"-n\", 100, \"redis-cli\", \"del\") -> discarded",
                "REDIS_CLI(\"keys\", \"foo*\") -> discarded",
                "redis-cli(\"keys\", \"x*\") -> discarded",
                "RC(\"keys\", \"y*\") -> discarded",
                "redis-cli(\"ping\") -> discarded",
                "redis-cli(\"flushall\") -> discarded",
                "echo(\"done\") -> discarded",
                "redis-cli(\"dbsize\") -> bound n",
                "redis-cli(\"FLUSHDB\") -> discarded in cleanup",
            ]
        );
        assert_eq!(
            bindings(Shell, text),
            [
                "<.out.txt = redis-cli()",
                "keys = redis-cli()",
                "n = redis-cli()"
            ]
        );
    }

    #[test]
    fn loops_are_fed_in_many_ways() {
        let text = "\
for k in $(redis-cli keys 'a*'); do redis-cli get \"$k\"; done
redis-cli --scan | while read -r key; do redis-cli ttl \"$key\"; done
while IFS= read -r key; do redis-cli del \"$key\"; done < <(redis-cli keys 'b*')
while [ \"$cursor\" != 0 ]; do reply=$(redis-cli scan \"$cursor\"); done
";
        assert_eq!(
            loops(Shell, text),
            [
                "each k of redis-cli()",
                "each key of redis-cli()",
                "each key of redis-cli()",
                "while [cursor]"
            ]
        );
        let all = calls(Shell, text);
        let looped: Vec<&str> = all
            .iter()
            .map(String::as_str)
            .filter(|call| call.contains('@'))
            .collect();
        assert_eq!(
            looped,
            [
                "redis-cli(\"get\", k) -> discarded @0",
                "redis-cli(\"ttl\", key) -> discarded @1",
                "read(\"-r\", \"key\") -> other @1",
                "redis-cli(\"del\", key) -> discarded @2",
                "read(\"-r\", \"key\") -> other @2",
                "redis-cli(\"scan\", cursor) -> bound reply @3",
            ]
        );
        assert!(
            all.iter()
                .any(|call| call == "redis-cli(\"--scan\") -> iterated"),
            "{all:?}"
        );
    }
}
