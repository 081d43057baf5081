//! Rules I13 and A4: a removal ends every wait for the device, whatever the interrupt is in the middle of.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use interrupt_lock::source::{LevelHandle, Removal, SharedLine, Software, Source};
use interrupt_lock::{
    Claim, Device, Error, ErrorKind, Interrupt, InterruptLock, State, Transition, WithWorkItem, WorkItemContext,
};
use support::log::Log;
use support::script::{Script, ScriptHandle};
use support::{Gate, asleep, kind, until, watchdog};

use crate::claims::block_on;

/// An interrupt, what takes its device away, and an async task that waits for claims until an error ends its wait.
struct Rig {
    log: Log,
    device: ScriptHandle,
    how: Removal,
    interrupt: Interrupt<(), WithWorkItem>,
    listener: JoinHandle<Error>,
    /// Opened as the listener's wait ends.
    told: Gate,
}

/// Runs `test` for a surprise and for a request, of a source with descriptors and of one that wakes a waker.
fn each(test: fn(Removal, bool)) {
    for how in [Removal::Surprise, Removal::Requested] {
        for descriptor in [true, false] {
            watchdog(move || test(how, descriptor));
        }
    }
}

fn script(log: &Log, descriptor: bool) -> (Script, ScriptHandle) {
    if descriptor { Script::descriptor(log) } else { Script::waking(log) }
}

