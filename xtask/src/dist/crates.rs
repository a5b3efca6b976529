//! The archives for crates.io: packed in the order in which they would be published, unpacked and compiled by cargo.
//! Must not publish, and must not pass over what cargo warns of.

use std::fs;
use std::process::Stdio;

use super::{Built, Ground, fresh, io, limits, within};
use crate::failure::{Failure, Outcome};
use crate::shell;

pub(super) fn make(ground: &Ground) -> Outcome<Built> {
    let mut command = shell::cargo(&ground.workspace.root);
    command.args(["package", "--workspace", "--locked"]);
    for member in ground.workspace.members()? {
        if !member.is_published {
            command.args(["--exclude", &member.name]);
        }
    }
    let packed = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Failure::new(format!("failed to run cargo package: {error}")))?;
    let said = String::from_utf8_lossy(&packed.stderr);
    let warnings: Vec<_> = said
        .lines()
        .filter(|line| line.starts_with("warning") || line.starts_with("error"))
        .collect();
    if !packed.status.success() || !warnings.is_empty() {
        return Err(Failure::new(format!("cargo package said\n{said}")));
    }
    let order = packaged(&said);
    let folder = ground.folder.join("crates");
    fresh(&folder)?;
    let mut seen = Vec::new();
    for name in &order {
        let file = format!("{name}-{}.crate", ground.version);
        let from = ground.workspace.target.join("package").join(&file);
        let bytes = within(&from, limits::CRATE_BYTES)?;
        fs::copy(&from, folder.join(&file)).map_err(|error| io(&from, &error))?;
        seen.push(format!("{name} ({} KiB)", bytes / 1024));
    }
    Ok(Built::Yes(format!(
        "packed, unpacked and compiled without a warning, to be published in this order: {}",
        seen.join(", ")
    )))
}

/// The crates in the order in which cargo packs them: each after those that it needs.
fn packaged(said: &str) -> Vec<String> {
    said.lines()
        .filter_map(|line| line.trim_start().strip_prefix("Packaging "))
        .filter_map(|rest| rest.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::packaged;

    #[test]
    fn crates_come_in_the_order_that_cargo_names() {
        let said = "   Packaging b v0.1.0 (x)\n    Packaged 2 files\n   Packaging a v0.1.0 (y)\n   Verifying b\n";
        assert_eq!(packaged(said), ["b", "a"]);
    }
}
