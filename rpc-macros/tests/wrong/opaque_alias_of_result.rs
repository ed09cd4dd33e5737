#[service]
pub trait BoxOffice {
    #[rpc(opaque)]
    async fn sell(&self) -> io::Result<Ticket>;
}
//~ 4:29 an opaque result must show both of its types; write `Result<T, E>`
