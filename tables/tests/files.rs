//! Files as programs and people write them.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use emeuro_tables::{Column, Frames, NotFinite, Reading, Table, TooMany, read};
use ndarray::{Array1, Array2, Array3, ShapeBuilder, array};
use ndarray_npy::{WriteNpyExt, write_npy};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files").join(name)
}

fn parse(text: &str) -> Result<Table, String> {
    Reading::default().parse(text.as_bytes(), "a.txt").map_err(|error| error.to_string())
}

fn names(table: &Table) -> Vec<&str> {
    table.columns().unwrap_or_default().iter().map(|column| column.name.as_str()).collect()
}

fn notes(table: &Table) -> String {
    table.notes().join("\n")
}

#[test]
fn the_form_of_a_text_is_found() {
    let expected = array![[1.0, -2.5], [3.0, 4.0], [5.0, 0.006]];
    for text in [
        "1,-2.5\n3,4\n5,6e-3\n",
        "1;-2.5\n3;4\n5;6e-3",
        "1\t-2.5\r\n3\t4\r\n5\t6E-3\r\n",
        "  1   -2.5 \n3 4\n\n   \n5 6e-3\n\n",
        "1,-2.5,\n3,4,\n5,6e-3,\n",
        "1,-2.5\n3,4,\n5,6e-3\n",
        "1;-2,5\n3;4\n5;6e-3\n",
        "1 -2,5\n3 4,0\n5 ,006\n",
        "\u{feff}1,-2.5\n3,4\n5,6e-3\n",
        "# a comment; it's ignored\n1,-2.5\n  # another\n3,4 # three\n5,6e-3\n",
        "\"1\",\"-2.5\"\n\"3\",4\n5,\"6e-3\"\n",
        "x,y\n1,-2.5\n3,4\n5,6e-3\n",
        "x,y\nm,s\n1,-2.5\n3,4\n5,6e-3\n",
        "sep=;\n1;-2.5\n3;4\n5;6e-3\n",
        "1,-2.5\r3,4\r5,6e-3\r",
    ] {
        if text.contains(" ,006") {
            assert!(parse(text).unwrap_err().contains("line 3, column 2"), "{text:?}");
            continue;
        }
        assert_eq!(parse(text).as_ref().map(Table::rows), Ok(&expected), "{text:?}");
    }
    assert_eq!(parse("1\n2\n3\n").unwrap().rows(), &array![[1.0], [2.0], [3.0]]);
}

#[test]
fn names_and_units_are_read() {
    let column = |name: &str, unit: Option<&str>| Column { name: name.into(), unit: unit.map(str::to_owned) };
    let table = parse("temp [°C];stress (Pa);flow rate\n20,5;1;2\n").unwrap();
    let expected = [column("temp", Some("°C")), column("stress", Some("Pa")), column("flow rate", None)];
    assert_eq!(table.columns(), Some(&expected[..]));
    assert!(notes(&table).contains("decimal comma, first in line 2"));
    let table = parse("x,y,z\n[m],-,1/s\n1,2,3\n").unwrap();
    assert_eq!(
        table.columns().unwrap(),
        [column("x", Some("m")), column("y", None), column("z", Some("1/s"))]
    );
    assert!(table.notes().is_empty());
    // What is neither a unit nor a number is an error.
    assert!(parse("x,y\n1,abc\n2,3\n").unwrap_err().contains("line 2, column 2 (\"y\"): expected a number"));
    assert!(parse("x,y\nNA,NA\n2,3\n").unwrap_err().contains("line 2, column 1"));
}

