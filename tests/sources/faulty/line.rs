//! A line in memory, with a waker.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use interrupt_lock::source::{Assertions, Ready, Removal, Source};
use interrupt_lock::test_kit::{Device, Rig};
use interrupt_lock::{Info, SourceError, Trigger, source_tests};

use super::{ALL, BY_DISPATCHER, PATIENCE, caught};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    Blocks,
    CountsTwice,
    ForgetsAtTheConnection,
    ForgetsAtTheDisconnection,
    ForgetsEach100th,
    ForgetsTheRemoval,
    ForgetsTheRequest,
    KeepsWhatItTook,
    KeepsItsWaker,
    LeavesTheLevelAtTheConnection,
    LeavesTheLevelAtTheUnmask,
    LeavesTheLevelUnmasked,
    NeverUnmasks,
    NeverWakes,
    OneForMany,
    OnlyFirst,
    Panics,
    RefusesTheSecondConnection,
    SeesNoRemovalWhileDisabled,
    TellsAnotherTime,
    TellsNoTime,
}

struct Line {
    level: bool,
    fault: Fault,
    state: Mutex<State>,
    never: Condvar,
}

#[derive(Default)]
struct State {
    /// Edges that have not been taken. Of a level: whether it signals.
    count: u64,
    asserted: bool,
    masked: bool,
    waker: Option<Waker>,
    since: Option<Instant>,
    made: u64,
    connections: u64,
    removal: Option<Removal>,
}

