//! Every bound and default of the lab, with its unit in the name and its reason above it.
//! Holds constants only: no logic, no types.

use std::time::Duration;

// Owned servers

/// `sun_path` holds 108 bytes on Linux and 104 on macOS, the closing NUL included: the smaller one binds.
pub const MAX_SOCKET_PATH_BYTES: usize = 103;
/// With `READY_PAUSE` this gives a server 20 s to answer, which a loaded two-core machine has needed 2 s of.
pub const READY_TRIES: u32 = 2000;
/// Short against the 30 ms or so that a server needs to start, long enough not to compete with it for a core.
pub const READY_PAUSE: Duration = Duration::from_millis(10);
/// A stranger on a lost port may never answer; our own server answers its first PING at once.
pub const READY_REPLY_TIMEOUT: Duration = Duration::from_secs(1);
/// A port is free when it is looked up and may be taken when the server binds it; eight losses in a row are no accident.
pub const BIND_TRIES: u32 = 8;
/// Enough of a log to hold a fatal configuration error with its context.
pub const LOG_TAIL_LINES: usize = 20;

// Raw connections

/// Redis's own, where a URL names none.
pub const DEFAULT_PORT: u16 = 6379;

/// Longer than `KEYS` over ten million keys takes, and short enough that a hung test ends by itself.
pub const REPLY_TIMEOUT: Duration = Duration::from_secs(30);
/// A page of 1,000 keys fits several times, so a reply costs one or two reads.
pub const READ_BUFFER_BYTES: usize = 256 * 1024;
/// A server's own bound on one string (`proto-max-bulk-len`); a larger length is a broken reply.
pub const MAX_BULK_BYTES: usize = 512 * 1024 * 1024;
/// `COMMAND` and `CLUSTER SLOTS` nest four deep; a deeper reply is a broken one, and recursion needs a bound.
pub const MAX_REPLY_DEPTH: usize = 16;
/// A reply announces its length before it comes, so no more than this is reserved on its word.
pub const MAX_RESERVED_ITEMS: usize = 1024;

// Raw loops

/// Of values in one reply of a bounded MGET: round trips no longer matter, and others still get their turn
/// (FluidFramework #22442 found the same figure).
pub const MGET_CHUNK_BYTES: u64 = 200_000;
/// What the first MGET of a bounded read asks for, before any value's size is known.
pub const MGET_FIRST_KEYS: u64 = 100;
/// However small the values: a command of more keys holds others up by its lookups alone.
pub const MGET_MAX_KEYS: u64 = 5_000;
/// Written at once of a command that names every key: bounds the memory of a command of any size.
pub const WRITE_CHUNK_BYTES: usize = 64 * 1024;

// Seeding

/// Keys in one `MSET`: the cost of a command is spread, and the server is not held for more than half a millisecond.
pub const SEED_BATCH_KEYS: u64 = 100;
/// Commands sent before their replies are read: bounds the replies in memory, and more gains nothing.
pub const SEED_PIPELINE_COMMANDS: usize = 1000;
/// What the demo's keyspace is made from when nobody says otherwise.
pub const DEFAULT_SEED: u64 = 0x6b65_7970_6163_6531;
/// The shortest TTL of seeded keys: no demo or test lasts an hour, so counts stay exact.
pub const SEED_MIN_TTL_SECONDS: u64 = 3600;
/// TTLs are spread over a week, as sessions are.
pub const SEED_TTL_SPREAD_SECONDS: u64 = 7 * 24 * 3600;

// Probe

/// Below this the probe itself is a noticeable load on the server it watches.
pub const MIN_PROBE_INTERVAL: Duration = Duration::from_micros(20);
/// Above this the probe sees too little of a run to say anything about a 99th percentile.
pub const MAX_PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// A sleep wakes up to this late (timer slack and a switch), so the last stretch is spun, with the core offered to others.
pub const PROBE_SPIN: Duration = Duration::from_micros(80);
/// Longer waits are counted as this one; `REPLY_TIMEOUT` ends a probe before.
pub const MAX_WAIT_US: u64 = 60_000_000;
/// Three digits tell 1.00 ms from 1.01 ms.
pub const WAIT_DIGITS: u8 = 3;
/// Questions before a probe's figures are worth something: its thread, its core and the server's side are warm then.
pub const PROBE_WARM_ASKS: u64 = 20;
/// The first width of a timeline's stretches: a few questions at the shortest sensible interval.
pub const FIRST_TIMELINE_BUCKET_US: u64 = 250;
/// More than a picture has columns; 16 KiB a timeline.
pub const MAX_TIMELINE_BUCKETS: usize = 2048;
