#[service]
pub trait BoxOffice {
    #[rpc(idempotent, timeout = "soon")]
    async fn sell(&mut self, seat: &mut u32, cx: &Context) -> &str;
    fn refund();
}
//~ 3:33 `soon` is not a duration; write a whole number and a unit, such as "100us", "250ms", "2s", "1m" or "1h"
//~ 4:19 calls run at the same time, so none has the service for itself; take `&self`, and keep what changes behind a lock
//~ 4:37 `&mut` cannot be an argument: an address means nothing on another machine; take the value, and return what it has become
//~ 4:50 the context comes first; move it right after `&self`
//~ 4:63 a result cannot borrow: what it points to stays on the server; return the value itself, such as `String` or `Vec<T>`
//~ 5:5 a call waits for another machine; write `async fn refund`
//~ 5:8 `refund` is not called on anything; write `&self` as its first parameter
