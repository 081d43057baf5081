//! The names of interrupts, devices and operations in errors and reports.

use core::fmt;

#[cfg(feature = "alloc")]
use alloc::{borrow::Cow, string::String};

/// The name of an interrupt or of a device, as errors and panics print it.
///
/// ```
/// let name = interrupt_lock::Name::from("edu0");
/// assert_eq!(name.to_string(), "edu0");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name(#[cfg(feature = "alloc")] Cow<'static, str>, #[cfg(not(feature = "alloc"))] &'static str);

impl Name {
    /// Makes a name of a text that is known at compile time.
    ///
    /// ```
    /// const UART: interrupt_lock::Name = interrupt_lock::Name::new("uart0");
    /// assert_eq!(UART.as_str(), "uart0");
    /// ```
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        #[cfg(feature = "alloc")]
        return Self(Cow::Borrowed(name));
        #[cfg(not(feature = "alloc"))]
        return Self(name);
    }

    /// Returns the name as text.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::Name::new("uart0").as_str(), "uart0");
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        #[cfg(feature = "alloc")]
        return &self.0;
        #[cfg(not(feature = "alloc"))]
        return self.0;
    }
}

impl From<&'static str> for Name {
    fn from(name: &'static str) -> Self {
        Self::new(name)
    }
}

#[cfg(feature = "alloc")]
impl From<String> for Name {
    fn from(name: String) -> Self {
        Self(Cow::Owned(name))
    }
}

/// Writes the name without control characters ([rule S1](crate::guide::contract#s1)), which would move a terminal's cursor
/// or split a line: each is written as in Rust's literals.
///
/// ```
/// assert_eq!(interrupt_lock::Name::new("rx\n\u{1b}[2J").to_string(), r"rx\n\u{1b}[2J");
/// ```
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.as_str();
        let mut written = 0;
        for (at, control) in text.char_indices().filter(|(_, c)| c.is_control()) {
            f.write_str(&text[written..at])?;
            write!(f, "{}", control.escape_default())?;
            written = at + control.len_utf8();
        }
        f.write_str(&text[written..])
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
