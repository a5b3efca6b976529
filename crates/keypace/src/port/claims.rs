//! Who owns which slot, out of what several nodes say. Pure: no await, no clock.
//!
//! A node's word on itself comes first: what others say of it counts only where it is silent, since their tables may be
//! older. Of several that claim a slot the one with the highest config epoch owns it (Redis cluster specification,
//! "Hash slots configuration propagation"): an old primary that woke up after a failover claims its slots too.

use std::collections::HashMap;

use super::naming::Naming;
use super::nodes_table::Entry;
use crate::key::{Slot, SlotSet};

/// What one node says.
#[derive(Debug)]
pub(super) struct View {
    /// Where it was asked.
    asked: String,
    /// Whether that is the place of this very node, and no door behind which any of them may answer.
    is_own_place: bool,
    members: Vec<Member>,
    myself: usize,
}

/// One line of it.
#[derive(Debug)]
struct Member {
    entry: Entry,
    place: Option<String>,
}

/// A node that somebody has named.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Known {
    pub(super) id: String,
    pub(super) place: String,
    /// The primary it follows; `None` for a primary.
    pub(super) follows: Option<String>,
}

/// A primary with slots.
#[derive(Debug)]
pub(super) struct Owner {
    pub(super) id: String,
    pub(super) place: Option<String>,
    pub(super) slots: SlotSet,
    pub(super) epoch: u64,
    pub(super) moving: SlotSet,
    pub(super) has_answered: bool,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Merged {
    pub(super) owners: Vec<Owner>,
    pub(super) uncovered: SlotSet,
    pub(super) moving: SlotSet,
    /// Everybody gave each primary the epoch that it gives itself: no news is on its way.
    pub(super) agrees: bool,
    /// The highest epoch that anybody knows of.
    pub(super) highest_epoch: u64,
}

impl View {
    /// `expected` is the node that was looked for at this place; `None` where it was a seed.
    /// Gives nothing where another node answers.
    pub(super) fn new(
        entries: Vec<Entry>,
        asked: &str,
        expected: Option<&str>,
        naming: &Naming,
    ) -> Option<Self> {
        let myself = entries.iter().position(|entry| entry.is_myself)?;
        let mut members: Vec<Member> = (entries.into_iter())
            .map(|entry| Member {
                place: naming.place(&entry).filter(|_| !entry.is_stranger),
                entry,
            })
            .collect();
        let own = &mut members[myself];
        if expected.is_some_and(|expected| expected != own.entry.id) {
            return None;
        }
        if own.entry.ip.is_empty() {
            own.place = Some(asked.to_owned());
        }
        let is_own_place = expected.is_some() || own.place.as_deref() == Some(asked);
        if is_own_place {
            own.place = Some(asked.to_owned());
        }
        Some(Self {
            asked: asked.to_owned(),
            is_own_place,
            members,
            myself,
        })
    }

    fn own(&self) -> &Member {
        &self.members[self.myself]
    }

    /// Who answered, and where.
    pub(super) fn who(&self) -> (String, String) {
        (self.own().entry.id.clone(), self.asked.clone())
    }
}

/// Everybody who was named together with a place, each pair once; primaries first.
pub(super) fn known(views: &[View]) -> Vec<Known> {
    let mut known: Vec<Known> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for member in views.iter().flat_map(|view| &view.members) {
        let Some(place) = &member.place else { continue };
        let found = Known {
            id: member.entry.id.clone(),
            place: place.clone(),
            follows: (member.entry.follows.clone()).filter(|_| !member.entry.is_primary),
        };
        if (member.entry.is_primary || found.follows.is_some()) && seen.insert(found.clone()) {
            known.push(found);
        }
    }
    known.sort_by_key(|known| known.follows.is_some());
    known
}

/// Whether this node has spoken for itself.
pub(super) fn has_answered(views: &[View], id: &str) -> bool {
    (views.iter()).any(|view| view.is_own_place && view.own().entry.id == id)
}

/// A claim on a slot: whether it is settled, the claimant's config epoch, and its number.
type Claim = (bool, u64, usize);

/// The claimants met so far, and the best claim on each slot.
struct Claims<'a> {
    owns: HashMap<&'a str, &'a View>,
    ids: Vec<&'a str>,
    numbers: HashMap<&'a str, usize>,
    /// By slot.
    best: Vec<Option<Claim>>,
}

