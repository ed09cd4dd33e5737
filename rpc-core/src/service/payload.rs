//! The bytes of messages: as they come, and as they go.

use bytes::Bytes;
use std::borrow::Cow;

/// The bytes of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A small one, copied out of the connection's buffer.
    Owned(Vec<u8>),
    /// A large one: a result of type `Bytes` becomes a part of it.
    Shared(Bytes),
}

impl Payload {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Payload::Owned(bytes) => bytes,
            Payload::Shared(bytes) => bytes,
        }
    }

    /// A second handle of the same bytes: the buffer becomes a shared one, nothing is copied.
    pub(crate) fn share(&mut self) -> Payload {
        Payload::Shared(self.shared())
    }

    /// As [`Payload::share`].
    fn shared(&mut self) -> Bytes {
        let bytes = match std::mem::take(self) {
            Payload::Owned(bytes) => Bytes::from(bytes),
            Payload::Shared(bytes) => bytes,
        };
        *self = Payload::Shared(bytes.clone());
        bytes
    }

    /// Takes other bytes, in the same buffer if this is the only handle of it.
    #[inline]
    pub(crate) fn refill(&mut self, with: &[u8]) {
        match self {
            Payload::Owned(bytes) => {
                bytes.clear();
                bytes.extend_from_slice(with);
            }
            Payload::Shared(_) => *self = Payload::Owned(with.to_vec()),
        }
    }
}

impl Default for Payload {
    fn default() -> Self {
        Payload::Owned(Vec::new())
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Payload::Owned(bytes)
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Payload::Shared(bytes)
    }
}

/// A payload that is sent. A large block of bytes at its end stays where its owner had it.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// All of it but for the block.
    pub(crate) head: Payload,
    /// In a box: most messages have none, and their calls and slots are many.
    block: Option<Box<Bytes>>,
}

impl Parts {
    #[inline]
    pub(crate) fn new(head: Vec<u8>, block: Option<Box<Bytes>>) -> Self {
        Self { head: Payload::Owned(head), block: block.filter(|block| !block.is_empty()) }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.head.as_slice().len() + self.block.as_ref().map_or(0, |block| block.len())
    }

    /// All of it, if that lies in one piece.
    #[inline]
    pub(crate) fn whole(&self) -> Option<&[u8]> {
        self.block.is_none().then(|| self.head.as_slice())
    }

    /// All of it in one piece: a copy, if it has a block.
    pub(crate) fn to_whole(&self) -> Cow<'_, [u8]> {
        match &self.block {
            None => Cow::Borrowed(self.head.as_slice()),
            Some(block) => Cow::Owned([self.head.as_slice(), block].concat()),
        }
    }

    /// Becomes that of another message.
    #[inline]
    pub(crate) fn renew(&mut self, head: Vec<u8>, block: Option<Box<Bytes>>) {
        self.head = Payload::Owned(head);
        self.block = block.filter(|block| !block.is_empty());
    }

    /// Takes other bytes, in the same buffer.
    #[inline]
    pub(crate) fn refill(&mut self, with: &[u8]) {
        self.head.refill(with);
        self.block = None;
    }

    /// A second handle of the same bytes.
    pub(crate) fn share(&mut self) -> [Bytes; 2] {
        [self.head.shared(), self.block.as_deref().cloned().unwrap_or_default()]
    }
}

impl From<Payload> for Parts {
    #[inline]
    fn from(head: Payload) -> Self {
        Self { head, block: None }
    }
}

impl From<Vec<u8>> for Parts {
    #[inline]
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes, None)
    }
}
