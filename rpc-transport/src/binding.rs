//! A channel together with one service of its server: what every stub holds.

use crate::channel::{Channel, Held};
use crate::resolve::Resolution;
#[cfg(doc)]
use rpc_core::Execution;
use rpc_core::RequestId;
use rpc_core::client::BindingId;
use rpc_core::codec::Coding;
use rpc_core::service::{Descriptor, Method, Returns};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A channel bound to one service. The macro's stubs are made of it; there is nothing else to do with it.
#[derive(Clone)]
pub struct Binding {
    held: Arc<Held>,
    service: &'static Descriptor,
    coding: Coding,
}

impl Binding {
    pub(crate) fn new(held: Held, service: &'static Descriptor, coding: Coding) -> Self {
        Self { held: Arc::new(held), service, coding }
    }

    #[inline]
    pub(crate) fn channel(&self) -> &Channel {
        &self.held.channel
    }

    #[inline]
    pub(crate) fn id(&self) -> BindingId {
        self.held.id
    }

    #[inline]
    pub(crate) fn coding(&self) -> Coding {
        self.coding
    }

    #[inline]
    pub(crate) fn method(&self, index: u16) -> Option<&'static Method> {
        self.service.methods.get(usize::from(index))
    }

    /// What a call of this method gets that does not say otherwise.
    #[inline]
    pub(crate) fn timeout(&self, index: u16) -> Duration {
        self.method(index).and_then(|method| method.timeout).unwrap_or(self.channel().shared().call_timeout)
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Binding")
            .field("service", &self.service.name)
            .field("channel", self.channel())
            .finish()
    }
}

/// What every generated stub can do besides its methods. A trait, so that no method's name is taken.
pub trait Client: Clone + Send + Sync + Sized + 'static {
    #[doc(hidden)]
    fn descriptor() -> &'static Descriptor;
    #[doc(hidden)]
    fn from_binding(binding: Binding) -> Self;
    #[doc(hidden)]
    fn as_binding(client: &Self) -> &Binding;

    /// The channel that this stub calls through: for another service of the same server, for counts, for closing.
    fn channel(&self) -> &Channel {
        Self::as_binding(self).channel()
    }

    /// Whether the server has this method and understands it as this client does, but perhaps for variants that one side
    /// has appended to an enum: a value of such a variant fails when it is sent or received. A name that the trait does not
    /// have is not supported.
    fn supports(&self, method: &str) -> bool {
        let binding = Self::as_binding(self);
        let index = binding.service.methods.iter().position(|m| m.name == method);
        let usable = |index| binding.channel().shared().lock().engine.supports(binding.id(), index).is_ok();
        index.and_then(|index| u16::try_from(index).ok()).is_some_and(usable)
    }

    /// What became of a call that had ended as [`Execution::Unknown`]: see [`Channel::resolve`].
    fn resolve<R: Returns>(&self, call: RequestId) -> impl Future<Output = Resolution<R::Output>> + Send {
        self.channel().resolve::<R>(call)
    }
}