/// The layout out of all views.
pub(super) fn merge(views: &[View]) -> Merged {
    let mut claims = Claims::of(views);
    for member in views.iter().flat_map(|view| &view.members) {
        claims.hear(member);
    }
    let mut owners: Vec<Owner> = (claims.ids.iter())
        .map(|id| owner(views, claims.owns.get(id).copied(), id))
        .collect();
    let mut uncovered = SlotSet::all();
    for slot in SlotSet::all().iter() {
        let Some((is_settled, _, number)) = claims.best[usize::from(slot.number())] else {
            continue;
        };
        uncovered.remove(slot);
        owners[number].slots.insert(slot);
        if !is_settled {
            owners[number].moving.insert(slot);
        }
    }
    let mut moving = SlotSet::default();
    for view in views {
        let entry = &view.own().entry;
        moving.extend_with(&moves(entry));
    }
    for owner in &owners {
        moving.extend_with(&owner.moving);
    }
    owners.retain(|owner| !owner.slots.is_empty());
    owners.sort_by_key(|owner| owner.slots.iter().next());
    Merged {
        owners,
        uncovered,
        moving,
        agrees: agrees(&claims.owns),
        highest_epoch: members(views)
            .map(|member| member.entry.epoch)
            .max()
            .unwrap_or(0),
    }
}

fn members(views: &[View]) -> impl Iterator<Item = &Member> {
    views.iter().flat_map(|view| &view.members)
}

fn agrees(owns: &HashMap<&str, &View>) -> bool {
    let mentions = owns.values().flat_map(|view| &view.members);
    mentions
        .filter(|member| member.entry.is_primary)
        .all(|member| {
            let own = owns.get(member.entry.id.as_str());
            own.is_none_or(|own| own.own().entry.epoch == member.entry.epoch)
        })
}

impl<'a> Claims<'a> {
    fn of(views: &'a [View]) -> Self {
        let mut owns: HashMap<&str, &View> = HashMap::new();
        // One asked at its own place later is newer than what it said as a seed.
        for view in views {
            owns.insert(&view.own().entry.id, view);
        }
        Self {
            owns,
            ids: Vec::new(),
            numbers: HashMap::new(),
            best: vec![None; usize::from(u16::MAX) + 1],
        }
    }

    fn hear(&mut self, member: &'a Member) {
        let entry = &member.entry;
        match self.owns.get(entry.id.as_str()).copied() {
            // Silent: others speak for it.
            None => self.claim_ranges(entry),
            Some(own) if std::ptr::eq(own.own(), member) => self.claim_ranges(entry),
            // It takes the slot over at this moment, and has not said so itself yet.
            Some(own) => {
                for slot in &own.own().entry.importing {
                    if entry.has(*slot) {
                        self.claim(*slot, false, entry);
                    }
                }
            }
        }
    }

    fn claim_ranges(&mut self, entry: &'a Entry) {
        for (first, last) in &entry.slots {
            for number in first.number()..=last.number() {
                if let Some(slot) = Slot::new(number) {
                    self.claim(slot, true, entry);
                }
            }
        }
    }

    fn claim(&mut self, slot: Slot, is_settled: bool, entry: &'a Entry) {
        let ids = &mut self.ids;
        let number = *self.numbers.entry(&entry.id).or_insert_with(|| {
            ids.push(&entry.id);
            ids.len() - 1
        });
        let claim = (is_settled, entry.epoch, number);
        let best = self.best[usize::from(slot.number())].get_or_insert(claim);
        // Equal epochs are a collision that the cluster is about to settle; until then the one met first keeps it.
        if (claim.0, claim.1) > (best.0, best.1) {
            *best = claim;
        }
    }
}

