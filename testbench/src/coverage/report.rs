//! The coverage of many designs, per kind of module.

use std::collections::BTreeMap;

use super::counts::{CoverageCounts, PointKind};
use crate::design::{Design, SourceFile};

/// How many points there are and how many were reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Covered {
    /// Reached at least once.
    pub hit: usize,
    /// All.
    pub total: usize,
}

impl Covered {
    fn of(counts: impl Iterator<Item = u64>) -> Self {
        counts.fold(Covered::default(), |covered, count| Covered {
            hit: covered.hit + usize::from(count > 0),
            total: covered.total + 1,
        })
    }

    /// The share that was reached; 1 of nothing.
    pub fn share(self) -> f64 {
        if self.total == 0 { 1.0 } else { self.hit as f64 / self.total as f64 }
    }
}

impl std::ops::Add for Covered {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Covered { hit: self.hit + other.hit, total: self.total + other.total }
    }
}

impl std::iter::Sum for Covered {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Covered::default(), |sum, part| sum + part)
    }
}

/// A line of a kind of module: its code without comment and indentation, and how many equal lines stand before it.
type LineKey = (String, usize);

/// What is known of one kind of module.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModuleCoverage {
    lines: BTreeMap<LineKey, u64>,
    /// By the line of the `if`, and the way.
    branches: BTreeMap<(LineKey, String), u64>,
    /// By signal and bit.
    toggles: BTreeMap<String, u64>,
}

impl ModuleCoverage {
    /// Its lines of statements.
    pub fn lines(&self) -> Covered {
        Covered::of(self.lines.values().copied())
    }

    /// The ways of its `if`s, those without statements too.
    pub fn branches(&self) -> Covered {
        Covered::of(self.branches.values().copied())
    }

    /// The bits of its ports, registers and nets.
    pub fn toggles(&self) -> Covered {
        Covered::of(self.toggles.values().copied())
    }

    /// The code of every line that never ran.
    pub fn missed_lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter(|(_, count)| **count == 0).map(|((code, _), _)| code.as_str())
    }

    /// The code of every line that ran.
    pub fn hit_lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter(|(_, count)| **count > 0).map(|((code, _), _)| code.as_str())
    }

    /// Every bit that never changed, such as `count[3]`; bit 0 has the name of its signal alone.
    pub fn missed_toggles(&self) -> impl Iterator<Item = &str> {
        self.toggles.iter().filter(|(_, count)| **count == 0).map(|(bit, _)| bit.as_str())
    }

    /// Every bit that changed.
    pub fn hit_toggles(&self) -> impl Iterator<Item = &str> {
        self.toggles.iter().filter(|(_, count)| **count > 0).map(|(bit, _)| bit.as_str())
    }
}

/// Coverage of any number of designs.
///
/// A kind of module is what one Rust unit generates: `newton_issue_control` and `fft_issue_control` are both an
/// `issue_control`, `fft_ram_2` is a `ram`. Within a kind, lines with the same code are the same line, and bits with the same
/// name the same bit; bit 0 has the name of its signal alone. The sizes of literals are no part of the code, which is
/// given without them: `count <= 'd0;`. A line whose code differs between two designs otherwise counts in both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CoverageReport {
    modules: BTreeMap<String, ModuleCoverage>,
}

impl CoverageReport {
    /// Adds what simulations of a design have counted.
    pub fn add(&mut self, design: &Design, counts: &CoverageCounts) {
        let prefix = design.top.strip_suffix("_unit").unwrap_or_default();
        let codes: BTreeMap<&str, Vec<LineKey>> =
            design.sources.iter().map(|source| (source.name.as_str(), line_keys(source))).collect();
        let key = |file: &str, line: u32| -> LineKey {
            // Line numbers come from Verilator and count from 1; a file that it found elsewhere has only its numbers.
            let known = codes.get(file).and_then(|keys| keys.get(line as usize - 1));
            known.cloned().unwrap_or_else(|| (format!("{file}:{line}"), 0))
        };
        for (file, lines) in counts.lines() {
            let module = self.modules.entry(kind(file, prefix).to_owned()).or_default();
            for (line, count) in lines {
                *module.lines.entry(key(file, line)).or_default() += count;
            }
        }
        for (point, count) in counts.points() {
            let module = self.modules.entry(kind(&point.file, prefix).to_owned()).or_default();
            let entry = match point.kind {
                PointKind::Line => continue,
                PointKind::Branch => {
                    module.branches.entry((key(&point.file, point.line), point.name.clone())).or_default()
                }
                // Words of memories: Verilator counts them in small memories only, and a ROM's never change.
                PointKind::Toggle if point.name.contains("][") => continue,
                PointKind::Toggle => module.toggles.entry(bit_name(&point.name).to_owned()).or_default(),
            };
            *entry += count;
        }
    }

    /// The kinds of modules by name.
    pub fn modules(&self) -> impl Iterator<Item = (&str, &ModuleCoverage)> {
        self.modules.iter().map(|(name, module)| (name.as_str(), module))
    }

    /// One kind of module.
    pub fn module(&self, name: &str) -> Option<&ModuleCoverage> {
        self.modules.get(name)
    }
}

