//! The handle of a device's power (rule E6).
//!
//! Dropping the last handle makes the device leave D0. Where an exit would be refused, a thread that is started for it
//! makes the exit. It begins when the sections have ended that the dropping thread is in. The ends of the device's
//! interrupts that are dropped until then are left to the same thread, which makes them after the exit.

use core::fmt;
use core::ops::Deref;

#[cfg(feature = "std")]
use alloc::{format, sync::Arc, vec::Vec};

use crate::device::{D0Entry, Device};
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
#[cfg(feature = "std")]
use crate::interrupt::attached::EndsElsewhere;
#[cfg(feature = "std")]
use crate::name::Name;
use crate::sync;

/// The power of a [`Device`] in D0, for a driver to own: dropping it makes the device leave D0 ([rule
/// E6](crate::guide::contract#e6)).
///
/// [`Device::power_up`] returns it. It derefs to the [`Device`]. Make it the first field of the driver's struct, before
/// the interrupts. Then a driver goes down in this order, wherever it is dropped:
///
/// 1. The disabling-interrupts callback of the device.
/// 2. Every interrupt is disabled, with its disable callback, in the reverse of the order in which they were built.
/// 3. The D0-exit callback of the device.
/// 4. The interrupts end, and free what their data and closures own.
///
/// The drop waits as [`exit_d0`](Device::exit_d0) does. It leaves D0 for good, so
/// [wake-capable](crate::Builder::wake_capable) interrupts are disabled too. Errors are ignored: to see them, call
/// `exit_d0` before the drop, which then has nothing left to do. A driver may leave D0 and enter it again meanwhile.
///
/// If the device has several such handles, the last one that is dropped makes it leave D0.
///
/// If a callback of the device owns it, neither is ever freed.
///
/// # Dropped in a callback
///
/// Where `exit_d0` would return [`ErrorKind::WouldDeadlock`], the drop returns at once: in an ISR, in a callback of the
/// device or of one of its interrupts, in a work item, in a section of one of their locks. A thread that is started for it
/// then does the above, as soon as that callback or section has ended. It also ends the interrupts whose handles are
/// dropped in between, so the order is the same. What a driver keeps in other fields is freed at once: let a closure or
/// the interrupt data own what the device needs until it has stopped, such as DMA buffers.
///
/// Without the feature `std` there are no threads: then such a drop leaves the device in D0.
///
/// # Examples
///
/// ```
/// use interrupt_lock::{Claim, Device, Interrupt, NoWorkItem, Powered};
///
/// #[derive(Default)]
/// struct Ring {
///     packets: u32,
/// }
///
/// struct Driver {
///     power: Powered, // dropped first
///     receive: Interrupt<Ring, NoWorkItem>,
///     transmit: Interrupt<Ring, NoWorkItem>,
/// }
///
/// fn start() -> Result<Driver, interrupt_lock::Error> {
///     let device = Device::builder("nic")
///         .on_d0_entry(|| { /* switch the clocks on */ })
///         .on_d0_exit(|| println!("reset"))
///         .build();
///     let interrupt = |name| {
///         Interrupt::builder(Ring::default())
///             .name(name)
///             .device(&device)
///             .isr(|ring| {
///                 ring.packets += 1;
///                 Claim::Claimed
///             })
///             .on_disable(move |_| println!("{name} stopped"))
///             .build()
///     };
///     let (receive, transmit) = (interrupt("receive")?, interrupt("transmit")?);
///     Ok(Driver { power: device.power_up()?, receive, transmit })
/// }
///
/// let driver = start()?;
/// driver.receive.service();
/// drop(driver); // transmit stopped, receive stopped, reset; then the interrupts end
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[must_use = "dropping it makes the device leave D0"]
#[doc(alias = "WdfPowerDeviceD3Final")]
pub struct Powered {
    device: Device,
    entry: D0Entry,
}

impl Powered {
    /// Returns what [`Device::power_up`] has done, such as the interrupts that it passed over.
    ///
    /// ```
    /// let power = interrupt_lock::Device::builder("nic").build().power_up()?;
    /// assert!(power.entry().not_granted().is_empty());
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn entry(&self) -> &D0Entry {
        &self.entry
    }
}

impl Deref for Powered {
    type Target = Device;

    fn deref(&self) -> &Device {
        &self.device
    }
}