impl Line {
    fn state(&self) -> MutexGuard<'_, State> {
        // One that panics has poisoned it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes, outside of the lock.
    fn wake(&self, state: MutexGuard<'_, State>) {
        let waker = state.waker.clone().filter(|_| self.fault != Fault::NeverWakes);
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

struct Faulty(Arc<Line>, Option<Assertions>);
struct Handle(Arc<Line>);

impl Device for Handle {
    fn assert(&self) {
        let mut state = self.0.state();
        state.made += 1;
        if self.0.fault == Fault::ForgetsEach100th && state.made.is_multiple_of(100) {
            return;
        }
        state.since.get_or_insert_with(Instant::now);
        if self.0.level {
            state.asserted = true;
            if state.masked || state.waker.is_none() {
                return;
            }
            state.masked = self.0.fault != Fault::LeavesTheLevelUnmasked;
            state.count = 1;
        } else if self.0.fault != Fault::OnlyFirst || state.count == 0 {
            state.count += 1;
        }
        self.0.wake(state);
    }

    fn acknowledge(&self) -> bool {
        let mut state = self.0.state();
        !self.0.level || std::mem::take(&mut state.asserted)
    }

    fn remove(&self, how: Removal) {
        let mut state = self.0.state();
        state.removal = Some(how);
        self.0.wake(state);
    }
}

impl Source for Faulty {
    fn info(&self) -> Info {
        Info::new().with_trigger(if self.0.level { Trigger::Level } else { Trigger::Edge })
    }

    fn ready(&mut self) -> Ready<'_> {
        Ready::Waker
    }

    fn connect(&mut self, waker: &Waker) -> Result<(), SourceError> {
        let mut state = self.0.state();
        state.connections += 1;
        if self.0.fault == Fault::RefusesTheSecondConnection && state.connections == 2 {
            return Err(SourceError::Refused("it is connected already".into()));
        }
        state.waker = Some(waker.clone());
        if self.0.fault == Fault::ForgetsAtTheConnection {
            state.count = 0;
        }
        if self.0.level {
            state.masked = state.asserted && self.0.fault != Fault::LeavesTheLevelAtTheConnection;
            state.count = state.masked.into();
        }
        if state.count != 0 {
            self.0.wake(state);
        }
        Ok(())
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        let mut state = self.0.state();
        if self.0.fault != Fault::KeepsItsWaker {
            state.waker = None;
        }
        if self.0.fault == Fault::ForgetsAtTheDisconnection {
            state.count = 0;
        }
        Ok(())
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        let mut state = self.0.state();
        if state.removal == Some(Removal::Surprise)
            && self.0.fault != Fault::ForgetsTheRemoval
            && (state.waker.is_some() || self.0.fault != Fault::SeesNoRemovalWhileDisabled)
        {
            return Err(SourceError::Removed);
        }
        if self.0.fault == Fault::Blocks {
            state = self.0.never.wait_while(state, |state| state.count == 0).unwrap();
        }
        assert!(self.0.fault != Fault::Panics || state.count == 0, "the source can't count");
        let count = state.count;
        if count != 0
            && let Some(assertions) = self.1.as_ref().filter(|_| self.0.fault != Fault::TellsNoTime)
        {
            let since = state.since.take().unwrap_or_else(Instant::now);
            let late = if self.0.fault == Fault::TellsAnotherTime { Duration::from_secs(3600) } else { Duration::ZERO };
            assertions.taken(since + late);
        }
        if self.0.fault != Fault::KeepsWhatItTook {
            state.count = 0;
        }
        Ok(match self.0.fault {
            Fault::CountsTwice => 2 * count,
            Fault::OneForMany => count.min(1),
            _ => count,
        })
    }

    fn unmask(&mut self) -> Result<(), SourceError> {
        let mut state = self.0.state();
        if self.0.level && self.0.fault != Fault::NeverUnmasks {
            state.masked = state.asserted && self.0.fault != Fault::LeavesTheLevelAtTheUnmask;
            if state.masked {
                state.count = 1;
                self.0.wake(state);
            }
        }
        Ok(())
    }

    fn time_assertions(&mut self, assertions: Assertions) {
        self.1 = Some(assertions);
    }

    fn removal(&mut self) -> Option<Removal> {
        let forgotten = match self.0.fault {
            Fault::ForgetsTheRemoval => Some(Removal::Surprise),
            Fault::ForgetsTheRequest => Some(Removal::Requested),
            _ => None,
        };
        self.0.state().removal.filter(|how| Some(*how) != forgotten)
    }
}

struct Edges(Fault);
struct Levels(Fault);

macro_rules! rig {
    ($rig:ident, $level:literal) => {
        impl Rig for $rig {
            type Source = Faulty;
            type Device = Handle;

            fn is_level(&self) -> bool {
                $level
            }

            fn is_timed(&self) -> bool {
                true
            }

            fn can_be_removed(&self, _: Removal) -> bool {
                true
            }

            fn set_up(&self) -> Result<(Faulty, Handle), String> {
                let (state, never) = (Mutex::default(), Condvar::new());
                let line = Arc::new(Line { level: $level, fault: self.0, state, never });
                Ok((Faulty(line.clone(), None), Handle(line)))
            }

            /// A check of a faulty source may fail because it waits in vain.
            fn patience(&self) -> Duration {
                if self.0 == Fault::None { Duration::from_secs(150) } else { PATIENCE }
            }
        }
    };
}
rig!(Edges, false);
rig!(Levels, true);

// Without a fault they pass, so it is the fault that is caught.
source_tests!(edges: super::Edges(super::Fault::None), common edge timed surprise request);
source_tests!(levels: super::Levels(super::Fault::None), common level timed surprise request);

#[test]
fn each_faulty_source_of_edges_is_caught() {
    caught(
        Edges,
        &[
            (Fault::Blocks, "i3_an_assertion_is_delivered", "the source's `take` does not return", ALL),
            (Fault::NeverWakes, "i3_an_assertion_is_delivered", "in vain: an assertion is delivered", BY_DISPATCHER),
            (Fault::Panics, "i3_an_assertion_is_delivered", "the source can't count", ALL),
            (Fault::CountsTwice, "i3_an_assertion_is_delivered", "1 signals, but the ISR was told of 2", ALL),
            (Fault::KeepsWhatItTook, "i3_an_assertion_is_delivered", "the ISR was told of", ALL),
            (
                Fault::ForgetsEach100th,
                "i3_a_thousand_assertions_are_delivered_one_after_the_other",
                "in vain: assertion 100 of 1000 is delivered",
                ALL,
            ),
            (Fault::OneForMany, "i3_assertions_that_meet_are_served", "500 signals, but the ISR was told of", ALL),
            (Fault::OnlyFirst, "i3_assertions_that_meet_are_served", "500 signals, but the ISR was told of", ALL),
            (
                Fault::RefusesTheSecondConnection,
                "i4_what_fires_in_the_enable_callback_is_served_right_after",
                "it is connected already",
                ALL,
            ),
            (
                Fault::KeepsItsWaker,
                "i5_nothing_is_delivered_after_a_disable",
                "the source has woken its waker 2 times while it was disconnected",
                ALL,
            ),
            (
                Fault::ForgetsAtTheConnection,
                "i15_an_edge_between_the_drain_and_the_connection_is_counted",
                "of 40 assertions 20 were delivered and 0 stale",
                ALL,
            ),
            (
                Fault::ForgetsAtTheDisconnection,
                "e2_an_edge_between_the_last_look_and_the_disconnection_is_counted",
                "of 40 assertions 20 were delivered and 0 stale",
                ALL,
            ),
            (
                Fault::TellsNoTime,
                "s2_the_time_of_an_assertion_is_reported",
                "of 20 assertions the time of 0 is known",
                ALL,
            ),
            (Fault::TellsAnotherTime, "s2_the_time_of_an_assertion_is_reported", "another clock's time", ALL),
            (Fault::ForgetsTheRemoval, "i13_a_device_that_goes_is_reported", "in vain: the removal is reported", ALL),
            (
                Fault::SeesNoRemovalWhileDisabled,
                "i13_a_device_that_went_while_disabled_is_reported",
                "of an interrupt whose device is gone",
                ALL,
            ),
            (
                Fault::ForgetsTheRequest,
                "i13_a_device_that_is_asked_for_is_disabled",
                "in vain: the removal is reported",
                ALL,
            ),
        ],
    );
}

#[test]
fn each_faulty_source_of_levels_is_caught() {
    caught(
        Levels,
        &[
            (
                Fault::LeavesTheLevelUnmasked,
                "i6_a_level_kept_masked_is_silent_until_it_is_unmasked",
                "while the level was kept masked",
                ALL,
            ),
            (
                Fault::NeverUnmasks,
                "i3_a_thousand_assertions_are_delivered_one_after_the_other",
                "in vain: assertion 2 of 1000 is delivered",
                ALL,
            ),
            (
                Fault::LeavesTheLevelAtTheUnmask,
                "i6_a_level_that_is_not_acknowledged_is_delivered_again",
                "in vain: a level that the ISR has not acknowledged",
                ALL,
            ),
            (
                Fault::LeavesTheLevelAtTheConnection,
                "i15_a_level_asserted_before_an_enable_is_delivered",
                "in vain: a level asserted before the enable",
                ALL,
            ),
        ],
    );
}
