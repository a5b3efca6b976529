//! Where labels stand: near the end of their lines, none on another, as little as can be on lines. Pure numbers.

/// A place in a panel: to the right, and down.
pub(super) type At = (f64, f64);

/// Of a bold letter in the widest of the usual fonts.
const LABEL_CHAR: f64 = 7.6;
const LABEL_HEIGHT: f64 = 15.0;
/// A label is looked for in steps of this, so many up and down from its line.
const LABEL_STEP: f64 = 6.0;
const LABEL_STEPS: u32 = 20;
/// Parts of a line between two points that are looked at: a steep line passes a label between its points.
const PARTS: u32 = 4;
/// What lying on another label costs, in units of distance: any distance is better.
const ON_A_LABEL: f64 = 1e4;
/// What lying on a part of a line costs.
const ON_A_LINE: f64 = 5.0;

/// Where a label stands: from where to where, and the middle of its height.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) y: f64,
}

/// What there is besides labels.
pub(super) struct Field<'a> {
    /// Nothing stands further to the right.
    pub(super) right: f64,
    /// Nothing stands lower.
    pub(super) bottom: f64,
    pub(super) lines: &'a [Vec<At>],
}

impl Field<'_> {
    /// The best place for a label of so many letters at this anchor.
    pub(super) fn place(&self, anchor: At, letters: usize, taken: &[Place]) -> Place {
        let width = letters as f64 * LABEL_CHAR;
        let left = (anchor.0 + 9.0).min(self.right - width);
        let at = |y| Place {
            left,
            right: left + width,
            y,
        };
        let nearest_first = (0..=LABEL_STEPS).flat_map(|step| {
            let away = f64::from(step) * LABEL_STEP;
            [anchor.1 - away, anchor.1 + away]
        });
        let mut best = (f64::INFINITY, at(anchor.1.clamp(0.0, self.bottom)));
        for y in nearest_first.filter(|y| (0.0..=self.bottom).contains(y)) {
            let place = at(y);
            let others = taken.iter().filter(|other| place.hides(other)).count();
            let cost = others as f64 * ON_A_LABEL
                + self.parts_under(place) as f64 * ON_A_LINE
                + (y - anchor.1).abs();
            if cost < best.0 {
                best = (cost, place);
            }
        }
        best.1
    }

    fn parts_under(&self, place: Place) -> usize {
        let pairs = self.lines.iter().flat_map(|line| line.windows(2));
        pairs
            .flat_map(|pair| {
                let (from, to) = (pair[0], pair[1]);
                (0..PARTS).map(move |part| {
                    let share = f64::from(part) / f64::from(PARTS);
                    (
                        from.0 + (to.0 - from.0) * share,
                        from.1 + (to.1 - from.1) * share,
                    )
                })
            })
            .filter(|at| {
                let is_beside = at.0 > place.left - 3.0 && at.0 < place.right + 3.0;
                is_beside && (at.1 - place.y).abs() < LABEL_HEIGHT / 2.0 + 2.0
            })
            .count()
    }
}

impl Place {
    fn hides(&self, other: &Self) -> bool {
        self.left < other.right
            && self.right > other.left
            && (self.y - other.y).abs() < LABEL_HEIGHT
    }
}

#[cfg(test)]
mod tests {
    use super::{Field, LABEL_HEIGHT};

    const NO_LINES: &[Vec<(f64, f64)>] = &[];

    fn field(lines: &[Vec<(f64, f64)>]) -> Field<'_> {
        Field {
            right: 800.0,
            bottom: 250.0,
            lines,
        }
    }

    #[test]
    fn labels_stay_in_the_picture_and_off_each_other() {
        let field = field(NO_LINES);
        let mut taken = Vec::new();
        for _ in 0..6 {
            let place = field.place((795.0, 248.0), 10, &taken);
            assert!(place.right <= 800.0 && (0.0..=250.0).contains(&place.y));
            assert!(taken.iter().all(|other| !place.hides(other)), "{taken:?}");
            taken.push(place);
        }
        assert!(field.place((0.0, -50.0), 3, &[]).y >= 0.0);
    }

    #[test]
    fn a_label_gets_out_of_the_way_of_a_line() {
        let alone = field(NO_LINES).place((100.0, 100.0), 8, &[]);
        assert_eq!(alone.y, 100.0);
        let lines = [vec![
            (0.0, 100.0),
            (100.0, 100.0),
            (150.0, 100.0),
            (400.0, 100.0),
        ]];
        let moved = field(&lines).place((100.0, 100.0), 8, &[]);
        assert!((moved.y - 100.0).abs() > LABEL_HEIGHT / 2.0, "{moved:?}");
    }
}
