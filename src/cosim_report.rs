//! What a co-simulation has to tell: a table for people, JSON for machines, JUnit XML for continuous integration.

use std::time::Duration;

use emeuro::{
    compiler::Cycles,
    golden::FileKind,
    testbench::{Comparison, Score},
};
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite, XmlString};
use serde_json::{Value, json};

use crate::{
    failure::{Failure, input},
    report::table,
};

/// What [`json`] goes to.
pub(crate) const JSON: FileKind = FileKind {
    name: "a report of a co-simulation (JSON)",
    is: |head| head.starts_with(b"{\n  \"configurations\":"),
};

/// What [`junit`] goes to.
pub(crate) const JUNIT: FileKind = FileKind {
    name: "a report of a co-simulation (JUnit XML)",
    is: |head| {
        let text = String::from_utf8_lossy(head);
        text.starts_with("<?xml") && text.contains("<testsuites name=\"emeuro\"")
    },
};

/// One unit and what became of it.
pub(crate) struct Row {
    /// The emulator's name.
    pub(crate) name: String,
    /// What tells the unit from others of the same emulator, for example `16 lanes`.
    pub(crate) unit: String,
    /// Lanes that were asked for.
    pub(crate) lanes: usize,
    /// What the compiler predicts.
    pub(crate) predicted: Cycles,
    /// The comparison of frames; none if it did not come to an end, or none was asked for.
    pub(crate) comparison: Option<Comparison>,
    /// Prediction and comparison of the quality levels below the highest, lowest first.
    pub(crate) lower: Vec<(Cycles, Option<Comparison>)>,
    /// Scenarios that were played, and what they have seen.
    pub(crate) scenarios: (usize, Score),
    /// What went wrong.
    pub(crate) failures: Vec<String>,
    /// Time for everything, the build of the model included.
    pub(crate) time: Duration,
}

impl Row {
    fn header() -> Vec<String> {
        let names = ["app", "lanes", "frames", "words", "mismatches", "cycles", "simulated", "latency"];
        names.into_iter().chain(["simulated", "scenarios"]).map(str::to_owned).collect()
    }

    /// Of every quality level, the highest first.
    fn lines(&self) -> Vec<Vec<String>> {
        let highest = cells(&self.name, self.lanes, self.predicted, self.comparison, self.scenarios.0);
        let lower = self.lower.iter().enumerate().rev().map(|(level, (predicted, comparison))| {
            cells(&format!("{} at level {level}", self.name), self.lanes, *predicted, *comparison, 0)
        });
        std::iter::once(highest).chain(lower).collect()
    }

    fn json(&self) -> Value {
        let compared = |of: fn(&Comparison) -> u64| self.comparison.as_ref().map(of);
        let timing = self.comparison.and_then(|comparison| comparison.timing);
        let (count, score) = &self.scenarios;
        let highest = (self.predicted, self.comparison);
        let levels = self.lower.iter().chain([&highest]).map(|(predicted, comparison)| {
            let timing = comparison.and_then(|comparison| comparison.timing);
            json!({
                "words": comparison.map(|c| c.words),
                "mismatches": comparison.map(|c| c.mismatches),
                "cycles_predicted": predicted.period,
                "cycles_simulated": timing.map(|t| t.period),
                "latency_predicted": predicted.latency,
                "latency_simulated": timing.map(|t| t.latency),
            })
        });
        json!({
            "app": self.name,
            "unit": self.unit,
            "lanes": self.lanes,
            "frames": compared(|c| c.frames),
            "words": compared(|c| c.words),
            "mismatches": compared(|c| c.mismatches),
            "clocks": compared(|c| c.clocks),
            "cycles_predicted": self.predicted.period,
            "cycles_simulated": timing.map(|t| t.period),
            "latency_predicted": self.predicted.latency,
            "latency_simulated": timing.map(|t| t.latency),
            "levels": levels.collect::<Vec<_>>(),
            "scenarios": {
                "count": count,
                "frames": score.frames,
                "words": score.words,
                "dropped": score.dropped,
                "accesses": score.accesses,
                "resets": score.resets,
                "clocks": score.clocks,
            },
            "failures": self.failures,
            "seconds": seconds(self.time),
        })
    }

