#[service]
pub trait BoxOffice {
    async fn sell(seat: u32) -> u32;
    async fn refund();
}
//~ 3:14 `sell` is not called on anything; write `&self` as its first parameter
//~ 4:14 `refund` is not called on anything; write `&self` as its first parameter
