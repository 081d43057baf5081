//! The device's registers, as the guide's program knows them. They are the stand-in's.

unsafe extern "C" {
    safe fn device_acknowledge() -> u32;
    safe fn device_enable_interrupts();
    safe fn device_disable_interrupts();
    safe fn device_finish(events: u32);
    safe fn device_in_section();
}

/// Takes the events that the device has had, and takes its interrupt back.
pub fn acknowledge() -> u32 {
    device_acknowledge()
}

pub fn enable_interrupts() {
    device_enable_interrupts();
}

pub fn disable_interrupts() {
    device_disable_interrupts();
}

/// What the work item does with the events.
pub fn finish(events: u32) {
    device_finish(events);
}

/// Looks, in a section of a request, whether anything else is in one.
pub fn in_section() {
    device_in_section();
}
