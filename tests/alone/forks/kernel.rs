//! What parent and child share: devices, lines, descriptors. They are the parent's.

use interrupt_lock::linux::{Gpio, Timer};
use support::LONG;
use support::rigs::GpioKernel;

use super::*;

// Caught: a dispatcher, a device taken by the builder; callbacks of the device that run in the child; a wait for the callback
// lock.
#[test]
fn i20_dispatchers_and_devices_are_the_parents() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let (dispatcher, device) = (Dispatcher::new().unwrap(), Device::builder("nic").on_d0_exit(ran).build());
            let interrupt =
                Interrupt::builder(()).device(&device).isr(|_| Claim::Claimed).on_disable(|_| ran()).build().unwrap();
            let mut power = Some(device.power_up().unwrap());
            let mut dispatchers = Some(dispatcher);
            in_a_child(|| {
                let dispatcher = dispatchers.take().unwrap();
                let built = Interrupt::builder(()).isr(|_| Claim::Claimed).dispatcher(&dispatcher).build();
                assert!(matches!(kind(&built), Some(ErrorKind::Forked)), "{built:?}");
                let built = Interrupt::builder(()).isr(|_| Claim::Claimed).device(&device).build();
                assert!(matches!(kind(&built), Some(ErrorKind::Forked)), "{built:?}");
                assert!(matches!(kind(&device.enter_d0()), Some(ErrorKind::Forked)));
                assert!(matches!(kind(&device.exit_d0()), Some(ErrorKind::Forked)));
                assert!(matches!(kind(&device.reset(ran)), Some(ErrorKind::Forked)));
                assert!(panic_message(|| device.synchronize(ran)).starts_with("nic: it belongs to the process"));
                drop((power.take(), dispatcher));
                assert_eq!(CALLBACKS.load(SeqCst), 0, "a callback ran");
                assert!(!support::has_proc() || fs::read_dir("/proc/self/task").unwrap().count() == 1, "a thread");
            });
            assert_eq!(interrupt.state(), State::Enabled);
            drop(power.take());
            assert_eq!(CALLBACKS.load(SeqCst), 2);
        });
    });
}

// Caught: a member that leaves the parent's line; a guard of the child that serves the parent's interrupts.
#[test]
fn i20_shared_lines_and_shared_locks_are_the_parents() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let (software, line) = Software::level();
            let shared = SharedLine::new(software).unwrap();
            let lock = Arc::new(InterruptLock::new(0_u32));
            let build = || {
                let member = shared.member();
                let line = line.clone();
                let interrupt = Interrupt::builder_sharing(&lock)
                    .isr(move |count| {
                        **count += 1;
                        line.deassert();
                        Claim::Claimed
                    })
                    .source(member)
                    .build()
                    .unwrap();
                interrupt.enable().unwrap();
                interrupt
            };
            let mut both = Some([build(), build()]);
            for round in 0..100 {
                let mut guard = Some(lock.acquire_interrupt_lock());
                line.assert();
                in_a_child(|| {
                    let before = **guard.as_ref().unwrap();
                    drop(guard.take());
                    assert_eq!(*lock.acquire_interrupt_lock(), before, "the release served the parent's interrupt");
                    drop(both.take());
                });
                drop(guard.take());
                until(|| shared.stats().claimed == round + 1);
            }
            assert_eq!(shared.stats().claimed, 100);
        });
    });
}

// Caught: a member that masks the parent's line as the child drops it.
#[test]
fn i20_a_child_writes_nothing_to_a_shared_device() {
    in_a_process_of_its_own(|| {
        // A socket stands for the UIO device: the other end reads what is written to it.
        let (device, mut kernel) = UnixStream::pair().unwrap();
        kernel.set_nonblocking(true).unwrap();
        let mut is_written = || kernel.read(&mut [0; 64]).is_ok();
        let shared = SharedLine::new(Uio::from_fd(device.into()).unwrap()).unwrap();
        let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).source(shared.member()).build().unwrap();
        interrupt.enable().unwrap();
        assert!(is_written());
        let mut all = Some((interrupt, shared));
        in_a_child(|| drop(all.take()));
        assert!(!is_written());
        drop(all.take());
        assert!(is_written());
    });
}

