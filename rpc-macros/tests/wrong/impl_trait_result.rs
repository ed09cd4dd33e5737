#[service]
pub trait BoxOffice {
    async fn seats(&self) -> impl Iterator<Item = u32>;
}
//~ 3:30 `impl Trait` stands for a type that the other side cannot know; name the type