    /// Frames, words, mismatches and clocks of comparison and scenarios.
    fn totals(&self) -> [u64; 4] {
        let (_, score) = &self.scenarios;
        let lower = self.lower.iter().filter_map(|(_, comparison)| *comparison);
        let compared = self
            .comparison
            .into_iter()
            .chain(lower)
            .map(|c| [c.frames, c.words, c.mismatches, c.clocks])
            .fold([0; 4], |sum, level| std::array::from_fn(|index| sum[index] + level[index]));
        let scored = [score.frames, score.words, 0, score.clocks];
        std::array::from_fn(|index| compared[index] + scored[index])
    }

    fn test_case(&self) -> TestCase {
        let status = match self.failures.first() {
            None => TestCaseStatus::success(),
            Some(first) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                let text: Vec<String> = self.failures.iter().map(|text| no_controls(text)).collect();
                status.set_message(no_controls(first.lines().next().unwrap_or_default()));
                status.set_description(text.join("\n\n"));
                status
            }
        };
        let mut case = TestCase::new(XmlString::new(&self.unit), status);
        case.set_classname(self.name.as_str()).set_time(self.time);
        let [frames, words, mismatches, clocks] = self.totals();
        let scenarios = self.scenarios.0 as u64;
        for (name, value) in [
            ("frames", frames),
            ("words", words),
            ("mismatches", mismatches),
            ("clocks", clocks),
            ("scenarios", scenarios),
        ] {
            case.add_property(Property::new(name, value.to_string()));
        }
        case
    }
}

/// A line of the table.
fn cells(
    name: &str,
    lanes: usize,
    predicted: Cycles,
    comparison: Option<Comparison>,
    scenarios: usize,
) -> Vec<String> {
    let number = |number: Option<u64>| number.map_or_else(|| "–".to_owned(), |n| n.to_string());
    let compared = |of: fn(&Comparison) -> u64| number(comparison.as_ref().map(of));
    let timing = comparison.and_then(|comparison| comparison.timing);
    vec![
        name.to_owned(),
        lanes.to_string(),
        compared(|c| c.frames),
        compared(|c| c.words),
        compared(|c| c.mismatches),
        predicted.period.to_string(),
        number(timing.map(|t| t.period)),
        predicted.latency.to_string(),
        number(timing.map(|t| t.latency)),
        scenarios.to_string(),
    ]
}

/// The table, what went wrong, and the verdict.
pub(crate) fn text(rows: &[Row]) -> String {
    let mut lines = vec![Row::header()];
    lines.extend(rows.iter().flat_map(Row::lines));
    let mut text = table(&lines);
    for row in rows {
        for failure in &row.failures {
            text += &format!("\n{}, {}: {failure}\n", row.name, row.unit);
        }
    }
    let [frames, words, _, clocks] = totals(rows);
    if passed(rows) {
        text + &format!(
            "All words and clocks as predicted: {} configurations, {frames} frames, {words} words, {clocks} clocks.\n",
            rows.len()
        )
    } else {
        text + "FAILED\n"
    }
}

/// Whether nothing went wrong.
pub(crate) fn passed(rows: &[Row]) -> bool {
    rows.iter().all(|row| row.failures.is_empty())
}

/// The designs and their sums.
pub(crate) fn json(rows: &[Row]) -> Value {
    let [frames, words, mismatches, clocks] = totals(rows);
    json!({
        "configurations": rows.len(),
        "frames": frames,
        "words": words,
        "mismatches": mismatches,
        "clocks": clocks,
        "scenarios": rows.iter().map(|row| row.scenarios.0).sum::<usize>(),
        "failures": rows.iter().map(|row| row.failures.len()).sum::<usize>(),
        "seconds": seconds(rows.iter().map(|row| row.time).sum()),
        "designs": rows.iter().map(Row::json).collect::<Vec<_>>(),
    })
}

/// One test case for each unit.
pub(crate) fn junit(rows: &[Row]) -> Result<String, Failure> {
    let mut suite = TestSuite::new("cosim");
    suite.set_time(rows.iter().map(|row| row.time).sum());
    suite.add_test_cases(rows.iter().map(Row::test_case));
    let mut report = Report::new("emeuro");
    report.add_test_suite(suite);
    report.to_string().map_err(input)
}