// Caught: a child whose drop unlocks the parent's UIO device.
#[test]
fn i20_a_uio_device_stays_the_parents() {
    in_a_process_of_its_own(|| {
        // A pipe with a name stands for the device: it can be opened twice.
        let path = std::env::temp_dir().join(format!("interrupt-lock-fork-{}", std::process::id()));
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).unwrap();
        let open = || File::options().read(true).write(true).open(&path).unwrap();
        let mut uio = Some(Uio::from_fd(open().into()).unwrap());
        in_a_child(|| drop(uio.take()));
        let second = Uio::from_fd(open().into());
        let refused = format!("{:#}", second.unwrap_err());
        assert!(refused.contains("in use"), "the child has unlocked it: {refused}");
        drop(uio.take());
        std::fs::remove_file(path).unwrap();
    });
}

// Caught: a wake-up that the child writes to the parent's eventfd.
#[test]
fn i20_a_child_wakes_no_thread_of_the_parent() {
    if !support::has_proc() {
        return;
    }
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let (source, edge) = Software::edge();
            let (tell, told) = mpsc::channel();
            let interrupt = Interrupt::builder(0_u64)
                .isr(move |count| {
                    **count += count.assertions();
                    tell.send((ThreadId::here(), fs::canonicalize("/proc/thread-self").unwrap())).unwrap();
                    Claim::Claimed
                })
                .source(source)
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            edge.assert();
            let (dispatcher, its_task) = told.recv().unwrap();
            let times_slept = || {
                dispatcher.wait_until_asleep();
                let status = fs::read_to_string(its_task.join("status")).unwrap();
                let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
                count.trim().parse::<u64>().unwrap()
            };
            let before = times_slept();
            in_a_child(|| (0..100).for_each(|_| edge.assert()));
            assert_eq!(times_slept(), before);
            edge.assert();
            until(|| *interrupt.acquire_interrupt_lock() == 2);
        });
    });
}

// Caught: a member of the child that connects.
#[test]
fn i20_a_child_takes_no_seat_on_the_parents_line() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let (source, device) = Script::descriptor(&Log::new());
            let line = SharedLine::new(source).unwrap();
            let build = || {
                Interrupt::<(), NoWorkItem>::builder(())
                    .isr(|_| Claim::Claimed)
                    .source(line.member())
                    .without_dispatcher()
                    .build()
                    .unwrap()
            };
            let parents = build();
            parents.enable().unwrap();
            device.assert();
            in_a_child(|| {
                let own = build();
                let enabled = own.enable();
                assert!(matches!(kind(&enabled), Some(ErrorKind::Source(_))), "{enabled:?}");
                assert_eq!(own.service(), Delivery::NotServed);
            });
            parents.service();
            assert_eq!(parents.stats().claimed, 1, "the child has taken the assertion");
        });
    });
}

// Caught: a child that stops the parent's timer, or whose drop does; one that gets its parent's edges, or its counts; one that
// reads its lines.
#[test]
fn i20_timers_and_gpio_lines_stay_the_parents() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let (source, timer) = Timer::new().unwrap();
            let (lines, kernel) = GpioKernel::new().unwrap();
            let (mut gpio, lines) = Gpio::from_fd(lines, &[3]).unwrap();
            gpio.connect(std::task::Waker::noop()).unwrap();
            // One more than there is room for, and five are lost.
            kernel.edge(true);
            kernel.lose(5);
            (0..2048).for_each(|_| kernel.edge(true));
            assert_eq!((gpio.take(), lines.lost(), lines.missed()), (Ok(2049), 5, 1));
            timer.once(LONG).unwrap();
            let mut both = Some((source, gpio));
            in_a_child(|| {
                let refused = [timer.once(LONG), timer.every(LONG), timer.stop(), lines.is_active(0).map(drop)];
                assert!(refused.iter().all(|refused| matches!(kind(refused), Some(ErrorKind::Forked))), "{refused:?}");
                assert_eq!((lines.next_event(), lines.lost(), lines.missed()), (None, 0, 0));
                drop(both.take());
            });
            let (source, _gpio) = both.take().unwrap();
            let set = rustix::time::timerfd_gettime(&source).unwrap();
            assert_ne!(set.it_value.tv_sec, 0, "the child has stopped it");
            assert_eq!(lines.next_event().unwrap().number, 7);
        });
    });
}