/// What is known of a claimant, without its slots.
fn owner(views: &[View], own: Option<&View>, id: &str) -> Owner {
    let mentions = || {
        let members = views.iter().flat_map(|view| &view.members);
        members.filter(|member| member.entry.id == id)
    };
    let has_answered = has_answered(views, id);
    Owner {
        id: id.to_owned(),
        place: own
            .and_then(|view| view.own().place.clone())
            .or_else(|| mentions().find_map(|member| member.place.clone())),
        slots: SlotSet::default(),
        epoch: own
            .map_or_else(
                || mentions().map(|member| member.entry.epoch).max(),
                |view| Some(view.own().entry.epoch),
            )
            .unwrap_or(0),
        moving: own.map(|view| moves(&view.own().entry)).unwrap_or_default(),
        has_answered,
    }
}

fn moves(entry: &Entry) -> SlotSet {
    let both = entry.migrating.iter().chain(&entry.importing);
    both.copied().collect()
}

#[cfg(test)]
mod tests {
    use super::{Merged, View, has_answered, known, merge};
    use crate::port::naming::Naming;
    use crate::port::nodes_table::parse;

    /// What the node `myself` says, out of lines `id role epoch slots`; the node a is on port 7001.
    fn view(myself: &str, lines: &[&str]) -> View {
        seed_view(myself, lines, place(myself), true)
    }

    fn place(id: &str) -> String {
        let number = id.bytes().next().expect("an id") - b'a' + 1;
        format!("h:70{number:02}")
    }

    fn seed_view(myself: &str, lines: &[&str], asked: String, is_expected: bool) -> View {
        let mut text = String::new();
        for line in lines {
            let mut words = line.splitn(4, ' ');
            let mut word = || words.next().unwrap_or_default();
            let (id, role, epoch, slots) = (word(), word(), word(), word());
            let own = if id == myself { "myself," } else { "" };
            let (flag, follows) = match role.strip_prefix("follows:") {
                Some(primary) => ("slave", primary),
                None => (role, "-"),
            };
            let at = place(id);
            text += &format!("{id} {at}@1 {own}{flag} {follows} 0 0 {epoch} connected {slots}\n");
        }
        let entries = parse(text.as_bytes()).expect("readable");
        let expected = is_expected.then_some(myself);
        View::new(entries, &asked, expected, &Naming::default()).expect("the node itself")
    }

    /// Each owner with its slots, `*` where it has not answered; then what is moving and uncovered.
    fn shown(merged: &Merged) -> String {
        let owner = |owner: &super::Owner| {
            let silent = if owner.has_answered { "" } else { "*" };
            format!("{}{silent}@{}={}", owner.id, owner.epoch, owner.slots)
        };
        let owners: Vec<String> = merged.owners.iter().map(owner).collect();
        format!(
            "{} moving {} uncovered {}",
            owners.join(" "),
            merged.moving,
            merged.uncovered
        )
    }

    #[test]
    fn the_word_of_each_is_put_together() {
        let lines = [
            "a master 1 0-8191",
            "b master 2 8192-16383",
            "c follows:a 1",
        ];
        let views = [view("a", &lines), view("b", &lines)];
        let merged = merge(&views);
        assert_eq!(
            shown(&merged),
            "a@1=0-8191 b@2=8192-16383 moving  uncovered "
        );
        assert_eq!(merged.owners[1].place.as_deref(), Some("h:7002"));
        let named = known(&views);
        let ids: Vec<&str> = named.iter().map(|known| known.id.as_str()).collect();
        assert_eq!(ids, ["a", "b", "c"]);
    }

    #[test]
    fn an_old_primary_that_woke_up_owns_nothing_any_more() {
        // a slept while its replica c took over.
        let old = [
            "a master 1 0-8191",
            "b master 2 8192-16383",
            "c follows:a 1",
        ];
        let new = [
            "a master,fail 1",
            "b master 2 8192-16383",
            "c master 3 0-8191",
        ];
        for views in [
            vec![view("a", &old), view("b", &new), view("c", &new)],
            vec![view("c", &new), view("b", &new), view("a", &old)],
        ] {
            let merged = merge(&views);
            assert_eq!(
                shown(&merged),
                "c@3=0-8191 b@2=8192-16383 moving  uncovered "
            );
        }
    }

