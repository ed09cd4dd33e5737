#[service(versoin = "1.1")]
pub trait BoxOffice {
    async fn sell(&self);
}
//~ 1:11 `versoin` is not an option of `#[service]`; the options are `version = "1.1"`, `name = ".."`, `lock = "box_office.schema"` and `crate = ".."`
