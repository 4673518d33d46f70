//! Counts as an lcov tracefile, for `genhtml` and editors.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::counts::{CoverageCounts, PointKind};

impl CoverageCounts {
    /// The counts of lines and branches in the format of lcov's tracefiles (geninfo(1)). `folder`, with `/` at its end or
    /// empty, goes before the names of the files.
    pub fn lcov(&self, folder: &str) -> String {
        let mut branches: BTreeMap<&str, Vec<(u32, u64)>> = BTreeMap::new();
        for (point, count) in self.points().filter(|(point, _)| point.kind == PointKind::Branch) {
            branches.entry(&point.file).or_default().push((point.line, count));
        }
        let mut text = String::new();
        for (file, lines) in self.lines() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "TN:\nSF:{folder}{file}");
            for (line, count) in &lines {
                let _ = writeln!(text, "DA:{line},{count}");
            }
            let hit = lines.values().filter(|&&count| count > 0).count();
            let _ = writeln!(text, "LF:{}\nLH:{hit}", lines.len());
            let branches = branches.get(file).map_or(&[][..], Vec::as_slice);
            for (branch, (line, count)) in branches.iter().enumerate() {
                let _ = writeln!(text, "BRDA:{line},0,{branch},{count}");
            }
            let hit = branches.iter().filter(|(_, count)| *count > 0).count();
            let _ = writeln!(text, "BRF:{}\nBRH:{hit}\nend_of_record", branches.len());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_have_lines_and_branches_with_their_sums() {
        let text = "\
            C '\x01f\x02a.v\x01l\x024\x01n\x025\x01page\x02v_line/a\x01o\x02block\x01S\x024-5' 9\n\
            C '\x01f\x02a.v\x01l\x026\x01n\x025\x01page\x02v_branch/a\x01o\x02if\x01S\x026-7' 0\n\
            C '\x01f\x02a.v\x01l\x026\x01n\x026\x01page\x02v_branch/a\x01o\x02else' 3\n\
            C '\x01f\x02a.v\x01l\x022\x01n\x026\x01page\x02v_toggle/a\x01o\x02q' 3\n";
        let counts = CoverageCounts::parse(text, "f").unwrap();
        assert_eq!(
            counts.lcov("rtl/"),
            "TN:\nSF:rtl/a.v\nDA:4,9\nDA:5,9\nDA:6,0\nDA:7,0\nLF:4\nLH:2\n\
             BRDA:6,0,0,0\nBRDA:6,0,1,3\nBRF:2\nBRH:1\nend_of_record\n"
        );
    }
}
