//! The text for Prometheus, and what it is made of: buckets, sums, differences.

use std::sync::Arc;
use std::time::Duration;

use interrupt_lock::source::Software;
use interrupt_lock::{Claim, Distribution, Export, Interrupt, Stats};
use support::prometheus::{Families, read, value};
use support::{Gate, watchdog};

use super::exported;

/// What the crate counts, as the text has it.
fn counters(stats: &Stats) -> [(&'static str, u64); 12] {
    [
        ("delivered", stats.delivered),
        ("coalesced", stats.coalesced),
        ("claimed", stats.claimed),
        ("spurious", stats.spurious),
        ("benign", stats.benign),
        ("recovered", stats.recovered),
        ("stale", stats.stale),
        ("faults", stats.faults),
        ("overdue", stats.overdue),
        ("work_queued", stats.work_queued),
        ("work_merged", stats.work_merged),
        ("work_run", stats.work_run),
    ]
}

#[track_caller]
fn assert_histogram(families: &Families, name: &str, labels: &[(&str, &str)], times: &Distribution) {
    let mut sum = 0;
    for (up_to, count) in times.buckets() {
        sum += count;
        let le = format!("{}.{:09}", up_to.as_secs(), up_to.subsec_nanos());
        let le = if up_to == Duration::MAX { "+Inf" } else { &le };
        let with_le: Vec<_> = labels.iter().copied().chain([("le", le)]).collect();
        assert_eq!(value(families, &format!("interrupt_{name}_seconds_bucket"), &with_le) as u64, sum, "{name} {le}");
    }
    assert_eq!(value(families, &format!("interrupt_{name}_seconds_count"), labels) as u64, times.count());
    let about = |name: &str, time: Duration| {
        assert!((value(families, name, labels) - time.as_secs_f64()).abs() < 1e-9, "{name}");
    };
    about(&format!("interrupt_{name}_seconds_sum"), times.sum());
    about(&format!("interrupt_{name}_max_seconds"), times.longest().unwrap_or_default());
}

/// Every counter, the state and every distribution of several interrupts, as a strict reader reads them.
// Caught: two counters exchanged (not of benign, recovered and overdue, which are 0 here); buckets that are not added up; a
// bound in nanoseconds; a state that is always "enabled".
#[test]
fn s4_the_text_has_all_that_is_counted() {
    watchdog(|| {
        let export = Export::new();
        let (source, line) = Software::edge();
        let mut run = 0;
        let busy = Interrupt::builder(())
            .name("busy")
            .isr(move |cx| {
                run += 1;
                std::thread::sleep(Duration::from_micros(50 * run));
                cx.queue_work_item();
                if run % 3 == 0 { Claim::Unclaimed } else { Claim::Claimed }
            })
            .work_item(|_| ())
            .source(source)
            .without_dispatcher()
            .timed()
            .build()
            .unwrap();
        export.add(busy.object()).unwrap();
        line.assert(); // stale
        busy.enable().unwrap();
        for _ in 0..7 {
            (0..3).for_each(|_| line.assert());
            busy.service();
        }
        for _ in 0..3 {
            let _ = busy.run_work_item();
            busy.queue_work_item();
        }
        let untimed = Interrupt::builder(()).name("untimed").isr(|_| panic!("on purpose")).build().unwrap();
        export.add(untimed.object()).unwrap();
        untimed.enable().unwrap();
        untimed.service();

        let families = read(&export.prometheus_text());
        for (name, stats) in [("busy", busy.stats()), ("untimed", untimed.stats())] {
            for (counter, count) in counters(&stats) {
                let read = value(&families, &format!("interrupt_{counter}_total"), &[("interrupt", name)]);
                assert_eq!(read as u64, count, "{counter} of {name}");
            }
        }
        for (name, is_in) in [("busy", "enabled"), ("untimed", "faulted")] {
            for state in ["disabled", "enabled", "inactive", "asleep", "faulted", "removed", "ended"] {
                let read = value(&families, "interrupt_state", &[("interrupt", name), ("state", state)]);
                assert_eq!(read, f64::from(u8::from(state == is_in)), "{name} {state}");
            }
        }
        let distributions = busy.stats().distributions.unwrap();
        assert_eq!((distributions.isr.count(), busy.stats().stale, busy.stats().coalesced), (7, 1, 14));
        for (name, times) in
            [("isr", distributions.isr), ("lock_wait", distributions.lock_wait), ("latency", distributions.latency)]
        {
            assert_histogram(&families, name, &[("interrupt", "busy")], &times);
        }
        let timed = families.values().filter(|family| family.kind == "histogram").flat_map(|family| &family.samples);
        assert!(timed.clone().count() > 100 && timed.clone().all(|sample| sample.labels["interrupt"] == "busy"));
    });
}

/// Names are labels whatever they contain, and no two interrupts are one.
// Caught: a quote, a backslash or an end of line that is not escaped; a second interrupt of the same name without a number; a
// number that another one gets as the first ends.
#[test]
fn s4_names_are_labels_and_no_two_interrupts_are_one() {
    let export = Export::new();
    let _odd: Vec<_> =
        ["a\"b", "a\\b", "a\nb", "a{b=\"c\"} 1", "ä", "", "\x1b[31mred"].map(|name| exported(&export, name)).into();
    let families = read(&export.prometheus_text());
    let shown = ["a\"b", "a\\b", "a\\nb", "a{b=\"c\"} 1", "ä", "", "\\u{1b}[31mred"];
    for name in shown {
        assert_eq!(value(&families, "interrupt_delivered_total", &[("interrupt", name)]), 0.0);
    }

    let export = Export::new();
    let [first, second, third] = ["nic"; 3].map(|name| exported(&export, name));
    for (interrupt, services) in [(&first, 1), (&second, 2), (&third, 3)] {
        (0..services).for_each(|_| _ = interrupt.service());
        export.add(interrupt.object()).unwrap(); // it is there already
    }
    let numbers = || {
        let families = read(&export.prometheus_text());
        let samples = &families["interrupt_delivered_total"].samples;
        let number = |sample: &support::prometheus::Sample| sample.labels.get("nth").cloned().unwrap_or_default();
        samples.iter().map(|sample| (number(sample), sample.value as u64)).collect::<Vec<_>>()
    };
    assert_eq!(numbers(), [("".into(), 1), ("2".into(), 2), ("3".into(), 3)]);
    drop(first);
    assert_eq!(numbers(), [("2".into(), 2), ("3".into(), 3)]);
    let _next = exported(&export, "nic");
    assert_eq!(numbers(), [("2".into(), 2), ("3".into(), 3), ("".into(), 0)]);
}

/// An interrupt goes away as it ends, even if its object is kept; and the export keeps nothing of it.
// Caught: an export that keeps interrupts alive; one that shows them as long as anybody keeps the object.
#[test]
fn s4_an_interrupt_that_has_ended_goes_away() {
    let export = Export::new();
    let owned = Arc::new(());
    let theirs = owned.clone();
    let kept = Interrupt::builder(theirs).name("kept").isr(|_| Claim::Claimed).build().unwrap();
    export.add(kept.object()).unwrap();
    let gone = exported(&export, "gone");
    assert_eq!(format!("{export:?}"), "Export([\"kept\", \"gone\"])");
    let object = kept.object().clone();
    drop((kept, gone));
    assert_eq!(export.prometheus_text(), "");
    assert_eq!(Arc::strong_count(&owned), 2);
    drop(object);
    assert_eq!(Arc::strong_count(&owned), 1);
}

/// The statistics are read while another thread is in the ISR, and holds the lock.
// Caught: a look that acquires the interrupt lock.
#[test]
fn s4_looking_takes_no_interrupt_lock() {
    watchdog(|| {
        let export = Export::new();
        let (inside, go) = (Gate::new(), Gate::new());
        let (enter, wait) = (inside.clone(), go.clone());
        let isr = move |_: &mut interrupt_lock::IsrContext<'_, (), interrupt_lock::NoWorkItem>| {
            enter.open();
            wait.wait();
            Claim::Claimed
        };
        let interrupt = Interrupt::builder(()).name("slow").isr(isr).timed().build().unwrap();
        export.add(interrupt.object()).unwrap();
        interrupt.enable().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| interrupt.service());
            inside.wait();
            let families = read(&export.prometheus_text());
            assert_eq!(value(&families, "interrupt_delivered_total", &[("interrupt", "slow")]), 0.0);
            go.open();
        });
    });
}

