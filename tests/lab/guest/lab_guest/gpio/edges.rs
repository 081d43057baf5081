//! Edges, and exact accounts of them: what was delivered, drained and lost is what the kernel has numbered.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use interrupt_lock::linux::{GpioEdge, GpioEvent, GpioLines, GpioRequest};
use interrupt_lock::{Claim, Interrupt, InterruptLockGuard, NoWorkItem};

use super::sim::{Chip, Driver, LINE};
use crate::account::Failure;
use crate::rig::{ensure, until};

/// What the ISR has seen.
struct Seen {
    lines: GpioLines,
    edges: u64,
    last: Option<GpioEvent>,
    /// Whether the line was active when the interrupt was enabled.
    active: bool,
    wrong: Option<String>,
}

struct Rig {
    interrupt: Interrupt<Seen, NoWorkItem>,
    driver: Driver,
    dispatcher: bool,
}

impl Rig {
    /// Line 3, low, and its interrupt, which is not enabled. A dispatcher serves it.
    fn new(set: impl FnOnce(GpioRequest) -> GpioRequest) -> Result<Self, Failure> {
        Self::served(set, true)
    }

    /// The same; this thread serves it, if no dispatcher does.
    fn served(set: impl FnOnce(GpioRequest) -> GpioRequest, dispatcher: bool) -> Result<Self, Failure> {
        let chip = Chip::get().map_err(Failure::Device)?;
        let driver = chip.driver(LINE);
        driver.set(false);
        let (source, lines) = set(chip.request().line(LINE)).open().map_err(Failure::of_the_device)?;
        let builder = Interrupt::builder(Seen { lines, edges: 0, last: None, active: false, wrong: None })
            .isr(|seen| {
                let mut events = 0;
                while let Some(event) = seen.lines.next_event() {
                    events += 1;
                    seen.note(event);
                }
                if events != seen.assertions() {
                    seen.wrong = Some(format!("told of {}, and {events} events", seen.assertions()));
                }
                Claim::Claimed
            })
            .on_enable(|seen| {
                seen.active = seen.lines.is_active(0)?;
                Ok::<(), interrupt_lock::Error>(())
            })
            .source(source)
            .timed();
        let builder = if dispatcher { builder } else { builder.without_dispatcher() };
        Ok(Self { interrupt: builder.build().map_err(Failure::of_the_run)?, driver, dispatcher })
    }

    fn seen(&self) -> InterruptLockGuard<'_, Seen> {
        self.interrupt.acquire_interrupt_lock()
    }

    fn enable(&self) -> Result<(), Failure> {
        self.interrupt.enable().map(drop).map_err(Failure::of_the_run)
    }

    fn disable(&self) -> Result<(), Failure> {
        self.interrupt.disable().map(drop).map_err(Failure::of_the_run)
    }

    /// Waits until so many edges have been seen in all.
    fn wait_for(&self, edges: u64) -> Result<(), Failure> {
        let served = || {
            if !self.dispatcher {
                self.interrupt.service();
            }
            self.seen().edges >= edges
        };
        until(&format!("edge {edges} is served"), served).map_err(Failure::Run)
    }

    /// Checks that nothing is missing, once it is quiet: the last number is how many edges the kernel has made.
    fn account(&self) -> Result<String, Failure> {
        let seen = self.seen();
        let stats = self.interrupt.stats();
        let (last, lost) = (u64::from(seen.last.map_or(0, |event| event.number)), seen.lines.lost());
        let served = stats.delivered + stats.coalesced;
        let said = format!("{served} delivered, {} stale, {lost} lost, of {last}", stats.stale);
        ensure(seen.wrong.is_none(), || seen.wrong.clone().unwrap_or_default())?;
        ensure(seen.lines.missed() == 0, || format!("{} missed", seen.lines.missed()))?;
        ensure(served == seen.edges && served + stats.stale + lost == last, || said.clone())?;
        Ok(said)
    }
}

impl Seen {
    fn note(&mut self, event: GpioEvent) {
        let before = self.last.replace(event);
        self.edges += 1;
        if before.is_some_and(|before| before.number >= event.number || before.time > event.time) {
            self.wrong = Some(format!("{event:?} after {before:?}"));
        }
    }
}

/// One edge after the other: none is lost, each is what the line did. A dispatcher serves some of them, this thread the others.
pub fn all_served() -> Result<String, Failure> {
    let dispatched = one_by_one(10_000, true)?;
    Ok(format!("by a dispatcher: {dispatched}; by a loop: {}", one_by_one(100_000, false)?))
}

