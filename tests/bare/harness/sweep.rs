//! The sweep: an operation is run again and again, and each time a one-shot timer preempts it a little later.

use core::fmt;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering::Relaxed};

use crate::report::{self, add};
use crate::{expect, known, machine, print, semihosting};

/// With two timers, so many shots are fired at each delay, each with another distance between the two.
const DISTANCES: u32 = 3;

/// The distances are up to so many instructions: the first vector is over by then.
const FARTHEST: u32 = 431;

/// Where every pair is fired, the distances to begin with: at less than this the second vector may come before the first.
const NEAREST: u32 = 24;

/// So many shots in a row have to miss the operation before it is known to be over.
const MISSES: u32 = 8;

/// An operation under test.
#[derive(Debug)]
pub struct Case {
    /// Its name.
    pub name: &'static str,
    /// Runs before each shot.
    pub prepare: fn(),
    /// What is preempted.
    pub operation: fn(),
    /// Runs after each shot: looks at the case's invariants.
    pub check: fn(),
    /// What the first vector does.
    pub first: fn(),
    /// What the second vector does, by name: each is a sweep of its own.
    pub seconds: &'static [(&'static str, fn())],
    /// On a machine that masks nothing, two timers preempt every instruction of the operation and, each time, every
    /// instruction of the first vector, by the first of `seconds`. (Otherwise, and elsewhere, only some of the latter.)
    pub every_pair: bool,
}

/// How an operation is preempted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shot {
    /// By the first timer.
    Plain,
    /// By the first timer, and where its vector calls [`preempt`], that by the second vector.
    Nested,
    /// By two timers, the second a little later than the first.
    TwoTimers,
}

static CASE: AtomicPtr<Case> = AtomicPtr::new(core::ptr::null_mut());
static SHOT: AtomicU32 = AtomicU32::new(0);
static SECOND: AtomicU32 = AtomicU32::new(0);
static SETTING: AtomicPtr<machine::Setting> = AtomicPtr::new(core::ptr::null_mut());
static DELAY: AtomicU32 = AtomicU32::new(0);
static VIOLATIONS: AtomicU32 = AtomicU32::new(0);
/// Entries of this shot.
static FIRST_ENTRIES: AtomicU32 = AtomicU32::new(0);
static SECOND_ENTRIES: AtomicU32 = AtomicU32::new(0);
/// The first vector runs.
static IN_FIRST: AtomicU32 = AtomicU32::new(0);
/// The second vector has preempted the first.
static WAS_IN_FIRST: AtomicU32 = AtomicU32::new(0);
static MASK: AtomicU32 = AtomicU32::new(0);
static PREEMPTED: AtomicU32 = AtomicU32::new(0);
static PENDED: AtomicU32 = AtomicU32::new(0);

/// The name of the running sweep.
pub(crate) struct Name;

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(case) = case() else { return f.write_str("no case") };
        f.write_str(case.name)?;
        write!(f, " {}", setting())?;
        match SHOT.load(Relaxed) {
            shot if shot == Shot::Plain as u32 => f.write_str(" plain"),
            shot => {
                f.write_str(if shot == Shot::Nested as u32 { " nested-" } else { " two-" })?;
                f.write_str(case.seconds[SECOND.load(Relaxed) as usize].0)
            }
        }
    }
}

fn case() -> Option<&'static Case> {
    // SAFETY: only `sweep` writes it, a reference that lives for ever.
    unsafe { CASE.load(Relaxed).as_ref() }
}

/// The name of the machine's variant.
pub(crate) fn setting() -> &'static str {
    // SAFETY: only `sweep_all` writes it, a reference that lives for ever.
    unsafe { SETTING.load(Relaxed).as_ref() }.map_or("", |setting| setting.name)
}

pub(crate) fn now() -> (Name, u32) {
    (Name, DELAY.load(Relaxed))
}

pub(crate) fn count_violation() -> u32 {
    add(&VIOLATIONS, 1);
    VIOLATIONS.load(Relaxed)
}

/// For the first vector's code: the second preempts it here, once a shot, if the shot is nested.
pub fn preempt() {
    if SHOT.load(Relaxed) == Shot::Nested as u32 && PREEMPTED.load(Relaxed) == 0 && entries() != 0 {
        PREEMPTED.store(1, Relaxed);
        machine::pend_second();
    }
}

/// Makes the second vector run, as soon as nothing masks it: for a device that asserts.
pub fn pend_second() {
    add(&PENDED, 1);
    machine::pend_second();
}

/// How often the vectors were entered in this shot.
pub fn entries() -> u32 {
    FIRST_ENTRIES.load(Relaxed) + SECOND_ENTRIES.load(Relaxed)
}

/// What masked as the shot began, or, in a vector, as that began.
pub fn mask_before() -> u32 {
    MASK.load(Relaxed)
}

pub(crate) fn enter_first() {
    add(&FIRST_ENTRIES, 1);
    IN_FIRST.store(1, Relaxed);
    if let Some(case) = case() {
        in_vector(case.first);
    }
    IN_FIRST.store(0, Relaxed);
}

/// Runs a vector's code. What masks as the vector begins is that of the code which it has interrupted.
fn in_vector(code: fn()) {
    let outer = MASK.load(Relaxed);
    MASK.store(machine::mask_state(), Relaxed);
    code();
    MASK.store(outer, Relaxed);
}

pub(crate) fn enter_second() {
    add(&SECOND_ENTRIES, 1);
    WAS_IN_FIRST.store(IN_FIRST.load(Relaxed), Relaxed);
    if let Some(case) = case() {
        in_vector(case.seconds[SECOND.load(Relaxed) as usize].1);
    }
}

