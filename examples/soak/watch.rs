//! Each thread's last step, and the watchdog that prints them if a thread does not move.

use std::cell::OnceCell;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::totals::Count;

/// A thread, and what it last began.
struct Note {
    thread: String,
    /// A thread of the soak. The crate's threads may sleep for as long as they like.
    judged: bool,
    step: Mutex<(&'static str, u64)>,
    moves: Count,
}

static NOTES: Mutex<Vec<Weak<Note>>> = Mutex::new(Vec::new());
static MACHINE: Mutex<String> = Mutex::new(String::new());
/// Says what the main thread waits for.
static WAITED_FOR: Mutex<Option<Box<dyn Fn() -> String + Send>>> = Mutex::new(None);

/// The step of a thread that waits for something to happen, and may do so for ever.
const IDLE: &str = "idle";

const LOOK: Duration = Duration::from_secs(1);
/// So many looks without a move. Looks and not seconds: a process that was stopped has not hung.
const PATIENCE: u32 = 20;

thread_local! {
    static MINE: OnceCell<Arc<Note>> = const { OnceCell::new() };
}

/// A panic with one of these locked is a failure of the soak, which ends it anyway.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn register(thread: String, judged: bool) -> Arc<Note> {
    let note = Arc::new(Note { thread, judged, step: Mutex::new(("began", 0)), moves: Count::new() });
    let mut notes = lock(&NOTES);
    notes.retain(|note| note.strong_count() != 0);
    notes.push(Arc::downgrade(&note));
    note
}

/// Has the watchdog judge this thread.
pub fn begin(name: &str) {
    MINE.with(|mine| _ = mine.set(register(name.into(), true)));
}

/// Starts a thread that the watchdog judges.
pub fn spawn(name: String, body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    let run = move || {
        begin(&name);
        body();
    };
    thread::Builder::new().spawn(run).expect("the system has a thread left")
}

/// The calling thread begins a step.
pub fn step(what: &'static str, number: u64) {
    // A thread that is ending has no note any more.
    let _ = MINE.try_with(|mine| {
        let note = mine.get_or_init(|| {
            let name = thread::current().name().unwrap_or("unnamed").to_owned();
            register(format!("(of the crate) {name}"), false)
        });
        *lock(&note.step) = (what, number);
        note.moves.one();
    });
}

/// The calling thread waits for something to happen.
pub fn idle() {
    step(IDLE, 0);
}

/// The main thread waits for what `text` says, until it says something else.
pub fn explain(text: Option<Box<dyn Fn() -> String + Send>>) {
    *lock(&WAITED_FOR) = text;
}

pub fn name_machine(name: &str) {
    name.clone_into(&mut lock(&MACHINE));
}

pub fn machine() -> String {
    lock(&MACHINE).clone()
}

fn notes() -> Vec<Arc<Note>> {
    lock(&NOTES).iter().filter_map(Weak::upgrade).collect()
}

pub fn start_watchdog() -> io::Result<()> {
    thread::Builder::new().name("soak watchdog".into()).spawn(watch).map(drop)
}

fn watch() {
    // How often each thread was seen without a move since its last.
    let mut seen: Vec<(Weak<Note>, u64, u32)> = Vec::new();
    loop {
        thread::sleep(LOOK);
        let before = std::mem::take(&mut seen);
        for note in notes().into_iter().filter(|note| note.judged) {
            let moves = note.moves.get();
            // No other note has its address, since a weak reference keeps the memory.
            let known = before.iter().find(|(known, at, _)| known.as_ptr() == Arc::as_ptr(&note) && *at == moves);
            let looks = known.map_or(0, |(_, _, looks)| looks + 1);
            if looks >= PATIENCE && lock(&note.step).0 != IDLE {
                hangs(&note);
            }
            seen.push((Arc::downgrade(&note), moves, looks));
        }
    }
}

fn hangs(stuck: &Note) -> ! {
    let mut text = format!("soak: {} does not move. {}\n", stuck.thread, machine());
    for note in notes() {
        let (what, number) = *lock(&note.step);
        // Writing to a string can't fail.
        let _ = writeln!(text, "  {}: {what} {number} (step {})", note.thread, note.moves.get());
    }
    if let Some(waited_for) = &*lock(&WAITED_FOR) {
        text += &waited_for();
        text += "\n";
    }
    let _ = io::stderr().write_all(text.as_bytes());
    std::process::exit(2);
}
