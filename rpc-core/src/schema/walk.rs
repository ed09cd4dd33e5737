//! The walk over two signatures of one method.
//!
//! Both graphs are walked side by side, without recursion: the peer's may be as deep as it has nodes. A pair of nodes that
//! is met again is not walked again, which is what makes the walk end: what was found in it is found there, too, and while
//! it is being walked it is taken as equal. A path is kept as links to its parent and written out only for a difference,
//! since there may be as many paths as pairs.

use super::difference::{Appended, Comparison, DIFFERENCES_MAX, Difference, Side, Step, shown, written};
use super::words::{List, Part, in_order, kind, places, title};
use super::{Content, Node, NodeId, Signature};
use crate::error::counted;
use std::collections::BTreeMap;
use std::ops::Range;

/// A step in the walk's list, after which comes its own place. `ROOT` is the method itself.
type Path = usize;
const ROOT: Path = usize::MAX;

type Named<'a, T> = &'a [(String, T)];

/// What is still to be done, the next thing last.
enum Task {
    Compare(Path, NodeId, NodeId),
    /// All that the pair holds was compared.
    Leave(NodeId, NodeId),
    /// An argument, the result or the error was compared.
    Next,
    Report(Found),
}

/// A difference whose path is not written out yet.
#[derive(Clone)]
struct Found {
    path: Path,
    /// What the path does not say.
    place: String,
    here: String,
    there: String,
}

/// ```text
///        all that it holds was compared
///  Open --------------------------------> Closed
/// ```
enum Pair {
    Open {
        path: Path,
        differences: usize,
        appended: usize,
    },
    /// What was found in it.
    Closed {
        path: Path,
        differences: Range<usize>,
        appended: Range<usize>,
    },
}

pub(super) struct Walk<'a> {
    here: &'a Signature,
    there: &'a Signature,
    method: &'a str,
    most: usize,
    met: BTreeMap<(NodeId, NodeId), Pair>,
    steps: Vec<(Path, Step<'a>)>,
    tasks: Vec<Task>,
    /// Tasks of the node that is being compared, in the order of reading.
    fresh: Vec<Task>,
    differences: Vec<Found>,
    appended: Vec<(Path, Appended)>,
}

impl<'a> Walk<'a> {
    /// Finds at most so many differences.
    pub(super) fn new(here: &'a Signature, there: &'a Signature, method: &'a str, most: usize) -> Self {
        let (met, steps, tasks, fresh) = (BTreeMap::new(), Vec::new(), Vec::new(), Vec::new());
        let (differences, appended) = (Vec::new(), Vec::new());
        Walk { here, there, method, most, met, steps, tasks, fresh, differences, appended }
    }

    /// Makes at most `left` comparisons, and takes those that were made away.
    pub(super) fn run(mut self, left: &mut usize) -> Comparison {
        self.signatures();
        loop {
            self.tasks.extend(self.fresh.drain(..).rev());
            match self.tasks.pop() {
                Some(Task::Report(found)) => self.differences.push(found),
                Some(Task::Leave(x, y)) => self.leave(x, y),
                Some(Task::Next) => self.next(),
                Some(Task::Compare(path, a, b)) if *left > 0 => {
                    *left -= 1;
                    self.pair(path, a, b);
                }
                Some(Task::Compare(path, a, _)) => {
                    self.tasks.clear();
                    self.differ(path, "", title(self.here, a), "a type too large to compare".into());
                }
                None => return self.comparison(),
            }
            if self.differences.len() >= self.most {
                return self.comparison();
            }
        }
    }

    /// A pair that was being walked was taken as equal where it came up again. If it is not, what such places hold was not
    /// found there: the next place is looked at afresh.
    fn next(&mut self) {
        if !self.differences.is_empty() || !self.appended.is_empty() {
            self.met.clear();
        }
    }

