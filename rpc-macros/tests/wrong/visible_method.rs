#[service]
pub trait BoxOffice {
    pub async fn sell(&self);
    default async fn refund(&self) {}
}
//~ 3:5 a method is as visible as its trait; remove this
//~ 4:5 a method with a body is a default already; remove `default`
