//! What the user should know about the data.

use ndarray::Array2;

use super::{
    Pairs,
    finish::Outputs,
    ports::Segment,
    split::{self, Split},
};

/// Rows that are looked at for what takes long.
const ROWS: usize = 2000;

/// Columns of which every pair is compared.
const COLUMNS: usize = 64;

/// Half of the numbers of one sign lie in this lowest part of their range: most words would be near its end.
const LOWEST: f64 = 1.0 / 8.0;

/// Half of the numbers of both signs are below this part of the largest.
const SMALL: f64 = 1.0 / 64.0;

/// Columns with a larger correlation say nearly the same.
const ALIKE: f64 = 0.9999;

/// What is remarkable about the pairs.
pub(super) fn notes(pairs: &Pairs, inputs: &[Segment], outputs: &Outputs, split: &Split) -> Vec<String> {
    let mut notes = vec![];
    let varies = |column: &usize| {
        let column = pairs.inputs.column(*column);
        column.iter().any(|&v| v != column[0])
    };
    let constant: Vec<usize> = (0..pairs.inputs.ncols()).filter(|column| !varies(column)).collect();
    if !constant.is_empty() {
        notes.push(format!(
            "{} never changes: what the outputs do when it does cannot be learnt",
            list("input", &constant)
        ));
    }
    let constant: Vec<usize> =
        (0..pairs.outputs.ncols()).filter(|&c| outputs.constants[c].is_some()).collect();
    if !constant.is_empty() {
        notes.push(format!(
            "{} never changes: the emulator gives the constant, whatever the input",
            list("output", &constant)
        ));
    }
    let known = split.known();
    tails(&mut notes, "input", &pairs.inputs, inputs, &known);
    tails(&mut notes, "output", &pairs.outputs, &outputs.segments, &known);
    correlated(&mut notes, &pairs.inputs, &known);
    let repeated = split.counts().repeated;
    if repeated > 0 {
        notes.push(format!("{repeated} rows repeat the inputs of others: they stay in one set with them"));
        let floor = split::floor(&pairs.outputs, &split.repeated);
        if floor > 1e-6 {
            notes.push(format!(
                "rows with the same inputs have different outputs: no function of the inputs errs less than about {:.3} %",
                100.0 * floor
            ));
        }
    }
    notes
}

/// Columns by their numbers.
fn list(what: &str, columns: &[usize]) -> String {
    let numbers: Vec<String> = columns.iter().map(|column| (column + 1).to_string()).collect();
    format!("{what}{} {}", if columns.len() == 1 { "" } else { "s" }, numbers.join(", "))
}

/// Columns of which a few numbers are much larger than most.
fn tails(notes: &mut Vec<String>, what: &str, values: &Array2<f64>, segments: &[Segment], rows: &[usize]) {
    let (mut decades, mut signed) = (vec![], vec![]);
    for segment in segments {
        for column in segment.columns.clone() {
            let mut sizes: Vec<f64> =
                rows.iter().take(ROWS).map(|&row| values[(row, column)].abs()).collect();
            sizes.sort_by(f64::total_cmp);
            let (least, median, largest) = (sizes[0], sizes[sizes.len() / 2], sizes[sizes.len() - 1]);
            let span = segment.spans[column - segment.columns.start];
            if least == largest || segment.span.offset() != 0.0 {
                continue;
            } else if span.low > 0.0 || span.high < 0.0 {
                if median - least < LOWEST * (largest - least) {
                    decades.push(column);
                }
            } else if median < SMALL * largest {
                signed.push(column);
            }
        }
    }
    let words = if what == "input" {
        "its words tell most of them hardly apart"
    } else {
        "the error is that of the largest"
    };
    if !decades.is_empty() {
        notes.push(format!(
            "half of the numbers of {} lie in the lowest eighth of their range: {words}; give the logarithm in their place",
            list(what, &decades)
        ));
    }
    if !signed.is_empty() {
        notes.push(format!(
            "half of the numbers of {} are below a sixty-fourth of the largest: {words}; clip them, or give asinh(x / s) in their \
             place, s being their usual size",
            list(what, &signed)
        ));
    }
}

/// Inputs that move together: their difference is lost in words and whitening.
fn correlated(notes: &mut Vec<String>, inputs: &Array2<f64>, rows: &[usize]) {
    let rows = &rows[..rows.len().min(ROWS)];
    let columns = inputs.ncols().min(COLUMNS);
    // Deviations from the mean, of length 1; none of a column that does not vary.
    let unit = |column: usize| {
        let mean = rows.iter().map(|&row| inputs[(row, column)] / rows.len() as f64).sum::<f64>();
        let deviations: Vec<f64> = rows.iter().map(|&row| inputs[(row, column)] - mean).collect();
        let largest = deviations.iter().fold(0.0, |m: f64, d| m.max(d.abs()));
        let scaled: Vec<f64> = deviations.iter().map(|d| d / largest).collect();
        let length = scaled.iter().map(|d| d * d).sum::<f64>().sqrt();
        scaled.into_iter().map(|d| d / length).collect::<Vec<f64>>()
    };
    let units: Vec<Vec<f64>> = (0..columns).map(unit).collect();
    for a in 0..columns {
        for b in a + 1..columns {
            let correlation: f64 = units[a].iter().zip(&units[b]).map(|(x, y)| x * y).sum();
            if correlation.abs() > ALIKE {
                notes.push(format!(
                    "{} move together (correlation {correlation:.6}): if their difference matters, give it in place of one of them",
                    list("input", &[a, b])
                ));
            }
        }
    }
}
