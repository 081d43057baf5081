//! A driver for QEMU's `edu` device, which computes factorials and asserts its interrupt when it is done.

pub mod device;

use std::collections::VecDeque;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use device::{ACKNOWLEDGE, COMPUTING, FACTORIAL, INTERRUPT_STATUS, RAISE_WHEN_DONE, STATUS, wait_until};
use interrupt_lock::{Claim, Error, Interrupt, Registers, source::Source};

/// What was asked, its factorial, and how long that took.
pub type Answer = (u32, u32, Duration);

/// What the ISR and the rest of the driver share.
#[derive(Default)]
pub struct Requests {
    waiting: VecDeque<u32>,
    /// The one that the device computes, and since when.
    current: Option<(u32, Instant)>,
    done: VecDeque<Answer>,
}

pub struct Edu<R> {
    registers: R,
    pub interrupt: Interrupt<Requests>,
    answers: Receiver<Answer>,
}

/// Gives the device the request that it has not answered, or the next, if there is one.
fn start(requests: &mut Requests, registers: &impl Registers) {
    let next = requests.waiting.pop_front_if(|_| requests.current.is_none());
    requests.current = requests.current.or(next.map(|n| (n, Instant::now())));
    if let Some((n, _)) = requests.current {
        registers.write32(FACTORIAL, n);
    }
}

impl<R: Registers + Clone + 'static> Edu<R> {
    pub fn new(name: String, registers: R, source: impl Source + 'static) -> Result<Self, Error> {
        let (isr, enable, disable) = (registers.clone(), registers.clone(), registers.clone());
        let (sender, answers) = mpsc::channel();
        let interrupt = Interrupt::builder(Requests::default())
            .name(name)
            .isr(move |requests| {
                match isr.read32_live(INTERRUPT_STATUS) {
                    None => return Claim::DeviceGone,
                    Some(0) => return Claim::Unclaimed,
                    Some(status) => isr.write32(ACKNOWLEDGE, status),
                }
                let done = isr.read32(STATUS) & COMPUTING == 0; // if not: late, for what was asked before the enable
                if let Some((n, since)) = requests.current.take_if(|_| done) {
                    requests.done.push_back((n, isr.read32(FACTORIAL), since.elapsed()));
                    requests.queue_work_item();
                    start(requests, &isr);
                }
                Claim::Claimed
            })
            .on_enable(move |requests| {
                wait_until(|| enable.read32(STATUS) & COMPUTING == 0)?; // what was asked for before
                enable.write32(ACKNOWLEDGE, enable.read32(INTERRUPT_STATUS));
                enable.write32(STATUS, RAISE_WHEN_DONE);
                start(requests, &enable);
                Ok::<_, &str>(())
            })
            .on_disable(move |requests| {
                // What is under way has been raised then: a message must not come while nothing is connected. It is
                // stale, since no ISR runs after this. The next enable asks for it again.
                let raised = wait_until(|| requests.current.is_none() || disable.read32(INTERRUPT_STATUS) != 0);
                disable.write32(STATUS, 0);
                raised
            })
            .work_item(move |interrupt| {
                while let Some(answer) = interrupt.synchronize(|requests| requests.done.pop_front()) {
                    let _ = sender.send(answer); // fails only once the driver is gone
                }
            })
            .source(source)
            .build()?;
        interrupt.enable()?;
        Ok(Self { registers, interrupt, answers })
    }

    pub fn submit(&self, n: u32) {
        let mut requests = self.interrupt.acquire_interrupt_lock();
        requests.waiting.push_back(n);
        if requests.current.is_none() {
            start(&mut requests, &self.registers);
        }
    }

    /// Waits for an answer; the error says if the device went away meanwhile.
    pub fn answer(&self) -> Result<Answer, Error> {
        loop {
            if let Ok(answer) = self.answers.recv_timeout(Duration::from_millis(100)) {
                return Ok(answer);
            }
            self.interrupt.check()?;
        }
    }
}
