//! Bounds of many values at once, and of calls on their way to the nodes.
//! Holds constants only: no logic, no types.

use std::time::Duration;

// Values

/// A hundred years: who wants longer wants none. Servers refuse what overflows their clock of 64 bits in ms, and a
/// score is exact up to 2^53 ms.
pub const MAX_TTL: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
/// Reply bytes of one MGET, about: 200 values of 1 KiB are copied in 0.1 ms of a server's time, and a command more for each
/// 200 is lost among them.
pub const BULK_CHUNK_BYTES: u32 = 200 * 1024;
/// Less than this is a command for every few keys.
pub const BULK_MIN_CHUNK_BYTES: u32 = 1024;
/// More than this holds a server up: 16 MiB take it 3 to 10 ms.
pub const BULK_MAX_CHUNK_BYTES: u32 = 16 * 1024 * 1024;
/// Keys of one command, however small their values are: looking them up takes 0.2 to 0.5 ms.
pub const BULK_CHUNK_KEYS: usize = 1000;
/// Under a budget: what is read before anything is known of its cost (`READ_FIRST_KIB`), so that a turn has room for one.
pub const BULK_PACED_CHUNK_BYTES: u32 = 64 * 1024;
/// What is taken for a value's size until some were seen.
pub const BULK_FIRST_VALUE_BYTES: u64 = 1024;
/// Values, and the words of MSET or SET, that are on their way at once: they are held twice for a moment.
pub const BULK_FLIGHT_BYTES: u64 = 4 * 1024 * 1024;
/// Keys on their way at once, however small their values are.
pub const BULK_FLIGHT_KEYS: usize = 10_000;

// Calls by slot

/// Calls on their way to a node at once; further ones go when those are answered. Their replies wait in the server's memory
/// and in ours, and at 1 us each this is a millisecond of the server's time.
pub const VOLLEY_MAX_CALLS: usize = 1000;
/// Words of one flight of calls, which are copied before they are sent. A single larger call passes alone.
pub const VOLLEY_MAX_BYTES: usize = 1024 * 1024;
/// Times that one call is sent to another node: a slot's new owner is known to all after a second or two.
pub const MAX_REDIRECTS: u32 = 20;
/// Redirects without a pause: one leads to the new owner, and one more is ASK. Nodes that go on pointing at each other have
/// yet to hear the news.
pub const SUDDEN_REDIRECTS: u32 = 3;
/// Between two redirects of a call beyond those.
pub const REDIRECT_PAUSE: Duration = Duration::from_millis(200);
/// How long answers wait for a look at the whole cluster that went out beside them: a frozen node must not hold them up.
pub const LAYOUT_PATIENCE: Duration = Duration::from_millis(100);
/// Between two such looks: while slots move one after the other, each is learnt from its own redirect.
pub const LAYOUT_PAUSE: Duration = Duration::from_secs(1);
