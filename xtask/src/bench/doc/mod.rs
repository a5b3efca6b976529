//! `docs/performance.md` and its pictures, from the kept results and nothing else.
//! Must not measure, round up or leave out: a missed figure is written as plainly as a met one.

#[cfg(test)]
mod comparison;
mod pictures;
mod tables;

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::check;
use super::kept;
use super::options::Group;
use crate::failure::{Failure, Outcome};

/// Below the workspace.
const PATH: &str = "docs/performance.md";

const HEAD: &str = "\
# Performance

Made by `cargo xtask bench --doc` from [benches/results](../benches/results); `cargo xtask bench` measures all of it
again, on every server program that it finds. Not edited by hand: a test compares.

What another client waits is measured by a probe: a connection of its own that sends a GET every 100 us, corrected for
coordinated omission. All waits are in microseconds. Figures are medians of the rounds, in which the contestants take
turns. The server, the work and the probe share one machine, and the probe's waits hold what that costs.

";

/// A row of the table: what, what it must show, and the rows that say whether it does.
struct Figure {
    what: &'static str,
    must: &'static str,
    /// The group, and what its rows' names begin with.
    from: &'static [(Group, &'static str)],
}

const FIGURES: [Figure; 15] = [
    Figure {
        what: "`--budget 1ms`, delete 500,000 of 1,000,000 keys",
        must: "p99 at most idle p99 + 1 ms; at most 1.4 times the wall of `--budget off`",
        from: &[(Group::Promise, "delete --budget 1ms")],
    },
    Figure {
        what: "`--budget 250us`, the same",
        must: "p99 at most idle p99 + 250 us",
        from: &[(Group::Promise, "delete --budget 250us")],
    },
    Figure {
        what: "`--budget off`, the same",
        must: "at most 1.2 times the floor's wall; faster than each of the usual ways",
        from: &[
            (Group::Promise, "delete --budget off"),
            (Group::Rivals, "keypace delete --budget off"),
        ],
    },
    Figure {
        what: "list all keys, `--budget off`",
        must: "from 100,000 keys up at most 2.5 times KEYS' wall; below `redis-cli keys` at 1,000,000; \
               nobody blocked",
        from: &[(Group::Promise, "list ")],
    },
    Figure {
        what: "a second client saturates the server half-way",
        must: "yields within 200 ms, comes back within 2 s",
        from: &[(Group::Yield, "")],
    },
    Figure {
        what: "lists of 1 MiB and sets of 100,000 members among the keys",
        must: "the budget holds; what can't be split is counted as `over_budget`",
        from: &[(Group::Big, "")],
    },
    Figure {
        what: "a replica behind a slow link",
        must: "its lag stays under the threshold, and the job ends complete",
        from: &[(Group::Replica, "")],
    },
    Figure {
        what: "50 runs of `--budget 1ms`",
        must: "none breaks the promise by more than half",
        from: &[(Group::Steady, "")],
    },
    Figure {
        what: "a cluster of six nodes, 1,000,000 keys",
        must: "`count '*'` faster than each of the usual ways; at most 0.25 UNLINK calls a key where pages come slot by \
               slot (Redis 7.4, Valkey 8 and newer)",
        from: &[
            (Group::Cluster, "count --budget"),
            (Group::Cluster, "delete --budget"),
        ],
    },
    Figure {
        what: "a server that is 1 or 5 ms away",
        must: "16 lanes at COUNT 500 at least 4 or 6 times as fast as one; all primaries of a cluster at COUNT 100 at \
               most 1.2 times the slowest alone",
        from: &[(Group::Lanes, "round trip"), (Group::Lanes, "cluster")],
    },
    Figure {
        what: "`delete --backup`, 500,000 strings of 1 KiB, `--budget off`",
        must: "at most 4 times the wall of the plain delete",
        from: &[(Group::Backup, "strings")],
    },
    Figure {
        what: "`count` with filters on TTL and idle time, 1,000,000 keys, `--budget off`",
        must: "at most 1.2 times a walk and the same questions, pipelined",
        from: &[(Group::Filters, "count")],
    },
    Figure {
        what: "`stats`, 5,000,000 keys, sizes sampled",
        must: "at most 128 MiB resident",
        from: &[(Group::Stats, "")],
    },
    Figure {
        what: "1,000 JSON records of 1 KiB by `get_many` and `get_many_json`",
        must: "at least 10 and 5 times as fast as 1,000 GETs one after the other",
        from: &[(Group::Bulk, "")],
    },
    Figure {
        what: "a page of 20 records of one owner, among 10,000, 1,000,000 and 5,000,000 others",
        must: "two round trips each; median at most 1.3 times that among 10,000",
        from: &[(Group::Records, "list")],
    },
];

