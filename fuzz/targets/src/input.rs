//! Bytes of the fuzzer, read as decisions. A byte a decision wherever that is enough: so inputs stay short, and what the
//! fuzzer moves about keeps its meaning. When there are no more, everything is zero.

use arbitrary::Unstructured;

pub(crate) struct Input<'a>(Unstructured<'a>);

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(Unstructured::new(bytes))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.0.arbitrary().unwrap_or_default()
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Happens once in so many times.
    pub(crate) fn once_in(&mut self, times: u8) -> bool {
        self.below(times) == times - 1
    }

    /// Below a small number.
    pub(crate) fn below(&mut self, limit: u8) -> u8 {
        self.byte() % limit
    }

    pub(crate) fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[usize::from(self.byte()) % all.len()].clone()
    }

    pub(crate) fn u16(&mut self) -> u16 {
        self.0.arbitrary().unwrap_or_default()
    }

    pub(crate) fn u32(&mut self) -> u32 {
        self.0.arbitrary().unwrap_or_default()
    }

    pub(crate) fn u64(&mut self) -> u64 {
        self.0.arbitrary().unwrap_or_default()
    }

    /// As many as there are, at most.
    pub(crate) fn bytes(&mut self, length: usize) -> &'a [u8] {
        self.0.bytes(length.min(self.0.len())).unwrap_or_default()
    }

    /// So many bytes as one byte says.
    pub(crate) fn block(&mut self) -> &'a [u8] {
        let length = self.byte();
        self.bytes(usize::from(length))
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        self.bytes(self.0.len())
    }

    /// A short text, mostly of letters.
    pub(crate) fn text(&mut self) -> String {
        let length = self.below(12);
        String::from_utf8_lossy(self.bytes(usize::from(length))).into_owned()
    }
}
