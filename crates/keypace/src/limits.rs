//! Every bound and default of the library, with its unit in the name and its reason above it.
//! Holds constants only: no logic, no types.

use std::time::Duration;

// Patterns

/// No key name in practice is longer, and each byte of a pattern is compared with every key of a node.
pub const MAX_PATTERN_BYTES: usize = 1024;
/// Weight of all stars of a pattern: 1 before a literal byte, 2 before a `?` or a class, 0 at the end. Redis 7.0.15 and
/// Valkey 9.1.2 don't mind (64 times `*?`: at most 1.4 us a key of 250 bytes), but servers before the fix for
/// CVE-2022-36021 try every combination. Computed steps for a key of 40 bytes there: 31,000 for 3 times `*?`, which this
/// allows, 296,000 for 4 times, 281 million for 8 times; 6 times `*:` on a name with 7 colons 1,600, and the worst that is
/// allowed, 6 times `*a` on a name of nothing but `a`, 13 million.
pub const MAX_PATTERN_STARS: usize = 6;
/// Bytes between the brackets of all classes after the first star, which the server reads again at each byte of each key
/// (valkey #4411). Measured, in us a key of 40, 100 and 250 bytes: 64 bytes cost 2.7, 6.8 and 16.5 on Redis 7.0.15 and
/// 2.3, 8.6 and 15.0 on Valkey 9.1.2; 1,000 bytes 42, 105 and 298, and 37, 99 and 236, which is 50 ms for a page of 500.
pub const MAX_CLASS_BYTES: usize = 64;
/// What separates the segments of a key name where nobody says otherwise.
pub const DEFAULT_SEPARATOR: u8 = b':';
/// One walk answers for several patterns, and each key is compared with each of them.
pub const MAX_PATTERNS: usize = 64;

// The wire

/// Room for one read: a page of 1000 keys of 30 bytes fits in one, and a slow reader holds no more than this.
pub const READ_BUFFER_BYTES: usize = 64 * 1024;
/// A long string is made room for in steps of this size, as its bytes come; an idle connection keeps no more.
pub const MAX_READ_STEP_BYTES: usize = 1024 * 1024;
/// Status and error lines of servers are short; one that goes on for ever is no server's.
pub const MAX_RESP_LINE_BYTES: usize = 64 * 1024;
/// The servers' own default for the longest string (`proto-max-bulk-len`).
pub const MAX_RESP_STRING_BYTES: usize = 512 * 1024 * 1024;
/// A reply to KEYS over the largest keyspace that it is allowed on, with room to spare.
pub const MAX_RESP_ELEMENTS: u64 = 16 * 1024 * 1024;
/// The longest whole reply that is held.
pub const MAX_RESP_REPLY_BYTES: usize = 1024 * 1024 * 1024;
/// `COMMAND INFO` nests 6 deep with subcommands; nothing known nests deeper.
pub const MAX_RESP_DEPTH: usize = 16;

// Connections

/// The servers' own default port.
pub const DEFAULT_PORT: u16 = 6379;
/// How long one command may take unless the caller says otherwise: longer than a fork or a slow save stalls a server.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);
/// No timeout is longer: a day is a configuration error.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(3600);
/// KEYS on the largest keyspace that it is allowed on takes seconds; it gets this many command timeouts.
pub const BLOCKING_TIMEOUT_FACTOR: u32 = 4;
/// A server that is up answers its handshake at once; one behind a dead route must not hold the caller long.
pub const MAX_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Walks at once on a node: each may need a second connection to delete with, and must never wait for one that only
/// another walk can give back.
pub const MAX_WALKS_PER_NODE: usize = MAX_CONNECTIONS_PER_NODE / 2;
/// How often a request that may pass later is tried again.
pub const DEFAULT_RETRIES: u32 = 5;
/// More tries than this only hide that the server is gone.
pub const MAX_RETRIES: u32 = 100;
/// The first pause before trying again; it doubles, with jitter.
pub const RETRY_FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause before trying again.
pub const RETRY_LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Connections that one node is asked to hold for us at once: a walk, a delete, and an application's own calls.
pub const MAX_CONNECTIONS_PER_NODE: usize = 16;

// Scanning

