//! Rule E6: the end of an interrupt.

use std::sync::Arc;

use interrupt_lock::source::Software;
use interrupt_lock::{Claim, Dispatcher, ErrorKind, Interrupt, InterruptObject, State, WithWorkItem};
use support::log::Log;
use support::script::Script;
use support::slot::{OnDrop, Owner, Slot};
use support::{Gate, LONG, kind, let_it_block, until, watchdog};

/// The callback that drops the handle.
#[derive(Clone, Copy, Debug, PartialEq)]
enum In {
    Isr,
    Enable,
    Disable,
    Removal,
    WorkItem,
    Section,
    Nothing,
}

type Object = Arc<InterruptObject<bool, WithWorkItem>>;

/// Builds an interrupt whose callbacks own something that logs when it is freed, and checks that the lock is free then.
fn build(
    log: &Log,
    owner: &Owner<bool, WithWorkItem>,
    at: In,
    dispatcher: Option<&Dispatcher>,
) -> (Object, support::script::ScriptHandle) {
    let (source, device) = Script::descriptor(log);
    let slot = Slot::new();
    let freed = |name: &'static str| {
        let (log, slot) = (log.clone(), slot.clone());
        OnDrop(move || {
            let object: Object = slot.get();
            // This thread would be refused at once; another may have the lock for a moment.
            assert!(object.try_acquire_interrupt_lock_for(LONG).is_ok(), "freed under the lock");
            log.add(format!("{name} freed"));
        })
    };
    let maybe = |own: In, name: &'static str| {
        let (log, owner, owned) = (log.clone(), owner.clone(), freed(name));
        move || {
            let _owned = &owned;
            log.add(name);
            if own == at {
                owner.drop_handle();
            }
            log.add(format!("{name} ends"));
        }
    };
    let (isr, enable, disable) = (maybe(In::Isr, "isr"), maybe(In::Enable, "enable"), maybe(In::Disable, "disable"));
    let (removal, work) = (maybe(In::Removal, "removed"), maybe(In::WorkItem, "work item"));
    let builder = Interrupt::builder(false)
        .isr(move |cx| {
            isr();
            cx.queue_work_item();
            match **cx {
                true => Claim::DeviceGone,
                false => Claim::Claimed,
            }
        })
        .on_enable(move |_| enable())
        .on_disable(move |_| disable())
        .on_removal(move |_| removal())
        .work_item(move |_| work())
        .source(source);
    let interrupt = match dispatcher {
        Some(dispatcher) => builder.dispatcher(dispatcher).build(),
        None => builder.build(),
    }
    .unwrap();
    slot.set(&interrupt);
    (owner.keep(interrupt), device)
}

#[track_caller]
fn ended(object: &Object, log: &Log) {
    log.wait_for("source dropped", 1);
    until(|| object.state() == State::Ended);
    let log = log.take();
    for name in ["isr", "enable", "disable", "removed", "work item"] {
        let at = |entry: &str| log.iter().rposition(|e| e == entry);
        let freed = format!("{name} freed");
        assert_eq!(log.iter().filter(|&e| *e == freed).count(), 1, "{log:?}");
        assert!(at(&format!("{name} ends")) < at(&freed), "{log:?}");
        let begun = log.iter().filter(|&e| *e == name).count();
        let done = log.iter().filter(|&e| *e == format!("{name} ends")).count();
        assert_eq!(begun, done, "{log:?}");
    }
    let at = |entry: &str| log.iter().position(|e| e == entry);
    assert!(at("isr freed") < at("source dropped"), "the source goes last: {log:?}");
    assert!(matches!(kind(&object.enable()), Some(ErrorKind::Ended)));
    assert!(matches!(kind(&object.disable()), Some(ErrorKind::Ended)));
    assert!(matches!(kind(&object.check()), Some(ErrorKind::Ended)));
}

/// In whatever callback the handle is dropped, the end comes as soon as that callback returns. Everything is freed
/// once, outside the lock, the source last.
// Caught: END_DEFERRED that the release, the end of a transition, or the end of a run does not look for; an end that
// frees with the lock held; one that runs down at once inside its own callback.
#[test]
fn e6_the_handle_may_be_dropped_in_any_callback() {
    for shared in [true, false] {
        for at in [In::Isr, In::Enable, In::Disable, In::Removal, In::WorkItem, In::Section, In::Nothing] {
            watchdog(move || {
                let dispatcher = shared.then(|| Dispatcher::new().unwrap());
                let (log, owner) = (Log::new(), Owner::new());
                let (object, device) = build(&log, &owner, at, dispatcher.as_ref());
                object.enable().unwrap();
                if at != In::Enable {
                    *object.acquire_interrupt_lock() = at == In::Removal;
                    device.assert();
                    log.wait_for("isr", 1);
                }
                match at {
                    In::Disable => drop(object.disable()),
                    In::Section => object.synchronize(|_| owner.drop_handle()),
                    In::Nothing => owner.drop_handle(),
                    _ => {}
                }
                ended(&object, &log);
            });
        }
    }
}

