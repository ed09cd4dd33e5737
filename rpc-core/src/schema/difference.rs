//! Where two signatures of one method differ.
//!
//! Both graphs are walked side by side, without recursion: the peer's may be as deep as it has nodes. A pair of nodes
//! that was met before is taken as equal, which is what makes the walk end. A path is kept as links to its parent and
//! written out only for a difference, since there may be as many paths as pairs.

use super::{Content, Node, NodeId, Signature};
use std::collections::BTreeSet;
use std::fmt;

/// Differences that are looked for in one method. Whoever reads the sixteenth has understood.
pub const DIFFERENCES_MAX: usize = 16;

/// Comparisons in one method. Honest signatures need about as many as they have parts.
const COMPARISONS_MAX: usize = 1 << 17;

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

impl Signature {
    /// The first place where two signatures of the method differ, in the order of reading.
    pub fn difference(&self, there: &Signature, method: &str) -> Option<Difference> {
        Walk::new(self, there, method, 1).run().pop()
    }

    /// The places where two signatures of the method differ, in the order of reading, at most [`DIFFERENCES_MAX`].
    /// Empty if the two describe the same bytes. Fields, variants or parts that follow a missing one are not compared.
    pub fn differences(&self, there: &Signature, method: &str) -> Vec<Difference> {
        Walk::new(self, there, method, DIFFERENCES_MAX).run()
    }
}

/// One step of a path.
#[derive(Clone, Copy)]
enum Step<'a> {
    Argument(usize, &'a str),
    Result,
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
            Step::Argument(number, name) => write!(f, ": argument {number} ({name})"),
            Step::Result => f.write_str(": result"),
            Step::Part(index) => write!(f, ".{index}"),
            Step::Named(name) => write!(f, ".{name}"),
            Step::Element => f.write_str("[]"),
            Step::Some => f.write_str("?"),
            Step::Key => f.write_str("[key]"),
            Step::Value => f.write_str("[value]"),
        }
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
}

impl<'a> Walk<'a> {
    fn new(here: &'a Signature, there: &'a Signature, method: &'a str, most: usize) -> Self {
        let (met, steps, tasks, fresh) = (BTreeSet::new(), Vec::new(), Vec::new(), Vec::new());
        Walk { here, there, method, most, met, steps, tasks, fresh }
    }

    fn run(mut self) -> Vec<Difference> {
        let mut found = Vec::new();
        self.signatures();
        loop {
            self.tasks.extend(self.fresh.drain(..).rev());
            match self.tasks.pop() {
                Some(Task::Report(difference)) => found.push(difference),
                Some(Task::Compare(path, a, b)) => self.pair(path, a, b),
                None => return found,
            }
            if found.len() >= self.most {
                return found;
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
                    self.differ(ROOT, &place, format!("`{name}`"), format!("`{other}`"));
                }
            }
        }
        self.compare(ROOT, Step::Result, self.here.returns, self.there.returns);
    }

    fn pair(&mut self, path: Path, x: NodeId, y: NodeId) {
        if !self.met.insert((x, y)) {
            return;
        }
        if self.steps.len() > COMPARISONS_MAX {
            self.tasks.clear();
            return self.differ(path, "", title(self.here, x), "a type too large to compare".into());
        }
        let (here, there) = (self.here, self.there);
        let (Some(a), Some(b)) = (here.node(x), there.node(y)) else {
            return self.differ(path, "", title(here, x), title(there, y));
        };
        match (a, b) {
            (Node::Leaf(a), Node::Leaf(b)) | (Node::Opaque(a), Node::Opaque(b)) if a == b => {}
            (Node::Option(a), Node::Option(b)) => self.compare(path, Step::Some, *a, *b),
            (Node::Seq(a), Node::Seq(b)) => self.compare(path, Step::Element, *a, *b),
            (Node::Array(a, n), Node::Array(b, m)) if n == m => self.compare(path, Step::Element, *a, *b),
            (Node::Map(k, v), Node::Map(l, w)) => {
                self.compare(path, Step::Key, *k, *l);
                self.compare(path, Step::Value, *v, *w);
            }
            (Node::Tuple(a), Node::Tuple(b)) => self.unnamed(path, a, b),
            (Node::Struct { fields: a, .. }, Node::Struct { fields: b, .. }) => self.fields(path, a, b),
            (Node::Enum { variants: a, .. }, Node::Enum { variants: b, .. }) => self.variants(path, a, b),
            (Node::Array(_, n), Node::Array(_, m)) => {
                self.differ(path, "", format!("{n} elements"), format!("{m} elements"));
            }
            (Node::Opaque(a), Node::Opaque(b)) => {
                self.differ(path, "", format!("opaque {a}"), format!("opaque {b}"));
            }
            _ => self.differ(path, "", title(here, x), title(there, y)),
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

    fn variants(&mut self, path: Path, a: &'a [(String, Content)], b: &'a [(String, Content)]) {
        for ((name, x), (_, y)) in a.iter().zip(b).take_while(|(a, b)| a.0 == b.0) {
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
        self.names(path, "variant", a, b);
    }

    /// Reports the first name that the two lists do not share.
    fn names<T>(&mut self, path: Path, what: &str, a: &[(String, T)], b: &[(String, T)]) {
        let same = a.iter().zip(b).take_while(|(a, b)| a.0 == b.0).count();
        let quoted =
            |list: &[(String, T)]| list.get(same).map_or("nothing".into(), |(name, _)| format!("`{name}`"));
        if same < a.len().max(b.len()) {
            self.differ(path, &format!(", {what} {}", same + 1), quoted(a), quoted(b));
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
        let path = format!("{}{place}", self.written(path));
        self.fresh.push(Task::Report(Difference { path, here, there }));
    }

    fn written(&self, path: Path) -> String {
        let mut steps = Vec::new();
        let mut at = path;
        while let Some((parent, step)) = self.steps.get(at) {
            steps.push(*step);
            at = *parent;
        }
        steps.reverse();
        let text = |steps: &[Step<'_>]| steps.iter().map(Step::to_string).collect::<String>();
        match steps.split_at_checked(STEPS_MAX / 2) {
            Some((front, rest)) if steps.len() > STEPS_MAX => {
                let back = rest.split_at(rest.len() - STEPS_MAX / 2).1;
                format!("{}{}..{}", self.method, text(front), text(back))
            }
            _ => format!("{}{}", self.method, text(&steps)),
        }
    }
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
            name.clone()
        }
        Some(Node::Option(_)) => "Option<..>".into(),
        Some(Node::Seq(_)) => "Vec<..>".into(),
        _ => "..".into(),
    };
    match signature.node(id) {
        Some(Node::Leaf(name)) => name.clone(),
        Some(Node::Opaque(name)) => format!("opaque {name}"),
        Some(Node::Option(inner)) => format!("Option<{}>", short(inner)),
        Some(Node::Seq(inner)) => format!("Vec<{}>", short(inner)),
        Some(Node::Map(key, value)) => format!("Map<{}, {}>", short(key), short(value)),
        Some(Node::Tuple(parts)) => format!("a tuple of {}", parts.len()),
        Some(Node::Array(inner, length)) => format!("[{}; {length}]", short(inner)),
        Some(Node::Struct { name, .. }) => format!("struct {name}"),
        Some(Node::Enum { name, .. }) => format!("enum {name}"),
        None => "an unknown type".into(),
    }
}
