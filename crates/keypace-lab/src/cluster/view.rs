//! What one node says about all: its `CLUSTER NODES`, understood.
//! Must not judge whose view is right.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::error::LabError;
use crate::raw::{Raw, broken};

/// One node's account of the cluster, by node id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) lines: BTreeMap<String, Line>,
}

/// One node, as another one (or itself) sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) flags: Vec<String>,
    /// The id of the primary that it follows.
    pub(crate) primary: Option<String>,
    /// What it serves, in order; a slot under way is still its source's.
    pub(crate) slots: Vec<RangeInclusive<u16>>,
}

impl Line {
    /// Whether the node is suspected, given up, or not known well yet.
    pub(crate) fn trouble(&self) -> Option<&str> {
        const TROUBLES: [&str; 4] = ["fail", "fail?", "handshake", "noaddr"];
        self.flags
            .iter()
            .map(String::as_str)
            .find(|flag| TROUBLES.contains(flag))
    }
}

impl View {
    pub(crate) fn ask(raw: &mut Raw) -> Result<Self, LabError> {
        let reply = raw.command(&[b"CLUSTER", b"NODES"])?.checked()?;
        Self::parse(&String::from_utf8_lossy(reply.bytes().unwrap_or_default()))
    }

    fn parse(text: &str) -> Result<Self, LabError> {
        let mut lines = BTreeMap::new();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            // id, address, flags, primary, ping, pong, epoch, link, then the slots.
            let [id, _, flags, primary, _, _, _, _, slots @ ..] = words.as_slice() else {
                return Err(broken(format!("the line {line:?} of CLUSTER NODES")));
            };
            let slots = slots.iter().filter(|word| !word.starts_with('['));
            let slots: Option<Vec<_>> = slots.map(|word| range(word)).collect();
            let line = Line {
                flags: flags.split(',').map(str::to_owned).collect(),
                primary: Some(*primary).filter(|id| *id != "-").map(str::to_owned),
                slots: slots
                    .ok_or_else(|| broken(format!("the slots of {line:?} of CLUSTER NODES")))?,
            };
            lines.insert((*id).to_owned(), line);
        }
        Ok(Self { lines })
    }
}

/// `5` or `0-5460`.
fn range(word: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    Some(first.parse().ok()?..=last.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::View;

    #[test]
    fn lines_of_each_sort_are_read() {
        let text = "\
            aa 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-5 7 [9->-bb] [8-<-bb]\n\
            bb 127.0.0.1:7001@17001,host.name master,fail? - 0 0 2 connected\n\
            cc 127.0.0.1:7002@17002,,shard-id=12 slave bb 0 0 2 disconnected\n";
        let view = View::parse(text).expect("a view");
        assert_eq!(view.lines["aa"].slots, [0..=5, 7..=7]);
        assert_eq!(view.lines["aa"].trouble(), None);
        assert_eq!(view.lines["bb"].trouble(), Some("fail?"));
        assert_eq!(view.lines["cc"].primary.as_deref(), Some("bb"));
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["aa", "aa a master - 0 0 1 connected 0-x"] {
            assert!(View::parse(text).is_err(), "{text:?} was accepted");
        }
    }
}
