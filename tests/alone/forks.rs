//! Forked children. In a process of its own, because a fork copies all of it.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Weak, mpsc};
use std::task::Waker;
use std::thread;
use std::time::Duration;

use interrupt_lock::linux::{Eventfd, EventfdSignaller, Uio};
use interrupt_lock::simulated::Edu;
use interrupt_lock::source::{EdgeHandle, Ready, Removal, SharedLine, Software, Source};
use interrupt_lock::{
    Affinity, Claim, Deferral, Delivery, Device, Dispatcher, ErrorKind, Info, Interrupt, InterruptLock, NoWorkItem,
    Polling, Queued, RawPiLock, Refusal, Registers, SourceError, State, Transition, Trigger, WithWorkItem,
};
use lock_api::Mutex;
use support::alone::in_a_process_of_its_own;
use support::forks::{in_a_child, wait_for};
use support::{Gate, ThreadId, asleep, kind, panic_message, until, watchdog};

/// How often callbacks have run, and the source was called, in this process. A child begins with the parent's count, and must not change it.
static CALLBACKS: AtomicUsize = AtomicUsize::new(0);

fn ran() {
    CALLBACKS.fetch_add(1, SeqCst);
}

/// The assertions that the parent has to serve beside.
const ASSERTIONS: u64 = 10_000;

/// What serves the interrupt: a dispatcher of its own, one that it could share, or the driver's own loop.
#[derive(Clone, Copy, Debug)]
enum Served {
    Alone,
    Shared,
    OwnLoop,
}

/// An eventfd that counts its calls.
struct Counted(Eventfd);

impl Source for Counted {
    fn info(&self) -> Info {
        ran();
        self.0.info()
    }

    fn ready(&mut self) -> Ready<'_> {
        ran();
        self.0.ready()
    }

    fn connect(&mut self, waker: &Waker) -> Result<(), SourceError> {
        ran();
        self.0.connect(waker)
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        ran();
        self.0.disconnect()
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        ran();
        self.0.take()
    }

    fn unmask(&mut self) -> Result<(), SourceError> {
        ran();
        self.0.unmask()
    }

    fn removal(&mut self) -> Option<Removal> {
        ran();
        self.0.removal()
    }
}

struct Nic {
    interrupt: Interrupt<u64, WithWorkItem>,
    device: EventfdSignaller,
    /// While it is shut, the work item runs.
    gate: Gate,
    /// What its ISR owns.
    owned: Weak<()>,
    /// What its work item owns.
    owned_by_work: Weak<()>,
}

impl Nic {
    fn new(served: Served) -> Self {
        let eventfd = Eventfd::new().unwrap();
        let (device, gate) = (eventfd.signaller(), Gate::new());
        let (its_gate, owned, owned_by_work) = (gate.clone(), Arc::new(()), Arc::new(()));
        let ours = [&owned, &owned_by_work].map(Arc::downgrade);
        let builder = Interrupt::builder(0)
            .name("nic")
            .isr(move |count| {
                let _owned = &owned;
                ran();
                **count += count.assertions();
                Claim::Claimed
            })
            .work_item(move |_| {
                let _owned = &owned_by_work;
                ran();
                its_gate.wait();
            })
            .on_enable(|_| ran())
            .on_disable(|_| ran())
            .source(Counted(eventfd));
        let interrupt = match served {
            Served::Alone => builder.build(),
            Served::Shared => builder.dispatcher(&Dispatcher::new().unwrap()).build(),
            Served::OwnLoop => builder.without_dispatcher().build(),
        };
        let [owned, owned_by_work] = ours;
        Self { interrupt: interrupt.unwrap(), device, gate, owned, owned_by_work }
    }
}