/// The end disables the interrupt, with its callback; delivers what was signalled; and runs the queued work item.
// Caught: an end that does not disable; one that does not flush.
#[test]
fn e6_dropping_disables_and_flushes() {
    watchdog(|| {
        let log = Log::new();
        let (source, device) = Script::waking(&log);
        let [isr, disable, work] = [(); 3].map(|()| log.clone());
        let interrupt = Interrupt::builder(())
            .isr(move |cx| {
                isr.add("isr");
                cx.queue_work_item();
                Claim::Claimed
            })
            .on_disable(move |_| disable.add("disable callback"))
            .work_item(move |_| work.add("work item"))
            .source(source)
            .without_dispatcher()
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        interrupt.queue_work_item();
        device.assert();
        log.take();
        drop(interrupt);
        assert_eq!(
            log.take(),
            ["removal", "take", "isr", "disable callback", "disconnect", "take", "work item", "source dropped"]
        );
    });
}

/// The end waits for an ISR and a work item that are running. (The driver has given the dispatcher, so the end does not
/// wait for its threads.)
// Caught: an end that takes everything without the lock; a flush that does not wait.
#[test]
fn e6_dropping_waits_for_what_runs() {
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        for in_work_item in [true, false] {
            let (entered, go, done) = (Gate::new(), Gate::new(), Gate::new());
            let block = {
                let gates = (entered.clone(), go.clone(), done.clone());
                move || {
                    gates.0.open();
                    gates.1.wait();
                    let_it_block();
                    gates.2.open();
                }
            };
            let work = block.clone();
            let (source, assert) = Software::edge();
            let interrupt = Interrupt::builder(())
                .isr(move |cx| {
                    if in_work_item {
                        cx.queue_work_item();
                    } else {
                        block();
                    }
                    Claim::Claimed
                })
                .work_item(move |_| work())
                .source(source)
                .dispatcher(&dispatcher)
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            assert.assert();
            entered.wait();
            go.open();
            drop(interrupt);
            assert!(done.is_open());
        }
    });
}

/// A faulted interrupt is not disabled at its end, but the work item that its ISR has queued runs.
// Caught: an end that flushes only what it disables.
#[test]
fn e6_a_queued_work_item_runs_before_the_end_of_a_faulted_interrupt() {
    watchdog(|| {
        let log = Log::new();
        let work = log.clone();
        let interrupt = Interrupt::builder(())
            .isr(|cx| {
                cx.queue_work_item();
                panic!("on purpose")
            })
            .work_item(move |_| work.add("work item"))
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        interrupt.service();
        drop(interrupt);
        assert_eq!(log.take(), ["work item"]);
    });
}

/// Interrupt B is dropped in the ISR of A, on the dispatcher of both, or on A's own.
// Caught: an end that is refused in any ISR.
#[test]
fn e6_dropped_in_the_isr_of_another() {
    for shared in [true, false] {
        watchdog(move || {
            let dispatcher = shared.then(|| Dispatcher::new().unwrap());
            let (log, owner) = (Log::new(), Owner::new());
            let (object, device) = build(&log, &owner, In::Nothing, dispatcher.as_ref());
            object.enable().unwrap();
            device.assert();
            log.wait_for("work item ends", 1);
            let (source, assert) = Software::edge();
            let builder = Interrupt::builder(())
                .isr(move |_| {
                    owner.drop_handle();
                    Claim::Claimed
                })
                .source(source);
            let interrupt = match &dispatcher {
                Some(dispatcher) => builder.dispatcher(dispatcher).build(),
                None => builder.build(),
            }
            .unwrap();
            interrupt.enable().unwrap();
            assert.assert();
            ended(&object, &log);
            interrupt.disable().unwrap();
            assert!(interrupt.fault().is_none(), "{:?}", interrupt.fault());
        });
    }
}

/// A handle is dropped in its own ISR, on a thread that waits on sources, with the work item queued. That runs elsewhere:
/// it may wait for another interrupt of the same dispatcher.
// Caught: an end that flushes the work item on the dispatcher's thread (it hangs).
#[test]
fn i16_an_end_on_a_dispatchers_thread_runs_no_work_item_there() {
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        let served = Gate::new();
        let opens = served.clone();
        let (source, edge) = Software::edge();
        let other = Interrupt::builder(())
            .isr(move |_| {
                opens.open();
                Claim::Claimed
            })
            .source(source)
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        other.enable().unwrap();
        // The worker is busy meanwhile.
        let (busy, go) = (Gate::new(), Gate::new());
        let (begun, waits) = (busy.clone(), go.clone());
        let holder = Interrupt::builder(()).isr(|_| Claim::Claimed).work_item(move |_| {
            begun.open();
            waits.wait();
        });
        let holder = holder.source(Software::edge().0).dispatcher(&dispatcher).build().unwrap();
        holder.enable().unwrap();
        holder.queue_work_item();
        busy.wait();

        let (owner, (source, line)) = (Owner::new(), Software::edge());
        let (theirs, dropped) = (owner.clone(), Gate::new());
        let drops = dropped.clone();
        let interrupt = Interrupt::builder(())
            .isr(move |cx| {
                cx.queue_work_item();
                theirs.drop_handle();
                drops.open();
                Claim::Claimed
            })
            .work_item(move |_| served.wait())
            .source(source)
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        let object = owner.keep(interrupt);
        line.assert();
        dropped.wait();
        edge.assert();
        until(|| object.state() == State::Ended);
        go.open();
    });
}
