use carnegie::Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Section;

#[derive(Serialize, Deserialize, Schema)]
struct Ticket {
    seat: u32,
    section: Section,
}

fn main() {}
