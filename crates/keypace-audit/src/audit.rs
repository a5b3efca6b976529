//! A run: every file of the trees becomes facts, facts become hits, hits become findings, and those a report.
//! Decides nothing that a rule could: it counts, drops what is allowed, known or too unsure, and sorts.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::baseline::Baseline;
use crate::error::AuditError;
use crate::extract::{self, Kept, Packed};
use crate::facts::Facts;
use crate::limits;
use crate::page::Page;
use crate::receiver::elsewhere::Method;
use crate::report::{Confidence, Finding, Report};
use crate::repository::Repositories;
use crate::rules::{self, Subject};
use crate::source::{self, Loaded, Met, Prefilter, Source, Tree};
use crate::wrappers::{self, Wrapper, Wrappers};

/// What an audit looks at, and what of it is reported.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Receivers that are Redis clients, as the code writes them: `cache.redis`.
    pub wrappers: Vec<String>,
    /// What is left out, in patterns as in `.gitignore`.
    pub exclude: Vec<String>,
    /// Findings that are less sure are left out.
    pub min_confidence: Confidence,
    /// Only files that differ from this commit.
    pub changed_since: Option<String>,
    /// A report in JSON whose findings are known. A file that is not there knows none.
    pub baseline: Option<PathBuf>,
    /// Threads that read and parse.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            wrappers: Vec::new(),
            exclude: Vec::new(),
            min_confidence: Confidence::Medium,
            changed_since: None,
            baseline: None,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

impl Options {
    /// With these clients, beside those that are known.
    #[must_use]
    pub fn with_wrappers(mut self, wrappers: Vec<String>) -> Self {
        self.wrappers = wrappers;
        self
    }

    /// Without what these patterns name.
    #[must_use]
    pub fn with_exclude(mut self, exclude: Vec<String>) -> Self {
        self.exclude = exclude;
        self
    }

    /// With findings from this confidence on.
    #[must_use]
    pub fn with_min_confidence(mut self, confidence: Confidence) -> Self {
        self.min_confidence = confidence;
        self
    }

    /// Only in files that differ from this commit.
    #[must_use]
    pub fn with_changed_since(mut self, reference: Option<String>) -> Self {
        self.changed_since = reference;
        self
    }

    /// Without what this report knows.
    #[must_use]
    pub fn with_baseline(mut self, file: Option<PathBuf>) -> Self {
        self.baseline = file;
        self
    }

    /// On so many threads.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }
}

/// An audit that can be run.
#[derive(Clone, Debug)]
pub struct Audit {
    options: Options,
}

/// What the threads of one pass bring together.
#[derive(Default)]
struct Gathered {
    /// By the file's path: findings in the order of the file, and how many comments allow.
    pages: BTreeMap<String, (Vec<Finding>, u64)>,
    wrappers: Vec<Wrapper>,
    methods: Vec<Method>,
    /// What the files of the first pass say.
    kept: Kept,
    /// The files that a pass has read.
    met: HashSet<String>,
    files: u64,
    lines: u64,
    troubles: Vec<String>,
    unread: u64,
}

/// What one pass leaves to the next.
#[derive(Clone, Copy)]
struct Known<'a> {
    wrappers: &'a Wrappers,
    kept: &'a Kept,
}

/// What every file of a pass is looked at with.
struct Pass<'a> {
    root: usize,
    options: &'a Options,
    filter: Prefilter,
    /// In the second pass: what the first has found.
    known: Option<Known<'a>>,
    repositories: &'a Repositories,
    gathered: Mutex<Gathered>,
}

impl Audit {
    /// With these options.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    /// Reads the trees and says what is found. Files that can't be read are counted in the report.
    ///
    /// # Errors
    /// Where a path, a pattern, the baseline or the commit to compare with can't be used.
    pub fn run(&self, paths: &[PathBuf]) -> Result<Report, AuditError> {
        let options = &self.options;
        let baseline = options
            .baseline
            .as_deref()
            .map(Baseline::read)
            .transpose()?;
        let baseline = baseline.flatten().unwrap_or_default();
        let trees = paths.iter().map(|path| {
            let since = options.changed_since.as_deref();
            Tree::new(path, &options.exclude, since, options.threads)
        });
        let trees = trees.collect::<Result<Vec<_>, _>>()?;
        let mut report = Report::default();
        for (root, tree) in trees.iter().enumerate() {
            self.tree(root, &paths[root], tree, &mut report);
        }
        report
            .findings
            .retain(|own| own.confidence >= options.min_confidence);
        let all = report.findings.len();
        report
            .findings
            .retain(|own| !baseline.knows(&own.fingerprint));
        report.known = (all - report.findings.len()) as u64;
        Ok(report)
    }

    /// One tree: all files by themselves, then again those that name what others made known.
    fn tree(&self, root: usize, path: &Path, tree: &Tree, report: &mut Report) {
        let repositories = Repositories::new(path);
        let first = Pass::new(root, &self.options, &repositories, None);
        tree.walk(&|met| first.visit(met));
        let mut all = first.into_gathered();
        report.files += all.files;
        report.lines += all.lines;
        report.unread += all.unread;
        let room = limits::MAX_TROUBLES.saturating_sub(report.troubles.len());
        report.troubles.extend(all.troubles.drain(..).take(room));

        let wrappers = Wrappers::new(
            std::mem::take(&mut all.wrappers),
            std::mem::take(&mut all.methods),
        );
        let kept = std::mem::take(&mut all.kept);
        if !wrappers.words().is_empty() {
            let known = Known {
                wrappers: &wrappers,
                kept: &kept,
            };
            let mut second = Pass::new(root, &self.options, &repositories, Some(known));
            // What is known of the tree now takes the place of what one file told.
            second.gathered = Mutex::new(all);
            tree.walk(&|met| second.visit(met));
            all = second.into_gathered();
            all = self.deeper(root, tree, &repositories, wrappers, &kept, all);
        }
        let pages = all.pages.values();
        let count = pages.map(|(findings, _)| findings.len()).sum();
        report.findings.reserve_exact(count);
        for (findings, allowed) in all.pages.into_values() {
            report.findings.extend(findings);
            report.allowed += allowed;
        }
    }
}

