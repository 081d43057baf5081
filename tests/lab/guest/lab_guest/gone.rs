//! A device that is taken away while its driver is in the middle of something (rule I13).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use interrupt_lock::source::{Removal, SharedLine, Software, Source};
use interrupt_lock::{
    Claim, Device, ErrorKind, Interrupt, InterruptLock, InterruptObject, State as Phase, WithWorkItem,
};
use rustix::event::{PollFd, PollFlags, poll};

use crate::account::Failure;
use crate::arguments;
use crate::rig::{Edu, Slot, UioLine, VfioLine, VfioMessage, ensure, until};
use interrupt_lock::test_kit::{Device as _, Rig};
use support::{Gate, asleep};

/// What the driver is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum In {
    Nothing,
    /// A driver's own loop sleeps.
    OwnLoop,
    /// A thread holds the lock that the interrupt shares with another.
    Section,
    /// The work item waits for the device.
    WorkItem,
    /// A thread waits for the work item, in a disable.
    Flush,
    EnableCallback,
    /// The device is in low power.
    LowPower,
    /// The interrupt is inactive, and has withheld an assertion.
    Inactive,
    /// As `WorkItem`, on a line that is shared.
    SharedLine,
}

use In::*;

const ALL: [In; 9] = [Nothing, OwnLoop, Section, WorkItem, Flush, EnableCallback, LowPower, Inactive, In::SharedLine];

pub fn run(device: &arguments::Device) -> Result<String, Failure> {
    match device {
        arguments::Device::Uio(path) => all(&UioLine(Slot::of_uio(path).map_err(Failure::Device)?)),
        arguments::Device::Vfio { address, msi: false } => all(&VfioLine(Slot::of_address(address))),
        arguments::Device::Vfio { address, msi: true } => all(&VfioMessage(Slot::of_address(address))),
        arguments::Device::Simulated => Err(Failure::usage(crate::USAGE.into())),
    }
}

fn all<R: Rig<Source: Source + 'static, Device = Edu>>(rig: &R) -> Result<String, Failure> {
    let how = if rig.can_be_removed(Removal::Surprise) { Removal::Surprise } else { Removal::Requested };
    let mut times = 0;
    for state in ALL.into_iter().filter(|&state| state != In::SharedLine || rig.is_level()) {
        for unplug in [false, true] {
            println!("{state:?}, {}", if unplug { "unplugged" } else { "unbound" });
            gone(rig, how, state, unplug).map_err(|failure| Failure::Run(format!("{state:?}: {failure}")))?;
            times += 1;
        }
    }
    let _ = rig.set_up().map_err(Failure::Device)?;
    Ok(format!("{times} removals, each told to all that waited; works again"))
}

type Object = Arc<InterruptObject<(), WithWorkItem>>;

