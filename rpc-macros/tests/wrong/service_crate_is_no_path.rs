#[service(crate = "my facade")]
pub trait BoxOffice {
    async fn sell(&self);
}
//~ 1:19 this is not a path; write where the facade is, such as "::carnegie"
