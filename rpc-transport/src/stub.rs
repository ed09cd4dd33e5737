//! What a stub's method does: it encodes its arguments and makes a [`Call`] of them.

use crate::binding::Binding;
use crate::call::Call;
use bytes::Bytes;
use rpc_core::codec::{Encoder, Unencodable};
use serde::Serialize;
use std::cell::RefCell;

/// Buffers that a thread keeps for its next calls, so that calling allocates nothing in a steady state.
const POOLED: usize = 64;

/// Buffers that have grown beyond this are not kept.
const KEPT: usize = 16 << 10;

thread_local! { static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) } }

#[inline]
fn take() -> Vec<u8> {
    POOL.with_borrow_mut(Vec::pop).unwrap_or_default()
}

/// Keeps a buffer for the thread's next call.
#[inline]
pub(crate) fn give_back(mut buffer: Vec<u8>) {
    if buffer.capacity() == 0 || buffer.capacity() > KEPT {
        return;
    }
    buffer.clear();
    // A thread that ends has no pool any more, and needs none.
    let _ = POOL.try_with(|pool| {
        let mut pool = pool.borrow_mut();
        if pool.len() < POOLED {
            pool.push(buffer);
        }
    });
}

/// What a stub's method writes its arguments into. The first failure sticks, so the generated code has no branches; and
/// no lock is held, so a `Serialize` that is slow, that panics, or that makes a call itself harms nobody else.
#[derive(Debug)]
pub struct Arguments<'a> {
    binding: &'a Binding,
    buffer: Vec<u8>,
    /// The last bytes, if they are many.
    block: Option<Box<Bytes>>,
    failed: Option<Unencodable>,
}

/// The beginning of every stub's method.
#[inline]
pub fn arguments(binding: &Binding) -> Arguments<'_> {
    Arguments { binding, buffer: take(), block: None, failed: None }
}

impl<'a> Arguments<'a> {
    #[inline]
    fn put(mut self, write: impl FnOnce(&mut Encoder<'_>) -> Result<(), Unencodable>) -> Self {
        if let Err(why) =
            write(&mut Encoder::parting(&mut self.buffer, &mut self.block, self.binding.coding()))
        {
            self.failed.get_or_insert(why);
        }
        self
    }

    /// An argument. There is no bound on `T`: what is asked of it is asked where `write` is named, as `<T as Wire>::write`.
    #[inline]
    pub fn value<T>(self, value: &T, write: fn(&T, &mut Encoder<'_>) -> Result<(), Unencodable>) -> Self {
        self.put(|out| write(value, out))
    }

    /// An argument that the caller has given away: a large `Vec<u8>` or `Bytes` is sent from where it lies.
    #[inline]
    pub fn owned<T: 'static>(
        self,
        mut value: T,
        write: fn(&T, &mut Encoder<'_>) -> Result<(), Unencodable>,
    ) -> Self {
        self.put(|out| out.take_block(&mut value).unwrap_or_else(|| write(&value, out)))
    }

    /// An argument whose structure is not known.
    #[inline]
    pub fn opaque<T: Serialize + 'static>(self, value: &T) -> Self {
        self.put(|out| out.value(value))
    }

    /// A lent text.
    #[inline]
    pub fn str(self, value: &str) -> Self {
        self.put(|out| out.str(value))
    }

    /// Lent bytes.
    #[inline]
    pub fn bytes(self, value: &[u8]) -> Self {
        self.put(|out| out.bytes(value))
    }

    /// A lent slice.
    #[inline]
    pub fn slice<T: Serialize>(self, value: &[T]) -> Self {
        self.put(|out| out.slice(value))
    }

    /// Arguments that were encoded before, in the codec of the binding's session.
    #[inline]
    pub fn encoded(mut self, arguments: &[u8]) -> Self {
        self.buffer.extend_from_slice(arguments);
        self
    }

    /// The call, which starts when it is awaited.
    #[inline]
    pub fn call<R>(self, method: u16) -> Call<'a, R> {
        let payload = self.failed.map_or(Ok(self.buffer), |why| Err(Box::new(why)));
        Call::new(self.binding, method, payload, self.block)
    }
}
