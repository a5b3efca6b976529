//! Bounds and defaults of `index verify`, `index rebuild` and `index rekey`. Holds constants only.

use std::time::Duration;

/// A prefix of an old layout; a pattern is made of it, which may be twice as long.
pub const OLD_MAX_PREFIX_BYTES: usize = 512;
/// Records that are looked at in one volley: with bodies of `BODY_BYTES` it holds 16 MiB at most, with usual ones 256 KiB.
pub const CHUNK_RECORDS: usize = 256;
/// Keys of one script that reads old records on one server: with usual bodies of 1 KiB a reply of 32 KiB.
pub const OLD_READ_KEYS: usize = 32;
/// Larger bodies are read one at a time.
pub const BODY_BYTES: usize = 64 * 1024;
/// Members that ZSCAN and SSCAN look at in one call.
pub const SET_PAGE_MEMBERS: u32 = 200;
/// What `verify --repair` mends in one run unless told otherwise: 10,000 records are seconds of work, and more drift than
/// that has a cause that somebody should look for first.
pub const MAX_REPAIRS: u64 = 10_000;
/// Passes of `rebuild --follow` unless told otherwise: where so many don't catch up, more don't either.
pub const MAX_PASSES: u32 = 20;
/// How much later than its index says a record may expire: MIGRATE sends what is left of a TTL, and a slot that moves under
/// load is on its way for so long. Such a record is out of lists for its last seconds.
pub const EXPIRY_SLACK_MS: u64 = 5_000;
/// Findings that are remembered, so that a key which SCAN gives twice counts once: 8 bytes each.
pub const REMEMBERED_FINDINGS: usize = 100_000;
/// Keys that are named for each kind of drift.
pub const SAMPLES_PER_DRIFT: usize = 10;
/// How often a write whose answer was lost is done again; each leaves things as they are where it has run before.
pub const LOST_ANSWERS: u32 = 3;
/// Records that a rekey copies in one volley, and drops in one script: with bodies of `BODY_BYTES` it holds 4 MiB.
pub const MOVE_RECORDS: usize = 64;
/// How long a seal stays when an owner has moved: who kept the former names for longer has stopped.
pub const SEAL_TTL: Duration = Duration::from_secs(30 * 24 * 3600);
/// A mover that was killed holds the namespace for so long.
pub const REKEY_HOLD: Duration = Duration::from_secs(10);
/// It says that it is still there so often: a hold outlasts two that were missed.
pub const REKEY_HOLD_EVERY: Duration = Duration::from_secs(3);
/// Handles ask for meta every `META_REFRESH`; what they sent before that has arrived after so long.
pub const REKEY_HEARD: Duration = Duration::from_secs(15);
