//! The software source's word: edges and levels that meet a take, an unmask or a disconnection.

use core::task::Waker;

use loom::thread;

use crate::models::{Probe, all};
use crate::source::{Software, Source};

/// A take that gets an edge sees what was done before the assertion. No edge is lost between two takes.
// Caught: software-release, software-take-acquire, software-take-torn, software-torn.
#[test]
fn an_edge_publishes_and_is_counted_once() {
    all(|| {
        let (mut source, edge) = Software::edge();
        source.connect(Waker::noop()).unwrap();
        let before = Probe::new();
        let device = thread::spawn({
            let before = before.clone();
            move || {
                before.touch();
                edge.assert();
            }
        });
        let taken = source.take().unwrap();
        if taken == 1 {
            assert_eq!(before.touch(), 1);
        }
        device.join().unwrap();
        assert_eq!(taken + source.take().unwrap(), 1);
    });
}

/// The take after a disconnection sees what was done before an edge that it gets, and no edge is lost.
// Caught: software-acquire, software-release.
#[test]
fn an_edge_publishes_to_the_take_after_a_disconnection() {
    all(|| {
        let (mut source, edge) = Software::edge();
        source.connect(Waker::noop()).unwrap();
        let before = Probe::new();
        let device = thread::spawn({
            let before = before.clone();
            move || {
                before.touch();
                edge.assert();
            }
        });
        source.disconnect().unwrap();
        let signalled = source.take().unwrap();
        if signalled == 1 {
            assert_eq!(before.touch(), 1);
        }
        device.join().unwrap();
        assert_eq!(signalled + source.take().unwrap(), 1);
    });
}

/// A level that is asserted during an unmask signals, through the assertion or through the unmask.
// Caught: software-torn, unmask-forgets-the-level.
#[test]
fn a_level_that_meets_an_unmask_signals() {
    all(|| {
        let (mut source, line) = Software::level();
        source.connect(Waker::noop()).unwrap();
        line.assert();
        assert_eq!(source.take().unwrap(), 1);
        line.deassert();
        let device = thread::spawn(move || line.assert());
        source.unmask().unwrap();
        device.join().unwrap();
        assert_eq!(source.take().unwrap(), 1);
    });
}
