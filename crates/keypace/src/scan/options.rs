//! What to walk and how: patterns, excludes, types, COUNT, limit, strategy, order. Checked values.

use super::key_list::KeyList;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::Pattern;
use crate::limits;

const OPERATION: &str = "set up the scan";

/// SCAN's COUNT: how many keys the server looks at in one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(u32);

impl Count {
    /// Takes any number. Below 1 it becomes 1, with a warning; above `limits::COUNT_MAX` it stays, with a warning,
    /// because each call then holds other clients up.
    #[must_use]
    pub fn new(count: i64) -> Self {
        if count < i64::from(limits::COUNT_MIN) {
            tracing::warn!(count, "scan count below 1: 1 is used");
        } else if count > i64::from(limits::COUNT_MAX) {
            tracing::warn!(
                count,
                max = limits::COUNT_MAX,
                "scan count above the sensible range: other clients wait for each call"
            );
        }
        Self(u32::try_from(count.max(i64::from(limits::COUNT_MIN))).unwrap_or(u32::MAX))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

/// Who chooses COUNT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum CountChoice {
    /// keypace does.
    #[default]
    Auto,
    /// The caller did.
    Fixed(Count),
}

/// How keys are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Strategy {
    /// By SCAN, page by page.
    #[default]
    Scan,
    /// By KEYS, which holds every client up: the safety valve. Refused on large databases.
    Keys,
    /// By KEYS, on a database of any size.
    KeysAnySize,
}

/// In which order keys are handed out, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Order {
    /// As the server gives them; a key may come twice.
    #[default]
    AsFound,
    /// As the server gives them, each key once. Holds every key in memory.
    Exact,
    /// Sorted bytewise, each key once, after the whole walk. Holds every key in memory.
    Sorted,
}

/// In how many lanes a node is walked at once, each on a connection of its own.
///
/// Lanes rest on a structure of cursors that servers don't document. It is checked on each answer: where one does not fit, the
/// node's walk begins again in one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Lanes {
    /// One, unless the budget is off, round trips are long, and there is enough to walk.
    #[default]
    Auto,
    /// So many: the next power of two that is not above, and at most `limits::MAX_LANES`. Under a budget they take turns.
    Fixed(u32),
}

/// Which names of a list the server is asked for before they are handed out; those that are not there are left out then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Asks {
    /// None: names go out as they stand in the list.
    Never,
    /// Those that are read again from the beginning, since most of them have their outcome.
    WhenReadAgain,
    /// All.
    Always,
}

/// Keys by name, in place of patterns.
#[derive(Debug, Clone)]
pub(crate) struct FromList {
    pub(crate) list: KeyList,
    pub(crate) asks: Asks,
}

/// What to walk, and how.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ScanOptions {
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) exclude: Vec<Pattern>,
    pub(crate) types: Vec<String>,
    pub(crate) count: CountChoice,
    pub(crate) limit: Option<u64>,
    pub(crate) strategy: Strategy,
    pub(crate) order: Order,
    pub(crate) lanes: Lanes,
    pub(crate) list: Option<FromList>,
}

impl ScanOptions {
    /// Keys that match any of these patterns.
    ///
    /// # Errors
    /// `InvalidOption` for none and for more than `limits::MAX_PATTERNS`.
    pub fn new(patterns: Vec<Pattern>) -> Result<Self> {
        if patterns.is_empty() {
            return Err(invalid("no pattern is given"));
        }
        check_number(patterns.len(), "patterns")?;
        Ok(Self::of(patterns, None))
    }

    /// Exactly these keys, in place of patterns: the server is sent no SCAN, and a name that is in the list twice comes
    /// twice. Which of the names are there is asked only where types or filters have to be.
    #[must_use]
    pub fn from_keys(list: KeyList) -> Self {
        let asks = Asks::Never;
        Self::of(Vec::new(), Some(FromList { list, asks }))
    }

    fn of(patterns: Vec<Pattern>, list: Option<FromList>) -> Self {
        Self {
            patterns,
            exclude: Vec::new(),
            types: Vec::new(),
            count: CountChoice::Auto,
            limit: None,
            strategy: Strategy::Scan,
            order: Order::AsFound,
            lanes: Lanes::Auto,
            list,
        }
    }

    /// Of a list: asks for at least these names.
    pub(crate) fn asking(mut self, asks: Asks) -> Self {
        if let Some(from) = &mut self.list {
            from.asks = from.asks.max(asks);
        }
        self
    }

    /// What keys are counted by: the patterns as they were given, or the list.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &[u8]> {
        let list = self.list.iter().map(|from| from.list.label().as_bytes());
        self.patterns.iter().map(Pattern::as_bytes).chain(list)
    }

    /// How many of these there are: at least one.
    pub(crate) fn row_count(&self) -> usize {
        self.patterns.len() + usize::from(self.list.is_some())
    }

    /// Leaves out keys that match any of these.
    ///
    /// # Errors
    /// `InvalidOption` for more than `limits::MAX_PATTERNS`.
    pub fn with_exclude(mut self, patterns: Vec<Pattern>) -> Result<Self> {
        check_number(patterns.len(), "exclude patterns")?;
        self.exclude = patterns;
        Ok(self)
    }

    /// Only keys of these types, in the server's words (`string`, `hash`, `zset`). Empty means all.
    ///
    /// # Errors
    /// `InvalidOption` for a name that no server could have.
    pub fn with_types(mut self, types: Vec<String>) -> Result<Self> {
        check_number(types.len(), "types")?;
        for name in &types {
            let plausible = !name.is_empty() && name.len() <= limits::MAX_TYPE_NAME_BYTES;
            if !plausible || !name.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(invalid(format!("{name:?} is no type")).with_hint(
                    "types are string, list, set, zset, hash, stream, or a module's own name",
                ));
            }
        }
        self.types = types
            .into_iter()
            .map(|name| name.to_ascii_lowercase())
            .collect();
        Ok(self)
    }

    /// Who chooses COUNT.
    #[must_use]
    pub fn with_count(mut self, count: CountChoice) -> Self {
        self.count = count;
        self
    }

    /// Stops after so many keys.
    #[must_use]
    pub fn with_limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// By SCAN or by KEYS.
    #[must_use]
    pub fn with_strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// In which order, and how often.
    #[must_use]
    pub fn with_order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// In how many lanes.
    #[must_use]
    pub fn with_lanes(mut self, lanes: Lanes) -> Self {
        self.lanes = lanes;
        self
    }

    /// The patterns; none where the keys come from a list.
    #[must_use]
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// COUNT for a page; `asks_each_key` where each key costs a question of its own.
    pub(super) fn count_for(&self, asks_each_key: bool) -> u32 {
        match self.count {
            CountChoice::Fixed(count) => count.get(),
            CountChoice::Auto if asks_each_key => limits::COUNT_AUTO_ASKING,
            CountChoice::Auto => limits::COUNT_AUTO,
        }
    }
}

fn check_number(number: usize, what: &str) -> Result<()> {
    if number > limits::MAX_PATTERNS {
        return Err(invalid(format!(
            "{number} {what} are more than {}",
            limits::MAX_PATTERNS
        )));
    }
    Ok(())
}

fn invalid(context: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOption, Retry::Never, OPERATION, context)
}
