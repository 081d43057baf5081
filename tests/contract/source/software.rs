//! The software source keeps the contract of `Source`.

use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Wake, Waker};
use std::thread;

use interrupt_lock::source::{EdgeHandle, LevelHandle, Ready, Removal, Software};
use interrupt_lock::{SourceError, Trigger, source::Source};
use static_assertions::assert_impl_all;
use support::wakes::Wakes;

assert_impl_all!(EdgeHandle: Clone, Send, Sync);
assert_impl_all!(LevelHandle: Clone, Send, Sync);
assert_impl_all!(Software: Send);

#[test]
fn info_tells_the_kind_and_the_number() {
    let (edge, _handle) = Software::edge();
    assert_eq!(edge.info().trigger, Some(Trigger::Edge));
    assert_eq!(edge.info().message_number, None);
    let (message, _handle) = Software::message(7);
    assert_eq!(message.info().trigger, Some(Trigger::Message));
    assert_eq!(message.info().message_number, Some(7));
    assert_eq!(message.info().message_signaled, Some(true));
    let (mut level, _handle) = Software::level();
    assert_eq!(level.info().trigger, Some(Trigger::Level));
    assert_eq!(level.info().message_signaled, Some(false));
    assert!(matches!(level.ready(), Ready::Waker));
}

#[test]
fn edges_are_counted_and_each_wakes() {
    let (mut source, handle) = Software::edge();
    let (wakes, waker) = Wakes::new();
    source.connect(&waker).unwrap();
    assert_eq!(wakes.count(), 0);
    for _ in 0..3 {
        handle.assert();
    }
    assert_eq!(wakes.count(), 3);
    assert_eq!(source.take(), Ok(3));
    assert_eq!(source.take(), Ok(0));
    source.unmask().unwrap();
    assert_eq!(source.take(), Ok(0));
}

#[test]
fn an_edge_before_the_connection_is_drained_before_it() {
    let (mut source, handle) = Software::edge();
    handle.assert();
    assert_eq!(source.take(), Ok(1));
    source.connect(Waker::noop()).unwrap();
    assert_eq!(source.take(), Ok(0));
}

#[test]
fn an_undrained_edge_from_before_the_connection_never_counts_as_signalled() {
    let (mut source, handle) = Software::edge();
    let (wakes, waker) = Wakes::new();
    handle.assert();
    source.connect(&waker).unwrap();
    assert_eq!((wakes.count(), source.take()), (0, Ok(0)));
    source.disconnect().unwrap();
    assert_eq!(source.take(), Ok(0), "what was signalled");
    assert_eq!(source.take(), Ok(1), "what is stale: late, not lost");
}

#[test]
fn a_disconnected_source_counts_edges_apart() {
    let (mut source, handle) = Software::edge();
    let (wakes, waker) = Wakes::new();
    source.connect(&waker).unwrap();
    handle.assert();
    handle.assert();
    source.disconnect().unwrap();
    handle.assert();
    assert_eq!(wakes.count(), 2, "nobody is connected to be woken");
    assert_eq!(source.take(), Ok(2), "what was signalled");
    assert_eq!(source.take(), Ok(1), "what is stale");
    assert_eq!(source.take(), Ok(0));

    source.connect(&waker).unwrap();
    source.disconnect().unwrap();
    handle.assert();
    assert_eq!(source.take(), Ok(0), "nothing was signalled");
    assert_eq!(source.take(), Ok(1), "what is stale");
}

#[test]
fn what_was_signalled_and_never_taken_is_stale_at_the_next_connection() {
    let (mut source, handle) = Software::edge();
    source.connect(Waker::noop()).unwrap();
    handle.assert();
    source.disconnect().unwrap();
    source.connect(Waker::noop()).unwrap();
    assert_eq!(source.take(), Ok(0));
    source.disconnect().unwrap();
    assert_eq!((source.take(), source.take()), (Ok(0), Ok(1)));
}

