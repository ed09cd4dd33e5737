//! From a [`Lock`] to the text of a lock file.

use super::tokens::{quoted, written};
use super::{Lock, Method};
use crate::schema::{Content, LEAVES, Node, NodeId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

const HEADER: &str = "\
## What clients and servers of this service agree on. Commit this file: `cargo test` compares the trait with it and says
## which clients and servers a change would break. If the change is meant, `CARNEGIE_UPDATE=1 cargo test` writes it anew.
## Documentation, timeouts and the order of methods make no difference. Comments with one # are kept.";

/// Words that have a meaning where a type stands, besides those of `LEAVES`.
const RESERVED: [&str; 6] = ["Option", "Vec", "Map", "Result", "opaque", "leaf"];

/// The deepest type that is written in one piece. Below it, a part gets a name of its own.
const NESTING_MAX: usize = 32;

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = Labels::of(self);
        let writer = Writer { lock: self, labels: &labels };
        writeln!(f, "{HEADER}\n")?;
        writer.comments(f, "service", "")?;
        writeln!(f, "service {} {}.{}\n", written(&self.service), self.version.0, self.version.1)?;
        for method in &self.methods {
            writer.comments(f, &format!("fn {}", written(&method.name)), "")?;
            writer.method(f, method)?;
        }
        for (label, id) in labels.in_order() {
            writeln!(f)?;
            writer.comments(f, label, "")?;
            writer.declaration(f, label, id)?;
        }
        writer.comments(f, "end", "")
    }
}

/// What comments may stand above, as [`Lock`] names it.
pub(super) fn homes(lock: &Lock) -> BTreeSet<String> {
    let mut homes = BTreeSet::from(["service".to_owned()]);
    homes.extend(lock.methods.iter().map(|method| format!("fn {}", written(&method.name))));
    for (label, id) in Labels::of(lock).in_order() {
        homes.insert(label.to_owned());
        let member = |name: &String| format!("{label}.{}", written(name));
        match lock.node(id) {
            Some(Node::Struct { fields, .. }) => homes.extend(fields.iter().map(|(name, _)| member(name))),
            Some(Node::Enum { variants, .. }) => homes.extend(variants.iter().map(|(name, _)| member(name))),
            _ => {}
        }
    }
    homes
}

/// The nodes that are declared by themselves, each with its name: structures, enums, and unnamed types that hold
/// themselves or go too deep.
struct Labels(BTreeMap<NodeId, String>);

impl Labels {
    fn of(lock: &Lock) -> Self {
        let order = reachable(lock);
        let mut labels = Labels(BTreeMap::new());
        let mut counts = BTreeMap::new();
        for id in &order {
            if let Some(Node::Struct { name, .. } | Node::Enum { name, .. }) = lock.node(*id) {
                labels.add(*id, name, &mut counts);
            }
        }
        let (mut heights, mut deep) = (BTreeMap::new(), BTreeSet::new());
        for id in &order {
            labels.deep(lock, *id, &mut heights, &mut deep);
        }
        for id in order.iter().filter(|id| deep.contains(id)) {
            labels.add(*id, "Nested", &mut counts);
        }
        labels
    }

    /// `Name`, then `Name#2`. A name that means something else is numbered from the first on.
    fn add(&mut self, id: NodeId, name: &str, counts: &mut BTreeMap<String, usize>) {
        let count = counts.entry(name.to_owned()).or_insert(0);
        *count += 1;
        let plain = written(name);
        let taken = RESERVED.contains(&name) || LEAVES.contains(&name);
        self.0.insert(id, if *count == 1 && !taken { plain } else { format!("{plain}#{count}") });
    }

    /// Adds the unnamed types at and below `root` that need a name. A walk in depth, without recursion: `open` is what
    /// lies between the root and here, and what comes back to it would never end.
    fn deep(
        &self,
        lock: &Lock,
        root: NodeId,
        heights: &mut BTreeMap<NodeId, usize>,
        deep: &mut BTreeSet<NodeId>,
    ) {
        enum Visit {
            Enter(NodeId),
            Leave(NodeId),
        }
        let mut open = BTreeSet::new();
        let mut visits = vec![Visit::Enter(root)];
        while let Some(visit) = visits.pop() {
            match visit {
                Visit::Enter(id) if self.0.contains_key(&id) || heights.contains_key(&id) => {}
                Visit::Enter(id) if open.contains(&id) => {
                    deep.insert(id);
                }
                Visit::Enter(id) => {
                    open.insert(id);
                    visits.push(Visit::Leave(id));
                    visits.extend(parts(lock, id).into_iter().map(Visit::Enter));
                }
                Visit::Leave(id) => {
                    open.remove(&id);
                    let below = parts(lock, id).iter().filter_map(|part| heights.get(part)).max().copied();
                    let height = below.map_or(0, |below| below + 1);
                    if height >= NESTING_MAX {
                        deep.insert(id);
                    }
                    heights.insert(id, if deep.contains(&id) { 0 } else { height });
                }
            }
        }
    }

    fn in_order(&self) -> Vec<(&str, NodeId)> {
        let mut all: Vec<_> = self.0.iter().map(|(id, label)| (label.as_str(), *id)).collect();
        all.sort_unstable();
        all
    }
}

