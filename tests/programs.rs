//! The example programs at their edges: output that nobody takes, wrong arguments, and irqtop in terminals of all
//! kinds.
//!
//! The terminals are made by `script`, and `bash` is the shell that suspends a program. Where one of these commands is
//! missing (Debian has both), the tests of terminals print that they test nothing.
#![cfg(all(target_os = "linux", feature = "std", not(loom)))]

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write, pipe};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Once;

use rustix::process::{Pid, Signal, kill_process};

/// A built program: an example, or irqtop. `cargo test` builds them beside the tests; `cargo test --test programs` does not.
fn program(name: &str) -> PathBuf {
    static BUILT: Once = Once::new();
    let test = support::alone::this_program();
    let profile = test.ancestors().nth(2).unwrap();
    let [examples, irqtop] = [profile.join("examples"), profile.join("irqtop")];
    BUILT.call_once(|| {
        let target = profile.parent().unwrap();
        let build = |package: &[&str]| {
            let built = Command::new(env!("CARGO")).arg("build").args(package).arg("--target-dir").arg(target).status();
            assert!(built.unwrap().success());
        };
        if !examples.join("edu").exists() {
            build(&["-p", "interrupt-lock", "--examples"]);
        }
        if !irqtop.exists() {
            build(&["-p", "irqtop"]);
        }
    });
    if name == "irqtop" { irqtop } else { examples.join(name) }
}

fn run(name: &str, arguments: &[&str], out: impl Into<Stdio>) -> Output {
    let mut command = Command::new(program(name));
    command.args(arguments).stdin(Stdio::null()).stdout(out).stderr(Stdio::piped());
    command.spawn().unwrap().wait_with_output().unwrap()
}

/// One sentence by the program, and no panic.
#[track_caller]
fn complains(name: &str, output: &Output, status: i32, says: &str) {
    let complaint = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(status), "{complaint}");
    assert!(complaint.starts_with(&format!("{name}: ")) && complaint.ends_with('\n'), "{complaint}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    assert!(complaint.contains(says), "{complaint}");
}

fn full_disk() -> File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}

const PRINTING: [(&str, &[&str]); 8] = [
    ("edu", &["--requests", "10"]),
    ("irqtop", &["--seconds", "9"]),
    ("soak", &["--seconds", "1"]),
    ("e1000e", &["--help"]),
    ("edu", &["--help"]),
    ("irqtop", &["--help"]),
    ("nvme", &["--help"]),
    ("soak", &["--help"]),
];

// Caught: `print!`, which panics; irqtop's success where nobody had read anything.
#[test]
fn a_closed_pipe_is_told() {
    for (name, arguments) in PRINTING {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        complains(name, &run(name, arguments, writer), 1, "Broken pipe");
    }
}

// Caught: `print!`, which panics; a result of the writing that is not looked at.
#[test]
fn a_full_disk_is_told() {
    for (name, arguments) in PRINTING {
        complains(name, &run(name, arguments, full_disk()), 1, "No space left");
    }
}

#[test]
fn help_is_printed() {
    for name in ["e1000e", "edu", "irqtop", "nvme", "soak"] {
        let output = run(name, &["--help"], Stdio::piped());
        assert!(output.status.success() && output.stderr.is_empty());
        let usage = String::from_utf8(output.stdout).unwrap();
        assert!(usage.starts_with(&format!("usage: {name} ")) && usage.ends_with('\n'), "{usage}");
    }
}

// Caught: `std::env::args`, which panics where an argument is not UTF-8.
#[test]
fn wrong_arguments_are_told() {
    let not_utf8 = OsStr::from_bytes(b"--\xff");
    for name in ["e1000e", "edu", "irqtop", "nvme", "soak"] {
        complains(name, &run(name, &["--bogus"], Stdio::piped()), 2, "'--bogus'");
        complains(name, &Command::new(program(name)).arg(not_utf8).output().unwrap(), 2, "UTF-8");
    }
    for (name, arguments, says) in [
        ("e1000e", &[][..], "--vfio ADDRESS"),
        ("e1000e", &["--frames", "0"], "'--frames'"),
        ("e1000e", &["--vfio", "nonsense"], "nonsense"),
        ("edu", &["--requests"], "needs a number"),
        ("edu", &["--requests", "0"], "'0'"),
        ("edu", &["--uio", ""], "needs a device"),
        ("edu", &["--uio", "/dev/uio0", "--vfio", "0000:00:04.0"], "exclude"),
        ("edu", &["--msi"], "--vfio"),
        ("edu", &["--uio", "/no/such/file"], "/no/such/file"),
        ("irqtop", &["--seconds"], "needs a number"),
        ("irqtop", &["--connect"], "needs a path"),
        ("irqtop", &["--connect", "a", "--publish", "b"], "exclude"),
        ("irqtop", &["--publish", "/dev/null"], "no socket"),
        ("irqtop", &["--connect", "/nothing/there.sock"], "/nothing/there.sock: No such file"),
        ("irqtop", &["--seconds", "99999999999"], "'99999999999'"),
        ("soak", &["--seconds", "0"], "'0'"),
        ("soak", &["--seed"], "needs a number"),
        ("soak", &["--seed", "-1"], "'-1'"),
        ("nvme", &["--depth", "64"], "from 1 to 63"),
        ("nvme", &["--vfio", "0000:00:07.0"], "--overwrite"),
        ("nvme", &["--vfio", "nonsense", "--overwrite"], "nonsense"),
    ] {
        complains(name, &run(name, arguments, Stdio::piped()), 2, says);
    }
}

