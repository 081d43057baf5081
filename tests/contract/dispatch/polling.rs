//! Polling, an option of the builder (rule P1), and what it must not change.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use interrupt_lock::source::Software;
use interrupt_lock::{Claim, Dispatcher, ErrorKind, Interrupt, NoWorkItem, Polling, source::Source};
use support::{until, watchdog};

const ENDLESS: Polling = Polling::Fixed(Duration::MAX);

/// An interrupt that counts its deliveries, and its count.
fn counting(
    source: impl Source + 'static,
    dispatcher: &Dispatcher,
    polling: Polling,
) -> (Interrupt<(), NoWorkItem>, Arc<AtomicU64>) {
    let count = Arc::new(AtomicU64::new(0));
    let isr = count.clone();
    let interrupt = Interrupt::builder(())
        .isr(move |_| {
            isr.fetch_add(1, Relaxed);
            Claim::Claimed
        })
        .source(source)
        .dispatcher(dispatcher)
        .polling(polling)
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    (interrupt, count)
}

/// Asserts again and again. Each assertion waits until the one before it has been delivered.
fn trips(trips: u64, assert: &dyn Fn(), count: &AtomicU64) {
    for _ in 0..trips {
        let before = count.load(Relaxed);
        assert();
        until(|| count.load(Relaxed) != before);
    }
}

// Caught: a build that looks at no policy; one that asks for the source or for the dispatcher alone.
#[test]
fn p1_a_polling_policy_is_refused_where_nobody_could_follow_it() {
    let dispatcher = Dispatcher::new().unwrap();
    let builder = || Interrupt::<_, NoWorkItem>::builder(()).isr(|_| Claim::Claimed);
    let source = || Software::edge().0;
    for policy in [ENDLESS, Polling::Adaptive(Duration::from_micros(50))] {
        for builder in [
            builder(),
            builder().dispatcher(&dispatcher),
            builder().without_dispatcher(),
            builder().source(source()).without_dispatcher(),
        ] {
            let refused = builder.name("edu0").polling(policy).build().unwrap_err();
            assert!(matches!(refused.kind(), ErrorKind::NothingToPoll));
            assert_eq!(
                refused.to_string(),
                "edu0: `polling` and `poll_when_silent` need a source, and a dispatcher that waits on it"
            );
        }
        for builder in [builder(), builder().dispatcher(&dispatcher)] {
            drop(builder.source(source()).polling(policy).build().unwrap());
        }
    }
    // A window of no time asks for nothing.
    for policy in [Polling::None, Polling::Fixed(Duration::ZERO), Polling::Adaptive(Duration::ZERO)] {
        drop(builder().polling(policy).build().unwrap());
    }
    for built in [
        builder().polling(Polling::None).build(),
        builder().source(source()).without_dispatcher().polling(Polling::default()).build(),
    ] {
        drop(built.unwrap());
    }
}

/// Under every policy every interrupt is served, alone and beside others.
// Caught: a poll that looks at no flag.
#[test]
fn i3_every_interrupt_is_served_under_every_policy() {
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        let window = Duration::from_micros(20);
        let policies = [
            Polling::None,
            Polling::Fixed(Duration::ZERO),
            Polling::Fixed(window),
            Polling::Adaptive(window),
            Polling::Adaptive(Duration::from_nanos(1)),
            Polling::Adaptive(Duration::MAX),
            ENDLESS,
        ];
        // From no window at all to one that never closes.
        let mut connected = Vec::new();
        for policy in policies {
            let (source, edge) = Software::edge();
            let (interrupt, count) = counting(source, &dispatcher, policy);
            connected.push((interrupt, edge, count));
            for pause in [Duration::ZERO, window / 2, window * 2] {
                for (_, edge, count) in &connected {
                    thread::sleep(pause);
                    trips(10, &|| edge.assert(), count);
                }
            }
        }
    });
}

/// A line that never falls, in a window that never closes, does not delay the other interrupts.
// Caught: a poll that looks at the descriptors only when no flag is raised.
#[cfg(target_os = "linux")]
#[test]
fn i3_a_storm_under_polling_starves_nobody() {
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        let (line, stuck) = Software::level();
        let eventfd = interrupt_lock::linux::Eventfd::new().unwrap();
        let device = eventfd.signaller();
        let (edge, assert) = Software::edge();
        let (_storm, storms) = counting(line, &dispatcher, ENDLESS);
        let (_descriptor, by_descriptor) = counting(eventfd, &dispatcher, Polling::None);
        let (_waker, by_waker) = counting(edge, &dispatcher, Polling::None);
        stuck.assert();
        until(|| storms.load(Relaxed) >= 10);
        trips(100, &|| device.signal(), &by_descriptor);
        trips(100, &|| assert.assert(), &by_waker);
    });
}

/// What the kernel knows of a thread.
#[cfg(target_os = "linux")]
mod kernel {
    use std::fs;
    use std::thread;
    use std::time::Duration;

    use interrupt_lock::source::Software;
    use interrupt_lock::{Claim, Dispatcher, Interrupt, NoWorkItem, Polling, linux::Eventfd};

    use super::{ENDLESS, counting, trips};
    use support::{Gate, watchdog};

    /// A dispatcher's thread.
    struct Thread(i32);

