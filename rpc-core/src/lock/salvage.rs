//! A person's comments out of a text that cannot be read as a whole.

use super::Lock;
use super::tokens::{Kind, is_conflict, tokens, written};
use super::write::homes;
use std::collections::BTreeSet;

impl Lock {
    /// Takes over the comments of a damaged file that is to be written anew, line by line: those above a line that says
    /// what it is of, and of which there still is something, stay above that. All others come to the end. None is lost;
    /// one that is there twice, as after a merge, is taken once.
    #[must_use]
    pub fn with_comments_of_damaged(mut self, text: &str) -> Self {
        let homes = homes(&self);
        let mut within = None;
        let mut pending = Vec::new();
        for line in text.lines() {
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with("##") || is_conflict(line) {
                continue;
            }
            if trimmed.starts_with('#') {
                pending.push(trimmed.to_owned());
                continue;
            }
            let home = home(trimmed, &mut within, &homes);
            self.put(home, &mut pending);
        }
        self.put(None, &mut pending);
        self
    }

    fn put(&mut self, home: Option<String>, pending: &mut Vec<String>) {
        let kept = self.comments.entry(home.unwrap_or_else(|| "end".to_owned())).or_default();
        for line in pending.drain(..) {
            if !kept.contains(&line) {
                kept.push(line);
            }
        }
    }
}

/// What a line is of. `within` is the type that is open before it, and then after it.
fn home(line: &str, within: &mut Option<String>, homes: &BTreeSet<String>) -> Option<String> {
    let kinds: Vec<Kind> = tokens(line).ok()?.into_iter().map(|token| token.kind).collect();
    let name = |kind: &Kind| match kind {
        Kind::Word(name) | Kind::Text(name) => Some(written(name)),
        Kind::Sign(_) | Kind::End => None,
    };
    // Members first: a field may be called `type`.
    let member = within.as_ref().zip(kinds.first().and_then(name));
    let member = member.map(|(within, name)| format!("{within}.{name}"));
    if member.as_ref().is_some_and(|member| homes.contains(member)) {
        return member;
    }
    let found = match &kinds[..] {
        [Kind::Sign('}'), ..] => {
            *within = None;
            None
        }
        [Kind::Word(word), ..] if word == "service" => Some(word.clone()),
        [Kind::Word(word), of, ..] if word == "fn" => name(of).map(|name| format!("fn {name}")),
        [Kind::Word(word), of, rest @ ..] if ["struct", "enum", "type"].contains(&word.as_str()) => {
            *within = name(of).map(|name| match rest {
                [Kind::Sign('#'), Kind::Word(number), ..] => format!("{name}#{number}"),
                _ => name,
            });
            within.clone()
        }
        _ => None,
    };
    found.filter(|found| homes.contains(found))
}