#[test]
fn headers_of_numbers_and_indices_are_noticed() {
    // As pandas writes a table without names: with its index and without.
    let table = parse(",0,1\n0,0.5,1.5\n1,0.25,2.5\n2,0.125,1.0\n").unwrap();
    assert_eq!((names(&table), table.rows().dim()), (vec!["", "0", "1"], (3, 3)));
    assert!(notes(&table).contains("line 1 counts the columns and is taken for a header"));
    assert!(notes(&table).contains("column 1 has no name: it is taken for an index"));
    assert_eq!(table.inputs_and_outputs("1", None).unwrap(), [vec![1], vec![2]]);
    assert_eq!(table.frames(2, None).unwrap().rows, array![[0.5, 1.5], [0.25, 2.5], [0.125, 1.0]]);
    let table = parse("0,1\n0.5,1.5\n0.25,2.5\n").unwrap();
    assert_eq!((names(&table), table.rows().nrows()), (vec!["0", "1"], 2));
    // Whole numbers everywhere: it may be a row.
    let table = parse("0,1,2\n3,7,1\n4,4,4\n").unwrap();
    assert_eq!(table.rows().nrows(), 3);
    assert!(notes(&table).contains("if it is a header"));
    // An index by its values alone is only pointed out.
    let table = parse("id,x\n1,0.5\n2,0.7\n3,0.9\n").unwrap();
    assert_eq!(table.rows().ncols(), 2);
    assert!(notes(&table).contains("column 1 counts the rows (1, 2, 3, …)"));
    let error = table.frames(1, None).unwrap_err().to_string();
    assert!(error.contains("expected rows of 1 numbers, found 2; column 1 counts the rows"), "{error}");
    // An index of words.
    let table = parse(",x,y\nmon,1,2\nnan,3,4\n").unwrap();
    assert_eq!(table.frames(2, None).unwrap().rows, array![[1.0, 2.0], [3.0, 4.0]]);
    assert!(parse("1.5,2\n2.5,3\n").unwrap().notes().is_empty());
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_a_remedy() {
    for (text, parts) in [
        ("", &["expected at least one row of numbers, found none"][..]),
        ("a,b\n", &["expected at least one row of numbers"]),
        ("a,b\nm,s\n", &["expected at least one row of numbers"]),
        ("# only this\n\n", &["expected at least one row of numbers"]),
        ("1;2\n3\n", &["line 2: expected 2 fields as in line 1, found 1", "separated by semicolons"]),
        ("x,y\n1,2\n3,4,5\n", &["line 3: expected 2 fields as in line 1, found 3", "commas"]),
        ("\n# c\n1,2\n\n3,x\n", &["line 5, column 2: expected a number, found \"x\""]),
        ("x;y\n1;2\n3;\n", &["line 3, column 2 (\"y\"): expected a number, found nothing: fill the gap"]),
        ("x;y\n1;2\nNA;2\n", &["column 1 (\"x\")", "found \"NA\"", "leave the row out"]),
        ("1,nan\n", &["line 1, column 2: expected a finite number, found NaN: leave the row out"]),
        ("1,-inf\n", &["found -inf"]),
        ("1,1e999\n", &["found inf"]),
        ("1,5;2.5\n", &["line 1, column 2: found a decimal point in \"2.5\", expected a comma as in line 1"]),
        ("0.5;1\n1,234;2\n", &["line 2, column 1: found a decimal comma in \"1,234\"", "thousands"]),
        ("1,\"2,5\"\n3,4\n", &["line 1, column 2", "write fractions with a point"]),
        ("a,b,3\n1,2,3\n", &["line 1, column 1: expected a number, found \"a\""]),
        ("emeuro: 1\nname: a\n", &["expected a table in a CSV or NPY file, found an emulator file"]),
        ("a\0b", &["binary data"]),
    ] {
        let message = parse(text).unwrap_err();
        for part in [&["a.txt: "], parts].concat() {
            assert!(message.contains(part), "{text:?}: {message}");
        }
    }
    let bytes = |bytes: &[u8]| Reading::default().parse(bytes, "a.csv").unwrap_err().to_string();
    assert!(bytes(b"t [\xb0C],y\n1,2\n").contains("line 1: expected text in UTF-8, found the byte 0xb0"));
    assert!(bytes(b"\xff\xfe1\0,\0").contains("UTF-16: save it as UTF-8"));
    assert!(bytes(b"PK\x03\x04").contains("ZIP archive, as .npz"));
    let long = format!("{}\n", "x".repeat(1_000_000));
    assert!(parse(&format!("1,2\n{long}")).unwrap_err().len() < 300);
    assert!(read("no-such.csv").unwrap_err().to_string().starts_with("no-such.csv: No such file"));
    assert!(read(env!("CARGO_MANIFEST_DIR")).unwrap_err().to_string().contains("found a folder"));
}

#[test]
fn the_files_of_users_are_read() {
    let table = read(file("semicolon.csv")).unwrap();
    assert_eq!((names(&table), table.rows().ncols()), (vec!["x", "y", "a"], 3));
    assert_eq!(table.rows().row(0).to_vec(), [-0.8287, -0.5264, -0.7781]);
    let table = read(file("integers.npy")).unwrap();
    assert_eq!(table.rows().dim(), (256, 2));
    assert_eq!(table.rows().row(3).to_vec(), [3.0, 1.0]);
    assert!(notes(&table).contains("column 1 counts the rows (0, 1, 2, …)"));
    let table = read(file("run-with-header.csv")).unwrap();
    let Frames { rows, lines, notes } = table.frames(2, Some(&["x", "y"])).unwrap();
    assert_eq!(rows.row(0).to_vec(), [-0.8287, -0.5264]);
    assert_eq!((lines[0], lines[4]), (2, 6));
    assert!(notes.is_empty());
}

#[test]
fn frames_are_found_by_the_names_of_the_inputs() {
    let table = || parse("flow rate,x,loss\n1,2,3\n4,5,6\n").unwrap();
    let frames = table().frames(2, Some(&["x", "flow_rate"])).unwrap();
    assert_eq!(frames.rows, array![[2.0, 1.0], [5.0, 4.0]]);
    assert!(frames.notes[0].contains("1 of 3 columns are not used"));
    let frames = parse("y,x\n1,2\n").unwrap().frames(2, Some(&["x", "y"])).unwrap();
    assert_eq!(frames.rows, array![[2.0, 1.0]]);
    assert!(frames.notes[0].contains("in another order"));
    let frames = parse("a,b\n1,2\n").unwrap().frames(2, Some(&["x", "b"])).unwrap();
    assert_eq!(frames.rows, array![[1.0, 2.0]]);
    assert!(frames.notes[0].contains("no column for \"x\": the columns are used in the order of the file"));
    let error = table().frames(2, Some(&["x", "z"])).unwrap_err().to_string();
    assert!(
        error.contains("expected rows of 2 numbers, found 3; the header has no column for \"z\""),
        "{error}"
    );
    assert!(table().frames(4, None).unwrap_err().to_string().contains("expected rows of 4 numbers, found 3"));
}

#[test]
fn arrays_of_every_real_type_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    macro_rules! check {
        ($($type:ty),*) => {$(
            let values = Array2::<$type>::from_shape_fn((5, 3), |(r, c)| (10 * r + c) as $type);
            let expected = values.mapv(|v| v as f64);
            write_npy(&path, &values).unwrap();
            assert_eq!(read(&path).unwrap().rows(), &expected, stringify!($type));
            let mut by_columns = Array2::<$type>::zeros((5, 3).f());
            by_columns.assign(&values);
            write_npy(&path, &by_columns).unwrap();
            assert_eq!(read(&path).unwrap().rows(), &expected, "columns of {}", stringify!($type));
        )*};
    }
    check!(i8, i16, i32, i64, u8, u16, u32, u64, f32, f64);
    write_npy(&path, &array![[true, false]]).unwrap();
    assert_eq!(read(&path).unwrap().rows(), &array![[1.0, 0.0]]);
    write_npy(&path, &array![[-1i16, i16::MIN]]).unwrap();
    assert_eq!(read(&path).unwrap().rows(), &array![[-1.0, -32768.0]]);

    // The other byte order, halves, and versions 2 and 3, as bytes.
    let npy = |version: u8, header: &str, data: &[u8]| {
        let mut bytes = [b"\x93NUMPY", &[version, 0][..]].concat();
        let length = (header.len() as u32).to_le_bytes();
        bytes.extend(if version == 1 { &length[..2] } else { &length[..] });
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        Reading::default().parse(&bytes, "a.npy").map(Table::into_rows).map_err(|error| error.to_string())
    };
    let header = |descr: &str, shape: &str| {
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n")
    };
    assert_eq!(npy(1, &header(">i2", "(1, 2)"), &[0x80, 0, 1, 2]), Ok(array![[-32768.0, 258.0]]));
    assert_eq!(npy(2, &header(">f8", "(1, 1)"), &1.5f64.to_be_bytes()), Ok(array![[1.5]]));
    assert_eq!(npy(3, &header("<f2", "(2,)"), &[0, 0x3c, 0, 0xc0]), Ok(array![[1.0], [-2.0]]));
    assert!(npy(4, &header("<f2", "(1, 1)"), &[0, 0]).unwrap_err().contains("version 1, 2 or 3"));

    // What a header promises is held against the file before memory is taken.
    let error = npy(1, &header("<f8", "(1000000000000, 2)"), &[0; 16]).unwrap_err();
    assert!(
        error.contains("expected 16 TB") && error.contains("found 16 bytes: the file is cut off"),
        "{error}"
    );
    for shape in ["(18446744073709551615, 18446744073709551615)", "(1, 1000000000000)", "(3, 1)", "(1,)"] {
        assert!(npy(1, &header("<f8", shape), &[0; 16]).is_err(), "{shape}");
    }
    assert!(npy(1, &header("<f8", "(0, 2)"), &[]).unwrap_err().contains("at least one row"));
    assert!(npy(1, "{'descr'", &[]).unwrap_err().contains("NumPy's header"));
}

