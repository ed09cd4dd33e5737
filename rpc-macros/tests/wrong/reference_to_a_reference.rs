#[service]
pub trait BoxOffice {
    async fn sell(&self, holder: &&str);
}
//~ 3:35 only an argument as a whole can be lent; own what is inside, such as `String` or `Vec<T>`
