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

/// Where steady ports begin: above the well-known ones and the servers' own defaults.
pub const FIRST_STEADY_PORT: u16 = 10_000;
/// How many steady ports there are: they and their bus ports, 10,000 higher, stay below 32,768, where the ports of
/// outgoing connections begin. So a killed node's port is not taken by a passing client before it is back.
pub const STEADY_PORTS: u16 = 12_000;
/// A node's bus port is its port and this: the servers' own rule, and the only one before Redis 7.0.
pub const BUS_PORT_OFFSET: u16 = 10_000;
/// Looks for a free steady port; on a machine with a hundred nodes one look in a hundred fails.
pub const STEADY_PORT_LOOKS: u32 = 100;

// Waiting for servers to agree

/// Between two looks at what is waited for: short against an election, which takes a second or more.
pub const LOOK_PAUSE: Duration = Duration::from_millis(20);
/// For one answer while waiting: a frozen server must not use up the patience for all others.
pub const LOOK_TIMEOUT: Duration = Duration::from_secs(1);
/// A cluster of six is ready in 3 s, a failover by election takes 2 s more than the node timeout; the rest is for a
/// loaded machine.
pub const AGREE_PATIENCE: Duration = Duration::from_secs(30);

// Owned clusters

/// Of every Redis and Valkey cluster.
pub const SLOTS: u16 = 16_384;
/// The fewest that can elect: with two, the death of one leaves no majority.
pub const DEFAULT_PRIMARIES: usize = 3;
/// One to promote for each primary.
pub const DEFAULT_REPLICAS: usize = 1;
/// A fourteenth of a real cluster's would promote on a busy test machine's hiccup; this one has not.
pub const DEFAULT_NODE_TIMEOUT: Duration = Duration::from_millis(2000);
/// Slots on their way at once. Valkey answers a change of a slot when its replicas have it too and all have written
/// their node files, which takes some 5 ms, for many changes that come together as for one.
pub const SLOTS_UNDER_WAY: usize = 32;
/// Names in one MIGRATE: well under a millisecond of either server's time with small values.
pub const MIGRATE_BATCH_KEYS: usize = 100;
/// For one MIGRATE on loopback, in the server's own unit; a frozen target fails it in bounded time.
pub const MIGRATE_TIMEOUT_MS: u32 = 5000;

// Owned sentinels

/// Three watch, two must agree.
pub const SENTINELS: usize = 3;
/// How many sentinels must agree that a primary is down.
pub const SENTINEL_QUORUM: usize = 2;
/// The name that the sentinels know their primary by, unless another is given.
pub const DEFAULT_MASTER_NAME: &str = "main";
/// Short, so that a test sees a failover in seconds; a busy test machine's hiccups are shorter.
pub const DEFAULT_DOWN_AFTER: Duration = Duration::from_millis(1000);
/// Bounds each step of a failover; Sentinel starts no second one within twice this time.
pub const SENTINEL_FAILOVER_TIMEOUT_MS: u32 = 3000;
/// How often sentinels ask INFO (10 s by itself): what a test waits for after every change.
pub const SENTINEL_INFO_PERIOD_MS: u32 = 500;
/// How often sentinels say hello (2 s by itself): they find each other by it, and demote an old primary after four.
pub const SENTINEL_HELLO_PERIOD_MS: u32 = 300;

// Delay relay

/// Above this a test of delays is a test of patience.
pub const MAX_DELAY: Duration = Duration::from_secs(5);
/// One read of the relay: a whole pipeline of commands, or a good part of a page.
pub const RELAY_READ_BYTES: usize = 64 * 1024;
/// Reads under way in one direction: 64 MiB at most, and a thousand separate packets within one delay.
pub const RELAY_READS_UNDER_WAY: usize = 1024;

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
/// When the first of seeded records was created: in the past, with as many digits as any time of this century.
pub const SEED_RECORDS_CREATED_MS: u64 = 1_760_000_000_000;
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
