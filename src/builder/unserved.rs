//! Without an operating system the driver serves its interrupts itself, and there is no clock to measure with.

use alloc::sync::Arc;

use crate::interrupt::{Registered, WorkFn};
use crate::{Error, InterruptObject, Name};

/// Nothing was given, since nothing can be.
#[derive(Default)]
pub(super) struct Service(());

/// Nothing is wrapped around the callbacks.
pub(super) struct Instruments(());

impl Service {
    pub(super) fn without_dispatcher(&mut self) {}

    pub(super) fn check(&self, _: &Name, _has_source: bool) -> Result<(), Error> {
        Ok(())
    }

    pub(super) fn instrument<T, W>(&self, _: &mut Registered<T, W>, _: &mut Option<WorkFn<T, W>>) -> Instruments {
        Instruments(())
    }

    pub(super) fn attach<T, W>(
        self,
        object: InterruptObject<T, W>,
        _: Instruments,
    ) -> Result<Arc<InterruptObject<T, W>>, Error> {
        Ok(Arc::new(object))
    }
}
