//! A disk that is full at a random point of a backed delete, by a limit on the length of files: the run ends with a text
//! that says so, nothing is gone that is not in the file, and with room again the run goes on in it.

use std::process::Command;

use keypace_lab::seed::SplitMix64;
use keypace_lab::{OwnedServer, Program, Raw};

use crate::common::copies::{
    Found, KEYS, OTHERS, Spare, Told, backed, below, dbsize, expect_same, fill, judge, programs,
    random, raw, server, sessions, told,
};
use crate::common::{Home, finished};

/// Over all programs.
const TRIALS: usize = 10;
/// What `ulimit -f` counts in.
const BLOCK_BYTES: u64 = 512;
/// So much a checkpoint takes, with the names that are on their way: it has room, so that it is the backup that fails.
const LEAST_BYTES: u64 = 24 * 1024;

struct Stage {
    server: OwnedServer,
    raw: Raw,
    spare: Spare,
    before: Told,
    seed: u64,
    found: Found,
}

/// The same command with files of at most so many blocks.
fn limited(typed: &Command, blocks: u64) -> Command {
    let mut command = Command::new("sh");
    command.env_clear();
    for (name, value) in typed.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    command
        .args(["-c", "ulimit -f \"$0\" && exec \"$@\""])
        .arg(blocks.to_string())
        .arg(typed.get_program())
        .args(typed.get_args());
    command
}

impl Stage {
    fn start(program: &Program, seed: u64) -> Self {
        let server = server(program);
        let mut raw = raw(&server);
        fill(&mut raw, seed);
        Self {
            before: told(&mut raw),
            spare: Spare::start(program),
            server,
            raw,
            seed,
            found: Found::default(),
        }
    }

    fn home(&self) -> Home {
        Home::with_url(&self.server.url())
    }

    /// How long the backup of an undisturbed run is.
    fn whole_bytes(&mut self) -> u64 {
        let home = self.home();
        let (file, place) = (home.path("run.kpb"), home.path("run.ckpt"));
        home.run(backed(&file, &place)).expect(0);
        file.metadata().expect("a file").len()
    }

    fn trial(&mut self, at: u64, is_bounded: bool) {
        fill(&mut self.raw, self.seed);
        let home = self.home();
        let (file, place) = (home.path("run.kpb"), home.path("run.ckpt"));
        let work = backed(&file, &place);
        let budget = ["off", "20ms"][usize::from(is_bounded)];
        let typed = [&["--budget", budget], &work[..]].concat();
        let trial = format!("full at {at} bytes, {budget}");
        let ran = finished(limited(&home.keypace(typed), at / BLOCK_BYTES));
        assert_eq!(ran.code, 1, "{trial}: {ran:?}");
        let ran = ran.says(&["the disk is full", "make room and resume", "run.kpb"]);
        let summary = ran.json();
        assert_eq!(summary["complete"], false, "{trial}: {summary}");
        assert!(file.metadata().expect("a file").len() <= at, "{trial}");
        let left = sessions(&told(&mut self.raw));
        let files = [file.clone()];
        let restored = self.spare.restored(&files);
        let before = sessions(&self.before);
        let found = judge(&before, &left, &restored, &trial);
        self.found.add(found);
        assert_eq!(summary["deleted"], found.in_file, "{trial}: {summary}");

        // There is room again.
        let place = place.to_str().expect("a path");
        let ran = home
            .run([&work[..], &["--resume", place]].concat())
            .expect(0);
        let summary = ran.json();
        assert_eq!(summary["complete"], true, "{trial}: {summary}");
        assert_eq!(summary["deleted"], KEYS, "{trial}: {summary}");
        assert_eq!(dbsize(&mut self.raw), OTHERS, "{trial}");
        expect_same(&before, &self.spare.restored(&files), 0, &trial);
    }
}

#[test]
fn a_full_disk_stops_the_delete_before_anything_is_lost() {
    let mut random = random();
    let programs = programs();
    let share = TRIALS.div_ceil(programs.len());
    for program in &programs {
        let mut random = SplitMix64::new(random.next());
        let mut stage = Stage::start(program, random.next());
        let whole = stage.whole_bytes();
        for nth in 0..share {
            // Short of the end, where only outcomes are written that nobody needs.
            let at = LEAST_BYTES + below(&mut random, whole * 9 / 10 - LEAST_BYTES);
            stage.trial(at, nth % 3 == 2);
        }
        println!(
            "{}: {share} trials, {:?}, none lost",
            program.label(),
            stage.found
        );
        assert!(stage.found.in_file > 0 && stage.found.on_server > 0);
    }
}

#[test]
fn without_room_for_the_head_nothing_is_deleted() {
    for program in &programs() {
        let mut stage = Stage::start(program, 1);
        let home = stage.home();
        let (file, place) = (home.path("run.kpb"), home.path("run.ckpt"));
        let typed = home.keypace(backed(&file, &place));
        let ran = finished(limited(&typed, 0));
        assert!([1, 2, 4].contains(&ran.code), "{ran:?}");
        assert!(ran.stderr.contains("run.kpb"), "{ran:?}");
        assert_eq!(dbsize(&mut stage.raw), KEYS + OTHERS);
    }
}
