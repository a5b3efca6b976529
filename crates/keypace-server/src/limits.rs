//! Every bound and default of the service, with its unit in the name and its reason above it.
//! Holds constants only: no logic, no types.

use std::time::Duration;

// Sessions

/// Sessions of a page where nobody says otherwise.
pub const DEFAULT_PAGE_SIZE: u32 = 20;
/// The most that a page holds: a hundred rows are what a person looks through, and about 30 KB.
pub const MAX_PAGE_SIZE: u32 = 100;
/// The last page that can be asked for: SQL walks over all rows before it, which the cursor does not.
pub const MAX_PAGE_NUMBER: u32 = 1_000_000;
/// The longest name of a model: providers' own are below 100.
pub const MAX_MODEL_BYTES: usize = 256;
/// The most turns that can be written: the largest whole number that every reader of JSON reads exactly.
pub const MAX_TOTAL_TURNS: u64 = (1 << 53) - 1;
/// Random bytes of an id that is made: as many as a UUID has, and no two alike in practice.
pub const MADE_ID_BYTES: usize = 16;
/// The longest body of a request that is read: all fields at their longest are below 1 KiB.
pub const MAX_SESSION_BODY_BYTES: usize = 16 * 1024;
/// A record that changed under an update is read and written again this often: more is a fight that somebody else wins.
pub const UPDATE_ATTEMPTS: u32 = 8;

// SQL

/// Connections to a database at once: two cores' worth of work for a server, and all that SQLite makes use of.
pub const SQL_CONNECTIONS: u32 = 8;
/// One question to the database, the wait for a connection included: a person who waits longer has gone.
pub const SQL_TIMEOUT: Duration = Duration::from_secs(5);
/// A failure that took so long counts as one that hangs: a refusal comes at once.
pub const SQL_SLOW: Duration = Duration::from_secs(1);
/// So many questions in a row that hang, and reads that may be stale are answered without asking: fewer are bad luck.
pub const SQL_HANGING_ANSWERS: u32 = 3;
/// How often a database that hangs is asked whether it is back: one small query, whatever the load.
pub const SQL_PROBE_PAUSE: Duration = Duration::from_secs(1);
/// Writes of one process that are under way at once, those whose caller has gone too: more wait for their turn.
pub const WRITES_AT_ONCE: usize = 256;
/// How long SQLite waits for another writer: below the whole, so that the reason comes from SQLite.
pub const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(3);
/// Between two tries to open a file of SQLite that others are opening too: what they do takes some milliseconds.
pub const SQLITE_OPEN_PAUSE: Duration = Duration::from_millis(10);

// The cache

/// How long a session stays in the cache without being written: what was lost on the way there is forgotten by then.
pub const CACHE_TTL: Duration = Duration::from_secs(300);
/// How long one read waits for the cache: what the database itself takes on a bad day.
pub const CACHE_READ_WAIT: Duration = Duration::from_millis(50);
/// How long one write waits for the cache. What is not confirmed by then costs an epoch, so it waits longer than a read.
pub const CACHE_WRITE_WAIT: Duration = Duration::from_millis(250);
/// How long the cache is left alone after it did not answer, so that not every read waits for it.
pub const CACHE_PAUSE: Duration = Duration::from_secs(1);
/// How long a list that may be stale waits for Redis: there is nobody else to ask.
pub const STALE_WAIT: Duration = Duration::from_secs(2);
/// How long an epoch is believed without asking the database again: one small query in this time, whatever the load.
pub const EPOCH_LIFE: Duration = Duration::from_millis(500);
/// How long a delete that the cache did not confirm is held back after the epoch went on: every process has asked for the
/// epoch since, and its last read of the cache before that has ended.
pub const EPOCH_SPREAD: Duration = Duration::from_millis(1_000);
/// How old what was read or written in SQL may be when it goes into the cache: far below the life of a tombstone. The
/// process holds to it by its own clock, and the server of the cache by its own.
pub const IMPORT_MAX_AGE: Duration = Duration::from_secs(20);
/// How often an epoch is tried to begin that the database did not begin when it was needed.
pub const EPOCH_OWED_PAUSE: Duration = Duration::from_secs(1);
/// How long a start waits for the cache: long enough to find a wrong key file, and no server that is away stops a start.
pub const CACHE_OPEN_WAIT: Duration = Duration::from_secs(2);
/// How many questions to the cache this process has open at once: more wait for nothing, and read from SQL.
pub const CACHE_CALLS: usize = 64;

