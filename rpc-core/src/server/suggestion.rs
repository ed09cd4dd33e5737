//! What a client may mean by a method that this server does not have.

use crate::error::nearest;
use crate::frame::{Bind, BindMethod, Suggestion};
use crate::service::{Descriptor, Method};
use std::collections::BTreeSet;

/// Names that are compared letter by letter in one binding, so that a table of unknown names costs little.
const COMPARISONS_MAX: usize = 4096;

/// Longer names are not compared letter by letter.
const NAME_MAX: usize = 64;

/// The methods of a service that the client's table does not name: each may be one of the client's under a new name.
pub(super) struct Suggestions<'a> {
    service: &'a Descriptor,
    fingerprints: &'a [u64],
    bind: &'a Bind,
    /// Looked for when they are needed first.
    unnamed: Option<Vec<(&'a Method, u64)>>,
    left: usize,
}

impl<'a> Suggestions<'a> {
    pub(super) fn new(service: &'a Descriptor, fingerprints: &'a [u64], bind: &'a Bind) -> Self {
        Self { service, fingerprints, bind, unnamed: None, left: COMPARISONS_MAX }
    }

    /// A method that takes and gives the same, else one whose name is nearly the same. None for a method that is newer
    /// than this server: it is missing for another reason.
    pub(super) fn for_missing(&mut self, wanted: &BindMethod) -> Option<Suggestion> {
        if wanted.since.is_some_and(|since| since > self.service.version) {
            return None;
        }
        let (service, prints, bind) = (self.service, self.fingerprints, self.bind);
        let unnamed = self.unnamed.get_or_insert_with(|| {
            let named: BTreeSet<&str> = bind.methods.iter().map(|method| method.name.as_str()).collect();
            let ours = service.methods.iter().zip(prints.iter().copied());
            ours.filter(|(method, _)| !named.contains(method.name)).collect()
        });
        let left = &mut self.left;
        let mut nearest = |alike: bool| {
            let candidates = unnamed.iter().filter(|(_, print)| !alike || *print == wanted.fingerprint);
            let distance = |(method, _): &(&Method, u64)| {
                *left = left.checked_sub(1)?;
                Some((distance(&wanted.name, method.name)?, method.name, method.arguments.is_empty()))
            };
            candidates.filter_map(distance).min()
        };
        // That two methods take nothing says little about them.
        if let Some((_, name, false)) = nearest(true) {
            return Some(Suggestion { name: name.to_owned(), same_types: true });
        }
        let (distance, name, _) = nearest(false)?;
        let near = distance <= (wanted.name.len() / 3).max(1);
        near.then(|| Suggestion { name: name.to_owned(), same_types: false })
    }
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
}
