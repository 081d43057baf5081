//! Stands in for `service` without the feature `std`: the driver serves its interrupts itself, and no clock measures
//! them.

use alloc::sync::Arc;

use crate::error::Error;
use crate::interrupt::{Interrupt, InterruptObject, OnUnmask, Registered, WorkFn};
use crate::name::Name;

/// Nothing of this can be chosen where there is no operating system.
#[derive(Default)]
pub(super) struct ServiceOptions(());

/// Nothing is wrapped around the callbacks.
pub(super) struct Instruments(());

impl ServiceOptions {
    pub(super) fn without_dispatcher(&mut self) {}

    pub(super) fn check(&self, _: &Name, _has_source: bool) -> Result<(), Error> {
        Ok(())
    }

    pub(super) fn instrument<T, W>(
        &self,
        _: &mut Registered<T, W>,
        _: &mut Option<WorkFn<T, W>>,
        _: &mut Option<OnUnmask<T>>,
    ) -> Instruments {
        Instruments(())
    }

    pub(super) fn attach<T, W>(
        self,
        object: InterruptObject<T, W>,
        _: Instruments,
        _works: bool,
    ) -> Result<Interrupt<T, W>, Error> {
        Ok(Interrupt::new(Arc::new(object)))
    }
}
