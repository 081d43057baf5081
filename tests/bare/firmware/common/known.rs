//! What the common core is known not to keep, by rule. A violation that is not here fails; so does one here that does not
//! occur any more.

use harness::Known;

/// The list.
pub const KNOWN: &[Known] = &[];
