//! A cluster of three primaries and three replicas: counting all of it beside what others do, and deleting half.
//! Must not compare runs of different clusters: all contestants take turns on one.

mod counting;
mod deleting;
mod ground;
mod rivals;

use super::figures::Row;
use super::setting::Setting;
use crate::failure::Outcome;

/// The budgets that are shown: full speed, and what nobody has to ask for.
const BUDGETS: [&str; 2] = ["off", "1ms"];

/// The rows of counting, then those of deleting.
pub(crate) fn measure(setting: &Setting<'_>) -> Outcome<Vec<Row>> {
    let mut ground = ground::Ground::start(setting)?;
    let mut rows = counting::measure(setting, &ground)?;
    rows.extend(deleting::measure(setting, &mut ground)?);
    ground.stop()?;
    Ok(rows)
}
