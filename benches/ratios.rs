//! Every figure that the crate claims, beside its peer, in one run.
//!
//! `cargo bench -p interrupt-lock-benches --bench ratios [-- NAME…]` measures all figures, or those whose names contain
//! NAME.
//!
//! A *peer* is what a driver would use otherwise. A *limit* is the least that any solution has to do. A machine's speed
//! changes from second to second. So the measures that are compared take turns, many times, and a ratio is the median
//! of the turns' ratios.

#[path = "ratios/contention.rs"]
mod contention;
#[path = "ratios/lock.rs"]
mod lock;
#[path = "support/placement.rs"]
mod placement;
#[path = "ratios/service.rs"]
mod service;
#[path = "ratios/table.rs"]
mod table;
#[path = "ratios/work_item.rs"]
mod work_item;

#[cfg(target_os = "linux")]
#[path = "ratios/busy.rs"]
mod busy;
#[cfg(target_os = "linux")]
#[path = "ratios/cycle.rs"]
mod cycle;
#[cfg(target_os = "linux")]
#[path = "ratios/delivery.rs"]
mod delivery;
#[cfg(windows)]
#[path = "ratios/event.rs"]
mod event;
#[cfg(target_os = "linux")]
#[path = "support/eventfd.rs"]
mod eventfd;
#[cfg(target_os = "linux")]
#[path = "ratios/polling.rs"]
mod polling;
#[cfg(target_os = "linux")]
#[path = "ratios/scale.rs"]
mod scale;
#[cfg(target_os = "linux")]
#[path = "ratios/waits.rs"]
mod waits;

use table::Table;

fn main() {
    let mut table = Table::new(std::env::args().skip(1).filter(|argument| argument != "--bench").collect());
    lock::measure(&mut table);
    contention::measure(&mut table);
    service::measure(&mut table);
    #[cfg(target_os = "linux")]
    {
        delivery::measure(&mut table);
        polling::measure(&mut table);
        waits::measure(&mut table);
        cycle::measure(&mut table);
        scale::measure(&mut table);
        busy::measure(&mut table);
    }
    #[cfg(windows)]
    event::measure(&mut table);
    work_item::measure(&mut table);
    table.finish();
}
