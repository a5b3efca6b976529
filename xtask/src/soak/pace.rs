//! How fast a run is told to go: flags, and the same as figures for the check. Must not run anything.

use super::draw::Draw;
use super::judge::Told;

/// Slow enough in most runs that something befalls the cluster meanwhile.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    pub(super) words: Vec<String>,
    pub(super) told: Told,
}

impl Pace {
    pub(super) fn draw(draw: &mut Draw) -> Self {
        let (budget, budget_us) =
            draw.pick(&[("off", None), ("1ms", Some(1000)), ("250us", Some(250))]);
        let rate: Option<u64> = draw.pick(&[None, Some(20_000), Some(60_000)]);
        let count: Option<u64> = draw.pick(&[None, Some(50), Some(500)]);
        let lanes: Option<u64> = draw.pick(&[None, None, Some(4)]);
        let mut words = vec!["--budget".to_owned(), budget.to_owned()];
        for (flag, value) in [("--rate", rate), ("--count", count), ("--lanes", lanes)] {
            if let Some(value) = value {
                words.extend([flag.to_owned(), value.to_string()]);
            }
        }
        Self {
            words,
            told: Told { budget_us, rate },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;
    use crate::soak::draw::Draw;

    #[test]
    fn flags_and_figures_say_the_same() {
        let mut draw = Draw::new(1, "pace");
        for _ in 0..50 {
            let pace = Pace::draw(&mut draw);
            let words = pace.words.join(" ");
            assert_eq!(
                words.contains("--budget off"),
                pace.told.budget_us.is_none()
            );
            let rate = pace.told.rate.map(|rate| format!("--rate {rate}"));
            assert_eq!(rate.is_some(), words.contains("--rate"));
            assert!(rate.is_none_or(|rate| words.contains(&rate)), "{words}");
        }
    }
}
