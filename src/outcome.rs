//! What enable and disable callbacks may return.

use core::fmt;

#[cfg(feature = "alloc")]
use alloc::{boxed::Box, sync::Arc};

#[cfg(feature = "alloc")]
type Inner = Arc<dyn core::error::Error + Send + Sync>;
#[cfg(not(feature = "alloc"))]
type Inner = &'static str;

/// The failure of an enable or disable callback: the driver's own error, kept whole.
///
/// Without the feature `alloc` it is a sentence known when the program was built.
///
/// ```
/// let error = interrupt_lock::CallbackError::new("no clock");
/// assert_eq!(error.to_string(), "no clock");
/// ```
#[derive(Clone)]
pub struct CallbackError(Inner);

impl CallbackError {
    /// Keeps any error.
    ///
    /// ```
    /// use interrupt_lock::CallbackError;
    ///
    /// let error = CallbackError::new(std::io::Error::from_raw_os_error(5));
    /// assert!(error.get().downcast_ref::<std::io::Error>().is_some());
    /// ```
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn new(error: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> Self {
        Self(Arc::from(error.into()))
    }

    /// Keeps a sentence.
    #[cfg(not(feature = "alloc"))]
    #[must_use]
    pub const fn new(error: &'static str) -> Self {
        Self(error)
    }

    /// The driver's own error, to be downcast.
    ///
    /// ```
    /// use interrupt_lock::CallbackError;
    ///
    /// assert_eq!(CallbackError::new("no clock").get().to_string(), "no clock");
    /// ```
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn get(&self) -> &(dyn core::error::Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl fmt::Display for CallbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for CallbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl core::error::Error for CallbackError {
    #[cfg(feature = "alloc")]
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.0.source()
    }
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
