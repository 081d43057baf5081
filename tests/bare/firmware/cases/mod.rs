//! The cases: each operation, and the invariants of rule B1 after it.

pub mod data;
pub mod device;
pub mod ledger;
pub mod subject;

use core::marker::PhantomData;

use harness::{Case, expect, machine};

use crate::cases::data::Data;
use crate::cases::ledger::{Caller, ledger};
use crate::cases::subject::{Subject, Whole};

/// The cases of an object. Each is swept over by itself.
pub struct Cases<S>(PhantomData<S>);

impl<S: Subject> Cases<S> {
    const SECONDS: &'static [(&'static str, fn())] = &[("same", Self::second_same), ("other", Self::second_other)];

    const fn case(name: &'static str, operation: fn()) -> Case {
        Case { name, prepare: Self::prepare, operation, check: Self::check, first: Self::first, seconds: Self::SECONDS }
    }

    pub const ALL: &'static [Case] = &[
        Self::case("acquire", || S::a().acquire().section(|| {})),
        Self::case("try", || {
            if let Some(mut data) = S::a().try_acquire() {
                data.section(|| {});
            }
        }),
        Self::case("synchronize", || S::a().synchronize(|data| data.section(|| {}))),
        Self::case("two-locks", || {
            let (mut a, mut b) = (S::a().acquire(), S::b().acquire());
            a.section(|| {});
            b.section(|| {});
            drop(a); // not in the order of nesting
            b.section(|| {});
        }),
        Self::case("inside-critical", || {
            critical(|| S::a().acquire().section(|| {}));
        }),
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
        Self::case("service-held", || {
            let mut data = S::a().acquire();
            Self::call(S::a(), 0, Caller::Thread);
            data.section(|| {});
        }),
        Self::case("queue", || S::a().queue()),
        Case { prepare: Self::prepare_queued, ..Self::case("run", Self::run_once) },
        Case { prepare: Self::prepare_queued, first: Self::first_runs, ..Self::case("run-in-vector", Self::run_once) },
        Case {
            prepare: Self::prepare_disabled,
            check: Self::check_accounted,
            ..Self::case("enable", || S::a().enable())
        },
        Case { check: Self::check_disabled, ..Self::case("disable", || S::a().disable()) },
        Case {
            prepare: Self::prepare_queued,
            check: Self::check_disabled,
            ..Self::case("disable-queued", || S::a().disable())
        },
        Case {
            prepare: Self::prepare_cycle,
            check: Self::check_cycle,
            first: || Self::assert(Caller::First),
            seconds: &[("same", || Self::assert(Caller::Second)), ("other", Self::second_other)],
            ..Self::case("cycle", || {
                Self::assert(Caller::Thread);
                let _ = S::cycle().run();
            })
        },
    ];

    fn call(object: &'static S, number: usize, caller: Caller) {
        ledger(number).call(caller);
        object.service();
    }

    /// The third object's device has something. It asserts if it may.
    fn assert(caller: Caller) {
        if device::receive(caller) {
            Self::call(S::cycle(), 2, caller);
        }
    }

    fn first() {
        Self::call(S::a(), 0, Caller::First);
    }

    fn first_runs() {
        Self::first();
        Self::run_once();
    }

    fn second_same() {
        Self::call(S::a(), 0, Caller::Second);
    }

    fn second_other() {
        Self::call(S::b(), 1, Caller::Second);
    }

    fn run_once() {
        let _ = S::a().run();
    }

    fn prepare() {
        for (number, object) in [S::a(), S::b()].into_iter().enumerate() {
            object.enable();
            object.synchronize(Data::reset);
            ledger(number).reset(object.stale());
        }
    }

    fn prepare_queued() {
        Self::prepare();
        S::a().queue();
    }

    fn prepare_disabled() {
        Self::prepare();
        S::a().disable();
    }

    fn prepare_cycle() {
        Self::prepare();
        S::cycle().enable();
        S::cycle().synchronize(Data::reset);
        ledger(2).reset(S::cycle().stale());
        device::reset();
    }

    /// The work item may be queued once more. After it, the device is on and empty.
    fn check_cycle() {
        while S::cycle().is_queued() {
            let _ = S::cycle().run();
        }
        device::check();
        ledger(2).check_served();
        S::cycle().synchronize(|data| data.check());
        Self::check();
    }

    fn check() {
        ledger(0).check_served();
        Self::check_rest();
    }

    fn check_accounted() {
        ledger(0).check_accounted(S::a().stale());
        Self::check_rest();
    }

    fn check_disabled() {
        expect(!S::a().is_queued(), "the work item is queued after the disable");
        Self::check_accounted();
    }

    fn check_rest() {
        ledger(1).check_served();
        S::check_rest();
        for object in [S::a(), S::b()] {
            while object.is_queued() {
                let _ = object.run();
            }
            object.synchronize(|data| data.check());
        }
    }
}

#[allow(dead_code, reason = "not every object has these operations")]
impl<S: Whole> Cases<S> {
    pub const WHOLE: &'static [Case] = &[
        Case { check: Self::check_active, ..Self::case("inactive", || S::a().report_inactive()) },
        Case {
            prepare: || {
                Self::prepare();
                S::a().report_inactive();
                Self::call(S::a(), 0, Caller::Thread);
            },
            ..Self::case("active", || S::a().report_active())
        },
        Case { check: Self::check_accounted, ..Self::case("clear-fault", || S::a().clear_fault()) },
        Self::case("look", || S::a().look()),
        Self::case("claims", || S::a().listen()),
    ];

    fn check_active() {
        S::a().report_active();
        Self::check();
    }
}

/// A section of the whole processor, as crates for microcontrollers have it: at its end it unmasks if its beginning found the
/// processor unmasked.
fn critical<R>(section: impl FnOnce() -> R) -> R {
    let was_open = machine::mask_all();
    let result = section();
    if was_open {
        machine::unmask_all();
    }
    result
}