/// `fft_ram_2.v` is a `ram` in a design with the prefix `fft`.
fn kind<'a>(file: &'a str, prefix: &str) -> &'a str {
    let name = file.rsplit_once('.').map_or(file, |(name, _)| name);
    let name = match name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')) {
        Some(rest) if !prefix.is_empty() => rest,
        _ => return name,
    };
    match name.rsplit_once('_') {
        Some((kind, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => kind,
        _ => name,
    }
}

/// A signal of one bit in one design may be a vector in another: bit 0 has the name of the signal.
fn bit_name(name: &str) -> &str {
    name.strip_suffix("[0]").unwrap_or(name)
}

/// The key of every line of a file.
fn line_keys(source: &SourceFile) -> Vec<LineKey> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let key = |line: &str| {
        let code = line.split("//").next().unwrap_or_default();
        let code = without_sizes(&code.split_whitespace().collect::<Vec<_>>().join(" "));
        let before = seen.entry(code.clone()).or_default();
        *before += 1;
        (code, *before - 1)
    };
    source.text.lines().map(key).collect()
}

/// Code without the sizes of its literals: `6'd0` and `4'd0` are both `'d0`.
fn without_sizes(code: &str) -> String {
    let mut parts = code.split('\'');
    let mut text = String::new();
    let last = parts.next_back().unwrap_or_default();
    for part in parts {
        text.push_str(part.trim_end_matches(|c: char| c.is_ascii_digit()));
        text.push('\'');
    }
    text + last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn design(prefix: &str, lines: &[&str]) -> Design {
        let file = SourceFile::new(format!("{prefix}_counter_2.v"), lines.join("\n"));
        Design::new(format!("{prefix}_unit"), vec![file])
    }

    fn counts(prefix: &str, points: &[(&str, u32, &str, &str, u64)]) -> CoverageCounts {
        let line = |&(kind, line, name, lines, count): &(&str, u32, &str, &str, u64)| {
            let lines = if lines.is_empty() { String::new() } else { format!("\x01S\x02{lines}") };
            format!(
                "C '\x01f\x02{prefix}_counter_2.v\x01l\x02{line}\x01n\x021\x01page\x02v_{kind}/m\x01o\x02{name}{lines}' \
                 {count}\n"
            )
        };
        CoverageCounts::parse(&points.iter().map(line).collect::<String>(), "f").unwrap()
    }

    #[test]
    fn kinds_have_neither_prefix_nor_number() {
        assert_eq!(kind("fft_ram_2.v", "fft"), "ram");
        assert_eq!(kind("fft_issue_control.v", "fft"), "issue_control");
        assert_eq!(kind("a_b_loop_counters_12.v", "a_b"), "loop_counters");
        assert_eq!(kind("widths.v", ""), "widths");
        assert_eq!(kind("other_2.v", "fft"), "other_2");
    }

    #[test]
    fn designs_are_merged_by_the_code_of_their_lines() {
        let mut report = CoverageReport::default();
        let a = design("a", &["always", "  x <= 1;  // one", "x <= 2;"]);
        report.add(&a, &counts("a", &[("line", 1, "block", "1-2", 3), ("branch", 3, "if", "3", 0)]));
        let module = report.module("counter").unwrap();
        assert_eq!(module.lines(), Covered { hit: 2, total: 3 });
        assert_eq!(module.missed_lines().collect::<Vec<_>>(), ["x <= 2;"]);
        // The same line elsewhere in another design, and one that differs.
        let b = design("b", &["x <= 2; // two", "x <= 4'd2;"]);
        report.add(&b, &counts("b", &[("branch", 1, "if", "1", 7), ("branch", 2, "else", "2", 0)]));
        let module = report.module("counter").unwrap();
        assert_eq!(module.missed_lines().collect::<Vec<_>>(), ["x <= 'd2;"]);
        assert_eq!(module.lines(), Covered { hit: 3, total: 4 });
        assert_eq!(module.branches(), Covered { hit: 1, total: 2 });
    }

    #[test]
    fn sizes_of_literals_do_not_count() {
        assert_eq!(without_sizes("{q, a4} <= 12'd0 + 3'b01;"), "{q, a4} <= 'd0 + 'b01;");
        assert_eq!(without_sizes("q <= 1;"), "q <= 1;");
    }

    #[test]
    fn equal_lines_of_one_module_stay_apart() {
        let mut report = CoverageReport::default();
        let a = design("a", &["x <= 1;", "x <= 1;"]);
        report.add(&a, &counts("a", &[("branch", 1, "if", "1", 3), ("branch", 2, "else", "2", 0)]));
        assert_eq!(report.module("counter").unwrap().lines(), Covered { hit: 1, total: 2 });
    }

    #[test]
    fn bits_are_merged_by_name() {
        let mut report = CoverageReport::default();
        let (a, b) = (design("a", &["reg q;"]), design("b", &["reg q;"]));
        report.add(&a, &counts("a", &[("toggle", 1, "q[0]", "", 1), ("toggle", 1, "q[1]", "", 0)]));
        report.add(&b, &counts("b", &[("toggle", 1, "q[0]", "", 0), ("toggle", 1, "q[2]", "", 0)]));
        // A scalar is bit 0, and words of memories do not count.
        report.add(&b, &counts("b", &[("toggle", 1, "q", "", 0), ("toggle", 1, "memory[0][1]", "", 0)]));
        let module = report.module("counter").unwrap();
        assert_eq!(module.toggles(), Covered { hit: 1, total: 3 });
        assert_eq!(module.missed_toggles().collect::<Vec<_>>(), ["q[1]", "q[2]"]);
        assert_eq!(module.hit_toggles().collect::<Vec<_>>(), ["q"]);
        assert!((module.toggles().share() - 1.0 / 3.0).abs() < 1e-12);
    }
}
