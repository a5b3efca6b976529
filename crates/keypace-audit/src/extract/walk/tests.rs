//! The bounds of the walk: how deep and how long a text may be.
//! Must not test a language.

use crate::extract::facts;
use crate::language::Language::{JavaScript, Lua, Python, Shell, TypeScript};

const DEEP: usize = 20_000;

#[test]
fn deep_nesting_neither_overflows_nor_hides_what_stands_beside_it() {
    let nested = [
        (Python, "f(", ")"),
        (Python, "[", "]"),
        (Python, "(lambda: ", ")"),
        (Python, "'a' + (", ")"),
        (JavaScript, "f(", ")"),
        (JavaScript, "(() => ", ")"),
        (TypeScript, "g({ a: ", " })"),
        (Lua, "f(", ")"),
        (Lua, "f({ ", " })"),
        (Shell, "echo $(", ")"),
    ];
    for (language, open, close) in nested {
        let beside = if language == Shell {
            "keys 'a*'"
        } else {
            "r.keys('a*')"
        };
        let inner = if language == Shell { "true" } else { "1" };
        let text = format!(
            "{beside}\n{}{inner}{}\n",
            open.repeat(DEEP),
            close.repeat(DEEP)
        );
        let found = facts(language, &text);
        assert!(
            found.calls.iter().any(|call| call.name == "keys"),
            "{language:?} {open}"
        );
    }
}

#[test]
fn long_chains_end_where_the_bound_is() {
    let joined = format!("x = {}'end'\nr.keys('a*')\n", "'a' + ".repeat(DEEP));
    assert_eq!(facts(Python, &joined).calls.len(), 1);
    let chained = format!("x{}\nr.keys('a*')\n", ".f()".repeat(DEEP));
    assert!(
        facts(Python, &chained)
            .calls
            .iter()
            .any(|call| call.name == "keys")
    );
    let members = format!("x{}\nr.keys('a*')\n", ".f".repeat(DEEP));
    assert!(
        facts(JavaScript, &members)
            .calls
            .iter()
            .any(|call| call.name == "keys")
    );
}
