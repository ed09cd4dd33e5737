/// A hall.
#[service(name = "hall.Hall", crate = "crate::facade")]
#[cfg(feature = "hall")]
#[deprecated(note = "use `BoxOffice`")]
#[expect(non_camel_case_types, reason = "as the others are written")]
pub(crate) trait hall: Clone + Send {
    /// On Unix.
    #[cfg(unix)]
    #[rpc(blocking, timeout = "1500us")]
    async fn open(&self, path: &str) -> u32;
    /// Elsewhere.
    #[cfg(not(unix))]
    async fn open(&self, path: &str) -> u64;
    #[deprecated]
    #[allow(non_snake_case)]
    #[inline]
    async fn oldName(&self);
}
