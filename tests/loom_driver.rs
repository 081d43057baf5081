//! A driver author's own model: a driver with a ring buffer, model-checked over the real interrupt object.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --profile loom -p interrupt-lock-tests --test loom_driver`. A program of its own,
//! because its library is another one: a model.
#![cfg(loom)]

use std::sync::Arc;
use std::time::Duration;

use interrupt_lock::source::Software;
use interrupt_lock::{Affinity, Claim, Dispatcher, ErrorKind, Interrupt, NoWorkItem, Policy, Polling, Priority};
use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;

/// Received bytes, between the ISR that puts them in and the reader that takes them out.
struct Ring {
    bytes: [u8; 2],
    head: usize,
    tail: usize,
    dropped: usize,
}

impl Ring {
    const EMPTY: Self = Self { bytes: [0; 2], head: 0, tail: 0, dropped: 0 };

    fn put(&mut self, byte: u8) {
        if self.head - self.tail == self.bytes.len() {
            self.dropped += 1;
            return;
        }
        self.bytes[self.head % self.bytes.len()] = byte;
        self.head += 1;
    }

    fn take(&mut self) -> Option<u8> {
        if self.head == self.tail {
            return None;
        }
        self.tail += 1;
        Some(self.bytes[(self.tail - 1) % self.bytes.len()])
    }
}

/// The device: the next byte that it gives.
struct Uart(AtomicUsize);

fn driver() -> Arc<Interrupt<Ring, NoWorkItem>> {
    let uart = Uart(AtomicUsize::new(1));
    let interrupt = Interrupt::builder(Ring::EMPTY)
        .isr(move |ring| {
            ring.put(uart.0.fetch_add(1, Relaxed) as u8);
            Claim::Claimed
        })
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    Arc::new(interrupt)
}

fn model(f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(f);
}

/// Each byte is read once, in order, or counted as dropped.
#[test]
fn every_byte_is_read_once() {
    model(|| {
        let driver = driver();
        let device = thread::spawn({
            let driver = driver.clone();
            move || {
                for _ in 0..3 {
                    driver.service();
                }
            }
        });
        let mut read = Vec::new();
        for _ in 0..2 {
            read.extend(driver.synchronize(Ring::take));
        }
        device.join().unwrap();
        let mut ring = driver.acquire_interrupt_lock();
        while let Some(byte) = ring.take() {
            read.push(byte);
        }
        assert!(read.is_sorted(), "{read:?}");
        assert_eq!(read.len() + ring.dropped, 3);
    });
}

/// The same driver with the mistake that people make: it looks in one section and takes in another. The model says so.
#[test]
#[should_panic(expected = "the ring was not empty a moment ago")]
fn two_sections_are_not_one() {
    model(|| {
        let driver = driver();
        driver.service();
        let other_reader = thread::spawn({
            let driver = driver.clone();
            move || driver.synchronize(Ring::take)
        });
        if driver.synchronize(|ring| ring.head != ring.tail) {
            let byte = driver.synchronize(Ring::take);
            byte.expect("the ring was not empty a moment ago");
        }
        other_reader.join().unwrap();
    });
}

/// A program that depends on the crate compiles in a model as it is. What has no meaning there says so when it is called.
// Caught: a dispatcher that starts, a line's silence that nobody notices, a policy that reaches the system.
#[test]
fn what_a_model_does_not_have_says_so() {
    model(|| {
        let refused = Dispatcher::new().unwrap_err();
        assert!(format!("{refused:#}").contains("a loom model has no dispatcher"), "{refused:#}");

        let builder = || Interrupt::<_, NoWorkItem>::builder(()).isr(|_| Claim::Claimed).source(Software::edge().0);
        let refused = builder().overdue_after(Duration::from_millis(1)).build().unwrap_err();
        assert!(format!("{refused:#}").contains("a loom model has no clock"), "{refused:#}");
        for refused in [
            builder().poll_when_silent(Duration::from_millis(1)).build(),
            builder().polling(Polling::Fixed(Duration::from_millis(1))).build(),
        ] {
            assert!(matches!(refused.unwrap_err().kind(), ErrorKind::NothingToPoll));
        }

        let policy = Policy::new().with_affinity(Affinity::All).with_priority(Priority::High);
        let placed = builder().policy(policy).build().unwrap();
        placed.enable().unwrap();
        let answer = placed.policy_answer();
        assert_eq!(answer.refusals().count(), 3, "{answer:?}");
    });
}
