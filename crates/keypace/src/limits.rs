//! Every bound and default of the library, with its unit in the name and its reason above it.
//! Holds constants only: no logic, no types.

pub mod index;
pub mod inspect;
pub mod records;

mod backup;
mod browse;
mod bulk;

use std::time::Duration;

pub use backup::{
    BACKUP_BLOCK_BYTES, BACKUP_ZSTD_LEVEL, MAX_BACKUP_HEAD_BYTES, MAX_BACKUP_RECORD_BYTES,
    MAX_DOUBTFUL_KEYS, MAX_NAMED_DAMAGES, MAX_RESTORE_ROUNDS, RESTORE_LOAD_BYTES,
    RESTORE_VOLLEY_KIB, ROUNDS_PER_LOST_NODE, VAULT_GATHERED_MESSAGES, VAULT_QUEUE_BYTES,
    VAULT_WRITE_BYTES,
};
pub use browse::{
    BROWSE_DEFAULT_KEYS, BROWSE_MAX_BYTES, BROWSE_MAX_KEYS, BROWSE_SMALL_CALLS, BROWSE_SPARSE_PART,
    BROWSE_TIME,
};
pub use bulk::{
    BULK_CHUNK_BYTES, BULK_CHUNK_KEYS, BULK_FIRST_VALUE_BYTES, BULK_FLIGHT_BYTES, BULK_FLIGHT_KEYS,
    BULK_MAX_CHUNK_BYTES, BULK_MIN_CHUNK_BYTES, BULK_PACED_CHUNK_BYTES, LAYOUT_PATIENCE,
    LAYOUT_PAUSE, MAX_REDIRECTS, MAX_TTL, REDIRECT_PAUSE, SUDDEN_REDIRECTS, VOLLEY_MAX_BYTES,
    VOLLEY_MAX_CALLS,
};

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
/// The servers' own default port of a Sentinel.
pub const DEFAULT_SENTINEL_PORT: u16 = 26_379;
/// A Sentinel answers from memory; with one that is frozen the others are asked within the handshake's time.
pub const SENTINEL_TIMEOUT: Duration = Duration::from_secs(1);
/// Clusters are meant for up to 1,000 primaries (Redis cluster specification), each with a replica or two.
pub const MAX_CLUSTER_NODES: usize = 4_000;
/// Nodes that are asked for their table at once: each answers with a line for every node.
pub const MAX_ASKED_AT_ONCE: usize = 64;
/// Nodes that the asked ones name are asked next, and replicas of silent ones after those; more rounds than this are a
/// cluster that changes faster than it can be asked.
pub const MAX_LAYOUT_WAVES: usize = 4;
/// How long one command may take unless the caller says otherwise: longer than a fork or a slow save stalls a server.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);
/// No timeout is longer: a day is a configuration error.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(3600);
/// KEYS on the largest keyspace that it is allowed on takes seconds; it gets this many command timeouts.
pub const BLOCKING_TIMEOUT_FACTOR: u32 = 4;
/// A server that is up answers its handshake at once; one behind a dead route must not hold the caller long.
pub const MAX_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Walks at once on a node: each may need others to look at keys, to delete them, and to ask for the server's clock, and
/// must never wait for one that only another walk can give back.
pub const MAX_WALKS_PER_NODE: usize = MAX_CONNECTIONS_PER_NODE / 4;
/// How often a request that may pass later is tried again.
pub const DEFAULT_RETRIES: u32 = 5;
/// More tries than this only hide that the server is gone.
pub const MAX_RETRIES: u32 = 100;
/// The first pause before trying again; it doubles, with jitter.
pub const RETRY_FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause before trying again.
pub const RETRY_LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Connections that one node is asked to hold for us at once: walks, what each of them needs beside, and an
/// application's own calls.
pub const MAX_CONNECTIONS_PER_NODE: usize = 32;

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
/// Lanes that one node is walked in: more gained nothing, and each is a connection.
pub const MAX_LANES: u32 = 64;
/// Lanes where the round trip is what a walk waits for: 14 times as fast at 5 ms, and at 1 ms the server is the limit.
pub const LANES_AUTO: u32 = 16;
/// Shorter round trips leave a server idle for less than a page takes it: one lane is fast enough.
pub const LANES_LEAST_ROUND_TRIP: Duration = Duration::from_millis(1);
/// Fewer keys are walked in 200 calls, and what lanes give twice at their ends would show.
pub const LANES_LEAST_KEYS: u64 = 100_000;
/// Keys that each lane has at least: a few pages, so that its cursors show whether they fit.
pub const LANE_LEAST_KEYS: u64 = 1000;
/// Pages that are looked at to learn whether each slot has a table: one shows it, unless slots are very large.
pub const KIND_PAGES: u32 = 3;
/// How sure that has to be: one in 16 million. Each page is checked after that.
pub const KIND_BITS: f64 = 24.0;
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
/// A list of keys is read in pieces of this size, each of about a page of names.
pub const LIST_PIECE_BYTES: usize = 64 * 1024;
/// Longer names are no names that anybody gives a key; a list that has one is likely to lack its NULs. It bounds the piece
/// that is held, too.
pub const MAX_LISTED_KEY_BYTES: usize = 1024 * 1024;

