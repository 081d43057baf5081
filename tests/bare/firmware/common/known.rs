//! What the common core is known not to keep, by rule. A violation that is not here fails; so does one here that does not
//! occur any more.

use harness::Known;

const MASK: Option<&str> = Some("the mask is not what it was");
const WORK: Option<&str> = Some("a work item runs masked");

/// The list.
pub const KNOWN: &[Known] = &[
    // A vector above the mask, between the two stores that mask or unmask.
    Known { rule: "B1", case: "", setting: "basepri-mixed", what: MASK },
    Known { rule: "B1", case: "", setting: "basepri-above", what: MASK },
    // The same, seen by what runs later.
    Known { rule: "B1", case: "run", setting: "basepri-mixed", what: WORK },
    Known { rule: "B1", case: "run", setting: "basepri-above", what: WORK },
    Known { rule: "B1", case: "cycle", setting: "basepri-mixed", what: WORK },
    Known { rule: "B1", case: "cycle", setting: "basepri-above", what: WORK },
    // A vector that no mask stops meets the section of the notes.
    Known { rule: "B3", case: "claims", setting: "uninstalled", what: None },
    Known { rule: "B3", case: "claims", setting: "nomask", what: None },
    Known { rule: "B3", case: "claims", setting: "basepri-mixed", what: None },
    Known { rule: "B3", case: "claims", setting: "basepri-above", what: None },
    // A disable masks throughout.
    Known { rule: "B4", case: "disable", setting: "primask", what: WORK },
    Known { rule: "B4", case: "disable", setting: "basepri", what: WORK },
    Known { rule: "B4", case: "disable", setting: "basepri-mixed", what: WORK },
    Known { rule: "B4", case: "disable", setting: "basepri-above", what: WORK },
];
