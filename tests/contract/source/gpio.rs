//! GPIO lines, played by a pipe; and what is refused of a request. (The lab has real ones.)

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::task::Waker;
use std::time::{Duration, Instant};

use interrupt_lock::linux::{Gpio, GpioEdge, GpioLines, GpioRequest};
use interrupt_lock::source::Source;
use interrupt_lock::{Claim, ErrorKind, Interrupt, NoWorkItem, SourceError, State, Trigger};
use rustix::io::{FdFlags, fcntl_getfd};
use rustix::time::{ClockId, clock_gettime};
use support::kind;
use support::rigs::{GpioKernel, gpio_event};

fn played() -> (Gpio, GpioLines, GpioKernel) {
    let (lines, kernel) = GpioKernel::new().unwrap();
    let (mut source, lines) = Gpio::from_fd(lines, &[3]).unwrap();
    source.connect(Waker::noop()).unwrap();
    (source, lines, kernel)
}

fn numbers(lines: &GpioLines) -> Vec<u32> {
    std::iter::from_fn(|| lines.next_event()).map(|event| event.number).collect()
}

/// The one sentence of a request that is refused.
#[track_caller]
fn refusal(request: GpioRequest) -> String {
    let error = request.open().unwrap_err();
    format!("{error:#}")
}

// Broken by a `take` that reads once, and by one that returns 1 for many.
#[test]
fn i3_edges_are_taken_one_by_one() {
    let (mut source, lines, kernel) = played();
    for edge in 0..100 {
        kernel.edge(edge % 2 == 0);
    }
    assert_eq!((source.take(), source.take()), (Ok(100), Ok(0)));
    for number in 1..=100 {
        let event = lines.next_event().unwrap();
        let edge = if number % 2 == 1 { GpioEdge::Rising } else { GpioEdge::Falling };
        assert_eq!((event.number, event.edge, event.line), (number, edge, 0));
    }
    assert_eq!((lines.next_event(), lines.lost()), (None, 0));
    assert_eq!(source.info().trigger, Some(Trigger::Edge));
}

// Broken by a gap that is not counted, and by counting from 1 what other code has requested.
#[test]
fn i3_lost_edges_are_counted() {
    let (mut source, lines, kernel) = played();
    kernel.lose(10); // before the source was there: other code has had them
    kernel.edge(true);
    kernel.lose(5);
    kernel.edge(true);
    assert_eq!((source.take(), lines.lost()), (Ok(2), 5));
    assert_eq!(numbers(&lines), [11, 17]);
}

// Broken by edges that are forgotten without being counted, and by a `take` that returns 1 for many.
#[test]
fn i3_edges_that_nobody_asks_for_are_counted() {
    let (mut source, lines, kernel) = played();
    (0..2050).for_each(|_| kernel.edge(true));
    assert_eq!((source.take(), lines.missed(), lines.lost()), (Ok(2050), 2, 0));
    assert_eq!(numbers(&lines), (3..=2050).collect::<Vec<_>>());
}

// Broken by a `take` that keeps what is drained, and by a `connect` that keeps what the ISR has not asked for.
#[test]
fn i15_edges_from_before_an_enable_are_never_returned() {
    let (lines, kernel) = GpioKernel::new().unwrap();
    let (mut source, lines) = Gpio::from_fd(lines, &[3]).unwrap();
    kernel.edge(true);
    assert_eq!((source.take(), lines.next_event()), (Ok(1), None));
    let builder =
        Interrupt::builder(Vec::new()).isr(move |seen: &mut interrupt_lock::IsrContext<'_, _, NoWorkItem>| {
            if seen.assertions() == 1 {
                let event = lines.next_event().unwrap();
                seen.push(event.number);
            }
            Claim::Claimed
        });
    let interrupt = builder.source(source).without_dispatcher().build().unwrap();
    kernel.edge(true);
    interrupt.enable().unwrap();
    kernel.edge(true);
    interrupt.service();
    // The ISR leaves these two.
    kernel.edge(true);
    kernel.edge(true);
    interrupt.service();
    interrupt.disable().unwrap();
    kernel.edge(true);
    interrupt.enable().unwrap();
    kernel.edge(true);
    interrupt.service();
    assert_eq!(*interrupt.acquire_interrupt_lock(), [3, 7]);
    assert_eq!(interrupt.stats().stale, 2);
}