// Selecting

/// The shortest idle time that is a filter: servers count whole seconds.
pub const MIN_IDLE: Duration = Duration::from_secs(1);
/// Servers keep the time of a key's last use in 24 bits of seconds; after that a key looks young again (P30).
pub const MAX_IDLE: Duration = Duration::from_secs((1 << 24) - 1);
/// Nested values that MEMORY USAGE looks at: the servers' own default.
pub const SIZE_SAMPLES: u32 = 5;
/// Looking at 1000 members takes 0.15 ms.
pub const MAX_SIZE_SAMPLES: u32 = 1000;
/// A sampled size within this factor of a threshold may be on either side of it: members differ in size by about so much.
pub const SIZE_NEAR_FACTOR: u64 = 2;
/// Elements up to which a collection is measured whole: SAMPLES 0 took 15 ms on a set of 100,000 (P32d), so 0.15 ms.
pub const WHOLE_SIZE_MAX_ELEMENTS: u64 = 1000;
/// Questions on their way at once: four about each key of the largest usual page, and their replies are 100 KB at most.
pub const MAX_QUESTIONS_IN_FLIGHT: usize = 4096;
/// How often a server is asked whether it saves; INFO of one section costs it 0.02 ms.
pub const SAVING_INSPECT_INTERVAL: Duration = Duration::from_secs(1);
/// While it saves: until it is asked again, so that a stop is not waited for.
pub const SAVING_PAUSE: Duration = Duration::from_millis(250);
/// Replicas of a primary that are asked for idle times too, those of replicas included. More are taken for readers that
/// can't be asked.
pub const MAX_IDLE_READERS: usize = 16;

// Deleting

