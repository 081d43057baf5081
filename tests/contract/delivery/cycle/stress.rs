//! Rule I6 under load, while other threads do what they may: nothing is lost, and the interrupts are on in the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use interrupt_lock::source::SharedLine;
use interrupt_lock::{Claim, Device, Dispatcher, Interrupt, InterruptLock, WithWorkItem, Work};
use support::{until, watchdog};

use super::device::{Care, Nic, Wiring, drive, nic, nics_on_a_line};

/// Completes requests on each device until `meddle` has returned, and waits until all are taken.
fn under_load(nics: &[Nic], meddle: impl FnOnce()) {
    let stop = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = nics
        .iter()
        .map(|nic| {
            let (nic, stop) = (nic.clone(), stop.clone());
            thread::spawn(move || {
                while !stop.load(SeqCst) {
                    nic.complete();
                    thread::yield_now();
                }
            })
        })
        .collect();
    meddle();
    stop.store(true, SeqCst);
    for thread in load {
        thread.join().unwrap();
    }
    for (number, nic) in nics.iter().enumerate() {
        until(|| nic.completed() == 0 && nic.interrupts_on());
        assert!(nic.taken() > 0, "device {number}");
    }
}

fn taken_of_each(nics: &[Nic], more: u32) {
    let before: Vec<_> = nics.iter().map(Nic::taken).collect();
    until(|| nics.iter().zip(&before).all(|(nic, before)| nic.taken() - before > more));
}

/// Three interrupts share a lock, each with its cycle.
// Caught: a release that does not unmask what an ended run has left to it (hangs).
#[test]
fn l9_cycles_share_a_lock() {
    for wiring in [Wiring::Message, Wiring::Line] {
        watchdog(move || {
            let lock = Arc::new(InterruptLock::new(0_u64));
            let (nics, drivers): (Vec<_>, Vec<_>) = (0..3)
                .map(|_| {
                    let (nic, source) = nic(wiring);
                    let builder = drive!(Interrupt::builder_sharing(&lock), nic, Care::Looks);
                    (nic, builder.source(source.unwrap()).build().unwrap())
                })
                .unzip();
            drivers.iter().for_each(|driver| _ = driver.enable().unwrap());
            under_load(&nics, || {
                for round in 0..500 {
                    *lock.acquire_interrupt_lock() += 1;
                    let _ = drivers[round % 3].run_or_defer(|count| *count += 1);
                    if round % 50 == 0 {
                        taken_of_each(&nics, 1);
                    }
                }
            });
            drivers.iter().for_each(|driver| _ = driver.disable().unwrap());
            assert!(nics.iter().all(|nic| !nic.interrupts_on()));
            assert_eq!(*lock.acquire_interrupt_lock(), 1000);
        });
    }
}

/// A level line that is asserted while any of its devices asserts.
// Caught: as above.
#[test]
fn i7_cycles_share_a_line() {
    watchdog(|| {
        let (nics, source) = nics_on_a_line::<3>();
        let line = SharedLine::new(source).unwrap();
        let dispatcher = Dispatcher::new().unwrap();
        let drivers: Vec<_> = nics
            .iter()
            .map(|nic| {
                let (isr, enable, disable, work, unmask) =
                    (nic.clone(), nic.clone(), nic.clone(), nic.clone(), nic.clone());
                let driver: Interrupt<(), WithWorkItem> = Interrupt::builder(())
                    .isr(move |cx| {
                        if !isr.asserts() {
                            return Claim::Unclaimed;
                        }
                        isr.turn_off();
                        cx.queue_work_item();
                        Claim::ClaimedKeepMasked
                    })
                    .on_enable(move |_| enable.turn_on())
                    .on_disable(move |_| disable.turn_off())
                    .work_item(move |_| if (0..64).all(|_| work.take()) { Work::Again } else { Work::Done })
                    .on_unmask(move |_| {
                        unmask.turn_on();
                        Work::Done
                    })
                    .source(line.member())
                    .dispatcher(&dispatcher)
                    .build()
                    .unwrap();
                driver
            })
            .collect();
        drivers.iter().for_each(|driver| _ = driver.enable().unwrap());
        under_load(&nics, || {
            for round in 0..60 {
                taken_of_each(&nics, 1);
                let meddled = &drivers[round % 2];
                match round % 3 {
                    0 => {
                        meddled.disable().unwrap();
                        assert!(!nics[round % 2].interrupts_on());
                        taken_of_each(&nics[2..], 1);
                        meddled.enable().unwrap();
                    }
                    1 => {
                        let silenced = meddled.report_inactive().is_ok();
                        assert!(silenced);
                        nics[round % 2].turn_off();
                        taken_of_each(&nics[2..], 1);
                        nics[round % 2].turn_on();
                        meddled.report_active().unwrap();
                    }
                    _ => {}
                }
            }
        });
        assert!(drivers.iter().all(|driver| driver.fault().is_none()));
    });
}

/// One thread reports the interrupt inactive and active, another moves the device in and out of D0, a third disables it.
// Caught: as above.
#[test]
fn i6_a_cycle_survives_inactive_sleep_and_disable() {
    for wiring in [Wiring::Message, Wiring::Line] {
        for wakes in [false, true] {
            watchdog(move || {
                let device = Device::builder("nic").build();
                let (nic, source) = nic(wiring);
                let builder = drive!(Interrupt::builder(()), nic, Care::Looks).source(source.unwrap()).device(&device);
                let driver = if wakes { builder.wake_capable() } else { builder }.build().unwrap();
                device.enter_d0().unwrap();
                under_load(std::slice::from_ref(&nic), || {
                    thread::scope(|scope| {
                        scope.spawn(|| {
                            for _ in 0..300 {
                                driver.report_inactive().unwrap();
                                thread::yield_now();
                                driver.report_active().unwrap();
                                support::step();
                            }
                        });
                        scope.spawn(|| {
                            for _ in 0..300 {
                                device.exit_d0().unwrap();
                                thread::yield_now();
                                device.enter_d0().unwrap();
                                support::step();
                            }
                        });
                        if !wakes {
                            scope.spawn(|| {
                                for _ in 0..300 {
                                    driver.disable().unwrap();
                                    thread::yield_now();
                                    driver.enable().unwrap();
                                    support::step();
                                }
                            });
                        }
                    });
                    let _ = device.enter_d0();
                    if !wakes {
                        driver.enable().unwrap();
                        // What completed while it was disabled has sent no message.
                        nic.complete();
                    }
                });
                assert_eq!(driver.fault(), None);
            });
        }
    }
}

/// The work item runs under the callback lock, which other threads take as well.
// Caught: as above.
#[test]
fn w5_a_serialized_cycle_loses_nothing() {
    watchdog(|| {
        let device = Device::builder("nic").build();
        let (nic, source) = nic(Wiring::Message);
        let driver = drive!(Interrupt::builder(()), nic, Care::Looks)
            .source(source.unwrap())
            .device(&device)
            .automatic_serialization()
            .build()
            .unwrap();
        device.enter_d0().unwrap();
        under_load(std::slice::from_ref(&nic), || {
            for round in 0..300 {
                device.synchronize(|| driver.unmask());
                if round % 10 == 0 {
                    device.reset(|| assert!(!nic.interrupts_on())).unwrap();
                    nic.complete();
                }
                support::step();
            }
        });
        assert_eq!(driver.fault(), None);
    });
}
