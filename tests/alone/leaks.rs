//! Rule E6: an interrupt leaves no thread and no descriptor behind. In a process of its own, because it counts
//! those of the process, and sets the panic hook.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use interrupt_lock::simulated::Edu;
use interrupt_lock::source::Software;
use interrupt_lock::{Claim, Dispatcher, Interrupt, Registers};
use support::alone::in_a_process_of_its_own;
use support::log::Log;
use support::script::Script;
use support::slot::Owner;
use support::{LOOK, comes, until, watchdog};

fn open() -> (usize, usize) {
    let count = |directory| fs::read_dir(directory).unwrap().count();
    (count("/proc/self/task"), count("/proc/self/fd"))
}

// Caught: an own dispatcher that is not stopped; a watched duplicate that is not closed by the disarm; threads that are
// not stopped with the last who needs them; a thread that joins itself.
#[test]
fn e6_no_thread_and_no_descriptor_is_left() {
    if !support::has_proc() {
        return;
    }
    in_a_process_of_its_own(|| {
        // A thread of ours that ends by a panic ends without a word.
        static PANICS: AtomicUsize = AtomicUsize::new(0);
        std::panic::set_hook(Box::new(|_| _ = PANICS.fetch_add(1, Ordering::SeqCst)));
        watchdog(|| {
            // What the first use of anything leaves for good (a thread-local, a lazily opened file) is not counted. A thread
            // that has not quite gone yet may be; each leak would be there twenty times.
            everything();
            let before = open();
            for _ in 0..20 {
                everything();
            }
            // A thread that ends on its own (the handle was dropped on it) needs a moment to go.
            let more = || {
                let now = open();
                now.0 > before.0 || now.1 > before.1
            };
            assert!(comes(|| !more()), "{before:?} threads and descriptors have become {:?}", open());
            assert_eq!(PANICS.load(Ordering::SeqCst), 0);
        });
    });
}

fn everything() {
    never_enabled();
    served_and_dropped();
    on_a_shared_dispatcher();
    on_the_shared_worker();
    dropped_in_its_own_isr();
    dropped_while_the_object_is_kept();
    simulated();
    failed();
}

fn never_enabled() {
    let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).work_item(|_| ()).source(Software::edge().0).build();
    drop(interrupt.unwrap());
}

fn served_and_dropped() {
    let log = Log::new();
    let (source, device) = Script::descriptor(&log);
    let isr = log.clone();
    let interrupt = Interrupt::builder(())
        .isr(move |cx| {
            cx.queue_work_item();
            isr.add("isr");
            Claim::Claimed
        })
        .work_item(|_| ())
        .source(source)
        .build()
        .unwrap();
    for n in 1..=3 {
        interrupt.enable().unwrap();
        device.assert();
        log.wait_for("isr", n);
        interrupt.disable().unwrap();
    }
    interrupt.enable().unwrap();
}

fn on_a_shared_dispatcher() {
    let dispatcher = Dispatcher::new().unwrap();
    let interrupts = [(); 3].map(|()| {
        let (source, device) = Script::descriptor(&Log::new());
        let interrupt = Interrupt::builder(())
            .isr(|cx| {
                cx.queue_work_item();
                Claim::Claimed
            })
            .work_item(|_| ())
            .source(source)
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        device.assert();
        interrupt
    });
    drop(dispatcher);
    drop(interrupts);
}

fn on_the_shared_worker() {
    let interrupts = [(); 2].map(|()| {
        let (source, device) = Script::descriptor(&Log::new());
        let interrupt = Interrupt::builder(())
            .isr(|cx| {
                cx.queue_work_item();
                Claim::Claimed
            })
            .work_item(|_| ())
            .source(source)
            .shared_worker()
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        device.assert();
        interrupt
    });
    drop(interrupts);
}

fn dropped_in_its_own_isr() {
    let log = Log::new();
    let (source, device) = Script::descriptor(&log);
    let owner = Owner::new();
    let isr = owner.clone();
    let interrupt = Interrupt::builder(())
        .isr(move |cx| {
            isr.drop_handle();
            cx.queue_work_item();
            Claim::Claimed
        })
        .work_item(|_| ())
        .source(source)
        .build()
        .unwrap();
    drop(owner.keep(interrupt).enable());
    device.assert();
    log.wait_for("source dropped", 1);
}

fn dropped_while_the_object_is_kept() {
    let interrupt =
        Interrupt::builder(()).isr(|_| Claim::Claimed).source(Script::descriptor(&Log::new()).0).build().unwrap();
    interrupt.enable().unwrap();
    let object = interrupt.object().clone();
    drop(interrupt);
    assert!(object.enable().is_err());
}

fn simulated() {
    let device = Edu::new();
    let registers = device.registers();
    let theirs = device.registers();
    let interrupt = Interrupt::builder(())
        .isr(move |_| {
            theirs.write32(0x64, u32::MAX);
            Claim::Claimed
        })
        .source(device.line().unwrap())
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    registers.write32(0x20, 0x80);
    registers.write32(0x08, 5);
    until(|| device.wait_idle(LOOK));
}

fn failed() {
    let (source, device) = Script::descriptor(&Log::new());
    let mut fails = true;
    let interrupt = Interrupt::builder(())
        .isr(|_| Claim::Claimed)
        .on_enable(move |_| match std::mem::take(&mut fails) {
            true => Err("no clock"),
            false => Ok(()),
        })
        .source(source)
        .build()
        .unwrap();
    interrupt.enable().unwrap_err();
    device.fail("connect", interrupt_lock::SourceError::Refused("no vector".into()));
    interrupt.enable().unwrap_err();
    interrupt.enable().unwrap();
    device.fail("take", interrupt_lock::SourceError::Refused("no event".into()));
    device.assert();
    until(|| interrupt.fault().is_some());
}
