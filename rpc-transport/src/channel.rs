//! The client's handle: what stubs call through.

use crate::binding::{Binding, Client};
use crate::client::Shared;
use rpc_core::client::BindingId;
use rpc_core::{BindError, Stats};
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;

/// A client's handle of a server: one connection, made again when it is lost, one session, any number of services. Cheap
/// to clone; clones share everything. The connection is closed when the last clone and the last stub are dropped.
#[derive(Clone)]
pub struct Channel(Arc<Handle>);

/// Closes the channel with the last of its users. The driver's task is not one: it holds what is inside only.
struct Handle {
    shared: Arc<Shared>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl Channel {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(Arc::new(Handle { shared }))
    }

    #[inline]
    pub(crate) fn shared(&self) -> &Shared {
        &self.0.shared
    }

    /// Another service of the same server, over the same connection. A service that is bound already costs nothing, and one
    /// that the server has refused is not asked for again on the same connection.
    ///
    /// # Errors
    /// The server does not have the service, or has another major version of it; there is no connection, and none can
    /// be made; the channel was closed, or has no room for as many methods.
    pub async fn bind<C: Client>(&self) -> Result<C, BindError> {
        let service = C::descriptor();
        let held = Held { id: self.shared().begin_bind(service), channel: self.clone() };
        poll_fn(|cx| self.shared().poll_bound(held.id, cx)).await?;
        let coding = self.shared().lock().engine.coding();
        Ok(C::from_binding(Binding::new(held, service, coding)))
    }

    /// What happened so far on this channel.
    pub fn stats(&self) -> Stats {
        self.shared().lock().engine.stats()
    }

    /// The address of the server that this channel is connected to, `10.0.0.7:7000`; `None` while it has no connection.
    pub fn server_address(&self) -> Option<String> {
        self.shared().lock().engine.server_address().map(str::to_owned)
    }

    /// Ends all calls and closes the connection, whoever else holds the channel. Calls that were written end as `Unknown`,
    /// all others and all later ones as `NotExecuted`.
    pub fn close(&self) {
        self.shared().close();
    }
}

/// One use of a service: while there is one, the service is asked for on every connection of the channel.
pub(crate) struct Held {
    pub(crate) channel: Channel,
    pub(crate) id: BindingId,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.channel.shared().end_bind(self.id);
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("server_address", &self.server_address()).finish_non_exhaustive()
    }
}
