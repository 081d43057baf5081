//! The driver of the guide's page `porting`, on a converter that lives in this process. `tests/porting/run` checks the driver
//! in C that the page shows beside it.
#![cfg(all(feature = "std", not(loom)))]

#[path = "../../src/guide/porting/after.rs"]
#[allow(missing_docs, reason = "a page shows it, not a crate")]
mod after;
mod converter;

use std::sync::mpsc::{Receiver, TryRecvError};
use std::thread;

#[cfg(not(windows))]
use interrupt_lock::source::Software;
use interrupt_lock::source::Source;
#[cfg(windows)]
use interrupt_lock::windows::Event;
use interrupt_lock::{Error, ErrorKind, State};
use support::{receive, until};

use after::{Driver, Failure};
use converter::{CHANNELS, ConverterRegisters, Device, sample};

/// How often it is stopped. Even.
const ROUNDS: u32 = 200;

type Answer = Result<u32, Failure>;

/// The line of a device: its end at the driver, and the other, which the device drives.
#[cfg(windows)]
fn line() -> (impl Source, impl FnMut(bool) + Send) {
    let event = Event::manual_reset().unwrap();
    let signaller = event.signaller();
    (event, move |asserted| if asserted { signaller.signal() } else { signaller.reset() }.unwrap())
}

#[cfg(not(windows))]
fn line() -> (impl Source, impl FnMut(bool) + Send) {
    let (line, wire) = Software::level();
    (line, move |asserted| if asserted { wire.assert() } else { wire.deassert() })
}

/// The driver, and the device that it drives.
struct Rig {
    driver: Driver<ConverterRegisters>,
    device: Device,
}

impl Rig {
    fn new() -> Self {
        let (line, wire) = line();
        let device = Device::new(wire);
        Self { driver: Driver::new(device.registers(), line).unwrap(), device }
    }

    /// Has a conversion under way that does not end, and asks for one more.
    fn hold(&self) -> Asked {
        self.device.hold(true);
        self.ask(1).remove(0)
    }

    /// Asks for so many samples. The ninth is over range.
    fn ask(&self, requests: u32) -> Vec<Asked> {
        let channels = (0..requests).map(|number| number * 137 % (CHANNELS + CHANNELS / 10));
        channels.map(|channel| Asked { channel, answer: self.driver.convert(channel).unwrap() }).collect()
    }

    fn claimed(&self) -> u64 {
        self.driver.interrupt().stats().claimed
    }
}

struct Asked {
    channel: u32,
    answer: Receiver<Answer>,
}

impl Asked {
    fn due(&self) -> Answer {
        if self.channel < CHANNELS { Ok(sample(self.channel)) } else { Err(Failure::OverRange) }
    }

    /// Waits for the answer, which has to be right.
    fn wait(self) {
        assert_eq!(receive(&self.answer), self.due(), "channel {}", self.channel);
    }

    /// Whether the request has been answered. Then the answer has to be right.
    fn is_answered(&self) -> bool {
        match self.answer.try_recv() {
            Ok(answer) => {
                assert_eq!(answer, self.due(), "channel {}", self.channel);
                true
            }
            Err(TryRecvError::Empty) => false,
            Err(TryRecvError::Disconnected) => panic!("channel {} was forgotten", self.channel),
        }
    }
}

// Caught: an ISR that does not start the next conversion, does not acknowledge, or does not look at OVER_RANGE; a driver
// that does not queue its work item.
#[test]
fn it_serves_each_request_once() {
    let rig = Rig::new();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..50).for_each(|_| rig.ask(10).into_iter().for_each(Asked::wait)));
        }
    });
    assert_eq!(rig.device.seen().done, 2_000);
    assert_eq!(rig.claimed(), 2_000);
    let stats = rig.driver.interrupt().stats();
    assert_eq!(stats.work_queued + stats.work_merged, 2_000);
    until(|| rig.driver.interrupt().stats().work_run == stats.work_queued);
    assert_eq!((stats.faults, rig.device.seen().lost), (0, 0));
}

