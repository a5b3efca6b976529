//! Fills a keyspace, the same for the same seed: plain strings for benchmarks here, the demo's mixed keyspace in `demo`,
//! records with owners in `records`.
//! Must not remove or overwrite anything that it did not write: it is meant for servers of our own.

use std::io::Write;
use std::ops::Range;

use crate::error::LabError;
use crate::limits;
use crate::raw::{Pipeline, Raw};

mod demo;
mod records;

pub use demo::demo;
pub use demo::demo_from;
pub use records::OwnerRecords;
pub use records::record_index;
pub use records::records;

/// Writes one string for each number in `range`, named `prefix` and the number, with values of `value_bytes` bytes.
///
/// # Errors
/// `Connection` or `Reply` where the connection fails, `Refused` where the server takes no more.
pub fn strings(
    raw: &mut Raw,
    prefix: &[u8],
    range: Range<u64>,
    value_bytes: usize,
) -> Result<(), LabError> {
    let mut writer = Writer::new(raw);
    let mut first = range.start;
    while first < range.end {
        let past = range.end.min(first.saturating_add(limits::SEED_BATCH_KEYS));
        writer.add_strings(prefix, first..past, value_bytes)?;
        first = past;
    }
    writer.finish()
}

/// As [`strings`], over several servers at once: `place` names for each key the one of `raws` that it goes to, and its
/// slot, as the keys of one command must share a slot in a cluster. Keys that `place` puts nowhere are left out.
///
/// It holds 16 bytes for each key.
///
/// # Errors
/// As [`strings`].
pub fn spread(
    raws: &mut [Raw],
    place: impl Fn(&[u8]) -> Option<(usize, u16)>,
    prefix: &[u8],
    range: Range<u64>,
    value_bytes: usize,
) -> Result<(), LabError> {
    let mut placed: Vec<Vec<(u16, u64)>> = vec![Vec::new(); raws.len()];
    let mut key = prefix.to_vec();
    for number in range {
        key.truncate(prefix.len());
        push(&mut key, number);
        if let Some((server, slot)) = place(&key) {
            placed[server].push((slot, number));
        }
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = raws
            .iter_mut()
            .zip(placed)
            .map(|(raw, numbers)| scope.spawn(move || by_slot(raw, prefix, numbers, value_bytes)))
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
    })
}

/// Writes the numbers with one command for several of a slot.
fn by_slot(
    raw: &mut Raw,
    prefix: &[u8],
    mut numbers: Vec<(u16, u64)>,
    value_bytes: usize,
) -> Result<(), LabError> {
    numbers.sort_unstable();
    let mut writer = Writer::new(raw);
    for slot in numbers.chunk_by(|one, next| one.0 == next.0) {
        for batch in slot.chunks(limits::SEED_BATCH_KEYS as usize) {
            writer.add_strings(prefix, batch.iter().map(|(_, number)| *number), value_bytes)?;
        }
    }
    writer.finish()
}

/// A small generator with 64 bits of state: fast, and the same on every machine.
///
/// After Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014). Its outputs don't
/// repeat within a period of 2^64, so they also serve as unique names.
#[derive(Clone, Debug)]
pub struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    /// A generator that starts at `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number.
    #[expect(
        clippy::should_implement_trait,
        reason = "it never ends, so an Option would only be in the way"
    )]
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Commands on their way in bounded pipelines, each reply checked.
struct Writer<'a> {
    pipeline: Pipeline<'a>,
}

impl<'a> Writer<'a> {
    fn new(raw: &'a mut Raw) -> Self {
        Self {
            pipeline: raw.pipeline(),
        }
    }

    fn add(&mut self, words: &[&[u8]]) -> Result<(), LabError> {
        self.pipeline.add(words);
        if self.pipeline.pending() >= limits::SEED_PIPELINE_COMMANDS {
            self.run()
        } else {
            Ok(())
        }
    }

    /// One command that writes all of these.
    fn add_strings(
        &mut self,
        prefix: &[u8],
        numbers: impl Iterator<Item = u64>,
        value_bytes: usize,
    ) -> Result<(), LabError> {
        let value = vec![b'v'; value_bytes];
        let names: Vec<Vec<u8>> = numbers.map(|number| name(prefix, number)).collect();
        let mut words: Vec<&[u8]> = vec![b"MSET"];
        words.extend(
            names
                .iter()
                .flat_map(|name| [name.as_slice(), value.as_slice()]),
        );
        self.add(&words)
    }

    /// One command: these words, and all of these pairs behind them.
    fn add_all(
        &mut self,
        head: &[&str],
        pairs: impl Iterator<Item = [String; 2]>,
    ) -> Result<(), LabError> {
        let pairs: Vec<[String; 2]> = pairs.collect();
        let mut words: Vec<&[u8]> = head.iter().map(|word| word.as_bytes()).collect();
        words.extend(pairs.iter().flatten().map(String::as_bytes));
        self.add(&words)
    }

    fn run(&mut self) -> Result<(), LabError> {
        self.pipeline
            .run()?
            .into_iter()
            .try_for_each(|reply| reply.checked().map(|_| ()))
    }

    fn finish(mut self) -> Result<(), LabError> {
        self.run()
    }
}

fn name(prefix: &[u8], number: u64) -> Vec<u8> {
    let mut name = prefix.to_vec();
    push(&mut name, number);
    name
}

fn push(out: &mut Vec<u8>, number: u64) {
    // A Vec takes every write.
    let _ = write!(out, "{number}");
}

#[cfg(test)]
mod tests {
    use super::SplitMix64;

    /// The first outputs for seed 1234567, from the reference implementation by Sebastiano Vigna.
    #[test]
    fn the_generator_is_splitmix64() {
        let mut random = SplitMix64::new(1_234_567);
        let outputs = [random.next(), random.next(), random.next()];
        assert_eq!(
            outputs,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }
}
