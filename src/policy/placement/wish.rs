//! The processors that a policy stands for, and what became of them (rule P1).

use std::format;

use crate::cause::SourceError;
use crate::info::Info;
use crate::policy::placement::sets::{Processors, chosen, groups, listed};
use crate::policy::{Affinity, Answer};

/// The processors that a policy stands for at this moment.
pub(super) struct Wish {
    /// All of them, or `None` if nothing tells which the machine has.
    of: Option<Processors>,
    /// Only the n-th of them.
    pub(super) nth: Option<usize>,
}

impl Wish {
    /// `machine` looks which processors the machine has, `close` which are close to the device.
    pub(super) fn of(
        affinity: Affinity,
        info: &Info,
        machine: impl FnOnce() -> Option<Processors>,
        close: impl FnOnce() -> Option<Processors>,
    ) -> Self {
        let message = info.message_number.unwrap_or(0) as usize;
        let of = match affinity {
            Affinity::Specified(set) => Some(set.numbers().collect()),
            Affinity::AllClose | Affinity::OneClose => close(),
            Affinity::All | Affinity::SpreadMessages | Affinity::MachineDefault => machine(),
        };
        let nth = matches!(affinity, Affinity::OneClose | Affinity::SpreadMessages).then_some(message);
        Self { of, nth }
    }

    /// Returns those that the process may use, which are some of `may`. Returns an error if there are none.
    pub(super) fn usable_of(&self, may: Processors) -> Result<Processors, SourceError> {
        let Some(wished) = &self.of else { return Ok(may) };
        let usable = wished & &may;
        if usable.is_empty() {
            let (wished, may) = (listed(wished), listed(&may));
            return Err(SourceError::Refused(
                format!("the process may use processors {may} only, and none of {wished}").into(),
            ));
        }
        Ok(usable)
    }

    /// Returns what became of the wish, of which `left` is left.
    pub(super) fn answer(&self, left: &Processors, whose: &str) -> Answer {
        let why = match &self.of {
            Some(wished) if wished.is_subset(left) => return Answer::Taken,
            Some(wished) => {
                let (lost, wished, left) = (listed(&(wished - left)), listed(wished), listed(left));
                format!("of processors {wished} {whose} may have {left}, and not {lost}")
            }
            None => {
                let left = listed(left);
                format!("neither /sys nor /proc tells which processors the machine has: {whose} may have {left}")
            }
        };
        Answer::Narrowed { to: groups(&chosen(left, self.nth)), why: SourceError::Refused(why.into()) }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::info::ProcessorSet;

    fn wish(of: Option<&[usize]>, nth: Option<usize>) -> Wish {
        Wish { of: of.map(|of| of.iter().copied().collect()), nth }
    }

    /// On a machine of thousands of processors too, the answer says what is left and what is not.
    // Caught: a wish that is not cut to what the process may use; a narrowed one that is told as taken.
    #[test]
    fn p1_what_an_operator_takes_away_is_in_the_answer() {
        let all: std::vec::Vec<usize> = (0..2000).collect();
        let may: Processors = (1000..1100).collect();
        let wish = wish(Some(&all), Some(103));
        let usable = wish.usable_of(may.clone()).unwrap();
        assert_eq!(usable, may);
        let Answer::Narrowed { to, why } = wish.answer(&usable, "its thread") else { panic!() };
        assert_eq!(to, [ProcessorSet::new(1 << (1003 % 64)).in_group(15)]);
        let [all, may, lost] =
            [(0..2000).collect(), may, (0..1000).chain(1100..2000).collect()].map(|set| listed(&set));
        assert_eq!(why.to_string(), format!("of processors {all} its thread may have {may}, and not {lost}"));
        assert_eq!(Wish { nth: None, ..wish }.answer(&(0..2000).collect(), "its thread"), Answer::Taken);
    }

    // Caught: a wish that is not cut to what the process may use.
    #[test]
    fn p1_where_nothing_is_left_the_refusal_says_what_may_be_used() {
        let error = wish(Some(&[64, 65]), None).usable_of([0, 1, 7].into()).unwrap_err();
        let wished = listed(&[64, 65].into());
        assert_eq!(error.to_string(), format!("the process may use processors 0-1,7 only, and none of {wished}"));
    }

    /// Without /sys and /proc it is not known whether the process may use all that there is.
    // Caught: "taken", although nobody knows.
    #[test]
    fn p1_of_an_unknown_machine_nothing_is_told_that_is_not_known() {
        let wish = wish(None, None);
        let usable = wish.usable_of([3].into()).unwrap();
        let Answer::Narrowed { to, why } = wish.answer(&usable, "its thread") else { panic!() };
        assert_eq!(to, [ProcessorSet::new(0b1000)]);
        assert!(why.to_string().starts_with("neither /sys nor /proc tells"), "{why}");
    }
}
