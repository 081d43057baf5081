//! What enable and disable callbacks may return.

#[cfg(feature = "alloc")]
use alloc::boxed::Box;

use crate::CallbackError;

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
impl<E: Into<Box<dyn core::error::Error + Send + Sync>>> Outcome for Result<(), E> {
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
