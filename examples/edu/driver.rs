//! A driver for QEMU's `edu` device, which computes factorials and asserts its interrupt when it is done.

use std::collections::VecDeque;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use interrupt_lock::{Claim, Error, Interrupt, Registers, Source};

const IDENTIFICATION: usize = 0x00;
const FACTORIAL: usize = 0x08;
const STATUS: usize = 0x20;
const INTERRUPT_STATUS: usize = 0x24;
const ACKNOWLEDGE: usize = 0x64;
const COMPUTING: u32 = 1; // in STATUS
const RAISE_WHEN_DONE: u32 = 0x80;

/// What the ISR and the rest of the driver share.
#[derive(Default)]
pub struct Requests {
    waiting: VecDeque<u32>,
    /// The one that the device computes, and since when.
    current: Option<(u32, Instant)>,
    done: VecDeque<Answer>,
}

/// What was asked, its factorial, and how long that took.
pub type Answer = (u32, u32, Duration);

pub struct Edu<R> {
    registers: R,
    pub interrupt: Interrupt<Requests>,
    answers: Receiver<Answer>,
}

/// Gives the device its next request, if there is one.
fn start(requests: &mut Requests, registers: &impl Registers) {
    requests.current = requests.waiting.pop_front().map(|n| (n, Instant::now()));
    if let Some((n, _)) = requests.current {
        registers.write32(FACTORIAL, n);
    }
}

impl<R: Registers + Clone + 'static> Edu<R> {
    /// Takes the device over. `None` if it isn't an edu.
    pub fn new(name: String, registers: R, source: impl Source + 'static) -> Result<Option<Self>, Error> {
        if registers.read32(IDENTIFICATION) & 0xff != 0xed {
            return Ok(None);
        }
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
                if let Some((n, since)) = requests.current.take() {
                    requests.done.push_back((n, isr.read32(FACTORIAL), since.elapsed()));
                    requests.queue_work_item();
                }
                start(requests, &isr);
                Claim::Claimed
            })
            .on_enable(move |requests| {
                let since = Instant::now(); // what it still computes was asked for before
                while enable.read32(STATUS) & COMPUTING != 0 {
                    if since.elapsed() > Duration::from_secs(1) {
                        return Err("the device does not finish what it computes");
                    }
                }
                enable.write32(ACKNOWLEDGE, enable.read32(INTERRUPT_STATUS));
                enable.write32(STATUS, RAISE_WHEN_DONE);
                requests.waiting.extend(requests.current.take().map(|(n, _)| n));
                start(requests, &enable);
                Ok(())
            })
            .on_disable(move |_| disable.write32(STATUS, 0))
            .work_item(move |interrupt| {
                while let Some(answer) = interrupt.synchronize(|requests| requests.done.pop_front()) {
                    let _ = sender.send(answer); // nobody listens once the driver is gone
                }
            })
            .source(source)
            .build()?;
        interrupt.enable()?;
        Ok(Some(Self {
            registers,
            interrupt,
            answers,
        }))
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