/// Stops the driver again and again, in every second round with a conversion under way, and lets it go on.
fn stop_and_go(stop: impl Fn(&Rig), stopped: impl Fn(&Rig), go: impl Fn(&Rig)) -> Rig {
    const REQUESTS: u32 = 10;
    let rig = Rig::new();
    for round in 0..ROUNDS {
        let mut asked = rig.ask(REQUESTS);
        // As many as are served before it stops.
        asked.drain(..(round % (REQUESTS + 1)) as usize).for_each(Asked::wait);
        asked.extend((round % 2 == 0).then(|| rig.hold()));
        stop(&rig);
        stopped(&rig);
        rig.device.hold(false);
        let claimed = rig.claimed();
        asked.retain(|asked| !asked.is_answered());
        asked.extend(rig.ask(2)); // the driver keeps them
        thread::yield_now();
        assert!(!asked.iter().any(Asked::is_answered), "an answer while it stands still");
        assert_eq!(rig.claimed(), claimed);
        go(&rig);
        asked.into_iter().for_each(Asked::wait);
    }
    // What was under way is converted again. Each request is answered by one ISR run that claims, all the same.
    assert_eq!(rig.claimed(), u64::from(ROUNDS * (REQUESTS + 2) + ROUNDS / 2));
    assert!(rig.device.seen().done >= rig.claimed());
    assert_eq!(rig.device.seen().unanswered, 0);
    rig
}

// Caught: an enable callback that does not start what was under way; a disable callback that does not write to CONTROL; a
// work item that takes one answer of several.
#[test]
fn disabled_in_mid_flight_it_goes_on_where_it_was() {
    let rig = stop_and_go(
        |rig| {
            rig.driver.interrupt().disable().unwrap();
        },
        |rig| {
            assert_eq!(rig.driver.interrupt().state(), State::Disabled);
            let seen = rig.device.seen();
            assert_eq!((seen.control, seen.asserted), (1, false)); // clocked
        },
        |rig| {
            rig.driver.interrupt().enable().unwrap();
        },
    );
    assert_eq!(rig.device.seen().lost, 0);
}

// Caught: a D0-exit callback that leaves the clock on; a D0-entry callback that does not start it; a disable callback that
// leaves the state, so that a request touches the device.
#[test]
fn it_leaves_d0_and_comes_back() {
    let rig = stop_and_go(
        |rig| rig.driver.sleep().unwrap(),
        |rig| {
            assert_eq!(rig.driver.interrupt().state(), State::Disabled);
            let seen = rig.device.seen();
            assert_eq!((seen.control, seen.asserted), (0, false));
        },
        |rig| rig.driver.wake().unwrap(),
    );
    assert!(rig.device.seen().lost >= u64::from(ROUNDS / 2), "a conversion went on without a clock");
}

// Caught: a removal callback that does not answer; one that leaves the state, so that a later request waits for ever; an ISR
// that takes all ones for a status.
#[test]
fn a_removal_answers_what_waits() {
    let mut removed = 0;
    for round in 0..50 {
        let rig = Rig::new();
        let mut asked = rig.ask(10);
        asked.drain(..round % 10).for_each(Asked::wait);
        asked.extend((round % 2 == 0).then(|| rig.hold()));
        rig.device.unplug();
        for asked in asked {
            let answer = receive(&asked.answer);
            assert!(answer == asked.due() || answer == Err(Failure::Removed), "{answer:?}");
            removed += u32::from(answer == Err(Failure::Removed));
        }
        until(|| is_removed(rig.driver.interrupt().check()));
        assert_eq!(receive(&rig.driver.convert(1).unwrap()), Err(Failure::Removed));
        assert_eq!(rig.driver.interrupt().stats().faults, 0);
    }
    assert!(removed >= 25, "{removed} of at least 25 that were under way");
}

fn is_removed(checked: Result<(), Error>) -> bool {
    matches!(checked, Err(error) if matches!(error.kind(), ErrorKind::Removed))
}

// Caught: a D0-exit callback that leaves the clock on; registers that outlive the driver.
#[test]
fn dropped_in_mid_flight_it_releases_the_hardware() {
    for round in 0..50 {
        let rig = Rig::new();
        let mut asked = rig.ask(10);
        asked.drain(..round % 10).for_each(Asked::wait);
        let Rig { driver, device } = rig;
        drop(driver);
        let seen = device.seen();
        assert_eq!((seen.control, seen.asserted), (0, false));
        for asked in asked {
            // Answered, or given up with the data.
            if let Ok(answer) = asked.answer.try_recv() {
                assert_eq!(answer, asked.due());
            } else {
                assert_eq!(asked.answer.try_recv(), Err(TryRecvError::Disconnected));
            }
        }
        assert!(!device.is_mapped(), "somebody still has its registers");
    }
}
