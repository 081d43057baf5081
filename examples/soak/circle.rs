//! Two locks at once, in whatever order: a circle of waits is told.

use std::sync::Arc;
use std::time::Duration;

use interrupt_lock::ErrorKind;

use crate::machine::Machine;
use crate::random::Random;
use crate::totals;
use crate::unit::Unit;
use crate::verdict;

/// Acquires the lock of another interrupt inside that of `outer`. Another thread may do so in the other order.
pub fn nest(machine: &Machine, outer: &Unit, random: &mut Random) {
    let Some(inner) = machine.any_unit(random) else { return };
    // (The release of the inner lock may end its interrupt, and so run its work item with the outer lock held.)
    if outer.slot == inner.slot || inner.kind.work || (outer.kind.shares_lock && inner.kind.shares_lock) {
        return;
    }
    let time = random.one_in(2).then(|| Duration::from_micros(random.below(200) as u64));
    outer.object.section(&mut |data| {
        data.touch();
        std::thread::yield_now();
        match time {
            Some(time) => acquire_for(&inner, time),
            None => acquire(&inner),
        }
        data.touch();
    });
}

fn acquire(inner: &Unit) {
    let acquired = verdict::catch_circle(|| inner.object.section(&mut |data| data.touch()));
    if let Err(message) = acquired {
        must_name(inner, &message);
    }
}

fn acquire_for(inner: &Unit, time: Duration) {
    match inner.object.timed_section(time, &mut |data| data.touch()) {
        Err(error) if matches!(error.kind(), ErrorKind::WouldDeadlock { circle: Some(_), .. }) => {
            must_name(inner, &format!("{error:#}"));
        }
        Err(error) if !matches!(error.kind(), ErrorKind::TimedOut) => {
            inner.ledger.wrong(&format!("a nested acquisition returned {error:#}"), None);
        }
        _ => {}
    }
}

/// The text names the lock that was asked for. (A shared lock has a name of its own.)
fn must_name(inner: &Unit, text: &str) {
    let named = inner.kind.shares_lock || text.contains(&inner.name);
    if !named || !text.contains(verdict::CIRCLE) {
        inner.ledger.wrong(&format!("a circle is told without the lock's name: {text}"), None);
    }
    totals::CIRCLES.one();
}

/// Has a thread of its own drop the handle of `unit` while this one holds its lock.
pub fn drop_while_held(machine: &Arc<Machine>, unit: &Unit) {
    let (its_machine, slot) = (machine.clone(), unit.slot);
    let mut dropper = None;
    unit.object.section(&mut |data| {
        data.touch();
        let machine = its_machine.clone();
        dropper = Some(crate::watch::spawn("dropper".into(), move || machine.drop_handle(slot)));
        std::thread::yield_now();
        data.touch();
    });
    if let Some(dropper) = dropper {
        dropper.join().expect("a panic would have ended the program");
    }
}