/// A table of rows of one group, for each server.
struct Section {
    title: &'static str,
    text: &'static str,
    group: Group,
    takes: fn(&str) -> bool,
}

const SECTIONS: [Section; 17] = [
    Section {
        title: "Deleting half of the keyspace",
        text: "500,000 `session:*` of 1,000,000 keys, values of 100 bytes. The floor is a loop over a raw socket that \
               keeps no key: SCAN with COUNT 1000, then UNLINK in batches of 500.",
        group: Group::Promise,
        takes: |row| !row.starts_with("list "),
    },
    Section {
        title: "The usual ways",
        text: "The same work on the same server, in turns. *Work alone* leaves out the start of an interpreter, and is \
               what keypace's whole process is compared with.",
        group: Group::Rivals,
        takes: |_| true,
    },
    Section {
        title: "Listing against KEYS",
        text: "Every key matches, and each process prints into a pipe that is read and thrown away; the raw loop \
               counts the keys and prints none. `--use-keys` also sorts them.",
        group: Group::Promise,
        takes: |row| row.starts_with("list "),
    },
    Section {
        title: "Giving way",
        text: "3,000,000 keys are deleted. After a third of them eight connections send pipelined GETs and SETs back \
               to back for 3 s. The pace is the server's DBSIZE every 20 ms; `--budget off` shows what sharing alone \
               takes.",
        group: Group::Yield,
        takes: |_| true,
    },
    Section {
        title: "Large values",
        text: "500,000 small keys, 200 lists of 1 MiB and 20 sets of 100,000 members, all of which match, with \
               `--budget 1ms`. UNLINK of one string of 64 MiB takes a server 5 to 8 ms, whoever asks for it. Collections \
               are freed by a thread of the server's own, which takes a core for 10 ms a set: the second row is what \
               others wait where 20 sets are unlinked and nothing else is done.",
        group: Group::Big,
        takes: |_| true,
    },
    Section {
        title: "A slow replica",
        text: "The primary's stream reaches its replica through a relay that passes on 4 MiB a second. The lag is what \
               the primary says every 100 ms.",
        group: Group::Replica,
        takes: |_| true,
    },
    Section {
        title: "Many runs",
        text: "200,000 of 400,000 keys, each run held against a second of idling just before it. A run lasts some \
               0.3 s, so one stall of the machine of 3 ms is its p99; how many idle seconds met one is said beside.",
        group: Group::Steady,
        takes: |_| true,
    },
    Section {
        title: "A cluster",
        text: "Three primaries and three replicas on one machine, 1,000,000 keys: counting all of them, and deleting \
               half. *Work alone* leaves out the start of an interpreter, and is what keypace's whole process is \
               compared with. The raw loops run one for each primary, all at once, with COUNT 1000. The UNLINK calls \
               are what the servers counted; they depend on whether a page's keys come slot by slot.",
        group: Group::Cluster,
        takes: |_| true,
    },
    Section {
        title: "Far away",
        text: "`count '*'` of 1,000,000 keys with `--budget off` through a relay that holds every byte up by half of \
               the round trip: one server with COUNT 500, and the three primaries of a cluster with COUNT 100 and one \
               lane each.",
        group: Group::Lanes,
        takes: |_| true,
    },
    Section {
        title: "Deleting with a backup",
        text: "500,000 strings of 1 KiB and 200,000 hashes of 10 fields, `--budget off`; the values are random letters, \
               which compress by a quarter. The server's time is the sum over its commands (`INFO commandstats`), those \
               within EXEC once. The file is on the disk that the build is on, and is read again after each run. The loop \
               does what nobody can do without: MGET, write, fsync and UNLINK by eight connections with 64 keys each; it \
               watches, compares and compresses nothing, and saves neither names nor expiries.",
        group: Group::Backup,
        takes: |_| true,
    },
    Section {
        title: "Filters",
        text: "`--budget off`, 1,000,000 keys: a quarter expires within an hour, a quarter later, a half never. The raw \
               loop walks on one connection with COUNT 1000 and pipelines each page's questions on another, with the \
               next page on its way meanwhile; it keeps no key.",
        group: Group::Filters,
        takes: |_| true,
    },
    Section {
        title: "Statistics",
        text: "5,000,000 strings below 2,000 prefixes, `--budget off`, one run each. Every size is asked for (MEMORY \
               USAGE, which samples collections), or that of a hundredth of the keys.",
        group: Group::Stats,
        takes: |_| true,
    },
    Section {
        title: "Bulk reads",
        text: "1,000 JSON records of 1 KiB over TCP on one machine. The GETs go one after the other through a plain \
               blocking socket; the three ways take turns, and each round has the medians of 21 passes.",
        group: Group::Bulk,
        takes: |_| true,
    },
    Section {
        title: "Lists by owner",
        text: "The first 20 of 40 records of an owner, by `Records::list` over TCP on one machine: 100 owners one after \
               the other, on three servers in turns, which differ in the records of others that they hold. Each round \
               has the medians of its lists. Round trips are what the servers counted, without what a script does \
               within. The index is what both sorted sets of each owner add to the server's memory, with what its own \
               table of keys grows by meanwhile: that doubles now and then, and not at each size.",
        group: Group::Records,
        takes: |_| true,
    },
    Section {
        title: "Memory",
        text: "Peak resident memory at 500,000 and at 5,000,000 keys.",
        group: Group::Memory,
        takes: |_| true,
    },
    Section {
        title: "Listing beside the floor",
        text: "Full speed with the floor's own COUNT of 1000, so that only the client differs.",
        group: Group::List,
        takes: |_| true,
    },
    Section {
        title: "Deleting beside the floor",
        text: "As above, with its batches of 500.",
        group: Group::Delete,
        takes: |_| true,
    },
];

