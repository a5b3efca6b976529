//! Bounds of backups: the file, what waits for it, and what is brought back from it.
//! Holds constants only: no logic, no types.

/// Records are compressed and checked by blocks of so many bytes, and what is damaged costs a block at most. JSON sessions
/// were 4.30 times smaller in blocks of 64 KiB, 4.14 in those of 16 KiB, 4.28 in those of 1 MiB. One record that is larger
/// stands in a block of its own.
pub const BACKUP_BLOCK_BYTES: usize = 64 * 1024;
/// The longest record that a file may hold: the longest string of a server, its longest name, and room for both to grow.
pub const MAX_BACKUP_RECORD_BYTES: usize = 1024 * 1024 * 1024;
/// The head holds `MAX_PATTERNS` patterns of `MAX_PATTERN_BYTES` at most.
pub const MAX_BACKUP_HEAD_BYTES: usize = 1024 * 1024;
/// The level that costs least: above 100 MB a second on a busy core, which no delete comes near.
pub const BACKUP_ZSTD_LEVEL: i32 = 1;
/// Values that wait for the thread that writes: a few groups of every lease. A single larger value passes alone.
pub const VAULT_QUEUE_BYTES: usize = 16 * 1024 * 1024;
/// Messages that the writing thread takes in before those who wait for an fsync get theirs, while more come in.
pub const VAULT_GATHERED_MESSAGES: u32 = 1024;
/// What is given to the file in one call: blocks are small, and calls cost more than copies.
pub const VAULT_WRITE_BYTES: usize = 1024 * 1024;
/// Keys of groups without an outcome that a reader remembers, to find their newer copies: a run that was cut off leaves
/// a few hundred. About 100 bytes each.
pub const MAX_DOUBTFUL_KEYS: usize = 1_000_000;
/// KiB of payloads that are sent to a node at once at full speed, a small key counting as one: as many keys as a page has.
pub const RESTORE_VOLLEY_KIB: u32 = 1024;
/// Payloads that are read from a backup at once: all of them are settled before the next ones.
pub const RESTORE_LOAD_BYTES: usize = 1024 * 1024;
/// Times that a key is followed to another node: slots that move all the time arrive some time.
pub const MAX_RESTORE_ROUNDS: u32 = 100;
/// So many of them are used up by a node that is gone, which takes a second or two of tries: another takes over within half
/// a minute, or nobody does.
pub const ROUNDS_PER_LOST_NODE: u32 = 5;
/// Damages that a reader names one by one; further ones are counted.
pub const MAX_NAMED_DAMAGES: usize = 100;
