use std::sync::OnceLock;

use interrupt_lock::single_core::Error;
use interrupt_lock::{Claim, Delivery, State, Transition};

use crate::rig::{Object, enabled, is_masked, mask_by_hand, pend, rig, then};

// Caught: a callback that runs again.
#[test]
fn e3_twice_is_no_error_and_does_nothing_more() {
    let (rig, object) = rig();
    assert_eq!(object.disable(), Ok(Transition::Already));
    assert_eq!(object.enable(), Ok(Transition::Done));
    assert_eq!(object.enable(), Ok(Transition::Already));
    assert_eq!(object.disable(), Ok(Transition::Done));
    assert_eq!(object.disable(), Ok(Transition::Already));
    assert_eq!(rig.take_log(), ["line on", "enable", "disable", "line off"]);
    assert!(!is_masked());
}

// Caught: a failing callback that leaves the line open, or the interrupt enabled.
#[test]
fn e1_a_failing_enable_is_undone() {
    let (rig, object) = rig();
    then(&rig.enable, |_| Err("no clock"));
    assert_eq!(object.enable(), Err(Error::EnableCallback("no clock")));
    assert_eq!(rig.take_log(), ["line on", "enable", "line off"]);
    assert_eq!(object.state(), State::Disabled);
    assert_eq!(object.enable(), Ok(Transition::Done));
}

// Caught: an ISR after the callback; a delivery that stays left.
#[test]
fn e2_no_isr_begins_after_the_disable_callback_has_begun() {
    let (rig, object) = enabled();
    then(&rig.disable, |object| {
        assert_eq!(object.service(), Delivery::Pending);
        Err("it does not stop")
    });
    assert_eq!(object.disable(), Err(Error::DisableCallback("it does not stop")));
    assert_eq!(rig.take_log(), ["disable", "line off", "line off"]);
    assert_eq!(object.state(), State::Disabled);
    object.enable().unwrap();
    assert_eq!(rig.take_log(), ["line on", "enable"]);
}

// Caught: a refusal that comes after the first step; none.
#[test]
fn e4_what_would_wait_for_itself_is_refused() {
    let (rig, object) = enabled();
    let guard = object.acquire_interrupt_lock();
    mask_by_hand(false);
    assert_eq!(object.disable(), Err(Error::WouldDeadlock));
    assert!(!is_masked());
    drop(guard);
    then(&rig.isr, |object| {
        assert_eq!(object.disable(), Err(Error::WouldDeadlock));
        assert_eq!(object.enable(), Err(Error::WouldDeadlock));
        Claim::Claimed
    });
    object.service();
    then(&rig.work, |object| {
        assert_eq!(object.disable(), Err(Error::WouldDeadlock));
        Default::default()
    });
    object.queue_work_item();
    assert!(!object.run_work_item());
    assert_eq!(object.state(), State::Enabled);
    // A vector that comes while a disable runs the work item.
    then(&rig.work, |object| {
        assert_eq!(object.enable(), Err(Error::WouldDeadlock));
        Default::default()
    });
    object.queue_work_item();
    rig.take_log();
    assert_eq!(object.disable(), Ok(Transition::Done));
    assert_eq!(rig.take_log(), ["disable", "line off", "work"]);
}

// Caught: a flush with the interrupts off.
#[test]
fn b4_a_disable_runs_the_work_item_with_the_interrupts_on() {
    let (rig, object) = enabled();
    then(&rig.work, |_| {
        assert!(!is_masked());
        Default::default()
    });
    object.queue_work_item();
    object.disable().unwrap();
    assert_eq!(rig.take_log(), ["queued", "disable", "line off", "work"]);
}

// Caught: a disable that forgets, after its section, that it is under way.
#[test]
fn e4_a_vector_may_not_enable_what_is_being_disabled() {
    static OBJECT: OnceLock<&'static Object> = OnceLock::new();
    let (rig, object) = enabled();
    OBJECT.set(object).ok();
    object.queue_work_item();
    rig.take_log();
    // It comes between the section and the work item.
    pend(|| assert_eq!(OBJECT.get().unwrap().enable(), Err(Error::WouldDeadlock)));
    assert_eq!(object.disable(), Ok(Transition::Done));
    assert_eq!(rig.take_log(), ["disable", "line off", "work"]);
    assert_eq!(object.state(), State::Disabled);
    assert_eq!(object.enable(), Ok(Transition::Done));
}
