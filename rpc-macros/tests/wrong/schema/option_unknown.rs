#[derive(Serialize, Deserialize, Schema)]
#[schema(opague)]
pub struct Ticket {
    seat: u32,
}
//~ 2:10 `opague` is not an option of `#[schema]`; the options are `opaque`, `opaque = "name"`, `as = "Type"` and, for a whole type, `crate = "path"`
