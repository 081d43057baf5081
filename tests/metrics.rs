//! The statistics through the `metrics` facade (rule S4). `cargo test -p interrupt-lock-tests --features metrics --test metrics`.
#![cfg(all(feature = "metrics", not(loom)))]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use interrupt_lock::{Claim, Export, Interrupt};
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    with_local_recorder,
};

/// What was recorded, by the name and the labels.
#[derive(Clone, Default)]
struct Recorded(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    values: BTreeMap<String, f64>,
    /// Value and count, in order.
    histograms: BTreeMap<String, Vec<(f64, usize)>>,
    units: BTreeMap<String, Option<Unit>>,
}

struct Entry(String, Recorded);

fn key(key: &Key) -> String {
    let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
    format!("{}{{{}}}", key.name(), labels.join(","))
}

impl Recorder for Recorded {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.0.lock().unwrap().units.insert(key.as_str().into(), unit);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.0.lock().unwrap().units.insert(key.as_str().into(), unit);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.0.lock().unwrap().units.insert(key.as_str().into(), unit);
    }

    fn register_counter(&self, of: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(Arc::new(Entry(key(of), self.clone())))
    }

    fn register_gauge(&self, of: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(Arc::new(Entry(key(of), self.clone())))
    }

    fn register_histogram(&self, of: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(Arc::new(Entry(key(of), self.clone())))
    }
}

impl Entry {
    fn set(&self, value: f64) {
        self.1.0.lock().unwrap().values.insert(self.0.clone(), value);
    }
}

impl CounterFn for Entry {
    fn increment(&self, _: u64) {
        panic!("an increment, which another process's recorder may have counted already");
    }

    fn absolute(&self, value: u64) {
        self.set(value as f64);
    }
}

impl GaugeFn for Entry {
    fn increment(&self, _: f64) {
        unreachable!()
    }

    fn decrement(&self, _: f64) {
        unreachable!()
    }

    fn set(&self, value: f64) {
        self.set(value);
    }
}

impl HistogramFn for Entry {
    fn record(&self, value: f64) {
        self.record_many(value, 1);
    }

    fn record_many(&self, value: f64, count: usize) {
        self.1.0.lock().unwrap().histograms.entry(self.0.clone()).or_default().push((value, count));
    }
}

/// Counters and gauges are told as they are. Of the distributions each call tells what is new, as often as it was counted, and
/// each duration as one that is not below it, and less than twice as long.
// Caught: a call that tells all again; one that tells nothing at first; a bucket that is told by the bound of the next; a bound
// above the longest duration; a duration that is told in nanoseconds.
#[test]
fn s4_the_facade_gets_what_is_new() {
    let sleep = Arc::new(Mutex::new(Duration::ZERO));
    let theirs = sleep.clone();
    let interrupt = Interrupt::builder(())
        .name("edu\n0")
        .isr(move |_| {
            std::thread::sleep(*theirs.lock().unwrap());
            Claim::Claimed
        })
        .timed()
        .build()
        .unwrap();
    let untimed = Interrupt::builder(()).name("untimed").isr(|_| Claim::Unclaimed).build().unwrap();
    let export = Export::new();
    export.add(interrupt.object()).unwrap();
    export.add(untimed.object()).unwrap();
    interrupt.enable().unwrap();
    untimed.enable().unwrap();
    let recorded = Recorded::default();
    let (mut told, mut total) = (0, Duration::ZERO);
    let (long, short) = (Duration::from_millis(2), Duration::from_micros(300));
    // The last look has several buckets.
    for (longs, shorts) in [(3, 0), (0, 0), (1, 20)] {
        for (runs, time) in [(longs, long), (shorts, short)] {
            *sleep.lock().unwrap() = time;
            (0..runs).for_each(|_| _ = (interrupt.service(), untimed.service()));
        }
        let runs = longs + shorts;
        with_local_recorder(&recorded, || export.record());
        let mut book = recorded.0.lock().unwrap();
        told += runs;
        let now = interrupt.stats();
        assert_eq!(book.values["interrupt_claimed{interrupt=edu\\n0}"], f64::from(told));
        assert_eq!(book.values["interrupt_spurious{interrupt=untimed}"], f64::from(told));
        assert_eq!(book.values["interrupt_state{interrupt=edu\\n0,state=enabled}"], 1.0);
        assert_eq!(book.values["interrupt_state{interrupt=edu\\n0,state=faulted}"], 0.0);
        let isr = now.distributions.unwrap().isr;
        let longest = isr.longest().unwrap().as_secs_f64();
        assert_eq!(book.values["interrupt_isr_max_seconds{interrupt=edu\\n0}"], longest);
        let new = book.histograms.remove("interrupt_isr_seconds{interrupt=edu\\n0}").unwrap_or_default();
        assert_eq!(new.iter().map(|(_, count)| count).sum::<usize>(), runs as usize);
        assert!(new.iter().all(|(value, _)| *value <= longest), "{new:?}");
        let (sum, shown) = (isr.sum() - total, new.iter().map(|(value, count)| value * *count as f64).sum::<f64>());
        assert!(sum.as_secs_f64() <= shown + 1e-9 && shown <= 2.0 * sum.as_secs_f64(), "{sum:?} {shown}");
        total = isr.sum();
    }
    let book = recorded.0.lock().unwrap();
    assert_eq!(book.units["interrupt_isr_seconds"], Some(Unit::Seconds));
    assert_eq!(book.units["interrupt_claimed"], None);
    assert!(!book.histograms.keys().any(|name| name.contains("untimed")));
}