/// What a child tries with an interrupt of its parent. Each answers at once, and no callback runs.
fn try_everything(interrupt: &Interrupt<u64, WithWorkItem>, lock_is_free: bool) {
    let before = CALLBACKS.load(SeqCst);
    let forked = |error: Option<&ErrorKind>| assert!(matches!(error, Some(ErrorKind::Forked)), "{error:?}");
    assert_eq!(interrupt.state(), State::Ended);
    forked(kind(&interrupt.check()));
    forked(kind(&interrupt.enable()));
    forked(kind(&interrupt.disable()));
    forked(kind(&interrupt.report_inactive()));
    forked(kind(&interrupt.report_active()));
    forked(kind(&interrupt.clear_fault()));
    forked(kind(&interrupt.move_to(Affinity::All)));
    forked(kind(&interrupt.claims()));
    forked(kind(&interrupt.descriptor()));
    forked(kind(&interrupt.removal_descriptor()));
    forked(kind(&interrupt.run_or_defer(|_| ran())));
    assert_eq!(interrupt.queue_work_item(), Queued::Refused(Refusal::Ended));
    assert!(!interrupt.run_work_item());
    assert_eq!(interrupt.service(), Delivery::NotServed);
    if lock_is_free {
        *interrupt.acquire_interrupt_lock() += 1;
        interrupt.synchronize(|count| *count += 1);
        assert!(interrupt.try_acquire_interrupt_lock().is_some());
        interrupt.unmask();
        interrupt.service_removal();
    } else {
        forked(kind(&interrupt.try_acquire_interrupt_lock_for(Duration::from_secs(3600))));
        assert!(interrupt.try_acquire_interrupt_lock().is_none());
        let said = panic_message(|| drop(interrupt.acquire_interrupt_lock()));
        assert!(said.starts_with("nic: it belongs to the process from which this one was forked"), "{said}");
    }
    assert_eq!(CALLBACKS.load(SeqCst), before, "a callback ran");
}

/// As `try_everything`, in a grandchild too; and the handle is dropped in each.
fn try_everything_and_drop(nic: &mut Option<Nic>) {
    let try_and_drop = |nic: &mut Option<Nic>| {
        let before = CALLBACKS.load(SeqCst);
        let interrupt = &nic.as_ref().unwrap().interrupt;
        // A thread of the parent may have been inside the lock at the fork. Then the child says so.
        let is_free = interrupt.try_acquire_interrupt_lock().is_some();
        try_everything(interrupt, is_free);
        let owned = nic.as_ref().unwrap().owned.clone();
        drop(nic.take());
        assert_eq!(CALLBACKS.load(SeqCst), before, "a callback ran in the drop");
        assert_eq!(owned.upgrade().is_none(), is_free, "what the ISR owns");
    };
    in_a_child(|| try_and_drop(nic));
    try_and_drop(nic);
    // A child may become another program.
    assert!(std::process::Command::new("true").status().unwrap().success());
}

/// Signals beside `forks`, and checks that the parent serves every signal.
fn all_are_served(nic: &mut Option<Nic>, served: Served, forks: impl FnOnce(&mut Option<Nic>)) {
    let device = nic.as_ref().unwrap().device.clone();
    let signals = thread::spawn(move || {
        for n in 0..ASSERTIONS {
            device.signal();
            if n % 64 == 0 {
                thread::yield_now();
            }
        }
    });
    forks(nic);
    signals.join().unwrap();
    let Nic { interrupt, gate, .. } = nic.as_ref().unwrap();
    until(|| {
        if matches!(served, Served::OwnLoop) {
            interrupt.service();
        }
        *interrupt.acquire_interrupt_lock() == ASSERTIONS
    });
    assert_eq!(interrupt.stats().stale, 0);
    gate.open();
    while interrupt.run_work_item() {}
    assert_eq!(interrupt.disable().unwrap(), Transition::Done);
}

/// Runs `test` for each way in which an interrupt is served.
fn for_each_way(test: fn(&mut Option<Nic>, Served)) {
    watchdog(move || {
        for served in [Served::Alone, Served::Shared, Served::OwnLoop] {
            test(&mut Some(Nic::new(served)), served);
        }
    });
}

// Caught: an enable, a delivery, a queueing, a run of the work item in the child; a registration with the parent's epoll
// instance that the drop takes out; a drop that waits for threads that the child does not have, or runs the disable callback.
#[test]
fn i20_a_child_can_do_nothing_with_an_enabled_interrupt() {
    in_a_process_of_its_own(|| {
        for_each_way(|nic, served| {
            nic.as_ref().unwrap().interrupt.enable().unwrap();
            // In a loop of the driver's own, a run is queued at each fork.
            assert_eq!(nic.as_ref().unwrap().interrupt.queue_work_item(), Queued::New);
            nic.as_ref().unwrap().gate.open();
            all_are_served(nic, served, |nic| (0..10).for_each(|_| in_a_child(|| try_everything_and_drop(nic))));
        });
    });
}

