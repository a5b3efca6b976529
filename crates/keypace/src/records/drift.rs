//! What is wrong between a record and its index, and between a record and the one of the old layout that it was made of.
//! Pure: what was read goes in, the judgement comes out.

use super::old::OldRecord;
use crate::limits::index::EXPIRY_SLACK_MS;

/// In what a namespace's keys contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Drift {
    /// A record that an index set lacks, or an old record without a new one.
    Missing,
    /// A member of an index set without a record, or a record whose old one is gone or says something else by now.
    Stale,
    /// A record that lies with another owner than the one it names.
    WrongOwner,
    /// A member of an index set with another score than its record's.
    WrongScore,
    /// An old record that names nobody, and was assigned to nobody.
    Ownerless,
}

impl Drift {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 5] = [
        Self::Missing,
        Self::Stale,
        Self::WrongOwner,
        Self::WrongScore,
        Self::Ownerless,
    ];

    /// Its name in machine output: `wrong_owner`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Stale => "stale",
            Self::WrongOwner => "wrong_owner",
            Self::WrongScore => "wrong_score",
            Self::Ownerless => "ownerless",
        }
    }
}

/// Versions that `rebuild` gives: 1 for what it brings, one more for each change that it follows. All others are times in
/// microseconds, a million times as large. So a record tells by itself whether anything but `rebuild` has written it.
pub(crate) const IMPORTED_VERSIONS_END: u64 = 1_000_000_000_000;

/// How far two expiries of one record may be apart. Servers before 7.0 tell the time that is left, and the sum with their
/// clock is off by as long as the server was kept from running between the two.
const EXPIRY_TOLERANCE_MS: u64 = 50;

/// What a record says of itself that its index has to say too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) created_ms: i64,
    /// `None` where it stays for good.
    pub(crate) expires_ms: Option<u64>,
}

/// What the index sets say of a record; `None` where it is no member.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scores {
    pub(crate) created: Option<f64>,
    pub(crate) expiry: Option<f64>,
}

/// How a record and its index stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// They agree; also where there is neither.
    Fits,
    /// The record's time is over, and the members that are left go with the next page.
    Expired,
    /// They don't.
    Drifts(Drift),
}

/// Compares a record with its members, all of one moment.
pub(crate) fn fit(record: Option<Placed>, scores: Scores, now_ms: u64) -> Fit {
    let Some(record) = record else {
        return match (scores.created, scores.expiry) {
            (None, None) => Fit::Fits,
            (_, Some(expiry)) if expiry <= now_ms as f64 => Fit::Expired,
            (_, _) => Fit::Drifts(Drift::Stale),
        };
    };
    let (Some(created), Some(expiry)) = (scores.created, scores.expiry) else {
        return Fit::Drifts(Drift::Missing);
    };
    let told = (expiry != f64::INFINITY).then_some(expiry as u64);
    // A score is a double, and so is what a time becomes in one; up to the year 287,396 both are exact.
    let is_late = |told, expires| (told..=told + EXPIRY_SLACK_MS).contains(&expires);
    let has_moved = (told.zip(record.expires_ms)).is_some_and(|(told, at)| is_late(told, at));
    let fits_time = has_moved || is_same_expiry(told, record.expires_ms);
    if created != -(record.created_ms as f64) || !fits_time {
        return Fit::Drifts(Drift::WrongScore);
    }
    Fit::Fits
}

/// What is known of a record of the new layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) version: u64,
    pub(crate) placed: Placed,
    /// Its body is the old record's, byte for byte.
    pub(crate) is_same_body: bool,
}

/// What has to become of an old record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forward {
    /// There is no new one: it is imported, with this version.
    Missing(u64),
    /// The new one is another by now: it is imported again, with this version.
    Differs(u64),
    /// The new one says the same, or was written by somebody else since.
    Stands,
    /// There is no new one since somebody has deleted it there, or let it expire.
    Buried,
}

/// Compares an old record with the new one of its owner. Up to the version that is buried there nothing is imported.
pub(crate) fn forward(
    old: &OldRecord,
    old_expires_ms: Option<u64>,
    new: Option<Made>,
    buried: u64,
) -> Forward {
    let Some(new) = new else {
        return match buried {
            0 => Forward::Missing(1),
            _ => Forward::Buried,
        };
    };
    let is_same = new.is_same_body
        && new.placed.created_ms == old.created_ms
        && is_same_expiry(new.placed.expires_ms, old_expires_ms);
    if is_same || !is_imported(new.version) || new.version < buried {
        return Forward::Stands;
    }
    Forward::Differs(new.version + 1)
}

/// Where a new record would have come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// There is no old record of its id.
    Gone,
    /// It names nobody, and was assigned to nobody.
    Nobody,
    /// It names the owner that the new one lies with.
    Same,
    /// It names another.
    Another,
    /// It can't be told at the moment.
    Unknown,
}

/// What is wrong with a new record, going by the old one of its id. What somebody else has written stands: the same id may
/// be another owner's record.
pub(crate) fn backward(version: u64, origin: Origin) -> Option<Drift> {
    if !is_imported(version) {
        return None;
    }
    match origin {
        Origin::Gone => Some(Drift::Stale),
        Origin::Another => Some(Drift::WrongOwner),
        Origin::Nobody => Some(Drift::Ownerless),
        Origin::Same | Origin::Unknown => None,
    }
}

/// Whether `rebuild` wrote it, and nobody since.
pub(crate) fn is_imported(version: u64) -> bool {
    version < IMPORTED_VERSIONS_END
}

