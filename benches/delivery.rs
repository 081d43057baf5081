//! From an assertion to the ISR, and on to the work item.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use interrupt_lock::{Claim, Interrupt};

/// One delivery's own cost: an empty ISR, no thread, no source.
fn service(c: &mut Criterion) {
    let mut group = c.benchmark_group("service");

    let interrupt = Interrupt::builder(0u64).isr(|_| Claim::Claimed).build().unwrap();
    interrupt.enable().unwrap();
    group.bench_function("Interrupt", |b| b.iter(|| black_box(&interrupt).service()));

    // The least that a driver would write for itself: without disable, faults, panics or counters.
    let isr: Box<dyn FnMut(&mut u64) -> bool> = Box::new(|_| true);
    let by_hand = parking_lot::Mutex::new((0u64, isr));
    group.bench_function("mutex and closure", |b| {
        b.iter(|| {
            let (data, isr) = &mut *black_box(&by_hand).lock();
            isr(data)
        });
    });
    group.finish();
}

fn work_item(c: &mut Criterion) {
    let mut group = c.benchmark_group("work_item");

    let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).work_item(|_| ()).build().unwrap();
    interrupt.enable().unwrap();
    let queued = AtomicBool::new(false);
    let mut work: Box<dyn FnMut()> = Box::new(|| ());

    group.bench_function("queue and run/Interrupt", |b| {
        b.iter(|| {
            let interrupt = black_box(&interrupt);
            interrupt.queue_work_item();
            interrupt.run_work_item()
        });
    });
    group.bench_function("queue and run/flag and closure", |b| {
        b.iter(|| {
            let queued = black_box(&queued);
            queued.swap(true, Ordering::AcqRel);
            if queued.swap(false, Ordering::AcqRel) {
                work();
            }
        });
    });

    interrupt.queue_work_item();
    group.bench_function("queue again/Interrupt", |b| {
        b.iter(|| black_box(&interrupt).queue_work_item());
    });
    queued.store(true, Ordering::Release);
    group.bench_function("queue again/flag", |b| {
        b.iter(|| black_box(&queued).swap(true, Ordering::AcqRel));
    });
    group.finish();
}

/// An eventfd: from the assertion by another thread to the first line of the ISR, on a thread that slept.
#[cfg(target_os = "linux")]
mod eventfd {
    use std::cell::Cell;
    use std::os::fd::{AsFd, OwnedFd};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    use criterion::{Criterion, SamplingMode};
    use interrupt_lock::source::Eventfd;
    use interrupt_lock::{Claim, Interrupt};
    use rustix::buffer::spare_capacity;
    use rustix::event::{EventfdFlags, epoll, eventfd};
    use rustix::io;
    use rustix::process::setpriority_process;
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    pub fn delivery(c: &mut Criterion) {
        let allowed = sched_getaffinity(None).unwrap();
        let processors: Vec<_> = (0..CpuSet::MAX_CPU).filter(|&n| allowed.is_set(n)).collect();
        let (first, last) = (processors[0], processors[processors.len() - 1]);
        if first != last {
            // As a device does it: the assertion comes from elsewhere, and the processor is idle.
            placed(c, "delivery, two processors", first, last);
        }
        // Nothing to wake but the thread: what the software on the way costs, and no more.
        placed(c, "delivery, one processor", first, first);
    }

