//! Events of Windows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use interrupt_lock::source::{SharedLine, Source};
use interrupt_lock::windows::{Event, EventSignaller};
use interrupt_lock::{Claim, Dispatcher, ErrorKind, Interrupt, NoWorkItem, SourceError, Transition, Trigger};
use support::{until, watchdog};

/// A device that counts its requests, and signals an event for each.
struct Device {
    requests: AtomicU64,
    event: EventSignaller,
}

impl Device {
    fn request(&self) {
        self.requests.fetch_add(1, SeqCst);
        self.event.signal().unwrap();
    }
}

/// An interrupt that counts the requests which its ISR has found at the device.
fn served(event: Event, dispatcher: Option<&Dispatcher>) -> (Arc<Device>, Interrupt<u64, NoWorkItem>) {
    let device = Arc::new(Device { requests: AtomicU64::new(0), event: event.signaller() });
    let its = device.clone();
    let builder = Interrupt::builder(0).isr(move |found| {
        match its.requests.swap(0, SeqCst) {
            // Signalled once too often: the ISR of the signal before has found the request.
            0 => Claim::Unclaimed,
            requests => {
                **found += requests;
                Claim::Claimed
            }
        }
    });
    let builder = builder.source(event);
    let interrupt = match dispatcher {
        Some(dispatcher) => builder.dispatcher(dispatcher).build(),
        None => builder.build(),
    };
    (device, interrupt.unwrap())
}

/// How many rounds, and how many signals in each: `EVENT_ROUNDS` has it run longer.
fn rounds() -> u64 {
    std::env::var("EVENT_ROUNDS").map_or(200, |rounds| rounds.parse().unwrap())
}
const SIGNALS: u64 = 800;

/// A disable at a random moment after a signal: the ISR has run for it, and nothing comes later.
// Caught: a `take` that does not settle; a wait that ends its round before it notes.
#[test]
fn e2_a_disable_loses_no_signal_of_an_event() {
    watchdog(|| {
        let (device, interrupt) = served(Event::auto_reset().unwrap(), None);
        let (mut seed, mut signalled) = (1_u64, 0);
        for round in 0..rounds() {
            interrupt.enable().unwrap();
            for _ in 0..SIGNALS {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                for _ in 0..seed % 64 {
                    std::hint::spin_loop();
                }
                device.request();
                signalled += 1;
                if seed % SIGNALS == 0 {
                    break;
                }
            }
            interrupt.disable().unwrap();
            assert_eq!(device.requests.load(SeqCst), 0, "round {round}: the ISR has not run for the last signal");
            assert_eq!(interrupt.stats().stale, 0, "round {round}: a signal from before the disable came after it");
        }
        assert_eq!(*interrupt.acquire_interrupt_lock(), signalled);
    });
}

/// A signal that has been made is taken by the next look, though a dispatcher's wait may just have taken it.
// Caught: a `take` that does not settle.
#[test]
fn l12_an_event_that_was_signalled_before_a_closure_is_served_before_it() {
    watchdog(|| {
        let (device, interrupt) = served(Event::auto_reset().unwrap(), None);
        interrupt.enable().unwrap();
        for round in 1..=2_000 {
            let guard = interrupt.acquire_interrupt_lock();
            device.request();
            interrupt.run_or_defer(move |found| assert_eq!(*found, round)).unwrap();
            drop(guard);
        }
        assert_eq!(interrupt.fault(), None);
    });
}

/// 200 events on one dispatcher: its own thread has room for 63.
// Caught: events beyond the first thread's that nobody waits for; a thread that waits on after its event is gone.
#[test]
fn i16_one_dispatcher_serves_more_events_than_one_thread_can_wait_for() {
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        let all: Vec<_> = (0..200).map(|_| served(Event::auto_reset().unwrap(), Some(&dispatcher))).collect();
        for round in 1..=5 {
            for (_, interrupt) in &all {
                interrupt.enable().unwrap();
            }
            for (device, _) in &all {
                device.request();
            }
            for (_, interrupt) in &all {
                until(|| *interrupt.acquire_interrupt_lock() == round);
                interrupt.disable().unwrap();
            }
        }
        assert!(all.iter().all(|(_, interrupt)| interrupt.stats().stale == 0 && interrupt.fault().is_none()));
    });
}

/// Interrupts that are enabled at once on one dispatcher, about as many as its own thread has room for.
// Caught: two that both find the last room.
#[test]
fn i16_events_that_are_enabled_at_once_find_room() {
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        let all: Vec<_> = (0..80).map(|_| served(Event::auto_reset().unwrap(), Some(&dispatcher))).collect();
        for round in 1..=20 {
            std::thread::scope(|scope| {
                for some in all.chunks(10) {
                    scope.spawn(move || {
                        for (_, interrupt) in some {
                            assert_eq!(interrupt.enable().unwrap(), Transition::Done);
                        }
                    });
                }
            });
            for (device, interrupt) in &all {
                device.request();
                until(|| *interrupt.acquire_interrupt_lock() == round);
                interrupt.disable().unwrap();
            }
        }
    });
}

/// The system tells the first handle that is signalled, so a busy one could hide those behind it.
// Caught: a round that serves the first event only.
#[test]
fn i16_a_busy_event_starves_no_other() {
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        let busy = Event::auto_reset().unwrap();
        let (again, start) = (busy.signaller(), busy.signaller());
        let first = Interrupt::builder(0_u64)
            .isr(move |runs| {
                **runs += 1;
                again.signal().unwrap(); // at once
                Claim::Claimed
            })
            .source(busy)
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        let (device, last) = served(Event::auto_reset().unwrap(), Some(&dispatcher));
        first.enable().unwrap();
        last.enable().unwrap();
        start.signal().unwrap();
        for round in 1..=100 {
            device.request();
            until(|| *last.acquire_interrupt_lock() == round);
        }
        first.disable().unwrap();
    });
}

