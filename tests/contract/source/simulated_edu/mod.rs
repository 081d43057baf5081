//! The simulated `edu` device measured against what is documented of the real one.

use std::iter;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use interrupt_lock::simulated::{Edu, EduOptions, EduRegisters, EduSource, Step};
use interrupt_lock::source::Removal;
use interrupt_lock::{ErrorKind, Registers, SourceError, Trigger, source::Source};
use static_assertions::assert_impl_all;
use support::wakes::Wakes;
use support::{LOOK, kind, until, watchdog};

assert_impl_all!(Edu: Clone, Send, Sync);
assert_impl_all!(EduRegisters: Clone, Registers);
assert_impl_all!(EduSource: Source);

/// Under load, and as the last handle goes.
mod stress;

const LIVENESS: usize = 0x04;
const FACTORIAL: usize = 0x08;
const STATUS: usize = 0x20;
const INTERRUPT_STATUS: usize = 0x24;
const RAISE: usize = 0x60;
const ACKNOWLEDGE: usize = 0x64;

const COMPUTING: u32 = 0x01;
const RAISE_WHEN_DONE: u32 = 0x80;

fn never_done() -> Edu {
    Edu::with_options(EduOptions { compute_time: Duration::MAX, ..EduOptions::default() })
}

#[test]
fn identification_and_size() {
    let registers = Edu::new().registers();
    assert_eq!(registers.read32(0x00), 0x0100_00ed);
    assert_eq!(registers.len(), 1024 * 1024);
    registers.write32(0x00, 7);
    assert_eq!(registers.read32(0x00), 0x0100_00ed, "read only");
}

#[test]
fn liveness_reads_back_inverted() {
    let registers = Edu::new().registers();
    assert_eq!(registers.read32(LIVENESS), 0);
    for value in [0, 1, 0xdead_beef, u32::MAX] {
        registers.write32(LIVENESS, value);
        assert_eq!(registers.read32(LIVENESS), !value);
    }
}

#[test]
fn factorials_are_true_modulo_2_to_the_32() {
    let device = Edu::new();
    let registers = device.registers();
    let mut expected = 1_u32;
    for n in 0..40_u32 {
        expected = expected.wrapping_mul(n.max(1));
        registers.write32(FACTORIAL, n);
        until(|| device.wait_idle(LOOK));
        assert_eq!(registers.read32(FACTORIAL), expected, "{n}!");
    }
    for (n, result) in [(10, 3_628_800), (13, 1_932_053_504), (u32::MAX, 0)] {
        registers.write32(FACTORIAL, n);
        until(|| device.wait_idle(LOOK));
        assert_eq!(registers.read32(FACTORIAL), result, "{n}!");
    }
    assert_eq!(registers.read32(INTERRUPT_STATUS), 0, "not asked for");
}

#[test]
fn the_status_tells_a_computation_and_only_bit_7_can_be_written() {
    let device = never_done();
    let registers = device.registers();
    assert_eq!(registers.read32(STATUS), 0);
    registers.write32(STATUS, u32::MAX);
    assert_eq!(registers.read32(STATUS), RAISE_WHEN_DONE);
    registers.write32(FACTORIAL, 4);
    assert_eq!(registers.read32(STATUS), RAISE_WHEN_DONE | COMPUTING);
    registers.write32(STATUS, 0);
    assert_eq!(registers.read32(STATUS), COMPUTING);
    registers.write32(FACTORIAL, 9);
    assert_eq!(registers.read32(FACTORIAL), 4, "ignored while it is computing");
}

#[test]
fn a_computation_takes_its_time() {
    let compute_time = Duration::from_millis(30);
    let device = Edu::with_options(EduOptions { compute_time, ..EduOptions::default() });
    let registers = device.registers();
    let start = Instant::now();
    registers.write32(FACTORIAL, 6);
    until(|| device.wait_idle(LOOK));
    assert!(start.elapsed() >= compute_time);
    assert_eq!(registers.read32(FACTORIAL), 720);
    assert_eq!(registers.read32(STATUS), 0);
}