#[test]
fn arrays_of_other_shapes_are_refused_or_read_as_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    write_npy(&path, &Array1::from_iter([1.0, 2.0, 3.0])).unwrap();
    assert_eq!(read(&path).unwrap().rows(), &array![[1.0], [2.0], [3.0]]);
    assert_eq!(read(&path).unwrap().frames(3, None).unwrap().rows, array![[1.0, 2.0, 3.0]]);
    assert_eq!(read(&path).unwrap().frames(1, None).unwrap().rows.dim(), (3, 1));
    assert!(read(&path).unwrap().frames(2, None).is_err());
    write_npy(&path, &Array3::<f64>::zeros((2, 2, 2))).unwrap();
    assert!(
        read(&path).unwrap_err().to_string().contains("found 3 (2×2×2): save array.reshape(len(array), -1)")
    );
    write_npy(&path, &array![[1.0, f64::NAN], [2.0, 3.0]]).unwrap();
    assert!(
        read(&path).unwrap_err().to_string().contains("row 1, column 2: expected a finite number, found NaN")
    );
    let kept = Reading { not_finite: NotFinite::Kept, ..Reading::default() }.read(&path).unwrap();
    assert!(kept.rows()[(0, 1)].is_nan());
    fs::write(&path, "1,2\n").unwrap();
    assert!(read(&path).unwrap_err().to_string().contains("expected a NumPy array (.npy)"));
    // By its content, an array is one under any name.
    let path = folder.path().join("a.csv");
    write_npy(&path, &array![[1i32, 2]]).unwrap();
    assert_eq!(read(&path).unwrap().rows(), &array![[1.0, 2.0]]);
}