fn one_by_one(edges: u64, dispatcher: bool) -> Result<String, Failure> {
    let rig = Rig::served(|request| request, dispatcher)?;
    rig.enable()?;
    for edge in 1..=edges {
        let up = edge % 2 == 1;
        rig.driver.set(up);
        rig.wait_for(edge)?;
        let seen = rig.seen();
        let right = seen.last.is_some_and(|event| (event.edge == GpioEdge::Rising) == up);
        ensure(right && seen.edges == edge, || format!("after edge {edge}: {} seen, {:?}", seen.edges, seen.last))?;
    }
    let said = rig.account()?;
    ensure(rig.seen().lines.lost() == 0, || format!("lost: {said}"))?;
    let latency = rig.interrupt.stats().distributions.map(|times| times.latency.to_string());
    Ok(format!("{said}, from the kernel's time to the ISR {}", latency.unwrap_or_default()))
}

/// While nobody serves it the kernel has room for 16 edges: the others are counted.
pub fn overflow() -> Result<String, Failure> {
    let rig = Rig::new(|request| request.rising().buffer(16))?;
    rig.enable()?;
    for round in 1..=10 {
        let before = rig.seen().edges;
        let held = rig.seen();
        for _ in 0..100 {
            rig.driver.pulse();
            thread::sleep(Duration::from_millis(2)); // so that the kernel makes an event of each
        }
        drop(held);
        until("what was kept is served", || rig.seen().edges > before).map_err(Failure::Run)?;
        // The next edge shows how many are missing.
        let before = rig.seen().edges;
        rig.driver.pulse();
        rig.wait_for(before + 1)?;
        rig.account()?;
        ensure(rig.seen().lines.lost() > 50 * round, || "void: nothing has overflowed".into())?;
    }
    rig.account()
}

/// Enabled and disabled while the line goes up and down.
pub fn cycles() -> Result<String, Failure> {
    const CYCLES: u64 = 300;
    let rig = Rig::new(|request| request)?;
    let over = AtomicBool::new(false);
    let (mut unheard, mut held) = (0, 0);
    thread::scope(|scope| {
        let storm = scope.spawn(|| {
            while !over.load(SeqCst) {
                rig.driver.pulse();
                thread::sleep(Duration::from_micros(50));
            }
        });
        let cycled = (0..CYCLES).try_for_each(|_| {
            rig.enable()?;
            let before = rig.seen().edges;
            rig.wait_for(before + 3)?;
            rig.disable()
        });
        over.store(true, SeqCst);
        storm.join().expect("the storm ends");
        cycled
    })?;
    // A line that changes while it is disabled says nothing. Its level tells.
    for up in [true, false].into_iter().cycle().take(10) {
        let before = rig.interrupt.stats();
        rig.driver.set(up);
        rig.enable()?;
        let seen = rig.seen();
        ensure(seen.active == up, || format!("the line is {up}, and the enable callback has read {}", seen.active))?;
        drop(seen);
        held += 1;
        rig.disable()?;
        unheard += rig.interrupt.stats().stale - before.stale;
    }
    ensure(unheard == 0, || format!("{unheard} edges of a disabled line"))?;
    rig.enable()?;
    let before = rig.seen().edges;
    rig.driver.set(true);
    rig.wait_for(before + 1)?;
    Ok(format!("{CYCLES} cycles under load: {}; {held} levels read at an enable", rig.account()?))
}

/// A contact that bounces is one edge, whose time is after the last bounce.
pub fn debounce() -> Result<String, Failure> {
    // Much longer than a busy machine needs for the bounces.
    let rig = Rig::new(|request| request.debounce(Duration::from_secs(1)))?;
    rig.enable()?;
    for edge in 1..=4 {
        let up = edge % 2 == 1;
        for bounce in 0..10 {
            rig.driver.set(if bounce % 2 == 0 { up } else { !up });
        }
        let stable = Instant::now();
        rig.driver.set(up);
        rig.wait_for(edge)?;
        let seen = rig.seen();
        let event = seen.last.ok_or_else(|| Failure::Run("an edge without an event".into()))?;
        let right = seen.edges == edge && (event.edge == GpioEdge::Rising) == up && event.time > stable;
        ensure(right, || format!("edge {edge}: {} seen, {event:?}, stable since {stable:?}", seen.edges))?;
        ensure(seen.lines.is_active(0).is_ok_and(|active| active == up), || "the level is another".into())?;
    }
    rig.account()
}
