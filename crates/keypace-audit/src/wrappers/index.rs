//! Where the wrappers of a tree stand, by what a file writes of them: no file is held against all of them.
//! Must not decide which of them is meant.

use std::collections::{HashMap, HashSet};

use super::{Kind, Wrapper};

/// Places among the wrappers found, each list in their order.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Functions that do something with keys, by their name.
    pub(super) doing: HashMap<String, Vec<usize>>,
    /// Clients, by what an import of their file ends with.
    pub(super) clients_of_module: HashMap<String, Vec<usize>>,
    /// Clients, by the classes of their file.
    pub(super) clients_of_class: HashMap<String, Vec<usize>>,
    /// Objects of a file's classes, by what an import of the file ends with.
    pub(super) instances_of_module: HashMap<String, Vec<usize>>,
    /// Names of functions that run KEYS.
    pub(super) runs: HashSet<String>,
    /// Names of functions that are named like KEYS and walk by SCAN, or like a flush and are none.
    pub(super) walks: HashSet<String>,
    /// Names of functions that are named like a flush and are one.
    pub(super) flushes: HashSet<String>,
    /// Classes with their methods that run KEYS.
    pub(super) classes_that_run: HashMap<String, HashSet<String>>,
}

impl Index {
    pub(super) fn of(found: &[Wrapper]) -> Self {
        let mut index = Self::default();
        for (place, own) in found.iter().enumerate() {
            index.put(place, own);
        }
        index
    }

    fn put(&mut self, place: usize, own: &Wrapper) {
        match &own.kind {
            Kind::Client(_, classes) => {
                by_module(&mut self.clients_of_module, place, own);
                for class in classes {
                    let known = self.clients_of_class.entry(class.clone());
                    known.or_default().push(place);
                }
            }
            Kind::ClassRuns(method) => {
                let methods = self.classes_that_run.entry(own.name.clone());
                methods.or_default().insert(method.clone());
            }
            Kind::Runs => {
                self.runs.insert(own.name.clone());
            }
            Kind::Flushes => {
                self.flushes.insert(own.name.clone());
            }
            Kind::Walks => {
                self.walks.insert(own.name.clone());
            }
            Kind::Does(..) | Kind::Sends(_) => {
                let known = self.doing.entry(own.name.clone());
                known.or_default().push(place);
            }
            Kind::Instance(_) => by_module(&mut self.instances_of_module, place, own),
        }
    }
}

/// By the file's name and its folder's, once where they are the same.
fn by_module(index: &mut HashMap<String, Vec<usize>>, place: usize, own: &Wrapper) {
    for module in &own.modules {
        let known = index.entry(module.clone()).or_default();
        if known.last() != Some(&place) {
            known.push(place);
        }
    }
}
