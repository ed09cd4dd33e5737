//! Where two signatures of one method differ.
//!
//! Both graphs are walked side by side, without recursion: the peer's may be as deep as it has nodes. A pair of nodes
//! that was met before is taken as equal, which is what makes the walk end. A path is kept as links to its parent and
//! written out only for a difference, since there may be as many paths as pairs.

use super::{Content, Node, NodeId, Signature};
use crate::error::{self, NAME_MAX};
use std::collections::BTreeSet;
use std::fmt;

/// Differences that are looked for in one method. Whoever reads so many has understood.
pub const DIFFERENCES_MAX: usize = 32;

/// Comparisons in one method. Honest signatures need about as many as they have parts.
pub(crate) const COMPARISONS_MAX: usize = 1 << 17;

/// Steps of a path that are written out; the middle of a longer one is left out.
const STEPS_MAX: usize = 32;

/// One place where two signatures differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where: `sell: argument 2 (ticket).seat`.
    pub path: String,
    /// What this side has there.
    pub here: String,
    /// What the other side has there.
    pub there: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} here, {} there", self.path, self.here, self.there)
    }
}

/// One of the two sides that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that was asked to compare itself.
    Here,
    /// The other.
    There,
}

/// An enum that one side has appended variants to: harmless but for values of just these variants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Where: `sell: argument 2 (ticket).section`.
    pub path: String,
    /// The name of the enum on the side that has the variants.
    pub name: String,
    /// The variants that only that side has, in order.
    pub variants: Vec<String>,
    /// Which side that is.
    pub side: Side,
}

impl fmt::Display for Appended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            Side::Here => "here",
            Side::There => "there",
        };
        write!(f, "{}: enum {} has {} only {side}", self.path, self.name, self.variants.join(", "))
    }
}

/// What comes of comparing two signatures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The places where the two do not describe the same bytes, in the order of reading, at most [`DIFFERENCES_MAX`].
    /// Fields, variants or parts that follow a missing one are not compared, and a type that is used in several places is
    /// looked into once.
    pub differences: Vec<Difference>,
    /// The enums whose variants agree but for some at the end, which one side lacks; at most [`DIFFERENCES_MAX`].
    pub appended: Vec<Appended>,
}

impl Comparison {
    /// Whether some enum has more variants on that side.
    pub fn has_appended(&self, side: Side) -> bool {
        self.appended.iter().any(|appended| appended.side == side)
    }
}

impl Signature {
    /// The first place where two signatures of the method do not describe the same bytes.
    pub fn difference(&self, there: &Signature, method: &str) -> Option<Difference> {
        let mut left = COMPARISONS_MAX;
        Walk::new(self, there, method, 1).run(&mut left).differences.pop()
    }

    /// The places where two signatures of the method do not describe the same bytes: [`Comparison::differences`].
    pub fn differences(&self, there: &Signature, method: &str) -> Vec<Difference> {
        self.compare(there, method).differences
    }

    /// What two signatures of the method do not have in common.
    pub fn compare(&self, there: &Signature, method: &str) -> Comparison {
        let mut left = COMPARISONS_MAX;
        self.compare_within(there, method, &mut left)
    }

    /// As [`Signature::compare`], with at most `left` comparisons of types, of which those that were made are taken away.
    pub(crate) fn compare_within(&self, there: &Signature, method: &str, left: &mut usize) -> Comparison {
        Walk::new(self, there, method, DIFFERENCES_MAX).run(left)
    }
}

/// One step of a path.
#[derive(Clone, Copy)]
pub(super) enum Step<'a> {
    Argument(usize, &'a str),
    Result,
    /// The error that a method's result may be.
    Error,
    Part(usize),
    Named(&'a str),
    Element,
    Some,
    Key,
    Value,
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Argument(number, name) => write!(f, ": argument {number} ({})", shown(name)),
            Step::Result => f.write_str(": result"),
            Step::Error => f.write_str(": error"),
            Step::Part(index) => write!(f, ".{index}"),
            Step::Named(name) => write!(f, ".{}", shown(name)),
            Step::Element => f.write_str("[]"),
            Step::Some => f.write_str("?"),
            Step::Key => f.write_str("[key]"),
            Step::Value => f.write_str("[value]"),
        }
    }
}

