//! Bounds of an inspection: it must cost a server next to nothing, and end on a screen. Holds constants only.

use std::time::Duration;

/// Entries of each log that are asked for: the servers keep 128 unless told otherwise, and each may have 32 arguments of
/// 128 bytes. 256 of the longest are about 1 MB.
pub const INSPECT_LOG_ENTRIES: usize = 256;
/// CLIENT LIST writes a line for each connection in one go: with 1,000 of them 2.0 ms on Redis 7.0.15 and 1.9 ms on Valkey
/// 9.1.2. Once 4 ms is what the answer to "who?" may cost; longer lists are left out.
pub const INSPECT_MAX_CLIENTS: u64 = 2_000;
/// Keys that are looked at by chance where nobody says otherwise: a share is known to 5 percent points.
pub const INSPECT_SAMPLE_KEYS: u64 = 500;
/// The most that are: more is `keypace stats`.
pub const INSPECT_MAX_SAMPLE_KEYS: u64 = 10_000;
/// RANDOMKEY that go in one write, whatever the pace allows.
pub const INSPECT_SAMPLE_BATCH: u32 = 100;
/// Rows of commands, log shapes, client groups and patterns that a report has.
pub const INSPECT_ROWS: usize = 40;
/// Callers that are named for one shape or finding.
pub const INSPECT_CALLERS: usize = 3;
/// The longest pattern and client name that is shown, in characters: longer ones fill a screen and tell no more.
pub const INSPECT_NAME_CHARS: usize = 120;
/// Lines of source that are named for one shape.
pub const INSPECT_SOURCES: usize = 5;
/// The longest time between two looks: counters of a day say no more than those since the start.
pub const INSPECT_MAX_WATCH: Duration = Duration::from_secs(86_400);

/// A call that takes longer holds every other client up for longer than a network's round trip.
pub const SLOW_CALL_US: f64 = 1_000.0;
/// A call that takes longer is noticed by people.
pub const STALLING_CALL_US: f64 = 10_000.0;
/// Freeing that a client waits for and another thread could do; a small DEL takes a few microseconds.
pub const SLOW_DEL_US: f64 = 200.0;
/// A part of the commands' time that is worth a finding by itself.
pub const NOTABLE_SHARE: f64 = 0.1;
/// The same for SCAN, whose callers may well be what the server is for at the moment.
pub const NOTABLE_SCAN_SHARE: f64 = 0.25;
/// An event of the latency monitor that people notice.
pub const NOTABLE_LATENCY_MS: u64 = 100;
/// From this part of `maxmemory` on a server is nearly full.
pub const NEARLY_FULL: f64 = 0.9;
/// Where fewer keys have no TTL it is not worth a word.
pub const MANY_WITHOUT_TTL: f64 = 0.5;
/// Fewer keys than this may do as they like.
pub const FEW_KEYS: u64 = 1_000;
/// A node with so many times its part of the keys, the memory or the slots is out of balance.
pub const OUT_OF_BALANCE: f64 = 1.5;
/// Answers that wait for one client: beyond this it reads too slowly.
pub const LARGE_OUTPUT_BYTES: u64 = 8 * 1024 * 1024;
/// Connections that nobody used for an hour, from which on they are worth a word.
pub const MANY_IDLE_CLIENTS: u64 = 100;
/// Nobody comes back to a connection after so many seconds, as a rule.
pub const LONG_IDLE_S: u64 = 3_600;
