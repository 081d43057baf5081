//! `irqtop --connect` beside a driver that publishes: this test (rule S4).
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use interrupt_lock::{Claim, Export, Interrupt, NoWorkItem};

fn driver(export: &Export, name: &'static str) -> Interrupt<(), NoWorkItem> {
    let interrupt = Interrupt::builder(()).name(name).isr(|_| Claim::Claimed).timed().build().unwrap();
    interrupt.enable().unwrap();
    export.add(interrupt.object()).unwrap();
    interrupt
}

fn irqtop(socket: &PathBuf, seconds: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_irqtop"));
    command.arg("--connect").arg(socket).args(["--seconds", seconds]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn socket(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("irqtop-{}-{name}.sock", std::process::id()))
}

/// It shows the interrupts of another process as they are, and ends as its time is over.
// Caught: a rate of all since the start; figures of the first look. (A name that moves the cursor: in `text`.)
#[test]
fn s4_irqtop_shows_a_running_driver() {
    let path = socket("shows");
    let export = Export::new();
    let interrupts = ["rx", "t\x1b[31mx", "rx"].map(|name| driver(&export, name));
    (0..1000).for_each(|_| _ = interrupts[0].service());
    let _publisher = export.publish(&path).unwrap();
    let output = irqtop(&path, "1").wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].starts_with("rx: 0 interrupts/s, 0 spurious/s, 1000 delivered, 0 spurious; isr p50 "), "{text}");
    assert!(lines[0].ends_with("; enabled") && !lines[0].contains("p50 -, p99"), "{text}");
    assert!(lines[1].starts_with("t\\u{1b}[31mx: "), "{text}");
    assert!(lines[2].starts_with("rx#2: 0 interrupts/s, 0 spurious/s, 0 delivered"), "{text}");

    // What is new is in a later look, and in its rate.
    let mut child = irqtop(&path, "60");
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap).filter(|line| line.starts_with("rx: "));
    assert!(lines.next().unwrap().contains(" 1000 delivered,"));
    (0..500).for_each(|_| _ = interrupts[0].service());
    let new = lines.find(|line| line.contains(" 1500 delivered,")).expect("it shows no more than at first");
    assert!(!new.starts_with("rx: 0 interrupts/s"), "{new}");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// If the driver ends, it says so, and which socket it was.
// Caught: a program that goes on with the last figures; a panic.
#[test]
fn s4_irqtop_tells_that_the_driver_has_ended() {
    let path = socket("ends");
    let export = Export::new();
    let _interrupt = driver(&export, "edu0");
    let publisher = export.publish(&path).unwrap();
    let mut child = irqtop(&path, "30");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("edu0: "));
    drop(publisher);
    let mut complaint = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(complaint.starts_with(&format!("irqtop: can't connect to {}: ", path.display())), "{complaint}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
}
