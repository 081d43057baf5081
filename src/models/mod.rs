//! The models: tests of the crate's atomic protocols, in which loom explores every interleaving.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --profile loom -p interrupt-lock --lib models`
//!
//! Small models of two threads have no bound; the others have a bound of three preemptions. "Caught:" beside a model
//! names the mutations that it has caught. `.ci/mutations` makes each again, and expects the model to fail.

mod claims;
mod deferred;
mod delivery;
mod end;
mod raw_lock;
mod shared_lock;
mod software;
mod transition;
mod waits;
mod words;
mod work_item;

use alloc::sync::Arc;
use core::task::Waker;

use loom::sync::atomic::{
    AtomicUsize,
    Ordering::{AcqRel, Acquire},
};

use crate::cause::SourceError;
use crate::info::Info;
use crate::interrupt::Interrupt;
use crate::source::{Ready, Source};

/// Explores all interleavings.
fn all(model: impl Fn() + Sync + Send + 'static) {
    explore(None, model);
}

/// Explores the interleavings with up to three preemptions.
fn bounded(model: impl Fn() + Sync + Send + 'static) {
    explore(Some(3), model);
}

fn explore(bound: Option<usize>, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = bound;
    builder.check(model);
}

/// The wire between a model's device and its source.
struct Wire {
    /// Bit 0: whether the source is connected. The rest: how often the device has asserted.
    word: AtomicUsize,
    /// Touched as the line is unmasked.
    line: Arc<Probe>,
    /// How often the line was unmasked. Not loom's atomic: a model reads it only after all threads have ended.
    unmasked: core::sync::atomic::AtomicUsize,
}

const CONNECTED: usize = 1;
const ONE: usize = 2;

impl Wire {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            word: AtomicUsize::new(0),
            line: Probe::new(),
            unmasked: core::sync::atomic::AtomicUsize::new(0),
        })
    }

    /// The device asserts. Returns whether the source was connected.
    fn assert(&self) -> bool {
        self.word.fetch_add(ONE, AcqRel) & CONNECTED != 0
    }

    fn unmasked(&self) -> usize {
        self.unmasked.load(core::sync::atomic::Ordering::Relaxed)
    }

    fn is_connected(&self) -> bool {
        self.word.load(Acquire) & CONNECTED != 0
    }
}

/// A source that counts edges, as an eventfd does.
struct Counted {
    wire: Arc<Wire>,
    /// The error that `take` returns instead of a count, once the source is connected.
    fails: Option<SourceError>,
}

impl Counted {
    fn new(wire: &Arc<Wire>) -> Self {
        Self { wire: wire.clone(), fails: None }
    }

    fn failing(wire: &Arc<Wire>, error: SourceError) -> Self {
        Self { wire: wire.clone(), fails: Some(error) }
    }
}

impl Source for Counted {
    fn info(&self) -> Info {
        Info::default()
    }

    fn ready(&mut self) -> Ready<'_> {
        Ready::Waker
    }

    fn connect(&mut self, _: &Waker) -> Result<(), SourceError> {
        self.wire.word.fetch_or(CONNECTED, AcqRel);
        Ok(())
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        self.wire.word.fetch_and(!CONNECTED, AcqRel);
        Ok(())
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        let word = self.wire.word.fetch_and(CONNECTED, AcqRel);
        match &self.fails {
            Some(error) if word & CONNECTED != 0 && word >= ONE => Err(error.clone()),
            _ => Ok((word / ONE) as u64),
        }
    }

    fn unmask(&mut self) -> Result<(), SourceError> {
        self.wire.line.touch();
        self.wire.unmasked.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
        Ok(())
    }
}

/// A place that two threads may only use one after the other. If they don't, loom fails the model.
struct Probe(loom::cell::UnsafeCell<usize>);

// SAFETY: loom checks every use.
unsafe impl Send for Probe {}
// SAFETY: loom checks every use.
unsafe impl Sync for Probe {}

impl Probe {
    fn new() -> Arc<Self> {
        Arc::new(Self(loom::cell::UnsafeCell::new(0)))
    }

    /// Uses the place. Returns how often it was used before.
    fn touch(&self) -> usize {
        self.0.with_mut(|uses| {
            // SAFETY: loom fails the model if another use overlaps this one, or is not ordered with it.
            let uses = unsafe { &mut *uses };
            *uses += 1;
            *uses - 1
        })
    }
}

/// An interrupt that a model's threads share.
type Shared<T, W> = Arc<Interrupt<T, W>>;
