//! Holds every reply of the tests against the OpenAPI document that the service itself serves: a status or a media type
//! that stands in no row is a failure, and so is a problem without its fields.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::line::Reply;

/// The document, as far as replies are concerned.
#[derive(Debug, Clone)]
pub(crate) struct Documented(BTreeMap<(String, String), BTreeMap<u16, BTreeSet<String>>>);

impl Documented {
    pub(crate) fn read(document: &Value) -> Self {
        let mut rows = BTreeMap::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                let replies = operation["responses"].as_object().expect("responses");
                let replies = replies.iter().map(|(status, reply)| {
                    let types = reply["content"].as_object();
                    let types = types.map(|types| types.keys().cloned().collect());
                    (status.parse().expect("a status"), types.unwrap_or_default())
                });
                rows.insert((method.to_uppercase(), path.clone()), replies.collect());
            }
        }
        Self(rows)
    }

    /// Method and path of every operation.
    pub(crate) fn operations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .keys()
            .map(|(method, path)| (method.as_str(), path.as_str()))
    }

    /// Fails where this reply to this request is not what the document says.
    pub(crate) fn check(&self, method: &str, path: &str, reply: &Reply) {
        let told = || format!("{method} {path}: {} {}", reply.status, reply.text());
        // What can't be read as HTTP at all is answered below us, in a status alone.
        if matches!(reply.status, 400 | 414 | 431) && reply.body.is_empty() {
            return;
        }
        if reply.status >= 400 && method != "HEAD" {
            assert_eq!(
                reply.header("content-type"),
                "application/problem+json",
                "{}",
                told()
            );
            let problem = reply.json();
            assert_eq!(problem["status"], reply.status, "{}", told());
            for field in ["type", "title", "detail"] {
                let text = problem[field].as_str().unwrap_or_default();
                assert!(!text.is_empty(), "{field}: {}", told());
            }
        }
        let path = path.split('?').next().unwrap_or_default();
        let row = self
            .0
            .iter()
            .find(|((of, template), _)| of == method && fits(template, path));
        let Some((_, replies)) = row else {
            assert!(
                matches!(reply.status, 400..=431),
                "no operation: {}",
                told()
            );
            return;
        };
        let Some(types) = replies.get(&reply.status) else {
            panic!("not in the document: {}", told());
        };
        let media = reply
            .header("content-type")
            .split(';')
            .next()
            .unwrap_or_default();
        let is_known = if media.is_empty() {
            types.is_empty()
        } else {
            types.contains(media) || types.contains("*/*")
        };
        assert!(is_known, "{media:?} is none of {types:?}: {}", told());
    }
}

/// Whether a path is of this template.
fn fits(template: &str, path: &str) -> bool {
    let (mut of_template, mut of_path) = (template.split('/'), path.split('/'));
    loop {
        match (of_template.next(), of_path.next()) {
            (None, None) => return true,
            (Some(part), Some(given))
                if part == given || (part.starts_with('{') && !given.is_empty()) => {}
            _ => return false,
        }
    }
}
