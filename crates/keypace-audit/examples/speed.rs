//! How long an audit of trees takes, and how much memory: `cargo run --release -p keypace-audit --example speed -- PATH...`.
//! Measures; asserts nothing.

use std::path::PathBuf;
use std::time::Instant;

use keypace_audit::{Audit, Options};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let began = Instant::now();
    let report = Audit::new(Options::default()).run(&paths)?;
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{} files, {} lines, {} findings in {seconds:.2} s; {}",
        report.files,
        report.lines,
        report.findings.len(),
        peak_memory()
    );
    Ok(())
}

/// As the kernel says it.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.unwrap_or("no peak of memory here").to_owned()
}
