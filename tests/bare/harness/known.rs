//! Known failures: what the object under test is known not to keep.

use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering::Relaxed};

use crate::report::add;
use crate::{print, sweep, violation};

/// A known failure.
#[derive(Debug)]
pub struct Known {
    /// The rule that is not kept.
    pub rule: &'static str,
    /// A word in the name of the case; the empty word is in each.
    pub case: &'static str,
    /// The name of the machine's variant.
    pub setting: &'static str,
    /// The violation. If there is none, the case panics: it is not run, unless it is asked for by name.
    pub what: Option<&'static str>,
}

const MOST: usize = 32;

static LIST: AtomicPtr<Known> = AtomicPtr::new(core::ptr::null_mut());
static LENGTH: AtomicUsize = AtomicUsize::new(0);
/// Which of them are about the running sweep, a bit for each.
static ABOUT: AtomicU32 = AtomicU32::new(0);
/// Which of them were about any sweep: other machines have other variants.
static EVER_ABOUT: AtomicU32 = AtomicU32::new(0);
/// How often each has occurred.
static OCCURRED: [AtomicU32; MOST] = [const { AtomicU32::new(0) }; MOST];

/// Gives the list of known failures, before the first sweep.
pub fn expect_known(list: &'static [Known]) {
    assert!(list.len() <= MOST);
    LENGTH.store(list.len(), Relaxed);
    LIST.store(list.as_ptr().cast_mut(), Relaxed);
}

fn list() -> &'static [Known] {
    let list = LIST.load(Relaxed);
    if list.is_null() {
        return &[];
    }
    // SAFETY: `expect_known` wrote both, of a list that lives for ever.
    unsafe { core::slice::from_raw_parts(list, LENGTH.load(Relaxed)) }
}

/// Finds what of the list is about the sweep that begins, so that a violation in the middle of an operation takes no longer
/// than it must.
pub(crate) fn begin_sweep() {
    let is_about = |known: &Known| sweep::setting() == known.setting && sweep::is_about(known.case);
    let about = list().iter().enumerate().filter(|(_, known)| is_about(known)).map(|(number, _)| 1 << number);
    ABOUT.store(about.sum(), Relaxed);
    EVER_ABOUT.store(EVER_ABOUT.load(Relaxed) | ABOUT.load(Relaxed), Relaxed);
}

/// Counts the first of the list that is about this sweep and this violation.
fn note(what: Option<&str>) -> Option<&'static Known> {
    let about = ABOUT.load(Relaxed);
    let number = (0..list().len()).find(|number| about & 1 << number != 0 && list()[*number].what == what)?;
    add(&OCCURRED[number], 1);
    Some(&list()[number])
}

/// Whether this violation is known.
pub(crate) fn is_known(what: &str) -> bool {
    note(Some(what)).is_some()
}

/// Whether the sweep is known to panic. It is run if the words that `run` was called with name it.
pub(crate) fn panics() -> bool {
    if sweep::is_part() {
        return false;
    }
    let Some(known) = note(None) else { return false };
    print!("{}: not run, known to panic, {}\n", sweep::now().0, known.rule);
    true
}

/// How many known violations there were.
pub(crate) fn count() -> u32 {
    OCCURRED.iter().map(|count| count.load(Relaxed)).sum()
}

/// What is known and has not occurred has to leave the list. Where only some sweeps are run, that is not known.
pub(crate) fn finish() {
    if sweep::is_part() {
        return;
    }
    let ever_about = EVER_ABOUT.load(Relaxed);
    for (number, known) in list().iter().enumerate().filter(|(number, _)| ever_about & 1 << number != 0) {
        let times = OCCURRED[number].load(Relaxed);
        print!("known, {}: {} {}: {times} times\n", known.rule, known.case, known.setting);
        if times == 0 {
            violation("a known failure does not occur any more");
        }
    }
}
