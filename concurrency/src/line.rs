//! A byte stream between two tasks, which can be cut at any moment.

use shuttle::sync::Mutex;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Both directions of a stream.
pub struct Line {
    ways: Mutex<[Way; 2]>,
    capacity: usize,
}

#[derive(Default)]
struct Way {
    bytes: VecDeque<u8>,
    /// Nothing follows.
    ended: bool,
    /// Both ends know that it is broken.
    cut: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Way {
    fn wakers(&mut self) -> [Option<Waker>; 2] {
        [self.reader.take(), self.writer.take()]
    }
}

/// One end of a line.
pub struct End {
    line: Arc<Line>,
    /// The direction in which this end writes.
    writes: usize,
}

/// Two ends; so many bytes fit in each direction.
pub fn line(capacity: usize) -> (End, End, Arc<Line>) {
    let line = Arc::new(Line { ways: Mutex::default(), capacity });
    (End { line: line.clone(), writes: 0 }, End { line: line.clone(), writes: 1 }, line)
}

impl Line {
    /// The connection breaks: what is on its way is lost, and both ends hear of it.
    pub fn cut(&self) {
        self.change(|ways| {
            ways.iter_mut()
                .flat_map(|way| {
                    (way.cut, way.bytes) = (true, VecDeque::new());
                    way.wakers()
                })
                .collect()
        });
    }

    fn change(&self, change: impl FnOnce(&mut [Way; 2]) -> Vec<Option<Waker>>) {
        let wakers = change(&mut self.ways.lock().unwrap());
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

fn broken<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
}

impl AsyncRead for End {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut ways = self.line.ways.lock().unwrap();
        let way = &mut ways[1 - self.writes];
        if way.cut {
            return broken();
        }
        if way.bytes.is_empty() && !way.ended {
            way.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = way.bytes.len().min(into.remaining());
        let bytes: Vec<u8> = way.bytes.drain(..count).collect();
        into.put_slice(&bytes);
        let writer = way.writer.take();
        drop(ways);
        writer.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut ways = self.line.ways.lock().unwrap();
        let way = &mut ways[self.writes];
        if way.cut || way.ended {
            return broken();
        }
        let count = bytes.len().min(self.line.capacity - way.bytes.len());
        if count == 0 {
            way.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        way.bytes.extend(&bytes[..count]);
        let reader = way.reader.take();
        drop(ways);
        reader.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let writes = self.writes;
        self.line.change(|ways| {
            ways[writes].ended = true;
            ways[writes].wakers().into()
        });
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let (writes, reads) = (self.writes, 1 - self.writes);
        self.line.change(|ways| {
            ways[writes].ended = true;
            ways[reads].cut = true;
            ways.iter_mut().flat_map(Way::wakers).collect()
        });
    }
}