    fn comparison(self) -> Comparison {
        let full = |found: &Found| Difference {
            path: format!("{}{}", self.place(found.path), found.place),
            here: found.here.clone(),
            there: found.there.clone(),
        };
        let differences = self.differences.iter().take(self.most).map(full).collect();
        let full =
            |(path, appended): &(Path, Appended)| Appended { path: self.place(*path), ..appended.clone() };
        Comparison { differences, appended: self.appended.iter().map(full).collect() }
    }

    fn signatures(&mut self) {
        let (here, there) = (self.here, self.there);
        self.aligned(ROOT, List::Arguments, &here.arguments, &there.arguments, |walk, step, x, y| {
            walk.compare(ROOT, step, *x, *y);
            walk.fresh.push(Task::Next);
        });
        let (x, y) = (here.returns, there.returns);
        match (here.node(x), there.node(y)) {
            (Some(Node::Result(a, e)), Some(Node::Result(b, f))) => {
                self.compare(ROOT, Step::Result, *a, *b);
                self.fresh.push(Task::Next);
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
            _ => match self.met.get(&(x, y)) {
                None => {
                    let (differences, appended) = (self.differences.len(), self.appended.len());
                    self.met.insert((x, y), Pair::Open { path, differences, appended });
                    self.inside(path, a, b);
                    self.fresh.push(Task::Leave(x, y));
                }
                Some(Pair::Open { .. }) => {}
                Some(Pair::Closed { path: before, differences, appended }) => {
                    let (before, differences, appended) = (*before, differences.clone(), appended.clone());
                    self.again(path, before, differences, appended);
                }
            },
        }
    }

    fn leave(&mut self, x: NodeId, y: NodeId) {
        let Some(pair) = self.met.get_mut(&(x, y)) else { return };
        if let Pair::Open { path, differences, appended } = *pair {
            let (differences, appended) =
                (differences..self.differences.len(), appended..self.appended.len());
            *pair = Pair::Closed { path, differences, appended };
        }
    }

    /// What was found in a pair is found in another place, too.
    fn again(&mut self, path: Path, before: Path, differences: Range<usize>, appended: Range<usize>) {
        for index in differences.take(self.most) {
            let Some(mut found) = self.differences.get(index).cloned() else { continue };
            found.path = self.moved(found.path, before, path);
            self.differences.push(found);
        }
        for index in appended.take(DIFFERENCES_MAX.saturating_sub(self.appended.len())) {
            let Some((at, found)) = self.appended.get(index).cloned() else { continue };
            let at = self.moved(at, before, path);
            self.appended.push((at, found));
        }
    }

    /// The path that leads from `to` on as `path` does from `from` on.
    fn moved(&mut self, path: Path, from: Path, to: Path) -> Path {
        let (mut steps, mut at) = (Vec::new(), path);
        while let Some((parent, step)) = self.steps.get(at).filter(|_| at != from) {
            steps.push(*step);
            at = *parent;
        }
        steps.into_iter().rev().fold(to, |parent, step| self.step(parent, step))
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

    fn fields(&mut self, path: Path, a: Named<'a, NodeId>, b: Named<'a, NodeId>) {
        self.aligned(path, List::Fields, a, b, |walk, step, x, y| walk.compare(path, step, *x, *y));
    }

    fn variants(
        &mut self,
        path: Path,
        (name, a): (&'a str, Named<'a, Content>),
        (other, b): (&'a str, Named<'a, Content>),
    ) {
        // What one side has appended is no difference.
        let common = a.len().min(b.len());
        let (old, more_here) = a.split_at(common);
        let (also_old, more_there) = b.split_at(common);
        let same = old.iter().zip(also_old).all(|(a, b)| a.0 == b.0);
        let (x, y) = if same { (old, also_old) } else { (a, b) };
        self.aligned(path, List::Variants, x, y, |walk, step, x, y| walk.variant(path, step, x, y));
        match (more_here, more_there) {
            (more @ [_, ..], []) if same => self.appended(path, name, more, Side::Here),
            ([], more @ [_, ..]) if same => self.appended(path, other, more, Side::There),
            _ => {}
        }
    }

    fn variant(&mut self, path: Path, step: Step<'a>, x: &'a Content, y: &'a Content) {
        let inside = self.step(path, step);
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

    fn appended(&mut self, path: Path, name: &str, more: &[(String, Content)], side: Side) {
        // One of each side is enough to know that values have to be looked at.
        if self.appended.len() >= DIFFERENCES_MAX && self.appended.iter().any(|(_, other)| other.side == side)
        {
            return;
        }
        let variants = more.iter().take(DIFFERENCES_MAX).map(|(name, _)| shown(name)).collect();
        self.appended.push((path, Appended { path: String::new(), name: shown(name), variants, side }));
    }

    /// Compares what bears the same name, and reports the names that only one side has or that stand in another order. No two
    /// lists of names that are not the same go without a report.
    fn aligned<T: Part>(
        &mut self,
        path: Path,
        list: List,
        a: Named<'a, T>,
        b: Named<'a, T>,
        both: impl Fn(&mut Self, Step<'a>, &'a T, &'a T),
    ) {
        if a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0) {
            for (index, ((name, x), (_, y))) in a.iter().zip(b).enumerate() {
                both(self, list.step(index, name), x, y);
            }
            return;
        }
        let (ours, theirs) = (places(a), places(b));
        let mut reports = 0;
        for index in 0..a.len().max(b.len()) {
            let partner = |(name, _): &&(String, T)| theirs.get(name.as_str()).and_then(|at| b.get(*at));
            let mine = a.get(index);
            if let (Some((name, x)), Some((_, y))) = (mine, mine.as_ref().and_then(partner)) {
                both(self, list.step(index, name), x, y);
            }
            let mine = mine.filter(|(name, _)| !theirs.contains_key(name.as_str()));
            let other = b.get(index).filter(|(name, _)| !ours.contains_key(name.as_str()));
            if reports < self.most && (mine.is_some() || other.is_some()) {
                reports += 1;
                self.one_sided(path, list, index, mine, other);
            }
        }
        let common = |list: Named<'a, T>, other: &BTreeMap<&str, usize>| -> Vec<&'a str> {
            list.iter().map(|(name, _)| name.as_str()).filter(|name| other.contains_key(name)).collect()
        };
        let (mine, other) = (common(a, &theirs), common(b, &ours));
        if mine.len() != other.len() {
            // Only a peer that made its names up has one name twice.
            self.differ(path, "", counted(a.len(), list.word()), counted(b.len(), list.word()));
        } else if mine != other {
            let (here, there) = in_order(&mine, &other);
            self.differ(path, &at(path, &format!("order of {}s", list.word())), here, there);
        }
    }

    /// A name that the other side does not have; two of them at one place are likely the same under another name.
    fn one_sided<T: Part>(
        &mut self,
        path: Path,
        list: List,
        index: usize,
        mine: Option<&'a (String, T)>,
        other: Option<&'a (String, T)>,
    ) {
        let nothing = || "nothing".to_owned();
        match (mine, other) {
            (Some((name, x)), Some((other, y))) => {
                let (x, y) = (x.title(self.here, index), y.title(self.there, index));
                let typed = |name: &str, title: &str| match x == y {
                    true => format!("`{}`", shown(name)),
                    false => format!("`{}: {title}`", shown(name)),
                };
                let place = at(path, &format!("{} {}", list.word(), index + 1));
                self.differ(path, &place, typed(name, &x), typed(other, &y));
            }
            (Some((name, x)), None) => {
                let step = self.step(path, list.step(index, name));
                self.differ(step, "", x.title(self.here, index), nothing());
            }
            (None, Some((name, y))) => {
                let step = self.step(path, list.step(index, name));
                self.differ(step, "", nothing(), y.title(self.there, index));
            }
            (None, None) => {}
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
        self.fresh.push(Task::Report(Found { path, place: place.to_owned(), here, there }));
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

/// The end of a path that has come to a list of names.
fn at(path: Path, place: &str) -> String {
    if path == ROOT { format!(": {place}") } else { format!(", {place}") }
}
