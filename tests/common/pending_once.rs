//! A future that is pending at its first poll.

use std::pin::Pin;
use std::task::{Context, Poll};

/// True once it has been polled.
#[derive(Debug, Default)]
pub(crate) struct PendingOnce(bool);

impl Future for PendingOnce {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        context.waker().wake_by_ref();
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}
