use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep_until};

use super::{Connection, Registry};

/// Bytes after which the reader is made to look at what it has. actix reads until there is nothing more, or 128 KiB. With
/// many clients that send much, and buffers that grow by doubling, that was near half a MiB for each.
const IN_A_ROW: usize = 32 * 1024;

/// A stream that fails when its client has had its time.
#[derive(Debug)]
pub(crate) struct Timed {
    stream: TcpStream,
    /// Bytes that were read without a pause.
    in_a_row: usize,
    connection: Rc<Connection>,
    /// Rings at the deadline or before. It is not moved for a later one until it rings: connections
    /// that are in use would pay for that at each request.
    alarm: Pin<Box<Sleep>>,
    id: u64,
    registry: Rc<Registry>,
}

impl Timed {
    /// A connection that has just been accepted.
    pub(crate) fn new(stream: TcpStream, registry: &Rc<Registry>) -> Self {
        let (id, connection) = registry.admit();
        let deadline = connection.deadline().unwrap_or_else(Instant::now);
        Self {
            stream,
            in_a_row: 0,
            connection,
            alarm: Box::pin(sleep_until(deadline.into())),
            id,
            registry: Rc::clone(registry),
        }
    }

    /// What is known of it beside its bytes.
    pub(crate) fn connection(&self) -> &Rc<Connection> {
        &self.connection
    }

    /// Fails once the client has had its time, and sees to it that somebody asks again then.
    fn poll_patience(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if self.connection.is_evicted.get() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let Some(deadline) = self.connection.deadline() else {
            return Ok(());
        };
        if self.alarm.deadline() > deadline.into() {
            self.alarm.as_mut().reset(deadline.into());
        }
        while self.alarm.as_mut().poll(context).is_ready() {
            if deadline <= Instant::now() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.alarm.as_mut().reset(deadline.into());
        }
        Ok(())
    }
}

impl AsyncRead for Timed {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let timed = self.get_mut();
        if timed.in_a_row >= IN_A_ROW {
            timed.in_a_row = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        if Pin::new(&mut timed.stream)
            .poll_read(context, buffer)?
            .is_pending()
        {
            timed.in_a_row = 0;
            timed.connection.remember(context.waker());
            timed.poll_patience(context)?;
            return Poll::Pending;
        }
        let read = buffer.filled().len().saturating_sub(before);
        timed.in_a_row = timed.in_a_row.saturating_add(read);
        if read > 0 {
            timed.connection.has_read(Instant::now());
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Timed {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let timed = self.get_mut();
        match Pin::new(&mut timed.stream).poll_write(context, bytes)? {
            Poll::Ready(written) => {
                timed.connection.has_written(written, Instant::now());
                Poll::Ready(Ok(written))
            }
            Poll::Pending => {
                timed.connection.is_stuck(Instant::now());
                timed.poll_patience(context)?;
                Poll::Pending
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let timed = self.get_mut();
        // actix flushes when all that it has is written.
        if timed.connection.is_ending() {
            // If that fails, the client has gone, which the next read tells.
            let _ = Pin::new(&mut timed.stream).poll_shutdown(context);
        }
        Pin::new(&mut timed.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        self.registry.leave(self.id);
    }
}
