//! Owns every bound and default of the test kit, with its unit in the name and its reason above it.
//! It must not hold logic.

/// Logical databases of a simulated server: what Redis and Valkey come with.
pub const DATABASES: usize = 16;

/// Slots of a cluster: fixed by the protocol.
pub const CLUSTER_SLOTS: u16 = 16_384;

/// Nodes of one simulated cluster, those that were killed with them: three times the largest that a test here needs.
pub const MAX_CLUSTER_NODES: usize = 64;

/// First port that the nodes of an in-memory cluster announce: the number that cluster guides begin with.
pub const FIRST_CLUSTER_PORT: u16 = 7000;

/// From a node's port to that of its bus: the servers' own.
pub const BUS_PORT_OFFSET: u16 = 10_000;

/// Buffer of an in-memory connection, each way: about what a kernel gives a socket, so that backpressure shows in tests.
pub const DUPLEX_BYTES: usize = 64 * 1024;

/// What a connection reads at a time.
pub const READ_CHUNK_BYTES: usize = 16 * 1024;

/// Replies to pipelined requests are collected up to here and then written: one write a pipeline, without growing for ever.
pub const REPLY_BATCH_BYTES: usize = 64 * 1024;

/// A longer request is a protocol error. Far above what a test sends, far below what a machine has.
pub const MAX_REQUEST_BYTES: usize = 64 * 1024 * 1024;

/// Arguments of one request: Redis's own bound.
pub const MAX_REQUEST_ARGS: usize = 1024 * 1024;

/// An inline request without its line end: Redis's own bound.
pub const MAX_INLINE_BYTES: usize = 64 * 1024;

/// Connections at once to one simulated server or one proxy: a leak in a test ends here, and not in the machine's descriptors.
pub const MAX_CONNECTIONS: usize = 1024;

/// Rules at once in one rule book; a test that needs more has lost its thread.
pub const MAX_RULES: usize = 1024;

/// Newest commands kept for a look; the counts go on for ever.
pub const COMMAND_LOG_RECORDS: usize = 65_536;

/// Arguments kept for a look, summed: 65,536 records of a batch of 500 keys would else be a gigabyte.
pub const COMMAND_LOG_BYTES: usize = 64 * 1024 * 1024;

/// Commands queued in one MULTI.
pub const MAX_QUEUED_COMMANDS: usize = 65_536;

/// COUNT of a SCAN that names none: Redis's own.
pub const DEFAULT_SCAN_COUNT: u64 = 10;

/// A SCAN call passes at most COUNT times this many buckets when they are empty: Redis's own.
pub const SCAN_BUCKETS_PER_COUNT: u64 = 10;

/// Smallest table, in buckets: Redis's own.
pub const MIN_TABLE_BUCKETS: usize = 4;

/// A table shrinks when less than one bucket in this many is filled: Redis 7.4 and newer.
pub const SHRINK_BELOW_ONE_IN: usize = 8;

/// Empty buckets that one step of a rehash may pass: Redis's own.
pub const EMPTY_BUCKETS_PER_STEP: usize = 10;

/// Depth of `*` after which a pattern matches nothing: Redis's bound since CVE-2024-31228.
pub const MAX_GLOB_DEPTH: usize = 1000;

/// Buffer of a proxied connection, each way: a proxy holds no more than this of what its client does not read.
pub const RELAY_BUFFER_BYTES: usize = 16 * 1024;

/// Pieces a second in which a slow link passes bytes on: even enough for a test, and above the timer's own grain.
pub const LINK_STEPS_PER_S: u64 = 100;