#[test]
fn a_computation_interrupts_if_asked_even_while_it_runs() {
    for millis in (0..).map(|n| 50 << n) {
        let device =
            Edu::with_options(EduOptions { compute_time: Duration::from_millis(millis), ..EduOptions::default() });
        let registers = device.registers();
        let mut line = device.line().unwrap();
        let (wakes, waker) = Wakes::new();
        line.connect(&waker).unwrap();
        registers.write32(FACTORIAL, 5);
        registers.write32(STATUS, RAISE_WHEN_DONE);
        if registers.read32(STATUS) & COMPUTING == 0 {
            continue; // done before it was asked, on a busy machine
        }
        wakes.wait_past(0);
        assert_eq!(line.take(), Ok(1));
        assert_eq!(registers.read32(INTERRUPT_STATUS), 1);
        assert_eq!(registers.read32(FACTORIAL), 120, "done before it says so");
        assert_eq!(registers.read32(STATUS), RAISE_WHEN_DONE);
        return;
    }
}

#[test]
fn raise_sets_bits_and_acknowledge_clears_them() {
    let registers = Edu::new().registers();
    registers.write32(RAISE, 0x0000_000f);
    registers.write32(RAISE, 0x8000_0000);
    assert_eq!(registers.read32(INTERRUPT_STATUS), 0x8000_000f);
    registers.write32(ACKNOWLEDGE, 0x0000_0003);
    assert_eq!(registers.read32(INTERRUPT_STATUS), 0x8000_000c);
    registers.write32(INTERRUPT_STATUS, 0);
    assert_eq!(registers.read32(INTERRUPT_STATUS), 0x8000_000c, "read only");
}

#[test]
fn the_line_is_asserted_until_all_bits_are_acknowledged() {
    let device = Edu::new();
    let registers = device.registers();
    let mut line = device.line().unwrap();
    let (wakes, waker) = Wakes::new();
    line.connect(&waker).unwrap();

    registers.write32(RAISE, 0);
    assert_eq!(line.take(), Ok(0), "raising nothing is nothing");
    registers.write32(RAISE, 0b01);
    registers.write32(RAISE, 0b10);
    assert_eq!((wakes.count(), line.take()), (1, Ok(1)), "it is one level");
    registers.write32(ACKNOWLEDGE, 0b01);
    line.unmask().unwrap();
    assert_eq!(line.take(), Ok(1), "a bit is left");
    registers.write32(ACKNOWLEDGE, 0b10);
    line.unmask().unwrap();
    assert_eq!(line.take(), Ok(0));
}

#[test]
fn a_message_is_sent_for_each_raise() {
    let device = Edu::new();
    let registers = device.registers();
    let mut message = device.message().unwrap();
    message.connect(Waker::noop()).unwrap();

    registers.write32(RAISE, 0);
    assert_eq!(message.take(), Ok(0));
    registers.write32(RAISE, 1);
    registers.write32(RAISE, 1);
    assert_eq!(message.take(), Ok(2), "the bit was set already");
    registers.write32(RAISE, 0);
    assert_eq!(message.take(), Ok(1), "the status isn't 0");
    registers.write32(ACKNOWLEDGE, 1);
    message.unmask().unwrap();
    assert_eq!(message.take(), Ok(0), "an acknowledge sends nothing");

    registers.write32(STATUS, RAISE_WHEN_DONE);
    registers.write32(FACTORIAL, 3);
    until(|| device.wait_idle(LOOK));
    assert_eq!(message.take(), Ok(1));
}

#[test]
fn other_widths_and_other_offsets() {
    let registers = Edu::new().registers();
    registers.write32(LIVENESS, 0x1234_5678);
    assert_eq!(registers.read8(0x00), 0);
    assert_eq!(registers.read16(LIVENESS), 0);
    assert_eq!(registers.read64(0x00), u64::MAX);
    registers.write8(LIVENESS, 0);
    registers.write16(LIVENESS, 0);
    registers.write64(FACTORIAL, 5);
    registers.write64(RAISE, 1);
    assert_eq!(registers.read32(LIVENESS), !0x1234_5678);
    assert_eq!(registers.read32(FACTORIAL), 0);
    assert_eq!(registers.read32(INTERRUPT_STATUS), 0);

    for offset in [0x0c, RAISE, ACKNOWLEDGE, 0x84, 0xa0, 0x4_0000, 0xf_fffc] {
        assert_eq!(registers.read32(offset), u32::MAX, "{offset:#x}");
    }
    assert_eq!(registers.read64(0xf_fff8), u64::MAX);
    for dma in [0x80, 0x88, 0x90, 0x98] {
        registers.write32(dma, 1);
        registers.write64(dma, 1);
        assert_eq!((registers.read32(dma), registers.read64(dma)), (0, 0));
    }
}

