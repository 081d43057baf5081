//! Loops of a driver's own. The guide's page `from_a_loop` shows them as they are here.
//!
//! Each waits on the descriptor of an interrupt and calls `serve` when it is readable, until `serve` returns `false`.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::event::epoll::EventFlags;

// guide: poll
pub fn with_poll(signal: OwnedFd, mut serve: impl FnMut() -> bool) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};

    while {
        poll(&mut [PollFd::new(&signal, PollFlags::IN)], None)?;
        serve()
    } {}
    Ok(())
}
// guide: end

// guide: epoll
/// Level-triggered with `flags` of `IN`, edge-triggered with `IN | ET`.
pub fn with_epoll(signal: OwnedFd, flags: EventFlags, mut serve: impl FnMut() -> bool) -> io::Result<()> {
    use rustix::event::epoll::{CreateFlags, EventData, add, create, wait};

    let epoll = create(CreateFlags::CLOEXEC)?;
    add(&epoll, &signal, EventData::new_u64(0), flags)?;
    let mut events = Vec::with_capacity(8);
    while {
        wait(&epoll, rustix::buffer::spare_capacity(&mut events), None)?;
        events.drain(..).all(|_| serve())
    } {}
    Ok(())
}
// guide: end

// guide: mio
pub fn with_mio(signal: OwnedFd, mut serve: impl FnMut() -> bool) -> io::Result<()> {
    use mio::{Events, Interest, Poll, Token, unix::SourceFd};

    let mut poll = Poll::new()?;
    poll.registry().register(&mut SourceFd(&signal.as_raw_fd()), Token(0), Interest::READABLE)?;
    let mut events = Events::with_capacity(8);
    while {
        poll.poll(&mut events, None)?;
        events.iter().all(|_| serve())
    } {}
    Ok(())
}
// guide: end

// guide: calloop
pub fn with_calloop(signal: OwnedFd, mut serve: impl FnMut() -> bool) -> io::Result<()> {
    use calloop::{EventLoop, Interest, Mode, PostAction, generic::Generic};

    let mut event_loop = EventLoop::try_new()?;
    let source = Generic::new(signal, Interest::READ, Mode::Level);
    let insert = event_loop.handle().insert_source(source, |_, _, go_on: &mut bool| {
        *go_on = serve();
        Ok(PostAction::Continue)
    });
    insert.map_err(|refused| refused.error)?;
    let mut go_on = true;
    while go_on {
        event_loop.dispatch(None, &mut go_on)?;
    }
    Ok(())
}
// guide: end

// guide: tokio
pub async fn with_tokio(signal: OwnedFd, mut serve: impl FnMut() -> bool) -> io::Result<()> {
    use tokio::io::{Interest, unix::AsyncFd};

    // SAFETY: the descriptor is open as long as the `AsyncFd` owns it.
    let signal = unsafe { AsyncFd::register_with_interest(signal, Interest::READABLE)? };
    while {
        signal.readable().await?.clear_ready(); // first: what is signalled while `serve` runs counts again
        serve()
    } {}
    Ok(())
}
// guide: end
