#[service]
pub trait BoxOffice {
    async fn sell(&self, holder: Option<&str>, others: &[&str]);
}
//~ 3:41 only an argument as a whole can be lent; own what is inside, such as `String` or `Vec<T>`
//~ 3:58 only an argument as a whole can be lent; own what is inside, such as `String` or `Vec<T>`