impl Drop for Powered {
    fn drop(&mut self) {
        // A forked child leaves the parent's device alone.
        if self.device.0.process.is_this() {
            self.device.handle_dropped();
        }
    }
}

impl fmt::Debug for Powered {
    /// Never waits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Powered").field("device", &self.device).field("entry", &self.entry).finish()
    }
}

/// The handles of a device's power, and what is left to the threads that make an exit which was put off.
#[derive(Default)]
pub(super) struct PowerHandles {
    /// How many there are.
    count: usize,
    /// How many exits are put off.
    #[cfg(feature = "std")]
    put_off: usize,
    /// The interrupts that end after these exits.
    #[cfg(feature = "std")]
    ends: Vec<Arc<dyn EndsElsewhere>>,
}

impl Device {
    /// Makes the device enter D0, as [`enter_d0`](Self::enter_d0) does, until the returned handle is dropped ([rule
    /// E6](crate::guide::contract#e6)).
    ///
    /// If the device is in D0 already, it returns one more handle.
    ///
    /// # Errors
    ///
    /// As [`enter_d0`](Self::enter_d0). Then nobody has to leave D0.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Device, Interrupt, State, Transition};
    ///
    /// let device = Device::builder("nic").build();
    /// let interrupt = Interrupt::builder(()).device(&device).isr(|_| Claim::Claimed).build()?;
    /// let power = device.power_up()?;
    /// assert_eq!(interrupt.state(), State::Enabled);
    /// drop(power);
    /// assert_eq!(interrupt.state(), State::Disabled);
    /// assert_eq!(device.exit_d0()?, Transition::Already);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "EvtDeviceD0Entry")]
    pub fn power_up(&self) -> Result<Powered, Error> {
        self.transition(|power, interrupts| {
            let entry = self.bring_to_d0(power, interrupts)?;
            // Inside the transition: an exit that is under way sees it, or has been made before.
            self.0.power_handles.lock().count += 1;
            Ok(Powered { device: self.clone(), entry })
        })
    }

    /// A handle was dropped. If it was the last, the device leaves D0.
    fn handle_dropped(&self) {
        let mut handles = self.0.power_handles.lock();
        handles.count -= 1;
        let is_held = handles.count != 0;
        drop(handles);
        if is_held {
            return;
        }
        if let Err(error) = self.leave_without_handle() {
            sync::free_silently(error);
            #[cfg(feature = "std")]
            self.put_exit_off();
        }
    }

    /// Leaves D0 for good, unless there is a new handle. Returns an error if a wait would never end.
    fn leave_without_handle(&self) -> Result<(), Error> {
        self.transition(|power, interrupts| {
            let is_held = self.0.power_handles.lock().count != 0;
            if is_held { Ok(()) } else { self.retire(power, interrupts) }
        })
    }
}

#[cfg(feature = "std")]
impl Device {
    /// Makes a thread leave D0 when the sections of the calling thread have ended.
    fn put_exit_off(&self) {
        self.0.power_handles.lock().put_off += 1;
        let mut held = Vec::new();
        for interrupt in self.interrupts() {
            match interrupt.sections_of_this_thread() {
                Some(sections) => held.push((interrupt, sections)),
                None => sync::free_silently(interrupt),
            }
        }
        let device = self.clone();
        let started = sync::spawn(&Name::from(format!("{} exit", self.name())), move || {
            for (interrupt, sections) in held {
                sync::insist(|| interrupt.wait_for(sections).map_err(sync::free_silently));
                sync::free_silently(interrupt);
            }
            sync::insist(|| device.leave_without_handle().map_err(sync::free_silently));
            device.exit_is_made();
        });
        if !started {
            self.exit_is_made();
        }
    }

    /// Ends the interrupts that were left to the exits, if this was the last.
    fn exit_is_made(&self) {
        let mut handles = self.0.power_handles.lock();
        handles.put_off -= 1;
        if handles.put_off != 0 {
            return;
        }
        let ends = core::mem::take(&mut handles.ends);
        drop(handles);
        ends.into_iter().for_each(EndsElsewhere::end_left);
    }

    /// Leaves the end of `interrupt` to the thread of an exit that is put off. Returns `false` if there is none.
    pub(super) fn leave_end(&self, interrupt: Arc<dyn EndsElsewhere>) -> bool {
        let mut handles = self.0.power_handles.lock();
        let left = handles.put_off != 0;
        if left {
            handles.ends.push(interrupt);
        }
        left
    }
}
