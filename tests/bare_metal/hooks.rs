use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use interrupt_lock::{Claim, Delivery, Error, InterruptObject, IsrContext, Name, WithWorkItem, Work, WorkItemContext};

use crate::machine::at_each_instant;

// Caught: no call of the hook; one at each queueing; none where another run is queued at the end of a run.
#[test]
fn b5_what_runs_the_work_item_is_told_of_each_new_run() -> Result<(), Error> {
    static TOLD: AtomicU32 = AtomicU32::new(0);
    fn told() -> u32 {
        TOLD.swap(0, Relaxed)
    }
    fn isr(_: &mut IsrContext<'_, u32, WithWorkItem>) -> Claim {
        OBJECT.queue_work_item();
        Claim::Claimed
    }
    fn work(interrupt: &WorkItemContext<'_, u32>) -> Work {
        assert_eq!(told(), 0);
        if interrupt.synchronize(mem::take) != 0 {
            OBJECT.service();
            assert_eq!(told(), 1, "and what is told finds a run under way");
        }
        Work::Done
    }
    static OBJECT: InterruptObject<u32, WithWorkItem> =
        InterruptObject::with_work_item(Name::new("uart0"), 0, isr, work).on_queued(|| _ = TOLD.fetch_add(1, Relaxed));
    OBJECT.queue_work_item();
    assert_eq!(told(), 0, "it is refused");
    OBJECT.enable()?;
    OBJECT.service();
    assert_eq!(told(), 1);
    OBJECT.service();
    assert_eq!(told(), 0, "it is queued already");
    assert!(!OBJECT.run_work_item());

    // The vector has returned before the release runs the ISR.
    let mut section = OBJECT.acquire_interrupt_lock();
    assert_eq!(OBJECT.service(), Delivery::Pending);
    assert_eq!(told(), 0);
    *section = 1;
    drop(section);
    assert_eq!(told(), 1);

    // A run during which another is queued.
    assert!(OBJECT.run_work_item());
    assert_eq!(told(), 1);
    assert!(!OBJECT.run_work_item());
    assert_eq!(told(), 0);
    Ok(())
}

/// A machine that masks nothing. Its vector comes for as long as the line is asserted and not masked.
// Caught: a line that is not masked where it is pending, refused, withheld or kept; one that is not unmasked after any of
// those; one that is unmasked while it is kept masked.
#[test]
fn b5_a_level_line_that_is_not_served_at_once_is_masked_until_it_is() -> Result<(), Error> {
    static ASSERTED: AtomicBool = AtomicBool::new(false);
    static MASKED: AtomicBool = AtomicBool::new(false);
    fn mask_line() {
        MASKED.store(true, Relaxed);
    }
    fn unmask_line() {
        assert!(MASKED.swap(false, Relaxed), "it is unmasked once");
        come();
    }
    struct Device {
        runs: u32,
        keep_masked: bool,
    }
    fn come() {
        for again in 0.. {
            if !ASSERTED.load(Relaxed) || MASKED.load(Relaxed) {
                return;
            }
            assert_ne!(again, 3, "the vector comes again and again");
            let _ = OBJECT.service();
        }
    }
    fn assert_line() {
        ASSERTED.store(true, Relaxed);
        come();
    }
    fn runs() -> u32 {
        mem::take(&mut OBJECT.acquire_interrupt_lock().runs)
    }
    fn isr(device: &mut IsrContext<'_, Device, WithWorkItem>) -> Claim {
        device.runs += 1;
        if device.keep_masked {
            device.queue_work_item();
            return Claim::ClaimedKeepMasked;
        }
        ASSERTED.store(false, Relaxed);
        Claim::Claimed
    }
    fn work(interrupt: &WorkItemContext<'_, Device>) -> Work {
        interrupt.synchronize(|device| device.keep_masked = false);
        Work::Done
    }
    static OBJECT: InterruptObject<Device, WithWorkItem> =
        InterruptObject::with_work_item(Name::new("uart0"), Device { runs: 0, keep_masked: false }, isr, work)
            .line(mask_line, unmask_line);

    // Refused: the enable unmasks it.
    assert_line();
    assert!(MASKED.load(Relaxed));
    OBJECT.enable()?;
    assert_eq!((runs(), MASKED.load(Relaxed)), (1, false));
    assert_line();
    assert_eq!((runs(), MASKED.load(Relaxed)), (1, false));

    // Left to the owner of the lock.
    let section = OBJECT.acquire_interrupt_lock();
    assert_line();
    assert!(MASKED.load(Relaxed));
    drop(section);
    assert_eq!((runs(), MASKED.load(Relaxed)), (1, false));

    // Withheld.
    OBJECT.report_inactive()?;
    assert_line();
    assert!(MASKED.load(Relaxed));
    assert_eq!(runs(), 0);
    OBJECT.report_active()?;
    assert_eq!((runs(), MASKED.load(Relaxed)), (1, false));

    // Kept masked until the work item has run, whatever else comes.
    OBJECT.acquire_interrupt_lock().keep_masked = true;
    assert_line();
    assert_eq!((runs(), MASKED.load(Relaxed)), (1, true));
    let mut section = OBJECT.acquire_interrupt_lock();
    let _ = OBJECT.service();
    section.keep_masked = false;
    drop(section);
    assert_eq!((runs(), MASKED.load(Relaxed)), (1, true));
    ASSERTED.store(true, Relaxed);
    while OBJECT.run_work_item() {}
    assert_eq!((runs(), MASKED.load(Relaxed)), (1, false));

    // Disabled while it is masked: the next enable unmasks it.
    OBJECT.acquire_interrupt_lock().keep_masked = true;
    assert_line();
    OBJECT.disable()?;
    OBJECT.enable()?;
    assert_eq!((runs(), MASKED.load(Relaxed)), (2, false));

    // Asserted at whatever instant, it is served in the end, and not masked.
    let operations: [fn(); 4] = [
        || drop(OBJECT.acquire_interrupt_lock()),
        || _ = OBJECT.service(),
        || _ = (OBJECT.disable().unwrap(), OBJECT.enable().unwrap()),
        || _ = (OBJECT.report_inactive().unwrap(), OBJECT.report_active().unwrap()),
    ];
    for operation in operations {
        let instants = at_each_instant(assert_line, || {
            operation();
            assert!(!ASSERTED.load(Relaxed) && !MASKED.load(Relaxed));
        });
        assert!(instants > 4);
    }
    Ok(())
}