    fn placed(c: &mut Criterion, name: &str, asserter: usize, server: usize) {
        let mut group = c.benchmark_group(name);
        // Every sample has the same number of trips, since its figure is their median.
        group.sampling_mode(SamplingMode::Flat);
        let mut samples = Vec::new();
        for (measured, name) in ["dispatcher", "bare read loop", "bare epoll and read loop"].into_iter().enumerate() {
            group.bench_function(name, |b| {
                b.iter_custom(|trips| {
                    let asserting = thread::spawn(move || sample(trips, asserter, server));
                    let medians = asserting.join().unwrap();
                    samples.push(medians);
                    medians[measured] * u32::try_from(trips).unwrap()
                });
            });
        }
        group.finish();

        // The machine's mood changes between the figures above, but not within a sample.
        let to_bare_read = |of: usize| {
            let mut ratios: Vec<_> =
                samples.iter().map(|medians| medians[of].as_secs_f64() / medians[1].as_secs_f64()).collect();
            ratios.sort_unstable_by(f64::total_cmp);
            ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN)
        };
        println!(
            "{name}, against the bare read loop in the same sample: dispatcher {:.3}, bare epoll and read loop {:.3}\n",
            to_bare_read(0),
            to_bare_read(2),
        );
    }

    /// The medians of so many trips to each of the three. They take turns, so what else the machine does meets all
    /// alike, and each sleeps again before its next turn.
    fn sample(trips: u64, asserter: usize, server: usize) -> [Duration; 3] {
        let servers = [dispatched(server), bare(server, Wait::Read), bare(server, Wait::Epoll)];
        move_to(asserter);
        // On one processor, whoever is woken runs at once.
        setpriority_process(None, 19).unwrap();
        let mut taken = [const { Vec::new() }; 3];
        for _ in 0..trips {
            for (server, taken) in servers.iter().zip(&mut taken) {
                taken.push(server.trip());
            }
        }
        taken.map(|mut taken| {
            taken.sort_unstable();
            taken[taken.len() / 2]
        })
    }

    /// Somebody who answers assertions until he is dropped.
    struct Server {
        assert: Arc<OwnedFd>,
        answer: Arc<Answer>,
        _stop: Box<dyn std::any::Any>,
    }

    impl Server {
        /// One assertion: how long until the answer began.
        fn trip(&self) -> Duration {
            let start = self.answer.epoch.elapsed();
            ring(&self.assert, 1);
            wait(&self.answer.done);
            Duration::from_nanos(self.answer.begun.load(Ordering::Relaxed)) - start
        }
    }

    /// What every ISR does: note the time, let the asserting thread go on.
    struct Answer {
        epoch: Instant,
        begun: AtomicU64,
        done: OwnedFd,
        processor: usize,
    }

    impl Answer {
        fn new(processor: usize) -> Arc<Self> {
            Arc::new(Self {
                epoch: Instant::now(),
                begun: AtomicU64::new(0),
                done: eventfd(0, EventfdFlags::CLOEXEC).unwrap(),
                processor,
            })
        }

        fn give(&self) {
            let begun = self.epoch.elapsed().as_nanos() as u64;
            self.begun.store(begun, Ordering::Relaxed);
            move_to(self.processor);
            ring(&self.done, 1);
        }
    }

    /// An interrupt with a dispatcher of its own.
    fn dispatched(processor: usize) -> Server {
        let source = Eventfd::new().unwrap();
        let assert = Arc::new(source.as_fd().try_clone_to_owned().unwrap());
        let answer = Answer::new(processor);
        let theirs = answer.clone();
        let interrupt = Interrupt::builder(())
            .isr(move |_| {
                theirs.give();
                Claim::Claimed
            })
            .source(source)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        Server { assert, answer, _stop: Box::new(interrupt) }
    }

    enum Wait {
        Read,
        /// What waiting for several descriptors at once costs by itself.
        Epoll,
    }

    /// A thread that does nothing but wait and answer.
    fn bare(processor: usize, how: Wait) -> Server {
        let assert = Arc::new(eventfd(0, EventfdFlags::CLOEXEC).unwrap());
        let answer = Answer::new(processor);
        let (source, theirs) = (assert.clone(), answer.clone());
        thread::spawn(move || match how {
            Wait::Read => {
                while wait(&source) < STOP {
                    theirs.give();
                }
            }
            Wait::Epoll => {
                let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
                epoll::add(&epoll, &*source, epoll::EventData::new_u64(0), epoll::EventFlags::IN).unwrap();
                let mut events = Vec::with_capacity(1);
                loop {
                    events.clear();
                    epoll::wait(&epoll, spare_capacity(&mut events), None).unwrap();
                    if wait(&source) >= STOP {
                        break;
                    }
                    theirs.give();
                }
            }
        });
        Server { _stop: Box::new(Stop(assert.clone())), assert, answer }
    }

    /// More than any count of assertions.
    const STOP: u64 = 1 << 32;

    struct Stop(Arc<OwnedFd>);

    impl Drop for Stop {
        fn drop(&mut self) {
            ring(&self.0, STOP);
        }
    }

    fn ring(bell: &OwnedFd, value: u64) {
        io::write(bell, &value.to_ne_bytes()).unwrap();
    }

    fn wait(bell: &OwnedFd) -> u64 {
        let mut value = [0; 8];
        io::read(bell, &mut value).unwrap();
        u64::from_ne_bytes(value)
    }

    /// Has the calling thread run on that processor from now on.
    fn move_to(processor: usize) {
        thread_local!(static MOVED: Cell<bool> = const { Cell::new(false) });
        if !MOVED.replace(true) {
            let mut there = CpuSet::new();
            there.set(processor);
            sched_setaffinity(None, &there).unwrap();
        }
    }
}

fn delivery(c: &mut Criterion) {
    #[cfg(target_os = "linux")]
    eventfd::delivery(c);
    #[cfg(not(target_os = "linux"))]
    let _ = c;
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = service, work_item, delivery
}
criterion_main!(benches);
