//! Sources: a counter of edges, and the devices on a shared level line.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::task::Waker;

use interrupt_lock::source::{LevelHandle, Ready, Source};
use interrupt_lock::{Info, SourceError};
use loom::sync::atomic::{
    AtomicBool, AtomicUsize,
    Ordering::{AcqRel, Acquire},
};

use crate::judge::Judge;
use crate::program::Act;

/// The wire between a device and its counter.
#[derive(Default)]
pub struct Wire(AtomicUsize);

impl Wire {
    /// The device asserts.
    pub fn assert(&self) {
        self.0.fetch_add(1, AcqRel);
    }

    /// Returns how many assertions have not been taken.
    pub fn left(&self) -> u64 {
        self.0.load(Acquire) as u64
    }
}

/// A source that counts edges, as an eventfd does. Its takes may fail while it is connected.
pub struct Counter {
    wire: Arc<Wire>,
    connected: bool,
    takes: VecDeque<Act>,
    judge: Arc<Judge>,
}

impl Counter {
    /// Makes the source of `wire`.
    pub fn new(wire: &Arc<Wire>, takes: &[Act], judge: &Arc<Judge>) -> Self {
        Self { wire: wire.clone(), connected: false, takes: takes.iter().copied().collect(), judge: judge.clone() }
    }
}

impl Source for Counter {
    fn info(&self) -> Info {
        Info::default()
    }

    fn ready(&mut self) -> Ready<'_> {
        Ready::Waker
    }

    fn connect(&mut self, _: &Waker) -> Result<(), SourceError> {
        assert!(!self.connected, "E1: connected twice");
        self.connected = true;
        Ok(())
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        self.connected = false;
        Ok(())
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        if self.connected && self.takes.pop_front() == Some(Act::Fail) {
            self.judge.fault_comes();
            return Err(SourceError::Refused("the device does not answer".into()));
        }
        Ok(self.wire.0.swap(0, AcqRel) as u64)
    }
}

/// The devices on a shared line: each holds the line asserted until its ISR has served it.
pub struct Devices {
    line: LevelHandle,
    asserting: Vec<AtomicBool>,
    /// Keeps the line in step with the devices.
    step: loom::sync::Mutex<()>,
}

impl Devices {
    /// Makes `count` devices on the line.
    pub fn new(line: LevelHandle, count: usize) -> Self {
        Self { line, asserting: (0..count).map(|_| AtomicBool::new(false)).collect(), step: loom::sync::Mutex::new(()) }
    }

    /// A device asserts.
    pub fn assert(&self, device: usize) {
        let _step = self.step.lock().unwrap();
        self.asserting[device].store(true, std::sync::atomic::Ordering::Release);
        self.line.assert();
    }

    /// The ISR of a device serves it. Returns whether it asserted.
    pub fn serve(&self, device: usize) -> bool {
        let _step = self.step.lock().unwrap();
        let served = self.asserting[device].swap(false, AcqRel);
        if !self.asserting.iter().any(|asserting| asserting.load(Acquire)) {
            self.line.deassert();
        }
        served
    }

    /// Returns whether a device asserts.
    pub fn asserts(&self, device: usize) -> bool {
        self.asserting[device].load(Acquire)
    }
}

/// What a callback does, run after run.
#[derive(Default)]
pub struct Turns(Mutex<VecDeque<Act>>);

impl Turns {
    /// Takes the acts in order.
    pub fn new(acts: &[Act]) -> Self {
        Self(Mutex::new(acts.iter().copied().collect()))
    }

    /// Returns what this run does.
    pub fn next(&self) -> Act {
        self.0.lock().unwrap().pop_front().unwrap_or(Act::Nothing)
    }
}