/// Keys of one UNLINK: one command of 500 costs a quarter of 500 commands, and larger ones gain nothing (P28c).
pub const BATCH_KEYS: usize = 500;
/// A batch of this many short keys already holds others up for more than 10 ms.
pub const MAX_BATCH_KEYS: usize = 10_000;
/// Key names of one batch: long names make a command large before it has many keys.
pub const MAX_BATCH_BYTES: usize = 1024 * 1024;
/// Batches on their way at once: with 8 the server is the limit (P28c).
pub const MAX_BATCHES_IN_FLIGHT: usize = 8;
/// Commands on their way at once in a cluster, where a slot's few keys are a command: their replies, which nobody reads
/// meanwhile, are 40 KB where each is a MOVED.
pub const MAX_COMMANDS_IN_FLIGHT: usize = 1024;
/// Keys that may fail one after the other, with none removed in between, before a run stops.
pub const MAX_FAILED_IN_A_ROW: u64 = 10_000;
/// Keys that a plan shows, and that each kind of failure names.
pub const SAMPLE_KEYS: usize = 5;
/// Names of keys left alone that a shard keeps for the walk that verifies: far more than anyone means to leave, and 100 bytes
/// each.
pub const MAX_LEFT_ALONE_KEYS: usize = 10_000;
/// The same in bytes of names, so that long ones cost no more.
pub const MAX_LEFT_ALONE_BYTES: usize = 1024 * 1024;
/// Kinds of failure that a Summary lists; further ones are counted together.
pub const MAX_FAILURE_KINDS: usize = 20;
/// Keys of one run of the script that checks and removes: 2.2 to 6.6 us each, and nobody else is served meanwhile (P27).
pub const MAX_CHECKED_KEYS: usize = 500;
/// Without UNLINK a collection of more elements is taken apart before it is removed: freeing 1000 takes 0.1 to 0.3 ms (P23).
pub const SHRINK_ABOVE_ELEMENTS: u64 = 1000;
/// Elements that one command takes out at most. No more than `SHRINK_ABOVE_ELEMENTS`, so that one is always left and the key
/// is there to be removed.
pub const SHRINK_STEP_ELEMENTS: usize = 1000;
/// Members or fields that are named at first, while nobody knows how long they are: of 10 KiB each they are 1 MiB.
pub const SHRINK_FIRST_NAMES: usize = 100;
/// A reply that names members, or fields with their values; about 200 KB is a good size (P33).
pub const SHRINK_REPLY_BYTES: usize = 200 * 1024;
/// Pages that a plan's sampling walk looks at: 200 pages of 500 are a good estimate after a tenth of a second.
pub const PLAN_PAGES: usize = 200;
/// Keys whose values a plan measures where they are to be saved: enough for a first figure, at 0.1 ms of the server's time.
pub const PLAN_MEASURED_KEYS: u64 = 100;
/// Bits that tell which keys a backup may hold twice: 16 MiB, where of a million keys one in 130 is named although it is there
/// once.
pub const BACKUP_TWICE_BITS: usize = 1 << 27;
/// Larger values are skipped by a delete with a backup, unless the caller says otherwise: a string of this size takes the
/// server 20 ms to answer with, in pieces, and one is held in memory at a time.
pub const BACKUP_MAX_VALUE_BYTES: u64 = 64 * 1024 * 1024;

// Deleting with a backup

/// Leases on a node at full speed: while some wait for the disk, others keep the server busy. 100,000 strings of 1 KiB by 1,
/// 2, 4 and 8 took 5.3, 3.3, 3.4 and 1.9 s on Redis 7.0.15, and 8.2, 4.9, 4.0 and 3.0 s on Valkey 9.1.2 (a busy machine, the
/// client not optimised), and with more of them a key cost the server less.
pub const WATCHED_LEASES_PER_NODE: usize = 8;
/// Keys of one group. WATCH compares each key with all that its connection watches (P32c): by 32, 64 and 128 it cost 0.6,
/// 0.6 and 1.0 us a key on Redis 7.0.15 and 1.2, 0.8 and 0.9 on Valkey 9.1.2; with fewer, round trips and fsyncs show.
pub const WATCH_GROUP_KEYS: usize = 64;
/// Keys that are read and saved together where they are watched only afterwards, `WATCH_GROUP_KEYS` at a time; their values
/// are `WATCH_GROUP_BYTES` at most. With 500,000 strings of 1 KiB the client's threads went to sleep 36,000 times in place of
/// 61,000 by 64.
pub const SAVED_GROUP_KEYS: usize = 256;
/// Strings up to so long are read twice, once to be saved and once as they go, in place of being watched for as long as the
/// disk takes: of 200,000 of 1 KiB by eight leases each cost Redis 7.0.15 8.5 to 10 us and Valkey 9.1.2 13 us of their time,
/// where watched all the while they cost 11 to 12 and 18, since what is watched lies all over the server's memory. A group is
/// `READ_AHEAD_BYTES` at most.
pub const READ_TWICE_MAX_BYTES: u64 = READ_AHEAD_BYTES / WATCH_GROUP_KEYS as u64;
/// Groups of these that are watched at once on a node. While one is, others are read and saved: with two a key cost Valkey
/// 9.1.2 15 us in place of 13.
pub const COMPARED_GROUPS: usize = 1;
/// Values of one group that are held together; a single larger one goes alone.
pub const WATCH_GROUP_BYTES: u64 = 4 * 1024 * 1024;
/// What the leases of all nodes hold of values together; a single larger one waits until it is alone.
pub const BACKUP_MEMORY_BYTES: u64 = 64 * 1024 * 1024;
/// How often one key may change between its WATCH and its EXEC before it is left alone.
pub const MAX_WATCH_TRIES: u32 = 5;
/// A reply of about 200 KB holds nobody up for long (P33).
pub const READ_REPLY_BYTES: u64 = 200 * 1024;
/// Longer strings are read in pieces: one of 1 MiB takes a server 0.3 ms to copy out.
pub const READ_PIECE_BYTES: u64 = 256 * 1024;
/// Replies that a server may have to hold for one connection while nobody reads them.
pub const READ_AHEAD_BYTES: u64 = 1024 * 1024;
/// What an element of a collection is taken for where its server can't say how many bytes it takes.
pub const ELEMENT_BYTES: u64 = 64;

