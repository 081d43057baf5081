//! The kinds of interrupts that are measured.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use interrupt_lock::linux::Eventfd;
use interrupt_lock::source::{SharedLine, Software};
use interrupt_lock::{Claim, Device, Dispatcher, Interrupt, InterruptLock};

use crate::measure::Kind;

/// For interrupts that have no threads of their own.
const MANY: usize = 8_000;
/// For interrupts that have threads of their own.
const SOME: usize = 1_000;

/// Makes a function that builds one interrupt, and enables it. Its ISR owns a reference, as a driver's owns registers. The
/// interrupt lives as long as the process.
macro_rules! built {
    ($builder:expr, |$options:ident| $more:expr) => {{
        let seen = Arc::new(AtomicU64::new(0));
        let build: Box<dyn FnMut()> = Box::new(move || {
            let seen = seen.clone();
            let $options = $builder.isr(move |_| {
                seen.fetch_add(1, Relaxed);
                Claim::Claimed
            });
            let interrupt = $more.build().expect("the system grants it");
            interrupt.enable().expect("the system grants it");
            mem::forget(interrupt);
        });
        build
    }};
}

fn eventfd() -> Eventfd {
    Eventfd::new().expect("the system grants an eventfd")
}

fn dispatcher() -> Dispatcher {
    Dispatcher::new().expect("the system grants a thread")
}

pub const KINDS: &[Kind] = &[
    Kind { name: "without a source", count: MANY, prepare: || built!(Interrupt::builder(0_u64), |options| options) },
    Kind {
        name: "without a source, on a shared lock",
        count: MANY,
        prepare: || {
            let lock = Arc::new(InterruptLock::new(0_u64));
            built!(Interrupt::builder_sharing(&lock), |options| options)
        },
    },
    Kind {
        name: "eventfd, the driver's own loop",
        count: MANY,
        prepare: || built!(Interrupt::builder(0_u64), |options| options.source(eventfd()).without_dispatcher()),
    },
    Kind {
        name: "eventfd, a shared dispatcher",
        count: MANY,
        prepare: || {
            let dispatcher = dispatcher();
            built!(Interrupt::builder(0_u64), |options| options.source(eventfd()).dispatcher(&dispatcher))
        },
    },
    Kind {
        name: "… and a work item",
        count: MANY,
        prepare: || {
            let dispatcher = dispatcher();
            built!(Interrupt::builder(0_u64), |options| options
                .source(eventfd())
                .dispatcher(&dispatcher)
                .work_item(|_| ()))
        },
    },
    Kind {
        name: "… and a device",
        count: MANY,
        prepare: || {
            let (dispatcher, device) = (dispatcher(), Device::builder("device").build());
            built!(Interrupt::builder(0_u64), |options| options
                .source(eventfd())
                .dispatcher(&dispatcher)
                .device(&device))
        },
    },
    Kind {
        name: "… and timed",
        count: SOME,
        prepare: || {
            let dispatcher = dispatcher();
            built!(Interrupt::builder(0_u64), |options| options.source(eventfd()).dispatcher(&dispatcher).timed())
        },
    },
    Kind {
        name: "… and overdue_after",
        count: SOME,
        prepare: || {
            let dispatcher = dispatcher();
            built!(Interrupt::builder(0_u64), |options| options
                .source(eventfd())
                .dispatcher(&dispatcher)
                .overdue_after(Duration::from_secs(1)))
        },
    },
    Kind {
        name: "software source, a shared dispatcher",
        count: MANY,
        prepare: || {
            let dispatcher = dispatcher();
            built!(Interrupt::builder(0_u64), |options| options.source(Software::edge().0).dispatcher(&dispatcher))
        },
    },
    Kind {
        name: "member of a shared line, a shared dispatcher",
        count: SOME,
        prepare: || {
            let dispatcher = dispatcher();
            let line = SharedLine::new(Software::level().0).expect("the system grants it");
            built!(Interrupt::builder(0_u64), |options| options.source(line.member()).dispatcher(&dispatcher))
        },
    },
    Kind {
        name: "eventfd, a dispatcher of its own",
        count: SOME,
        prepare: || built!(Interrupt::builder(0_u64), |options| options.source(eventfd())),
    },
    Kind {
        name: "eventfd, a dispatcher of its own, a work item",
        count: SOME,
        prepare: || built!(Interrupt::builder(0_u64), |options| options.source(eventfd()).work_item(|_| ())),
    },
    Kind {
        name: "eventfd, a dispatcher of its own, a work item, shared worker",
        count: SOME,
        prepare: || {
            built!(Interrupt::builder(0_u64), |options| options.source(eventfd()).work_item(|_| ()).shared_worker())
        },
    },
    Kind {
        name: "no interrupt, for comparison: a thread that sleeps",
        count: SOME,
        prepare: || {
            Box::new(|| {
                thread::spawn(|| {
                    loop {
                        thread::park();
                    }
                });
            })
        },
    },
];
