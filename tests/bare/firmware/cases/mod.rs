//! The cases: each operation of an object, and the invariants of rule B1 after it.
//!
//! | file | holds |
//! |---|---|
//! | this one | the cases, and what the vectors do |
//! | `subject` | what an object under test has to be able to do |
//! | `data` | its data, and what its callbacks do |
//! | `ledger` | what has happened to it in this shot |
//! | `device` | a device that is off from the ISR to the end of the work item |

pub mod data;
pub mod device;
mod ledger;
pub mod subject;

use core::marker::PhantomData;

use harness::{Case, expect, machine};

use data::Data;
use ledger::{Caller, ledger};
use subject::{Lined, Subject, Whole};

/// The cases of an object.
pub struct Cases<S>(PhantomData<S>);

impl<S: Subject> Cases<S> {
    const SECONDS: &'static [(&'static str, fn())] = &[("same", Self::second_same), ("other", Self::second_other)];

    const fn case(name: &'static str, operation: fn()) -> Case {
        Case {
            name,
            prepare: Self::prepare,
            operation,
            check: Self::check,
            first: Self::first,
            seconds: Self::SECONDS,
            every_pair: false,
        }
    }

    const fn disabling(name: &'static str, prepare: fn(), operation: fn()) -> Case {
        Case { prepare, check: Self::check_disabled, ..Self::case(name, operation) }
    }

    const fn cycling(name: &'static str, operation: fn()) -> Case {
        Case {
            prepare: Self::prepare_cycle,
            check: Self::check_cycle,
            first: || Self::assert(Caller::First),
            seconds: &[("same", || Self::assert(Caller::Second)), ("other", Self::second_other)],
            ..Self::case(name, operation)
        }
    }

    /// What every object can do.
    pub const ALL: &'static [&'static [Case]] = &[Self::LOCK, Self::WORK, Self::TRANSITIONS];

    /// The lock.
    const LOCK: &'static [Case] = &[
        Case { every_pair: true, ..Self::case("acquire", || S::a().acquire().section(|| {})) },
        Self::case("try", Self::try_section),
        Case { first: Self::first_tries, ..Self::case("try-in-vector", Self::try_section) },
        Self::case("synchronize", || S::a().synchronize(|data| data.section(|| {}))),
        Self::case("two-locks", || {
            let (mut a, mut b) = (S::a().acquire(), S::b().acquire());
            a.section(|| {});
            b.section(|| {});
            drop(a); // not in the order of nesting
            b.section(|| {});
        }),
        Self::case("inside-critical", || critical(|| S::a().acquire().section(|| {}))),
        Self::case("out-of-critical", || {
            let mut data = critical(|| S::a().acquire());
            data.section(|| {});
        }),
        Self::case("into-critical", || {
            let mut data = S::a().acquire();
            critical(|| {
                data.section(|| {});
                drop(data);
            });
        }),
        Self::case("service", || Self::call(S::a(), 0, Caller::Thread)),
        Case {
            every_pair: true,
            ..Self::case("service-held", || {
                let mut data = S::a().acquire();
                Self::call(S::a(), 0, Caller::Thread);
                data.section(|| {});
            })
        },
    ];

    /// The work item.
    const WORK: &'static [Case] = &[
        Self::case("queue", || Self::request(Caller::Thread)),
        Case {
            first: || Self::request(Caller::First),
            ..Self::case("queue-in-vector", || Self::request(Caller::Thread))
        },
        Case { prepare: Self::prepare_queued, ..Self::case("run", Self::run) },
        Case {
            prepare: Self::prepare_queued,
            first: Self::first_runs,
            every_pair: true,
            ..Self::case("run-in-vector", Self::run)
        },
        Case {
            prepare: Self::prepare_queued,
            first: || Self::request(Caller::First),
            every_pair: true,
            ..Self::case("run-queued-in-vector", Self::run)
        },
        Self::cycling("cycle", || {
            Self::assert(Caller::Thread);
            let _ = S::cycle().run();
        }),
    ];

    /// The transitions.
    const TRANSITIONS: &'static [Case] = &[
        Case {
            prepare: Self::prepare_disabled,
            check: Self::check_accounted,
            ..Self::case("enable", || S::a().enable())
        },
        Self::disabling("disable", Self::prepare, || S::a().disable()),
        Self::disabling("disable-queued", Self::prepare_queued, || S::a().disable()),
        Case {
            check: || {
                ledger(2).check_accounted(S::cycle().stale());
                ledger(2).check_worked();
                expect(!S::cycle().is_queued(), "the work item is queued after the disable");
                Self::check();
            },
            ..Self::cycling("cycle-disable", || {
                Self::assert(Caller::Thread);
                S::cycle().disable();
            })
        },
    ];

    /// A run is tried inside a section, and put off: the object for one core only.
    #[allow(dead_code, reason = "not every object puts it off")]
    pub const PUT_OFF: &'static [Case] = &[Case {
        prepare: Self::prepare_queued,
        ..Self::case("run-in-section", || {
            let mut data = S::a().acquire();
            Self::run();
            data.section(|| {});
        })
    }];

    /// A vector disables it: the object for one core only.
    // Caught: the fault `single-queued-after-a-disable`.
    #[allow(dead_code, reason = "not every object can be disabled there")]
    pub const DISABLED: &'static [Case] = &[
        Self::disabled_in_vector("queue-disabled-in-vector", Self::prepare, || Self::request(Caller::Thread)),
        Self::disabled_in_vector("run-disabled-in-vector", Self::prepare_queued, Self::run),
    ];

    const fn disabled_in_vector(name: &'static str, prepare: fn(), operation: fn()) -> Case {
        let first = || S::a().try_disable();
        Case { prepare, check: Self::check_flushed, first, seconds: &[], ..Self::case(name, operation) }
    }

    fn call(object: &'static S, number: usize, caller: Caller) {
        ledger(number).call(caller);
        object.service();
    }

    fn request(caller: Caller) {
        ledger(0).request(caller);
        S::a().queue();
    }

    /// The third object's device has something. It asserts if it may.
    fn assert(caller: Caller) {
        if device::receive(caller) {
            Self::call(S::cycle(), 2, caller);
        }
    }

    fn try_section() {
        if let Some(mut data) = S::a().try_acquire() {
            data.section(|| {});
        }
    }

    fn first() {
        Self::call(S::a(), 0, Caller::First);
    }

    fn first_tries() {
        Self::try_section();
        Self::first();
    }

    fn first_runs() {
        Self::first();
        Self::run();
    }

    fn run() {
        let _ = S::a().run();
    }

    fn second_same() {
        Self::call(S::a(), 0, Caller::Second);
    }

    fn second_other() {
        Self::call(S::b(), 1, Caller::Second);
    }

    fn prepare() {
        Self::reset(S::a(), 0);
        Self::reset(S::b(), 1);
    }

    fn reset(object: &'static S, number: usize) {
        object.enable();
        ledger(number).reset(object.stale());
    }

    fn prepare_queued() {
        Self::prepare();
        Self::request(Caller::Thread);
    }

    fn prepare_disabled() {
        Self::prepare();
        S::a().disable();
    }

    fn prepare_cycle() {
        Self::prepare();
        Self::reset(S::cycle(), 2);
        device::reset();
    }

    fn check() {
        ledger(0).check_served();
        Self::settle();
    }

    fn check_accounted() {
        ledger(0).check_accounted(S::a().stale());
        Self::settle();
    }

    fn check_disabled() {
        expect(!S::a().is_queued(), "the work item is queued after the disable");
        Self::check_accounted();
    }

    fn check_flushed() {
        expect(S::a().is_enabled() || !S::a().is_queued(), "the work item is queued after the disable");
        S::check_rest();
        Self::run();
        expect(!S::a().is_queued(), "it is queued after its run");
    }

    fn check_cycle() {
        ledger(2).check_served();
        Self::settle_one(S::cycle(), 2);
        device::check();
        Self::check();
    }

    fn settle() {
        ledger(1).check_served();
        S::check_rest();
        Self::settle_one(S::a(), 0);
        Self::settle_one(S::b(), 1);
    }

    fn settle_one(object: &'static S, number: usize) {
        while object.is_queued() {
            let _ = object.run();
        }
        ledger(number).check_worked();
        object.synchronize(Data::check);
    }
}