// The pace

/// The first command of a kind, whose cost nobody knows yet: 0.1 ms of the server's time where a key costs 1 us.
pub const COUNT_FIRST: u32 = 100;
/// The first UNLINK or DEL, whose values may be of any size: ten of 1 MiB take 0.5 ms where they are strings.
pub const BATCH_FIRST: u32 = 10;
/// The first read of values, in KiB: 64 KiB are copied in about 0.02 ms, however many keys they are spread over.
pub const READ_FIRST_KIB: u32 = 64;
/// The first DUMP or RESTORE, in KiB: compressing 1 MiB takes 9 to 12 ms (P32d), and 16 KiB 0.2 ms.
pub const DUMP_FIRST_KIB: u32 = 16;
/// Smallest window as a share of the budget: what is never given up is small enough to be lost in it.
pub const PACE_LEAST_SHARE: f64 = 1.0 / 16.0;
/// The window doubles up to this share of the budget.
pub const PACE_HALF_SHARE: f64 = 0.5;
/// Largest window as a share of the budget: what a single command may exceed its estimate by is left free.
pub const PACE_MOST_SHARE: f64 = 0.65;
/// Additive climb, in budgets a second: from half the budget to the top in a fifth of a second.
pub const PACE_CLIMB_SHARE_PER_S: f64 = 2.0;
/// The most that one command adds, in budgets: a slow command is no reason for a leap.
pub const PACE_CLIMB_STEP_SHARE: f64 = 1.0 / 32.0;
/// What was over the budget is put down to us where we were meant to take this share of it.
pub const PACE_BLAME_SHARE: f64 = 0.25;
/// How often the window begins small again, as LEDBAT++ does: a second keypace on the same server finds room then.
pub const PACE_SLOWDOWN_US: u64 = 2_000_000;
/// Multiplicative fall.
pub const PACE_FALL_FACTOR: f64 = 0.7;
/// Commands among the last 64 that may take longer than the budget before the window falls: one or two are the
/// machine's own stalls, which smaller commands would not make rarer.
pub const PACE_OVER_COMMANDS: u32 = 3;
/// Gains of RFC 6298, whose round trips are as uneven as commands are; two deviations are left free, and not four as there,
/// since the top of the window leaves room too.
pub const PACE_MEAN_GAIN: f64 = 0.125;
/// See `PACE_MEAN_GAIN`.
pub const PACE_DEVIATION_GAIN: f64 = 0.25;
/// See `PACE_MEAN_GAIN`.
pub const PACE_DEVIATIONS: f64 = 2.0;
/// How fast the least that a unit has cost is forgotten, a command: doubled after 350.
pub const PACE_LEAST_COST_GROWTH: f64 = 1.002;
/// A command that took this many times what is allowed for counts as no more: it met a stall.
pub const PACE_OUTLIER_FACTOR: f64 = 3.0;
/// No key costs a server less; keeps sizes finite where a clock shows nothing.
pub const PACE_LEAST_UNIT_US: f64 = 0.01;
/// A quiet canary costs a round trip: where that is long, it sings once in so many of them.
pub const PACE_LISTEN_ROUND_TRIPS: u64 = 10;
/// How much of a budget may be put down to an idle machine's own unevenness.
pub const PACE_UNEVENNESS_BUDGET_SHARE: f64 = 0.125;
/// How much more than the shortest round trip one may usually take, where round trips are long: a share of it.
pub const PACE_UNEVENNESS_SHARE: f64 = 0.25;
/// Memory or a backlog that doesn't fall while nothing of ours goes is not ours: after so long it becomes what is
/// normal, and the work goes on.
pub const PRESSURE_PATIENCE_US: u64 = 30_000_000;
/// INFO without an answer so often in a row: nobody knows whether the last reason to pause still holds.
pub const UNTOLD_MAX: u32 = 50;
/// The canary's rhythm: 100 a second cost a server nothing.
pub const CANARY_INTERVAL: Duration = Duration::from_millis(10);
/// A canary without an answer for so long is given up, and another connection tried: work waits for it meanwhile.
pub const CANARY_TIMEOUT: Duration = Duration::from_secs(1);
/// Where the server has no connection left for the work, the canary gives up its own for so long.
pub const CANARY_MODEST_PAUSE: Duration = Duration::from_secs(60);
/// The longest wait that its histogram tells from a longer one.
pub const CANARY_MAX_WAIT_US: u64 = 60_000_000;
/// Digits of a wait that its histogram keeps: 2 are within one percent, in 30 KB.
pub const CANARY_DIGITS: u8 = 2;
/// So many of its last waits are what other clients feel now: about ten seconds of them, and enough for the longest of a
/// hundred.
pub const CANARY_RECENT: usize = 512;
/// An answer that may have lain unread for longer than this is not counted: nobody looked.
pub const CANARY_UNSEEN_MAX: Duration = Duration::from_micros(100);
/// After a canary's connection failed, before another is tried.
pub const CANARY_REOPEN_PAUSE: Duration = Duration::from_secs(1);
/// Work that ends sooner opens no connection for a canary.
pub const PACE_FIRST_LOOK_US: u64 = 10_000;
/// The canary's delay is that of the last second.
pub const PACE_DELAY_WINDOW_US: u64 = 1_000_000;
/// Answers of one second that are kept.
pub const PACE_DELAY_SAMPLES: usize = 128;
/// Fewer answers have no 90th percentile.
pub const PACE_DELAY_MIN_SAMPLES: usize = 20;
/// The same for answers while nothing of ours was on its way, of which there are 20 a second.
pub const PACE_QUIET_MIN_SAMPLES: usize = 10;
/// The shortest round trip is kept by the minute ...
pub const PACE_BASE_BUCKET_US: u64 = 60_000_000;
/// ... for ten minutes, as RFC 6817 has it.
pub const PACE_BASE_BUCKETS: u64 = 10;
/// How often the canary sings while nothing of ours is on its way: a wait then is somebody else's. About 0.1 ms each.
pub const PACE_LISTEN_US: u64 = 50_000;
/// A quiet canary that waits longer than this share of the budget has met somebody else.
pub const PACE_PATIENCE_SHARE: f64 = 0.25;
/// An idle machine's own unevenness: its 90th percentile was 126 to 192 us, where 63 were the median.
pub const PACE_UNEVENNESS_US: u64 = 100;
/// So many late answers in a row are a load: one slow command is over after one, and another keypace leaves gaps that
/// every third answer meets, so that 20 in a row are one chance in a thousand. They take 50 to 100 ms.
pub const PACE_BUSY_PINGS: u32 = 20;
/// So many early answers in a row are its end.
pub const PACE_CALM_PINGS: u32 = 2;
/// Between the answers that are to settle a doubt, so that one burst of a neighbour's doesn't meet them all.
pub const PACE_DOUBT_PAUSE_US: u64 = 1_500;
/// While somebody else is the load: between the commands that still go, each of the
/// smallest window.
pub const PACE_YIELD_PAUSE_US: u64 = 20_000;
/// While somebody else is the load: how often it is asked whether that is over.
pub const PACE_YIELD_LISTEN_US: u64 = 10_000;
/// The window's share while the server forks or writes: each page of memory that changes is copied then.
pub const PACE_SAVING_SHARE: f64 = 0.5;
/// How often the server is asked how it is; INFO costs it 0.1 ms.
pub const PACE_INSPECT_US: u64 = 1_000_000;
/// The same while something is at a quarter of its bound and more, and where there are replicas: a delete of long names
/// writes up to 80 MB a second for them.
pub const PACE_INSPECT_NEAR_US: u64 = 100_000;
/// The longest pause in one piece, so that a stop is not waited for.
pub const PACE_PRESSURE_PAUSE_US: u64 = 100_000;
/// The right to send is taken from who holds it for so long without an answer: that caller has stopped asking.
pub const TURN_PATIENCE: Duration = Duration::from_secs(1);
/// How far a replica may be behind: half of the buffer (64 MB for 60 s) from which on servers cut replicas off.
pub const REPLICA_LAG_MAX_BYTES: u64 = 32 * 1024 * 1024;
/// Work pauses at this share of it: until the server is asked again it takes up to 8 MB of deletes, and a replica that is
/// sent a whole share at once needs room in its socket.
pub const REPLICA_LAG_PAUSE_SHARE: f64 = 0.5;
/// Memory of the buffers for replicas: the same half.
pub const REPLICA_BUFFER_MAX_BYTES: u64 = 32 * 1024 * 1024;
/// Values whose memory is still to be freed: a thousand sets of 100,000 members are 10 s of work for the thread that
/// frees them.
pub const LAZYFREE_PENDING_MAX: u64 = 1_000;
/// Share of `maxmemory` in percent from which on the next growth evicts keys.
pub const MEMORY_MAX_PERCENT: u64 = 95;
/// Memory has grown if by this share of `maxmemory`.
pub const MEMORY_GROWTH_PERCENT: u64 = 1;
/// Percent of all keys that may become stale while we walk: active expiry has fallen behind (pitfall P11).
pub const STALE_GROWTH_MAX_PERCENT: u64 = 25;
/// Calls at one COUNT before it is compared with the last, at full speed.
pub const CLIMB_CALLS: usize = 16;
/// Calls that are kept for the comparison.
pub const CLIMB_MAX_CALLS: usize = 256;
/// And so long at least.
pub const CLIMB_STEP_US: u64 = 30_000;
/// What a doubled COUNT has to gain to be kept.
pub const CLIMB_GAIN: f64 = 1.15;

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
/// Key names on their way that a checkpoint holds, so that a resumed run knows of them: 4,000 of a kilobyte, written twice a
/// second. Those beyond it are found gone and not counted, if the run is killed.
pub const MAX_SAVED_IN_FLIGHT_BYTES: usize = 4 * 1024 * 1024;
/// Key names that a checkpoint holds of what was left alone or failed before, over all shards. Those beyond it count, and are
/// not named.
pub const MAX_SAVED_REASON_BYTES: usize = 1024 * 1024;
/// No checkpoint is larger: what is longer is another file.
pub const MAX_CHECKPOINT_BYTES: u64 = 64 * 1024 * 1024;
/// Prefixes that are counted one by one; about 100 bytes each.
pub const MAX_PREFIXES: usize = 100_000;
/// A longer prefix is no place in a hierarchy but a name; such keys are counted together.
pub const MAX_PREFIX_BYTES: usize = 256;
/// A batch that is not full is sent after so many pages: few keys match, and they should not wait for long.
pub const MAX_PAGES_PER_BATCH: u64 = 64;
/// The same in a cluster whose pages come in no order of slots: there keys of one slot meet over many pages only, and
/// pages are small under a budget. With 64 a delete at 1 ms sent 0.62 commands a key on Redis 7.0.
pub const MAX_PAGES_PER_SLOT_BATCH: u64 = 1024;
/// Keys that wait for others of their slot, in a cluster: of 64 pages of 1000, which make commands of 12 keys where a third
/// of the slots is walked in no order. May be exceeded by one page.
pub const MAX_WAITING_KEYS: usize = 64 * 1024;
/// Key names that wait for others of their slot: names of 128 bytes are as many keys as `MAX_WAITING_KEYS`. May be exceeded
/// by one page.
pub const MAX_WAITING_BYTES: usize = 8 * 1024 * 1024;
/// So often a key's slot has to be above that of the key before, and never below, until a node's pages are taken to go slot
/// by slot: by chance one walk in 10^13 looks so.
pub const MIN_SLOT_RISES: u32 = 16;