// Keys, signatures and tickets

/// Random bytes of an API key: nobody guesses 256 bits, so that a plain hash of it can stand in a table.
pub const KEY_SECRET_BYTES: usize = 32;
/// API keys that a store keeps: a bound on what is read at once, and far more than people hand out.
pub const MAX_KEYS: usize = 1_000;
/// The longest owner that a key may stand for: the library's own bound on owners.
pub const MAX_KEY_OWNER_BYTES: usize = 512;
/// How long a ticket opens a WebSocket: the page asks for one in the moment that it connects.
pub const TICKET_TTL: Duration = Duration::from_secs(30);
/// Tickets that were used and have not run out: 200 watchers that reconnect ten times in half a minute are 2,000.
pub const MAX_USED_TICKETS: usize = 10_000;

// Jobs

/// Jobs that wait or are paused: what a person can still look through; the next is refused with a text.
pub const JOBS_WAITING: u32 = 100;
/// Jobs that run at once in one process: each has connections of its own, and they share a node's pace.
pub const JOBS_RUNNING: u32 = 2;
/// Jobs that have ended and are kept: about 4 MB of rows, where none is of statistics with thousands of prefixes (up to some
/// hundred KB each).
pub const JOBS_HISTORY: u32 = 1_000;
/// Days that a delete's backup is kept after its job has ended, where the config says nothing: whoever misses keys notices
/// within a month.
pub const BACKUP_DAYS: u32 = 30;
/// The most days that the config may ask for.
pub const MAX_BACKUP_DAYS: u32 = 3_650;
/// Bytes of backups that one process keeps, where the config says nothing: some hundred million small keys. Above it the oldest
/// go first, whatever their age.
pub const BACKUP_BYTES: u64 = 20 * 1024 * 1024 * 1024;
/// Between two looks which backups have had their time.
pub const BACKUP_LOOK: Duration = Duration::from_secs(60 * 60);
/// Jobs of a list where nobody says otherwise.
pub const DEFAULT_JOBS_PAGE: u32 = 50;
/// The most jobs of a list: about 400 KB.
pub const MAX_JOBS_PAGE: u32 = 100;
/// Bytes of jobs after which a list ends early: statistics of many prefixes and jobs of many patterns have up to some MB each,
/// and a list is read into memory whole.
pub const JOBS_PAGE_BYTES: u64 = 1024 * 1024;
/// How long a job is its holder's without a heartbeat: ten of them may be lost before another replica takes it.
pub const JOB_LEASE: Duration = Duration::from_secs(10);
/// Between two heartbeats of a job: also how long an order takes to reach a holder in another process.
pub const JOB_HEARTBEAT: Duration = Duration::from_secs(1);
/// A part of the lease that work is not moved on in: what was sent just before reaches the server within it, and clocks of two
/// machines run apart by less.
pub const JOB_LEASE_MARGIN: u32 = 10;
/// Between two looks for jobs that nobody announced in this process: those of other replicas, and of dead ones.
pub const JOB_LOOK: Duration = Duration::from_secs(1);
/// Between two looks of a job's watchers at its progress: what the WebSocket sends at most.
pub const JOB_LIVE: Duration = Duration::from_millis(100);
/// How often jobs are counted by state for the figures.
pub const JOB_COUNT_PAUSE: Duration = Duration::from_secs(5);
/// Between two tries to tell the store how a job was left, as long as the lease lasts.
pub const JOB_FINISH_PAUSE: Duration = Duration::from_millis(200);
/// How often a job may be taken over from a process that was not heard of: one that takes its process down each time ends
/// some time.
pub const JOB_RESTARTS: u32 = 100;
/// Works that are paused in memory at once: statistics of a large keyspace take some MB each.
pub const HELD_WORKS: usize = 8;
/// How long a server that is away is waited for before its job is paused: a restart takes less, and a person looks after it
/// when it is longer.
pub const SERVER_AWAY: Duration = Duration::from_secs(60);
/// Between two looks whether a server is back.
pub const SERVER_AWAY_PAUSE: Duration = Duration::from_secs(1);
/// How often a job goes on after its server was away, within one turn: beyond, somebody has to look.
pub const SERVER_AWAY_ROUNDS: u32 = 20;
/// Bytes of a key's name that a plan shows: what is longer is told by its beginning, and names may have 512 MB.
pub const SAMPLE_NAME_BYTES: usize = 256;
/// Keys a second that a delete is taken to remove beside its walk, by which a plan says about how long it will take: under a
/// budget. A guess, of the size that small values on a server nearby have; the walk's own time is measured. Whoever needs more
/// than an idea of it watches the job.
pub const PLAN_PACED_KEYS_PER_S: u64 = 150_000;
/// The same at full speed.
pub const PLAN_FAST_KEYS_PER_S: u64 = 400_000;
/// The same where each key is saved before it goes.
pub const PLAN_SAVED_KEYS_PER_S: u64 = 30_000;
/// How long a dry run can be confirmed: what was counted is still about what is there.
pub const CONFIRM_LIFE: Duration = Duration::from_secs(15 * 60);
/// How far a confirmed delete may go beyond its plan, in percent of the plan: keys are written while a person reads.
pub const CONFIRMED_PERCENT: u64 = 110;
/// Between two looks at a job that runs in another process and is watched in this one.
pub const WATCH_POLL: Duration = Duration::from_millis(500);
/// The longest name of a server, an index or a cache in a job: as long as a host name.
pub const MAX_NAME_BYTES: usize = 253;

