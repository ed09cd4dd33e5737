//! The box office as it was first: version 1.0.

use carnegie::{Schema, service};
use serde::{Deserialize, Serialize};

/// Parts of the hall.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub(crate) enum Section {
    Orchestra,
    Parquet,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub(crate) struct Ticket {
    pub(crate) section: Section,
    pub(crate) seat: u16,
}

#[service(version = "1.0")]
pub(crate) trait BoxOffice {
    #[rpc(idempotent)]
    async fn free_seats(&self, section: Section) -> u32;

    async fn sell(&self, order: u64, section: Section) -> Ticket;

    /// The section that sells best at present.
    #[rpc(idempotent)]
    async fn favourite(&self) -> Section;

    /// Cents.
    #[rpc(idempotent)]
    async fn price(&self, section: Section, row: u8) -> u32;

    #[rpc(idempotent)]
    async fn opening_hours(&self, day: u8) -> String;
}

/// A hall that never runs out of seats.
pub(crate) struct Hall;

impl BoxOffice for Hall {
    async fn free_seats(&self, section: Section) -> u32 {
        match section {
            Section::Orchestra => 800,
            Section::Parquet => 500,
        }
    }

    async fn sell(&self, order: u64, section: Section) -> Ticket {
        Ticket { section, seat: order as u16 }
    }

    async fn favourite(&self) -> Section {
        Section::Orchestra
    }

    async fn price(&self, _section: Section, row: u8) -> u32 {
        9_000 - u32::from(row) * 100
    }

    async fn opening_hours(&self, day: u8) -> String {
        if day < 6 { "10 to 18" } else { "10 to 14" }.to_owned()
    }
}
