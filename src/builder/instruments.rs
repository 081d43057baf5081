//! What is wrapped around the callbacks of an interrupt to measure and to watch them. An interrupt that asks for neither
//! runs its callbacks as they are.

use core::mem;
use core::time::Duration;

use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};

use crate::interrupt::{Isr, OnChange, Registered, WorkFn};
use crate::observe::timing::Timing;
use crate::observe::watchdog::Watched;
use crate::{Callback, Error, ErrorKind, InterruptObject};

pub(super) struct Instruments {
    timing: Option<Arc<Timing>>,
    /// The callbacks own it.
    watched: Option<Weak<Watched>>,
}

impl Instruments {
    pub(super) fn around<T: 'static, W: 'static>(
        registered: &mut Registered<T, W>,
        work: &mut Option<WorkFn<T, W>>,
        timed: bool,
        overdue_after: Option<Duration>,
    ) -> Self {
        let watched = overdue_after.map(|limit| watch(limit, registered, work));
        let timing = timed.then(|| measure(registered));
        Self { timing, watched }
    }

    pub(super) fn timing(&self) -> Option<Arc<Timing>> {
        self.timing.clone()
    }

    /// Has `object` told of callbacks that are overdue.
    pub(super) fn watch<T, W>(self, object: &Arc<InterruptObject<T, W>>) -> Result<(), Error>
    where
        T: Send + 'static,
        W: Send + 'static,
    {
        let Some(watched) = self.watched.as_ref().and_then(Weak::upgrade) else { return Ok(()) };
        let weak: Weak<InterruptObject<T, W>> = Arc::downgrade(object);
        watched.tell(weak).map_err(|error| Error::new(object.name().clone(), ErrorKind::Dispatcher(error)))
    }
}

/// Has the ISR and the source measured.
fn measure<T: 'static, W: 'static>(registered: &mut Registered<T, W>) -> Arc<Timing> {
    let timing = Arc::new(Timing::new());
    if let Some(source) = &mut registered.source {
        source.time_assertions(timing.assertions());
    }
    let (theirs, mut isr) = (timing.clone(), mem::replace(&mut registered.isr, Isr::NONE));
    registered.isr = Isr::Boxed(Box::new(move |context| theirs.through_isr(|| isr.call(context))));
    timing
}

/// Has every callback run under the eyes of the watchdog.
fn watch<T: 'static, W: 'static>(
    limit: Duration,
    registered: &mut Registered<T, W>,
    work: &mut Option<WorkFn<T, W>>,
) -> Weak<Watched> {
    let watched = Arc::new(Watched::new(limit));
    let (theirs, mut isr) = (watched.clone(), mem::replace(&mut registered.isr, Isr::NONE));
    registered.isr = Isr::Boxed(Box::new(move |context| theirs.run(Callback::Isr, || isr.call(context))));
    for (place, callback) in [
        (&mut registered.enable, Callback::Enable),
        (&mut registered.disable, Callback::Disable),
        (&mut registered.removal, Callback::Removal),
    ] {
        let (theirs, mut called) = (watched.clone(), mem::replace(place, OnChange::NOTHING));
        *place = OnChange::Boxed(Box::new(move |data| theirs.run(callback, || called.call(data))));
    }
    if let Some(mut called) = work.take() {
        let theirs = watched.clone();
        *work = Some(WorkFn::Boxed(Box::new(move |context| theirs.run(Callback::WorkItem, || called.call(context)))));
    }
    Arc::downgrade(&watched)
}
