//! Whether another pass follows, and how a rebuild ends. Pure.

/// What follows a pass that was walked whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// Another one.
    Again,
    /// A last one, which must find nothing to change.
    Last,
    /// It is done.
    Done,
    /// It is done, and the old layout is left behind.
    Switch,
    /// There were as many passes as were allowed, and each had too much to change.
    Unsettled,
    /// The last pass had something to change: somebody writes the old layout still.
    StillWritten,
    /// The last pass found old records that are in nobody's list, and would be in none for good.
    Unlisted,
}

/// The passes so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passes {
    pub(super) done: u32,
    pub(super) max: u32,
    /// What the last one changed.
    pub(super) changed: u64,
    /// It was begun as the last one.
    pub(super) was_last: bool,
    /// It was begun by an earlier run: what was written since behind its place, it has not seen.
    pub(super) was_resumed: bool,
    /// Walk again until fewer than this were changed.
    pub(super) follow: Option<u64>,
    pub(super) switches: bool,
    /// Old records that the last one could bring to nobody.
    pub(super) unlisted: u64,
    /// They may be left behind.
    pub(super) leaves_unlisted: bool,
}

/// Decides.
pub(super) fn after(passes: Passes) -> After {
    let has_settled = (passes.follow).is_none_or(|fewer_than| passes.changed < fewer_than);
    match (passes.switches, passes.changed) {
        (true, 0) if passes.was_resumed => After::Last,
        (true, 0) if passes.unlisted > 0 && !passes.leaves_unlisted => After::Unlisted,
        (true, 0) => After::Switch,
        (true, _) if passes.was_last => After::StillWritten,
        (true, _) if has_settled => After::Last,
        (false, _) if has_settled => After::Done,
        (_, _) if passes.done >= passes.max => After::Unsettled,
        (_, _) => After::Again,
    }
}

#[cfg(test)]
mod tests {
    use super::{After, Passes, after};

    const ONE: Passes = Passes {
        done: 1,
        max: 3,
        changed: 5,
        was_last: false,
        was_resumed: false,
        follow: None,
        switches: false,
        unlisted: 0,
        leaves_unlisted: false,
    };

    #[test]
    fn passes_follow_until_little_is_left() {
        assert_eq!(after(ONE), After::Done);
        let follow = Passes {
            follow: Some(5),
            ..ONE
        };
        assert_eq!(after(follow), After::Again);
        assert_eq!(
            after(Passes {
                changed: 4,
                ..follow
            }),
            After::Done
        );
        assert_eq!(after(Passes { done: 3, ..follow }), After::Unsettled);
    }

    #[test]
    fn the_old_layout_is_left_only_after_a_pass_that_changed_nothing() {
        let switch = Passes {
            switches: true,
            ..ONE
        };
        assert_eq!(after(switch), After::Last);
        let last = Passes {
            was_last: true,
            done: 2,
            ..switch
        };
        assert_eq!(after(last), After::StillWritten);
        assert_eq!(after(Passes { changed: 0, ..last }), After::Switch);
        let resumed = Passes {
            changed: 0,
            was_resumed: true,
            ..last
        };
        assert_eq!(after(resumed), After::Last);
        assert_eq!(
            after(Passes {
                changed: 0,
                ..switch
            }),
            After::Switch
        );
        let unlisted = Passes {
            changed: 0,
            unlisted: 1,
            ..last
        };
        assert_eq!(after(unlisted), After::Unlisted);
        let leaves = Passes {
            leaves_unlisted: true,
            ..unlisted
        };
        assert_eq!(after(leaves), After::Switch);
        let follow = Passes {
            follow: Some(2),
            ..switch
        };
        assert_eq!(after(follow), After::Again);
        assert_eq!(
            after(Passes {
                changed: 1,
                ..follow
            }),
            After::Last
        );
        // One pass more than were allowed: nothing is switched without it.
        assert_eq!(
            after(Passes {
                changed: 1,
                done: 3,
                ..follow
            }),
            After::Last
        );
        assert_eq!(after(Passes { done: 3, ..follow }), After::Unsettled);
    }
}
