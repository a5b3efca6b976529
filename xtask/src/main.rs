//! `cargo xtask ...`: the workspace's own commands. Parses, dispatches, exits.
//! Must not hold what a library or a test should: it finds programs, calls the others and prints figures.

mod api;
mod bench;
mod book;
mod browser;
mod clients;
mod coverage;
mod demo;
mod deny;
mod dist;
mod failure;
mod floor;
mod msrv;
mod schema;
mod semver;
mod servers;
mod setup;
mod shell;
mod slot_order;
mod soak;
mod test;
mod tools;
mod web;
mod workspace;

use std::process::ExitCode;

use failure::Outcome;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  demo [-- ARGS]      find or install a server program, build keypace, run `keypace demo ARGS`
  test [ARGS]         find or install Redis and Valkey, run every test; ARGS go to the test runner
  servers [--only NAMES]
                      fetch or build one server program of each version that tests run on, below target/servers
    --doc             run the tests of all versions and write what they saw into docs/servers.md
  bench [OPTIONS]     the promise, its price and what others do, on every server program found; keeps the figures
    --only GROUPS     list, delete, memory, ways, promise, rivals, yield, big, replica, steady,
                      cluster, lanes, backup, filters, stats, bulk, records, audit; several with commas
    --rounds N        alternating rounds (5; of list, delete and --check 15)
    --keys N          keys of most groups, half of them matching (1000000); other sizes are not kept
    --all             stats on every server program too, not on the first alone
    --check           compare with the kept figures: exit 1 where a count grew, or a ratio by over 10 %
    --doc             measure nothing: write docs/performance.md from the kept figures
  book [--check]      the book of docs/, built by mdBook below target/book; with --check exit 1 where a link leads nowhere
  soak --minutes N [--seed S] [--plant skip-slot]
                      keypace in clusters that are given no rest, every run checked; exit 1 with the seed at a finding;
                      with a planted bug there must be one
  web [--check]       fetch the page's front-end parts at their pinned versions; with --check hold what is kept against them
  browser [ARGS]      the page's tests in a real Chromium, against a real service; ARGS go to node
  schema [--seed N] [--cases N]
                      a served keypace against its OpenAPI document, by schemathesis
  coverage [--check]  line coverage by room; with --check exit 1 where one is below 90 %
  dist [--only gnu,musl,deb,sbom,crates]
                      what a release hands out, to target/dist: programs, Debian package, SBOM, crates, sums; each is checked
  api [--check|--bless]
                      the library's public interface against the one that is kept; --bless keeps it
  semver              what changed in the library since the last tag, and whether the version allows it
  deny                licences, sources, duplicates and advisories of all dependencies
  msrv                every crate by the oldest compiler that it promises
  floor list|keys|delete URL PATTERN [COUNT [BATCH]]
                      the raw-socket loop that bench compares with";

fn main() -> ExitCode {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    if words.is_empty() {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    let command = words.remove(0);
    // Cargo hands on the separator in `cargo xtask demo -- ARGS`.
    if words.first().is_some_and(|word| word == "--") {
        words.remove(0);
    }
    match dispatch(&command, &words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::from(failure.code())
        }
    }
}

fn dispatch(command: &str, words: &[String]) -> Outcome {
    match command {
        "api" => api::run(words),
        "demo" => demo::run(words),
        "deny" => deny::run(words),
        "dist" => dist::run(words),
        "msrv" => msrv::run(words),
        "semver" => semver::run(words),
        "test" => test::run(words),
        "servers" => servers::run(words),
        "bench" => bench::run(words),
        "book" => book::run(words),
        "coverage" => coverage::run(words),
        "soak" => soak::run(words),
        "floor" => floor::run(words),
        "web" => web::run(words),
        "browser" => browser::run(words),
        "schema" => schema::run(words),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        other => Err(failure::usage(format!(
            "there is no command {other:?}\n\n{USAGE}"
        ))),
    }
}
