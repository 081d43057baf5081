//! Wraps the callbacks of an interrupt, to measure them (`timed`) and to report those that do not return
//! (`overdue_after`). If an interrupt asks for neither, its callbacks are not wrapped.

use core::mem;
use core::time::Duration;

use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};

use crate::error::{Error, ErrorKind};
use crate::fault::Callback;
use crate::interrupt::{InterruptObject, Isr, OnChange, OnUnmask, Registered, WorkFn};
use crate::observe::timing::Timing;
use crate::observe::watchdog::Watched;

/// What measures and watches the callbacks of one interrupt.
pub(super) struct Instruments {
    timing: Option<Arc<Timing>>,
    /// Weak, because the wrapped callbacks own it: the watchdog forgets it once the last of them has been freed.
    watched: Option<Weak<Watched>>,
}

impl Instruments {
    /// Wraps the callbacks as the options ask.
    pub(super) fn around<T: 'static, W: 'static>(
        registered: &mut Registered<T, W>,
        work: &mut Option<WorkFn<T, W>>,
        unmask: &mut Option<OnUnmask<T>>,
        timed: bool,
        overdue_after: Option<Duration>,
    ) -> Self {
        let watched = overdue_after.map(|limit| watch(limit, registered, work, unmask));
        let timing = timed.then(|| measure(registered));
        Self { timing, watched }
    }

    pub(super) fn timing(&self) -> Option<Arc<Timing>> {
        self.timing.clone()
    }

    /// Makes the watchdog report overdue callbacks to `object`.
    pub(super) fn watch<T, W>(self, object: &Arc<InterruptObject<T, W>>) -> Result<(), Error>
    where
        T: Send + 'static,
        W: Send + 'static,
    {
        let Some(weak) = &self.watched else { return Ok(()) };
        let Some(watched) = weak.upgrade() else { return Ok(()) };
        object.note_watched(watched.callbacks());
        let weak: Weak<InterruptObject<T, W>> = Arc::downgrade(object);
        watched.tell(weak).map_err(|error| Error::new(object.name().clone(), ErrorKind::Dispatcher(error)))
    }
}

/// Wraps the ISR, so that its runs are measured, and asks the source for the moments of its assertions.
fn measure<T: 'static, W: 'static>(registered: &mut Registered<T, W>) -> Arc<Timing> {
    let timing = Arc::new(Timing::new());
    if let Some(source) = &mut registered.source {
        source.time_assertions(timing.assertions());
    }
    let (shared, mut isr) = (timing.clone(), mem::replace(&mut registered.isr, Isr::NONE));
    registered.isr = Isr::Boxed(Box::new(move |context| shared.through_isr(|| isr.call(context))));
    timing
}

/// Wraps every callback, so that the watchdog knows when it runs.
fn watch<T: 'static, W: 'static>(
    limit: Duration,
    registered: &mut Registered<T, W>,
    work: &mut Option<WorkFn<T, W>>,
    unmask: &mut Option<OnUnmask<T>>,
) -> Weak<Watched> {
    let watched = Arc::new(Watched::new(limit));
    let (shared, mut isr) = (watched.clone(), mem::replace(&mut registered.isr, Isr::NONE));
    registered.isr = Isr::Boxed(Box::new(move |context| shared.run(Callback::Isr, || isr.call(context))));
    for (place, callback) in [
        (&mut registered.enable, Callback::Enable),
        (&mut registered.disable, Callback::Disable),
        (&mut registered.removal, Callback::Removal),
    ] {
        let (shared, mut called) = (watched.clone(), mem::replace(place, OnChange::NOTHING));
        *place = OnChange::Boxed(Box::new(move |data| shared.run(callback, || called.call(data))));
    }
    if let Some(mut called) = work.take() {
        let shared = watched.clone();
        *work = Some(WorkFn::Boxed(Box::new(move |context| shared.run(Callback::WorkItem, || called.call(context)))));
    }
    if let Some(mut called) = unmask.take() {
        let shared = watched.clone();
        *unmask = Some(OnUnmask::Boxed(Box::new(move |data| shared.run(Callback::Unmask, || called.call(data)))));
    }
    Arc::downgrade(&watched)
}
