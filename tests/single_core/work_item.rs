use interrupt_lock::single_core::{Driver, InterruptObject, IsrContext};
use interrupt_lock::{Claim, NoWorkItem, Queued, Refusal, Work};

use crate::rig::{Core, enabled, is_masked, mask_by_hand, rig, then};

// Caught: one that is queued while it is disabled; a second that is new.
#[test]
fn w1_the_answer_is_new_merged_or_refused() {
    let (rig, object) = rig();
    assert_eq!(object.queue_work_item(), Queued::Refused(Refusal::Disabled));
    object.enable().unwrap();
    rig.take_log();
    assert_eq!(object.queue_work_item(), Queued::New);
    assert_eq!(object.queue_work_item(), Queued::Merged);
    assert!(object.is_work_item_queued());
    assert!(!object.run_work_item());
    assert_eq!(rig.take_log(), ["queued", "work"]);
    assert!(!object.run_work_item());
    assert_eq!(rig.take_log(), [""; 0]);
    assert!(!is_masked());
}

// Caught: one that is lost in a run; the end of a run that does not tell, or that leaves the mask on.
#[test]
fn w2_one_that_is_queued_while_it_runs_causes_one_more_run() {
    let (rig, object) = enabled();
    then(&rig.work, |object| {
        assert_eq!(object.queue_work_item(), Queued::New);
        // What runs it comes too early.
        assert!(!object.run_work_item());
        Work::Done
    });
    object.queue_work_item();
    assert!(object.run_work_item());
    assert!(!is_masked());
    assert_eq!(rig.take_log(), ["queued", "work", "queued"]);
    assert!(!object.run_work_item());
    assert_eq!(rig.take_log(), ["work"]);
}

// Caught: a run with the lock held, or with the interrupts off.
#[test]
fn w4_it_runs_without_the_lock() {
    let (rig, object) = enabled();
    then(&rig.work, |object| {
        assert!(!is_masked());
        *object.acquire_interrupt_lock() += 1;
        Work::Done
    });
    object.queue_work_item();
    assert!(!object.run_work_item());
    assert_eq!(rig.take_log(), ["queued", "work"]);
    assert_eq!(*object.acquire_interrupt_lock(), 1);
}

// Caught: one that queues itself, and hangs the disable; one that is left queued.
#[test]
fn w7_a_disable_runs_what_is_queued_and_no_more() {
    let (rig, object) = enabled();
    then(&rig.work, |object| {
        assert_eq!(object.queue_work_item(), Queued::Refused(Refusal::Disabled));
        Work::Again
    });
    object.queue_work_item();
    object.disable().unwrap();
    assert_eq!(rig.take_log(), ["queued", "disable", "line off", "work"]);
    assert!(!object.is_work_item_queued());
}

// Caught: an `Again` that is forgotten.
#[test]
fn w8_it_may_ask_to_be_run_again() {
    let (rig, object) = enabled();
    then(&rig.work, |_| Work::Again);
    object.queue_work_item();
    assert!(object.run_work_item());
    assert!(!object.run_work_item());
    assert_eq!(rig.take_log(), ["queued", "work", "queued", "work"]);
}

// Caught: a hook that a late ISR's queueing does not reach.
#[test]
fn b5_who_runs_it_is_told_also_if_a_release_runs_the_isr() {
    let (rig, object) = enabled();
    then(&rig.isr, |object| {
        assert_eq!(object.queue_work_item(), Queued::New);
        Claim::Claimed
    });
    let guard = object.acquire_interrupt_lock();
    object.service();
    drop(guard);
    assert_eq!(rig.take_log(), ["line off", "isr", "queued", "line on"]);
}

// Caught: a run that is queued where nothing could run it, and that outlives the disable.
#[test]
fn w6_an_unmask_callback_queues_nothing_where_there_is_no_work_item() {
    struct Sensor;
    impl Driver for Sensor {
        type Data = ();
        type Machine = Core;
        type WorkItem = NoWorkItem;

        fn isr(&self, _: &mut IsrContext<'_, Self>) -> Claim {
            Claim::ClaimedKeepMasked
        }

        fn on_unmask(&self, (): &mut ()) -> Work {
            Work::Again
        }
    }
    let object = InterruptObject::new((), Sensor);
    object.enable().unwrap();
    object.service();
    object.unmask();
    assert!(!object.is_work_item_queued());
}

// Caught: a run inside a section, whose work item could not take the lock; a release that does not tell of it; each later
// release that tells of it again; a run put off that nobody has queued.
#[test]
fn b5_a_run_that_interrupts_a_section_is_put_off() {
    let (rig, object) = enabled();
    object.queue_work_item();
    let guard = object.acquire_interrupt_lock();
    assert!(!object.run_work_item());
    assert_eq!(rig.take_log(), ["queued"]);
    drop(guard);
    assert_eq!(rig.take_log(), ["queued"]);
    drop(object.acquire_interrupt_lock());
    assert_eq!(rig.take_log(), [""; 0]);
    assert!(!object.run_work_item());
    drop(object.acquire_interrupt_lock());
    assert_eq!(rig.take_log(), ["work"]);

    // Nothing is queued: there is nothing to put off.
    let guard = object.acquire_interrupt_lock();
    assert!(!object.run_work_item());
    assert!(!object.is_work_item_queued());
    drop(guard);
    assert_eq!(rig.take_log(), [""; 0]);
}

// Caught: a queueing that leaves the mask on where the driver has opened it.
#[test]
fn l10_a_queueing_in_a_section_restores_the_mask() {
    let (_, object) = enabled();
    let guard = object.acquire_interrupt_lock();
    mask_by_hand(false);
    assert_eq!(object.queue_work_item(), Queued::New);
    assert!(!is_masked());
    drop(guard);
}
