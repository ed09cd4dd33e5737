#[service]
/// A hall.
pub struct Hall {
    seats: u32,
}
//~ 3:1 `#[service]` goes on a trait; annotate the trait whose methods are to be called
