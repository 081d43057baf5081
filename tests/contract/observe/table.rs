//! What an operator reads: rules S1 and S2.

use interrupt_lock::source::Software;
use interrupt_lock::{Claim, Interrupt, IsrContext, Name, NoWorkItem, Stats, Table};

fn served(name: &'static str, claim: Claim, runs: u32, timed: bool) -> Interrupt<(), NoWorkItem> {
    let (source, assert) = Software::edge();
    let builder = Interrupt::builder(()).name(name).isr(move |_| claim).source(source).without_dispatcher();
    let interrupt = if timed { builder.timed() } else { builder }.build().unwrap();
    interrupt.enable().unwrap();
    for _ in 0..runs {
        assert.assert();
        interrupt.service();
    }
    interrupt
}

fn rows(interrupts: &[Interrupt<(), NoWorkItem>]) -> Vec<(Name, Stats)> {
    interrupts.iter().map(|interrupt| (interrupt.name().clone(), interrupt.stats())).collect()
}

fn lines(table: Table<'_>) -> Vec<Vec<String>> {
    let text = table.to_string();
    assert!(text.ends_with('\n'));
    let width = |line: &str| line.chars().count();
    let widths: Vec<_> = text.lines().map(width).collect();
    assert!(widths.iter().all(|width| *width == widths[0]), "not aligned:\n{text}");
    text.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

/// A name or a message moves no cursor and splits no line, wherever it is printed.
// Caught: a name that is printed as it is; a table whose columns are as wide as what is not printed.
#[test]
fn s1_names_and_messages_are_printed_without_control_characters() {
    const BAD: &str = "nic\n\u{1b}[2Jµ\t\u{9b}31m\0";
    let bad = served(BAD, Claim::Claimed, 1, false);
    let table = lines(Table::from(&*rows(std::slice::from_ref(&bad))));
    assert_eq!((table.len(), table[1][0].as_str()), (2, r"nic\n\u{1b}[2Jµ\t\u{9b}31m\u{0}"));
    let isr = |_: &mut IsrContext<'_, (), NoWorkItem>| -> Claim { panic!("{BAD}") };
    let faulty = Interrupt::builder(()).name(BAD).isr(isr).build().unwrap();
    faulty.enable().unwrap();
    faulty.service();
    for printed in [faulty.fault().unwrap().to_string(), format!("{:#}", faulty.check().unwrap_err())] {
        assert!(printed.contains("[2J") && !printed.contains(|c: char| c.is_control()), "{printed:?}");
    }
    assert_eq!(faulty.name().as_str(), BAD, "the name itself stays");
}

// Caught: columns as wide as their heads; a count below another's head; a row that is left out.
#[test]
fn s1_the_table_has_a_header_and_a_row_for_each() {
    let interrupts =
        [served("edu0", Claim::Claimed, 12_345_678 % 1000, false), served("µ", Claim::Unclaimed, 3, false)];
    let mut rows = rows(&interrupts);
    rows[0].1.delivered = 12_345_678_901;
    let table = lines(Table::from(&rows[..]));
    assert_eq!(
        table[0],
        [
            "delivered",
            "coalesced",
            "claimed",
            "spurious",
            "benign",
            "recovered",
            "stale",
            "faults",
            "overdue",
            "queued",
            "merged",
            "run"
        ]
    );
    assert_eq!(table[1], ["edu0", "12345678901", "0", "678", "0", "0", "0", "0", "0", "0", "0", "0", "0"]);
    assert_eq!(table[2], ["µ", "3", "0", "0", "3", "0", "0", "0", "0", "0", "0", "0", "0"]);
    assert_eq!(table.len(), 3);
    assert_eq!(lines(Table::from(&rows[..0])).len(), 1);
}

/// Every counter stands below its own head.
// Caught: two columns exchanged.
#[test]
fn s1_each_column_is_what_its_head_says() {
    let mut stats = served("edu0", Claim::Claimed, 0, false).stats();
    stats.delivered = 1;
    stats.coalesced = 2;
    stats.claimed = 3;
    stats.spurious = 4;
    stats.benign = 5;
    stats.recovered = 6;
    stats.stale = 7;
    stats.faults = 8;
    stats.overdue = 9;
    stats.work_queued = 10;
    stats.work_merged = 11;
    stats.work_run = 12;
    let table = lines(Table::from(&stats));
    assert_eq!(table[1], ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"]);
    assert_eq!(stats.to_string(), Table::from(&stats).to_string());
}

/// The columns of times are there where something was measured.
// Caught: columns of nothing; an interrupt that is not timed beside one that is, with figures.
#[test]
fn s2_the_distributions_are_in_the_table() {
    let interrupts = [served("timed", Claim::Claimed, 5, true), served("not", Claim::Claimed, 5, false)];
    let table = lines(Table::from(&rows(&interrupts)[..]));
    let heads = ["isr-p50", "isr-p99", "isr-max", "wait-p50", "wait-p99", "wait-max", "latency-p50", "latency-p99"];
    assert_eq!(table[0][12..20], heads);
    assert_eq!(table[0][20], "latency-max");
    let isr = interrupts[0].stats().distributions.unwrap().isr;
    assert_eq!(table[1][13], format!("{:.1?}", isr.quantile(0.5).unwrap()));
    assert_eq!(table[1][15], format!("{:.1?}", isr.longest().unwrap()));
    assert_eq!(table[1][16], "0.0ns");
    assert_eq!(table[2][13..], ["-"; 9]);

    // A source that doesn't know when it was asserted: here, none.
    let called = Interrupt::builder(()).isr(|_| Claim::Claimed).timed().build().unwrap();
    called.enable().unwrap();
    called.service();
    assert_eq!(lines(Table::from(&called.stats()))[0].len(), 12 + 6);
}
