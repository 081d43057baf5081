//! What is traced: rule S3. `cargo test -p interrupt-lock-tests --features tracing --test tracing`.
//!
//! A program of its own, because its library is another one, and because `tracing` keeps for the whole process which events
//! anybody listens to.

#![cfg(all(feature = "std", feature = "tracing", not(loom)))]

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use interrupt_lock::source::Software;
use interrupt_lock::{Affinity, Claim, Device, Errno, Interrupt, Policy, SourceError};
use support::log::Log;
use support::script::Script;
use support::{Gate, until};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Keeps every event as a line: level, message, fields.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<String>>>);

struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "message" => write!(self.message, "{value:?}").unwrap(),
            name => write!(self.fields, " {name}={value:?}").unwrap(),
        }
    }
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("interrupt_lock")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Id::from_u64(NEXT.fetch_add(1, Relaxed))
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line { message: String::new(), fields: String::new() };
        event.record(&mut line);
        assert_ne!(line.fields, " interrupt=edu9", "on purpose");
        let level = event.metadata().level();
        self.0.lock().unwrap().push(format!("{level} {}{}", line.message, line.fields));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// What is traced while `body` runs.
fn traced(body: impl FnOnce()) -> Vec<String> {
    let collector = Collector::default();
    tracing::subscriber::with_default(collector.clone(), body);
    std::mem::take(&mut *collector.0.lock().unwrap())
}

macro_rules! edu0 {
    () => {
        Interrupt::builder(()).name("edu0").without_dispatcher()
    };
}

// Caught: any of the events left out; one where nothing has changed.
#[test]
fn s3_every_change_of_state_is_an_event() {
    let events = traced(|| {
        let interrupt = edu0!().isr(|_| Claim::Claimed).build().unwrap();
        interrupt.enable().unwrap();
        interrupt.enable().unwrap();
        interrupt.service();
        for _ in 0..2 {
            interrupt.report_inactive().unwrap();
        }
        for _ in 0..2 {
            interrupt.report_active().unwrap();
        }
        interrupt.disable().unwrap();
        interrupt.disable().unwrap();
        interrupt.enable().unwrap();
    });
    let expected = ["enabled", "inactive", "active", "disabled", "enabled", "disabled", "ended"];
    assert_eq!(events, expected.map(|what| format!("DEBUG {what} interrupt=edu0")));
}

// Caught: either of the two left out.
#[test]
fn s3_low_power_is_an_event() {
    let events = traced(|| {
        let device = Device::builder("nic0").build();
        let interrupt = edu0!().isr(|_| Claim::Claimed).device(&device).wake_capable().build().unwrap();
        device.enter_d0().unwrap();
        device.exit_d0().unwrap();
        device.enter_d0().unwrap();
        drop(interrupt);
    });
    let expected = ["enabled", "asleep", "awake", "disabled", "ended"];
    assert_eq!(events, expected.map(|what| format!("DEBUG {what} interrupt=edu0")));
}

// Caught: a fault without its cause; one that is traced as it is cleared only.
#[test]
fn s3_every_fault_is_an_event() {
    let events = traced(|| {
        let interrupt = edu0!().isr(|_| panic!("no such register")).build().unwrap();
        interrupt.enable().unwrap();
        interrupt.service();
        interrupt.clear_fault().unwrap();
        interrupt.clear_fault().unwrap();
    });
    assert_eq!(events[0], "DEBUG enabled interrupt=edu0");
    assert!(events[1].starts_with("ERROR fault interrupt=edu0 cause=") && events[1].ends_with("no such register"));
    assert!(events[2].starts_with("DEBUG fault cleared interrupt=edu0 cause="));
    assert_eq!(events[3], "DEBUG ended interrupt=edu0");
    assert_eq!(events.len(), 4);
}

// Caught: a cause that is traced without its own cause.
#[test]
fn s3_a_fault_of_the_source_is_an_event_with_every_cause() {
    let events = traced(|| {
        let (source, device) = Script::waking(&Log::new());
        let interrupt = edu0!().isr(|_| Claim::Claimed).source(source).build().unwrap();
        interrupt.enable().unwrap();
        device.fail("take", SourceError::Os { doing: "reading".into(), source: Errno::new(5) });
        device.assert();
        interrupt.service();
    });
    let error = std::io::Error::from_raw_os_error(5); // each system has a text of its own
    assert_eq!(events[1], format!("ERROR fault interrupt=edu0 cause=the source failed: reading: {error}"));
}

// Caught: a removal that is not traced, or each time that it is looked at; a request taken for a removal.
#[test]
fn s3_a_removal_is_an_event() {
    let removed = "WARN removed interrupt=edu0";
    let surprise = traced(|| {
        let (source, device) = Software::edge();
        let interrupt = edu0!().isr(|_| Claim::Claimed).source(source).build().unwrap();
        interrupt.enable().unwrap();
        device.remove();
        interrupt.service_removal();
        interrupt.service_removal();
    });
    assert_eq!(surprise[1..], [removed, "DEBUG ended interrupt=edu0"]);
    let request = traced(|| {
        let (source, device) = Software::edge();
        let interrupt = edu0!().isr(|_| Claim::Claimed).source(source).build().unwrap();
        interrupt.enable().unwrap();
        device.request_removal();
        interrupt.service_removal();
        assert!(interrupt.check().is_err());
    });
    let requested = "INFO removal requested interrupt=edu0";
    assert_eq!(request[1..4], [requested, "DEBUG disabled interrupt=edu0", removed]);
}

// Caught: a refusal that only the answer tells.
#[test]
fn s3_what_a_policy_is_refused_is_an_event() {
    let events = traced(|| {
        let (source, _) = Software::edge();
        let policy = Policy::new().with_affinity(Affinity::All);
        let interrupt = edu0!().isr(|_| Claim::Claimed).source(source).policy(policy).build().unwrap();
        interrupt.enable().unwrap();
    });
    let refused: Vec<_> =
        events.iter().filter(|event| event.starts_with("WARN policy refused interrupt=edu0 cause=")).collect();
    assert_eq!(refused.len(), 2, "{events:?}");
}

/// The watchdog's thread traces it. So this collector is the whole process's. (What the other tests trace, they keep to
/// themselves.)
// Caught: a report without an event.
#[test]
fn s3_an_overdue_callback_is_an_event() {
    let collector = Collector::default();
    tracing::subscriber::set_global_default(collector.clone()).unwrap();
    let (inside, go) = (Gate::new(), Gate::new());
    let (its_inside, its_go) = (inside.clone(), go.clone());
    let interrupt = Interrupt::builder(())
        .name("edu7")
        .isr(move |_| {
            its_inside.open();
            its_go.wait();
            Claim::Claimed
        })
        .overdue_after(Duration::from_millis(2))
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| interrupt.service());
        inside.wait();
        let expected = "WARN overdue interrupt=edu7 cause=the ISR has not returned for more than 2ms";
        until(|| collector.0.lock().unwrap().iter().any(|line| line == expected));
        go.open();
    });
}

/// A subscriber may panic; the interrupt is served all the same.
// Caught: an event that unwinds out of the enable, or out of the delivery.
#[test]
fn s3_a_subscriber_that_panics_disturbs_nobody() {
    traced(|| {
        let interrupt = edu0!().name("edu9").isr(|_| Claim::DeviceGone).build().unwrap();
        interrupt.enable().unwrap();
        interrupt.service();
        assert!(interrupt.check().is_err());
    });
}