/// Buckets, sum and difference of what was measured from outside.
// Caught: a sum that is rounded to its bucket; a difference that is not per bucket; one that goes below zero; the longest of
// all as that of a difference.
#[test]
fn s4_distributions_have_buckets_a_sum_and_a_difference() {
    let (source, line) = Software::edge();
    let sleeps = Arc::new(std::sync::Mutex::new(Duration::ZERO));
    let theirs = sleeps.clone();
    let interrupt = Interrupt::builder(())
        .isr(move |_| {
            std::thread::sleep(*theirs.lock().unwrap());
            Claim::Claimed
        })
        .source(source)
        .without_dispatcher()
        .timed()
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    let look = || interrupt.stats().distributions.unwrap();
    let run = |time| {
        *sleeps.lock().unwrap() = time;
        line.assert();
        interrupt.service();
    };
    let (long, short) = (Duration::from_millis(40), Duration::from_millis(1));
    run(long);
    let earlier = look();
    (0..3).for_each(|_| run(short));
    let later = look();
    let (all, new) = (later.isr, later.isr.since(&earlier.isr));
    assert_eq!((all.count(), new.count()), (4, 3));
    assert_eq!(all.buckets().map(|(_, count)| count).sum::<u64>(), 4);
    let bounds: Vec<_> = all.buckets().map(|(up_to, _)| up_to).collect();
    assert!(bounds.windows(2).all(|two| two[0] < two[1]));
    assert_eq!(
        (bounds[0], bounds[1], bounds[11]),
        (Duration::ZERO, Duration::from_nanos(1), Duration::from_nanos(2047))
    );
    assert_eq!(bounds.last(), Some(&Duration::MAX));
    // Of one run the sum is its duration, which is the longest.
    assert_eq!(Some(earlier.isr.sum()), earlier.isr.longest());
    assert_eq!(new.sum(), all.sum() - earlier.isr.sum());
    assert!(new.sum() >= 3 * short);
    // A bucket is never below what it counts, and less than twice as much.
    let above: Duration =
        new.buckets().filter(|(_, count)| *count != 0).map(|(up_to, count)| up_to * count as u32).sum();
    assert!(new.sum() <= above && above < 2 * new.sum());
    let longest = new.longest().unwrap();
    assert!(longest >= short && longest <= all.longest().unwrap(), "{longest:?}");
    let last = new.buckets().rfind(|(_, count)| *count != 0).unwrap().0;
    assert_eq!(longest, last.min(all.longest().unwrap()));

    // The other way round nothing is left, and nothing goes below.
    let none = earlier.isr.since(&later.isr);
    assert_eq!((none.count(), none.sum(), none.longest()), (0, Duration::ZERO, None));
    assert_eq!(later.since(&earlier).isr, new);
    assert_eq!(later.since(&earlier).lock_wait.count(), 3);
    assert_eq!(all.since(&none), all);
}