// Broken by a time before the request that is taken for that of the request, and by a latency from the time of the look.
#[test]
fn s2_an_event_has_the_kernels_own_time() {
    let (lines, kernel) = rustix::pipe::pipe().unwrap();
    let (source, lines) = Gpio::from_fd(lines, &[3]).unwrap();
    let interrupt: Interrupt<(), NoWorkItem> =
        Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).without_dispatcher().timed().build().unwrap();
    interrupt.enable().unwrap();
    let before = Instant::now();
    let now = clock_gettime(ClockId::Monotonic);
    let after = Instant::now();
    let time = u64::try_from(now.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap();
    let ago = Duration::from_secs(2);
    rustix::io::write(&kernel, &gpio_event(time - 2_000_000_000, true, 3, 1)).unwrap();
    interrupt.service();
    let event = lines.next_event().unwrap();
    // The two clocks are read one after the other, so they may differ by as much as the machine is late.
    let slack = Duration::from_secs(1);
    assert!(event.time + ago + slack > before && event.time + ago < after + slack, "{:?} {before:?}", event.time);
    // This one was made while the interrupt was there.
    std::thread::sleep(Duration::from_millis(50));
    let now = clock_gettime(ClockId::Monotonic);
    let time = u64::try_from(now.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap();
    rustix::io::write(&kernel, &gpio_event(time - 40_000_000, true, 3, 2)).unwrap();
    interrupt.service();
    let latency = interrupt.stats().distributions.unwrap().latency;
    assert!(latency.count() == 2 && latency.longest() > Some(Duration::from_millis(20)), "{latency:?}");
}

// Broken by a descriptor that is left as it is given: `take` blocks for ever.
#[test]
fn i18_given_lines_are_made_non_blocking_and_closed_on_exec() {
    let (lines, _kernel) = GpioKernel::new().unwrap();
    let shared = lines.try_clone().unwrap();
    let (mut source, _) = Gpio::from_fd(lines, &[3]).unwrap();
    rustix::fs::fcntl_setfl(&shared, rustix::fs::OFlags::empty()).unwrap();
    assert_eq!(source.take(), Ok(0));
    assert!(fcntl_getfd(source.as_fd()).unwrap().contains(FdFlags::CLOEXEC));
}

// Broken by an event that is taken for one of the first line.
#[test]
fn what_is_no_event_of_the_lines_is_a_fault() {
    let file = |bytes: &[u8]| {
        let (lines, kernel) = rustix::pipe::pipe().unwrap();
        rustix::io::write(&kernel, bytes).unwrap();
        (Gpio::from_fd(lines, &[3, 5]).unwrap(), kernel)
    };
    let ((mut source, lines), _kernel) = file(&gpio_event(0, false, 5, 1));
    source.connect(Waker::noop()).unwrap();
    assert_eq!(source.take(), Ok(1));
    assert_eq!(lines.next_event().unwrap().line, 1);
    let ((mut source, _), _kernel) = file(&gpio_event(0, false, 4, 1));
    assert_eq!(source.take(), Err(SourceError::Refused("an event is of line 4, which was not named".into())));
    let ((mut source, _), _kernel) = file(b"no event");
    assert!(matches!(source.take(), Err(SourceError::Os { .. })));
}

// Broken by a request that is opened first and looked at later, and by each check that is left out.
#[test]
fn what_is_no_chip_is_refused_with_what_to_do() {
    const NO_CHIP: &str = "could not be set up: it is not a GPIO chip: those are /dev/gpiochip0 and so on";
    for path in ["/dev/null", "/", "/dev/zero"] {
        assert_eq!(refusal(Gpio::request(path).line(1)), format!("{path}: {NO_CHIP}"));
    }
    let missing = refusal(Gpio::request("/dev/gpiochip9999").line(1));
    assert_eq!(
        missing,
        "/dev/gpiochip9999: could not be set up: looking it up: stat: No such file or directory (os error 2)"
    );
    let options: BTreeMap<&str, GpioRequest> = BTreeMap::from([
        ("no line was named: use `line` or `line_named`", Gpio::request("/dev/null")),
        ("one request has at most 64 lines", (0..65).fold(Gpio::request("/dev/null"), GpioRequest::line)),
        (
            "`buffer` must be from 1 to 1,024 edges, which is what the kernel keeps",
            Gpio::request("/dev/null").line(1).buffer(1025),
        ),
        (
            "`consumer` must be at most 31 bytes, without a NUL",
            Gpio::request("/dev/null").line(1).consumer("a name that is longer than 31 bytes"),
        ),
        ("`debounce` must be less than 71 minutes", Gpio::request("/dev/null").line(1).debounce(Duration::MAX)),
    ]);
    for (why, request) in options {
        assert_eq!(refusal(request), format!("/dev/null: could not be set up: {why}"));
    }
    let no_time = Gpio::request("/dev/null").line(1).debounce(Duration::ZERO).open();
    assert!(matches!(kind(&no_time), Some(ErrorKind::NoTime { option: "debounce" })), "{no_time:?}");
}

#[test]
fn what_is_no_request_is_refused_with_its_name() {
    let refusal = |given: OwnedFd, lines: &[u32]| format!("{:#}", Gpio::from_fd(given, lines).unwrap_err());
    let (lines, _kernel) = GpioKernel::new().unwrap();
    assert_eq!(refusal(lines, &[]), "GPIO lines: could not be set up: a request has 1 to 64 lines");
    if support::has_proc() {
        let said = refusal(File::open("/dev/null").unwrap().into(), &[1]);
        assert_eq!(
            said,
            "GPIO lines: could not be set up: the descriptor is not a request for GPIO lines but /dev/null"
        );
    }
}

// Broken by an end of the pipe that is taken for nothing there.
#[test]
fn i13_a_chip_that_goes_is_a_removal() {
    let (source, lines, kernel) = played();
    let interrupt: Interrupt<(), NoWorkItem> =
        Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).without_dispatcher().build().unwrap();
    interrupt.enable().unwrap();
    kernel.edge(true);
    drop(kernel);
    interrupt.service();
    interrupt.service();
    assert_eq!(interrupt.state(), State::Removed);
    assert!(matches!(kind(&lines.is_active(0)), Some(ErrorKind::Source(_))), "a pipe has no level");
}