// Caught: an enable in the child whose dispatcher is not there.
#[test]
fn i20_a_child_can_do_nothing_before_the_first_enable_either() {
    in_a_process_of_its_own(|| {
        for_each_way(|nic, served| {
            in_a_child(|| try_everything_and_drop(nic));
            nic.as_ref().unwrap().interrupt.enable().unwrap();
            all_are_served(nic, served, |_| ());
        });
    });
}

// Caught: a release in the child that delivers what the parent's dispatcher has left; one that runs a deferred closure; a
// drop inside the section whose end never comes, or comes while the section lasts.
#[test]
fn i20_a_thread_may_fork_in_the_middle_of_a_section() {
    in_a_process_of_its_own(|| {
        for_each_way(|nic, served| {
            let object = nic.as_ref().unwrap().interrupt.object().clone();
            object.enable().unwrap();
            let mut guard = Some(object.acquire_interrupt_lock());
            // A delivery and a closure are left to this thread.
            let deferred = object.run_or_defer(|_| ran()).unwrap();
            assert_eq!(deferred, Deferral::Deferred);
            all_are_served(nic, served, |nic| {
                if !matches!(served, Served::Alone) {
                    assert_eq!(object.service(), Delivery::Pending);
                }
                for drops_inside in [false, true] {
                    in_a_child(|| {
                        let before = CALLBACKS.load(SeqCst);
                        assert_eq!(object.service(), Delivery::NotServed);
                        let said = panic_message(|| drop(object.acquire_interrupt_lock()));
                        assert!(said.contains("already holds the interrupt lock"), "{said}");
                        let owned = nic.as_ref().unwrap().owned.clone();
                        if drops_inside {
                            drop(nic.take());
                        }
                        drop(guard.take());
                        if let Some(nic) = &nic {
                            try_everything(&nic.interrupt, true);
                        }
                        drop(nic.take());
                        assert_eq!(CALLBACKS.load(SeqCst), before, "a callback ran");
                        assert!(owned.upgrade().is_none(), "what the ISR owns");
                    });
                }
                drop(guard.take());
            });
            assert!(CALLBACKS.load(SeqCst) > 0);
        });
    });
}

// Caught: a drop that waits for the work item, or frees it while it runs.
#[test]
fn i20_a_fork_beside_a_busy_worker() {
    in_a_process_of_its_own(|| {
        for_each_way(|nic, served| {
            let object = nic.as_ref().unwrap().interrupt.object().clone();
            object.enable().unwrap();
            assert_eq!(object.queue_work_item(), Queued::New);
            let runs = thread::spawn({
                let object = object.clone();
                move || while matches!(served, Served::OwnLoop) && object.run_work_item() {}
            });
            until(|| object.stats().work_run == 1);
            let owned = nic.as_ref().unwrap().owned_by_work.clone();
            all_are_served(nic, served, |nic| {
                in_a_child(|| {
                    try_everything_and_drop(nic);
                    assert!(owned.upgrade().is_some(), "the run that was under way uses it, in the parent");
                });
            });
            runs.join().unwrap();
        });
    });
}

// Caught: a wait for a lock, or for a transition, that a thread of the parent has for ever.
#[test]
fn i20_what_another_thread_was_inside_of_is_refused() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let (entered, leave) = (Gate::new(), Gate::new());
            let (its_entered, its_leave) = (entered.clone(), leave.clone());
            let interrupt = Interrupt::builder(0)
                .name("nic")
                .isr(|_| Claim::Claimed)
                .work_item(|_| ())
                .on_enable(move |_| {
                    its_entered.open();
                    its_leave.wait();
                })
                .source(Software::edge().0)
                .build()
                .unwrap();
            thread::scope(|scope| {
                scope.spawn(|| interrupt.enable().unwrap());
                entered.wait();
                in_a_child(|| try_everything(&interrupt, false));
                leave.open();
            });
            interrupt.enable().unwrap();
        });
    });
}