// Servers

/// How long a server may take to say who it is: a person waits for it, and a server that is well answers in milliseconds.
pub const IDENTITY_WAIT: Duration = Duration::from_secs(3);
/// How long it is believed that the process of a shared connection is the one that answers: one connection in this time,
/// whatever is asked.
pub const IDENTITY_LIFE: Duration = Duration::from_secs(1);

// HTTP

/// Requests a second that one API key may send where the config says nothing: a page that polls, two dashboards and a
/// busy application's session lists together.
pub const REQUESTS_PER_SECOND: u32 = 1_000;
/// Requests that one key may send at once before the rate counts: a page load and its watchers are some dozens.
pub const REQUEST_BURST: u32 = 2_000;
/// How many keys' worth of requests one address may send: behind a proxy all callers share one.
pub const ADDRESS_SHARE: u32 = 4;
/// Addresses whose rate is remembered at once, about 100 bytes each. Beyond, those that were quiet are forgotten.
pub const RATED_ADDRESSES: usize = 10_000;
/// The longest body of a request. Real ones are below 2 KiB; a hundred patterns of the largest size still fit.
pub const BODY_BYTES: usize = 256 * 1024;
/// What a config may raise the longest body to: a body is read into memory whole.
pub const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
/// How long a body may take to arrive: a client that sends a byte now and then holds no place for longer.
pub const BODY_TIME: Duration = Duration::from_secs(10);
/// How long the lines and headers of a request may take to arrive; also how long a connection may stand idle.
pub const HEADER_TIME: Duration = Duration::from_secs(30);
/// How long a reply may stand in the way because the client does not read it.
pub const WRITE_TIME: Duration = Duration::from_secs(30);
/// How long a TLS handshake may take.
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// Memory for the request line and all headers of a connection: browsers send below 4 KiB.
pub const HEADER_BYTES: usize = 16 * 1024;
/// Headers of one request: browsers send about 20, proxies add 10.
pub const HEADER_COUNT: usize = 64;
/// The longest path and query: a pattern of the largest size in percent signs fits not, and goes into a job's body.
pub const URI_BYTES: usize = 8 * 1024;
/// Connections at once: what the watchers and a busy application need, with a file descriptor each.
pub const CONNECTIONS: usize = 4_096;
/// The part of the files that the process may have open which connections may take: jobs, databases and servers have the rest,
/// so that nobody makes a checkpoint fail by opening connections.
pub const CONNECTION_FILES_PART: u64 = 2;
/// Requests at once on one connection of HTTP/2.
pub const STREAMS: u32 = 100;
/// How long one request may take: more than any question to a server or a database is given.
pub const REQUEST_TIME: Duration = Duration::from_secs(30);
/// What a config may raise the time of a request to.
pub const MAX_REQUEST_TIME: Duration = Duration::from_secs(300);
/// How long a request that waits for work on a server may take, as clearing a cache does, before it is told to look later.
pub const LONG_REQUEST_TIME: Duration = Duration::from_secs(120);
/// Watchers of jobs at once: each has a task, a socket and about 20 KiB.
pub const WATCHERS: usize = 1_000;
/// Between two frames to a watcher: ten a second are a moving picture.
pub const WATCHER_GAP: Duration = Duration::from_millis(100);
/// Between two pings: proxies cut what is silent for 30 to 60 s.
pub const WATCHER_PING: Duration = Duration::from_secs(20);
/// How often it is asked whether a watcher's API key is still there: with every place taken that is 200 small queries a second.
pub const WATCHER_KEY_LOOK: Duration = Duration::from_secs(5);
/// A watcher that answered no ping for so long has gone: three of them were lost.
pub const WATCHER_IDLE: Duration = Duration::from_secs(60);
/// The longest message of a watcher: it has nothing to say but pongs.
pub const WATCHER_MESSAGE_BYTES: usize = 4 * 1024;
/// How long a watcher is given to answer a close.
pub const WATCHER_CLOSE_TIME: Duration = Duration::from_secs(1);
/// The longest cursor of a page of keys: with the longest pattern beside it still a URL. One node's is below 2 KiB, a
/// cluster's grows with how scattered its slots lie: some 600 stretches fit.
pub const CURSOR_BYTES: usize = 4 * 1024;
/// The longest place that a cursor holds, unpacked: that of a cluster whose every second slot is another node's is half of it.
pub const CURSOR_PLACE_BYTES: usize = 1024 * 1024;
/// How long clearing a cache is waited for before the reply is the job: browsers and proxies wait for a minute.
pub const CACHE_CLEAR_WAIT: Duration = Duration::from_secs(50);

