#[service]
pub trait BoxOffice {
    async fn sell(&self, other: &Self) -> Vec<Box<Self>>;
}
//~ 3:34 `Self` is another type on each server, and no type at all for a client; name the type
//~ 3:51 `Self` is another type on each server, and no type at all for a client; name the type
