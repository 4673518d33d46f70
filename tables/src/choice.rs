//! Which columns are inputs and which outputs, as a user says it.

use crate::{Table, error::quoted, table::is_called};

impl Table {
    /// The columns that are inputs and those that are outputs, counted from 0, as `--inputs` and `--outputs` say.
    ///
    /// `inputs` is a number (so many columns from the first one on) or a list; `outputs` is the same, its number counting back from the
    /// last column, or missing: all columns that are no inputs. In a list, separated by commas, stand names, numbers of columns from 1
    /// on, and ranges of them like `1-3`, both ends included. A column without a name in the header of its file is an index: only a list
    /// chooses it.
    ///
    /// # Errors
    /// What was found and expected, and the option's name: columns that do not exist, that are named twice, or that are input and output;
    /// names that several columns have.
    pub fn inputs_and_outputs(&self, inputs: &str, outputs: Option<&str>) -> Result<[Vec<usize>; 2], String> {
        let first = usize::from(self.is_first_index);
        let all: Vec<usize> = (first..self.rows.ncols()).collect();
        let problem =
            |option: &str, what: String| format!("--{option} {}: {what}", shown(option, inputs, outputs));
        let chosen = match count(inputs) {
            Some(count) if (1..all.len()).contains(&count) => all[..count].to_vec(),
            Some(count) => {
                let found = all.len();
                return Err(problem(
                    "inputs",
                    format!(
                        "expected more than {count} columns, as there is at least one output, found {found}"
                    ),
                ));
            }
            None => self.list(inputs).map_err(|what| problem("inputs", what))?,
        };
        let others = |all: &[usize]| all.iter().copied().filter(|column| !chosen.contains(column)).collect();
        let answers: Vec<usize> = match outputs {
            None => others(&all),
            Some(outputs) => match count(outputs) {
                Some(count) if (1..=all.len()).contains(&count) => all[all.len() - count..].to_vec(),
                Some(count) => {
                    let found = all.len();
                    return Err(problem(
                        "outputs",
                        format!("expected a number up to {found}, that of the columns, found {count}"),
                    ));
                }
                None => self.list(outputs).map_err(|what| problem("outputs", what))?,
            },
        };
        if answers.is_empty() {
            return Err(problem(
                "inputs",
                "expected a column that is no input, as there is at least one output".to_owned(),
            ));
        }
        if let Some(&both) = answers.iter().find(|column| chosen.contains(column)) {
            return Err(problem("outputs", format!("{} is an input too", self.name_of(both))));
        }
        Ok([chosen, answers])
    }

    /// The columns in a list of names, numbers and ranges.
    fn list(&self, list: &str) -> Result<Vec<usize>, String> {
        let mut columns: Vec<usize> = vec![];
        for item in list.split(',').map(str::trim) {
            for column in self.item(item)? {
                if columns.contains(&column) {
                    return Err(format!("{} is named twice", self.name_of(column)));
                }
                columns.push(column);
            }
        }
        Ok(columns)
    }

    fn item(&self, item: &str) -> Result<Vec<usize>, String> {
        let names = self.columns.as_deref().unwrap_or_default();
        for is_same in [|name: &str, item: &str| name == item, is_called] {
            let mut places =
                (0..names.len()).filter(|&place| !item.is_empty() && is_same(&names[place].name, item));
            match (places.next(), places.next()) {
                (Some(place), None) => return Ok(vec![place]),
                (Some(a), Some(b)) => {
                    let (a, b) = (a + 1, b + 1);
                    return Err(format!(
                        "columns {a} and {b} are both called {}: choose by number",
                        quoted(item)
                    ));
                }
                _ => {}
            }
        }
        let range = match item.split_once('-') {
            Some((first, last)) => first.trim().parse::<usize>().ok().zip(last.trim().parse::<usize>().ok()),
            None => item.parse::<usize>().ok().map(|number| (number, number)),
        };
        let width = self.rows.ncols();
        match range {
            Some((first, last)) if first >= 1 && first <= last && last <= width => {
                Ok((first - 1..last).collect())
            }
            Some(_) => Err(format!(
                "expected columns from 1 to {width}, the lower one first, found {}",
                quoted(item)
            )),
            None => Err(self.unknown(item)),
        }
    }

