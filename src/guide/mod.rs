//! Guides for driver authors: one page for each question, about ten minutes each.
//!
//! Begin here:
//!
#![cfg_attr(
    all(feature = "simulated", feature = "vfio", feature = "uio", not(loom)),
    doc = "- [`first_driver`]: the parts of a driver, from its device to its end."
)]
//! - [`how_it_works`]: the states of an interrupt, and the way from an assertion to the work item, in two pictures.
#![cfg_attr(
    all(feature = "simulated", feature = "vfio", feature = "uio", not(loom)),
    doc = "- [`sources`]: which source your device needs, and the threads that serve it.",
    doc = "- [`several_interrupts`]: a device with several interrupts, such as a network card: locks, power, DMA.",
    doc = "- [`teardown`]: the order of enable, disable and the end; devices that read and write memory (DMA).",
    doc = "",
    doc = "If you have a driver already:",
    doc = "",
    doc = "- [`porting`]: move a UMDF or KMDF driver; a whole one, before and after.",
    doc = "- [`from_wdf`]: each WDF function, callback and structure, and what stands for it here.",
    doc = "- [`inside_wdf`]: a driver that stays in the framework, in kernel mode or user mode, with `wdk-sys`.",
    doc = "- [`from_a_loop`]: move a program that waits on UIO or VFIO descriptors.",
    doc = "- [`registers`]: register types of other crates, over mapped and simulated registers.",
    doc = "- [`writing_a_source`]: a source of your own, and the suite that tests it.",
    doc = "",
    doc = "If something is wrong, or might be:",
    doc = "",
    doc = "- [`slow_isr`]: an ISR that takes too long or comes too late.",
    doc = "- [`operating`]: counters, distributions, events, faults.",
    doc = "- [`model_checking`]: your own driver under loom.",
    doc = "",
    doc = "To look things up:",
    doc = "",
    doc = "- [`costs`]: what each kind of interrupt costs: memory, descriptors, threads."
)]
//! - [`contract`]: every rule that the crate keeps, with its id.
//! - [`bare_metal`]: interrupts on a microcontroller; a UART, critical-section, RTIC, embassy.
//! - [`figures`]: what the lock and a delivery cost.
//!
//! Every snippet is a test of this crate. (Those for mio, calloop, tokio, safe-mmio, tock-registers, WDF and
//! microcontrollers are tested in its repository, where their dependencies are.)

// The rules are linked from everywhere, so this page is part of every documentation build. It links to no item that a
// feature may leave out.
#[doc = include_str!("contract.md")]
pub mod contract {}
/// How an interrupt works, in two pictures.
///
/// # The states
///
/// An interrupt is in one of seven phases. [`state()`](crate::InterruptObject::state) returns its phase and the flag
/// *inactive* as one of seven [states](crate::State).
///
#[doc = include_str!("pictures/states.svg")]
///
#[doc = include_str!("how_it_works/states.md")]
///
/// # From an assertion to the work item
///
/// [`service()`](crate::InterruptObject::service) is the only way to the ISR. A dispatcher calls it, and so does an
/// interrupt vector, a loop of your own or a loom model.
///
#[doc = include_str!("pictures/delivery.svg")]
///
#[doc = include_str!("how_it_works/delivery.md")]
pub mod how_it_works {}
#[doc = include_str!("bare_metal.md")]
pub mod bare_metal {
    /// A UART with a ring on one core, to copy: vector, level line, work item in PendSV, and an end that stops its clock.
    ///
    /// The program is complete, but for the vector table and the link script. The device is a PL011, as many have it.
    ///
    /// ```ignore
    #[doc = include_str!("bare_metal/uart.rs")]
    /// ```
    ///
    #[doc = include_str!("bare_metal/uart.md")]
    pub mod uart {}
    /// Beside data that is shared by the crate `critical-section`: what excludes what.
    ///
    /// A counter of pulses, of which the ISR and the whole program each have a part:
    ///
    /// ```ignore
    #[doc = include_str!("bare_metal/critical_section.rs")]
    /// ```
    ///
    #[doc = include_str!("bare_metal/critical_section.md")]
    pub mod critical_section {}
    /// In an app of RTIC 2: ceilings, the vector as a task, and a task for the work item.
    ///
    /// A sensor that interrupts for each measurement. `device` is yours: it starts the sensor, and reads, filters and shows.
    ///
    /// ```ignore
    #[doc = include_str!("bare_metal/rtic.rs")]
    /// ```
    ///
    #[doc = include_str!("bare_metal/rtic.md")]
    pub mod rtic {}
    /// With async tasks of embassy's: the ISR, or a queued work item, wakes the task that waits.
    ///
    /// A sensor that interrupts for each measurement. `device` is yours: it starts the sensor, and reads, shows and stores.
    ///
    /// ```ignore
    #[doc = include_str!("bare_metal/embassy.rs")]
    /// ```
    ///
    #[doc = include_str!("bare_metal/embassy.md")]
    pub mod embassy {}
    /// The object for several cores, on bare metal: how to wire it, and what is masked.
    ///
    #[doc = include_str!("bare_metal/several_cores.md")]
    pub mod several_cores {}
}
#[doc = include_str!("reference/figures.md")]
pub mod figures {}