// Caught: a thread of the parent's dispatcher that goes on to serve in the child that its ISR, or its work item, has forked.
#[test]
fn i20_a_callback_may_fork() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let fork_once = |children: &mpsc::Sender<i32>, forked: &mut bool| {
                if !core::mem::replace(forked, true) {
                    // SAFETY: the child returns from the callback, and has nothing else to do.
                    match unsafe { libc::fork() } {
                        0 => {}
                        child => children.send(child).unwrap(),
                    }
                }
            };
            let (children, forked) = mpsc::channel();
            let theirs = children.clone();
            let eventfd = Eventfd::new().unwrap();
            let device = eventfd.signaller();
            let (mut isr_forked, mut work_forked) = (false, false);
            let interrupt = Interrupt::builder(0_u64)
                .isr(move |count| {
                    **count += count.assertions();
                    fork_once(&children, &mut isr_forked);
                    count.queue_work_item();
                    Claim::Claimed
                })
                .work_item(move |_| fork_once(&theirs, &mut work_forked))
                .source(eventfd)
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            device.signal();
            // The thread that the child consists of ends, and so does the child.
            let ended: Vec<i32> = (0..2).map(|_| wait_for(forked.recv().unwrap())).collect();
            assert_eq!(ended, [0, 0]);
            (1..ASSERTIONS).for_each(|_| device.signal());
            until(|| *interrupt.acquire_interrupt_lock() == ASSERTIONS);
        });
    });
}

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

// Caught: a child that takes its thread for the parent's: it never gets the lock, or waits for the parent.
#[test]
fn i20_a_lock_with_inheritance_knows_its_owner_after_a_fork() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let lock = Mutex::<RawPiLock, u32>::new(0);
            drop(lock.lock());
            in_a_child(|| {
                *lock.lock() += 1;
                thread::scope(|scope| scope.spawn(|| *lock.lock() += 1).join()).unwrap();
            });
            let mut guard = Some(lock.lock());
            in_a_child(|| {
                drop(guard.take());
                *lock.lock() += 1;
            });
            let (entered, leave) = (Gate::new(), Gate::new());
            drop(guard);
            thread::scope(|scope| {
                scope.spawn(|| {
                    let _guard = lock.lock();
                    entered.open();
                    leave.wait();
                });
                entered.wait();
                in_a_child(|| {
                    let said = panic_message(|| drop(lock.lock()));
                    assert!(said.contains("is in the process from which this one was forked"), "{said}");
                });
                leave.open();
            });
        });
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

// Caught: a watchdog, or a register of waits, that the child takes over from the parent.
#[test]
fn i20_what_a_child_builds_itself_works() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let build = || {
                let (nic, gate) = (Software::edge(), Gate::new());
                let its_gate = gate.clone();
                let interrupt = Interrupt::builder(0_u64)
                    .isr(|count| {
                        **count += count.assertions();
                        Claim::Claimed
                    })
                    .work_item(move |_| its_gate.wait())
                    .overdue_after(Duration::from_millis(5))
                    .source(nic.0)
                    .build()
                    .unwrap();
                (interrupt, nic.1, gate)
            };
            let serve = |(interrupt, edge, gate): &(Interrupt<u64, WithWorkItem>, EdgeHandle, Gate)| {
                interrupt.enable().unwrap();
                thread::scope(|scope| {
                    scope.spawn(|| (0..ASSERTIONS).for_each(|_| edge.assert()));
                    until(|| *interrupt.acquire_interrupt_lock() == ASSERTIONS);
                });
                interrupt.queue_work_item();
                until(|| interrupt.stats().overdue == 1);
                gate.open();
                interrupt.disable().unwrap();
            };
            let (parents, lock) = (build(), Arc::new(InterruptLock::new(())));
            serve(&parents);
            // A thread of the parent waits at the fork.
            let guard = lock.acquire_interrupt_lock();
            let its_lock = lock.clone();
            let waits = asleep("waits", move || drop(its_lock.acquire_interrupt_lock()));
            in_a_child(|| serve(&build()));
            drop(guard);
            waits.join().unwrap();
        });
    });
}

