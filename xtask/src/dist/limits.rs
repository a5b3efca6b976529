//! Bounds of what a release hands out. Must not be raised without the reason.

/// How long `keypace --version` may take, from the start of the process to its end, in the middle of many runs: what a
/// person does not notice, and a script that calls it in a loop can bear.
pub(super) const STARTUP_MS: u64 = 20;

/// Runs of which the middle one counts: enough that a machine busy for a moment does not move it.
pub(super) const STARTUP_RUNS: usize = 101;

/// The program for glibc, without symbols. More than half of it are the grammars of `audit`.
pub(super) const GNU_BYTES: u64 = 54 * 1024 * 1024;

/// The static program: the same, and a C library.
pub(super) const MUSL_BYTES: u64 = 54 * 1024 * 1024;

/// The Debian package, compressed.
pub(super) const DEB_BYTES: u64 = 12 * 1024 * 1024;

/// One crate's archive: crates.io takes 10 MB, and what comes near it has something in it that nobody builds.
pub(super) const CRATE_BYTES: u64 = 1024 * 1024;
