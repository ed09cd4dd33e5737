//! What has changed since a lock file was written, and whom that breaks.

use super::{Lock, Method};
use crate::schema::{Appended, Node, NodeId, Side, Signature};
use std::collections::BTreeSet;
use std::fmt;

/// Whom a change breaks. "Old" is what was built when the lock file was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Old clients at new servers, and new clients at old servers.
    BreaksBoth,
    /// Old clients at new servers.
    BreaksOldClients,
    /// New clients at old servers.
    BreaksNewClients,
    /// Nobody, since those of another major version never meet.
    OfNewMajor,
    /// Nobody, until a value that is new is sent to a program that does not know it: that call fails alone.
    HarmlessUntilSent,
    /// Nobody.
    Harmless,
}

/// Why a lock file may not be this trait's at all, so that writing it anew could destroy another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    /// It names another service: that of a second trait, or this one under its former name.
    Service,
    /// It is of another major version: that of a second trait, or this one before it changed.
    Major,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whom it breaks.
    pub effect: Effect,
    /// What has changed, in words.
    pub what: String,
    /// What to do about it.
    pub advice: Option<String>,
}

/// All that has changed between a lock file and the trait. `Display` writes it for a person, the worst first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// The version in the lock file.
    locked: (u16, u16),
    /// The version that the trait has now.
    now: (u16, u16),
    other: Option<Other>,
    /// Something was added that clients may ask for.
    news: bool,
    all: Vec<Change>,
}

impl Lock {
    /// What has changed from `self`, the lock file, to `now`, the trait. The order of methods, and comments, are no change.
    pub fn changes(&self, now: &Lock) -> Changes {
        let major = (self.version.0 != now.version.0).then_some(Other::Major);
        let mut changes = Changes {
            locked: self.version,
            now: now.version,
            other: if self.service == now.service { major } else { Some(Other::Service) },
            news: false,
            all: Vec::new(),
        };
        changes.service(self, now);
        changes.gone(self, now);
        let mut appended = Vec::new();
        for method in &now.methods {
            match self.method(&method.name) {
                Some(locked) => appended.extend(changes.method((self, locked), (now, method))),
                None => changes.added(self, now, method),
            }
        }
        changes.variants(appended);
        changes.minor();
        if self.version.0 != now.version.0 {
            for change in changes.all.iter_mut().skip_while(|change| change.effect == Effect::BreaksBoth) {
                change.effect = Effect::OfNewMajor;
            }
        }
        changes
    }

    fn method(&self, name: &str) -> Option<&Method> {
        self.methods.iter().find(|method| method.name == name)
    }
}

impl Changes {
    /// Whether the trait is what the lock file says.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether the lock file may be that of another trait.
    pub fn other(&self) -> Option<Other> {
        self.other
    }

    /// The changes, those of the service first, then the methods that are gone, then in the order of the trait.
    pub fn iter(&self) -> impl Iterator<Item = &Change> {
        self.all.iter()
    }

    fn add(&mut self, effect: Effect, what: impl Into<String>) {
        self.all.push(Change { effect, what: what.into(), advice: None });
    }

    fn advise(&mut self, effect: Effect, what: impl Into<String>, advice: impl Into<String>) {
        self.all.push(Change { effect, what: what.into(), advice: Some(advice.into()) });
    }

    /// The minor version that whatever is new belongs to.
    fn next(&self) -> String {
        let (major, minor) = self.now.max((self.locked.0, self.locked.1.saturating_add(1)));
        format!("{major}.{minor}")
    }

    fn service(&mut self, locked: &Lock, now: &Lock) {
        if locked.service != now.service {
            self.advise(
                Effect::BreaksBoth,
                format!(
                    "the service {} is now called {}: servers are asked for it by its name",
                    locked.service, now.service
                ),
                format!("keep the name on the wire: #[service(name = {:?})]", locked.service),
            );
        }
        let (old, new) = (version(self.locked), version(self.now));
        if self.now.0 != self.locked.0 {
            self.advise(
                Effect::BreaksBoth,
                format!("version {old} is now {new}, another major: clients of one do not bind to servers of the other"),
                format!("let servers offer {old} beside {new} for as long as there are clients of it"),
            );
        } else if self.now < self.locked {
            self.advise(
                Effect::BreaksOldClients,
                format!("version {old} went back to {new}: clients do not call what came after it"),
                format!("write #[service(version = \"{old}\")] or a later one"),
            );
        } else if self.now > self.locked {
            self.add(Effect::Harmless, format!("version {old} is now {new}"));
        }
    }