// Caught: `eprintln!`, which panics.
#[test]
fn where_standard_error_is_full_the_exit_status_tells() {
    for name in ["e1000e", "edu", "irqtop", "nvme", "soak"] {
        let status = Command::new(program(name)).arg("--bogus").stderr(full_disk()).status().unwrap();
        assert_eq!(status.code(), Some(2));
    }
}

// Caught: escapes into a pipe.
#[test]
fn irqtop_prints_plain_lines_into_a_pipe() {
    let output = run("irqtop", &["--seconds", "1"], Stdio::piped());
    assert!(output.status.success());
    is_plain(&String::from_utf8(output.stdout).unwrap());
}

#[track_caller]
fn is_plain(text: &str) {
    assert!(!text.contains('\x1b'), "{text:?}");
    assert_eq!(text.lines().filter(|line| line.contains("interrupts/s")).count(), 5, "{text:?}");
}

/// To the alternate screen, and back.
const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";
const CLEAR: &str = "\x1b[H\x1b[2J";

/// A command of bash in a terminal of its own, where `irqtop` is the program.
struct Terminal {
    script: std::process::Child,
    seen: String,
}

impl Terminal {
    /// `None` where there is no way to make one.
    fn running(command: &str, environment: &[(&str, &str)]) -> Option<Self> {
        let exists = |command| Command::new(command).arg("--version").output().is_ok();
        if !exists("script") || !exists("bash") {
            eprintln!("not tested: there is no script or no bash");
            return None;
        }
        let directory = program("irqtop").parent().unwrap().to_owned();
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", command, "/dev/null"]);
        script.env_remove("NO_COLOR").env("TERM", "xterm").env("SHELL", "bash").envs(environment.iter().copied());
        script.env("PATH", format!("{}:{}", directory.display(), std::env::var("PATH").unwrap()));
        let script = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        Some(Self { script, seen: String::new() })
    }

    /// Reads until the text has come, and returns what came before it.
    #[track_caller]
    fn until(&mut self, text: &str) -> String {
        let mut bytes = std::mem::take(&mut self.seen).into_bytes();
        loop {
            if let Some((before, after)) = str::from_utf8(&bytes).ok().and_then(|seen| seen.split_once(text)) {
                self.seen = after.into();
                return before.into();
            }
            let mut more = [0; 4096];
            let n = self.script.stdout.as_mut().unwrap().read(&mut more).unwrap();
            assert!(n > 0, "no {text:?} in {:?}", String::from_utf8_lossy(&bytes));
            bytes.extend(&more[..n]);
        }
    }

