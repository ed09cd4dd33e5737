//! What the tests under shuttle ask a server.

use crate::server::ServerHandle;

impl ServerHandle {
    /// Sessions that the server knows of, and handlers of them that run in tasks of their own.
    pub fn sessions(&self) -> (usize, usize) {
        let sessions = self.host.sessions();
        let busy = sessions.iter().filter(|session| !session.lock().running.is_empty()).count();
        (sessions.len(), busy)
    }
}
