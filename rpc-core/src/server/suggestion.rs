//! What a client may mean by a method that this server does not have.

use crate::error::nearest;
use crate::frame::{Bind, BindMethod, Suggestion};
use crate::service::{Descriptor, Method};
use std::collections::BTreeSet;

/// Names that are compared letter by letter in one binding, so that a table of unknown names costs little.
const COMPARISONS_MAX: usize = 4096;

/// Longer names are not compared letter by letter.
const NAME_MAX: usize = 64;

/// Shorter names are in many others.
const WORD_MIN: usize = 3;

/// The methods of a service that the client's table does not name: each may be one of the client's under a new name.
pub(super) struct Suggestions<'a> {
    service: &'a Descriptor,
    fingerprints: &'a [u64],
    bind: &'a Bind,
    /// Looked for when they are needed first.
    unnamed: Option<Unnamed<'a>>,
    left: usize,
}

struct Unnamed<'a> {
    ours: Vec<(&'a Method, u64)>,
    /// The client lacks one of this server's methods, and the server one of the client's: likely it is the same one.
    only: bool,
}

impl<'a> Suggestions<'a> {
    pub(super) fn new(service: &'a Descriptor, fingerprints: &'a [u64], bind: &'a Bind) -> Self {
        Self { service, fingerprints, bind, unnamed: None, left: COMPARISONS_MAX }
    }

    /// A method that takes and gives the same, else one whose name is alike, else the only one that it can be. None for a
    /// method that is newer than this server: it is missing for another reason.
    pub(super) fn for_missing(&mut self, wanted: &BindMethod) -> Option<Suggestion> {
        let (service, prints, bind) = (self.service, self.fingerprints, self.bind);
        let newer = |method: &BindMethod| method.since.is_some_and(|since| since > service.version);
        if newer(wanted) {
            return None;
        }
        let unnamed = self.unnamed.get_or_insert_with(|| {
            let named: BTreeSet<&str> = bind.methods.iter().map(|method| method.name.as_str()).collect();
            let here: BTreeSet<&str> = service.methods.iter().map(|method| method.name).collect();
            let missing =
                bind.methods.iter().filter(|method| !here.contains(method.name.as_str()) && !newer(method));
            let ours = service.methods.iter().zip(prints.iter().copied());
            let ours: Vec<_> = ours.filter(|(method, _)| !named.contains(method.name)).collect();
            Unnamed { only: ours.len() == 1 && missing.count() == 1, ours }
        });
        let left = &mut self.left;
        let mut nearest = |alike: bool| {
            let candidates = unnamed.ours.iter().filter(|(_, print)| !alike || *print == wanted.fingerprint);
            let likeness = |(method, _): &(&Method, u64)| {
                *left = left.checked_sub(1)?;
                Some((likeness(&wanted.name, method.name)?, method.name, method.arguments.is_empty()))
            };
            candidates.filter_map(likeness).min()
        };
        // That two methods take nothing says little about them.
        if let Some((_, name, false)) = nearest(true) {
            return Some(Suggestion { name: name.to_owned(), same_types: true });
        }
        let (likeness, name, _) = nearest(false)?;
        let near = likeness < Likeness::Apart(0) || unnamed.only;
        near.then(|| Suggestion { name: name.to_owned(), same_types: false })
    }
}

/// How much two names are alike, the most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    /// So many letters differ, which is no more than a third.
    Letters(usize),
    /// One has all words of the other, or begins with it.
    Words(usize),
    /// So many letters differ.
    Apart(usize),
}

/// `None` for long names. Upper and lower case are alike.
fn likeness(wanted: &str, name: &str) -> Option<Likeness> {
    let distance = distance(wanted, name)?;
    if distance <= (wanted.len() / 3).max(1) {
        return Some(Likeness::Letters(distance));
    }
    let (wanted, name) = (wanted.to_lowercase(), name.to_lowercase());
    let (short, long) = if wanted.len() < name.len() { (&wanted, &name) } else { (&name, &wanted) };
    let words: BTreeSet<&str> = long.split('_').collect();
    let alike = long.starts_with(short) || short.split('_').all(|word| words.contains(word));
    let said = short.len() >= WORD_MIN;
    Some(if alike && said { Likeness::Words(distance) } else { Likeness::Apart(distance) })
}

/// How many letters differ. `None` for long names.
fn distance(a: &str, b: &str) -> Option<usize> {
    (a.len().max(b.len()) <= NAME_MAX).then(|| nearest::distance(a, b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_not_compared() {
        let most = "x".repeat(NAME_MAX);
        assert_eq!(distance(&most, "x"), Some(NAME_MAX - 1));
        assert_eq!(distance(&format!("{most}x"), "x"), None);
        assert_eq!(distance("x", &format!("{most}x")), None);
    }

    #[test]
    fn names_are_alike_in_letters_in_words_or_not() {
        for (one, other, alike) in [
            ("give_bakc", "give_back", Likeness::Letters(2)),
            ("Sell", "sell", Likeness::Letters(0)),
            ("opening_hours", "hours", Likeness::Words(8)),
            ("free_seats", "seats_free", Likeness::Words(9)),
            ("sell", "sell_ticket", Likeness::Words(7)),
            ("sell", "SellTicket", Likeness::Words(6)),
            ("get", "get_price", Likeness::Words(6)),
            ("a", "b_a_c", Likeness::Apart(4)),
            ("get_seat", "get_price", Likeness::Apart(5)),
            ("open", "close", Likeness::Apart(4)),
        ] {
            assert_eq!(likeness(one, other), Some(alike), "{one} {other}");
        }
    }
}
