//! SIGKILL at random moments of a backed delete: every key is on the server or in the backup with its value and its
//! time, and the run that is taken up again ends complete with everything in the backup. The seed is printed, and
//! `KEYPACE_SEED` replays it.

#![cfg(unix)]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use common::Home;
use common::copies::{
    Found, KEYS, LOOK_PAUSE, OTHERS, Spare, Told, backed, below, dbsize, ended, expect_same, fill,
    judge, programs, random, raw, server, sessions, started, told,
};
use keypace_lab::seed::SplitMix64;
use keypace_lab::{OwnedServer, Program, Raw};

/// Over all programs.
const KILLS: usize = 50;
/// A whole run takes one and a half seconds, in which its place is saved twice.
const RATE: &str = "1300";

/// A budget holds a run back as long as others make the machine slow: it is killed then, wherever it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// When the process is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// So many keys are left on the server.
    KeysLeft(u64),
    /// The backup is so long.
    FileBytes(u64),
}

/// How a run that is to be killed is held back.
#[derive(Debug, Clone, Copy)]
enum Speed {
    Full,
    Budget,
    Rate,
}

impl Speed {
    fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Full => &["--budget", "off"],
            Self::Budget => &["--budget", "1ms"],
            Self::Rate => &["--budget", "off", "--rate", RATE],
        }
    }
}

/// A server and what it held before.
struct Stage {
    server: OwnedServer,
    raw: Raw,
    spare: Spare,
    seed: u64,
    before: Told,
    /// What the backup of an undisturbed run takes.
    file_bytes: u64,
}

impl Stage {
    fn start(program: &Program, seed: u64) -> Self {
        let server = server(program);
        let mut raw = raw(&server);
        fill(&mut raw, seed);
        let before = told(&mut raw);
        assert_eq!(before.len() as u64, KEYS + OTHERS);
        let mut stage = Self {
            spare: Spare::start(program),
            server,
            raw,
            seed,
            before,
            file_bytes: 0,
        };
        let trial = Trial::new(&stage).finish(&mut stage, 0);
        stage.file_bytes = trial.files[0].metadata().expect("a file").len();
        stage
    }

    fn moment(&self, random: &mut SplitMix64) -> Moment {
        // Later than the first and earlier than the last step, so that nearly all are killed under way.
        match random.next() % 3 {
            0 => Moment::FileBytes(below(random, self.file_bytes * 9 / 10)),
            _ => Moment::KeysLeft(OTHERS + KEYS / 10 + below(random, KEYS * 9 / 10)),
        }
    }
}

/// One backed delete, through all its runs.
struct Trial {
    home: Home,
    place: PathBuf,
    /// A run that has no place to go on from needs a file of its own.
    files: Vec<PathBuf>,
}

impl Trial {
    fn new(stage: &Stage) -> Self {
        let home = Home::with_url(&stage.server.url());
        Self {
            place: home.path("run.ckpt"),
            files: vec![home.path("0.kpb")],
            home,
        }
    }

    /// The command line that goes on from wherever the last run stood.
    fn typed(&mut self, speed: Speed) -> Vec<String> {
        let is_saved = self.place.exists();
        let file = self.files.last().expect("one");
        if !is_saved && file.exists() {
            let next = format!("{}.kpb", self.files.len());
            self.files.push(self.home.path(&next));
        }
        let file = self.files.last().expect("one");
        let work = backed(file, &self.place);
        let mut typed: Vec<String> = speed.flags().iter().map(ToString::to_string).collect();
        typed.extend(work.into_iter().map(str::to_owned));
        if is_saved {
            typed.extend(["--resume".to_owned(), self.place.display().to_string()]);
        }
        typed
    }

    /// Starts a run and kills it then; false where it was through before.
    fn kill(&mut self, raw: &mut Raw, speed: Speed, moment: Moment) -> bool {
        let typed = self.typed(speed);
        let mut child = started(self.home.keypace(typed));
        let file = self.files.last().expect("one");
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let is_due = match moment {
                Moment::KeysLeft(keys) => dbsize(raw) <= keys,
                Moment::FileBytes(bytes) => file.metadata().is_ok_and(|file| file.len() > bytes),
            };
            if is_due {
                break;
            }
            if child.try_wait().expect("a child of ours").is_some() {
                ended(child).expect(0);
                return false;
            }
            std::thread::sleep(LOOK_PAUSE);
        }
        child.kill().expect("a process of ours");
        ended(child).code == -1
    }

    /// The last run: nothing is left but the others, and everything is in the files.
    fn finish(mut self, stage: &mut Stage, kills: usize) -> Self {
        let left = dbsize(&mut stage.raw) - OTHERS;
        let typed = self.typed(Speed::Full);
        let ran = self.home.run(typed).expect(0);
        let summary = ran.json();
        let place = format!("after {kills} kills: {summary}");
        assert_eq!(summary["complete"], true, "{place}");
        assert_eq!(summary["failed"], 0, "{place}");
        assert_eq!(summary["unknown"], 0, "{place}");
        assert_eq!(summary["skipped"], 0, "{place}");
        // What went between the last save and the kill is found by nobody any more.
        let deleted = summary["deleted"].as_u64().expect("a number");
        assert!(
            (left..=KEYS).contains(&deleted),
            "{left} were left, {place}"
        );
        let left = told(&mut stage.raw);
        assert_eq!(left.len() as u64, OTHERS, "{place}");
        let restored = stage.spare.restored(&self.files);
        expect_same(&sessions(&stage.before), &restored, 0, &place);
        self
    }
}

/// Figures of all trials.
#[derive(Debug, Default)]
struct Figures {
    killed: usize,
    through: usize,
    resumed: usize,
    found: Found,
}

fn kill_and_resume(stage: &mut Stage, random: &mut SplitMix64, nth: usize, all: &mut Figures) {
    fill(&mut stage.raw, stage.seed);
    let mut trial = Trial::new(stage);
    let speed = [Speed::Full, Speed::Rate, Speed::Budget, Speed::Rate][nth % 4];
    // The run that goes on is killed as well, in one of five trials.
    let runs = if nth % 5 == 4 { 2 } else { 1 };
    for run in 0..runs {
        let moment = stage.moment(random);
        let place = format!("trial {nth}, run {run}, {speed:?}, {moment:?}");
        if !trial.kill(&mut stage.raw, speed, moment) {
            all.through += 1;
            break;
        }
        all.killed += 1;
        all.resumed += usize::from(trial.place.exists());
        let left = told(&mut stage.raw);
        let restored = stage.spare.restored(&trial.files);
        let found = judge(
            &sessions(&stage.before),
            &sessions(&left),
            &restored,
            &place,
        );
        all.found.add(found);
    }
    trial.finish(stage, runs);
}

#[test]
fn a_backed_delete_that_is_killed_loses_no_key() {
    let mut random = random();
    let programs = programs();
    let share = KILLS.div_ceil(programs.len());
    std::thread::scope(|scope| {
        for program in &programs {
            let mut random = SplitMix64::new(random.next());
            scope.spawn(move || {
                let mut stage = Stage::start(program, random.next());
                let mut all = Figures::default();
                let mut nth = 0;
                while all.killed < share && nth < 2 * share {
                    kill_and_resume(&mut stage, &mut random, nth, &mut all);
                    nth += 1;
                }
                println!("{}: {nth} trials, {all:?}, none lost", program.label());
                assert!(all.killed >= share, "killed too late: {all:?}");
                assert!(all.found.in_file > 0 && all.found.on_server > 0, "{all:?}");
                assert!(all.resumed > 0, "no place was ever saved: {all:?}");
            });
        }
    });
}
