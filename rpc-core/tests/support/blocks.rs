//! Blocks of bytes that are not copied, and whether anybody still holds one.

use super::Pair;
use bytes::Bytes;
use rpc_core::client::{BindingId, CallKey, NewCall};
use rpc_core::server::Completion;
use rpc_core::service::Verdict;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Makes blocks, and counts the bytes of those that have not been let go.
#[derive(Clone, Default)]
pub struct Blocks(Arc<AtomicUsize>);

struct Block {
    bytes: Vec<u8>,
    held: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes.len(), Ordering::SeqCst);
    }
}

impl Blocks {
    pub fn make(&self, bytes: &[u8]) -> Box<Bytes> {
        self.0.fetch_add(bytes.len(), Ordering::SeqCst);
        Box::new(Bytes::from_owner(Block { bytes: bytes.to_vec(), held: self.0.clone() }))
    }

    /// Bytes of those that somebody holds.
    pub fn held(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// The end of a handler whose result is all of this, of which what stands behind `head` bytes is a block.
    pub fn completion(&self, verdict: Verdict, whole: &[u8], head: usize) -> Completion {
        let (head, block) = whole.split_at(head.min(whole.len()));
        Completion::Block(verdict, head.to_vec(), self.make(block))
    }

    /// Starts a call whose arguments are all of this, of which what stands behind `head` bytes is a block.
    pub fn start(
        &self,
        pair: &mut Pair,
        (binding, method): (BindingId, u16),
        whole: &[u8],
        head: usize,
        timeout: Duration,
    ) -> CallKey {
        let (head, block) = whole.split_at(head.min(whole.len()));
        let (deadline, payload) = (pair.now + timeout, head.to_vec());
        let call = NewCall { binding, method, deadline, timeout, metadata: None, payload, fail_fast: false };
        let key = pair.client.start_with(pair.now, call, Some(self.make(block)));
        pair.pump();
        key
    }
}
