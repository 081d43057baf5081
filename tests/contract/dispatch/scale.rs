//! Thousands of interrupts on one dispatcher: what rules I3, W2 and I14 promise each of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use interrupt_lock::source::{EdgeHandle, Software};
use interrupt_lock::{Claim, Dispatcher, Interrupt, NoWorkItem, WithWorkItem};
use support::{until, watchdog};

/// An interrupt with a work item, and what reaches the two.
struct Member {
    interrupt: Interrupt<(), WithWorkItem>,
    line: EdgeHandle,
    asserted: u64,
    told: Arc<Told>,
}

#[derive(Default)]
struct Told {
    assertions: AtomicU64,
    isr_runs: AtomicU64,
    queueings: AtomicU64,
}

impl Member {
    fn new(dispatcher: &Dispatcher) -> Self {
        let (told, (source, line)) = (Arc::<Told>::default(), Software::edge());
        let (isr, work) = (told.clone(), told.clone());
        let interrupt = Interrupt::builder(())
            .isr(move |cx| {
                isr.assertions.fetch_add(cx.assertions(), Relaxed);
                isr.isr_runs.fetch_add(1, Relaxed);
                cx.queue_work_item();
                Claim::Claimed
            })
            .work_item(move |cx| {
                work.queueings.fetch_add(1 + cx.merged() as u64, Relaxed);
            })
            .source(source)
            .dispatcher(dispatcher)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        Self { interrupt, line, asserted: 0, told }
    }

    fn assert(&mut self) {
        self.asserted += 1;
        self.line.assert();
    }

    /// Whether all that was asserted has reached the ISR, and all that it has queued the work item.
    fn is_done(&self) -> bool {
        self.told.assertions.load(Relaxed) == self.asserted
            && self.told.queueings.load(Relaxed) == self.told.isr_runs.load(Relaxed)
    }

    /// Ends the interrupt: what was asserted before is served first (rule E6).
    fn end(self) {
        let Self { interrupt, asserted, told, .. } = self;
        drop(interrupt);
        assert_eq!(told.assertions.load(Relaxed), asserted);
        assert_eq!(told.queueings.load(Relaxed), told.isr_runs.load(Relaxed));
    }
}

/// Two threads assert the lines of 20,000 interrupts of one dispatcher, alone and in crowds. In the middle, every third
/// interrupt is ended, with assertions that were not served yet, and another is built in its place.
// Caught, in that it hangs: a list that forgets what was raised before; a flag that stays set; a row whose node is a new
// one for each slot; a number that two slots have.
#[test]
fn i3_w2_nothing_is_lost_among_twenty_thousand_interrupts_of_one_dispatcher() {
    const EACH: usize = 10_000;
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        thread::scope(|threads| {
            for seed in 1..3u64 {
                let dispatcher = &dispatcher;
                threads.spawn(move || {
                    let mut members: Vec<_> = (0..EACH).map(|_| Member::new(dispatcher)).collect();
                    let mut random = seed;
                    let mut assert_some = |members: &mut Vec<Member>, times: usize| {
                        for _ in 0..times {
                            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                            members[(random >> 33) as usize % EACH].assert();
                        }
                    };
                    members.iter_mut().for_each(Member::assert);
                    assert_some(&mut members, EACH);
                    for place in (0..EACH).step_by(3) {
                        assert_some(&mut members, 2);
                        let ended = std::mem::replace(&mut members[place], Member::new(dispatcher));
                        ended.end();
                    }
                    members.iter_mut().for_each(Member::assert);
                    assert_some(&mut members, EACH);
                    members.iter().for_each(|member| until(|| member.is_done()));
                    members.into_iter().for_each(Member::end);
                });
            }
        });
    });
}

/// An ISR that asserts its own line at once waits until each of thousands that were asserted before has been served.
// Caught: a thread that serves what is asserted again at once.
#[test]
fn i3_a_line_that_asserts_itself_starves_none_of_thousands() {
    const OTHERS: usize = 5_000;
    watchdog(|| {
        let (dispatcher, served) = (Dispatcher::new().unwrap(), Arc::new(AtomicUsize::new(0)));
        let other = |_| {
            let ((source, line), served) = (Software::edge(), served.clone());
            let builder = Interrupt::builder(()).isr(move |_| {
                served.fetch_add(1, Relaxed);
                Claim::Claimed
            });
            let interrupt: Interrupt<(), NoWorkItem> = builder.source(source).dispatcher(&dispatcher).build().unwrap();
            interrupt.enable().unwrap();
            (interrupt, line)
        };
        let others: Vec<_> = (0..OTHERS).map(other).collect();
        let (source, line) = Software::edge();
        let (itself, lines) = (line.clone(), others.iter().map(|(_, line)| line.clone()).collect::<Vec<_>>());
        let (found, of_all) = (Arc::new(AtomicUsize::new(usize::MAX)), served.clone());
        let (in_isr, mut run) = (found.clone(), 0);
        let builder = Interrupt::builder(()).isr(move |_| {
            match run {
                // In the next round it comes first, and the others after it.
                0 => {
                    itself.assert();
                    lines.iter().for_each(EdgeHandle::assert);
                }
                1 => itself.assert(),
                _ => in_isr.store(of_all.load(Relaxed), Relaxed),
            }
            run += 1;
            Claim::Claimed
        });
        let stuck: Interrupt<(), NoWorkItem> = builder.source(source).dispatcher(&dispatcher).build().unwrap();
        stuck.enable().unwrap();
        line.assert();
        until(|| found.load(Relaxed) != usize::MAX);
        assert_eq!(found.load(Relaxed), OTHERS);
    });
}

/// Each of thousands is polled at its own period, in whatever order they were enabled, and in places that others had. What
/// is disabled is polled no longer.
// Caught: a deadline that only the first to be enabled sets.
#[test]
fn i14_each_of_thousands_is_polled_at_its_own_period() {
    const MANY: u32 = 2_000;
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        let build = |period: Duration| {
            let builder = Interrupt::builder(()).isr(|_| Claim::Unclaimed).source(Software::edge().0);
            let interrupt: Interrupt<(), NoWorkItem> =
                builder.dispatcher(&dispatcher).poll_when_silent(period).build().unwrap();
            interrupt.enable().unwrap();
            interrupt
        };
        let two_polls_of_each = |interrupts: &[Interrupt<(), NoWorkItem>]| {
            let before: Vec<_> = interrupts.iter().map(polls).collect();
            for (interrupt, before) in interrupts.iter().zip(before) {
                until(|| polls(interrupt) >= before + 2);
            }
        };
        let (hour, short) = (Duration::from_secs(3_600), |n: u32| Duration::from_micros(u64::from(20_000 + n % 1_000)));
        // The earliest ends before it is due, and those behind it become the earliest.
        let mut all: Vec<_> = (0..MANY).map(|_| build(hour)).collect();
        let one = build(short(0));
        all.push(build(short(1)));
        drop(one);
        two_polls_of_each(&all[MANY as usize..]);
        // Others take their places.
        all.clear();
        all.extend((0..MANY).map(|n| build(short(n))));
        two_polls_of_each(&all);
        let (disabled, enabled) = all.split_at(MANY as usize / 2);
        for interrupt in disabled {
            interrupt.disable().unwrap();
        }
        let before: Vec<_> = disabled.iter().map(polls).collect();
        two_polls_of_each(enabled);
        assert!(disabled.iter().map(polls).eq(before));
    });
}

fn polls(interrupt: &Interrupt<(), NoWorkItem>) -> u64 {
    interrupt.stats().benign
}
