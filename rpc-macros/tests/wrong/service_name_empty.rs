#[service(name = "")]
pub trait BoxOffice {
    async fn sell(&self);
}
//~ 1:18 a service's name is 1 to 255 bytes without blanks, such as "tickets.BoxOffice"
