//! The callbacks that the driver registered, each stored as a plain function (for a `static`) or as a boxed closure.

use core::mem;

use crate::answer::Work;
use crate::cause::CallbackError;
use crate::claim::Claim;
use crate::interrupt::attached::Attached;
use crate::interrupt::context::IsrContext;
use crate::interrupt::work_item::WorkItemContext;
use crate::source::Source;

/// An enable or disable callback of a `static` interrupt.
pub(crate) type PlainCallback<T> = fn(&mut T) -> Result<(), CallbackError>;

type BoxedIsr<T, W> = Attached<dyn FnMut(&mut IsrContext<'_, T, W>) -> Claim + Send>;
type BoxedOnChange<T> = Attached<dyn FnMut(&mut T) -> Result<(), CallbackError> + Send>;
type BoxedOnUnmask<T> = Attached<dyn FnMut(&mut T) -> Work + Send>;
type BoxedWork<T, W> = Attached<dyn FnMut(&WorkItemContext<'_, T, W>) -> Work + Send>;

pub(crate) enum Isr<T, W> {
    Plain(fn(&mut IsrContext<'_, T, W>) -> Claim),
    Boxed(BoxedIsr<T, W>),
}

impl<T, W> Isr<T, W> {
    /// No ISR: not given yet, or the interrupt has ended. (A third variant would take a word of its own.)
    pub(crate) const NONE: Self = Self::Plain(|_| Claim::Unclaimed);

    #[inline(always)]
    pub(crate) fn call(&mut self, context: &mut IsrContext<'_, T, W>) -> Claim {
        match self {
            Self::Plain(isr) => {
                if cfg!(feature = "alloc") {
                    core::hint::cold_path(); // a `static`, where there are boxes
                }
                isr(context)
            }
            Self::Boxed(isr) => isr(context),
        }
    }
}

/// An enable, disable or removal callback.
pub(crate) enum OnChange<T> {
    Plain(PlainCallback<T>),
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

/// The unmask callback.
pub(crate) enum OnUnmask<T> {
    Plain(fn(&mut T) -> Work),
    Boxed(BoxedOnUnmask<T>),
}

impl<T> OnUnmask<T> {
    pub(crate) const NOTHING: Self = Self::Plain(|_| Work::Done);

    /// Sets the callback of a `static` interrupt. A `const fn` can't run destructors, so this forgets the old callback,
    /// which is a plain function.
    #[cfg_attr(not(feature = "alloc"), expect(clippy::forget_non_drop, reason = "there are boxes with `alloc`"))]
    pub(crate) const fn set(&mut self, callback: fn(&mut T) -> Work) {
        mem::forget(mem::replace(self, Self::Plain(callback)));
    }

    pub(crate) fn call(&mut self, data: &mut T) -> Work {
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
    /// No work item: none is registered, or the interrupt has ended.
    pub(crate) const NONE: Self = Self::Plain(|_| Work::Done);

    #[inline(always)]
    pub(crate) fn call(&mut self, context: &WorkItemContext<'_, T, W>) -> Work {
        match self {
            Self::Plain(work) => {
                if cfg!(feature = "alloc") {
                    core::hint::cold_path(); // as in `Isr`
                }
                work(context)
            }
            Self::Boxed(work) => work(context),
        }
    }
}

/// What there is to unmask after an ISR has kept its interrupt masked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unmasks {
    /// Nothing: it makes no difference that the ISR keeps it masked.
    Nothing,
    /// The source, or the line of a `static` interrupt.
    Source,
    /// The device, by the unmask callback, and then the source, if there is one.
    Device,
}

/// What is used with the interrupt lock held only, beside the data. The fields that a delivery needs come last (see
/// `layout`). The source is the last of all, so that it is dropped last.
#[repr(C)]
pub(crate) struct Registered<T, W> {
    pub(crate) enable: OnChange<T>,
    pub(crate) disable: OnChange<T>,
    pub(crate) removal: OnChange<T>,
    /// The message number.
    pub(crate) message: u32,
    /// An unclaimed run is benign: it is expected, and does not count as spurious.
    pub(crate) empty_is_benign: bool,
    /// The calls of `service` are the assertions: there is no source, and there never was. It is so after the end, too.
    pub(crate) called: bool,
    /// What there is to unmask.
    pub(crate) unmasks: Unmasks,
    /// The source has nothing to do in `unmask`.
    pub(crate) never_masks: bool,
    pub(crate) isr: Isr<T, W>,
    /// Dropped after the callbacks, which own register handles: so a descriptor outlives the mappings of its device.
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
            called: true,
            unmasks: Unmasks::Nothing,
            never_masks: false,
            isr,
            source: None,
        }
    }

    pub(crate) const fn has_source(&self) -> bool {
        self.source.is_some()
    }

    /// Whether a delivery is one call of the ISR: nothing is to be taken before it, or to be unmasked after it.
    #[inline(always)]
    pub(crate) fn is_plain(&self) -> bool {
        debug_assert!(self.unmasks != Unmasks::Nothing || self.source.is_none());
        self.unmasks == Unmasks::Nothing
    }

    pub(crate) const fn set_enable(&mut self, callback: PlainCallback<T>) {
        set(&mut self.enable, callback);
    }

    pub(crate) const fn set_disable(&mut self, callback: PlainCallback<T>) {
        set(&mut self.disable, callback);
    }

    /// Takes everything out, to be dropped outside the lock.
    pub(crate) fn take(&mut self) -> Self {
        let nothing = Self { called: self.called, ..Self::new(Isr::NONE) };
        mem::replace(self, nothing)
    }
}

/// Replaces a callback. A `const fn` can't run destructors, so this forgets the old callback, which is a plain
/// function.
#[cfg_attr(not(feature = "alloc"), expect(clippy::forget_non_drop, reason = "there are boxes with `alloc`"))]
const fn set<T>(slot: &mut OnChange<T>, callback: PlainCallback<T>) {
    mem::forget(mem::replace(slot, OnChange::Plain(callback)));
}

/// What an enable, disable or device callback may return: nothing, or a `Result` with any error.
///
/// Drivers do not call or implement this trait: the crate implements it for `()` and for `Result<(), E>`, where `E` is
/// a string or any error that is [`Send`] and [`Sync`]. (Without the feature `alloc`, only for
/// `Result<(), CallbackError>`.)
///
/// ```
/// use interrupt_lock::{Claim, Interrupt};
///
/// struct Device {
///     clock_is_on: bool,
/// }
///
/// let interrupt = Interrupt::builder(Device { clock_is_on: true })
///     .isr(|_| Claim::Claimed)
///     .on_enable(|device| if device.clock_is_on { Ok(()) } else { Err("the device has no clock") })
///     .on_disable(|device| device.clock_is_on = false)
///     .build()?;
/// interrupt.enable()?;
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
pub trait Outcome: sealed::Sealed {
    /// Returns the callback's result in one form.
    #[doc(hidden)]
    fn into_result(self) -> Result<(), CallbackError>;
}

mod sealed {
    pub trait Sealed {}
}

impl sealed::Sealed for () {}

impl Outcome for () {
    fn into_result(self) -> Result<(), CallbackError> {
        Ok(())
    }
}

#[cfg(feature = "alloc")]
impl<E: Into<alloc::boxed::Box<dyn core::error::Error + Send + Sync>>> sealed::Sealed for Result<(), E> {}

#[cfg(not(feature = "alloc"))]
impl sealed::Sealed for Result<(), CallbackError> {}

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
