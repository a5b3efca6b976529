//! Listing and deleting half of a keyspace: keypace against the floor, with the same COUNT, one process each, in turns.
//! Must not let one of the two do less than the other.

use serde_json::{Value, json};

use super::figures::{Row, Unit, Verdict, median};
use super::ground::Ground;
use super::process;
use super::rounds;
use super::setting::{PATTERN, Setting};
use crate::failure::{Failure, Outcome};
use crate::floor::DEFAULT_BATCH;

/// The floor keeps no keys and prints none; keypace may take a quarter longer.
const LIST_LIMIT_TIMES: f64 = 1.25;
/// The server does most of the work of a delete, so keypace may take a fifth longer.
const DELETE_LIMIT_TIMES: f64 = 1.2;

#[derive(Clone, Copy, Debug)]
enum Who {
    Keypace,
    Floor,
}

/// The row of listing.
pub(crate) fn list(setting: &Setting<'_>) -> Outcome<Vec<Row>> {
    let ground = Ground::start(setting.program, setting.keys / 2, setting.keys.div_ceil(2))?;
    let command = |who| match who {
        Who::Keypace => {
            let mut command = setting.keypace_as_the_floor(&ground.url());
            command.args(["scan", PATTERN]);
            command
        }
        Who::Floor => setting.floor("list", &ground.url()),
    };
    // Also warms both programs up. A settled table returns each key once, but the server doesn't promise it.
    let listed = process::piped(vec![command(Who::Keypace)])?.lines;
    if listed < ground.matching() {
        return Err(Failure::new(format!(
            "keypace scan printed {listed} of {} keys",
            ground.matching()
        )));
    }
    process::wall(command(Who::Floor))?;
    let contestants = [Who::Keypace, Who::Floor];
    let walls = rounds::alternate("list", setting.rounds, &contestants, |who| {
        process::wall(command(who)).map(|wall| wall.as_secs_f64() * 1000.0)
    })?;
    let row = row(
        "scan, COUNT 1000",
        ground.matching(),
        &walls,
        LIST_LIMIT_TIMES,
    );
    ground.stop()?;
    Ok(vec![row])
}

/// The row of deleting.
pub(crate) fn delete(setting: &Setting<'_>) -> Outcome<Vec<Row>> {
    let mut ground = Ground::start(setting.program, setting.keys / 2, setting.keys.div_ceil(2))?;
    let walls = rounds::alternate(
        "delete",
        setting.rounds,
        &[Who::Keypace, Who::Floor],
        |who| {
            let command = match who {
                Who::Keypace => {
                    let mut command = setting.keypace_as_the_floor(&ground.url());
                    command.args(["delete", PATTERN, "--yes"]);
                    command.args(["--batch", &DEFAULT_BATCH.to_string()]);
                    command
                }
                Who::Floor => setting.floor("delete", &ground.url()),
            };
            let wall = process::wall(command)?;
            ground.expect_gone(&format!("{who:?}"))?;
            ground.refill()?;
            Ok(wall.as_secs_f64() * 1000.0)
        },
    )?;
    let row = row(
        "delete, COUNT 1000",
        ground.matching(),
        &walls,
        DELETE_LIMIT_TIMES,
    );
    ground.stop()?;
    Ok(vec![row])
}

fn row(name: &str, keys: u64, walls: &[Vec<f64>], limit_times: f64) -> Row {
    let [keypace, floor] = walls else {
        return Row::new(name).with_verdict(Verdict::not_run("wall", "no two contestants"));
    };
    let round = |wall: &f64| json!({ "wall_ms": (wall * 10.0).round() / 10.0 });
    let rounds: Vec<Value> = keypace.iter().map(round).collect();
    let times = median(keypace) / median(floor);
    Row::new(name)
        .with_field("keys", keys)
        .with_rounds(rounds)
        .with_ratio("keypace / floor", keypace, floor)
        .with_verdict(Verdict::at_most(
            "wall of the floor's",
            times,
            limit_times,
            Unit::Times,
        ))
}
