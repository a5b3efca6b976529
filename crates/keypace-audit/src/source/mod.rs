//! Which files of a tree are read: sources of people, in languages that are known.
//! Must not parse, and must not follow symlinks, so that no loop can hold it.

mod left_out;
mod prefilter;
mod text;

use std::path::{Path, PathBuf};

use ignore::overrides::{Override, OverrideBuilder};
use ignore::{DirEntry, WalkBuilder, WalkState};

use crate::changed::Changed;
use crate::error::AuditError;
use crate::language::Language;
use crate::limits;

pub(crate) use prefilter::Prefilter;
pub(crate) use text::{Loaded, load};

/// A file to read.
#[derive(Debug)]
pub(crate) struct Source {
    /// Where it is, from here.
    pub path: PathBuf,
    /// Where it is, from the PATH given, with `/`.
    pub relative: String,
    /// By its name; `None` where its first line has to tell.
    pub language: Option<Language>,
}

/// What a walk meets.
pub(crate) enum Met {
    /// A file to read.
    Source(Source),
    /// Something that could not be looked at.
    Trouble(String),
}

/// One PATH, and what of it is looked at.
pub(crate) struct Tree {
    root: PathBuf,
    left_out: Override,
    changed: Option<Changed>,
    threads: usize,
}

impl Tree {
    /// Checks the path and the patterns.
    pub(crate) fn new(
        root: &Path,
        exclude: &[String],
        changed_since: Option<&str>,
        threads: usize,
    ) -> Result<Self, AuditError> {
        let metadata = std::fs::metadata(root).map_err(|source| AuditError::Path {
            path: root.to_owned(),
            source,
        })?;
        // Patterns are seen from the PATH; from its folder where it is a file.
        let base = if metadata.is_dir() {
            root
        } else {
            root.parent().unwrap_or(Path::new("."))
        };
        let changed = changed_since.map(|reference| Changed::since(reference, root, base));
        Ok(Self {
            root: root.to_owned(),
            left_out: left_out(base, exclude)?,
            changed: changed.transpose()?,
            threads,
        })
    }

    /// Hands every file to `visit`, on several threads at once, in any order.
    pub(crate) fn walk(&self, visit: &(impl Fn(Met) + Sync)) {
        let mut builder = WalkBuilder::new(&self.root);
        builder
            .follow_links(false)
            // What one person ignores everywhere must not change what is found.
            .git_global(false)
            .max_filesize(Some(limits::MAX_FILE_BYTES))
            .overrides(self.left_out.clone())
            .threads(self.threads.clamp(1, limits::MAX_THREADS))
            .filter_entry(|entry| entry.depth() == 0 || !left_out::is_left_out(entry));
        builder.build_parallel().run(|| {
            Box::new(|entry| {
                match entry {
                    Ok(entry) => {
                        if let Some(source) = self.source(&entry) {
                            visit(Met::Source(source));
                        }
                    }
                    Err(error) => visit(Met::Trouble(error.to_string())),
                }
                WalkState::Continue
            })
        });
    }

    /// The file of an entry, if it is one to read.
    fn source(&self, entry: &DirEntry) -> Option<Source> {
        let path = entry.path();
        // A PATH that is a symlink to a file is meant; one that was met is not followed.
        let is_file = entry.file_type().is_some_and(|kind| kind.is_file())
            || (entry.depth() == 0 && path.is_file());
        if !is_file {
            return None;
        }
        let language = Language::of_path(path);
        if language.is_none() && path.extension().is_some() {
            return None;
        }
        let relative = self.relative(path);
        if let Some(changed) = &self.changed
            && !changed.has(&relative)
        {
            return None;
        }
        Some(Source {
            path: path.to_owned(),
            relative,
            language,
        })
    }

    /// The path from the PATH given. Of a PATH that is a file it is what was typed.
    fn relative(&self, path: &Path) -> String {
        let inner = path.strip_prefix(&self.root).unwrap_or(path);
        let inner = if inner.as_os_str().is_empty() {
            path.strip_prefix("./").unwrap_or(path)
        } else {
            inner
        };
        let text = inner.to_string_lossy();
        if std::path::MAIN_SEPARATOR == '/' {
            text.into_owned()
        } else {
            text.replace(std::path::MAIN_SEPARATOR, "/")
        }
    }
}

fn left_out(base: &Path, exclude: &[String]) -> Result<Override, AuditError> {
    let mut builder = OverrideBuilder::new(base);
    let failed = |pattern: &str| {
        let pattern = pattern.to_owned();
        move |source| AuditError::Exclude { pattern, source }
    };
    for pattern in exclude {
        // An override's `!` leaves out; a pattern that has one of its own would take in, and hide all else.
        let plain = pattern.strip_prefix('!').unwrap_or(pattern);
        builder.add(&format!("!{plain}")).map_err(failed(pattern))?;
    }
    builder.build().map_err(failed("exclude"))
}