/// Lets the vectors be a case's, without a sweep: for a firmware that has its own way to preempt.
pub fn take_vectors(setting: &'static machine::Setting, case: &'static Case) {
    SETTING.store(core::ptr::from_ref(setting).cast_mut(), Relaxed);
    CASE.store(core::ptr::from_ref(case).cast_mut(), Relaxed);
}

/// Sweeps over each case in a variant of the machine, by all kinds of shots that the case has.
pub fn sweep_all(setting: &'static machine::Setting, cases: &'static [Case]) {
    machine::set(setting);
    SETTING.store(core::ptr::from_ref(setting).cast_mut(), Relaxed);
    for case in cases {
        sweep(case, Shot::Plain, 0);
        for second in 0..case.seconds.len() as u32 {
            sweep(case, Shot::Nested, second);
            sweep(case, Shot::TwoTimers, second);
        }
    }
}

fn sweep(case: &'static Case, shot: Shot, second: u32) {
    CASE.store(core::ptr::from_ref(case).cast_mut(), Relaxed);
    SHOT.store(shot as u32, Relaxed);
    SECOND.store(second, Relaxed);
    DELAY.store(0, Relaxed);
    VIOLATIONS.store(0, Relaxed);
    known::begin_sweep();
    if !is_wanted() || known::panics() {
        return;
    }
    let every_pair = case.every_pair && machine::masks_nothing() && second == 0;
    let (mut step, mut shots, mut preemptions, mut misses) = (0, 0, 0, 0);
    while misses < MISSES {
        let delay = 1 + step * machine::STEP;
        DELAY.store(delay, Relaxed);
        let fired = match shot {
            Shot::Plain | Shot::Nested => Fired { shots: 1, preemptions: shoot(case, shot, delay, 0) },
            Shot::TwoTimers if every_pair => fire_every_distance(case, delay),
            Shot::TwoTimers => fire_some_distances(case, delay, step),
        };
        step += 1;
        shots += fired.shots;
        preemptions += fired.preemptions;
        misses = if fired.preemptions == 0 { misses + 1 } else { 0 };
    }
    expect(preemptions != 0, "no shot has hit the operation");
    let violations = VIOLATIONS.load(Relaxed);
    print!("{Name}: {shots} shots, {preemptions} preemptions, {violations} violations\n");
    report::add_sweep(shots, preemptions);
}

/// Shots at one delay of the first timer.
#[derive(Default)]
struct Fired {
    shots: u32,
    preemptions: u32,
}

/// Distances that have nothing to do with the delay of the first timer. So in the course of a sweep the second vector arrives
/// at many places in the first, and after it.
fn fire_some_distances(case: &Case, delay: u32, step: u32) -> Fired {
    let distance = |number| 1 + (step * 37 + number * (FARTHEST / DISTANCES)) % FARTHEST * machine::STEP;
    let preemptions = (0..DISTANCES).map(|number| shoot(case, Shot::TwoTimers, delay, distance(number))).sum();
    Fired { shots: DISTANCES, preemptions }
}

/// One distance after the other, until the second vector comes after the first.
fn fire_every_distance(case: &Case, delay: u32) -> Fired {
    let (mut fired, mut misses) = (Fired::default(), 0);
    while misses < MISSES {
        fired.preemptions += shoot(case, Shot::TwoTimers, delay, 1 + fired.shots * machine::STEP);
        fired.shots += 1;
        misses = if WAS_IN_FIRST.load(Relaxed) == 0 && fired.shots > NEAREST { misses + 1 } else { 0 };
    }
    fired
}

/// One shot. Returns how often the vectors were entered before the operation had ended.
fn shoot(case: &Case, shot: Shot, delay: u32, distance: u32) -> u32 {
    (case.prepare)();
    for count in [&FIRST_ENTRIES, &SECOND_ENTRIES, &WAS_IN_FIRST, &PREEMPTED, &PENDED] {
        count.store(0, Relaxed);
    }
    let mask = machine::mask_state();
    MASK.store(mask, Relaxed);
    if shot == Shot::TwoTimers {
        machine::arm_second(delay + distance);
    }
    machine::arm(delay);
    (case.operation)();
    let entries = entries();
    machine::disarm();
    expect(machine::mask_state() == mask, "the mask is not what it was");
    machine::set_mask_state(mask);
    expect(FIRST_ENTRIES.load(Relaxed) <= 1, "the first timer has fired more than once");
    expect(SECOND_ENTRIES.load(Relaxed) <= 1 + PENDED.load(Relaxed), "the second timer has fired more than once");
    (case.check)();
    entries
}

/// Whether a text is in the running sweep's name.
pub(crate) fn is_about(text: &str) -> bool {
    /// The name in one piece: it is written in several.
    struct Whole([u8; 80], usize);
    impl fmt::Write for Whole {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let free = self.0.get_mut(self.1..self.1 + text.len()).ok_or(fmt::Error)?;
            free.copy_from_slice(text.as_bytes());
            self.1 += text.len();
            Ok(())
        }
    }
    let mut whole = Whole([0; 80], 0);
    expect(fmt::write(&mut whole, format_args!("{Name}")).is_ok(), "the sweep's name is too long");
    core::str::from_utf8(&whole.0[..whole.1]).is_ok_and(|name| name.contains(text))
}

/// Whether only some sweeps are run.
pub(crate) fn is_part() -> bool {
    semihosting::with_arguments(|words| words.split_whitespace().nth(1).is_some())
}

/// Whether the words that `run` was called with, if any, are all in the sweep's name.
fn is_wanted() -> bool {
    semihosting::with_arguments(|words| words.split_whitespace().skip(1).all(is_about))
}
