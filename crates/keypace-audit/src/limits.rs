//! Every bound of an audit, with its unit in the name and its reason above it.
//! Must not hold anything that is decided at run time.

use std::time::Duration;

/// Sources of people are smaller; what is larger was generated, and would cost a parser seconds.
pub(crate) const MAX_FILE_BYTES: u64 = 2 * 1024 * 1024;

/// A parser that needs longer for one file has lost itself in a text that is no code. Real files of 2 MiB take about a
/// second. Time of the processor, so that a machine with much else to do finds the same as an idle one.
pub(crate) const MAX_PARSE_PROCESSOR_TIME: Duration = Duration::from_secs(2);

/// A line this long was written by a program: what holds one is a bundle or a table, and is left out.
pub(crate) const MAX_LINE_BYTES: usize = 20_000;

/// Marks of generated files stand in the first lines, before any code.
pub(crate) const GENERATED_MARK_BYTES: usize = 1024;

/// A `#!` line is looked for in so many bytes of a file without an ending.
pub(crate) const FIRST_LINE_BYTES: usize = 128;

/// A report shows so many characters of a line at most: a terminal's width, and a bit.
pub(crate) const EXCERPT_CHARS: usize = 140;

/// Characters of the line that are shown before the name, where the line is cut.
pub(crate) const EXCERPT_BEFORE_CHARS: usize = 60;

/// So many bytes of a call go into its fingerprint: enough to tell calls apart, and an edit deep in a long callback
/// does not make the finding a new one.
pub(crate) const FINGERPRINT_CALL_BYTES: usize = 256;

/// Half a SHA-256: no two findings of one tree meet, and a baseline stays readable.
pub(crate) const FINGERPRINT_BYTES: usize = 16;

/// How far an allow comment may stand above a call, as a block of comment lines.
pub(crate) const ALLOW_BLOCK_LINES: usize = 8;

/// A baseline is a report; a million findings fit.
pub(crate) const MAX_BASELINE_BYTES: u64 = 512 * 1024 * 1024;

/// Reasons why files could not be read that a report keeps. More are only counted.
pub(crate) const MAX_TROUBLES: usize = 20;

/// What files say, packed, that is kept for a second look at them. A million lines that are all about Redis took 37 MB;
/// what is more is parsed again.
pub(crate) const MAX_KEPT_FACTS_BYTES: usize = 48 << 20;

/// Threads that parse. Each holds one file and its tree.
pub(crate) const MAX_THREADS: usize = 64;

/// Names of wrappers that a second pass looks for. A tree with more has found a name that everybody uses.
pub(crate) const MAX_WRAPPER_WORDS: usize = 4096;

/// How many nodes deep a file is read. Code that people write stays under 100; generated expressions go on for
/// thousands, and reading is recursive: a level was seen to take 7 KiB in a build without optimisation and with all
/// that a debugger asks for, so this much leaves a third of a thread's stack of 2 MiB.
pub(crate) const MAX_DEPTH_NODES: usize = 200;

/// Shorter string literals are not kept as texts: no script and no shell command fits.
pub(crate) const MIN_TEXT_BYTES: usize = 8;

/// How often the bindings of a file are read over for what they hand on: a client passes through few names.
pub(crate) const MAX_ORIGIN_ROUNDS: usize = 4;

/// How often a file is read over for where the keys go that it finds. Each function that they pass takes two rounds, and
/// a program's helpers are three deep at most.
pub(crate) const MAX_FLOW_ROUNDS: usize = 8;

/// A file with more calls is left unread: people write a tenth of it, and what rules look for in pairs of calls would take
/// longer than the parser may.
pub(crate) const MAX_CALLS_PER_FILE: usize = 20_000;

/// How many calls deep a receiver is followed: `Cache::store("redis")->connection()->client()` has three.
pub(crate) const MAX_ORIGIN_DEPTH: usize = 16;

/// How many calls a result is followed through, from KEYS to the name that it gets.
pub(crate) const MAX_FLOW_STEPS: usize = 12;

/// How many functions of a file a key is handed through, from a loop to the read: a cache's `user` asks its `json`, and that
/// its `text`.
pub(crate) const MAX_READERS_DEEP: usize = 2;

/// Clauses of one function of Elixir that a call is held against: a function with more was generated from a table.
pub(crate) const MAX_CLAUSES: usize = 128;

/// Scripts inside strings that are looked at in one file: a file with more is a table of them.
pub(crate) const MAX_INNER_SCRIPTS: usize = 200;

/// Longer lines of a shell that a program puts together are not read: people write a few hundred bytes.
pub(crate) const MAX_SHELL_LINE_BYTES: usize = 4096;

/// Names that a file offers to others: a large store has a hundred methods. One with more was generated.
pub(crate) const MAX_OFFERS_PER_FILE: usize = 256;
