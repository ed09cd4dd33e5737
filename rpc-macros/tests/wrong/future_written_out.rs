#[service]
pub trait BoxOffice {
    fn sell(&self) -> impl Future<Output = u32> + Send;
}
//~ 3:23 the future is written by the macro; write `async fn sell(..) -> T` with the type that it ends in