    impl Thread {
        /// The thread that serves this dispatcher's sources.
        fn of(dispatcher: &Dispatcher) -> Self {
            let (source, edge) = Software::edge();
            let (sender, receiver) = std::sync::mpsc::channel();
            let interrupt = Interrupt::<_, NoWorkItem>::builder(())
                .isr(move |_| {
                    let _ = sender.send(rustix::thread::gettid().as_raw_nonzero().get());
                    Claim::Claimed
                })
                .source(source)
                .dispatcher(dispatcher)
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            edge.assert();
            Self(receiver.recv().unwrap())
        }

        fn file(&self, name: &str) -> String {
            fs::read_to_string(format!("/proc/self/task/{}/{name}", self.0)).unwrap()
        }

        /// How often it has gone to sleep.
        fn sleeps(&self) -> u64 {
            let status = self.file("status");
            let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
            line.trim().parse().unwrap()
        }

        /// Waits until it has used no processor time for a while: for ever, if it polls for ever.
        fn rests(&self) {
            loop {
                let before = self.used();
                thread::sleep(Duration::from_millis(30));
                if self.used() == before {
                    return;
                }
            }
        }

        /// Waits until it has used processor time without being asked to: for ever, if it sleeps.
        fn polls(&self) {
            let start = self.used();
            while self.used() - start < Duration::from_millis(20).as_nanos() {
                thread::sleep(Duration::from_millis(5));
            }
        }

        /// Its processor time, in nanoseconds.
        fn used(&self) -> u128 {
            self.file("schedstat").split_whitespace().next().unwrap().parse().unwrap()
        }
    }

    fn software(dispatcher: &Dispatcher, polling: Polling) -> (Interrupt<(), NoWorkItem>, impl Fn(u64) + use<>) {
        let (source, edge) = Software::edge();
        let (interrupt, count) = counting(source, dispatcher, polling);
        (interrupt, move |times| trips(times, &|| edge.assert(), &count))
    }

    /// In its window the thread does not sleep, so nobody has to wake it, whether the source has a descriptor or a
    /// waker.
    // Caught: a policy that is not followed; a window that the next interrupt closes.
    #[test]
    fn p1_a_polling_dispatcher_does_not_sleep_in_its_window() {
        if !support::has_proc() {
            return;
        }
        watchdog(|| {
            for polling in [ENDLESS, Polling::Adaptive(Duration::MAX)] {
                let dispatcher = Dispatcher::new().unwrap();
                let thread = Thread::of(&dispatcher);
                let eventfd = Eventfd::new().unwrap();
                let device = eventfd.signaller();
                let (_descriptor, count) = counting(eventfd, &dispatcher, Polling::None);
                let (_waker, trip) = software(&dispatcher, polling);
                trip(1);
                let before = thread.sleeps();
                trip(500);
                trips(500, &|| device.signal(), &count);
                // What else may put a thread to sleep (a page, a lock of the system's) seldom does.
                let sleeps = thread.sleeps() - before;
                assert!(sleeps < 100, "{sleeps} sleeps in 1000 interrupts");
            }
        });
    }

    // Caught: a window that never closes.
    #[test]
    fn p1_a_dispatcher_rests_once_its_window_is_over() {
        if !support::has_proc() {
            return;
        }
        watchdog(|| {
            for polling in
                [Polling::None, Polling::Fixed(Duration::from_millis(1)), Polling::Adaptive(Duration::from_millis(1))]
            {
                let dispatcher = Dispatcher::new().unwrap();
                let thread = Thread::of(&dispatcher);
                let (_interrupt, trip) = software(&dispatcher, polling);
                for _ in 0..3 {
                    trip(100);
                    thread.rests();
                }
            }
        });
    }

    /// A disable closes the window of its interrupt, and no other.
    // Caught: a disable that leaves the window open; one that tells nobody; one that closes all windows.
    #[test]
    fn p1_a_disable_closes_its_own_window() {
        if !support::has_proc() {
            return;
        }
        watchdog(|| {
            let dispatcher = Dispatcher::new().unwrap();
            let thread = Thread::of(&dispatcher);
            let (first, trip) = software(&dispatcher, ENDLESS);
            let (second, trip_second) = software(&dispatcher, ENDLESS);
            trip(10);
            trip_second(10);
            first.disable().unwrap();
            thread.polls();
            second.disable().unwrap();
            thread.rests();
            // And it is not open when it is enabled again.
            first.enable().unwrap();
            thread.rests();
            trip(10);
            // The end does not wait for the window.
            drop((first, second, dispatcher));
        });
    }

    /// As in a storm that ends: the poll finds a bit that the ISR itself has raised, as any other look does.
    // Caught: a thread that sleeps while something is raised.
    #[test]
    fn i3_an_assertion_from_the_isr_itself_is_served() {
        watchdog(|| {
            for polling in [Polling::None, Polling::Fixed(Duration::from_micros(10)), ENDLESS] {
                let (source, edge) = Software::edge();
                let again = edge.clone();
                let (done, mut left) = (Gate::new(), 1000);
                let last = done.clone();
                let interrupt = Interrupt::<_, NoWorkItem>::builder(())
                    .isr(move |_| {
                        match left {
                            0 => last.open(),
                            _ => again.assert(),
                        }
                        left -= 1;
                        Claim::Claimed
                    })
                    .source(source)
                    .polling(polling)
                    .build()
                    .unwrap();
                interrupt.enable().unwrap();
                edge.assert();
                done.wait();
                // That was inside the last run, which counts as it ends.
                interrupt.disable().unwrap();
                assert_eq!(interrupt.stats().delivered, 1001);
            }
        });
    }
}
