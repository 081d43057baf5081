//! The measuring of a timed interrupt, wrapped around its ISR.

use core::mem;

use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::interrupt::{Inside, Isr};
use crate::observe::timing::Timing;

/// Has the ISR and the source of an interrupt measured.
pub(super) fn measure<T: 'static, W: 'static>(inside: &mut Inside<T, W>) -> Arc<Timing> {
    let timing = Arc::new(Timing::new());
    if let Some(source) = &mut inside.source {
        source.time_assertions(timing.assertions());
    }
    let mut isr = mem::replace(&mut inside.isr, Isr::NONE);
    let theirs = timing.clone();
    inside.isr = Isr::Boxed(Box::new(move |context| theirs.through_isr(|| isr.call(context))));
    timing
}
