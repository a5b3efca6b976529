//! As much of Markdown as the documents use: links, headings, words in code style. Reads text only; it knows no file.

use std::collections::BTreeSet;

/// Lines outside of fenced blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_fenced = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_fenced ^= is_fence;
        !is_fenced && !is_fence
    })
}

/// Where the links of a document lead, as they are written.
pub(crate) fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(text) {
        for part in line.split("](").skip(1) {
            if let Some((link, _)) = part.split_once(')') {
                found.push(link.to_owned());
            }
        }
    }
    found
}

/// The anchors of a document's headings: lower case, blanks as `-`, other signs left out.
pub(crate) fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

/// What stands between single backticks.
pub(crate) fn code_words(text: &str) -> BTreeSet<String> {
    let words = prose(text).flat_map(|line| line.split('`').skip(1).step_by(2));
    words.map(str::to_owned).collect()
}

#[test]
fn links_headings_and_code_are_found() {
    let text =
        "# A title, with: signs\n[x](a.md#b) and `c_d` [y](#e)\n```text\n[no](no) `no`\n```\n`f`";
    assert_eq!(links(text), ["a.md#b", "#e"]);
    assert_eq!(
        anchors(text).into_iter().collect::<Vec<_>>(),
        ["a-title-with-signs"]
    );
    assert_eq!(
        code_words(text).into_iter().collect::<Vec<_>>(),
        ["c_d", "f"]
    );
}