/// A level whose device falls with every so many runs of the ISR.
fn level(runs_each: u64) -> (EventSignaller, Interrupt<u64, NoWorkItem>) {
    let event = Event::manual_reset().unwrap();
    let (line, device) = (event.signaller(), event.signaller());
    let builder = Interrupt::builder(0).isr(move |runs| {
        **runs += 1;
        if **runs % runs_each == 0 {
            device.reset().unwrap();
        }
        Claim::Claimed
    });
    (line, builder.source(event).build().unwrap())
}

/// A level that stays signalled runs the ISR again, and a thread does not spin over one that is masked.
// Caught: a masked level that is waited for; an unmasking that does not tell the thread.
#[test]
fn i6_a_manual_reset_event_is_a_level() {
    watchdog(|| {
        let (line, interrupt) = level(3);
        interrupt.enable().unwrap();
        for round in 1..=200 {
            line.signal().unwrap();
            until(|| *interrupt.acquire_interrupt_lock() == 3 * round);
        }
        interrupt.disable().unwrap();
        let stats = interrupt.stats();
        assert_eq!((stats.claimed, stats.spurious, stats.stale), (600, 0, 0));
    });
}

/// A level that another thread unmasks, while the dispatcher's thread waits.
// Caught: an unmasking that does not tell the thread.
#[test]
fn i6_a_level_that_another_thread_serves_is_waited_for_again() {
    watchdog(|| {
        let (line, interrupt) = level(1);
        interrupt.enable().unwrap();
        for round in 1..=500 {
            line.signal().unwrap();
            // Whichever thread is first; in every other round only the dispatcher's.
            if round % 2 == 0 {
                interrupt.service();
            }
            until(|| *interrupt.acquire_interrupt_lock() >= round);
            let runs = *interrupt.acquire_interrupt_lock();
            assert_eq!(runs, round, "the event was signalled once more than the device did");
        }
    });
}

// Caught: an auto-reset event that is drained as it is given.
#[test]
fn an_event_that_is_given_keeps_its_signal() {
    let theirs = Event::auto_reset().unwrap();
    theirs.signaller().signal().unwrap();
    let handle = std::os::windows::io::AsHandle::as_handle(&theirs).try_clone_to_owned().unwrap();
    let mut source = Event::from_handle(handle, Trigger::Edge).unwrap();
    assert_eq!((source.take().unwrap(), source.take().unwrap()), (1, 0));
}

// Caught: a message vector that is an event.
#[test]
fn an_event_is_no_message() {
    let theirs = Event::auto_reset().unwrap();
    let handle = std::os::windows::io::AsHandle::as_handle(&theirs).try_clone_to_owned().unwrap();
    let error = Event::from_handle(handle, Trigger::Message).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Open(SourceError::Refused(_))), "{error:#}");
}

/// Two devices on one line, each served by a dispatcher of its own: both wait for the same event.
// Caught: a member whose dispatcher does not wait for the line's event.
#[test]
fn i7_the_members_of_a_line_wait_for_one_event() {
    watchdog(|| {
        let event = Event::manual_reset().unwrap();
        let signaller = event.signaller();
        let line = SharedLine::new(event).unwrap();
        let asserted = Arc::new([const { AtomicU64::new(0) }; 2]);
        let members: Vec<_> = (0..2)
            .map(|own| {
                let (asserted, line_end) = (asserted.clone(), signaller.clone());
                let isr = Interrupt::builder(0_u64).isr(move |found| {
                    if asserted[own].swap(0, SeqCst) == 0 {
                        return Claim::Unclaimed;
                    }
                    **found += 1;
                    // The line falls once no device holds it. What is asserted after the look signals again.
                    line_end.reset().unwrap();
                    if asserted.iter().any(|device| device.load(SeqCst) != 0) {
                        line_end.signal().unwrap();
                    }
                    Claim::Claimed
                });
                isr.source(line.member()).build().unwrap()
            })
            .collect();
        for member in &members {
            member.enable().unwrap();
        }
        for round in 1..=200 {
            for (own, member) in members.iter().enumerate() {
                asserted[own].store(1, SeqCst);
                signaller.signal().unwrap();
                if round % 2 == own as u64 {
                    // Else the other device asserts while this one is served.
                    until(|| *member.acquire_interrupt_lock() == round);
                }
            }
            for member in &members {
                until(|| *member.acquire_interrupt_lock() == round);
            }
        }
        assert!(members.iter().all(|member| member.fault().is_none()));
    });
}

/// A member's lock is held. The other member, on another dispatcher, is served all the same.
// Caught: a level that is told to the first thread only.
#[test]
fn i7_a_member_whose_lock_is_held_delays_no_other() {
    watchdog(|| {
        let event = Event::manual_reset().unwrap();
        let (device, line_end) = (event.signaller(), event.signaller());
        let line = SharedLine::new(event).unwrap();
        let held = Interrupt::builder(()).isr(|_| Claim::Unclaimed).source(line.member()).build().unwrap();
        let isr = move |runs: &mut interrupt_lock::IsrContext<'_, u64, NoWorkItem>| {
            **runs += 1;
            line_end.reset().unwrap();
            Claim::Claimed
        };
        let other = Interrupt::builder(0).isr(isr).source(line.member()).build().unwrap();
        held.enable().unwrap();
        other.enable().unwrap();
        for round in 1..=200 {
            let guard = held.acquire_interrupt_lock();
            device.signal().unwrap();
            until(|| *other.acquire_interrupt_lock() == round);
            drop(guard);
        }
    });
}
