//! The table: as many of its columns and lines as the terminal has room for.

use crate::sample::Row;

/// What a column's figures are about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Period {
    Now,
    LastSecond,
    SinceStart,
}

struct Column {
    period: Period,
    title: &'static str,
    width: usize,
    cell: fn(&Row) -> String,
}

/// The most important first: a narrow terminal shows those at the left.
const COLUMNS: [Column; 11] = {
    use Period::{LastSecond, Now, SinceStart};
    const fn column(period: Period, title: &'static str, width: usize, cell: fn(&Row) -> String) -> Column {
        Column { period, title, width, cell }
    }
    [
        column(Now, "name", 8, |row| row.figures.name.clone()),
        column(Now, "state", 9, |row| row.figures.state.clone()),
        column(LastSecond, "int/s", 7, |row| format!("{:.0}", row.rate)),
        column(LastSecond, "spurious/s", 11, |row| format!("{:.0}", row.spurious_rate)),
        column(SinceStart, "delivered", 11, |row| row.figures.delivered.to_string()),
        column(SinceStart, "spurious", 10, |row| row.figures.spurious.to_string()),
        column(SinceStart, "isr p50", 8, |row| row.times().isr_p50),
        column(SinceStart, "isr p99", 8, |row| row.times().isr_p99),
        column(SinceStart, "isr max", 8, |row| row.times().isr_max),
        column(SinceStart, "wait p99", 9, |row| row.times().wait_p99),
        column(SinceStart, "latency p50", 12, |row| row.times().latency_p50),
    ]
};

const FOOTER: &str = "q: quit   ctrl-z: suspend";

const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[31m";
const YELLOW: &str = "\x1b[33m";
const PLAIN: &str = "\x1b[m";

pub struct Table {
    /// None until a second has passed.
    pub rows: Vec<Row>,
    has_colors: bool,
}

impl Table {
    pub fn new() -> Self {
        // As https://no-color.org asks for.
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { rows: Vec::new(), has_colors: !no_color }
    }

    pub fn lines(&self, width: usize, height: usize) -> Vec<String> {
        let columns = columns_within(width);
        let line = |text: String, style: Option<&str>| styled(text.chars().take(width).collect(), style);
        let mut lines = vec![line(periods(columns), Some(BOLD)), line(titles(columns), Some(BOLD))];
        lines.extend(self.rows.iter().map(|row| line(cells(columns, |column| (column.cell)(row)), self.style(row))));
        lines.extend([String::new(), line(FOOTER.into(), None)]);
        lines.truncate(height);
        lines
    }

    fn style(&self, row: &Row) -> Option<&'static str> {
        let style = match row.figures.state.as_str() {
            "faulted" | "removed" => Some(RED),
            _ if row.spurious_rate > 0.0 => Some(YELLOW),
            _ => None,
        };
        style.filter(|_| self.has_colors)
    }
}

/// The columns that fit whole, but always the first.
fn columns_within(width: usize) -> &'static [Column] {
    let mut end = 0;
    let fitting = COLUMNS.iter().take_while(|column| {
        end += column.width;
        end <= width
    });
    &COLUMNS[..fitting.count().max(1)]
}

/// Which figures are the last second's, and which are totals.
fn periods(columns: &[Column]) -> String {
    let over = |group: &[Column]| {
        let width = group.iter().map(|column| column.width).sum::<usize>();
        match group[0].period {
            Period::Now => " ".repeat(width),
            Period::LastSecond => format!(" {:-^1$}", " last second ", width - 1),
            Period::SinceStart => format!(" {:-^1$}", " since the start ", width - 1),
        }
    };
    columns.chunk_by(|one, next| one.period == next.period).map(over).collect()
}

fn titles(columns: &[Column]) -> String {
    cells(columns, |column| column.title.into())
}

/// Words begin at the left of their column, figures end at its right.
fn cells(columns: &[Column], text: impl Fn(&Column) -> String) -> String {
    let cell = |column: &Column| {
        let (text, width) = (text(column), column.width);
        if column.period == Period::Now { format!("{text:<width$}") } else { format!("{text:>width$}") }
    };
    columns.iter().map(cell).collect()
}

fn styled(text: String, style: Option<&str>) -> String {
    match style {
        Some(style) => format!("{style}{text}{PLAIN}"),
        None => text,
    }
}
