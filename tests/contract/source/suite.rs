//! The suite that every source passes, on the sources that need no hardware. The guest program of the lab runs it on
//! UIO and VFIO.

use interrupt_lock::source_tests;
use support::rigs::*;

source_tests!(software_edge: SoftwareEdge, common edge timed surprise request);
source_tests!(software_message: SoftwareMessage, common edge timed surprise request);
source_tests!(software_level: SoftwareLevel, common level timed surprise request);
source_tests!(shared_alone: SharedAlone, common level surprise request);
source_tests!(simulated_line: SimulatedLine, common level timed surprise request);
source_tests!(simulated_message: SimulatedMessage, common edge timed surprise request);

#[cfg(target_os = "linux")]
source_tests!(eventfd_own: EventfdOwn, common edge);
#[cfg(target_os = "linux")]
source_tests!(eventfd_given: EventfdGiven, common edge);
#[cfg(target_os = "linux")]
source_tests!(uio_fake: UioFake, common level surprise);
#[cfg(target_os = "linux")]
source_tests!(shared_uio: SharedUio, common level surprise);
#[cfg(target_os = "linux")]
source_tests!(timer: TimerOnce, common);
#[cfg(target_os = "linux")]
source_tests!(gpio_fake: GpioFake, common edge surprise);

#[cfg(windows)]
source_tests!(event_own: EventAutoReset::Own, common edge);
#[cfg(windows)]
source_tests!(event_given: EventAutoReset::Given, common edge);
#[cfg(windows)]
source_tests!(event_manual_reset: EventManualReset, common level);
#[cfg(windows)]
source_tests!(shared_event: SharedEvent, common level);
#[cfg(windows)]
source_tests!(timer: TimerOnce, common);
