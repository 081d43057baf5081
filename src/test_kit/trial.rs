//! One device with its interrupt, and the thread that serves it.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use std::format;
use std::string::String;
use std::sync::{Arc, Mutex};
use std::thread;

use super::bench::{Bench, Watched, WatchedDevice};
use super::meddling::{Meddling, Moment};
use super::probe::{Probe, Record, Reluctance};
use super::progress::{self, LOOK, Standstill, pause};
use super::waiting::{AtEnd, Descriptor, News, expect, sentence, until};
use super::{Attendance, Rig, Verdict};
use crate::answer::{Delivery, NoWorkItem, State};
use crate::claim::Claim;
use crate::dispatch::Dispatcher;
use crate::error::{Error, ErrorKind};
use crate::interrupt::Interrupt;
use crate::lock::InterruptLockGuard;
use crate::source::{EdgeHandle, Software, Source};

/// One device, its interrupt, and the thread that serves it.
pub struct Trial<R: Rig> {
    pub interrupt: Interrupt<Record>,
    pub probe: Arc<Probe<WatchedDevice<R::Device>>>,
    counts: bool,
    attendance: Attendance,
    patience: Duration,
    /// A thread of the check serves the interrupt.
    served: AtomicBool,
    descriptor: Option<Descriptor>,
    neighbour: Option<Neighbour>,
}

impl<R: Rig> Trial<R> {
    pub fn new(bench: &Bench<R>) -> Result<Self, String> {
        Self::with(bench, |source, _| source)
    }

    /// Builds a trial whose device asserts at that moment of each enable or disable.
    pub fn meddling(bench: &Bench<R>, moment: Moment) -> Result<Self, String> {
        Self::with(bench, |source, probe| Meddling { source, probe, moment })
    }

    /// Builds a trial with a source that `make` makes from the rig's.
    fn with<S: Source + 'static>(
        bench: &Bench<R>,
        make: impl FnOnce(Watched<R::Source>, Arc<Probe<WatchedDevice<R::Device>>>) -> S,
    ) -> Result<Self, String> {
        let (source, device) = bench.device()?;
        let (attendance, patience) = (bench.attendance, bench.patience());
        let probe = Arc::new(Probe {
            device,
            made: AtomicU64::new(0),
            gate: (!bench.may_assert_unheard()).then(Mutex::default),
            news: News::new(patience),
            disables: AtomicU64::new(0),
            meddles: AtomicBool::new(true),
            ended: AtomicBool::new(false),
            late: AtomicU64::new(0),
        });
        let [isr, enable, disable, removal, work] = [(); 5].map(|()| probe.clone());
        let builder = Interrupt::builder(Record::default())
            .name("source under test")
            .isr(move |cx| {
                let claim = isr.isr(cx);
                if cx.reluctance == Reluctance::Deferred {
                    cx.queue_work_item();
                }
                claim
            })
            .on_enable(move |record| enable.enabled(record))
            .on_disable(move |_| {
                disable.open(false);
                disable.disables.fetch_add(1, Ordering::SeqCst);
                disable.news.tell();
            })
            .on_removal(move |record| {
                record.removals += 1;
                removal.news.tell();
            })
            .work_item(move |interrupt| interrupt.synchronize(|record| work.worked(record)))
            .source(make(source, probe.clone()));
        let shared = attendance.shared_dispatcher()?;
        let neighbour = shared.map(|dispatcher| Neighbour::new(dispatcher, patience)).transpose()?;
        let builder = match &neighbour {
            Some(neighbour) => builder.dispatcher(&neighbour.dispatcher),
            None if attendance == Attendance::Nobody => builder.without_dispatcher(),
            None => builder,
        };
        let builder = if bench.is_timed() { builder.timed() } else { builder };
        let interrupt = builder.build().map_err(sentence)?;
        let descriptor = match attendance {
            Attendance::Nobody => Descriptor::of(&interrupt)?,
            _ => None,
        };
        Ok(Self {
            interrupt,
            probe,
            counts: bench.counts(),
            attendance,
            patience,
            served: AtomicBool::new(false),
            descriptor,
            neighbour,
        })
    }

    pub fn enable(&self) -> Verdict {
        self.interrupt.enable().map(drop).map_err(sentence)
    }

    pub fn disable(&self) -> Verdict {
        self.interrupt.disable().map_err(sentence)?;
        let mut record = self.record();
        record.serving = false;
        record.wrong.map_or(Ok(()), |wrong| Err(wrong.into()))
    }

    pub fn assert(&self) {
        self.probe.assert();
    }

    pub fn record(&self) -> InterruptLockGuard<'_, Record> {
        self.interrupt.acquire_interrupt_lock()
    }

    /// If the source counts, checks that the ISR runs were told of exactly that many assertions.
    pub fn has_told(&self, assertions: u64) -> Verdict {
        let told = self.record().told;
        let stats = self.interrupt.stats();
        expect(stats.delivered + stats.coalesced == told, || {
            format!("the ISR was told of {told} assertions, but the counters are: {stats}")
        })?;
        expect(told == assertions || !self.counts, || format!("{assertions} signals, but the ISR was told of {told}"))
    }

    /// If the source counts edges, checks that each was delivered or counted as stale.
    pub fn has_accounted(&self) -> Verdict {
        let (told, stale, made) = (self.record().told, self.interrupt.stats().stale, self.probe.made());
        expect(told + stale == made || !self.counts, || {
            format!("of {made} assertions {told} were delivered and {stale} stale")
        })
    }

    /// Waits until an ISR run has acknowledged every assertion made so far.
    pub fn wait_until_seen(&self, what: &str) -> Verdict {
        let made = self.probe.made();
        self.wait(what, |record| record.seen >= made)
    }

    /// Waits until the record is as wanted. Serves the interrupt meanwhile, if no dispatcher does.
    pub fn wait(&self, what: &str, wanted: impl Fn(&Record) -> bool) -> Verdict {
        let mut standstill = Standstill::of(self.patience);
        loop {
            let news = self.probe.news.count();
            let record = self.record();
            if let Some(wrong) = record.wrong {
                return Err(wrong.into());
            }
            if wanted(&record) {
                progress::moved();
                return Ok(());
            }
            drop(record);
            self.interrupt.check().map_err(sentence)?;
            expect(!standstill.is_too_long(), || {
                let (record, made) = (self.record(), self.probe.made());
                format!("in vain: {what} ({made} assertions made; {record:?})")
            })?;
            self.attend(news);
        }
    }

    /// Waits for the dispatcher that serves the interrupt, or serves it.
    pub fn attend(&self, news: u64) {
        if self.attendance != Attendance::Nobody || self.served.load(Ordering::Relaxed) {
            self.probe.news.look_past(news);
        } else {
            self.serve(LOOK);
        }
    }

    /// One round of a driver's own loop.
    pub fn serve(&self, wait: Duration) {
        match &self.descriptor {
            Some(descriptor) => _ = descriptor.wait(wait),
            None => pause(),
        }
        let _ = self.interrupt.service();
        while self.interrupt.run_work_item() {}
    }

    /// Runs `body`, which makes transitions and waits. If no dispatcher serves the interrupt, a driver's own loop does
    /// meanwhile.
    pub fn served(&self, body: impl FnOnce() -> Verdict) -> Verdict {
        if self.attendance != Attendance::Nobody {
            return body();
        }
        self.served.store(true, Ordering::Relaxed);
        let stop = AtomicBool::new(false);
        let verdict = thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    self.serve(Duration::from_millis(1));
                    pause();
                }
            });
            let _stop = AtEnd(&stop);
            body()
        });
        self.served.store(false, Ordering::Relaxed);
        verdict
    }

    pub fn under_load(&self, body: impl FnOnce() -> Verdict) -> Verdict {
        self.probe.under_load(body)
    }

    /// Looks at the source, and makes a shared dispatcher look at it. The ISR must have no reason to run.
    pub fn look_in_vain(&self) -> Verdict {
        let runs = self.record().runs;
        let answer = self.interrupt.service();
        self.is_right()?;
        let expected = match self.interrupt.state() {
            State::Enabled => Delivery::Nothing,
            _ => Delivery::NotServed,
        };
        expect(answer == expected && self.record().runs == runs, || {
            format!("a look at a source with nothing to deliver: {answer}, not: {expected}")
        })?;
        if let Some(neighbour) = &self.neighbour {
            neighbour.have_its_turn()?;
        }
        self.is_right()
    }

    /// Checks that no callback has seen anything wrong.
    fn is_right(&self) -> Verdict {
        self.record().wrong.map_or(Ok(()), |wrong| Err(wrong.into()))
    }

    pub fn wait_until_removed(&self) -> Verdict {
        until(self.patience, "the removal is reported", || {
            if self.attendance == Attendance::Nobody {
                let _ = self.interrupt.service();
            }
            matches!(kind(&self.interrupt.check()), Some(ErrorKind::Removed))
        })
    }

    pub fn stays_removed(&self) -> Verdict {
        let answers = [self.interrupt.enable(), self.interrupt.disable(), self.interrupt.enable()];
        expect(answers.iter().all(|answer| matches!(kind(answer), Some(ErrorKind::Removed))), || {
            format!("enable, disable, enable of an interrupt whose device is gone: {answers:?}")
        })
    }
}

