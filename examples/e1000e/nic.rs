//! The driver: from a PCI address to a card that is in D0.

use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use interrupt_lock::linux::{MappedRegisters, vfio};
use interrupt_lock::{Claim, Device, Error, Interrupt, Powered, Registers, Table, Work};

use crate::chip::{self, ALLOW, CAUSES, FORBID, LINK_IS_UP, OTHER, RAISE, STATUS};
use crate::failure::Failure;
use crate::ring::{LOOPBACK, RECEIVE, Ring, TRANSMIT};

/// How much of its ring a work item takes at a time.
const BUDGET: usize = 64;

/// What the work items tell the program.
pub enum Event {
    Received(Vec<Vec<u8>>),
    Sent(usize),
    Link { up: bool },
}

/// Dropped in this order: power goes off, then the interrupts end and free the rings.
pub struct Nic {
    pub power: Powered,
    pub receive: Interrupt<Ring>,
    pub transmit: Interrupt<Ring>,
    _link: Interrupt<MappedRegisters>,
    events: Receiver<Event>,
    pub address: [u8; 6],
}

impl Nic {
    /// Returns when the link is up.
    pub fn open(address: &str, loopback: bool) -> Result<Self, Failure> {
        let pci = vfio::PciDevice::open(address).map_err(Failure::of_the_device)?;
        if pci.config_read(0).map_err(Failure::of_the_device)? != [0x86, 0x80, 0xd3, 0x10] {
            return Err(Failure::Device(format!("{address} is no Intel 82574")));
        }
        let this = Self::build(&pci, loopback).map_err(Failure::of_the_device)?;
        if let [missing, ..] = this.power.entry().not_granted() {
            return Err(Failure::Device(format!("{missing}: the system has too few message vectors")));
        }
        while !matches!(this.event()?, Event::Link { up: true }) {}
        Ok(this)
    }

    fn build(pci: &vfio::PciDevice, loopback: bool) -> Result<Self, Error> {
        let (chip, vectors) = (pci.registers(0)?, pci.msix(5)?);
        let (sender, events) = mpsc::channel();
        let [entry, enabled, exit] = [(); 3].map(|()| chip.clone());
        let device = Device::builder(pci.address().to_owned())
            .on_d0_entry(move || chip::power_up(&entry))
            .on_interrupts_enabled(move || enabled.write32(RAISE, OTHER)) // looks at the link
            .on_d0_exit(move || chip::reset(&exit))
            .build();
        let name = |vector| format!("{}[{vector}]", pci.address());
        let ring = |vector, kind, work: fn(&mut Ring) -> Event| {
            let sender = sender.clone();
            Interrupt::builder(Ring::new(pci, &chip, kind)?)
                .name(name(vector))
                .device(&device)
                .on_enable(Ring::start)
                .on_disable(Ring::stop)
                .isr(|ring| {
                    ring.queue_work_item();
                    if ring.quiet() { Claim::ClaimedKeepMasked } else { Claim::DeviceGone }
                })
                .work_item(move |interrupt| {
                    let event = interrupt.synchronize(work);
                    let count = match &event {
                        Event::Received(frames) => frames.len(),
                        Event::Sent(count) => *count,
                        Event::Link { .. } => 0,
                    };
                    let _ = sender.send(event); // fails only once the program listens no more
                    if count == BUDGET { Work::Again } else { Work::Done }
                })
                .on_unmask(Ring::arm)
                .source(vectors.vector(vector)?)
                .build()
        };
        // They are enabled in this order and disabled in reverse: whatever is sent can be received.
        let kind = if loopback { LOOPBACK } else { RECEIVE };
        let receive = ring(0, kind, |ring| Event::Received(ring.receive(BUDGET)))?;
        let transmit = ring(1, TRANSMIT, |ring| Event::Sent(ring.reap(BUDGET)))?;
        let link = Interrupt::builder(chip.clone())
            .name(name(2))
            .device(&device)
            .on_enable(|chip| chip.write32(ALLOW, OTHER))
            .on_disable(|chip| chip.write32(FORBID, OTHER))
            .isr(|chip| {
                chip.write32(CAUSES, OTHER);
                chip.queue_work_item();
                Claim::Claimed
            })
            .work_item(move |interrupt| {
                let up = interrupt.synchronize(|chip| chip.read32(STATUS) & LINK_IS_UP != 0);
                let _ = sender.send(Event::Link { up });
            })
            .source(vectors.vector(2)?)
            .build()?;
        let power = device.power_up()?;
        Ok(Self { power, receive, transmit, _link: link, events, address: chip::address(&chip) })
    }

    /// Waits for what happens next. Fails if the device has gone, or nothing happens for half a minute.
    pub fn event(&self) -> Result<Event, Failure> {
        for _ in 0..300 {
            if let Ok(event) = self.events.recv_timeout(Duration::from_millis(100)) {
                return Ok(event);
            }
            self.receive.check().map_err(Failure::of_the_run)?;
        }
        Err(Failure::Run("nothing has happened for half a minute".into()))
    }

    /// Switches off, and says what the interrupts have done.
    pub fn finish(self) -> Result<String, Failure> {
        self.power.exit_d0().map_err(Failure::of_the_run)?;
        Ok(Table::from(&self.power.stats()[..]).to_string())
    }
}
