//! Owns the one source of chance in the simulator: a seeded splitmix64. It must not read the clock or the system's entropy,
//! so that a seed tells the whole story.

/// A small generator; its seed is the simulator's.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Forty hexadecimal digits: the shape of a `run_id`.
    pub(crate) fn run_id(&mut self) -> String {
        let (a, b, c) = (self.next(), self.next(), self.next());
        let mut text = format!("{a:016x}{b:016x}{c:016x}");
        text.truncate(40);
        text
    }
}

/// The finish of splitmix64 (Steele, Lea and Flood, 2014).
pub(crate) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