fn is_same_expiry(one: Option<u64>, other: Option<u64>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => one.abs_diff(other) <= EXPIRY_TOLERANCE_MS,
        (None, Some(_)) | (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Drift, Fit, Forward, IMPORTED_VERSIONS_END, Made, Origin, Placed, Scores, backward, fit,
        forward,
    };
    use crate::records::old::OldRecord;
    use crate::records::owner::Owner;
    use crate::records::scripts;

    const NOW: u64 = 1_795_272_361_000;
    const RECORD: Placed = Placed {
        created_ms: 1_000,
        expires_ms: None,
    };
    const DYING: Placed = Placed {
        created_ms: 1_000,
        expires_ms: Some(NOW + 60_000),
    };

    fn scores(created: Option<f64>, expiry: Option<f64>) -> Scores {
        Scores { created, expiry }
    }

    #[test]
    fn a_record_and_its_members_are_compared() {
        let inf = f64::INFINITY;
        let soon = (NOW + 60_000) as f64;
        let ago = (NOW - 1) as f64;
        for (record, created, expiry, is) in [
            (None, None, None, Fit::Fits),
            (None, Some(-5.0), Some(ago), Fit::Expired),
            (None, None, Some(ago), Fit::Expired),
            (None, Some(-5.0), Some(soon), Fit::Drifts(Drift::Stale)),
            (None, Some(-5.0), Some(inf), Fit::Drifts(Drift::Stale)),
            (None, Some(-5.0), None, Fit::Drifts(Drift::Stale)),
            (None, None, Some(inf), Fit::Drifts(Drift::Stale)),
            (Some(RECORD), Some(-1e3), Some(inf), Fit::Fits),
            (Some(RECORD), None, Some(inf), Fit::Drifts(Drift::Missing)),
            (Some(RECORD), Some(-1e3), None, Fit::Drifts(Drift::Missing)),
            (Some(RECORD), None, None, Fit::Drifts(Drift::Missing)),
            (
                Some(RECORD),
                Some(1e3),
                Some(inf),
                Fit::Drifts(Drift::WrongScore),
            ),
            (
                Some(RECORD),
                Some(-1e3),
                Some(soon),
                Fit::Drifts(Drift::WrongScore),
            ),
            (Some(DYING), Some(-1e3), Some(soon), Fit::Fits),
            (Some(DYING), Some(-1e3), Some(soon - 2.0), Fit::Fits),
            // Its slot was on its way for as long.
            (Some(DYING), Some(-1e3), Some(soon - 4_900.0), Fit::Fits),
            (
                Some(DYING),
                Some(-1e3),
                Some(soon - 5_100.0),
                Fit::Drifts(Drift::WrongScore),
            ),
            (
                Some(DYING),
                Some(-1e3),
                Some(soon + 51.0),
                Fit::Drifts(Drift::WrongScore),
            ),
            (
                Some(DYING),
                Some(-1e3),
                Some(inf),
                Fit::Drifts(Drift::WrongScore),
            ),
            // What expires in a moment is not over.
            (
                Some(DYING),
                Some(-1e3),
                Some(ago),
                Fit::Drifts(Drift::WrongScore),
            ),
        ] {
            let found = fit(record, scores(created, expiry), NOW);
            assert_eq!(found, is, "{record:?} {created:?} {expiry:?}");
        }
    }

    fn old() -> OldRecord {
        OldRecord {
            owner: Owner::new("k").ok(),
            created_ms: 1_000,
            updated_ms: 1_000,
            is_undated: false,
        }
    }

    #[test]
    fn an_old_record_is_imported_until_the_new_one_says_the_same() {
        let made = |version, placed, is_same_body| {
            Some(Made {
                version,
                placed,
                is_same_body,
            })
        };
        let another = Placed {
            created_ms: 2_000,
            ..RECORD
        };
        let native = IMPORTED_VERSIONS_END;
        for (new, expires, is) in [
            (None, None, Forward::Missing(1)),
            (made(1, RECORD, true), None, Forward::Stands),
            (made(1, RECORD, false), None, Forward::Differs(2)),
            (made(7, another, true), None, Forward::Differs(8)),
            (made(1, RECORD, true), Some(NOW), Forward::Differs(2)),
            (made(1, DYING, true), None, Forward::Differs(2)),
            (made(1, DYING, true), Some(NOW + 60_001), Forward::Stands),
            (
                made(1, DYING, true),
                Some(NOW + 61_000),
                Forward::Differs(2),
            ),
            // Somebody writes the new layout by now, and is not overwritten.
            (made(native, RECORD, false), None, Forward::Stands),
        ] {
            assert_eq!(forward(&old(), expires, new, 0), is, "{new:?} {expires:?}");
        }
        let last = IMPORTED_VERSIONS_END - 1;
        assert_eq!(forward(&old(), None, None, last), Forward::Buried);
        let changed = made(7, another, true);
        assert_eq!(forward(&old(), None, changed, last), Forward::Stands);
    }

    #[test]
    fn scripts_bury_the_last_version_that_a_rebuild_gives() {
        let last = (IMPORTED_VERSIONS_END - 1).to_string();
        for script in [scripts::PUT, scripts::TOUCH, scripts::DELETE] {
            assert!(script.text.contains(&last), "{}", script.text);
        }
    }

    #[test]
    fn only_what_rebuild_made_goes_by_the_old_record() {
        for (origin, drift) in [
            (Origin::Gone, Some(Drift::Stale)),
            (Origin::Another, Some(Drift::WrongOwner)),
            (Origin::Nobody, Some(Drift::Ownerless)),
            (Origin::Same, None),
            (Origin::Unknown, None),
        ] {
            assert_eq!(backward(1, origin), drift, "{origin:?}");
            assert_eq!(backward(IMPORTED_VERSIONS_END - 1, origin), drift);
            assert_eq!(backward(IMPORTED_VERSIONS_END, origin), None);
        }
    }
}
