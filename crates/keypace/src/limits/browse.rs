//! Bounds of pages that somebody looks at. Holds constants only.

use std::time::Duration;

/// Keys of a page where nobody says otherwise.
pub const BROWSE_DEFAULT_KEYS: usize = 100;
/// The most that a page holds: who needs more wants the stream.
pub const BROWSE_MAX_KEYS: usize = 10_000;
/// Names of a page in bytes: long ones make an answer large before it has many keys.
pub const BROWSE_MAX_BYTES: usize = 4 * 1024 * 1024;
/// How long a page is gathered where few keys match: a person waits this long without wondering.
pub const BROWSE_TIME: Duration = Duration::from_secs(2);
/// Calls after which a page that is still nearly empty is gathered by larger ones: they cost a few milliseconds.
pub const BROWSE_SMALL_CALLS: u32 = 16;
/// Nearly empty: this part of the page and less.
pub const BROWSE_SPARSE_PART: usize = 8;
