//! The bounds of an audit, each with its unit in the name and its reason above it.
//! Must not hold behaviour.

/// How many nodes deep a file is read. Code that people write stays under 100; generated expressions go on for
/// thousands, and reading is recursive: this much fits twice into a thread's stack of 2 MiB in a build without
/// optimisation.
pub(crate) const MAX_DEPTH_NODES: usize = 300;

/// Shorter string literals are not kept as texts: no script and no shell command fits.
pub(crate) const MIN_TEXT_BYTES: usize = 8;