#[test]
fn connecting_and_disconnecting_twice_loses_nothing() {
    let (mut source, handle) = Software::edge();
    let (wakes, waker) = Wakes::new();
    source.disconnect().unwrap();
    source.connect(Waker::noop()).unwrap();
    handle.assert();
    source.connect(&waker).unwrap();
    assert_eq!(wakes.count(), 1, "the new waker is told what the old one was");
    source.disconnect().unwrap();
    source.disconnect().unwrap();
    assert_eq!(source.take(), Ok(1));
}

#[test]
fn a_level_signals_once_and_masks_itself() {
    let (mut line, handle) = Software::level();
    let (wakes, waker) = Wakes::new();
    line.connect(&waker).unwrap();
    handle.assert();
    handle.assert();
    handle.deassert();
    handle.assert();
    assert_eq!(line.take(), Ok(1));
    handle.deassert();
    handle.assert();
    assert_eq!(line.take(), Ok(0), "masked");
    let woken = wakes.count();
    line.unmask().unwrap();
    assert_eq!(wakes.count(), woken + 1, "asserted as it was unmasked");
    assert_eq!(line.take(), Ok(1));
    handle.deassert();
    line.unmask().unwrap();
    assert_eq!((wakes.count(), line.take()), (woken + 1, Ok(0)));
    handle.assert();
    assert_eq!((wakes.count(), line.take()), (woken + 2, Ok(1)));
}

#[test]
fn a_level_asserted_at_connection_signals() {
    let (mut line, handle) = Software::level();
    let (wakes, waker) = Wakes::new();
    handle.assert();
    assert_eq!(line.take(), Ok(0), "a level is not counted");
    line.connect(&waker).unwrap();
    assert_eq!((wakes.count(), line.take()), (1, Ok(1)));

    // A connection opens the line, also one that was masked when it ended.
    line.disconnect().unwrap();
    assert_eq!(line.take(), Ok(0));
    line.connect(&waker).unwrap();
    assert_eq!((wakes.count(), line.take()), (2, Ok(1)));
}

#[test]
fn what_a_level_signalled_stays_through_deassertion_and_disconnection() {
    let (mut line, handle) = Software::level();
    line.connect(Waker::noop()).unwrap();
    handle.assert();
    handle.deassert();
    line.disconnect().unwrap();
    handle.assert();
    line.unmask().unwrap();
    assert_eq!((line.take(), line.take()), (Ok(1), Ok(0)));
}

#[test]
fn a_removed_source_answers_nothing_else() {
    let (mut source, handle) = Software::edge();
    let (wakes, waker) = Wakes::new();
    source.connect(&waker).unwrap();
    handle.assert();
    assert_eq!(source.removal(), None);
    handle.remove();
    assert_eq!(wakes.count(), 2);
    assert_eq!(source.removal(), Some(Removal::Surprise));
    assert_eq!(source.take(), Err(SourceError::Removed));
    assert_eq!(source.unmask(), Err(SourceError::Removed));
    assert_eq!(source.disconnect(), Err(SourceError::Removed));
    assert_eq!(source.connect(&waker), Err(SourceError::Removed));
    handle.assert();
    assert_eq!(wakes.count(), 2);
}

#[test]
fn a_requested_removal_wakes_and_leaves_all_else() {
    let (mut line, handle) = Software::level();
    handle.request_removal();
    let (wakes, waker) = Wakes::new();
    line.connect(&waker).unwrap();
    assert_eq!(wakes.count(), 1, "requested before it was connected");
    assert_eq!(line.removal(), Some(Removal::Requested));
    handle.assert();
    assert_eq!(line.take(), Ok(1));
    handle.remove();
    assert_eq!(line.removal(), Some(Removal::Surprise));
}

#[test]
fn the_waker_goes_with_the_connection() {
    let (mut source, handle) = Software::edge();
    let (wakes, waker) = Wakes::new();
    source.connect(&waker).unwrap();
    drop(waker);
    assert_eq!(Arc::strong_count(&wakes), 2);
    source.disconnect().unwrap();
    assert_eq!(Arc::strong_count(&wakes), 1);
    source.connect(&Arc::clone(&wakes).into()).unwrap();
    drop(source);
    assert_eq!(Arc::strong_count(&wakes), 1);
    handle.assert();
    assert_eq!(wakes.count(), 0);
}

