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
pub const MAX_BODY_BYTES: usize = 16 * 1024;
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