/// Writes the document.
pub(crate) fn write(root: &Path) -> Outcome {
    let kept = kept::all(root)?;
    fs::create_dir_all(root.join(pictures::FOLDER))
        .map_err(|error| Failure::new(format!("failed to make {}: {error}", pictures::FOLDER)))?;
    let page = (PATH.to_owned(), text(&kept));
    for (file, text) in std::iter::once(page).chain(pictures::all(&kept)) {
        fs::write(root.join(&file), text)
            .map_err(|error| Failure::new(format!("failed to write {file}: {error}")))?;
        println!("written to {file}");
    }
    Ok(())
}

/// The whole document.
fn text(kept: &[Value]) -> String {
    let kept = tables::Kept::new(kept);
    let mut text = HEAD.to_owned();
    text += &format!("{}\n\n", check::METHOD);
    text += &kept.machines();
    text += "\n## Figures\n";
    text += &kept.figures(&FIGURES);
    for section in SECTIONS {
        text += &format!("\n## {}\n{}\n", section.title, section.text);
        text += &pictures::shown_in(section.title, &kept);
        text += &kept.section(&section);
    }
    text += "\n## Ways side by side\n";
    text += "`keypace bench` on a private server: wall in ms, and behind the stroke the longest wait of the probe in \
             ms.\n";
    text += &kept.ways();
    text
}

