//! What the lines above the numbers say: names and units.

use std::borrow::Cow;

use super::number;
use crate::Column;

/// Whether `fields` are names: none of them is a number, one at least is there.
pub(super) fn is_names(fields: &[Cow<str>]) -> bool {
    fields.iter().any(|field| !field.is_empty()) && !fields.iter().any(|field| number::is(field))
}

/// Whether `fields` count the columns: whole numbers, each one more than the one before. The first may be empty: above an index.
pub(super) fn is_count(fields: &[Cow<str>]) -> bool {
    let fields = if fields.first().is_some_and(|field| field.is_empty()) { &fields[1..] } else { fields };
    let whole: Option<Vec<i64>> = fields.iter().map(|field| field.parse().ok()).collect();
    whole.is_some_and(|whole| {
        whole.len() > 1 && whole.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1]))
    })
}

/// Whether `fields`, below names, are units: none of them is a number, and one at least has a letter, `%` or `°`.
pub(super) fn is_units(fields: &[Cow<str>]) -> bool {
    let says = |field: &str| {
        !number::is_missing(field) && field.contains(|c: char| c.is_alphabetic() || matches!(c, '%' | '°'))
    };
    let none = |field: &str| matches!(field, "" | "-" | "[]" | "()" | "[-]" | "(-)");
    fields.iter().any(|field| says(field))
        && fields.iter().all(|field| none(field) || (says(field) && !number::is(field)))
}

/// The column that a field of a header describes: `temp [C]` and `stress (Pa)` have units.
pub(super) fn column(field: &str) -> Column {
    let bare = || Column { name: name(field), unit: None };
    for (open, close) in [('[', ']'), ('(', ')')] {
        let Some((before, inside)) = field.strip_suffix(close).and_then(|rest| rest.rsplit_once(open)) else {
            continue;
        };
        // `w[3]` is the fourth of several, `sin(x)` a function.
        let is_index = inside.trim().parse::<u64>().is_ok();
        if before.trim().is_empty() || is_index || (open == '(' && !before.ends_with(char::is_whitespace)) {
            return bare();
        }
        return Column { name: name(before.trim()), unit: unit(inside) };
    }
    bare()
}

/// pandas names columns without a name so.
fn name(field: &str) -> String {
    match field.starts_with("Unnamed: ") {
        true => String::new(),
        false => field.to_owned(),
    }
}

/// The unit that a field is, without brackets; none if it says nothing.
pub(super) fn unit(field: &str) -> Option<String> {
    let field = field.trim();
    let inside = |open, close| field.strip_prefix(open)?.strip_suffix(close);
    let unit = inside('[', ']').or_else(|| inside('(', ')')).unwrap_or(field).trim();
    (!unit.is_empty() && unit != "-").then(|| unit.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Vec<Cow<'_, str>> {
        text.split(',').map(Cow::Borrowed).collect()
    }

    #[test]
    fn units_in_brackets_are_taken_from_names() {
        for (field, name, unit) in [
            ("temp [C]", "temp", Some("C")),
            ("stress (Pa)", "stress", Some("Pa")),
            ("temp[°C]", "temp", Some("°C")),
            ("flow (m3/s)", "flow", Some("m3/s")),
            ("w[3]", "w[3]", None),
            ("sin(x)", "sin(x)", None),
            ("x []", "x", None),
            ("[C]", "[C]", None),
            ("Unnamed: 0", "", None),
            ("plain", "plain", None),
            (")(", ")(", None),
        ] {
            assert_eq!(column(field), Column { name: name.into(), unit: unit.map(str::to_owned) }, "{field}");
        }
        assert_eq!(
            [unit("[m/s]"), unit("(-)"), unit(""), unit("%")].map(|u| u.unwrap_or_default()),
            ["m/s", "", "", "%"]
        );
    }

    #[test]
    fn names_counts_and_units_are_told_from_rows() {
        assert!(
            is_names(&fields("a,b"))
                && is_names(&fields(",b"))
                && !is_names(&fields("a,1"))
                && !is_names(&fields(","))
        );
        assert!(is_count(&fields("0,1,2")) && is_count(&fields(",1,2")) && is_count(&fields("2019,2020")));
        assert!(!is_count(&fields("0,1,3")) && !is_count(&fields("0")) && !is_count(&fields("0.0,1.0")));
        assert!(is_units(&fields("m,s")) && is_units(&fields("-,%")) && is_units(&fields("[m],")));
        assert!(!is_units(&fields("m,1")) && !is_units(&fields("-,-")) && !is_units(&fields("NA,NA")));
    }
}