/// A level line behind an eventfd.
struct Line(Eventfd);

impl Source for Line {
    fn info(&self) -> Info {
        Info::new().with_trigger(Trigger::Level)
    }
    fn ready(&mut self) -> Ready<'_> {
        self.0.ready()
    }
    fn connect(&mut self, waker: &Waker) -> Result<(), SourceError> {
        self.0.connect(waker)
    }
    fn disconnect(&mut self) -> Result<(), SourceError> {
        self.0.disconnect()
    }
    fn take(&mut self) -> Result<u64, SourceError> {
        self.0.take()
    }
}

// Caught: a run of a serialized work item that waits before it is refused.
#[test]
fn i20_a_child_waits_for_no_callback_lock() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let device = Device::builder("nic").build();
            let interrupt = Interrupt::builder(())
                .isr(|_| Claim::Claimed)
                .work_item(|_| ())
                .device(&device)
                .automatic_serialization()
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            let _ = interrupt.queue_work_item();
            let (entered, leave) = (Gate::new(), Gate::new());
            thread::scope(|scope| {
                scope.spawn(|| {
                    device.synchronize(|| {
                        entered.open();
                        leave.wait();
                    });
                });
                entered.wait();
                let child = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    in_a_child(|| {
                        assert!(!interrupt.run_work_item());
                    });
                }));
                leave.open();
                assert!(child.is_ok(), "it waits for a callback lock that a thread of the parent has");
            });
        });
    });
}

// Caught: a run that panics.
#[test]
fn i20_a_child_runs_no_work_item_with_the_callback_lock_held() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let device = Device::builder("nic").build();
            let interrupt = Interrupt::builder(())
                .isr(|_| Claim::Claimed)
                .work_item(|_| ())
                .device(&device)
                .automatic_serialization()
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            let _ = interrupt.queue_work_item();
            device.synchronize(|| in_a_child(|| assert!(!interrupt.run_work_item())));
        });
    });
}

// Caught: a drop that waits for a lock of the source.
#[test]
fn i20_a_child_drops_a_software_source_that_others_assert() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let (source, edge) = Software::edge();
            let mut interrupt = Some(
                Interrupt::<u64, NoWorkItem>::builder(0)
                    .isr(|count| {
                        **count += count.assertions();
                        Claim::Claimed
                    })
                    .source(source)
                    .build()
                    .unwrap(),
            );
            interrupt.as_ref().unwrap().enable().unwrap();
            let stop = AtomicBool::new(false);
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        while !stop.load(SeqCst) {
                            edge.assert();
                        }
                    });
                }
                let child = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    for _ in 0..300 {
                        in_a_child(|| {
                            drop(interrupt.take());
                        });
                    }
                }));
                stop.store(true, SeqCst);
                if let Err(why) = child {
                    panic!("{}", support::panic_text(&*why));
                }
            });
        });
    });
}

// Caught: a drop that waits for the watchdog.
#[test]
fn i20_a_child_drops_one_of_many_that_are_watched() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let watched = || {
                Interrupt::<u64, NoWorkItem>::builder(0)
                    .isr(|_| Claim::Claimed)
                    .overdue_after(Duration::from_nanos(1))
                    .build()
                    .unwrap()
            };
            let all: Vec<_> = (0..500).map(|_| watched()).collect();
            let mut one = Some(watched());
            for _ in 0..300 {
                in_a_child(|| {
                    drop(one.take());
                });
            }
            drop(all);
        });
    });
}

// Caught: a drop that waits for a lock of the device.
#[test]
fn i20_a_child_drops_a_simulated_device_in_use() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let edu = Edu::new();
            let registers = edu.registers();
            let mut interrupt = Some(
                Interrupt::<u64, NoWorkItem>::builder(0)
                    .isr(|_| Claim::Claimed)
                    .source(edu.message().unwrap())
                    .build()
                    .unwrap(),
            );
            interrupt.as_ref().unwrap().enable().unwrap();
            let stop = AtomicBool::new(false);
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        while !stop.load(SeqCst) {
                            let _ = registers.read32(0x24);
                        }
                    });
                }
                let child = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    for _ in 0..300 {
                        in_a_child(|| {
                            drop(interrupt.take());
                        });
                    }
                }));
                stop.store(true, SeqCst);
                if let Err(why) = child {
                    panic!("{}", support::panic_text(&*why));
                }
            });
        });
    });
}