#[cfg(test)]
mod tests {
    use super::PATH;
    use super::pictures;
    use super::text;
    use crate::bench::kept;
    use serde_json::{Value, json};
    use std::fs;
    use std::path::Path;

    fn document(group: &str, name: &str, rows: Value) -> Value {
        json!({
            "group": group, "rounds": 5, "keys": 1_000_000, "rows": rows,
            "server": { "name": name, "version": "7.0.15" },
            "machine": { "processor": "P", "cores": 2, "memory": "1 kB", "system": "S", "compiler": "C" },
        })
    }

    fn missed(what: &str) -> Value {
        json!({ "what": what, "value": 1200.0, "unit": "us", "side": "at most", "limit": 1000.0, "outcome": "missed" })
    }

    #[test]
    fn the_committed_document_is_what_the_kept_files_make() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let made = text(&kept::all(&root).expect("kept results"));
        let committed = fs::read_to_string(root.join(PATH)).expect(PATH);
        assert!(
            made == committed,
            "{PATH} is not what benches/results make: run `cargo xtask bench --doc`"
        );
        let mut wanted = Vec::new();
        for (file, text) in pictures::all(&kept::all(&root).expect("kept results")) {
            let committed = fs::read_to_string(root.join(&file)).expect(&file);
            assert!(
                text == committed,
                "{file} is old: run `cargo xtask bench --doc`"
            );
            wanted.push(root.join(file));
        }
        for entry in fs::read_dir(root.join(pictures::FOLDER)).expect("the pictures") {
            let path = entry.expect("an entry").path();
            assert!(wanted.contains(&path), "{} is nobody's", path.display());
        }
    }

    #[test]
    fn what_is_missed_or_not_run_is_written() {
        let row = json!([{ "row": "delete --budget 1ms", "verdicts": [missed("p99 above idle")] }]);
        let made = text(&[document("promise", "redis", row)]);
        let line = |begin: &str| {
            let found = made.lines().find(|line| line.starts_with(begin));
            found
                .unwrap_or_else(|| panic!("no {begin} in\n{made}"))
                .to_owned()
        };
        let told = line("| `--budget 1ms`");
        assert!(
            told.ends_with("| p99 above idle: 1200 us (at most 1000 us), **missed** |"),
            "{told}"
        );
        assert!(line("| 50 runs").ends_with("| *not run* |"));
        // A group that is kept but lacks the row is no better.
        assert!(line("| `--budget 250us`").ends_with("| *not run* |"));
    }

    #[test]
    fn servers_have_a_column_each() {
        let row = json!([{ "row": "50 deletes", "verdicts": [missed("runs")] }]);
        let made = text(&[
            document("steady", "redis", row.clone()),
            document("steady", "valkey", row),
        ]);
        assert!(
            made.contains("| what | must show | Redis 7.0.15 | Valkey 7.0.15 |"),
            "{made}"
        );
    }

    #[test]
    fn ways_are_shown_by_size() {
        let cell = |keys: u64, way: &str, wall: f64| {
            json!({ "row": "x", "job": "enumerate", "way": way, "keys": keys,
                "rounds": [{ "wall_ms": wall, "max_us": 4400 }] })
        };
        let skipped = json!({ "row": "x", "job": "enumerate", "way": "keys", "keys": 1000, "skipped": "too many" });
        let rows = json!([
            cell(100, "keys", 1.5),
            skipped,
            cell(100, "scan-10", 2.0),
            cell(1000, "scan-10", 20.0)
        ]);
        let made = text(&[document("ways", "redis", rows)]);
        assert!(
            made.contains("| job | way | 100 keys | 1000 keys |"),
            "{made}"
        );
        assert!(
            made.contains("| enumerate | keys | 1.50 / 4.40 | skipped |"),
            "{made}"
        );
        assert!(
            made.contains("| enumerate | scan-10 | 2 / 4.40 | 20 / 4.40 |"),
            "{made}"
        );
    }
}