#[test]
fn a_wrong_offset_panics_as_an_index_would() {
    fn panics(access: impl FnOnce(EduRegisters)) -> bool {
        let registers = Edu::new().registers();
        catch_unwind(std::panic::AssertUnwindSafe(|| access(registers))).is_err()
    }
    assert!(panics(|registers| _ = registers.read32(1 << 20)));
    assert!(panics(|registers| _ = registers.read32(2)));
    assert!(panics(|registers| _ = registers.read16(usize::MAX)));
    assert!(panics(|registers| _ = registers.read64(4)));
    assert!(panics(|registers| registers.write8(1 << 20, 0)));
    assert!(panics(|registers| registers.write16(1, 0)));
    assert!(panics(|registers| registers.write32(usize::MAX - 3, 0)));
    assert!(panics(|registers| registers.write64(0xf_fffc, 0)));
    assert!(!panics(|registers| _ = registers.read8(0xf_ffff)));
}

#[test]
fn line_and_message_exclude_each_other() {
    let device = Edu::new();
    let line = device.line().unwrap();
    assert_eq!(line.info().trigger, Some(Trigger::Level));
    for refused in [device.line(), device.message()] {
        assert!(matches!(kind(&refused), Some(ErrorKind::Open(SourceError::Refused(_)))));
    }
    drop(line);
    let message = device.message().unwrap();
    assert_eq!(message.info().message_signaled, Some(true));
    assert!(device.line().is_err());
    drop(message);

    device.perform(Step::Raise(1));
    let mut line = device.line().unwrap();
    line.connect(Waker::noop()).unwrap();
    assert_eq!(line.take(), Ok(1), "it was asserted when it was taken");
}

#[test]
fn a_script_plays_in_its_time() {
    let device = Edu::new();
    let mut message = device.message().unwrap();
    message.connect(Waker::noop()).unwrap();
    let spacing = Duration::from_millis(2);
    let start = Instant::now();
    device.play(iter::repeat_n((spacing, Step::Raise(1)), 10));
    device.play([(spacing, Step::Raise(2))]); // after the first script
    until(|| device.wait_idle(LOOK));
    assert!(start.elapsed() >= spacing * 11);
    assert_eq!(message.take(), Ok(11));
    assert_eq!(device.registers().read32(INTERRUPT_STATUS), 0b11);
}

#[test]
fn a_script_and_a_computation_go_on_together() {
    let device = never_done();
    device.registers().write32(FACTORIAL, 3);
    let mut message = device.message().unwrap();
    let (wakes, waker) = Wakes::new();
    message.connect(&waker).unwrap();
    device.play([(Duration::ZERO, Step::Raise(1))]);
    wakes.wait_past(0);
    assert_eq!(message.take(), Ok(1));
    assert_eq!(device.registers().read32(STATUS), COMPUTING);
}

#[test]
fn a_stuck_line_storms_whatever_is_acknowledged() {
    let device = Edu::new();
    let registers = device.registers();
    let mut line = device.line().unwrap();
    line.connect(Waker::noop()).unwrap();
    device.perform(Step::Stuck(true));
    for _ in 0..1000 {
        assert_eq!(line.take(), Ok(1));
        assert_eq!(registers.read32(INTERRUPT_STATUS), 0, "unclaimed");
        registers.write32(ACKNOWLEDGE, u32::MAX);
        line.unmask().unwrap();
    }
    assert_eq!(line.take(), Ok(1));
    device.perform(Step::Stuck(false));
    line.unmask().unwrap();
    assert_eq!(line.take(), Ok(0));
}

#[test]
fn a_silent_device_sets_its_status_and_says_nothing() {
    let device = Edu::new();
    let registers = device.registers();
    device.perform(Step::Silent(true));

    let mut message = device.message().unwrap();
    message.connect(Waker::noop()).unwrap();
    registers.write32(RAISE, 1);
    assert_eq!(registers.read32(INTERRUPT_STATUS), 1);
    assert_eq!(message.take(), Ok(0));
    drop(message);

    let mut line = device.line().unwrap();
    line.connect(Waker::noop()).unwrap();
    registers.write32(RAISE, 2);
    assert_eq!(line.take(), Ok(0));
    device.perform(Step::Silent(false));
    assert_eq!(line.take(), Ok(1), "the status is still set");
}

