//! Reads the text of Prometheus that a driver publishes, as far as the table needs it. What it doesn't know it passes over.

use std::time::Duration;

use interrupt_lock::Name;

/// What is told of one interrupt.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// With its number, if another one has the same name.
    pub name: String,
    /// In a word.
    pub state: String,
    pub delivered: u64,
    pub spurious: u64,
    pub isr: Times,
    pub lock_wait: Times,
    pub latency: Times,
}

/// A histogram.
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// How many took no longer than that, in seconds.
    buckets: Vec<(f64, u64)>,
    longest: f64,
}

/// Returns the interrupts in the order of the text.
pub fn read(text: &str) -> Vec<Figures> {
    let mut all: Vec<Figures> = Vec::new();
    for (metric, labels, value) in text.lines().filter_map(sample) {
        let label = |wanted: &str| labels.iter().find(|(label, _)| *label == wanted).map(|(_, value)| value.as_str());
        let Some(name) = label("interrupt") else { continue };
        let name = label("nth").map_or_else(|| shown(name), |nth| shown(&format!("{name}#{nth}")));
        let place = all.iter().position(|figures| figures.name == name).unwrap_or_else(|| {
            all.push(Figures { name, ..Figures::default() });
            all.len() - 1
        });
        let figures = &mut all[place];
        let bucket = || Some((label("le")?.parse().ok()?, value as u64));
        match metric {
            "interrupt_state" if value == 1.0 => figures.state = shown(label("state").unwrap_or_default()),
            "interrupt_delivered_total" => figures.delivered = value as u64,
            "interrupt_spurious_total" => figures.spurious = value as u64,
            "interrupt_isr_seconds_bucket" => figures.isr.buckets.extend(bucket()),
            "interrupt_isr_max_seconds" => figures.isr.longest = value,
            "interrupt_lock_wait_seconds_bucket" => figures.lock_wait.buckets.extend(bucket()),
            "interrupt_lock_wait_max_seconds" => figures.lock_wait.longest = value,
            "interrupt_latency_seconds_bucket" => figures.latency.buckets.extend(bucket()),
            "interrupt_latency_max_seconds" => figures.latency.longest = value,
            _ => {}
        }
    }
    all
}

/// Another program's word, without what would move the cursor.
fn shown(word: &str) -> String {
    Name::from(word.to_owned()).to_string()
}

/// A line's metric, its labels and its value.
type Sample<'a> = (&'a str, Vec<(&'a str, String)>, f64);

fn sample(line: &str) -> Option<Sample<'_>> {
    let (metric, mut rest) = line.split_once('{').filter(|_| !line.starts_with('#'))?;
    let mut labels = Vec::new();
    while !rest.starts_with('}') {
        let (label, value) = rest.split_once("=\"")?;
        let (value, after) = quoted(value)?;
        labels.push((label, value));
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    Some((metric, labels, rest[1..].trim().parse().ok()?))
}

/// The text up to the quote that ends it, and what comes after.
fn quoted(text: &str) -> Option<(String, &str)> {
    let (mut value, mut chars) = (String::new(), text.char_indices());
    loop {
        match chars.next()? {
            (at, '"') => return Some((value, &text[at + 1..])),
            (_, '\\') => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            (_, other) => value.push(other),
        }
    }
}

impl Times {
    /// The time that this part of all did not exceed: at most twice the true value. `None` if nothing was measured.
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let last = self.buckets.last()?.1.checked_sub(1)?;
        let rank = (last as f64 * part + 0.5) as u64;
        let (bound, _) = self.buckets.iter().find(|(_, count)| *count > rank)?;
        Duration::try_from_secs_f64(bound.min(self.longest)).ok()
    }

    pub fn longest(&self) -> Option<Duration> {
        self.quantile(1.0)?;
        Duration::try_from_secs_f64(self.longest).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# HELP interrupt_state 1 for the state that the interrupt is in.
# TYPE interrupt_state gauge
interrupt_state{interrupt=\"a \\\"b\\\"\\n{\",state=\"enabled\"} 0
interrupt_state{interrupt=\"a \\\"b\\\"\\n{\",state=\"faulted\"} 1
interrupt_state{interrupt=\"nic\",nth=\"2\",state=\"enabled\"} 1
interrupt_delivered_total{interrupt=\"nic\",nth=\"2\"} 12345678901
interrupt_isr_seconds_bucket{interrupt=\"nic\",nth=\"2\",le=\"0.000000000\"} 0
interrupt_isr_seconds_bucket{interrupt=\"nic\",nth=\"2\",le=\"0.000000255\"} 30
interrupt_isr_seconds_bucket{interrupt=\"nic\",nth=\"2\",le=\"0.000000511\"} 40
interrupt_isr_seconds_bucket{interrupt=\"nic\",nth=\"2\",le=\"0.000001023\"} 98
interrupt_isr_seconds_bucket{interrupt=\"nic\",nth=\"2\",le=\"0.000002047\"} 100
interrupt_isr_seconds_bucket{interrupt=\"nic\",nth=\"2\",le=\"+Inf\"} 100
interrupt_isr_max_seconds{interrupt=\"nic\",nth=\"2\"} 0.000001500
a line of another kind
other_total{interrupt=\"nic\",nth=\"2\"} 1
other_total{interrupt=\"nic
";

    // Caught: a quote in a name that ends it; a bucket's count that is not all up to it; a name that moves the cursor.
    #[test]
    fn what_is_published_is_read() {
        let [first, nic] = &read(TEXT)[..] else { panic!("{:?}", read(TEXT)) };
        assert_eq!((first.name.as_str(), first.state.as_str()), ("a \"b\"\\n{", "faulted"));
        assert_eq!((nic.name.as_str(), nic.state.as_str(), nic.delivered), ("nic#2", "enabled", 12_345_678_901));
        let nanos = |n| Some(Duration::from_nanos(n));
        assert_eq!((nic.isr.quantile(0.5), nic.isr.quantile(0.99)), (nanos(1023), nanos(1500)));
        assert_eq!((nic.isr.longest(), nic.latency.longest(), first.isr.quantile(0.5)), (nanos(1500), None, None));
    }
}