fn gone<R: Rig<Source: Source + 'static, Device = Edu>>(
    rig: &R,
    how: Removal,
    state: In,
    unplug: bool,
) -> Result<(), Failure> {
    let (source, edu) = rig.set_up().map_err(Failure::Device)?;
    let edu = Arc::new(edu);
    let source: Box<dyn Source> = match state {
        In::SharedLine => Box::new(SharedLine::new(source).map_err(Failure::of_the_run)?.member()),
        _ => Box::new(source),
    };
    let [told, inside, go] = [(); 3].map(|()| Gate::new());
    let [disabled, removed]: [Arc<AtomicU32>; 2] = Default::default();
    let [enabling, working] = [(); 2].map(|()| (inside.clone(), go.clone()));
    let waits_for = if state == Flush { go.clone() } else { told.clone() };
    let (isr, count_disabled, count_removed) = (edu.clone(), disabled.clone(), removed.clone());
    let (device, lock) = (Device::builder("edu").build(), Arc::new(InterruptLock::new(())));
    let builder = Interrupt::builder_sharing(&lock)
        .isr(move |_| if isr.acknowledge() { Claim::Claimed } else { Claim::Unclaimed })
        .on_enable(move |()| {
            if state == EnableCallback {
                enabling.0.open();
                enabling.1.wait();
            }
        })
        .on_disable(move |()| _ = count_disabled.fetch_add(1, SeqCst))
        .on_removal(move |()| _ = count_removed.fetch_add(1, SeqCst))
        .work_item(move |_| {
            working.0.open();
            waits_for.wait();
        })
        .device(&device)
        .wake_capable()
        .source(source);
    let builder = if state == OwnLoop { builder.without_dispatcher() } else { builder };
    let interrupt = builder.build().map_err(Failure::of_the_run)?;
    let (beside, line) = Software::edge();
    let beside = Interrupt::builder_sharing(&lock).isr(|_| Claim::Claimed).source(beside).build();
    let beside = beside.map_err(Failure::of_the_run)?;
    beside.enable().map_err(Failure::of_the_run)?;

    let mut claims = interrupt.claims().map_err(Failure::of_the_run)?;
    let ends = told.clone();
    let listener = thread::spawn(move || {
        let runtime = support::wakes::Wakes::new();
        let error = listen(&mut claims, &runtime.1, &runtime.0);
        ends.open();
        error
    });
    let entering = thread::spawn({
        let device = device.clone();
        move || device.enter_d0()
    });
    if state != EnableCallback {
        entering.join().expect("no panic").map_err(Failure::of_the_run)?;
    }

    // What is going on as the device goes, and what has to end.
    let object: Object = interrupt.object().clone();
    let mut busy = None;
    let mut held = None;
    match state {
        Nothing => {}
        OwnLoop => busy = Some(asleep("own loop", move || own_loop(&object))),
        Section => held = Some(beside.acquire_interrupt_lock()),
        WorkItem | Flush | In::SharedLine => {
            interrupt.queue_work_item();
            inside.wait();
            if state == Flush {
                busy = Some(asleep("disables", move || _ = object.disable()));
            }
        }
        EnableCallback => inside.wait(),
        LowPower => _ = device.exit_d0().map_err(Failure::of_the_run)?,
        Inactive => {
            interrupt.report_inactive().map_err(Failure::of_the_run)?;
            edu.assert();
            thread::sleep(Duration::from_millis(20));
        }
    }
    if unplug {
        edu.unplug(how)
    } else {
        edu.remove(how)
    }
    thread::sleep(Duration::from_millis(20));
    drop(held);
    go.open();
    if let Some(busy) = busy {
        busy.join().expect("no panic");
    }
    if state == Flush {
        let _ = interrupt.enable();
    }

    until("the listener is told", || listener.is_finished()).map_err(Failure::Run)?;
    let error = listener.join().expect("no panic");
    ensure(matches!(error.kind(), ErrorKind::Removed), || format!("the listener was told: {error:#}"))?;
    until("it is removed", || interrupt.state() == Phase::Removed).map_err(Failure::Run)?;
    for refused in [interrupt.enable(), interrupt.disable()] {
        let error = refused.err().map(|error| format!("{error:#}"));
        ensure(error.as_ref().is_some_and(|error| error.contains("removed")), || format!("said later: {error:?}"))?;
    }
    drop(interrupt);
    let ran = [&disabled, &removed].map(|callback| callback.load(SeqCst));
    let right = match (how, state) {
        // The disable of the flush, and that of the enable after it, if it succeeded.
        (_, Flush) => ran[0] + ran[1] <= 2 && ran[0] >= 1,
        (Removal::Surprise, _) => ran == [0, 1],
        _ => ran == [1, 0],
    };
    ensure(right, || format!("[disable, removal] callbacks: {ran:?}"))?;
    line.assert();
    until("the one beside is served", || beside.stats().claimed == 1).map_err(Failure::Run)
}

fn listen(
    claims: &mut interrupt_lock::Claims<'_>,
    waker: &std::task::Waker,
    wakes: &support::wakes::Wakes,
) -> interrupt_lock::Error {
    let mut context = std::task::Context::from_waker(waker);
    loop {
        let seen = wakes.count();
        match std::pin::pin!(claims.claimed()).poll(&mut context) {
            std::task::Poll::Ready(Err(error)) => return error,
            std::task::Poll::Ready(Ok(_)) => {}
            std::task::Poll::Pending => _ = wakes.wait_past(seen),
        }
    }
}

/// Until the interrupt is removed.
fn own_loop(object: &InterruptObject<(), WithWorkItem>) {
    let signal = object.descriptor().expect("a descriptor").expect("a descriptor");
    let removal = object.removal_descriptor().expect("a descriptor");
    while object.check().is_ok() {
        let both = [Some(&signal), removal.as_ref()].into_iter().flatten();
        let mut both: Vec<_> = both.map(|descriptor| PollFd::new(descriptor, PollFlags::IN)).collect();
        let _ = poll(&mut both, None);
        object.service();
        object.service_removal();
    }
}
