//! From a probe's timeline to the few points that a picture has room for. Pure.

use keypace_lab::Timeline;

/// A point of a curve: seconds since the start, and microseconds waited.
pub(super) type Point = (f64, f64);

/// The line of a timeline up to `end_s`, with about `wanted` points: in each stretch the median of what its parts
/// waited at most, so that one hiccup of a busy machine doesn't look like a habit.
pub(super) fn line(timeline: &Timeline, end_s: f64, wanted: usize) -> Vec<Point> {
    let width_s = timeline.width_us() as f64 / 1e6;
    let shown: Vec<u64> = (timeline.longest_us().iter().copied().enumerate())
        .take_while(|(at, _)| *at as f64 * width_s < end_s)
        .map(|(_, longest)| longest)
        .collect();
    let size = shown.len().div_ceil(wanted.max(1)).max(1);
    let stretches = shown.chunks(size).enumerate();
    stretches
        // What is left over at the end is a moment among stretches, and would look like a fall.
        .filter(|(at, parts)| *at == 0 || parts.len() * 2 > size)
        .filter_map(|(at, parts)| {
            let mut asked: Vec<u64> = parts.iter().copied().filter(|wait| *wait > 0).collect();
            asked.sort_unstable();
            let middle = *asked.get(asked.len() / 2)?;
            // A stretch stands where it begins: a stall is felt from there on.
            Some((at as f64 * size as f64 * width_s, middle as f64))
        })
        .collect()
}

/// The longest wait of a timeline, and when it began.
pub(super) fn peak(timeline: &Timeline) -> Option<Point> {
    let width_s = timeline.width_us() as f64 / 1e6;
    let longest = timeline.longest_us().iter().copied().max()?;
    let at = timeline
        .longest_us()
        .iter()
        .position(|wait| *wait == longest)?;
    (longest > 0).then_some((at as f64 * width_s, longest as f64))
}

#[cfg(test)]
mod tests {
    use super::{line, peak};
    use keypace_lab::Timeline;

    #[test]
    fn nothing_asked_is_nothing_drawn() {
        assert!(line(&Timeline::default(), 1.0, 100).is_empty());
        assert_eq!(peak(&Timeline::default()), None);
    }
}
