//! The service that `bench` calls if it is not told a method of the server's own. A server has it by this file and one line:
//! `.add(BenchServer::new(Echo))`.

use carnegie::service;

/// What a call costs that does nothing.
#[service]
pub(crate) trait Bench {
    /// Answers with what it was sent. An ordinary method, at most once, so that it costs what others do.
    async fn echo(&self, payload: &[u8]) -> Vec<u8>;
}

/// Serves [`Bench`].
pub(crate) struct Echo;

impl Bench for Echo {
    async fn echo(&self, payload: &[u8]) -> Vec<u8> {
        payload.to_vec()
    }
}