#[test]
fn of_what_does_not_fit_a_fair_choice_is_read() {
    let values = Array2::from_shape_fn((1000, 4), |(r, c)| (10 * r + c) as f64);
    let mut by_rows = vec![];
    values.write_npy(&mut by_rows).unwrap();
    let mut by_columns = vec![];
    let mut columns = Array2::zeros((1000, 4).f());
    columns.assign(&values);
    columns.write_npy(&mut by_columns).unwrap();
    let text: String =
        values.outer_iter().map(|row| format!("{},{},{},{}\n", row[0], row[1], row[2], row[3])).collect();
    for bytes in [&by_rows[..], &by_columns, text.as_bytes()] {
        let reading = |too_many| Reading { most: 400, too_many, ..Reading::default() };
        let sample = |seed| reading(TooMany::Sample { seed }).parse(bytes, "a").unwrap();
        let table = sample(1);
        assert_eq!(table.rows().dim(), (100, 4));
        assert!(
            notes(&table).contains("1000 rows of 4 numbers are 32 kB in memory: a fair choice of 100 rows")
        );
        assert_eq!(table, sample(1));
        assert_ne!(table.rows(), sample(2).rows());
        let mut rows: Vec<i64> = table.rows().outer_iter().map(|row| row[0] as i64 / 10).collect();
        for (row, &number) in table.rows().outer_iter().zip(&rows) {
            assert_eq!(row, values.row(number as usize));
        }
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len(), 100);
        let refused = reading(TooMany::Refuse).parse(bytes, "a").unwrap_err().to_string();
        // How many rows a text has is an estimate.
        assert!(refused.contains("rows of 4 numbers need "), "{refused}");
        assert!(refused.contains(" kB of memory, expected 3.2 kB at most: split the file"), "{refused}");
    }
}

#[cfg(unix)]
#[test]
fn pipes_are_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let mut npy = vec![];
    Array2::<f32>::ones((1000, 100)).write_npy(&mut npy).unwrap();
    let text = "x;y\n1,5;2\n".as_bytes().to_vec();
    // A header that promises more than the stream holds: memory grows with what comes.
    let short =
        b"\x93NUMPY\x01\0\x4a\0{'descr': '<f8', 'fortran_order': True, 'shape': (1000000000000, 2), }    \n";
    for (bytes, expected) in [(npy, Ok((1000, 100))), (text, Ok((1, 2))), (short.to_vec(), Err(()))] {
        let (writer, path) = (bytes, path.clone());
        let thread = {
            let path = path.clone();
            std::thread::spawn(move || {
                let mut pipe = fs::OpenOptions::new().write(true).open(path).unwrap();
                // The reader may refuse before the end.
                let _ = pipe.write_all(&writer);
            })
        };
        let reading = Reading { too_many: TooMany::Sample { seed: 1 }, ..Reading::default() };
        let found = reading.read(&path).map(|table| table.rows().dim()).map_err(|_| ());
        thread.join().unwrap();
        assert_eq!(found, expected);
    }
}
