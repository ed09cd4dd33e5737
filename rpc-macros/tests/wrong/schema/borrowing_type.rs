#[derive(Serialize, Deserialize, Schema)]
pub struct Ticket<'a> {
    holder: &'a str,
}
//~ 2:19 a type that borrows cannot cross the wire, it would have nothing to borrow from; own the value, or lend it as an argument `&T`
