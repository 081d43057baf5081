//! Errors: the name, what happened and the cause, each printed once.

use std::collections::HashSet;
use std::error::Error as StdError;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use interrupt_lock::simulated::{Edu, EduOptions};
use interrupt_lock::source::Software;
use interrupt_lock::{
    Affinity, CallbackError, Claim, Device, Errno, Error, ErrorKind, Fault, Interrupt, InterruptLock, Policy, Polling,
    ProcessorSet, SourceError,
};
use support::log::Log;
use support::script::Script;
use support::{kind, watchdog};

const EIO: i32 = 5;

/// A driver's own error, with a cause of its own.
#[derive(Debug)]
struct NoClock(std::io::Error);

impl std::fmt::Display for NoClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no clock")
    }
}

impl StdError for NoClock {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

fn no_clock() -> Result<(), NoClock> {
    Err(NoClock(std::io::Error::from_raw_os_error(EIO)))
}

/// The text of that error, which differs from system to system.
static EIO_TEXT: LazyLock<String> = LazyLock::new(|| std::io::Error::from_raw_os_error(EIO).to_string());

fn os() -> SourceError {
    SourceError::Os { doing: "reading the device".into(), source: Errno::new(EIO) }
}

macro_rules! edu0 {
    () => {
        Interrupt::builder(()).name("edu0").isr(|_| Claim::Claimed)
    };
}

/// An error of each kind that a test can bring about, with the texts of its causes.
fn one_of_each() -> Vec<(Error, Vec<&'static str>)> {
    let eio = EIO_TEXT.as_str();
    let mut errors = Vec::new();

    let lock = InterruptLock::named("edu0".into(), ());
    let held = lock.acquire_interrupt_lock();
    let soon = || Instant::now() + Duration::from_millis(1);
    errors.push((lock.try_acquire_interrupt_lock_until(soon()).unwrap_err(), vec![]));
    let late = std::thread::scope(|scope| {
        scope.spawn(|| lock.try_acquire_interrupt_lock_until(soon()).map(drop).unwrap_err()).join().unwrap()
    });
    errors.push((late, vec![]));
    drop(held);

    let interrupt = edu0!().build().unwrap();
    errors.push((interrupt.synchronize(|()| interrupt.enable()).unwrap_err(), vec![]));
    errors.push((interrupt.claims().unwrap().wait_for(Duration::ZERO).unwrap_err(), vec![]));
    errors.push((interrupt.try_acquire_interrupt_lock_when(|()| false, Duration::ZERO).map(drop).unwrap_err(), vec![]));
    let object = interrupt.object().clone();
    drop(interrupt);
    errors.push((object.enable().unwrap_err(), vec![]));

    let (source, device) = Software::edge();
    let interrupt = edu0!().source(source).without_dispatcher().build().unwrap();
    device.remove();
    interrupt.service_removal();
    errors.push((interrupt.enable().unwrap_err(), vec![]));

    let (source, device) = Script::waking(&Log::new());
    let interrupt = edu0!().source(source).without_dispatcher().build().unwrap();
    device.fail("connect", os());
    errors.push((interrupt.enable().unwrap_err(), vec!["reading the device", eio]));
    interrupt.enable().unwrap();
    device.fail("take", os());
    device.assert();
    interrupt.service();
    errors.push((interrupt.enable().unwrap_err(), vec!["the source failed", "reading the device", eio]));

    let interrupt = edu0!().on_enable(|()| no_clock()).build().unwrap();
    errors.push((interrupt.enable().unwrap_err(), vec!["no clock", eio]));
    let interrupt = edu0!().on_disable(|()| no_clock()).build().unwrap();
    interrupt.enable().unwrap();
    errors.push((interrupt.disable().unwrap_err(), vec!["no clock", eio]));
    let device = Device::builder("edu0").on_d0_entry(no_clock).build();
    errors.push((device.enter_d0().unwrap_err(), vec!["no clock", eio]));

    let specified = |set| edu0!().policy(Policy::new().with_affinity(Affinity::Specified(set))).build().unwrap_err();
    errors.push((edu0!().source(Software::edge().0).shared().build().unwrap_err(), vec![]));
    errors.push((edu0!().wake_capable().build().unwrap_err(), vec![]));
    errors.push((edu0!().polling(Polling::Fixed(Duration::from_micros(1))).build().unwrap_err(), vec![]));
    errors.push((edu0!().overdue_after(Duration::ZERO).build().unwrap_err(), vec![]));
    errors.push((specified(ProcessorSet::new(0)), vec![]));
    errors.push((specified(ProcessorSet::new(1).in_group(1023)), vec![]));

    let edu = Edu::with_options(EduOptions { name: "edu0".into(), ..EduOptions::default() });
    let _line = edu.line().unwrap();
    let taken = "its interrupt is taken already (line and message exclude each other): drop that source first";
    errors.push((edu.message().unwrap_err(), vec![taken]));
    errors
}

/// What a reporter prints that walks the causes.
fn chain(error: &(dyn StdError + 'static)) -> Vec<String> {
    std::iter::successors(Some(error), |&error| error.source()).map(|error| error.to_string()).collect()
}

// Caught: a text that has its cause in it; a cause that `source` does not return; `{:#}` that forgets one.
#[test]
fn an_error_prints_its_name_and_each_cause_once() {
    watchdog(|| {
        for (error, causes) in one_of_each() {
            let (plain, whole) = (error.to_string(), format!("{error:#}"));
            assert!(plain.starts_with("edu0: ") && whole.matches("edu0").count() == 1, "{whole}");
            assert!(plain.len() > "edu0: ".len(), "{error:?}");
            assert!(causes.iter().all(|cause| !plain.contains(cause)), "{plain}");
            let chain = chain(&error);
            assert_eq!(chain[0], plain);
            assert_eq!(chain[1..], causes, "{error:?}");
            assert_eq!(whole, chain.join(": "));
            assert_eq!(error.source().is_some(), !causes.is_empty());
        }
    });
}

/// The kinds above are all there are, but for a dispatcher that can't be started (`tests/alone/no_threads.rs`).
// Caught: a kind whose cause is another type than the one that it holds.
#[test]
fn a_cause_can_be_downcast() {
    watchdog(|| {
        let mut kinds = HashSet::new();
        for (error, _) in one_of_each() {
            let cause = error.source();
            let is_it = match error.kind() {
                ErrorKind::Faulted(fault) => cause.unwrap().downcast_ref::<Fault>() == Some(fault),
                ErrorKind::Source(error) | ErrorKind::Open(error) => cause.unwrap().downcast_ref() == Some(error),
                ErrorKind::EnableCallback(_) | ErrorKind::DisableCallback(_) | ErrorKind::DeviceCallback { .. } => {
                    let cause: &CallbackError = cause.unwrap().downcast_ref().unwrap();
                    cause.get().is::<NoClock>()
                }
                _ => cause.is_none(),
            };
            assert!(is_it, "{error:?}");
            kinds.insert(std::mem::discriminant(error.kind()));
        }
        assert_eq!(kinds.len(), 19);
    });
}

/// A fault and the error of a source by themselves follow the same rule, down to the system's number.
// Caught: a number that is printed twice, or lost.
#[test]
fn a_fault_and_the_error_of_a_source_print_each_cause_once() {
    let fault = Fault::Source(os());
    assert_eq!(fault.to_string(), "the source failed");
    let whole = format!("the source failed: reading the device: {}", *EIO_TEXT);
    assert_eq!(format!("{fault:#}"), whole);
    assert_eq!(chain(&fault).join(": "), whole);

    assert_eq!(os().to_string(), "reading the device");
    assert_eq!(format!("{:#}", os()), format!("reading the device: {}", *EIO_TEXT));
    assert_eq!(os().source().unwrap().downcast_ref(), Some(&Errno::new(EIO)));
    assert!(SourceError::Refused("testing".into()).source().is_none());
}

/// One interrupt's error may cause another's: then both names are there.
// Caught: `{:#}` of a callback's error that prints the causes of its cause twice.
#[test]
fn an_error_that_is_the_cause_of_another_is_printed_once() {
    let inner = edu0!().on_enable(|()| no_clock()).build().unwrap();
    let outer = edu0!().name("nic").on_enable(move |()| inner.enable().map(drop)).build().unwrap();
    let error = outer.enable().unwrap_err();
    let whole = format!("nic: its enable callback failed: edu0: its enable callback failed: no clock: {}", *EIO_TEXT);
    assert_eq!(format!("{error:#}"), whole);
    assert_eq!(chain(&error).join(": "), whole);
    assert!(matches!(kind(&outer.enable()), Some(ErrorKind::EnableCallback(_))));
}
