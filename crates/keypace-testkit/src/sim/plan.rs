//! Owns what a rule's actions come to for one command: wait, do, run or answer instead, send. Pure: the serving task
//! carries it out.

use std::time::Duration;

use super::rule::Action;

/// How a reply is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Whole,
    Cut { after_bytes: usize },
    Trickle { chunk: usize, pause: Duration },
    Drop,
    Stall,
}

/// What a SCAN does to its page.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PageEdit {
    pub(crate) duplicate: bool,
    pub(crate) same_cursor: bool,
}

/// What happens to one command: all that a rule's actions say, in the order it is done.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) delay: Duration,
    pub(crate) before: Vec<Action>,
    pub(crate) instead: Option<Vec<u8>>,
    pub(crate) execute: bool,
    pub(crate) edit: PageEdit,
    pub(crate) delivery: Delivery,
}

impl Plan {
    pub(crate) fn new(actions: &[Action]) -> Self {
        let mut plan = Self {
            delay: Duration::ZERO,
            before: Vec::new(),
            instead: None,
            execute: true,
            edit: PageEdit::default(),
            delivery: Delivery::Whole,
        };
        for action in actions {
            plan.add(action);
        }
        plan
    }

    fn add(&mut self, action: &Action) {
        match action {
            Action::Reply(bytes) => (self.instead, self.execute) = (Some(bytes.clone()), false),
            Action::Error(text) => {
                (self.instead, self.execute) = (Some(format!("-{text}\r\n").into_bytes()), false)
            }
            Action::Delay(time) => self.delay += *time,
            Action::DropConnection => (self.delivery, self.execute) = (Delivery::Drop, false),
            Action::ExecuteThenDrop => self.delivery = Delivery::Drop,
            Action::CutReply { after_bytes } => {
                self.delivery = Delivery::Cut {
                    after_bytes: *after_bytes,
                }
            }
            Action::TrickleReply { chunk, pause } => {
                self.delivery = Delivery::Trickle {
                    chunk: (*chunk).max(1),
                    pause: *pause,
                };
            }
            Action::Stall => (self.delivery, self.execute) = (Delivery::Stall, false),
            Action::ExecuteThenStall => self.delivery = Delivery::Stall,
            Action::Duplicates => self.edit.duplicate = true,
            Action::SameCursor => self.edit.same_cursor = true,
            Action::EmptyPages(_)
            | Action::Rehash(_)
            | Action::NewRunId
            | Action::Run(_)
            | Action::Cluster(_) => {
                self.before.push(action.clone());
            }
        }
    }
}