    #[test]
    fn others_tables_don_t_outdo_the_owners_own_word() {
        // Slot 5 went from a to b (epoch 7); a took another slot over later (epoch 9), and c has not heard of 5.
        let views = [
            view(
                "a",
                &[
                    "a master 9 0-4 6-8191",
                    "b master 7 5 8192-9999",
                    "c master 3 10000-16383",
                ],
            ),
            view(
                "b",
                &[
                    "a master 9 0-4 6-8191",
                    "b master 7 5 8192-9999",
                    "c master 3 10000-16383",
                ],
            ),
            view(
                "c",
                &[
                    "a master 9 0-8191",
                    "b master 7 8192-9999",
                    "c master 3 10000-16383",
                ],
            ),
        ];
        let expected = "a@9=0-4 6-8191 b@7=5 8192-9999 c@3=10000-16383 moving  uncovered ";
        assert_eq!(shown(&merge(&views)), expected);
    }

    #[test]
    fn for_a_silent_one_the_others_speak() {
        let lines = [
            "a master 1 0-8191",
            "b master,fail 2 8192-16383",
            "d master,fail,noaddr 1",
        ];
        let views = [view("a", &lines)];
        assert_eq!(
            shown(&merge(&views)),
            "a@1=0-8191 b*@2=8192-16383 moving  uncovered "
        );
        assert!(has_answered(&views, "a") && !has_answered(&views, "b"));
    }

    #[test]
    fn a_slot_on_its_way_is_said_to_be() {
        let views = [
            view("a", &["a master 1 0-8191 [5->-b]", "b master 2 8192-16383"]),
            view(
                "b",
                &["a master 1 0-8191", "b master 2 8192-16383 [5-<-a] [9-<-a]"],
            ),
        ];
        let merged = merge(&views);
        assert_eq!(
            shown(&merged),
            "a@1=0-8191 b@2=8192-16383 moving 5 9 uncovered "
        );
        assert_eq!(merged.owners[0].moving.to_string(), "5");
        // a has given 5 away, and b has not taken it yet.
        let views = [
            view("a", &["a master 1 0-4 6-8191", "b master 2 5 8192-16383"]),
            view("b", &["a master 1 0-8191", "b master 2 8192-16383 [5-<-a]"]),
        ];
        let merged = merge(&views);
        assert_eq!(
            shown(&merged),
            "a@1=0-4 6-8191 b@2=5 8192-16383 moving 5 uncovered "
        );
    }

    #[test]
    fn a_hole_is_a_hole_also_where_others_remember_an_owner() {
        let views = [
            view("a", &["a master 1 0-99 101-8191", "b master 2 8192-16383"]),
            view("b", &["a master 1 0-8191", "b master 2 8192-16383"]),
        ];
        let expected = "a@1=0-99 101-8191 b@2=8192-16383 moving  uncovered 100";
        assert_eq!(shown(&merge(&views)), expected);
    }

    #[test]
    fn behind_a_door_nobody_is_at_home() {
        // A name that leads to any of the nodes: what it says counts, and where it stands does not.
        let lines = ["a master 1 0-8191", "b master 2 8192-16383"];
        let views = [seed_view("a", &lines, "door:6379".to_owned(), false)];
        assert!(!has_answered(&views, "a"));
        let merged = merge(&views);
        assert_eq!(merged.owners[0].place.as_deref(), Some("h:7001"));
        assert_eq!(
            shown(&merged),
            "a*@1=0-8191 b*@2=8192-16383 moving  uncovered "
        );
    }

    #[test]
    fn a_node_that_knows_no_address_of_its_own_is_where_it_was_asked() {
        let text = b"a :7001@17001 myself,master - 0 0 0 connected 0-16383";
        let entries = parse(text).expect("readable");
        let view = View::new(entries.clone(), "h:9", None, &Naming::default()).expect("itself");
        let views = [view];
        assert!(has_answered(&views, "a"));
        assert_eq!(merge(&views).owners[0].place.as_deref(), Some("h:9"));
        assert!(View::new(entries, "h:9", Some("b"), &Naming::default()).is_none());
    }
}
