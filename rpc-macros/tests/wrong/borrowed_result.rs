#[service]
pub trait BoxOffice {
    async fn name(&self) -> &str;
    async fn names(&self) -> Vec<&str>;
    async fn both(&self) -> Result<&'static str, &mut u8>;
}
//~ 3:29 a result cannot borrow: what it points to stays on the server; return the value itself, such as `String` or `Vec<T>`
//~ 4:34 a result cannot borrow: what it points to stays on the server; own what is inside, such as `String` or `Vec<T>`
//~ 5:36 a result cannot borrow: what it points to stays on the server; own what is inside, such as `String` or `Vec<T>`
//~ 5:51 `&mut` cannot be sent: an address means nothing on another machine; use the value itself