/// A waker may use the source and its handles: none of their locks is held as it runs.
#[test]
fn a_waker_may_serve_at_once() {
    #[derive(Default)]
    struct Server {
        source: OnceLock<Mutex<Software>>,
        handle: OnceLock<EdgeHandle>,
        taken: Mutex<Vec<u64>>,
    }
    impl Wake for Server {
        fn wake(self: Arc<Self>) {
            let waker = Waker::from(Arc::clone(&self));
            let mut source = self.source.get().unwrap().lock().unwrap();
            self.taken.lock().unwrap().push(source.take().unwrap());
            source.disconnect().unwrap();
            self.handle.get().unwrap().assert();
            source.connect(&waker).unwrap();
        }
    }

    let server = Arc::<Server>::default();
    let (mut source, handle) = Software::edge();
    source.connect(&Arc::clone(&server).into()).unwrap();
    server.source.set(Mutex::new(source)).unwrap();
    server.handle.set(handle.clone()).unwrap();
    handle.assert();
    handle.assert();
    assert_eq!(*server.taken.lock().unwrap(), [1, 1]);
    // Break the cycle of waker and source.
    server.source.get().unwrap().lock().unwrap().disconnect().unwrap();
}

/// However many threads assert, no edge is lost and none is counted twice. The taker sleeps until it is woken.
#[test]
fn stress_every_edge_is_taken_once() {
    const THREADS: u64 = 4;
    const EACH: u64 = 20_000;

    let (mut source, handle) = Software::edge();
    let (wakes, waker) = Wakes::new();
    source.connect(&waker).unwrap();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            let handle = handle.clone();
            scope.spawn(move || (0..EACH).for_each(|_| handle.assert()));
        }
        let (mut taken, mut seen) = (0, 0);
        while taken < THREADS * EACH {
            seen = wakes.wait_past(seen);
            taken += source.take().unwrap();
        }
        assert_eq!(taken, THREADS * EACH);
    });
    assert_eq!(source.take(), Ok(0));
}

/// The same while the source is connected and disconnected: each edge is either signalled or stale.
#[test]
fn stress_every_edge_is_signalled_or_stale() {
    const THREADS: u64 = 4;
    const EACH: u64 = 20_000;

    let (mut source, handle) = Software::edge();
    let (mut signalled, mut stale) = (0, 0);
    thread::scope(|scope| {
        let asserting: Vec<_> = (0..THREADS)
            .map(|_| {
                let handle = handle.clone();
                scope.spawn(move || (0..EACH).for_each(|_| handle.assert()))
            })
            .collect();
        while !asserting.iter().all(|thread| thread.is_finished()) {
            stale += source.take().unwrap();
            source.connect(Waker::noop()).unwrap();
            signalled += source.take().unwrap();
            source.disconnect().unwrap();
            signalled += source.take().unwrap();
        }
    });
    stale += source.take().unwrap();
    assert_eq!(signalled + stale, THREADS * EACH);
}

/// A device asserts its line for each request, and a driver serves the requests and deasserts. No request is left
/// behind, in whatever order assertion, mask and unmask come.
#[test]
fn stress_a_level_never_loses_a_request() {
    const REQUESTS: u64 = 20_000;

    let (mut line, handle) = Software::level();
    let (wakes, waker) = Wakes::new();
    let pending = Mutex::new(0);
    line.connect(&waker).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..REQUESTS {
                let mut pending = pending.lock().unwrap();
                *pending += 1;
                handle.assert();
            }
        });
        let (mut served, mut seen) = (0, 0);
        while served < REQUESTS {
            seen = wakes.wait_past(seen);
            while line.take().unwrap() != 0 {
                let mut pending = pending.lock().unwrap();
                served += std::mem::take(&mut *pending);
                handle.deassert();
                drop(pending);
                line.unmask().unwrap();
            }
        }
    });
    assert_eq!(line.take(), Ok(0));
}