fn parts(lock: &Lock, id: NodeId) -> Vec<NodeId> {
    lock.node(id).map(Node::references).unwrap_or_default()
}

/// What the methods refer to, directly or not, in breadth. So it makes no difference whether an unnamed type is one node
/// or, as in a text that was read, several alike: the first of them comes before the others, and all that it refers to
/// before all that they do.
fn reachable(lock: &Lock) -> Vec<NodeId> {
    let mut order = Vec::new();
    let mut met = BTreeSet::new();
    let roots = lock.methods.iter().flat_map(|m| m.arguments.iter().map(|(_, id)| *id).chain([m.returns]));
    let mut next: VecDeque<_> = roots.collect();
    while let Some(id) = next.pop_front() {
        if met.insert(id) {
            order.push(id);
            next.extend(parts(lock, id));
        }
    }
    order
}

struct Writer<'a> {
    lock: &'a Lock,
    labels: &'a Labels,
}

impl Writer<'_> {
    fn comments(&self, f: &mut fmt::Formatter<'_>, of: &str, margin: &str) -> fmt::Result {
        let lines = self.lock.comments.get(of);
        lines.into_iter().flatten().try_for_each(|line| writeln!(f, "{margin}{line}"))
    }

    fn method(&self, f: &mut fmt::Formatter<'_>, method: &Method) -> fmt::Result {
        write!(f, "fn {}({})", written(&method.name), self.named(&method.arguments))?;
        match self.ty(method.returns).as_str() {
            "()" => {}
            returns => write!(f, " -> {returns}")?,
        }
        if method.idempotent {
            f.write_str(", idempotent")?;
        }
        if let Some((major, minor)) = method.since {
            write!(f, ", since {major}.{minor}")?;
        }
        writeln!(f)
    }

    fn declaration(&self, f: &mut fmt::Formatter<'_>, label: &str, id: NodeId) -> fmt::Result {
        match self.lock.node(id) {
            Some(Node::Struct { fields, .. }) => {
                let members = fields.iter().map(|(name, id)| (name, format!(": {}", self.ty(*id))));
                self.members(f, "struct", label, members.collect())
            }
            Some(Node::Enum { variants, .. }) => {
                let members = variants.iter().map(|(name, content)| (name, self.content(content)));
                self.members(f, "enum", label, members.collect())
            }
            _ => writeln!(f, "type {label} = {}", self.structure(id)),
        }
    }

    fn members(
        &self,
        f: &mut fmt::Formatter<'_>,
        kind: &str,
        label: &str,
        members: Vec<(&String, String)>,
    ) -> fmt::Result {
        if members.is_empty() {
            return writeln!(f, "{kind} {label} {{}}");
        }
        writeln!(f, "{kind} {label} {{")?;
        for (name, rest) in members {
            let name = written(name);
            self.comments(f, &format!("{label}.{name}"), "    ")?;
            writeln!(f, "    {name}{rest},")?;
        }
        writeln!(f, "}}")
    }

    fn content(&self, content: &Content) -> String {
        match content {
            Content::Unit => String::new(),
            Content::Tuple(parts) => format!("({})", self.unnamed(parts)),
            Content::Struct(fields) if fields.is_empty() => " {}".to_owned(),
            Content::Struct(fields) => format!(" {{ {} }}", self.named(fields)),
        }
    }

    fn named(&self, all: &[(String, NodeId)]) -> String {
        let one = |(name, id): &(String, NodeId)| format!("{}: {}", written(name), self.ty(*id));
        all.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    fn unnamed(&self, all: &[NodeId]) -> String {
        all.iter().map(|id| self.ty(*id)).collect::<Vec<_>>().join(", ")
    }

    /// A type where it is used.
    fn ty(&self, id: NodeId) -> String {
        self.labels.0.get(&id).cloned().unwrap_or_else(|| self.structure(id))
    }

    fn structure(&self, id: NodeId) -> String {
        match self.lock.node(id) {
            Some(Node::Leaf(name)) if LEAVES.contains(&name.as_str()) => name.clone(),
            Some(Node::Leaf(name)) => format!("leaf {}", quoted(name)),
            Some(Node::Opaque(name)) => format!("opaque {}", quoted(name)),
            Some(Node::Option(inner)) => format!("Option<{}>", self.ty(*inner)),
            Some(Node::Seq(inner)) => format!("Vec<{}>", self.ty(*inner)),
            Some(Node::Map(key, value)) => format!("Map<{}, {}>", self.ty(*key), self.ty(*value)),
            Some(Node::Result(value, error)) => {
                format!("Result<{}, {}>", self.ty(*value), self.ty(*error))
            }
            Some(Node::Tuple(parts)) => match &parts[..] {
                [only] => format!("({},)", self.ty(*only)),
                parts => format!("({})", self.unnamed(parts)),
            },
            Some(Node::Array(inner, length)) => format!("[{}; {length}]", self.ty(*inner)),
            // These have labels.
            Some(Node::Struct { name, .. } | Node::Enum { name, .. }) => written(name),
            None => "()".to_owned(),
        }
    }
}