fn rig(how: Removal, descriptor: bool, work: impl FnMut(&WorkItemContext<'_, ()>) + Send + 'static) -> Rig {
    rig_with_told(how, descriptor, &Gate::new(), work)
}

fn rig_with_told(
    how: Removal,
    descriptor: bool,
    told: &Gate,
    mut work: impl FnMut(&WorkItemContext<'_, ()>) + Send + 'static,
) -> Rig {
    let log = Log::new();
    let (source, device) = script(&log, descriptor);
    let [isr, disable, removal] = [(); 3].map(|()| log.clone());
    let interrupt = Interrupt::builder(())
        .name("nic")
        .isr(move |cx| {
            isr.add("isr");
            cx.queue_work_item();
            Claim::Claimed
        })
        .on_disable(move |()| disable.add("disable callback"))
        .on_removal(move |()| removal.add("removal callback"))
        .work_item(move |cx| work(cx))
        .source(source)
        .build()
        .unwrap();
    let (mut claims, told) = (interrupt.claims().unwrap(), told.clone());
    let listener = thread::spawn({
        let told = told.clone();
        move || {
            loop {
                if let Err(error) = block_on(claims.claimed()) {
                    told.open();
                    return error;
                }
            }
        }
    });
    Rig { log, device, how, interrupt, listener, told }
}

impl Rig {
    fn remove(&self) {
        self.device.remove(self.how);
    }

    /// The wait of the listener has ended, every call says why, and of the two callbacks the right one has run `times`.
    #[track_caller]
    fn has_gone(self, times: usize) {
        let error = self.listener.join().unwrap();
        assert!(matches!(error.kind(), ErrorKind::Removed) && error.name().as_str() == "nic", "{error}");
        assert!(self.told.is_open());
        until(|| self.interrupt.state() == State::Removed);
        assert!(matches!(kind(&self.interrupt.enable()), Some(ErrorKind::Removed)));
        assert!(matches!(kind(&self.interrupt.disable()), Some(ErrorKind::Removed)));
        drop(self.interrupt);
        let ran = ["disable callback", "removal callback"].map(|callback| self.log.count(callback));
        assert_eq!(ran, if self.how == Removal::Surprise { [0, times] } else { [times, 0] });
    }
}

// Caught, here and below: a look for a removal that tells no listener; one that looks only while interrupts are delivered.
#[test]
fn i13_while_the_dispatcher_sleeps() {
    each(|how, descriptor| {
        let rig = rig(how, descriptor, |_| ());
        rig.interrupt.enable().unwrap();
        rig.remove();
        rig.has_gone(1);
    });
}

#[test]
fn i13_while_another_thread_holds_the_lock() {
    each(|how, descriptor| {
        let rig = rig(how, descriptor, |_| ());
        rig.interrupt.enable().unwrap();
        let held = rig.interrupt.acquire_interrupt_lock();
        rig.remove();
        support::let_it_block();
        assert!(!rig.told.is_open());
        drop(held);
        rig.has_gone(1);
    });
}

/// The work item waits for an answer of the device, which the listener gets: the removal.
// Caught: a request that is left to the worker, which is in that work item; a flush before the request is told.
#[test]
fn i13_while_the_work_item_waits_for_the_device() {
    each(|how, descriptor| {
        let (told, at_work) = (Gate::new(), Gate::new());
        let work = (told.clone(), at_work.clone());
        let rig = rig_with_told(how, descriptor, &told, move |_| {
            work.1.open();
            work.0.wait();
        });
        rig.interrupt.enable().unwrap();
        rig.interrupt.queue_work_item();
        at_work.wait();
        rig.remove();
        rig.has_gone(1);
    });
}

/// The interrupt is disabled by then, and nothing watches its source. The next enable finds out.
#[test]
fn i13_while_a_disable_waits_for_the_work_item() {
    each(|how, _| {
        let (at_work, go) = (Gate::new(), Gate::new());
        let work = (at_work.clone(), go.clone());
        let (source, line) = Software::edge();
        let interrupt = Interrupt::builder(())
            .isr(|_| Claim::Claimed)
            .work_item(move |_| {
                work.0.open();
                work.1.wait();
            })
            .source(source)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        interrupt.queue_work_item();
        at_work.wait();
        let object = interrupt.object().clone();
        let disabling = asleep("disables", move || object.disable());
        if how == Removal::Surprise {
            line.remove()
        } else {
            line.request_removal()
        }
        go.open();
        assert_eq!(disabling.join().unwrap().unwrap(), Transition::Done);
        let mut claims = interrupt.claims().unwrap();
        let _ = interrupt.enable();
        assert!(matches!(block_on(claims.claimed()).unwrap_err().kind(), ErrorKind::Removed));
        assert_eq!(interrupt.state(), State::Removed);
    });
}

/// The source blocks in one of its methods. The transition of which this is a part ends first.
#[test]
fn i13_while_the_source_connects_or_disconnects() {
    for how in [Removal::Surprise, Removal::Requested] {
        for method in ["connect", "disconnect"] {
            watchdog(move || {
                let rig = rig(how, true, |_| ());
                let (inside, go) = (Gate::new(), Gate::new());
                let hook = (inside.clone(), go.clone());
                rig.device.on(method, move || {
                    hook.0.open();
                    hook.1.wait();
                });
                let object = rig.interrupt.object().clone();
                let transition = thread::spawn(move || {
                    let enabled = object.enable();
                    if method == "disconnect" { object.disable() } else { enabled }
                });
                inside.wait();
                rig.remove();
                go.open();
                assert!(matches!(kind(&transition.join().unwrap()), None | Some(ErrorKind::Removed)));
                if method == "disconnect" {
                    // It was disabled by then, and nothing watches its source. The next enable finds out.
                    rig.log.wait_for("disable callback", 1);
                    let enabled = rig.interrupt.enable();
                    assert!(matches!(kind(&enabled), None | Some(ErrorKind::Removed)));
                    until(|| rig.interrupt.state() == State::Removed);
                    // The section in which it was removed has ended.
                    drop(rig.interrupt.acquire_interrupt_lock());
                    rig.log.take();
                    rig.has_gone(0);
                } else {
                    rig.has_gone(1);
                }
            });
        }
    }
}

/// The driver's own callback keeps the device's transition. Its interrupt, which sleeps, goes meanwhile.
#[test]
fn i13_while_the_device_enters_or_leaves_d0() {
    each(|how, descriptor| {
        for enters in [true, false] {
            let (inside, go, log) = (Gate::new(), Gate::new(), Log::new());
            let [entry, exit] = [(); 2].map(|()| (inside.clone(), go.clone()));
            let mut entries = 0;
            let device = Device::builder("nic")
                .on_d0_entry(move || {
                    entries += 1;
                    if entries == 2 {
                        entry.0.open();
                        entry.1.wait();
                    }
                })
                .on_d0_exit(move || {
                    if !enters {
                        exit.0.open();
                        exit.1.wait();
                    }
                })
                .build();
            let (source, line) = script(&log, descriptor);
            let interrupt = Interrupt::builder(())
                .isr(|_| Claim::Claimed)
                .device(&device)
                .wake_capable()
                .source(source)
                .build()
                .unwrap();
            device.enter_d0().unwrap();
            if enters {
                device.exit_d0().unwrap();
            }
            let transition = thread::spawn({
                let device = device.clone();
                move || if enters { device.enter_d0().map(drop) } else { device.exit_d0().map(drop) }
            });
            inside.wait();
            line.remove(how);
            until(|| interrupt.state() == State::Removed);
            go.open();
            let ended = transition.join().unwrap();
            if enters {
                assert!(matches!(kind(&ended), Some(ErrorKind::Removed)), "{ended:?}");
            } else {
                ended.unwrap();
            }
        }
    });
}

/// Reported inactive, with an assertion that is withheld.
#[test]
fn i13_while_an_assertion_is_withheld() {
    each(|how, descriptor| {
        let rig = rig(how, descriptor, |_| ());
        rig.interrupt.enable().unwrap();
        rig.interrupt.report_inactive().unwrap();
        rig.log.take();
        rig.device.assert();
        rig.log.wait_for("take", 1);
        rig.remove();
        until(|| rig.interrupt.state() == State::Removed);
        assert!(!rig.log.contains("isr"));
        rig.has_gone(1);
    });
}

/// A request is noted inside the work item, whose end would serve it. The device goes before that.
// Caught: a surprise that is taken for the request which is noted already.
#[test]
fn i13_a_surprise_while_a_request_is_pending() {
    for descriptor in [true, false] {
        let log = Log::new();
        let (source, device) = script(&log, descriptor);
        let [disable, removal, work] = [(); 3].map(|()| log.clone());
        let interrupt = Interrupt::builder(())
            .isr(|_| Claim::Claimed)
            .on_disable(move |()| disable.add("disable callback"))
            .on_removal(move |()| removal.add("removal callback"))
            .work_item(move |cx| {
                for (how, state) in [(Removal::Requested, State::Enabled), (Removal::Surprise, State::Removed)] {
                    device.remove(how);
                    cx.service_removal();
                    assert_eq!(cx.state(), state);
                }
                work.add("work item");
            })
            .source(source)
            .without_dispatcher()
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        let mut claims = interrupt.claims().unwrap();
        interrupt.queue_work_item();
        let _ = interrupt.run_work_item();
        assert!(matches!(block_on(claims.claimed()).unwrap_err().kind(), ErrorKind::Removed));
        interrupt.service_removal();
        drop(interrupt);
        let ran = ["disable callback", "removal callback", "work item"].map(|callback| log.count(callback));
        assert_eq!(ran, [0, 1, 1]);
    }
}

/// The driver waits itself, without a dispatcher.
#[cfg(target_os = "linux")]
#[test]
fn i13_while_an_own_loop_sleeps() {
    use rustix::event::{PollFd, PollFlags, poll};

    for how in [Removal::Surprise, Removal::Requested] {
        watchdog(move || {
            let log = Log::new();
            let (source, line) = Script::descriptor(&log);
            let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).without_dispatcher();
            let interrupt = interrupt.build().unwrap();
            interrupt.enable().unwrap();
            let mut claims = interrupt.claims().unwrap();
            let object = interrupt.object().clone();
            let own_loop = asleep("own loop", move || {
                let [signal, removal] = [object.descriptor().unwrap(), object.removal_descriptor().unwrap()];
                let [signal, removal] = [signal.unwrap(), removal.unwrap()];
                while object.check().is_ok() {
                    let mut both = [PollFd::new(&signal, PollFlags::IN), PollFd::new(&removal, PollFlags::IN)];
                    poll(&mut both, None).unwrap();
                    if !both[1].revents().is_empty() {
                        object.service_removal();
                    }
                    object.service();
                }
            });
            line.remove(how);
            own_loop.join().unwrap();
            assert!(matches!(block_on(claims.claimed()).unwrap_err().kind(), ErrorKind::Removed));
        });
    }
}

/// One of several interrupts with a common lock goes, while a thread is in a section of another. The others stay.
#[test]
fn i13_one_of_those_that_share_a_lock() {
    each(|how, descriptor| {
        let log = Log::new();
        let lock = Arc::new(InterruptLock::new(0));
        let (source, device) = script(&log, descriptor);
        let (stays, line) = Software::edge();
        let build = |name, source: Box<dyn Source>| {
            let builder = Interrupt::builder_sharing(&lock).name(name).isr(|cx| {
                **cx += 1;
                Claim::Claimed
            });
            let interrupt = builder.source(source).build().unwrap();
            interrupt.enable().unwrap();
            interrupt
        };
        let [goes, stays] = [build("goes", Box::new(source)), build("stays", Box::new(stays))];
        let mut claims = goes.claims().unwrap();
        let held = stays.acquire_interrupt_lock();
        device.remove(how);
        support::let_it_block();
        drop(held);
        assert!(matches!(block_on(claims.claimed()).unwrap_err().kind(), ErrorKind::Removed));
        line.assert();
        until(|| *lock.acquire_interrupt_lock() == 1);
        assert_eq!((stays.state(), stays.check().is_ok()), (State::Enabled, true));
        until(|| goes.state() == State::Removed);
    });
}

/// One member of the line is in a section, one is inactive, one's work item waits for the removal. All of them go.
#[test]
fn i13_while_a_shared_line_s_members_are_busy() {
    for how in [Removal::Surprise, Removal::Requested] {
        watchdog(move || {
            let (source, line): (_, LevelHandle) = Software::level();
            let shared = SharedLine::new(source).unwrap();
            let (at_work, told) = (Gate::new(), Gate::new());
            let build = |name| {
                let work = (at_work.clone(), told.clone());
                let interrupt = Interrupt::builder(())
                    .name(name)
                    .isr(|_| Claim::Unclaimed)
                    .work_item(move |_| {
                        work.0.open();
                        work.1.wait();
                    })
                    .source(shared.member())
                    .build()
                    .unwrap();
                interrupt.enable().unwrap();
                interrupt
            };
            let [in_section, inactive, at_work_item] = ["in section", "inactive", "at work"].map(build);
            let mut claims = at_work_item.claims().unwrap();
            inactive.report_inactive().unwrap();
            at_work_item.queue_work_item();
            at_work.wait();
            let held = in_section.acquire_interrupt_lock();
            if how == Removal::Surprise {
                line.remove()
            } else {
                line.request_removal()
            }
            assert!(matches!(block_on(claims.claimed()).unwrap_err().kind(), ErrorKind::Removed));
            told.open();
            until(|| inactive.state() == State::Removed);
            drop(held);
            until(|| [&in_section, &at_work_item].iter().all(|interrupt| interrupt.state() == State::Removed));
        });
    }
}