#[allow(dead_code, reason = "not every object masks a line")]
impl<S: Lined> Cases<S> {
    /// A level line, which enters its vector again and again as long as it is neither served nor masked (rule B5).
    pub const LINE: &'static [Case] = &[
        Self::level("level", || S::a().acquire().section(|| {})),
        Self::level("level-run", || {
            S::a().queue();
            Self::run();
        }),
        Self::level("level-held", || {
            let mut data = S::a().acquire();
            Self::level_line(Caller::Thread);
            data.section(|| {});
        }),
    ];

    const fn level(name: &'static str, operation: fn()) -> Case {
        Case {
            check: || {
                device::check_line();
                Self::check();
            },
            first: || Self::level_line(Caller::First),
            seconds: &[("line", || Self::level_line(Caller::Second))],
            ..Self::case(name, operation)
        }
    }

    fn level_line(caller: Caller) {
        device::hold_line(|| S::a().line_is_masked(), || Self::call(S::a(), 0, caller));
    }
}

#[allow(dead_code, reason = "not every object has these operations")]
impl<S: Whole> Cases<S> {
    /// What not every object can do.
    pub const WHOLE: &'static [Case] = &[
        Case { check: Self::check_inactive, ..Self::case("inactive", || S::a().report_inactive()) },
        Case {
            prepare: || {
                Self::prepare();
                S::a().report_inactive();
                Self::call(S::a(), 0, Caller::Thread);
            },
            ..Self::case("active", || S::a().report_active())
        },
        Case {
            check: || {
                S::cycle().report_active();
                Self::check_cycle();
            },
            ..Self::cycling("cycle-inactive", || {
                Self::assert(Caller::Thread);
                S::cycle().report_inactive();
                let _ = S::cycle().run();
            })
        },
        Self::case("clear-fault", || S::a().clear_fault()),
        Self::case("look", || S::a().look()),
        Self::case("claims", Self::b3_claims),
    ];

    /// The vector may find the listener being polled, or other code where the listener's waker is. It neither waits nor
    /// panics, and the listener is told.
    // Caught: the faults `vector-waits-for-the-notes`, `vector-leaves-no-word-with-the-notes`, `nobody-tells-for-a-vector`.
    fn b3_claims() {
        let section = || {
            S::a().acquire().section(|| {});
            S::a().listen_in_vain();
        };
        let missed = S::a().listen(section, || ledger(0).runs());
        expect(!missed, "a listener has not been told");
    }

    fn check_inactive() {
        S::a().report_active();
        Self::check();
    }
}

/// A section of the whole processor, as crates for microcontrollers have it: its end unmasks if its beginning found the
/// processor unmasked.
fn critical<R>(section: impl FnOnce() -> R) -> R {
    let was_open = machine::mask_all();
    let result = section();
    if was_open {
        machine::unmask_all();
    }
    result
}
