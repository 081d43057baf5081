use interrupt_lock::{Claim, Delivery, State};

use crate::rig::{enabled, is_masked, mask_by_hand, rig, then};

// Caught: an ISR without the lock; one with the interrupts on.
#[test]
fn i1_the_isr_runs_with_the_lock_held() {
    let (rig, object) = enabled();
    then(&rig.isr, |object| {
        assert!(object.try_acquire_interrupt_lock().is_none());
        assert!(is_masked());
        Claim::Claimed
    });
    assert_eq!(object.service(), Delivery::Answered(Claim::Claimed));
    assert!(!is_masked());
    assert_eq!(rig.take_log(), ["isr"]);
}

// Caught: a delivery that is not left, or that leaves the mask on; a release that does not look; one run each for what came in one section.
#[test]
fn i3_what_comes_in_a_section_is_served_by_its_release() {
    let (rig, object) = enabled();
    let guard = object.acquire_interrupt_lock();
    assert_eq!(object.service(), Delivery::Pending);
    mask_by_hand(false);
    assert_eq!(object.service(), Delivery::Pending);
    assert!(!is_masked());
    assert_eq!(*guard, 0);
    assert_eq!(rig.take_log(), ["line off", "line off"]);
    drop(guard);
    assert_eq!(rig.take_log(), ["isr", "line on"]);
    assert_eq!(*object.acquire_interrupt_lock(), 1);
    assert!(!is_masked());

    // With the mask on until the end.
    let guard = object.acquire_interrupt_lock();
    assert_eq!(object.service(), Delivery::Pending);
    drop(guard);
    assert!(!is_masked());
}

// Caught: a release that does not mask for the ISR; one that leaves the mask on after it.
#[test]
fn i1_a_late_isr_runs_masked_though_an_older_guard_has_opened_the_mask() {
    let (_, older) = enabled();
    let (rig, object) = enabled();
    then(&rig.isr, |_| {
        assert!(is_masked());
        Claim::Claimed
    });
    let (first, second) = (older.acquire_interrupt_lock(), object.acquire_interrupt_lock());
    drop(first);
    object.service();
    drop(second);
    assert!(!is_masked());
    assert_eq!(rig.take_log(), ["line off", "isr", "line on"]);
}

// Caught: a release that serves once.
#[test]
fn i3_what_comes_in_the_isr_is_served_after_it() {
    let (rig, object) = enabled();
    then(&rig.isr, |object| {
        assert_eq!(object.service(), Delivery::Pending);
        Claim::Claimed
    });
    then(&rig.isr, |object| {
        assert_eq!(object.service(), Delivery::Pending);
        Claim::Unclaimed
    });
    assert_eq!(object.service(), Delivery::Answered(Claim::Claimed));
    assert_eq!(rig.take_log(), ["isr", "line off", "isr", "line off", "line on", "isr", "line on"]);
    assert_eq!(*object.acquire_interrupt_lock(), 3);
}

// Caught: an ISR that runs while the interrupt is disabled; a line that is left on although nobody serves it.
#[test]
fn i4_no_isr_before_the_enable_callback_has_succeeded() {
    let (rig, object) = rig();
    assert_eq!(object.service(), Delivery::NotServed);
    assert_eq!(rig.take_log(), ["line off"]);
    then(&rig.enable, |object| {
        assert_eq!(object.service(), Delivery::Pending);
        Ok(())
    });
    object.enable().unwrap();
    assert_eq!(rig.take_log(), ["line on", "enable", "line off", "isr", "line on"]);

    object.disable().unwrap();
    rig.take_log();
    then(&rig.enable, |object| {
        assert_eq!(object.service(), Delivery::Pending);
        Err("no clock")
    });
    object.enable().unwrap_err();
    assert_eq!(rig.take_log(), ["line on", "enable", "line off", "line off"]);
    assert_eq!(object.state(), State::Disabled);
}

// Caught: a line that the next ISR opens; one that the end of the run leaves masked; an unmasking while a run is queued.
#[test]
fn i6_an_isr_may_keep_its_line_masked_until_the_work_item_has_run() {
    let (rig, object) = enabled();
    then(&rig.isr, |object| {
        object.queue_work_item();
        Claim::ClaimedKeepMasked
    });
    object.service();
    assert_eq!(rig.take_log(), ["isr", "queued", "line off"]);
    // A vector that shares the line.
    let guard = object.acquire_interrupt_lock();
    object.service();
    drop(guard);
    assert_eq!(rig.take_log(), ["line off", "isr"]);

    then(&rig.work, |object| {
        object.queue_work_item();
        Default::default()
    });
    assert!(object.run_work_item());
    assert_eq!(rig.take_log(), ["work", "queued"]);
    assert!(!object.run_work_item());
    assert_eq!(rig.take_log(), ["work", "unmask", "line on"]);
    object.unmask();
    assert_eq!(rig.take_log(), [""; 0]);
}

// Caught: an unmasking although the driver has found more to do; a run that it asks for and nobody is told of.
#[test]
fn i6_an_unmask_callback_that_finds_more_to_do() {
    let (rig, object) = enabled();
    then(&rig.isr, |_| Claim::ClaimedKeepMasked);
    object.service();
    rig.take_log();
    then(&rig.unmask, |_| interrupt_lock::Work::Again);
    object.unmask();
    assert_eq!(rig.take_log(), ["unmask", "queued"]);
    assert!(!object.run_work_item());
    assert_eq!(rig.take_log(), ["work", "unmask", "line on"]);
}

// Caught: a device that has gone and is still served.
#[test]
fn i13_a_device_that_has_gone_is_disabled() {
    let (rig, object) = enabled();
    then(&rig.isr, |_| Claim::DeviceGone);
    assert_eq!(object.service(), Delivery::Answered(Claim::DeviceGone));
    assert_eq!(rig.take_log(), ["isr", "line off"]);
    assert_eq!(object.service(), Delivery::NotServed);
    assert_eq!(object.state(), State::Disabled);
}

// Caught: each count left out, and each counted as another.
#[cfg(feature = "std")]
#[test]
fn s1_every_delivery_and_every_run_is_counted() {
    let (rig, object) = rig();
    object.service();
    object.enable().unwrap();
    object.service();
    then(&rig.isr, |_| Claim::Unclaimed);
    object.service();
    let guard = object.acquire_interrupt_lock();
    object.service();
    object.service();
    drop(guard);
    for _ in 0..3 {
        object.queue_work_item();
    }
    while object.run_work_item() {}
    let stats = object.stats();
    assert_eq!((stats.claimed, stats.unclaimed, stats.not_served, stats.pending), (2, 1, 1, 2));
    assert_eq!((stats.work_queued, stats.work_merged, stats.work_run), (1, 2, 1));
}
