#[service]
pub trait BoxOffice {
    async fn sell(&self, holder: impl Into<String>);
}
//~ 3:34 `impl Trait` stands for a type that the other side cannot know; name the type