// Caught: an interrupt with a lock that a thread of the parent has for ever.
#[test]
fn i20_a_child_builds_nothing_on_a_lock_that_is_shared_with_the_parents() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let lock = Arc::new(InterruptLock::new(0_u64));
            let build = || Interrupt::<_, NoWorkItem>::builder_sharing(&lock).isr(|_| Claim::Claimed).build();
            let _parents = build().unwrap();
            let (entered, leave) = (Gate::new(), Gate::new());
            thread::scope(|scope| {
                scope.spawn(|| {
                    let _guard = lock.acquire_interrupt_lock();
                    entered.open();
                    leave.wait();
                });
                entered.wait();
                let child = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    in_a_child(|| {
                        let built = build();
                        assert!(matches!(kind(&built), Some(ErrorKind::Forked)), "{built:?}");
                    });
                }));
                leave.open();
                assert!(child.is_ok(), "it waits for ever");
            });
        });
    });
}

// Caught: a report, or a queued run, of the parent.
#[test]
fn i20_nothing_is_overdue_or_queued_in_a_child() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let (entered, leave) = (Gate::new(), Gate::new());
            let (its_entered, its_leave) = (entered.clone(), leave.clone());
            let interrupt = Interrupt::builder(())
                .isr(|_| Claim::Claimed)
                .work_item(move |_| {
                    its_entered.open();
                    its_leave.wait();
                })
                .source(Eventfd::new().unwrap())
                .overdue_after(Duration::from_millis(2))
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            let _ = interrupt.queue_work_item();
            entered.wait();
            until(|| interrupt.overdue().is_some());
            let _ = interrupt.queue_work_item();
            let child = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                in_a_child(|| {
                    assert_eq!(
                        (interrupt.overdue(), interrupt.is_work_item_queued()),
                        (None, false),
                        "in a child it has ended"
                    );
                });
            }));
            leave.open();
            if let Err(why) = child {
                panic!("{}", support::panic_text(&*why));
            }
        });
    });
}

// Caught: a member of the child that connects.
#[test]
fn i20_a_child_takes_no_seat_on_the_parents_line() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let eventfd = Eventfd::new().unwrap();
            let device = eventfd.signaller();
            let line = SharedLine::new(Line(eventfd)).unwrap();
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
            device.signal();
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

// Caught: a drop of a listener that waits for a lock of the interrupt.
#[test]
fn i20_a_child_drops_everything_at_once() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let eventfd = Eventfd::new().unwrap();
            let signaller = eventfd.signaller();
            let nic = Device::builder("nic").on_d0_exit(|| ()).build();
            let mut interrupt = Some(
                Interrupt::builder(0_u64)
                    .isr(|count| {
                        **count += count.assertions();
                        count.queue_work_item();
                        Claim::Claimed
                    })
                    .work_item(|_| ())
                    .device(&nic)
                    .wake_capable()
                    .timed()
                    .poll_when_silent(Duration::from_secs(3600))
                    .polling(Polling::Fixed(Duration::from_millis(1)))
                    .source(eventfd)
                    .build()
                    .unwrap(),
            );
            let mut power = Some(nic.power_up().unwrap());
            let mut claims = Some(interrupt.as_ref().unwrap().claims().unwrap());
            thread::scope(|scope| {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        signaller.signal();
                        thread::yield_now();
                    }
                });
                for n in 0..200 {
                    in_a_child(|| match n % 3 {
                        0 => drop((interrupt.take(), power.take(), claims.take())),
                        1 => drop((power.take(), claims.take(), interrupt.take())),
                        _ => drop((claims.take(), interrupt.take(), power.take())),
                    });
                }
            });
            let interrupt = interrupt.as_ref().unwrap();
            until(|| {
                let counted = *interrupt.acquire_interrupt_lock();
                counted >= 10_000
            });
            core::mem::forget(power);
        });
    });
}