impl Audit {
    /// The files that were read once more, where that has found functions that work on keys by those of other files.
    fn deeper(
        &self,
        root: usize,
        tree: &Tree,
        repositories: &Repositories,
        wrappers: Wrappers,
        kept: &Kept,
        mut all: Gathered,
    ) -> Gathered {
        let met = std::mem::take(&mut all.met);
        let found = std::mem::take(&mut all.wrappers);
        if found.is_empty() {
            return all;
        }
        let (wrappers, words) = wrappers.with(found);
        let known = Known {
            wrappers: &wrappers,
            kept,
        };
        let mut third = Pass::new(root, &self.options, repositories, Some(known));
        third.filter = filter_of(words);
        third.gathered = Mutex::new(all);
        tree.walk(&|own| {
            if matches!(&own, Met::Source(source) if met.contains(&source.relative)) {
                third.visit(own);
            }
        });
        third.into_gathered()
    }
}

/// Passes files that have one of these names.
fn filter_of(mut words: Vec<String>) -> Prefilter {
    words.sort();
    words.dedup();
    words.truncate(limits::MAX_WRAPPER_WORDS);
    Prefilter::names(&words)
}

impl<'a> Pass<'a> {
    fn new(
        root: usize,
        options: &'a Options,
        repositories: &'a Repositories,
        known: Option<Known<'a>>,
    ) -> Self {
        let filter = known.map_or_else(
            || Prefilter::redis(&options.wrappers),
            |known| filter_of(known.wrappers.words()),
        );
        Self {
            root,
            options,
            filter,
            known,
            repositories,
            gathered: Mutex::new(Gathered::default()),
        }
    }

    fn into_gathered(self) -> Gathered {
        let gathered = self.gathered.into_inner();
        gathered.unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what the walk met. Called on several threads at once.
    fn visit(&self, met: Met) {
        let mut own = Gathered::default();
        match met {
            Met::Source(source) => self.read(&source, &mut own),
            Met::Trouble(text) => own.trouble(text),
        }
        let mut all = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        all.add(own);
    }

    fn read(&self, source: &Source, own: &mut Gathered) {
        let loaded = match source::load(source, &mut Vec::new()) {
            Ok(Some(loaded)) => loaded,
            Ok(None) => return,
            Err(error) => return own.trouble(format!("{}: {error}", source.path.display())),
        };
        own.files += 1;
        own.lines += loaded.lines;
        if !self.filter.passes(&loaded.text) {
            return;
        }
        let Some(facts) = self.facts(source, &loaded) else {
            let path = source.path.display();
            return own.trouble(format!(
                "{path}: it does not read as {}",
                loaded.language.name()
            ));
        };
        let subject = Subject {
            facts: &facts,
            text: &loaded.text,
            path: &source.relative,
            clients: &self.options.wrappers,
        };
        own.met.insert(source.relative.clone());
        let mut hits = match self.known {
            Some(known) => {
                let (hits, deeper) = known.wrappers.recheck(&subject);
                own.wrappers = deeper;
                hits
            }
            None => {
                if let Some(packed) = Packed::of(&facts, &loaded.text) {
                    own.kept.put(source.relative.clone(), packed);
                }
                let (hits, mut offers) = rules::check(&subject);
                own.methods = std::mem::take(&mut offers.methods);
                own.wrappers = wrappers::defined(&subject, &hits, offers);
                if hits.is_empty() {
                    return;
                }
                hits
            }
        };
        hits.sort_by_key(|hit| (hit.at.start, hit.rule));
        let mut seen = HashSet::new();
        hits.retain(|hit| seen.insert((hit.at.start, hit.rule)));
        let page = Page::new(&source.relative, &loaded.text, &facts);
        let (mut findings, allowed) = page.findings(hits);
        for finding in &mut findings {
            finding.root = self.root;
            finding.repository = self.repositories.of(&source.path);
        }
        own.pages
            .insert(source.relative.clone(), (findings, allowed));
    }

    /// What a file says: kept from the pass before, or read by its grammar.
    fn facts(&self, source: &Source, loaded: &Loaded) -> Option<Facts> {
        let kept = self.known.map(|known| known.kept);
        kept.and_then(|kept| kept.facts(&source.relative, &loaded.text))
            .or_else(|| extract::read(loaded.language, &loaded.text))
    }
}

impl Gathered {
    fn trouble(&mut self, text: String) {
        self.unread += 1;
        self.troubles.push(text);
    }

    fn add(&mut self, other: Self) {
        self.pages.extend(other.pages);
        self.wrappers.extend(other.wrappers);
        self.methods.extend(other.methods);
        self.kept.extend(other.kept);
        self.met.extend(other.met);
        self.files += other.files;
        self.lines += other.lines;
        self.unread += other.unread;
        if self.troubles.len() < limits::MAX_TROUBLES {
            self.troubles.extend(other.troubles);
        }
    }
}