/// Another interrupt of the same dispatcher. The dispatcher looks at its interrupts in turn. So once this one has been
/// served, everything that the other had signalled before has been served too.
pub struct Neighbour {
    dispatcher: Dispatcher,
    interrupt: Interrupt<u64, NoWorkItem>,
    handle: EdgeHandle,
    news: Arc<News>,
}

impl Neighbour {
    pub fn new(dispatcher: Dispatcher, patience: Duration) -> Result<Self, String> {
        let (source, handle) = Software::edge();
        let news = Arc::new(News::new(patience));
        let told = news.clone();
        let interrupt = Interrupt::builder(0)
            .name("neighbour")
            .isr(move |count| {
                **count += count.assertions();
                told.tell();
                Claim::Claimed
            })
            .source(source)
            .dispatcher(&dispatcher)
            .build()
            .map_err(sentence)?;
        interrupt.enable().map_err(sentence)?;
        Ok(Self { dispatcher, interrupt, handle, news })
    }

    pub fn have_its_turn(&self) -> Verdict {
        // Twice: the first may be served in the turn that was going on.
        for _ in 0..2 {
            let before = *self.interrupt.acquire_interrupt_lock();
            let news = self.news.count();
            self.handle.assert();
            self.news.wait_past(news);
            expect(*self.interrupt.acquire_interrupt_lock() > before, || {
                "another interrupt of the same dispatcher is not served".into()
            })?;
        }
        Ok(())
    }
}

/// Does what a driver's own loop does when the system asks for its device. A dispatcher does so by itself.
pub fn answer_request<T, W>(interrupt: &Interrupt<T, W>, bench: &Bench<impl Rig>) -> Verdict {
    if bench.attendance == Attendance::Nobody {
        if let Some(descriptor) = Descriptor::of_removal(interrupt)? {
            progress::comes_within(bench.patience(), || descriptor.wait(LOOK));
        }
        interrupt.service_removal();
    }
    Ok(())
}

fn kind<T>(answer: &Result<T, Error>) -> Option<&ErrorKind> {
    answer.as_ref().err().map(Error::kind)
}