// Statistics

/// Prefixes that statistics are kept for, a shard: about 400 bytes each, and no table with more rows is read. Of more
/// prefixes the heaviest are kept; each may lack at most two keys in this many of those walked.
pub const STATS_PREFIXES: usize = 4096;
/// Names of types that are told apart: servers have six of their own, and few load more than a module or two.
pub const STATS_TYPES: usize = 16;
/// Keys of each prefix and type that are measured whatever the share is: a small prefix is exact so, and of a large one the spread
/// is known. Enough for a standard deviation that is itself within an eighth.
pub const STATS_FIRST_MEASURED: u64 = 32;
/// The biggest keys that are named unless the caller says otherwise: a glance.
pub const STATS_TOP_KEYS: usize = 10;
/// More names are a listing.
pub const STATS_MAX_TOP_KEYS: usize = 1000;
/// The deepest prefix worth a row: names with more segments are rare, and each level multiplies the rows.
pub const STATS_MAX_DEPTH: usize = 16;
/// Upper bounds, in seconds, of what TTLs and idle times are sorted into: a minute, ten, an hour, six, a day, a week, 30
/// days, 180. Idle clocks of servers hold 194 days.
pub const STATS_AGES_S: [u64; 8] = [
    60, 600, 3_600, 21_600, 86_400, 604_800, 2_592_000, 15_552_000,
];

