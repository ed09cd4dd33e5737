//! The box office today: version 1.1. Since 1.0
//! - a section was appended: harmless, until somebody names it to a program that does not know it;
//! - `refund` was added, and says since when: an older server is known to lack it;
//! - methods stand in another order, and a type has another name: harmless;
//! - the row of `price` became a `u16`: that method, and no other, no longer fits;
//! - `opening_hours` was renamed to `hours`: to an old client it is missing, and suggested.

use carnegie::{Schema, service};
use serde::{Deserialize, Serialize};

/// Parts of the hall.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub(crate) enum Section {
    Orchestra,
    Parquet,
    Balcony,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub(crate) struct Seat {
    pub(crate) section: Section,
    pub(crate) seat: u16,
}

#[service(version = "1.1")]
pub(crate) trait BoxOffice {
    #[rpc(since = "1.1")]
    async fn refund(&self, ticket: Seat) -> u32;

    async fn sell(&self, order: u64, section: Section) -> Seat;

    #[rpc(idempotent)]
    async fn free_seats(&self, section: Section) -> u32;

    /// Cents.
    #[rpc(idempotent)]
    async fn price(&self, section: Section, row: u16) -> u32;

    #[rpc(idempotent)]
    async fn hours(&self, day: u8) -> String;

    /// The section that sells best at present.
    #[rpc(idempotent)]
    async fn favourite(&self) -> Section;
}

/// A hall that never runs out of seats.
pub(crate) struct Hall;

impl BoxOffice for Hall {
    async fn refund(&self, _ticket: Seat) -> u32 {
        9_000
    }

    async fn sell(&self, order: u64, section: Section) -> Seat {
        Seat { section, seat: order as u16 }
    }

    async fn free_seats(&self, section: Section) -> u32 {
        match section {
            Section::Orchestra => 800,
            Section::Parquet => 500,
            Section::Balcony => 900,
        }
    }

    async fn price(&self, _section: Section, row: u16) -> u32 {
        9_000 - u32::from(row) * 100
    }

    async fn hours(&self, day: u8) -> String {
        if day < 6 { "10 to 18" } else { "10 to 14" }.to_owned()
    }

    async fn favourite(&self) -> Section {
        Section::Balcony
    }
}
