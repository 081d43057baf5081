//! A strict reader of Prometheus's text exposition format, version 0.0.4, written from its description: what Prometheus would
//! refuse, or take for something else, fails the test.

use std::collections::{BTreeMap, BTreeSet};

/// A line with a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// All samples of one metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Family {
    pub kind: String,
    pub help: String,
    pub samples: Vec<Sample>,
}

pub type Families = BTreeMap<String, Family>;

/// Reads a whole answer.
#[track_caller]
pub fn read(text: &str) -> Families {
    assert!(text.is_empty() || text.ends_with('\n'), "the last line has no end");
    let mut families = Families::new();
    let (mut current, mut seen) = (String::new(), BTreeSet::new());
    for line in text.lines() {
        assert!(!line.is_empty() && !line.chars().any(char::is_control), "{line:?}");
        if let Some(comment) = line.strip_prefix("# ") {
            let (word, rest) = comment.split_once(' ').expect(line);
            let (name, text) = rest.split_once(' ').expect(line);
            assert!(is_name(name, true), "{line:?}");
            if word == "HELP" {
                assert!(
                    families.insert(name.into(), Family { help: text.into(), ..Family::default() }).is_none(),
                    "twice: {line:?}"
                );
                current = name.into();
            } else {
                assert_eq!(word, "TYPE", "{line:?}");
                assert_eq!(current, name, "not behind its HELP: {line:?}");
                assert!(["counter", "gauge", "histogram"].contains(&text), "{line:?}");
                let family = families.get_mut(name).unwrap();
                assert!(family.kind.is_empty() && family.samples.is_empty(), "{line:?}");
                family.kind = text.into();
            }
            continue;
        }
        let sample = sample(line);
        let family = families.get_mut(&current).expect(line);
        let suffix = sample.name.strip_prefix(&current).unwrap_or_else(|| panic!("{line:?} in the family {current}"));
        let fits = match family.kind.as_str() {
            "counter" => suffix.is_empty() && current.ends_with("_total") && sample.value >= 0.0,
            "gauge" => suffix.is_empty() && !current.ends_with("_total"),
            "histogram" => ["_bucket", "_sum", "_count"].contains(&suffix),
            kind => panic!("{line:?} in a family of the kind {kind:?}"),
        };
        assert!(fits, "{line:?} in a {} {current}", family.kind);
        assert!(seen.insert((sample.name.clone(), sample.labels.clone())), "twice: {line:?}");
        family.samples.push(sample);
    }
    for (name, family) in &families {
        assert!(!family.kind.is_empty(), "{name} has no TYPE");
        if family.kind == "histogram" {
            check_histograms(name, family);
        }
    }
    families
}

fn is_name(name: &str, colon: bool) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':' && colon;
    name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit())
}

fn sample(line: &str) -> Sample {
    let mut rest = line.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "_:".contains(c));
    let name = &line[..line.len() - rest.len()];
    assert!(is_name(name, true), "{line:?}");
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"").expect(line);
            assert!(is_name(label, false), "{line:?}");
            let (value, after) = quoted(after).unwrap_or_else(|| panic!("{line:?}"));
            assert!(labels.insert(label.into(), value).is_none(), "{line:?}");
            rest = after.strip_prefix(',').unwrap_or(after);
            assert!(after.starts_with([',', '}']), "{line:?}");
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').expect(line);
    Sample { name: name.into(), labels, value: number(value).unwrap_or_else(|| panic!("{line:?}")) }
}

/// The value of a label, up to the quote that ends it, and what comes after.
fn quoted(text: &str) -> Option<(String, &str)> {
    let (mut value, mut chars) = (String::new(), text.char_indices());
    loop {
        match chars.next()? {
            (at, '"') => return Some((value, &text[at + 1..])),
            (_, '\\') => value.push(match chars.next()?.1 {
                'n' => '\n',
                c @ ('\\' | '"') => c,
                _ => return None,
            }),
            (_, c) => value.push(c),
        }
    }
}

fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" => Some(f64::INFINITY),
        _ if text.chars().all(|c| c.is_ascii_digit() || c == '.') => text.parse().ok(),
        _ => None,
    }
}

/// Of each histogram: bounds and counts rise, the last bucket has all, and there are a sum and a count.
fn check_histograms(name: &str, family: &Family) {
    let mut histograms: BTreeMap<BTreeMap<String, String>, Vec<&Sample>> = BTreeMap::new();
    for sample in &family.samples {
        let mut labels = sample.labels.clone();
        let bound = labels.remove("le");
        assert_eq!(bound.is_some(), sample.name.ends_with("_bucket"), "{sample:?}");
        histograms.entry(labels).or_default().push(sample);
    }
    for (labels, samples) in histograms {
        let buckets: Vec<_> = samples.iter().filter(|sample| sample.labels.contains_key("le")).collect();
        let bounds: Vec<_> = buckets.iter().map(|bucket| number(&bucket.labels["le"]).unwrap()).collect();
        assert!(bounds.windows(2).all(|two| two[0] < two[1]), "{name} {labels:?}: {bounds:?}");
        assert!(buckets.windows(2).all(|two| two[0].value <= two[1].value), "{name} {labels:?}");
        assert_eq!(bounds.last(), Some(&f64::INFINITY), "{name} {labels:?}");
        let of = |suffix| {
            let found: Vec<_> = samples.iter().filter(|sample| sample.name == format!("{name}{suffix}")).collect();
            assert_eq!(found.len(), 1, "{name}{suffix} {labels:?}");
            found[0].value
        };
        assert_eq!(of("_count"), buckets.last().unwrap().value, "{name} {labels:?}");
        assert!(of("_sum") >= 0.0);
    }
}

/// Returns the value of the sample of that name with these labels among others, which must be the only one.
#[track_caller]
pub fn value(families: &Families, name: &str, labels: &[(&str, &str)]) -> f64 {
    let has = |sample: &&Sample| {
        sample.name == name
            && labels.iter().all(|(label, value)| sample.labels.get(*label).is_some_and(|it| it == value))
    };
    let found: Vec<_> = families.values().flat_map(|family| &family.samples).filter(has).collect();
    assert_eq!(found.len(), 1, "{name} {labels:?}: {found:?}");
    found[0].value
}
