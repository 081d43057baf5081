//! What the driver registered, stored as a plain function (for statics) or as a boxed closure.

use core::mem;

use crate::interrupt::attached::Attached;
use crate::interrupt::context::IsrContext;
use crate::interrupt::work_item::{Work, WorkItemContext};
use crate::source::Source;
use crate::{CallbackError, Claim};

/// An enable or disable callback of a `static` interrupt.
pub(crate) type Plain<T> = fn(&mut T) -> Result<(), CallbackError>;

type BoxedIsr<T, W> = Attached<dyn FnMut(&mut IsrContext<'_, T, W>) -> Claim + Send>;
type BoxedOnChange<T> = Attached<dyn FnMut(&mut T) -> Result<(), CallbackError> + Send>;
type BoxedWork<T, W> = Attached<dyn FnMut(&WorkItemContext<'_, T, W>) -> Work + Send>;

pub(crate) enum Isr<T, W> {
    Plain(fn(&mut IsrContext<'_, T, W>) -> Claim),
    Boxed(BoxedIsr<T, W>),
}

impl<T, W> Isr<T, W> {
    /// Not yet given, or the interrupt has ended. (A third variant would take a word of its own.)
    pub(crate) const NONE: Self = Self::Plain(|_| Claim::Unclaimed);

    #[inline]
    pub(crate) fn call(&mut self, context: &mut IsrContext<'_, T, W>) -> Claim {
        match self {
            Self::Plain(isr) => isr(context),
            Self::Boxed(isr) => isr(context),
        }
    }
}

/// An enable, disable or removal callback.
pub(crate) enum OnChange<T> {
    Plain(Plain<T>),
    Boxed(BoxedOnChange<T>),
}

impl<T> OnChange<T> {
    pub(crate) const NOTHING: Self = Self::Plain(|_| Ok(()));

    pub(crate) fn call(&mut self, data: &mut T) -> Result<(), CallbackError> {
        match self {
            Self::Plain(callback) => callback(data),
            Self::Boxed(callback) => callback(data),
        }
    }
}

pub(crate) enum WorkFn<T, W> {
    Plain(fn(&WorkItemContext<'_, T, W>) -> Work),
    Boxed(BoxedWork<T, W>),
}

impl<T, W> WorkFn<T, W> {
    pub(crate) fn call(&mut self, context: &WorkItemContext<'_, T, W>) -> Work {
        match self {
            Self::Plain(work) => work(context),
            Self::Boxed(work) => work(context),
        }
    }
}

/// What is used only with the interrupt lock held, beside the data. What a delivery needs comes last
/// (`layout`), the source last of all, so that it is dropped last.
#[repr(C)]
pub(crate) struct Registered<T, W> {
    pub(crate) enable: OnChange<T>,
    pub(crate) disable: OnChange<T>,
    pub(crate) removal: OnChange<T>,
    /// Which message of its device this is.
    pub(crate) message: u32,
    /// An empty run is nothing unusual.
    pub(crate) empty_is_benign: bool,
    pub(crate) isr: Isr<T, W>,
    /// Dropped after the callbacks, which own register handles: a descriptor outlives the mappings of its device.
    pub(crate) source: Option<Attached<dyn Source>>,
}

impl<T, W> Registered<T, W> {
    pub(crate) const fn new(isr: Isr<T, W>) -> Self {
        Self {
            enable: OnChange::NOTHING,
            disable: OnChange::NOTHING,
            removal: OnChange::NOTHING,
            message: 0,
            empty_is_benign: false,
            isr,
            source: None,
        }
    }

    pub(crate) const fn has_source(&self) -> bool {
        self.source.is_some()
    }

    pub(crate) const fn set_enable(&mut self, callback: Plain<T>) {
        set(&mut self.enable, callback);
    }

    pub(crate) const fn set_disable(&mut self, callback: Plain<T>) {
        set(&mut self.disable, callback);
    }

    /// Takes everything out, to be dropped outside the lock.
    pub(crate) fn take(&mut self) -> Self {
        mem::replace(self, Self::new(Isr::NONE))
    }
}

/// A constant can't run destructors, so what was there is forgotten: a plain function at most.
#[cfg_attr(not(feature = "alloc"), expect(clippy::forget_non_drop, reason = "there are boxes with `alloc`"))]
const fn set<T>(slot: &mut OnChange<T>, callback: Plain<T>) {
    mem::forget(mem::replace(slot, OnChange::Plain(callback)));
}

/// What an enable or disable callback may return: nothing, or a `Result` with any error.
///
/// ```
/// use interrupt_lock::Outcome;
///
/// assert!(().into_result().is_ok());
/// assert!(Err::<(), _>("no clock").into_result().is_err());
/// ```
pub trait Outcome {
    /// The callback's answer in one form.
    ///
    /// # Errors
    ///
    /// The callback's.
    fn into_result(self) -> Result<(), CallbackError>;
}

impl Outcome for () {
    fn into_result(self) -> Result<(), CallbackError> {
        Ok(())
    }
}

#[cfg(feature = "alloc")]
impl<E: Into<alloc::boxed::Box<dyn core::error::Error + Send + Sync>>> Outcome for Result<(), E> {
    fn into_result(self) -> Result<(), CallbackError> {
        self.map_err(CallbackError::new)
    }
}

#[cfg(not(feature = "alloc"))]
impl Outcome for Result<(), CallbackError> {
    fn into_result(self) -> Result<(), CallbackError> {
        self
    }
}
