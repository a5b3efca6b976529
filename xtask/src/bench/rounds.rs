//! Several contestants in turns, another one first in each round.
//! Must not know what is measured.

use crate::failure::Outcome;

/// Runs each of `contestants` once in each of `rounds`, beginning with the next one each time, so that neither drift of
/// the machine nor a place in the order is one contestant's alone. What was measured, by contestant in their order.
pub(crate) fn alternate<C: Copy, T>(
    name: &str,
    rounds: usize,
    contestants: &[C],
    mut run: impl FnMut(C) -> Outcome<T>,
) -> Outcome<Vec<Vec<T>>> {
    let mut measured: Vec<Vec<T>> = contestants.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        eprintln!("{name}, round {} of {rounds}", round + 1);
        for turn in 0..contestants.len() {
            let at = (round + turn) % contestants.len();
            measured[at].push(run(contestants[at])?);
        }
    }
    Ok(measured)
}

#[cfg(test)]
mod tests {
    use super::alternate;

    #[test]
    fn each_round_runs_all_and_begins_with_another_one() {
        let mut order = String::new();
        let measured = alternate("a test", 3, &['a', 'b', 'c'], |who| {
            order.push(who);
            Ok(order.len())
        })
        .expect("nothing fails");
        assert_eq!(order, "abcbcacab");
        assert_eq!(measured, [[1, 6, 8], [2, 4, 9], [3, 5, 7]]);
    }
}
