//! A byte stream with its two buffers: one large read, many frames in it; one write for all that has gathered.
//!
//! A connection that has nothing to do holds no buffer: both come from the thread's pool and go back to it.

use crate::segments::{PIECES, Segments};
use crate::stream::Stream;
use rpc_core::limits::FRAME_MAX;
use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What one read may bring. Larger than most bursts, so that a read comes back short: that tells the runtime, without
/// another system call, that the socket is empty.
const READ_LEN: usize = 64 << 10;

/// How far the read buffer grows while it holds the beginning of a frame: the longest frame, and as much again of what
/// follows it. `docs/overload.md` and `Limits::connections_max` say so.
const READ_MAX: usize = 4 * FRAME_MAX;

/// Write buffers that have grown beyond this are not kept.
const WRITE_KEPT: usize = 256 << 10;

/// Buffers of either kind that a thread keeps for its connections.
const POOLED: usize = 8;

thread_local! {
    // Zeroed once, at their full length: safe code cannot read into memory that was never written.
    static READS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    static WRITES: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// One connection's byte stream, with what was read and is not used yet, and what is to be written.
pub(crate) struct Pipe {
    stream: Stream,
    /// Empty (no memory), [shrunk](Pipe::shrink), or at least [`READ_LEN`] long; `start..end` of it is unread.
    read: Vec<u8>,
    start: usize,
    end: usize,
    write: Segments,
    /// Bytes were handed to the stream that it may still keep in a buffer of its own.
    dirty: bool,
    /// The stream did not take all of what was left to be written.
    full: bool,
    /// It has taken more since.
    progress: bool,
    /// Bytes that came and went since this was last asked for.
    moved: usize,
}

impl Pipe {
    pub(crate) fn new(stream: Stream) -> Self {
        let (read, write) = (Vec::new(), Segments::default());
        Self { stream, read, start: 0, end: 0, write, dirty: false, full: false, progress: false, moved: 0 }
    }

    /// Reads once, after what is unread already. `Ready(0)` is the end of the stream.
    pub(crate) fn poll_read_some(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.make_room();
        debug_assert!(self.end < self.read.len(), "a read without room looks like the stream's end");
        let mut into = ReadBuf::new(&mut self.read[self.end..]);
        let polled = Pin::new(&mut self.stream).poll_read(cx, &mut into);
        let count = into.filled().len();
        match polled {
            Poll::Ready(Ok(())) => {
                self.end += count;
                self.moved += count;
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.release_read();
                Poll::Pending
            }
        }
    }

    /// What was read and is not used yet.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.read[self.start..self.end]
    }

    /// Gives the read buffer back and keeps no more than what is unread.
    pub(crate) fn shrink(&mut self) {
        let unread = self.unread().to_vec();
        (self.start, self.end) = (0, 0);
        self.release_read();
        self.end = unread.len();
        self.read = unread;
    }

    /// Marks the first `count` unread bytes as used, or all if there are fewer.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Where to append what is to be written.
    pub(crate) fn outgoing(&mut self) -> &mut Segments {
        if self.write.capacity() == 0 && self.write.is_empty() {
            let buffer = WRITES.with_borrow_mut(Vec::pop).unwrap_or_default();
            self.write = Segments::new(buffer, !self.stream.is_write_vectored());
        }
        &mut self.write
    }

    /// Whether everything that was appended has been handed to the stream.
    pub(crate) fn is_flushed(&self) -> bool {
        self.write.is_empty() && !self.dirty
    }

    /// Writes all of [`Pipe::outgoing`]. `Pending` means that the stream takes no more now; the task is woken when it does.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.write.is_empty() {
            self.dirty = true;
            let polled = self.poll_write(cx);
            let was_full = std::mem::replace(&mut self.full, polled.is_pending());
            let count = ready!(polled)?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.progress |= was_full;
            self.moved += count;
            self.write.advance(count);
        }
        self.release_write();
        if self.dirty {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.dirty = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.stream);
        if let Some(bytes) = self.write.lone() {
            return stream.poll_write(cx, bytes);
        }
        let mut pieces = [IoSlice::new(&[]); PIECES];
        let count = self.write.pieces(&mut pieces);
        stream.poll_write_vectored(cx, &pieces[..count])
    }

    /// Whether the stream was full and has taken more since the last time that this was asked.
    pub(crate) fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.progress)
    }

    /// Bytes that were read and written since the last time that this was asked.
    pub(crate) fn take_moved(&mut self) -> usize {
        std::mem::take(&mut self.moved)
    }

    /// Tells the peer that nothing follows. To be called after [`Pipe::poll_flush`] is done.
    pub(crate) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    /// Sees to it that there is room for one large read.
    fn make_room(&mut self) {
        if self.read.len() < READ_LEN {
            let shrunk = std::mem::take(&mut self.read);
            self.read = READS.with_borrow_mut(Vec::pop).unwrap_or_else(|| vec![0; READ_LEN]);
            self.read[..shrunk.len()].copy_from_slice(&shrunk);
        }
        if self.start > 0 && self.read.len() - self.end < READ_LEN {
            self.read.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        // More than half full with the beginning of one frame: the rest of it must fit too.
        if self.read.len() < READ_MAX && self.end > self.read.len() / 2 {
            self.read.resize(READ_MAX, 0);
        }
    }

    fn release_read(&mut self) {
        if self.start < self.end || self.read.is_empty() {
            return;
        }
        let read = std::mem::take(&mut self.read);
        if read.len() >= READ_LEN {
            READS.with_borrow_mut(|pool| {
                if pool.len() < POOLED {
                    pool.push(read)
                }
            });
        }
    }

    fn release_write(&mut self) {
        if self.write.capacity() == 0 {
            return;
        }
        let mut write = std::mem::take(&mut self.write).into_buffer();
        write.clear();
        if write.capacity() <= WRITE_KEPT {
            WRITES.with_borrow_mut(|pool| {
                if pool.len() < POOLED {
                    pool.push(write)
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::in_process;
    use bytes::Bytes;
    use rpc_core::Transmit;
    use std::future::poll_fn;
    use std::sync::{Arc, Mutex};
    use tokio::io::AsyncWriteExt;

    #[tokio::test]
    async fn what_is_not_consumed_is_read_on_from() {
        let (mut far, near) = in_process();
        let mut pipe = Pipe::new(Stream::other(near));
        far.write_all(b"abcdef").await.unwrap();
        assert_eq!(poll_fn(|cx| pipe.poll_read_some(cx)).await.unwrap(), 6);
        pipe.consume(4);
        far.write_all(b"gh").await.unwrap();
        assert_eq!(poll_fn(|cx| pipe.poll_read_some(cx)).await.unwrap(), 2);
        assert_eq!(pipe.unread(), b"efgh");
    }

    #[tokio::test]
    async fn the_longest_frame_fits() {
        let (mut far, near) = in_process();
        let mut pipe = Pipe::new(Stream::other(near));
        let sent: Vec<u8> = (0..=255).cycle().take(FRAME_MAX).collect();
        far.write_all(&sent).await.unwrap();
        while pipe.unread().len() < FRAME_MAX {
            assert!(poll_fn(|cx| pipe.poll_read_some(cx)).await.unwrap() > 0);
        }
        assert_eq!(pipe.unread(), sent);
    }

    #[tokio::test]
    async fn the_beginning_of_a_frame_holds_no_more_than_is_documented() {
        for piece in [1000, 40 << 10, FRAME_MAX - 1] {
            let (mut far, near) = in_process();
            let mut pipe = Pipe::new(Stream::other(near));
            for part in vec![0; FRAME_MAX - 1].chunks(piece) {
                far.write_all(part).await.unwrap();
                while poll_fn(|cx| Poll::Ready(pipe.poll_read_some(cx).is_ready())).await {}
            }
            assert_eq!(pipe.unread().len(), FRAME_MAX - 1);
            assert!(pipe.read.capacity() <= 289 << 10, "{} bytes are held", pipe.read.capacity());
        }
    }

    /// Takes everything, and notes what each write was given.
    struct Writes {
        vectored: bool,
        pieces: Arc<Mutex<Vec<Vec<Bytes>>>>,
    }

    impl Writes {
        fn take(&self, pieces: &[&[u8]]) -> Poll<io::Result<usize>> {
            let noted = pieces.iter().map(|piece| Bytes::copy_from_slice(piece)).collect();
            self.pieces.lock().unwrap().push(noted);
            Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum()))
        }
    }

    impl AsyncRead for Writes {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Writes {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            self.take(&[bytes])
        }
        fn poll_write_vectored(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            pieces: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            match self.vectored {
                true => self.take(&pieces.iter().map(|piece| &piece[..]).collect::<Vec<_>>()),
                // What a stream does that says nothing else.
                false => self.poll_write(cx, pieces.iter().find(|piece| !piece.is_empty()).unwrap()),
            }
        }
        fn is_write_vectored(&self) -> bool {
            self.vectored
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// The pieces of each write, when the parts of a large message are written twice.
    async fn written(vectored: bool) -> Vec<Vec<Bytes>> {
        let pieces = Arc::default();
        let mut pipe = Pipe::new(Stream::other(Writes { vectored, pieces: Arc::clone(&pieces) }));
        for _ in 0..2 {
            for block in ["1111", "2222"] {
                pipe.outgoing().bytes().extend_from_slice(b"head");
                pipe.outgoing().block(Bytes::from_static(block.as_bytes()));
            }
            poll_fn(|cx| pipe.poll_flush(cx)).await.unwrap();
        }
        drop(pipe);
        Arc::into_inner(pieces).unwrap().into_inner().unwrap()
    }

    #[tokio::test]
    async fn a_stream_that_writes_from_one_place_at_a_time_is_given_everything_in_one() {
        assert_eq!(written(false).await, [[&b"head1111head2222"[..]]; 2]);
    }

    #[tokio::test]
    async fn a_stream_that_writes_from_several_places_is_given_blocks_where_they_lie() {
        assert_eq!(written(true).await, [[&b"head"[..], b"1111", b"head", b"2222"]; 2]);
    }

    #[tokio::test]
    async fn a_shrunk_pipe_holds_what_is_unread_and_reads_on() {
        let (mut far, near) = in_process();
        let mut pipe = Pipe::new(Stream::other(near));
        far.write_all(b"abcdef").await.unwrap();
        poll_fn(|cx| pipe.poll_read_some(cx)).await.unwrap();
        pipe.consume(4);
        pipe.shrink();
        assert_eq!((pipe.unread(), pipe.read.capacity()), (&b"ef"[..], 2));
        far.write_all(b"gh").await.unwrap();
        poll_fn(|cx| pipe.poll_read_some(cx)).await.unwrap();
        assert_eq!(pipe.unread(), b"efgh");
    }

    #[tokio::test]
    async fn progress_is_what_a_stream_takes_that_was_full() {
        let (mut far, near) = tokio::io::duplex(8);
        let mut pipe = Pipe::new(Stream::other(near));
        pipe.outgoing().bytes().extend_from_slice(b"it fits");
        poll_fn(|cx| pipe.poll_flush(cx)).await.unwrap();
        pipe.outgoing().bytes().extend_from_slice(b"this does not");
        let flush = async |pipe: &mut Pipe| poll_fn(|cx| Poll::Ready(pipe.poll_flush(cx).is_ready())).await;
        assert!(!flush(&mut pipe).await);
        assert!(!pipe.take_progress());
        tokio::io::AsyncReadExt::read_exact(&mut far, &mut [0; 4]).await.unwrap();
        assert!(!flush(&mut pipe).await);
        assert!(pipe.take_progress() && !pipe.take_progress());
    }

    #[tokio::test]
    async fn an_idle_pipe_holds_no_buffers() {
        let (mut far, near) = in_process();
        let mut pipe = Pipe::new(Stream::other(near));
        far.write_all(b"abc").await.unwrap();
        poll_fn(|cx| pipe.poll_read_some(cx)).await.unwrap();
        pipe.consume(3);
        pipe.outgoing().bytes().extend_from_slice(b"answer");
        poll_fn(|cx| pipe.poll_flush(cx)).await.unwrap();
        assert!(poll_fn(|cx| Poll::Ready(pipe.poll_read_some(cx).is_pending())).await);
        assert_eq!((pipe.read.capacity(), pipe.write.capacity()), (0, 0));
    }
}