// The others use what the features bring, in links and in snippets.
#[cfg(all(feature = "simulated", feature = "vfio", feature = "uio", not(loom)))]
mod pages {
    #[doc = include_str!("reference/costs.md")]
    pub mod costs {}
    #[doc = include_str!("first_driver.md")]
    pub mod first_driver {}
    #[doc = include_str!("from_a_loop.md")]
    pub mod from_a_loop {}
    #[doc = include_str!("reference/from_wdf.md")]
    pub mod from_wdf {}
    /// Inside WDF: the interrupt of a KMDF or UMDF 2 driver, built on this crate.
    ///
    #[doc = include_str!("wdf/inside.md")]
    #[doc = include_str!("wdf/driver.rs")]
    /// ```
    ///
    /// # What it needs of WDF's types
    ///
    /// ```ignore
    #[doc = include_str!("wdf/glue.rs")]
    /// ```
    ///
    /// # The program's part for kernel mode
    ///
    /// ```ignore
    #[doc = include_str!("wdf/kernel_mode.rs")]
    /// ```
    ///
    #[doc = include_str!("wdf/kernel_mode.md")]
    #[doc = include_str!("wdf/user_mode.rs")]
    /// ```
    ///
    #[doc = include_str!("wdf/notes.md")]
    pub mod inside_wdf {}
    #[doc = include_str!("model_checking.md")]
    pub mod model_checking {}
    #[doc = include_str!("operating.md")]
    pub mod operating {}
    #[doc = include_str!("porting.md")]
    pub mod porting {
        /// A whole driver, before and after: the interrupt part of a UMDF 2 driver in C, and the same with this crate.
        ///
        #[doc = include_str!("porting/whole_driver.md")]
        ///
        /// # Before
        ///
        /// ```c
        #[doc = include_str!("porting/before.c")]
        /// ```
        ///
        /// # After
        ///
        /// ```ignore
        #[doc = include_str!("porting/after.rs")]
        /// ```
        pub mod whole_driver {}
    }
    #[doc = include_str!("devices/registers.md")]
    pub mod registers {}
    /// A device with several interrupts: where its parts belong, and in which order they end.
    ///
    #[doc = include_str!("devices/several_interrupts.md")]
    pub mod several_interrupts {}
    #[doc = include_str!("slow_isr.md")]
    pub mod slow_isr {}
    #[doc = include_str!("reference/sources.md")]
    pub mod sources {}
    /// The order of enable, disable and the end, and how to free what a device writes to.
    ///
    /// # The order
    ///
    #[doc = include_str!("pictures/order.svg")]
    ///
    #[doc = include_str!("teardown.md")]
    pub mod teardown {}
    #[doc = include_str!("devices/writing_a_source.md")]
    pub mod writing_a_source {}
}
#[cfg(all(feature = "simulated", feature = "vfio", feature = "uio", not(loom)))]
pub use pages::*;

/// What the page on teardown says of buffers in the interrupt data, for a driver that drops itself in its own work item.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use interrupt_lock::{Claim, Interrupt, source::Software};
///
/// type Log = Arc<Mutex<Vec<&'static str>>>;
/// struct Buffer(Log);
/// impl Drop for Buffer {
///     fn drop(&mut self) {
///         self.0.lock().unwrap().push("freed");
///     }
/// }
///
/// let log = Log::default();
/// let driver = Arc::new(Mutex::new(None));
/// let (source, line) = Software::edge();
/// let itself = driver.clone();
/// let interrupt = Interrupt::builder(Buffer(log.clone()))
///     .isr(|buffer| {
///         buffer.queue_work_item();
///         Claim::Claimed
///     })
///     .on_disable(|buffer| buffer.0.lock().unwrap().push("stopped"))
///     .work_item(move |_| drop(itself.lock().unwrap().take()))
///     .source(source)
///     .build()?;
/// interrupt.enable()?;
/// *driver.lock().unwrap() = Some(interrupt);
/// line.assert();
/// while log.lock().unwrap().len() < 2 {
///     std::thread::yield_now();
/// }
/// assert_eq!(*log.lock().unwrap(), ["stopped", "freed"]);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[cfg(all(doctest, feature = "std", not(loom)))]
mod teardown_order {}
