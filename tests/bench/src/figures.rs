//! Figures, what is wanted of them, and how they are told.

use comfy_table::{Table, presets::ASCII_MARKDOWN};
use serde_json::{Map, Value, json};

/// What is wanted of a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// As much, or more.
    AtLeast(f64),
    /// As much, or less.
    AtMost(f64),
}

impl Goal {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(goal) => value >= goal,
            Self::AtMost(goal) => value <= goal,
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(goal) => write!(f, ">= {goal}"),
            Self::AtMost(goal) => write!(f, "<= {goal}"),
        }
    }
}

#[derive(Debug)]
struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    goal: Option<Goal>,
}

impl Figure {
    fn is_missed(&self) -> bool {
        self.goal.is_some_and(|goal| !goal.is_met(self.value))
    }
}

/// All that was measured, in the order in which it is told.
#[derive(Debug)]
pub struct Report {
    bench: &'static str,
    figures: Vec<Figure>,
}

impl Report {
    /// Nothing yet.
    #[must_use]
    pub const fn of(bench: &'static str) -> Self {
        Self { bench, figures: Vec::new() }
    }

    /// A figure to know.
    pub fn tell(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        self.figures.push(Figure { name: name.into(), value, unit, goal: None });
    }

    /// A figure of which something is wanted.
    pub fn hold(&mut self, name: impl Into<String>, value: f64, unit: &'static str, goal: Goal) {
        self.figures.push(Figure { name: name.into(), value, unit, goal: Some(goal) });
    }

    /// For people.
    pub fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(ASCII_MARKDOWN).set_header(["figure", "measured", "unit", "goal", ""]);
        for figure in &self.figures {
            let goal = figure.goal.map(|goal| goal.to_string()).unwrap_or_default();
            let missed = if figure.is_missed() { "missed" } else { "" };
            let measured = short(figure.value).to_string();
            table.add_row([figure.name.as_str(), measured.as_str(), figure.unit, goal.as_str(), missed]);
        }
        table
    }

    /// Names of what was not as wanted.
    pub fn missed(&self) -> Vec<&str> {
        self.figures.iter().filter(|figure| figure.is_missed()).map(|figure| figure.name.as_str()).collect()
    }

    /// For machines: one line.
    pub fn line(&self) -> Value {
        let object = |figure: &Figure| {
            let goal = figure.goal.map(|goal| goal.to_string());
            (figure.name.clone(), json!({ "value": short(figure.value), "unit": figure.unit, "goal": goal }))
        };
        let figures: Map<String, Value> = self.figures.iter().map(object).collect();
        json!({ "bench": self.bench, "figures": figures, "missed": self.missed() })
    }
}

/// Three digits after the point where they matter.
fn short(value: f64) -> f64 {
    if value.abs() >= 1_000.0 { value.round() } else { (value * 1_000.0).round() / 1_000.0 }
}

/// Exact: nothing is counted here up to 2^53.
pub fn float(count: u64) -> f64 {
    count as f64
}

/// Of kB.
pub fn megabytes(kilobytes: u64) -> f64 {
    float(kilobytes) / 1_024.0
}

/// The middle one; of an even number the lower of both.
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 50)
}

/// The smallest value that at least `percent` of all do not exceed; NaN of none.
pub fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!([50, 95, 99, 100].map(|percent| percentile(&values, percent)), [100.0, 190.0, 198.0, 200.0]);
        assert_eq!(median(&[9.0, 1.0, 5.0]), 5.0);
        assert!(percentile(&[], 50).is_nan());
    }

    #[test]
    fn what_was_not_measured_misses_its_goal() {
        assert!(!Goal::AtLeast(0.0).is_met(f64::NAN) && !Goal::AtMost(0.0).is_met(f64::NAN));
    }

    #[test]
    fn the_line_has_every_figure_with_its_goal_and_names_what_was_missed() {
        let mut report = Report::of("indexer");
        report.tell("rate", 12_345.678, "events/s");
        report.hold("memory", 130.0, "MB", Goal::AtMost(120.0));
        report.hold("of_limit", 0.7504, "", Goal::AtLeast(0.75));
        let expected = json!({
            "bench": "indexer",
            "figures": {
                "rate": { "value": 12_346.0, "unit": "events/s", "goal": null },
                "memory": { "value": 130.0, "unit": "MB", "goal": "<= 120" },
                "of_limit": { "value": 0.75, "unit": "", "goal": ">= 0.75" },
            },
            "missed": ["memory"],
        });
        assert_eq!(report.line(), expected);
    }
}
