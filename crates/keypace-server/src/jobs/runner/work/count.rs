//! Counting keys.

use keypace::Sweep;

use super::super::trouble::Trouble;
use super::Ground;
use super::sweeping::{Sweeping, options};

pub(super) async fn begin(ground: &Ground<'_>) -> Result<Sweeping, Trouble> {
    let sweep = Sweep::count(ground.keyspace, options(ground)?).await?;
    Ok(Sweeping { sweep, most: None })
}
