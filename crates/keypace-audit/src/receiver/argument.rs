//! Arguments of commands: patterns, cursors, options, whatever way a client takes them.
//! Must not know who the receiver is.

use crate::facts::{Expr, Piece};
use crate::receiver::clients;
use crate::receiver::verb::Verb;

/// A string without holes.
pub(crate) fn literal(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Text(pieces) => match pieces.as_slice() {
            [Piece::Text(text)] => Some(text),
            _ => None,
        },
        Expr::Named(_, inner) => literal(inner),
        _ => None,
    }
}

/// The text of a string with `\u{fffd}` where something is worked out at run time.
pub(crate) fn shape(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Text(pieces) => Some(
            pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Text(text) => text.as_str(),
                    Piece::Hole => "\u{fffd}",
                })
                .collect(),
        ),
        Expr::Named(_, inner) => shape(inner),
        _ => None,
    }
}

/// A string with a `*` in it.
pub(crate) fn is_glob(expr: &Expr) -> bool {
    shape(expr).is_some_and(|text| text.contains('*') && !text.contains('\n'))
}

/// Something that a reader would take for a pattern of keys.
pub(crate) fn is_pattern_like(expr: &Expr) -> bool {
    match expr {
        Expr::Text(pieces) => pieces.contains(&Piece::Hole) || is_glob(expr),
        Expr::Named(_, inner) => is_pattern_like(inner),
        Expr::Path(path) => path.last().is_some_and(|name| {
            clients::words(name).iter().any(|word| {
                matches!(
                    word.as_str(),
                    "pattern"
                        | "prefix"
                        | "match"
                        | "glob"
                        | "wildcard"
                        | "mask"
                        | "key"
                        | "keys"
                        | "query"
                        | "expr"
                )
            })
        }),
        Expr::Call(_) | Expr::Other => true,
        _ => false,
    }
}

/// A first argument as SCAN takes it: a number, `"0"`, a name that says cursor.
pub(crate) fn is_cursor_like(expr: &Expr) -> bool {
    match expr {
        Expr::Number(_) => true,
        Expr::Text(_) => literal(expr).is_some_and(|text| text.bytes().all(|b| b.is_ascii_digit())),
        Expr::Path(path) => path.last().is_some_and(|name| {
            let lower = name.to_ascii_lowercase();
            [
                "cursor", "pointer", "iter", "cur", "start", "next", "offset", "it", "null",
            ]
            .iter()
            .any(|word| lower.contains(word))
        }),
        Expr::Named(name, _) => name == "cursor",
        _ => false,
    }
}

/// Where a step of a scan begins: its cursor, `None` where it is left out.
pub(crate) fn cursor(verb: Verb, args: &[Expr]) -> Option<&Expr> {
    let named = args
        .iter()
        .find(|arg| matches!(arg, Expr::Named(name, _) if name == "cursor"));
    let at = usize::from(verb == Verb::InnerScan);
    named.or_else(|| {
        args.get(at)
            .filter(|arg| !matches!(arg, Expr::Named(..) | Expr::Map(_)))
    })
}

/// A cursor that is the constant zero.
pub(crate) fn is_zero_cursor(expr: &Expr) -> bool {
    match expr {
        Expr::Number(text) => text.trim_end_matches(|c: char| c.is_alphabetic() || c == '_') == "0",
        Expr::Text(_) => literal(expr) == Some("0"),
        Expr::Named(name, inner) => name == "cursor" && is_zero_cursor(inner),
        Expr::Path(path) => path.last().is_some_and(|name| {
            matches!(
                name.as_str(),
                "SCAN_POINTER_START" | "INITIAL" | "SCAN_POINTER_START_BINARY"
            )
        }),
        _ => false,
    }
}
