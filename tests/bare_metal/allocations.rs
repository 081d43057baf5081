//! A kernel allocates and frees below its devices' levels only. So what a driver does all the time must not do either with
//! the mask on.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Waker;

use interrupt_lock::source::{Ready, Source};
use interrupt_lock::{Claim, Delivery, Error, Info, Interrupt, SourceError, Trigger};

use crate::machine::{CPU, MASKED};

struct Pool;

thread_local! {
    /// How often this thread has allocated or freed with the mask on.
    static USED: Cell<u32> = const { Cell::new(0) };
}

fn note() {
    // At the end of a thread the one or the other is gone.
    if MASKED.try_with(Cell::get).unwrap_or(false) {
        let _ = USED.try_with(|used| used.set(used.get() + 1));
    }
}

// SAFETY: it is the system's.
unsafe impl GlobalAlloc for Pool {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        note();
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static POOL: Pool = Pool;

struct Counted(Arc<AtomicU64>);

impl Source for Counted {
    fn info(&self) -> Info {
        Info::new().with_trigger(Trigger::Edge)
    }

    fn ready(&mut self) -> Ready<'_> {
        Ready::Waker
    }

    fn connect(&mut self, _: &Waker) -> Result<(), SourceError> {
        Ok(())
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        Ok(())
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        Ok(self.0.swap(0, Relaxed))
    }
}

// Caught: the notes' rare part made in `note_granted`, or in `check`.
#[test]
fn nothing_is_allocated_or_freed_with_the_mask_on() -> Result<(), Error> {
    CPU.get(); // which allocates, once
    let asserted = Arc::new(AtomicU64::new(0));
    let interrupt = Interrupt::builder(0)
        .isr(|runs| {
            **runs += 1;
            runs.queue_work_item();
            Claim::Claimed
        })
        .on_enable(|_| ())
        .on_disable(|_| ())
        .work_item(|interrupt| interrupt.synchronize(|runs| assert!(*runs > 0)))
        .source(Counted(asserted.clone()))
        .without_dispatcher()
        .build()?;
    interrupt.check()?;
    for _ in 0..2 {
        interrupt.enable()?;
        asserted.fetch_add(1, Relaxed);
        assert_eq!(interrupt.service(), Delivery::Answered(Claim::Claimed));
        let runs = interrupt.acquire_interrupt_lock();
        asserted.fetch_add(2, Relaxed);
        assert_eq!(interrupt.service(), Delivery::Pending);
        drop(runs);
        assert!(!interrupt.run_work_item());
        interrupt.report_inactive()?;
        asserted.fetch_add(1, Relaxed);
        assert_eq!(interrupt.service(), Delivery::Withheld);
        interrupt.report_active()?;
        interrupt.disable()?; // runs the work item
        interrupt.check()?;
        assert_eq!(interrupt.info().trigger, Some(Trigger::Edge));
    }
    assert_eq!(interrupt.stats().work_run, 4);
    assert_eq!(*interrupt.acquire_interrupt_lock(), 6);
    drop(interrupt);
    assert_eq!(USED.get(), 0);
    Ok(())
}
