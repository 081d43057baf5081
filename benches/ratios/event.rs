//! From the signal of an event of Windows to the ISR, on a dispatcher that sleeps.

use std::os::windows::io::AsRawHandle;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use interrupt_lock::windows::{Event, EventSignaller};
use interrupt_lock::{Claim, Interrupt};
use windows_sys::Win32::System::Threading::{INFINITE, WaitForSingleObject};

use crate::table::{Figure, Figures, Table, median};

const NAME: &str = "event to ISR, p50 / bare WaitForSingleObject";

pub fn measure(table: &mut Table) {
    const TURNS: usize = 25;
    if !table.wants(NAME) {
        return;
    }
    let (ours, peer) = (dispatched(), bare());
    table.line(NAME, &Figures::in_turns(TURNS, || ours.trips(), || peer.trips(), None));
}

/// What answers a signal, and when it has answered the last one.
struct Answering {
    epoch: Instant,
    answered: Arc<AtomicU64>,
    event: EventSignaller,
    end: Box<dyn Fn()>,
}

impl Answering {
    /// The median of some trips.
    fn trips(&self) -> Figure {
        const TRIPS: usize = 60;
        median((0..TRIPS).map(|_| self.trip()).collect())
    }

    fn trip(&self) -> Figure {
        self.answered.store(0, Ordering::SeqCst);
        // Long enough for the thread to sleep again.
        thread::sleep(std::time::Duration::from_millis(1));
        let signalled = self.epoch.elapsed();
        self.event.signal().unwrap();
        loop {
            match self.answered.load(Ordering::SeqCst) {
                0 => std::hint::spin_loop(),
                answered => return answered as Figure - signalled.as_nanos() as Figure,
            }
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        (self.end)();
    }
}

fn dispatched() -> Answering {
    let (epoch, answered) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let its = answered.clone();
    let event = Event::auto_reset().unwrap();
    let signaller = event.signaller();
    let interrupt = Interrupt::builder(())
        .isr(move |_| {
            its.store(epoch.elapsed().as_nanos() as u64, Ordering::SeqCst);
            Claim::Claimed
        })
        .source(event)
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    Answering { epoch, answered, event: signaller, end: Box::new(move || drop(interrupt.disable())) }
}

/// A thread that waits for the event by itself.
fn bare() -> Answering {
    let (epoch, answered, stop) = (Instant::now(), Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (its, stops) = (answered.clone(), stop.clone());
    let event = Event::auto_reset().unwrap().signaller();
    let waits_for = event.clone();
    thread::spawn(move || {
        while !stops.load(Ordering::SeqCst) {
            let handle = std::os::windows::io::AsHandle::as_handle(&waits_for);
            // SAFETY: the handle is borrowed from `waits_for`, which outlives the call.
            unsafe { WaitForSingleObject(handle.as_raw_handle(), INFINITE) };
            its.store(epoch.elapsed().as_nanos() as u64, Ordering::SeqCst);
        }
    });
    let wakes = event.clone();
    let end = move || {
        stop.store(true, Ordering::SeqCst);
        wakes.signal().unwrap();
    };
    Answering { epoch, answered, event, end: Box::new(end) }
}