/// Seconds after which a job may be asked for again where as many wait as may: jobs take minutes, not moments.
pub const FULL_RETRY_S: u64 = 10;

// Keys and callers

/// How long it is believed who an API key belongs to. A key that was revoked works no longer than this.
pub const KEY_LIFE: Duration = Duration::from_secs(1);
/// API keys remembered at once, known or unknown: a flood of made-up ones takes no more memory than this.
pub const REMEMBERED_KEYS: usize = 4_096;
/// The longest `Authorization` that is looked at: our own keys have 46 characters.
pub const AUTHORIZATION_BYTES: usize = 256;

// The process

/// How long a service that was told to stop may take to settle batches, write checkpoints and close sockets.
pub const DRAIN: Duration = Duration::from_secs(20);
/// The part of it that open requests and watchers are given once the work has settled.
pub const DRAIN_SOCKETS: Duration = Duration::from_secs(5);
/// The part of that which is kept for writes of sessions whose callers were given up: one takes milliseconds, and one that SQL
/// holds up for longer is found by the next process.
pub const DRAIN_WRITES: Duration = Duration::from_secs(2);
/// The part of [`DRAIN`] that the last spans are given to reach a collector.
pub const DRAIN_TRACES: Duration = Duration::from_secs(2);
/// How long a collector of spans may take to be connected to, and to answer: it stands nearby, and nobody waits for it.
pub const COLLECTOR_WAIT: Duration = Duration::from_secs(1);
/// The longest head of a collector's reply.
pub const COLLECTOR_HEAD_BYTES: usize = 16 * 1024;
/// Between two looks whether all connections have closed.
pub const DRAIN_LOOK: Duration = Duration::from_millis(50);
/// How often figures that only grow while nobody looks are tidied up.
pub const METRICS_UPKEEP: Duration = Duration::from_secs(5);
/// How long `/readyz` waits for the store.
pub const READY_TIME: Duration = Duration::from_secs(2);

// What a config may say

/// Jobs at once: each holds connections to its server and a pace of its own to settle.
pub const MAX_JOBS_RUNNING: u32 = 32;
/// Waiting jobs: a list that a person could still look through, with scripts' jobs among them.
pub const MAX_JOBS_WAITING: u32 = 10_000;
/// Jobs that have ended: about 100 MB of rows at most.
pub const MAX_JOBS_HISTORY: u32 = 100_000;
