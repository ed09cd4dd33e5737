#[service]
pub trait BoxOffice {
    async fn sell(&self, #[cfg(unix)] seat: u32, #[cfg_attr(unix, allow(unused))] row: u32);
}
//~ 3:26 an argument that is not always there changes the signature; declare the method twice, each under its own `#[cfg(..)]`
//~ 3:50 an argument that is not always there changes the signature; declare the method twice, each under its own `#[cfg(..)]`
