//! A name for a finding that survives edits elsewhere in its file.
//! Must not depend on lines, columns, or what else was found, but for equal calls in the same function.

use std::collections::HashMap;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::facts::{Facts, FunctionId};
use crate::limits;
use crate::report::Hit;

/// Makes the fingerprints of one file, whose hits have to come in their order in the file.
pub(crate) struct Fingerprints<'a> {
    path: &'a str,
    text: &'a str,
    facts: &'a Facts,
    seen: HashMap<[u8; 32], u32>,
}

impl<'a> Fingerprints<'a> {
    /// For a file, by its path relative to the PATH given.
    pub(crate) fn new(path: &'a str, text: &'a str, facts: &'a Facts) -> Self {
        Self {
            path,
            text,
            facts,
            seen: HashMap::new(),
        }
    }

    /// Rule, path, the enclosing function's name, the call's text with its blanks evened out, and its number among equals.
    pub(crate) fn next(&mut self, hit: &Hit) -> String {
        let mut equal = Sha256::new();
        for part in [
            hit.rule,
            self.path,
            function_name(self.facts, hit.function),
            &self.call(hit),
        ] {
            // Lengths keep the parts apart.
            equal.update((part.len() as u64).to_le_bytes());
            equal.update(part.as_bytes());
        }
        let equal: [u8; 32] = equal.finalize().into();
        let number = self.seen.entry(equal).or_default();
        let mut own = Sha256::new();
        own.update(equal);
        own.update(number.to_le_bytes());
        *number += 1;
        hex(&own.finalize()[..limits::FINGERPRINT_BYTES])
    }

    fn call(&self, hit: &Hit) -> String {
        let mut end = hit.call.end.min(self.text.len());
        let start = hit.call.start.min(end);
        end = end.min(start + limits::FINGERPRINT_CALL_BYTES);
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let call = self.text.get(start..end).unwrap_or_default();
        call.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// The name of the nearest function around that has one.
fn function_name(facts: &Facts, mut function: Option<FunctionId>) -> &str {
    while let Some(own) = function.and_then(|id| facts.functions.get(id.0)) {
        if !own.name.is_empty() {
            return &own.name;
        }
        // Parents stand before their children; anything else would be a circle.
        function = own.parent.filter(|parent| Some(*parent) < function);
    }
    ""
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
