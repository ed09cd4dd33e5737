#[service]
pub trait BoxOffice {
    async fn sell(&self, seat: u32, seat: u32);
}
//~ 3:37 `seat` is taken twice: an argument is known by its name; rename one