/// SCAN takes nothing below.
pub const COUNT_MIN: u32 = 1;
/// A call of 10,000 holds others up for about 16 ms; nothing is gained above 1000 (pitfall P19d).
pub const COUNT_MAX: u32 = 10_000;
/// Keeps a canary under a millisecond at nearly full speed (measured on Redis 7.0 and Valkey 9.1).
pub const COUNT_AUTO: u32 = 500;
/// Where each key costs a question of its own, a page takes about five times as long.
pub const COUNT_AUTO_ASKING: u32 = 100;
/// Where speed alone counts: more gains nothing.
pub const COUNT_FULL_SPEED: u32 = 1000;
/// Walks that begin again because another process answers; more are a server that dies of the walk, or two servers
/// behind one address.
pub const MAX_RESTARTS: u64 = 5;
/// Keys that `collect` gathers unless the caller says otherwise.
pub const COLLECT_DEFAULT_KEYS: usize = 1000;
/// The most that `collect` gathers: who needs more wants the stream, or an index.
pub const COLLECT_MAX_KEYS: usize = 10_000;
/// KEYS on more keys than this holds every client up for about half a second and more.
pub const MAX_KEYS_STRATEGY_KEYS: u64 = 1_000_000;
/// Keys of one page where pages are cut by us (sorted output, KEYS).
pub const PAGE_KEYS: usize = 1000;
/// No server's type name is longer; modules are limited to 9 characters.
pub const MAX_TYPE_NAME_BYTES: usize = 32;
/// Cursors are 20 digits, or 30 characters in `CLUSTERSCAN`; what is longer is none.
pub const MAX_CURSOR_BYTES: usize = 256;

// Deleting

/// Keys of one UNLINK: one command of 500 costs a quarter of 500 commands, and larger ones gain nothing (P28c).
pub const BATCH_KEYS: usize = 500;
/// A batch of this many short keys already holds others up for more than 10 ms.
pub const MAX_BATCH_KEYS: usize = 10_000;
/// Key names of one batch: long names make a command large before it has many keys.
pub const MAX_BATCH_BYTES: usize = 1024 * 1024;
/// Batches on their way at once: with 8 the server is the limit (P28c).
pub const MAX_BATCHES_IN_FLIGHT: usize = 8;
/// Keys that may fail one after the other, with none removed in between, before a run stops.
pub const MAX_FAILED_IN_A_ROW: u64 = 10_000;
/// Keys that a plan shows, and that each kind of failure names.
pub const SAMPLE_KEYS: usize = 5;
/// Kinds of failure that a Summary lists; further ones are counted together.
pub const MAX_FAILURE_KINDS: usize = 20;
/// Pages that a plan's sampling walk looks at: 200 pages of 500 are a good estimate after a tenth of a second.
pub const PLAN_PAGES: usize = 200;

// Sweeping

/// The extra wait that other clients may be caused unless the caller says otherwise.
pub const DEFAULT_BUDGET: Duration = Duration::from_millis(1);
/// A single short command takes longer than less.
pub const MIN_BUDGET: Duration = Duration::from_micros(50);
/// Who allows more means `off`.
pub const MAX_BUDGET: Duration = Duration::from_secs(1);
/// `--rate` is kept in steps of a tenth of a second: small enough to be smooth, large enough to batch.
pub const RATE_BURSTS_PER_S: u64 = 10;
/// Below the servers' own default a walk is all round trips.
pub const COUNT_RATE_MIN: u32 = 10;
/// A checkpoint costs 1.5 ms (fsync of file and folder), so not every batch has one.
pub const CHECKPOINT_INTERVAL: Duration = Duration::from_millis(500);
/// No checkpoint is larger: what is longer is another file.
pub const MAX_CHECKPOINT_BYTES: u64 = 64 * 1024 * 1024;
/// Prefixes that are counted one by one; about 100 bytes each.
pub const MAX_PREFIXES: usize = 100_000;
/// A longer prefix is no place in a hierarchy but a name; such keys are counted together.
pub const MAX_PREFIX_BYTES: usize = 256;
/// A batch that is not full is sent after so many pages: few keys match, and they should not wait for long.
pub const MAX_PAGES_PER_BATCH: u64 = 64;

// The KV convenience

/// Escaped it is at most twice as long, which leaves half of `MAX_PATTERN_BYTES` to the pattern behind it.
pub const KV_MAX_PREFIX_BYTES: usize = 256;
/// A hundred years: who wants longer wants none. Servers refuse what overflows their clock of 64 bits in ms, and a
/// score is exact up to 2^53 ms.
pub const KV_MAX_TTL: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
/// Members of the index in one read: 0.1 to 0.3 ms of the server's time wherever they are, as they are asked for by rank.
/// (ZRANGEBYSCORE with LIMIT walks to its offset: 16 ms at 490,000 on Redis 7.0.15.)
pub const KV_INDEX_PAGE_MEMBERS: u64 = 1000;
/// Expired members that one listing drops: 0.3 to 0.5 ms out of 500,000 on Redis 7.0.15 and Valkey 9.1.2.
pub const KV_PRUNED_BY_LISTING: u64 = 1000;
/// Expired members that one set with a TTL drops: more than the one it adds, so that an index which nobody lists doesn't grow
/// for ever.
pub const KV_PRUNED_BY_SET: u64 = 4;
