//! The example's driver, disabled and enabled again and again while it is at work.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use interrupt_lock::Interrupt;

use crate::account::{Account, Failure};
use crate::arguments::Device;
use crate::driver::Requests;
use crate::open;

/// How many interrupts have to be delivered.
const INTERRUPTS: u64 = 20_000;
/// How many requests are made between two looks at whether that is enough.
const REQUESTS: u32 = 500;
/// How many interrupts are delivered between an enable and the next disable.
const BETWEEN: u64 = 20;

pub fn run(device: &Device) -> Result<String, Failure> {
    let edu = open::open(device)?;
    let mut account = Account::new(device.to_string());
    let over = AtomicBool::new(false);
    let interrupt = edu.interrupt();
    let (worked, cycled) = thread::scope(|scope| {
        let cycler = scope.spawn(|| {
            let cycled = cycle(interrupt, &over);
            over.store(true, Ordering::Relaxed);
            cycled
        });
        let mut worked = Ok(());
        while worked.is_ok() && !over.load(Ordering::Relaxed) {
            worked = account.run(&edu, REQUESTS);
            if interrupt.stats().delivered >= INTERRUPTS {
                over.store(true, Ordering::Relaxed);
            }
        }
        over.store(true, Ordering::Relaxed);
        (worked, cycler.join())
    });
    worked?;
    let cycles = cycled.map_err(|_| Failure::Run("the thread that disables and enables panicked".into()))??;
    interrupt.disable().map_err(Failure::of_the_run)?;
    let stats = interrupt.stats();
    print!("{}", account.with(stats));
    let (delivered, claimed, stale) = (stats.delivered, stats.claimed, stats.stale);
    Ok(format!(
        "{cycles} disable and enable cycles under load; {delivered} delivered, {claimed} claimed, {stale} stale"
    ))
}

/// Disables and enables until it is over, and leaves the interrupt enabled; answers how often.
fn cycle(interrupt: &Interrupt<Requests>, over: &AtomicBool) -> Result<u32, Failure> {
    let delivered = || interrupt.stats().delivered;
    let mut cycles = 0;
    while !over.load(Ordering::Relaxed) {
        let enough = delivered() + BETWEEN;
        while delivered() < enough && !over.load(Ordering::Relaxed) {
            interrupt.check().map_err(Failure::of_the_run)?;
            thread::yield_now();
        }
        interrupt.disable().map_err(Failure::of_the_run)?;
        let before = delivered();
        // The other thread goes on asking meanwhile, as far as it can get.
        for _ in 0..10 {
            thread::yield_now();
        }
        let late = delivered() - before;
        interrupt.enable().map_err(Failure::of_the_run)?;
        if late != 0 {
            return Err(Failure::Run(format!("{late} interrupts were delivered after a disable")));
        }
        cycles += 1;
    }
    Ok(cycles)
}
