#[derive(Serialize, Deserialize, Schema)]
pub struct Ticket {
    #[serde(flatten)]
    seat: Seat,
}
//~ 3:13 `#[serde(flatten)]` cannot cross the wire: it needs names on the wire, and there are none; make the inner struct a field of its own
