//! The simulated device under load, and as its last handle goes.

use super::*;

/// One thread sends requests, another sleeps until it is woken and serves them: every result arrives.
#[test]
fn stress_every_computation_is_served() {
    for message in [false, true] {
        let device = Edu::new();
        let registers = device.registers();
        let mut source = if message { device.message().unwrap() } else { device.line().unwrap() };
        let (wakes, waker) = Wakes::new();
        source.connect(&waker).unwrap();
        registers.write32(STATUS, RAISE_WHEN_DONE);
        let mut seen = 0;
        for n in (0..12).cycle().take(2000) {
            registers.write32(FACTORIAL, n);
            while source.take().unwrap() == 0 {
                seen = wakes.wait_past(seen);
            }
            assert_eq!(registers.read32(INTERRUPT_STATUS), 1);
            assert_eq!(registers.read32(FACTORIAL), (1..=n).product());
            registers.write32(ACKNOWLEDGE, 1);
            source.unmask().unwrap();
        }
    }
}

/// The status and the line change together, whichever threads raise and acknowledge.
#[test]
fn stress_the_line_never_parts_from_the_status() {
    let device = Edu::new();
    let mut line = device.line().unwrap();
    line.connect(Waker::noop()).unwrap();
    for _ in 0..200 {
        thread::scope(|scope| {
            for bit in 0..2 {
                let registers = device.registers();
                scope.spawn(move || {
                    for _ in 0..50 {
                        registers.write32(RAISE, 1 << bit);
                        registers.write32(ACKNOWLEDGE, 1 << bit);
                    }
                });
            }
        });
        assert_eq!(device.registers().read32(INTERRUPT_STATUS), 0);
        line.take().unwrap();
        line.unmask().unwrap();
        assert_eq!(line.take(), Ok(0), "the line is as the status says");
    }
}

#[test]
fn the_last_handle_ends_the_device_at_once() {
    watchdog(|| {
        let device = never_done();
        let registers = device.registers();
        let line = device.line().unwrap();
        registers.write32(FACTORIAL, 3);
        device.play([(Duration::from_secs(1000), Step::Raise(1))]);
        drop((device, line));
        assert_eq!(registers.read32(STATUS), COMPUTING, "the registers keep it");
        drop(registers); // and waits for neither
    });
}

/// The last handle may be dropped on the device's own thread, inside a waker.
#[test]
fn the_last_handle_may_go_on_the_devices_thread() {
    struct Owner {
        device: Mutex<Option<Edu>>,
        wakes: Arc<Wakes>,
    }
    impl Wake for Owner {
        fn wake(self: Arc<Self>) {
            self.device.lock().unwrap().take();
            Waker::from(Arc::clone(&self.wakes)).wake();
        }
    }

    let device = Edu::new();
    let (wakes, _) = Wakes::new();
    let owner = Arc::new(Owner { device: Mutex::default(), wakes: Arc::clone(&wakes) });
    let mut message = device.message().unwrap();
    message.connect(&Arc::clone(&owner).into()).unwrap();
    let mut held = owner.device.lock().unwrap();
    device.play([(Duration::ZERO, Step::Raise(1))]);
    *held = Some(device);
    // The waker waits for `held` or has not begun yet: it has the last handle when this one is gone.
    until(|| message.take().unwrap() != 0);
    drop(message);
    drop(held);
    wakes.wait_past(0);
}