fn totals(rows: &[Row]) -> [u64; 4] {
    rows.iter().map(Row::totals).fold([0; 4], |sum, row| std::array::from_fn(|index| sum[index] + row[index]))
}

/// To the millisecond: more digits are noise.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e3).round() / 1e3
}

/// A text without the characters that XML cannot hold; tools print some.
fn no_controls(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || *c == '\n' || *c == '\t').collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use emeuro::testbench::Timing;

    fn row(mismatches: u64, failures: &[&str]) -> Row {
        let timing = Timing { latency: 30, period: 20 };
        let timing = Some(timing).filter(|_| mismatches == 0);
        Row {
            name: "rope".into(),
            unit: "16 lanes".into(),
            lanes: 16,
            predicted: Cycles { latency: 30, period: 20 },
            comparison: Some(Comparison { frames: 2, words: 400, mismatches, clocks: 900, timing }),
            lower: vec![],
            scenarios: (3, Score { frames: 5, words: 1000, dropped: 2, clocks: 4000, ..Score::default() }),
            failures: failures.iter().map(|&text| text.to_owned()).collect(),
            time: Duration::from_millis(1500),
        }
    }

    #[test]
    fn sums_are_those_of_comparison_and_scenarios() {
        let rows = [row(0, &[]), row(0, &[])];
        assert!(passed(&rows));
        let report = json(&rows);
        assert_eq!((&report["configurations"], &report["words"]), (&json!(2), &json!(2800)));
        assert_eq!((&report["clocks"], &report["scenarios"]), (&json!(9800), &json!(6)));
        assert_eq!((&report["seconds"], &report["failures"]), (&json!(3.0), &json!(0)));
        assert!(text(&rows).contains("2 configurations, 14 frames, 2800 words, 9800 clocks."));
    }

    #[test]
    fn every_level_is_reported() {
        let timing = Some(Timing { latency: 9, period: 8 });
        let comparison = Comparison { frames: 2, words: 400, mismatches: 0, clocks: 100, timing };
        let lower = vec![(Cycles { latency: 9, period: 8 }, Some(comparison))];
        let rows = [Row { lower, ..row(0, &[]) }];
        let report = json(&rows);
        assert_eq!((&report["words"], &report["clocks"]), (&json!(1800), &json!(5000)));
        let level = |level: usize, what: &str| report["designs"][0]["levels"][level][what].clone();
        assert_eq!([level(0, "cycles_simulated"), level(1, "cycles_simulated")], [json!(8), json!(20)]);
        assert!(text(&rows).contains("rope at level 0"));
    }

    #[test]
    fn failures_are_in_every_report() {
        let rows = [row(0, &[]), row(7, &["word 3 <wrong>\nat \u{1b}[1mhere", "and late"])];
        assert!(!passed(&rows));
        assert_eq!(json(&rows)["failures"], 2);
        let text = text(&rows);
        assert!(text.contains("rope, 16 lanes: word 3 <wrong>") && text.ends_with("FAILED\n"), "{text}");
        let xml = junit(&rows).unwrap();
        assert!((JUNIT.is)(xml.as_bytes()) && (JSON.is)(format!("{:#}", json(&rows)).as_bytes()));
        let read = Report::deserialize_from_str(&xml).unwrap();
        assert_eq!((read.tests, read.failures, read.errors), (2, 1, 0));
        for part in [
            "<testsuites name=\"emeuro\" tests=\"2\" skipped=\"0\" failures=\"1\" errors=\"0\">",
            "<testsuite name=\"cosim\" tests=\"2\" skipped=\"0\" errors=\"0\" failures=\"1\" time=\"3.000\">",
            "<testcase name=\"16 lanes\" classname=\"rope\" time=\"1.500\">",
            "<property name=\"words\" value=\"1400\"/>",
            "<failure message=\"word 3 &lt;wrong&gt;\">",
            "at [1mhere\n\nand late",
        ] {
            assert!(xml.contains(part), "{part}: {xml}");
        }
    }
}
