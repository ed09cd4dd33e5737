#[derive(Serialize, Deserialize, Schema)]
#[schema()]
pub struct Ticket {
    #[schema]
    seat: u32,
}
//~ 2:3 this `#[schema]` says nothing; write its options, such as `#[schema(opaque)]`, or remove it
//~ 4:7 this `#[schema]` says nothing; write its options, such as `#[schema(opaque)]`, or remove it
