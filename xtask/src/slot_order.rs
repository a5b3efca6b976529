//! Whether a server keeps a table for each slot of a cluster, and so hands its keys out slot by slot.
//! Must not ask the server: its version tells.

use keypace_lab::Program;

/// A cluster of Redis 7.4 or Valkey 8 and newer does.
pub(crate) fn has_table_per_slot(program: &Program) -> bool {
    is_since(&program.name, &program.version)
}

fn is_since(name: &str, version: &str) -> bool {
    let since = if name == "valkey" { (8, 0) } else { (7, 4) };
    release(version) >= since
}

/// Of `9.1.2` the first two.
fn release(version: &str) -> (u32, u32) {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::is_since;

    #[test]
    fn versions_are_numbers() {
        for (name, version) in [
            ("redis", "7.4.0"),
            ("redis", "8.0.1"),
            ("valkey", "9.1.2"),
            ("redis", "10.0.0"),
        ] {
            assert!(is_since(name, version), "{name} {version}");
        }
        for (name, version) in [
            ("redis", "7.0.15"),
            ("redis", "7.2.4"),
            ("valkey", "7.2.9"),
            ("redis", ""),
        ] {
            assert!(!is_since(name, version), "{name} {version}");
        }
    }
}
