//! What may come of comparing two signatures of one method, and its words.

use super::Signature;
use super::walk::Walk;
use crate::error::{self, NAME_MAX};
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
    /// Arguments, fields and variants are compared with those of the same name, wherever they stand; the elements of tuples
    /// only where there are as many. A type that is used in several places is named in each, unless it holds itself.
    pub differences: Vec<Difference>,
    /// The enums whose variants agree but for some at the end, which one side lacks, in each place where they are used; at
    /// most about [`DIFFERENCES_MAX`].
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

/// A name, on one line and cut to a length that anyone reads.
pub(super) fn shown(name: &str) -> String {
    error::shown(name, NAME_MAX)
}
