//! How errors are written: the same figures in tables, in JSON and in reports.

use emeuro_golden::{Errors, OutputErrors, Port};
use serde_json::{Value, json};

/// So many outputs stand in a table; JSON has all.
pub const MOST_OUTPUTS: usize = 8;

/// A share as a percentage, with three digits behind the point if it is below a thousandth.
pub fn percent(share: f64) -> String {
    match 100.0 * share {
        small if 0.0 < small && small < 0.1 => format!("{small:.3} %"),
        percent => format!("{percent:.2} %"),
    }
}

/// An NRMSE, which what never changes has not.
pub fn nrmse_text(nrmse: Option<f64>) -> String {
    nrmse.map_or_else(|| "constant".to_owned(), percent)
}

/// A number with so many significant digits.
pub fn number(value: f64, digits: usize) -> String {
    let value: f64 = format!("{value:.*e}", digits - 1).parse().unwrap_or(value);
    match value.abs() {
        size if size == 0.0 || (1e-4..1e7).contains(&size) => value.to_string(),
        _ => format!("{value:e}"),
    }
}

/// A number with four significant digits, and with its unit if it has one.
pub fn quantity(value: f64, unit: &str) -> String {
    let number = number(value, 4);
    if unit == "1" || unit.is_empty() { number } else { format!("{number} {unit}") }
}

/// Outputs as rows of cells with a heading, those that err most if there are more than `most`; `place` is what the user calls a row. The
/// units are those of `port`.
pub fn output_cells(outputs: &[OutputErrors], port: &Port, place: &str, most: usize) -> Vec<Vec<String>> {
    let units: Vec<&str> = port.words().map(|(segment, _)| segment.unit.as_str()).collect();
    let mut order: Vec<usize> = (0..outputs.len()).collect();
    let size = |index: usize| outputs[index].nrmse.unwrap_or(-1.0);
    if outputs.len() > most {
        order.sort_by(|&a, &b| size(b).total_cmp(&size(a)));
        order.truncate(most);
    }
    let mut rows = vec![["output", "NRMSE", "95 %", "99 %", "largest", place].map(str::to_owned).to_vec()];
    rows.extend(order.into_iter().map(|index| {
        let OutputErrors { name, nrmse, p95, p99, largest, row } = &outputs[index];
        let quantity = |value: f64| quantity(value, units.get(index).copied().unwrap_or("1"));
        vec![
            name.clone(),
            nrmse_text(*nrmse),
            quantity(*p95),
            quantity(*p99),
            quantity(*largest),
            row.to_string(),
        ]
    }));
    rows
}

/// What a table of [`output_cells`] leaves out, in a sentence; empty if nothing.
pub fn left_out(outputs: usize) -> String {
    match outputs > MOST_OUTPUTS {
        true => format!("These are the {MOST_OUTPUTS} of {outputs} outputs with the largest NRMSE"),
        false => String::new(),
    }
}

/// NRMSE of every segment of `port`.
pub fn segments<'a>(errors: &'a Errors, port: &'a Port) -> impl Iterator<Item = (&'a str, Option<f64>)> + 'a {
    let mut start = 0;
    port.segments.iter().map(move |segment| {
        let columns = start..start + segment.size;
        start = columns.end;
        (segment.name.as_str(), errors.nrmse_of(columns))
    })
}

/// `nrmse`, `nrmse_even`, `outputs` and `segments` as fields for programs, all outputs in the order of the frame.
pub fn errors_json(errors: &Errors, port: &Port) -> Value {
    let outputs = errors.outputs.iter().zip(port.words()).map(|(output, (segment, _))| {
        json!({
            "name": output.name,
            "unit": segment.unit,
            "nrmse": output.nrmse,
            "p95": output.p95,
            "p99": output.p99,
            "largest": output.largest,
            "row": output.row,
        })
    });
    let segments = segments(errors, port).map(|(name, nrmse)| json!({ "name": name, "nrmse": nrmse }));
    json!({
        "nrmse": errors.nrmse,
        "nrmse_even": errors.even,
        "outputs": outputs.collect::<Vec<Value>>(),
        "segments": segments.collect::<Vec<Value>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use emeuro_golden::Format;

    #[test]
    fn numbers_have_digits_and_units_that_suit() {
        assert_eq!([0.0, 0.000_156, 0.0046].map(percent), ["0.00 %", "0.016 %", "0.46 %"]);
        let texts = [0.0, 0.123_456, 1234.56, 1e-30, -2.5e11].map(|value| quantity(value, "1"));
        assert_eq!(texts, ["0", "0.1235", "1235", "1e-30", "-2.5e11"]);
        assert_eq!(quantity(0.5, "m/s"), "0.5 m/s");
    }

    #[test]
    fn of_many_outputs_the_worst_are_shown_and_json_has_all() {
        let format = Format::new(16, 8).unwrap();
        let port = Port::new("y", 20, format);
        let names: Vec<String> = (0..20).map(|index| format!("y[{index}]")).collect();
        let targets: Vec<f64> = (0..200).map(|k| (k / 20) as f64).collect();
        let estimates: Vec<f64> =
            targets.iter().enumerate().map(|(k, t)| t + 0.01 * (k % 20 * 7 % 20) as f64).collect();
        let errors = Errors::of(&names, &targets, &estimates);
        let cells = output_cells(&errors.outputs, &port, "line", MOST_OUTPUTS);
        assert_eq!(
            (cells.len(), cells[0][5].as_str(), cells[1][0].as_str()),
            (9, "line", "y[17]"),
            "{cells:?}"
        );
        assert!(left_out(20).contains("8 of 20") && left_out(8).is_empty());
        let json = errors_json(&errors, &port);
        assert_eq!(json["outputs"].as_array().unwrap().len(), 20);
        assert_eq!(json["outputs"][17]["nrmse"].as_f64(), errors.outputs[17].nrmse);
        assert_eq!(json["segments"][0]["nrmse"].as_f64(), errors.nrmse);
    }
}