/// A path in words, which begins with a colon.
pub(super) fn written(steps: &[Step<'_>]) -> String {
    let text = |steps: &[Step<'_>]| steps.iter().map(Step::to_string).collect::<String>();
    match steps.split_at_checked(STEPS_MAX / 2) {
        Some((front, rest)) if steps.len() > STEPS_MAX => {
            let back = rest.split_at(rest.len() - STEPS_MAX / 2).1;
            format!("{}..{}", text(front), text(back))
        }
        _ => text(steps),
    }
}

/// A step in the walk's list, after which comes its own place. `ROOT` is the method itself.
type Path = usize;
const ROOT: Path = usize::MAX;

/// What is still to be done, the next thing last.
enum Task {
    Compare(Path, NodeId, NodeId),
    Report(Difference),
}

struct Walk<'a> {
    here: &'a Signature,
    there: &'a Signature,
    method: &'a str,
    most: usize,
    met: BTreeSet<(NodeId, NodeId)>,
    steps: Vec<(Path, Step<'a>)>,
    tasks: Vec<Task>,
    /// Tasks of the node that is being compared, in the order of reading.
    fresh: Vec<Task>,
    found: Comparison,
}

impl<'a> Walk<'a> {
    fn new(here: &'a Signature, there: &'a Signature, method: &'a str, most: usize) -> Self {
        let (met, steps, tasks, fresh) = (BTreeSet::new(), Vec::new(), Vec::new(), Vec::new());
        Walk { here, there, method, most, met, steps, tasks, fresh, found: Comparison::default() }
    }

    fn run(mut self, left: &mut usize) -> Comparison {
        self.signatures();
        loop {
            self.tasks.extend(self.fresh.drain(..).rev());
            match self.tasks.pop() {
                Some(Task::Report(difference)) => self.found.differences.push(difference),
                Some(Task::Compare(path, a, b)) if *left > 0 => {
                    *left -= 1;
                    self.pair(path, a, b);
                }
                Some(Task::Compare(path, a, _)) => {
                    self.tasks.clear();
                    self.differ(path, "", title(self.here, a), "a type too large to compare".into());
                }
                None => return self.found,
            }
            if self.found.differences.len() >= self.most {
                return self.found;
            }
        }
    }

    fn signatures(&mut self) {
        let (a, b) = (&self.here.arguments, &self.there.arguments);
        if a.len() != b.len() {
            self.differ(ROOT, "", counted(a.len(), "argument"), counted(b.len(), "argument"));
        } else {
            for (index, ((name, x), (other, y))) in a.iter().zip(b).enumerate() {
                if name == other {
                    self.compare(ROOT, Step::Argument(index + 1, name), *x, *y);
                } else {
                    let place = format!(": argument {}", index + 1);
                    self.differ(ROOT, &place, quoted(name), quoted(other));
                }
            }
        }
        let (x, y) = (self.here.returns, self.there.returns);
        match (self.here.node(x), self.there.node(y)) {
            (Some(Node::Result(a, e)), Some(Node::Result(b, f))) => {
                self.compare(ROOT, Step::Result, *a, *b);
                self.compare(ROOT, Step::Error, *e, *f);
            }
            _ => self.compare(ROOT, Step::Result, x, y),
        }
    }

    fn pair(&mut self, path: Path, x: NodeId, y: NodeId) {
        let (here, there) = (self.here, self.there);
        let (Some(a), Some(b)) = (here.node(x), there.node(y)) else {
            return self.differ(path, "", title(here, x), title(there, y));
        };
        match (a, b) {
            (Node::Leaf(a), Node::Leaf(b)) | (Node::Opaque(a), Node::Opaque(b)) if a == b => {}
            (Node::Array(_, n), Node::Array(_, m)) if n != m => {
                self.differ(path, "", format!("{n} elements"), format!("{m} elements"));
            }
            (Node::Opaque(a), Node::Opaque(b)) => {
                self.differ(path, "", format!("opaque {}", shown(a)), format!("opaque {}", shown(b)));
            }
            _ if std::mem::discriminant(a) != std::mem::discriminant(b) || matches!(a, Node::Leaf(_)) => {
                self.differ(path, "", title(here, x), title(there, y));
            }
            _ if self.met.insert((x, y)) => self.inside(path, a, b),
            _ => {}
        }
    }

    /// What two nodes of one kind hold.
    fn inside(&mut self, path: Path, a: &'a Node, b: &'a Node) {
        match (a, b) {
            (Node::Option(a), Node::Option(b)) => self.compare(path, Step::Some, *a, *b),
            (Node::Seq(a), Node::Seq(b)) | (Node::Array(a, _), Node::Array(b, _)) => {
                self.compare(path, Step::Element, *a, *b);
            }
            (Node::Map(k, v), Node::Map(l, w)) => {
                self.compare(path, Step::Key, *k, *l);
                self.compare(path, Step::Value, *v, *w);
            }
            (Node::Result(a, e), Node::Result(b, f)) => {
                self.compare(path, Step::Named("Ok"), *a, *b);
                self.compare(path, Step::Named("Err"), *e, *f);
            }
            (Node::Tuple(a), Node::Tuple(b)) => self.unnamed(path, a, b),
            (Node::Struct { fields: a, .. }, Node::Struct { fields: b, .. }) => self.fields(path, a, b),
            (Node::Enum { name, variants: a }, Node::Enum { name: other, variants: b }) => {
                self.variants(path, (name, a), (other, b));
            }
            _ => {}
        }
    }

    fn unnamed(&mut self, path: Path, a: &'a [NodeId], b: &'a [NodeId]) {
        if a.len() != b.len() {
            return self.differ(path, "", counted(a.len(), "element"), counted(b.len(), "element"));
        }
        for (index, (x, y)) in a.iter().zip(b).enumerate() {
            self.compare(path, Step::Part(index), *x, *y);
        }
    }

    fn fields(&mut self, path: Path, a: &'a [(String, NodeId)], b: &'a [(String, NodeId)]) {
        for ((name, x), (_, y)) in a.iter().zip(b).take_while(|(a, b)| a.0 == b.0) {
            self.compare(path, Step::Named(name), *x, *y);
        }
        self.names(path, "field", a, b);
    }

    fn variants(
        &mut self,
        path: Path,
        (name, a): (&'a str, &'a [(String, Content)]),
        (other, b): (&'a str, &'a [(String, Content)]),
    ) {
        let mut same = 0;
        for ((name, x), (_, y)) in a.iter().zip(b).take_while(|(a, b)| a.0 == b.0) {
            same += 1;
            let inside = self.step(path, Step::Named(name));
            match (x, y) {
                (Content::Unit, Content::Unit) => {}
                (Content::Tuple(x), Content::Tuple(y)) => match (&x[..], &y[..]) {
                    ([x], [y]) => self.fresh.push(Task::Compare(inside, *x, *y)),
                    _ => self.unnamed(inside, x, y),
                },
                (Content::Struct(x), Content::Struct(y)) => self.fields(inside, x, y),
                _ => self.differ(inside, "", kind(x).into(), kind(y).into()),
            }
        }
        match (&a[same..], &b[same..]) {
            ([], []) => {}
            (more, []) => self.appended(path, name, more, Side::Here),
            ([], more) => self.appended(path, other, more, Side::There),
            _ => self.names(path, "variant", a, b),
        }
    }

    fn appended(&mut self, path: Path, name: &str, more: &[(String, Content)], side: Side) {
        // One of each side is enough to know that values have to be looked at.
        if self.found.appended.len() >= DIFFERENCES_MAX && self.found.has_appended(side) {
            return;
        }
        let variants = more.iter().take(DIFFERENCES_MAX).map(|(name, _)| shown(name)).collect();
        self.found.appended.push(Appended { path: self.place(path), name: shown(name), variants, side });
    }

    /// Reports the first name that the two lists do not share.
    fn names<T>(&mut self, path: Path, what: &str, a: &[(String, T)], b: &[(String, T)]) {
        let same = a.iter().zip(b).take_while(|(a, b)| a.0 == b.0).count();
        let at = |list: &[(String, T)]| list.get(same).map_or("nothing".into(), |(name, _)| quoted(name));
        if same < a.len().max(b.len()) {
            self.differ(path, &format!(", {what} {}", same + 1), at(a), at(b));
        }
    }

    fn step(&mut self, parent: Path, step: Step<'a>) -> Path {
        self.steps.push((parent, step));
        self.steps.len() - 1
    }

    fn compare(&mut self, parent: Path, step: Step<'a>, x: NodeId, y: NodeId) {
        let path = self.step(parent, step);
        self.fresh.push(Task::Compare(path, x, y));
    }

    fn differ(&mut self, path: Path, place: &str, here: String, there: String) {
        let path = format!("{}{place}", self.place(path));
        self.fresh.push(Task::Report(Difference { path, here, there }));
    }

    fn place(&self, path: Path) -> String {
        let mut steps = Vec::new();
        let mut at = path;
        while let Some((parent, step)) = self.steps.get(at) {
            steps.push(*step);
            at = *parent;
        }
        steps.reverse();
        format!("{}{}", self.method, written(&steps))
    }
}

/// A name, on one line and cut to a length that anyone reads.
pub(super) fn shown(name: &str) -> String {
    error::shown(name, NAME_MAX)
}

fn quoted(name: &str) -> String {
    format!("`{}`", shown(name))
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn kind(content: &Content) -> &'static str {
    match content {
        Content::Unit => "no content",
        Content::Tuple(_) => "unnamed fields",
        Content::Struct(_) => "named fields",
    }
}

/// A type in the words of a person.
fn title(signature: &Signature, id: NodeId) -> String {
    let short = |id: &NodeId| match signature.node(*id) {
        Some(Node::Leaf(name) | Node::Opaque(name) | Node::Struct { name, .. } | Node::Enum { name, .. }) => {
            shown(name)
        }
        Some(Node::Option(_)) => "Option<..>".into(),
        Some(Node::Seq(_)) => "Vec<..>".into(),
        Some(Node::Result(..)) => "Result<..>".into(),
        _ => "..".into(),
    };
    match signature.node(id) {
        Some(Node::Leaf(name)) => shown(name),
        Some(Node::Opaque(name)) => format!("opaque {}", shown(name)),
        Some(Node::Option(inner)) => format!("Option<{}>", short(inner)),
        Some(Node::Seq(inner)) => format!("Vec<{}>", short(inner)),
        Some(Node::Map(key, value)) => format!("Map<{}, {}>", short(key), short(value)),
        Some(Node::Tuple(parts)) => format!("a tuple of {}", parts.len()),
        Some(Node::Array(inner, length)) => format!("[{}; {length}]", short(inner)),
        Some(Node::Struct { name, .. }) => format!("struct {}", shown(name)),
        Some(Node::Enum { name, .. }) => format!("enum {}", shown(name)),
        Some(Node::Result(ok, error)) => format!("Result<{}, {}>", short(ok), short(error)),
        None => "an unknown type".into(),
    }
}