#[test]
fn a_surprise_removal_ends_everything() {
    let device = never_done();
    let registers = device.registers();
    let mut line = device.line().unwrap();
    let (wakes, waker) = Wakes::new();
    line.connect(&waker).unwrap();
    registers.write32(FACTORIAL, 3);
    device.play([(Duration::from_secs(1000), Step::Raise(1))]);
    device.perform(Step::Remove(Removal::Surprise));

    assert_eq!(wakes.count(), 1);
    assert!(device.wait_idle(Duration::ZERO));
    assert_eq!(line.take(), Err(SourceError::Removed));
    assert_eq!(line.removal(), Some(Removal::Surprise));
    registers.write32(LIVENESS, 0);
    registers.write32(RAISE, 1);
    assert_eq!(registers.read32_live(INTERRUPT_STATUS), None);
    assert_eq!(registers.read8(LIVENESS), u8::MAX);
    assert_eq!(registers.read16(LIVENESS), u16::MAX);
    assert_eq!(registers.read64(0x80), u64::MAX);
    device.perform(Step::Raise(1));
    device.play([(Duration::ZERO, Step::Raise(1))]);
    assert!(device.wait_idle(Duration::ZERO));
    drop(line);
    assert!(matches!(kind(&device.line()), Some(ErrorKind::Open(SourceError::Removed))));
}

#[test]
fn a_removal_can_be_requested_before_and_after_the_line_is_taken() {
    let device = Edu::new();
    let mut line = device.line().unwrap();
    let (wakes, waker) = Wakes::new();
    line.connect(&waker).unwrap();
    device.perform(Step::Remove(Removal::Requested));
    assert_eq!(wakes.count(), 1);
    assert_eq!(line.removal(), Some(Removal::Requested));
    assert_eq!(line.take(), Ok(0));
    assert_eq!(device.registers().read32(0x00), 0x0100_00ed, "still there");
    drop(line);
    let mut message = device.message().unwrap();
    assert_eq!(message.removal(), Some(Removal::Requested));
}

/// A waker may use the device: none of the device's locks is held as it runs, on whichever thread the device
/// interrupts.
#[test]
fn a_waker_may_serve_at_once() {
    struct Server {
        registers: EduRegisters,
        line: OnceLock<Mutex<EduSource>>,
        results: Mutex<Vec<u32>>,
    }
    impl Wake for Server {
        fn wake(self: Arc<Self>) {
            let mut line = self.line.get().unwrap().lock().unwrap();
            if line.take().unwrap() == 0 {
                return;
            }
            let status = self.registers.read32(INTERRUPT_STATUS);
            self.registers.write32(ACKNOWLEDGE, status);
            self.results.lock().unwrap().push(self.registers.read32(FACTORIAL));
            line.unmask().unwrap();
        }
    }

    let device = Edu::new();
    let registers = device.registers();
    registers.write32(STATUS, RAISE_WHEN_DONE);
    let mut line = device.line().unwrap();
    let server = Arc::new(Server { registers: device.registers(), line: OnceLock::new(), results: Mutex::default() });
    line.connect(&Arc::clone(&server).into()).unwrap();
    server.line.set(Mutex::new(line)).unwrap();
    for n in 0..100 {
        registers.write32(FACTORIAL, n % 6);
        until(|| device.wait_idle(LOOK));
    }
    registers.write32(RAISE, 0x10); // on this thread
    let results = server.results.lock().unwrap();
    assert_eq!(results.len(), 101);
    assert_eq!(results[..6], [1, 1, 2, 6, 24, 120]);
    server.line.get().unwrap().lock().unwrap().disconnect().ok();
}

#[test]
fn idle_means_that_the_waker_has_returned() {
    struct Slow {
        begun: Arc<Wakes>,
        returned: AtomicBool,
    }
    impl Wake for Slow {
        fn wake(self: Arc<Self>) {
            Waker::from(Arc::clone(&self.begun)).wake();
            thread::sleep(Duration::from_millis(50));
            self.returned.store(true, Ordering::Relaxed);
        }
    }

    let device = Edu::new();
    let mut message = device.message().unwrap();
    let (begun, _) = Wakes::new();
    let slow = Arc::new(Slow { begun: Arc::clone(&begun), returned: AtomicBool::new(false) });
    message.connect(&Arc::clone(&slow).into()).unwrap();
    device.play([(Duration::ZERO, Step::Raise(1))]);
    begun.wait_past(0);
    until(|| device.wait_idle(LOOK));
    assert!(slow.returned.load(Ordering::Relaxed));
}