    /// Methods that are in the lock file only.
    fn gone(&mut self, locked: &Lock, now: &Lock) {
        for method in locked.methods.iter().filter(|method| now.method(&method.name).is_none()) {
            let name = &method.name;
            let next = self.next();
            match renamed(locked, method, now) {
                Some(new) => self.advise(
                    Effect::BreaksOldClients,
                    format!("{name} is gone, or was renamed to {new}, which has its signature: old clients ask for {name}"),
                    format!("keep {name} (it may be #[deprecated]) and add {new} beside it, with #[rpc(since = \"{next}\")]"),
                ),
                None => self.advise(
                    Effect::BreaksOldClients,
                    format!("{name} was removed: old clients that call it learn that it is not there"),
                    format!("keep {name} (it may be #[deprecated]) until no client calls it"),
                ),
            }
        }
    }

    /// A method that is in the trait only.
    fn added(&mut self, locked: &Lock, now: &Lock, method: &Method) {
        let name = &method.name;
        let (next, old) = (self.next(), version(locked.version));
        self.news = true;
        match method.since {
            Some(since) if since > locked.version => {
                self.add(Effect::Harmless, format!("{name} was added, since {}", version(since)));
            }
            Some(since) => self.advise(
                Effect::BreaksNewClients,
                format!("{name} was added, since {}, but servers of {old} do not have it", version(since)),
                format!("write #[rpc(since = \"{next}\")]{}", raise(now.version, &next)),
            ),
            None => self.advise(
                Effect::BreaksNewClients,
                format!("{name} was added without `since`: clients take servers of {old} to have it"),
                format!("write #[rpc(since = \"{next}\")]{}", raise(now.version, &next)),
            ),
        }
    }

    /// A method that is in both. The variants that were appended to its enums are left to the caller.
    fn method(&mut self, (locked, old): (&Lock, &Method), (now, new): (&Lock, &Method)) -> Vec<Appended> {
        let name = &new.name;
        let (before, after) = (locked.signature(old), now.signature(new));
        let found = after.compare(&before, name);
        if found.differences.is_empty() {
            for (old, new) in renamed_types(&before, &after) {
                let what =
                    format!("the type {old} is now called {new}: names of types do not cross the wire");
                if !self.all.iter().any(|change| change.what == what) {
                    self.add(Effect::Harmless, what);
                }
            }
        }
        for difference in found.differences {
            self.advise(
                Effect::BreaksBoth,
                format!(
                    "{}: {} in the lock file, {} in the trait",
                    difference.path, difference.there, difference.here
                ),
                format!(
                    "leave it as it was and add a method with #[rpc(since = \"{}\")], or begin version {}.0",
                    self.next(),
                    self.locked.0.saturating_add(1)
                ),
            );
        }
        if old.idempotent && !new.idempotent {
            self.advise(
                Effect::BreaksOldClients,
                format!("{name} is not idempotent any more: old clients would run it again, so they may not call it at all"),
                format!("leave {name} idempotent, or add a method beside it"),
            );
        }
        if new.idempotent && !old.idempotent {
            self.advise(
                Effect::BreaksNewClients,
                format!(
                    "{name} is idempotent now: new clients may not call it where a second run is not safe yet"
                ),
                "update all servers before the first client",
            );
        }
        self.since(name, old.since, new.since);
        found.appended
    }

    fn since(&mut self, name: &str, old: Option<(u16, u16)>, new: Option<(u16, u16)>) {
        if old == new {
            return;
        }
        let words =
            |since: Option<_>| since.map_or("from the start".to_owned(), |v| format!("since {}", version(v)));
        let what = format!("{name} was there {}, and now says {}", words(old), words(new));
        if new > Some(self.locked) {
            self.advise(
                Effect::BreaksNewClients,
                format!(
                    "{what}: new clients do not call it at servers of {}, which have it",
                    version(self.locked)
                ),
                format!("{name} keeps what it said"),
            );
        } else {
            self.add(Effect::Harmless, what);
        }
    }