    fn unknown(&self, item: &str) -> String {
        let Some(columns) = &self.columns else {
            return format!("expected numbers of columns, as the file has no header, found {}", quoted(item));
        };
        let names: Vec<&str> =
            columns.iter().map(|column| column.name.as_str()).filter(|name| !name.is_empty()).collect();
        let near = |name: &&&str| strsim::jaro_winkler(&name.to_lowercase(), &item.to_lowercase());
        let nearest =
            names.iter().max_by(|a, b| near(a).total_cmp(&near(b))).filter(|name| near(name) > 0.75);
        let hint = nearest.map_or_else(String::new, |name| format!(", did you mean {}?", quoted(name)));
        let more = if names.len() > 10 { ", …" } else { "" };
        let list: Vec<String> = names.iter().take(10).map(|name| quoted(name)).collect();
        format!("no column is called {}{hint} There are {}{more}", quoted(item), list.join(", ")).replacen(
            " There",
            if hint.is_empty() { "; there" } else { " There" },
            1,
        )
    }
}

/// What an option was given, cut to what a message needs.
fn shown(option: &str, inputs: &str, outputs: Option<&str>) -> String {
    let text = if option == "inputs" { inputs } else { outputs.unwrap_or_default() };
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A number alone says how many.
fn count(text: &str) -> Option<usize> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use crate::Reading;

    fn choose(header: &str, inputs: &str, outputs: Option<&str>) -> Result<[Vec<usize>; 2], String> {
        let width = header.split(',').count();
        let rows = format!("{}\n", vec!["0.5"; width].join(",")).repeat(3);
        let text = if header.starts_with(['0', ' ']) { rows } else { format!("{header}\n{rows}") };
        Reading::default().parse(text.as_bytes(), "a.csv").unwrap().inputs_and_outputs(inputs, outputs)
    }

    #[test]
    fn columns_are_chosen_by_number_range_and_name() {
        let header = "a,temp [C],flow rate,loss,x-1";
        for (inputs, outputs, expected) in [
            ("3", None, [vec![0, 1, 2], vec![3, 4]]),
            ("3", Some("1"), [vec![0, 1, 2], vec![4]]),
            ("2-3", None, [vec![1, 2], vec![0, 3, 4]]),
            ("temp,a", Some("loss"), [vec![1, 0], vec![3]]),
            ("flow_rate, 1-2", Some("4-4"), [vec![2, 0, 1], vec![3]]),
            ("x-1,1", Some("2-2"), [vec![4, 0], vec![1]]),
        ] {
            assert_eq!(choose(header, inputs, outputs).unwrap(), expected, "{inputs}");
        }
        assert_eq!(choose("0,0,0", "3-3,1", None).unwrap(), [vec![2, 0], vec![1]]);
        assert_eq!(choose(",a,b,c", "2", None).unwrap(), [vec![1, 2], vec![3]]);
    }

    #[test]
    fn wrong_choices_are_refused_with_what_was_meant() {
        let header = "temperature,load,loss,loss";
        for (inputs, outputs, expected) in [
            (
                "temprature",
                None,
                "--inputs temprature: no column is called \"temprature\", did you mean \"temperature\"? There are \"temperature\", \"load\"",
            ),
            ("zzz", None, "no column is called \"zzz\"; there are"),
            ("loss", None, "columns 3 and 4 are both called \"loss\""),
            ("load,2", None, "column 2 (\"load\") is named twice"),
            ("1-2", Some("2-3"), "--outputs 2-3: column 2 (\"load\") is an input too"),
            ("1-4", None, "expected a column that is no input"),
            ("4", None, "expected more than 4 columns"),
            ("0", None, "expected more than 0 columns"),
            ("3-2", None, "expected columns from 1 to 4, the lower one first, found \"3-2\""),
            ("0-2", None, "expected columns from 1 to 4"),
            ("1-9", None, "expected columns from 1 to 4"),
            ("1", Some("9"), "expected a number up to 4"),
            // A number alone counts back from the last column.
            ("1", Some("4"), "column 1 (\"temperature\") is an input too"),
            ("", None, "no column is called \"\""),
        ] {
            let message = choose(header, inputs, outputs).unwrap_err();
            assert!(message.contains(expected), "{inputs}: {message}");
        }
        assert!(choose("0,0", "a", None).unwrap_err().contains("the file has no header"));
        assert!(choose(header, &"x,".repeat(10_000), None).unwrap_err().len() < 500);
    }
}
