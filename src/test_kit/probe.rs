//! The callbacks of a check, and the data that they share with the test and its threads.

use core::mem;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Mutex;
use std::thread;

use super::progress::pause;
use super::waiting::{AtEnd, News, lock};
use super::{Device, Verdict};
use crate::answer::WithWorkItem;
use crate::claim::Claim;
use crate::interrupt::IsrContext;

/// The interrupt data: what the callbacks have done, and what they shall do.
#[derive(Debug, Default)]
pub struct Record {
    /// Set from the end of the enable callback to the return of `disable`.
    pub serving: bool,
    pub runs: u64,
    /// How many assertions the ISR runs were told of.
    pub told: u64,
    /// How many assertions the device had made when the last ISR run acknowledged it.
    pub seen: u64,
    pub enables: u64,
    pub removals: u64,
    pub assert_in_enable: bool,
    pub reluctance: Reluctance,
    /// The line is masked, and the ISR must not run.
    pub kept: bool,
    pub wrong: Option<&'static str>,
}

/// How an ISR delays the acknowledgement of its device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reluctance {
    #[default]
    None,
    /// That many runs do not acknowledge it.
    Runs(u32),
    /// The ISR keeps the line masked.
    KeepMasked,
    /// The work item acknowledges it.
    Deferred,
}

/// What the callbacks, the test and its threads share.
pub struct Probe<D> {
    pub device: D,
    pub made: AtomicU64,
    /// Whether the device may assert now. Absent if it may assert at all times.
    pub gate: Option<Mutex<bool>>,
    pub news: News,
    /// Counts runs of the disable callback. It is not in the record, because the record is dropped with the interrupt.
    pub disables: AtomicU64,
    /// Whether the device still asserts in the worst moment.
    pub meddles: AtomicBool,
    pub ended: AtomicBool,
    pub late: AtomicU64,
}

impl<D: Device> Probe<D> {
    /// Asserts, unless the device may not assert now.
    pub fn assert(&self) {
        let gate = self.gate.as_ref().map(lock);
        if gate.as_deref() != Some(&false) {
            // First: an ISR that answers this assertion sees it counted.
            self.made.fetch_add(1, Ordering::SeqCst);
            self.device.assert();
        }
    }

    pub fn disables(&self) -> u64 {
        self.disables.load(Ordering::SeqCst)
    }

    pub fn made(&self) -> u64 {
        self.made.load(Ordering::SeqCst)
    }

    pub fn open(&self, open: bool) {
        if let Some(gate) = &self.gate {
            *lock(gate) = open;
        }
    }

    /// Runs `body` while another thread asserts all the time.
    pub fn under_load(&self, body: impl FnOnce() -> Verdict) -> Verdict {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    (0..10).for_each(|_| self.assert());
                    pause();
                }
            });
            let _stop = AtEnd(&stop);
            body()
        })
    }

    pub fn isr(&self, cx: &mut IsrContext<'_, Record, WithWorkItem>) -> Claim {
        if self.ended.load(Ordering::SeqCst) {
            self.late.fetch_add(1, Ordering::SeqCst);
        }
        let told = cx.assertions();
        let record = &mut **cx;
        record.runs += 1;
        record.told += told;
        if !record.serving {
            record.wrong = Some("the ISR ran while the interrupt was disabled");
        }
        if record.kept {
            record.wrong = Some("the ISR ran while the level was kept masked");
        }
        let claim = match record.reluctance {
            Reluctance::None => {
                let asserted = self.device.acknowledge();
                record.seen = self.made();
                if asserted { Claim::Claimed } else { Claim::Unclaimed }
            }
            Reluctance::Runs(more) => {
                record.reluctance = if more > 1 { Reluctance::Runs(more - 1) } else { Reluctance::None };
                Claim::Claimed
            }
            Reluctance::KeepMasked => {
                record.reluctance = Reluctance::None;
                record.kept = true;
                Claim::ClaimedKeepMasked
            }
            Reluctance::Deferred => {
                record.kept = true;
                Claim::ClaimedKeepMasked
            }
        };
        self.news.tell();
        claim
    }

    pub fn enabled(&self, record: &mut Record) {
        record.enables += 1;
        self.open(true);
        if mem::take(&mut record.assert_in_enable) {
            self.assert();
        }
        record.serving = true;
    }

    pub fn worked(&self, record: &mut Record) {
        if record.reluctance == Reluctance::Deferred {
            record.reluctance = Reluctance::None;
            record.kept = false;
            self.device.acknowledge();
            self.news.tell();
        }
    }
}
