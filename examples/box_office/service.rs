//! What office and clients agree on: the service and its types.

use carnegie::{Context, Schema, service};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A part of the hall, sold seat by seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Schema)]
pub(crate) enum Section {
    Parquet,
    FirstTier,
    SecondTier,
    DressCircle,
    Balcony,
}

impl Section {
    pub(crate) const ALL: [Section; 5] =
        [Section::Parquet, Section::FirstTier, Section::SecondTier, Section::DressCircle, Section::Balcony];

    /// As people and orders call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Section::Parquet => "Parquet",
            Section::FirstTier => "First Tier",
            Section::SecondTier => "Second Tier",
            Section::DressCircle => "Dress Circle",
            Section::Balcony => "Balcony",
        }
    }

    /// How many seats it has, numbered from 1. The hall has 2,790.
    pub(crate) fn seats(self) -> u32 {
        match self {
            Section::Parquet => 1021,
            Section::FirstTier => 264,
            Section::SecondTier => 238,
            Section::DressCircle => 444,
            Section::Balcony => 823,
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The right to one seat.
#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
pub(crate) struct Ticket {
    pub(crate) section: Section,
    pub(crate) seat: u32,
    pub(crate) holder: String,
}

/// Why there is no ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub(crate) enum Refused {
    SoldOut,
}

/// Sells the seats of one evening.
#[service(lock = "examples/box_office/box_office.schema")]
pub(crate) trait BoxOffice {
    /// How many seats of a section are free. Asking twice does no harm.
    #[rpc(idempotent)]
    async fn free_seats(&self, section: Section) -> u32;

    /// Sells the next free seat, so a second run would sell a second one. At most once: the default.
    async fn sell(&self, cx: &Context, order: u64, section: Section, holder: &str)
    -> Result<Ticket, Refused>;
}

/// The same with a mistake in it: `sell` is marked idempotent, so the framework sends a sale again whose answer was lost, and
/// the office runs it again. There is no other way to switch at-most-once off. For `--without-dedup`.
#[service]
pub(crate) trait CarelessBoxOffice {
    /// It is not.
    #[rpc(idempotent)]
    async fn sell(&self, cx: &Context, order: u64, section: Section, holder: &str)
    -> Result<Ticket, Refused>;
}