    /// Enums of which one side has more variants, each with all the places where it is used.
    fn variants(&mut self, mut found: Vec<Appended>) {
        while let Some(first) = found.first().cloned() {
            let same = |other: &Appended| {
                (&other.name, &other.variants, other.side) == (&first.name, &first.variants, first.side)
            };
            let places: Vec<_> = found.extract_if(.., |other| same(other)).map(|other| other.path).collect();
            let (name, variants, places) = (&first.name, first.variants.join(", "), places.join("; "));
            if first.side == Side::There {
                self.advise(
                    Effect::BreaksBoth,
                    format!("{variants} was removed from enum {name}: calls that carry it fail ({places})"),
                    "keep it until no program sends it",
                );
                continue;
            }
            self.news = true;
            let sent =
                places.contains(": argument").then_some("let no client send it before all servers know it");
            let returned = places.contains(": result") || places.contains(": error");
            let returned = returned.then_some("let no server return it before all clients know it");
            self.advise(
                Effect::HarmlessUntilSent,
                format!("{variants} was appended to enum {name}: calls that carry it fail where it is not known, all others work ({places})"),
                [sent, returned].into_iter().flatten().collect::<Vec<_>>().join("; "),
            );
        }
    }

    /// What is new must have a version of its own, so that clients can tell which servers have it.
    fn minor(&mut self) {
        if self.now == self.locked && self.news {
            let next = self.next();
            self.advise(
                Effect::BreaksNewClients,
                format!(
                    "the version is still {}: clients cannot tell which servers have what is new",
                    version(self.now)
                ),
                format!("write #[service(version = \"{next}\")]"),
            );
        }
    }
}

fn version((major, minor): (u16, u16)) -> String {
    format!("{major}.{minor}")
}

fn raise(now: (u16, u16), next: &str) -> String {
    if version(now) == next { String::new() } else { format!(" and #[service(version = \"{next}\")]") }
}

/// The one method that is new and has the signature of one that is gone.
fn renamed<'a>(locked: &Lock, gone: &Method, now: &'a Lock) -> Option<&'a str> {
    let signature = locked.signature(gone);
    let alike = |method: &&Method| {
        locked.method(&method.name).is_none() && now.signature(method).difference(&signature, "").is_none()
    };
    let mut found = now.methods.iter().filter(alike);
    match (found.next(), found.next()) {
        (Some(only), None) => Some(&only.name),
        _ => None,
    }
}

/// The old and the new names of types in two signatures that are alike otherwise.
fn renamed_types<'a>(before: &'a Signature, after: &'a Signature) -> Vec<(&'a str, &'a str)> {
    let mut found = Vec::new();
    let mut met = BTreeSet::new();
    let roots = |signature: &Signature| -> Vec<NodeId> {
        signature.arguments().map(|(_, id)| id).chain([signature.returns()]).collect()
    };
    let mut next: Vec<_> = roots(before).into_iter().zip(roots(after)).collect();
    while let Some((x, y)) = next.pop() {
        if !met.insert((x, y)) {
            continue;
        }
        let (Some(a), Some(b)) = (before.node(x), after.node(y)) else { continue };
        if let (Some(old), Some(new)) = (name(a), name(b))
            && old != new
        {
            found.push((old, new));
        }
        next.extend(a.references().into_iter().zip(b.references()));
    }
    found
}

fn name(node: &Node) -> Option<&str> {
    match node {
        Node::Struct { name, .. } | Node::Enum { name, .. } => Some(name),
        _ => None,
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let old = version(self.locked);
        for (effect, title) in [
            (
                Effect::BreaksBoth,
                format!(
                    "breaks clients built against {old} at new servers, and new clients at servers of {old}"
                ),
            ),
            (Effect::BreaksOldClients, format!("breaks clients built against {old} at new servers")),
            (Effect::BreaksNewClients, format!("breaks new clients at servers of {old}")),
            (Effect::OfNewMajor, format!("harmless, since it comes with version {}", version(self.now))),
            (Effect::HarmlessUntilSent, "harmless until a value that is new is sent".to_owned()),
            (Effect::Harmless, "harmless".to_owned()),
        ] {
            let mut changes = self.all.iter().filter(|change| change.effect == effect).peekable();
            if changes.peek().is_some() {
                writeln!(f, "{title}:")?;
            }
            for change in changes {
                writeln!(f, "  - {}", change.what)?;
                if let Some(advice) = &change.advice
                    && effect != Effect::OfNewMajor
                {
                    writeln!(f, "    -> {advice}")?;
                }
            }
        }
        Ok(())
    }
}
