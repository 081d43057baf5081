//! Rule I7 under load: members of a shared line that come and go.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;

use interrupt_lock::source::{LevelHandle, SharedLine, Software};
use interrupt_lock::{Claim, Dispatcher, Interrupt, NoWorkItem, State};
use support::{until, watchdog};

/// A wire that several devices assert.
struct Wire {
    line: LevelHandle,
    /// For each device: its interrupt is enabled, and it has something to tell.
    devices: Mutex<Vec<(bool, bool)>>,
}

impl Wire {
    fn change(&self, change: impl FnOnce(&mut Vec<(bool, bool)>) -> bool) -> bool {
        let mut devices = self.devices.lock().unwrap();
        let answer = change(&mut devices);
        if devices.iter().any(|&(enabled, tells)| enabled && tells) {
            self.line.assert();
        } else {
            self.line.deassert();
        }
        answer
    }

    fn enable(&self, device: usize, enabled: bool) {
        self.change(|devices| std::mem::replace(&mut devices[device].0, enabled));
    }

    fn tell(&self, device: usize) {
        self.change(|devices| std::mem::replace(&mut devices[device].1, true));
    }

    fn has_told(&self, device: usize) -> bool {
        !self.devices.lock().unwrap()[device].1
    }

    /// What its ISR does: acknowledges. Returns whether the device had asserted.
    fn acknowledge(&self, device: usize) -> bool {
        self.change(|devices| devices[device].0 && std::mem::take(&mut devices[device].1))
    }
}

fn member(shared: &SharedLine, wire: &Arc<Wire>, device: usize, dispatcher: &Dispatcher) -> Interrupt<(), NoWorkItem> {
    let [isr, enable, disable] = [(); 3].map(|()| wire.clone());
    let interrupt = Interrupt::builder(())
        .isr(move |_| if isr.acknowledge(device) { Claim::Claimed } else { Claim::Unclaimed })
        .on_enable(move |_| enable.enable(device, true))
        .on_disable(move |_| disable.enable(device, false))
        .source(shared.member())
        .dispatcher(dispatcher)
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    interrupt
}

/// The next of a sequence that looks random.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Disables and enables a member, or reports it inactive and active.
fn come_and_go(members: &[Interrupt<(), NoWorkItem>], wire: &Wire, number: u64) {
    let place = number as usize / 16 % members.len();
    let member = &members[place];
    if number.is_multiple_of(2) {
        member.disable().unwrap();
        member.enable().unwrap();
    } else {
        // A driver silences its device first.
        member.synchronize(|()| wire.enable(place, false));
        member.report_inactive().unwrap();
        member.report_active().unwrap();
        member.synchronize(|()| wire.enable(place, true));
    }
}

/// Each device tells something again and again, and waits each time until its ISR has acknowledged it. Meanwhile members
/// are disabled and enabled, and reported inactive and active, at random. No assertion is lost, and no member faults.
// Caught: a member that is woken for one round only.
fn nothing_is_lost(devices: usize, dispatchers: usize, times: u64) {
    watchdog(move || {
        let (source, line) = Software::level();
        let shared = SharedLine::new(source).unwrap();
        let wire = Arc::new(Wire { line, devices: Mutex::new(vec![(false, false); devices]) });
        let dispatchers: Vec<_> = (0..dispatchers).map(|_| Dispatcher::new().unwrap()).collect();
        let members: Vec<_> =
            (0..devices).map(|n| member(&shared, &wire, n, &dispatchers[n % dispatchers.len()])).collect();
        let tellers = devices.min(4);
        let (left, told) = (AtomicU64::new(tellers as u64), AtomicU64::new(0));
        thread::scope(|scope| {
            for first in 0..tellers {
                let (wire, left, told) = (&wire, &left, &told);
                scope.spawn(move || {
                    for device in (0..times).flat_map(|_| (first..devices).step_by(tellers)) {
                        wire.tell(device);
                        until(|| wire.has_told(device));
                        told.fetch_add(1, SeqCst);
                    }
                    left.fetch_sub(1, SeqCst);
                });
            }
            let mut state = 0x1234_5678_9abc_def1;
            while left.load(SeqCst) != 0 {
                for _ in 0..4 {
                    come_and_go(&members, &wire, random(&mut state));
                }
                // A member that comes or goes looks at the line. Let the line go on without that.
                let enough = told.load(SeqCst) + 3 * tellers as u64;
                while left.load(SeqCst) != 0 && told.load(SeqCst) < enough {
                    support::pause();
                }
            }
        });
        for member in &members {
            // The last claim is counted before its section ends.
            drop(member.acquire_interrupt_lock());
            assert_eq!(member.state(), State::Enabled);
            let stats = member.stats();
            assert_eq!((stats.spurious, stats.faults), (0, 0));
        }
        let claimed: u64 = members.iter().map(|member| member.stats().claimed).sum();
        assert_eq!(claimed, times * devices as u64);
    });
}

#[test]
fn i7_nothing_is_lost_while_members_come_and_go() {
    nothing_is_lost(3, 1, 200);
    nothing_is_lost(4, 2, 200);
    nothing_is_lost(3, 3, 200);
}

/// More members than a dispatcher's word has bits.
#[test]
fn i7_many_members() {
    nothing_is_lost(70, 2, 3);
}
