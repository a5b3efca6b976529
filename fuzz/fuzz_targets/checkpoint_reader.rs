//! Reads any bytes as a checkpoint. What has to hold is in `reading.rs`, which an ordinary test runs too.
#![no_main]

#[expect(dead_code, reason = "each target uses its own part")]
#[path = "../reading.rs"]
mod reading;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    reading::checkpoint(&reading::Scratch::new("checkpoint"), bytes);
});
