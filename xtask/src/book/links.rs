//! Links of built pages: whether the file is there, and the anchor in it. Reads files only, and asks no network: what
//! leads out of the book is not followed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::failure::{Failure, Outcome};

/// What was found in a book.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) pages: usize,
    /// Within the book.
    pub(super) links: usize,
    /// One line each.
    pub(super) broken: Vec<String>,
}

/// Goes through every page below `html`.
pub(super) fn broken(html: &Path) -> Outcome<Found> {
    let mut files = BTreeSet::new();
    walk(html, html, &mut files)
        .map_err(|error| Failure::new(format!("failed to read the book: {error}")))?;
    let mut pages = BTreeMap::new();
    for file in &files {
        if file.extension().is_some_and(|ending| ending == "html") {
            let text = fs::read_to_string(html.join(file));
            let text = text.map_err(|error| {
                Failure::new(format!("failed to read {}: {error}", file.display()))
            })?;
            pages.insert(file.clone(), text);
        }
    }
    let mut found = Found {
        pages: pages.len(),
        ..Found::default()
    };
    for (page, text) in &pages {
        for link in values(text, "href").chain(values(text, "src")) {
            if is_elsewhere(&link) {
                continue;
            }
            found.links += 1;
            if !leads(page, &link, &files, &pages) {
                found.broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    Ok(found)
}

fn walk(root: &Path, folder: &Path, files: &mut BTreeSet<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(root, &path, files)?;
        } else if let Ok(inner) = path.strip_prefix(root) {
            files.insert(inner.to_owned());
        }
    }
    Ok(())
}

/// Out of the book; the pages that mdBook makes of nothing are rooted at an address that nobody has told it.
fn is_elsewhere(link: &str) -> bool {
    link.contains("://") || link.starts_with("mailto:") || link.starts_with("data:")
}

fn leads(
    page: &Path,
    link: &str,
    files: &BTreeSet<PathBuf>,
    pages: &BTreeMap<PathBuf, String>,
) -> bool {
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() {
        Some(page.to_owned())
    } else {
        normal(&page.parent().unwrap_or(Path::new("")).join(file))
    };
    let Some(target) = target.filter(|target| files.contains(target)) else {
        return false;
    };
    anchor.is_empty()
        || pages
            .get(&target)
            .is_some_and(|text| values(text, "id").any(|id| id == anchor))
}

/// Without `..`; none where it leaves the book.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut made = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => made.push(name),
            Component::ParentDir if made.pop() => {}
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(made)
}

/// The values of an attribute, in double quotes as mdBook writes them.
fn values<'a>(text: &'a str, name: &str) -> impl Iterator<Item = String> + 'a {
    let begin = format!(" {name}=\"");
    let starts: Vec<usize> = text
        .match_indices(&begin)
        .map(|(at, _)| at + begin.len())
        .collect();
    starts.into_iter().filter_map(|at| {
        let (value, _) = text[at..].split_once('"')?;
        Some(value.replace("&amp;", "&").replace("%20", " "))
    })
}

#[cfg(test)]
mod tests {
    use super::broken;
    use std::fs;

    #[test]
    fn a_link_needs_its_file_and_its_anchor() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        };
        write(
            "a.html",
            r##"<h1 id="x"></h1><a href="#x"><a href="b/c.html#y"><a href="https://e.org/#z"><img src="p.svg">"##,
        );
        write("b/c.html", r#"<h2 id="y"></h2><a href="../a.html">"#);
        write("p.svg", "");
        let found = broken(folder.path()).expect("read");
        assert_eq!((found.pages, found.links), (2, 4));
        assert!(found.broken.is_empty(), "{found:?}");

        write(
            "b/c.html",
            r#"<a href="../gone.html"><a href="../../a.html"><a href="../a.html#no">"#,
        );
        let found = broken(folder.path()).expect("read");
        assert_eq!(
            found.broken,
            [
                "a.html: b/c.html#y",
                "b/c.html: ../gone.html",
                "b/c.html: ../../a.html",
                "b/c.html: ../a.html#no"
            ]
        );
    }
}