    fn press(&mut self, keys: &str) {
        self.script.stdin.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// The rest, if the command ends well.
    fn rest(mut self) -> String {
        self.script.stdout.as_mut().unwrap().read_to_string(&mut self.seen).unwrap();
        assert!(self.script.wait().unwrap().success(), "{:?}", self.seen);
        self.seen
    }
}

/// What the terminal shows of a frame: without its styles.
fn shown(frame: &str) -> Vec<String> {
    let mut text = String::new();
    for (number, part) in frame.split("\x1b[").enumerate() {
        text += if number == 0 { part } else { part.split_once(char::is_alphabetic).unwrap().1 };
    }
    text.lines().map(|line| line.trim_end_matches('\r').to_owned()).collect()
}

fn is_within(frame: &str, width: usize, height: usize) -> bool {
    let lines = shown(frame);
    lines.len() <= height && lines.iter().all(|line| line.chars().count() <= width)
}

#[track_caller]
fn fits(frame: &str, width: usize, height: usize) {
    assert!(is_within(frame, width, height), "{:#?}", shown(frame));
}

// Caught: rows that are not clipped to the width, or to the height; a size that is asked for once; a new size that
// waits for the next second; an alternate screen that is not left.
#[test]
fn irqtop_fits_its_terminal_and_follows_its_size() {
    // On a busy machine the new size may come too late: the next attempt has more time.
    assert!([3, 9, 27, 81].into_iter().any(follows_its_size), "it never follows");
}

/// Returns whether the last frame has the new size.
fn follows_its_size(seconds: usize) -> bool {
    let command = format!("tty; stty cols 60 rows 10; irqtop --seconds {seconds}");
    let Some(mut terminal) = Terminal::running(&command, &[]) else { return true };
    let name = terminal.until(ENTER);
    terminal.until(CLEAR);
    let headings = terminal.until(CLEAR);
    fits(&headings, 60, 10);
    assert!(headings.contains("last second") && headings.contains("since the start"), "{headings:?}");
    let first_second = terminal.until("q: quit");
    fits(&first_second, 60, 10);
    assert!(first_second.contains("timer ") && first_second.contains("serial "), "{first_second:?}");

    // Fails where the terminal is gone already.
    let narrow = Command::new("stty").args(["-F", name.trim(), "cols", "25", "rows", "5"]).status().unwrap();
    let rest = terminal.until(LEAVE);
    assert_eq!(terminal.rest(), "");
    let frames: Vec<_> = rest.split(CLEAR).skip(1).collect();
    let follows = narrow.success() && frames.last().is_some_and(|frame| is_within(frame, 25, 5));
    assert!(!follows || frames.len() >= seconds, "{seconds} seconds and a new size: {frames:#?}");
    follows
}

// Caught: a program that ctrl-z doesn't stop; one that leaves the terminal to the shell as it is; one that doesn't take
// it again.
#[test]
fn irqtop_gives_the_terminal_back_while_it_is_suspended() {
    let command = "set -m; irqtop --seconds 999; echo suspended; stty -a; fg; stty -a";
    let Some(mut terminal) = Terminal::running(command, &[]) else { return };
    terminal.until(ENTER);
    terminal.until("q: quit");
    terminal.press("\x1a");
    terminal.until(LEAVE);
    terminal.until("suspended");
    let for_the_shell = terminal.until(ENTER);
    assert!(for_the_shell.contains(" icanon") && for_the_shell.contains(" echo "), "{for_the_shell}");
    terminal.until("q: quit");
    terminal.press("q");
    terminal.until(LEAVE);
    let at_the_end = terminal.rest();
    assert!(at_the_end.contains(" icanon") && at_the_end.contains(" echo "), "{at_the_end}");
}

// Caught: a signal that ends it where it stands.
#[test]
fn irqtop_gives_the_terminal_back_at_ctrl_c_and_at_signals() {
    let command = "bash -c 'echo $$; exec irqtop --seconds 999'; stty -a";
    let ends = [None, Some(Signal::TERM), Some(Signal::HUP), Some(Signal::QUIT)];
    let terminals: Vec<_> = ends.map(|end| Terminal::running(command, &[]).map(|terminal| (terminal, end))).into();
    for (mut terminal, end) in terminals.into_iter().flatten() {
        let process = terminal.until(ENTER).trim().parse().unwrap();
        terminal.until("q: quit");
        match end {
            None => terminal.press("\x03"),
            Some(signal) => kill_process(Pid::from_raw(process).unwrap(), signal).unwrap(),
        }
        terminal.until(LEAVE);
        let at_the_end = terminal.rest();
        assert!(at_the_end.contains(" icanon") && at_the_end.contains(" echo "), "{at_the_end}");
    }
}

// Caught: a program that asks only whether there is a terminal.
#[test]
fn irqtop_prints_plain_lines_to_a_dumb_terminal() {
    let terminals = ["dumb", ""].map(|term| Terminal::running("irqtop --seconds 1", &[("TERM", term)]));
    terminals.into_iter().flatten().for_each(|terminal| is_plain(&terminal.rest()));
}

// Caught: colors whatever is said.
#[test]
fn irqtop_keeps_to_no_color() {
    const YELLOW: &str = "\x1b[33m"; // the device that shares its line has spurious interrupts
    let terminals = [("", true), ("1", false)].map(|(value, is_colored)| {
        Terminal::running("irqtop --seconds 1", &[("NO_COLOR", value)]).map(|terminal| (terminal, is_colored))
    });
    for (terminal, is_colored) in terminals.into_iter().flatten() {
        assert_eq!(terminal.rest().contains(YELLOW), is_colored);
    }
}
