//! Which repository a file is in: the nearest folder above it that git keeps its own in.
//! Must not run git.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The repositories below one PATH. Each folder is looked at once.
#[derive(Debug)]
pub(crate) struct Repositories {
    root: PathBuf,
    known: Mutex<HashMap<PathBuf, String>>,
}

impl Repositories {
    /// Below this PATH. Its own name stands for files that are in no repository below it.
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            known: Mutex::new(HashMap::new()),
        }
    }

    /// The repository of a file, as a path from here.
    pub(crate) fn of(&self, file: &Path) -> String {
        let Some(folder) = file
            .parent()
            .filter(|folder| folder.starts_with(&self.root))
        else {
            return self.root.display().to_string();
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = known.get(folder) {
            return name.clone();
        }
        let inside = folder
            .ancestors()
            .take_while(|own| own.starts_with(&self.root));
        let found = inside.into_iter().find(|own| own.join(".git").exists());
        let name = found.unwrap_or(&self.root).display().to_string();
        known.insert(folder.to_owned(), name.clone());
        name
    }
}