// The KV convenience

/// Escaped it is at most twice as long, which leaves half of `MAX_PATTERN_BYTES` to the pattern behind it.
pub const KV_MAX_PREFIX_BYTES: usize = 256;
/// Members of the index in one read: 0.1 to 0.3 ms of the server's time wherever they are, as they are asked for by rank.
/// (ZRANGEBYSCORE with LIMIT walks to its offset: 16 ms at 490,000 on Redis 7.0.15.)
pub const KV_INDEX_PAGE_MEMBERS: u64 = 1000;
/// Expired members that one listing drops: 0.3 to 0.5 ms out of 500,000 on Redis 7.0.15 and Valkey 9.1.2.
pub const KV_PRUNED_BY_LISTING: u64 = 1000;
/// Expired members that one set with a TTL drops: more than the one it adds, so that an index which nobody lists doesn't grow
/// for ever.
pub const KV_PRUNED_BY_SET: u64 = 4;

// Clusters

/// Walks of one node after the other in which nothing is proven: a cluster that moves all the time is never still.
pub const MAX_COVERAGE_ROUNDS: u32 = 100;
/// Walks of which nothing is taken for proven since keys may have left their node and come back meanwhile: one migration that is
/// called off meets one or two, and a cluster that goes on like this is not walked for ever.
pub const MAX_WALKS_OF_LENT_KEYS: u32 = 10;
/// Between two looks at nodes that are away, or at slots that are on their way.
pub const COVERAGE_PAUSE: Duration = Duration::from_millis(200);
/// Looks at a cluster whose nodes don't agree yet on who is newest, before it is walked as it is: news takes about a
/// second to reach all of them.
pub const MAX_LOOKS_FOR_AGREEMENT: u32 = 25;
/// Ranges of slots that an error names: enough to find the nodes, and it stays a line.
pub const SHOWN_SLOT_RANGES: usize = 10;
/// How many times a command's timeout a walk waits for a node that is away: a failover takes about as long as the
/// nodes' own timeout, 15 s, and some seconds more.
pub const COVERAGE_PATIENCE_FACTOR: u32 = 2;
/// Slots that one `CLUSTER SLOT-STATS` asks for: 5,461 took 0.6 to 1.4 ms of a server's time, which is a whole budget.
pub const SLOT_STATS_SLOTS: u16 = 1024;
/// A walk of fewer of a node's slots than one in so many goes to these slots, where the server has a table for each.
pub const NARROW_SHARE: usize = 4;
