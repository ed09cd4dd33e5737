//! A codec, together with how far its values may go.

use super::CodecId;
use crate::limits::{Limits, NESTING_MOST, ZERO_SIZED_MOST};

/// How payloads are written and read: in which codec, and within which bounds. A [`CodecId`] turns into one with the
/// bounds of [`Limits::default`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coding {
    /// The codec.
    pub codec: CodecId,
    pub(super) nesting: u16,
    pub(super) zero_sized: u32,
}

impl Coding {
    /// A codec within the bounds that `limits` names: [`Limits::nesting_max`] and [`Limits::zero_sized_max`].
    pub fn new(codec: CodecId, limits: &Limits) -> Self {
        let nesting = limits.nesting_max.min(NESTING_MOST) as u16;
        let zero_sized = limits.zero_sized_max.min(ZERO_SIZED_MOST) as u32;
        Self { codec, nesting, zero_sized }
    }
}

impl From<CodecId> for Coding {
    fn from(codec: CodecId) -> Self {
        Self::new(codec, &Limits::default())
    }
}
