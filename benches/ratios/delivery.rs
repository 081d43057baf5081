//! From an eventfd's signal to the ISR, on a dispatcher that sleeps.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use interrupt_lock::source::Eventfd;
use interrupt_lock::{Claim, Dispatcher, Interrupt, NoWorkItem};
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::eventfd;
use crate::placement::processors;
use crate::table::{Figures, Table, median, nanoseconds, quantile};

pub fn measure(table: &mut Table) {
    let processors = processors();
    let (first, last) = (processors[0], processors[processors.len() - 1]);
    if first == last {
        table.missing("eventfd to ISR, two processors", "there is one");
    } else {
        sleeping(table, "two processors", first, last);
    }
    sleeping(table, "one processor", first, first);
    many_sources(table);
}

/// Against a bare thread in a blocking `read` loop.
fn sleeping(table: &mut Table, where_: &str, asserter: usize, server: usize) {
    const TURNS: usize = 20;
    const TRIPS: u64 = 250;
    let name = format!("eventfd to ISR, {where_}");
    if !table.wants(&name) {
        return;
    }
    let (mut medians, mut tails) = (Figures::default(), Figures::default());
    for _ in 0..TURNS {
        let [ours, read, _] =
            eventfd::trips(TRIPS, asserter, server).map(|trips| trips.into_iter().map(nanoseconds).collect::<Vec<_>>());
        medians.ours.push(median(ours.clone()));
        medians.peer.push(median(read.clone()));
        tails.ours.push(quantile(ours, 0.99));
        tails.peer.push(quantile(read, 0.99));
    }
    table.line(&format!("{name}, p50 / bare read loop"), &medians);
    table.line(&format!("{name}, p99 / bare read loop"), &tails);
}

/// One of 1,024 eventfds on one dispatcher, against one alone.
fn many_sources(table: &mut Table) {
    const TURNS: usize = 25;
    const TRIPS: usize = 40;
    let name = "eventfd to ISR, p50, 1,024 sources / 1 source";
    if !table.wants(name) {
        return;
    }
    let limit = getrlimit(Resource::Nofile);
    // Each source is three descriptors: its own, the dispatcher's, and this program's.
    let wanted = 4_096;
    if limit.maximum.is_some_and(|maximum| maximum < wanted) {
        return table.missing(name, "too few files may be open");
    }
    let raised =
        rustix::process::Rlimit { current: Some(limit.current.map_or(wanted, |now| now.max(wanted))), ..limit };
    setrlimit(Resource::Nofile, raised).unwrap();
    let (alone, mut among) = (Crowd::new(1), Crowd::new(1_024));
    let mut alone = alone;
    let ours = || median((0..TRIPS).map(|_| among.trip()).collect());
    let one = || median((0..TRIPS).map(|_| alone.trip()).collect());
    table.line(name, &Figures::in_turns(TURNS, ours, one, None));
}

/// So many interrupts on one dispatcher.
struct Crowd {
    members: Vec<(Interrupt<(), NoWorkItem>, OwnedFd)>,
    epoch: Instant,
    begun: Arc<AtomicU64>,
    next: usize,
}

impl Crowd {
    fn new(size: usize) -> Self {
        let (epoch, begun) = (Instant::now(), Arc::new(AtomicU64::new(0)));
        let dispatcher = Dispatcher::new().unwrap();
        let member = |_| {
            let source = Eventfd::new().unwrap();
            let signal = source.as_fd().try_clone_to_owned().unwrap();
            let begun = begun.clone();
            let interrupt = Interrupt::builder(())
                .isr(move |_| {
                    begun.store(epoch.elapsed().as_nanos() as u64, Ordering::SeqCst);
                    Claim::Claimed
                })
                .source(source)
                .dispatcher(&dispatcher)
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            (interrupt, signal)
        };
        let members = (0..size).map(member).collect();
        Self { members, epoch, begun, next: 0 }
    }

    /// Asserts one of them; not the same each time.
    fn trip(&mut self) -> f64 {
        self.next = (self.next + 389) % self.members.len();
        self.begun.store(0, Ordering::SeqCst);
        let asserted = self.epoch.elapsed().as_nanos() as u64;
        rustix::io::write(&self.members[self.next].1, &1u64.to_ne_bytes()).unwrap();
        while self.begun.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
        // The dispatcher goes to sleep again.
        thread::sleep(Duration::from_micros(100));
        (self.begun.load(Ordering::SeqCst) - asserted) as f64
    }
}
