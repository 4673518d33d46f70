//! What lies in a generated folder: figures that add up, files that exist, texts that are the same every time.

use std::collections::{BTreeMap, BTreeSet};

use emeuro::{
    apps::emulator,
    compiler::{Machine, Program, UnitConfig, UnitFile, compile},
    delivery::{Delivery, Purpose, REPORT_FILE, Synthesis, UNIT_FILE, layers, memory, report},
    golden::{Emulator, sample_emulator},
    hdl::UnitDesign,
};

const APPS: [&str; 6] = ["optical_flow", "fft", "convolution", "rope", "newton", "rope_clustered"];

/// Compiles and prints a unit and shows its delivery.
fn deliver<T>(emulator: &Emulator, lanes: usize, look: impl Fn(&Delivery) -> T) -> T {
    let program = compile(emulator, &UnitConfig::new(lanes).unwrap()).unwrap();
    let cycles = Machine::cycles(&program).unwrap();
    let design = UnitDesign::new(&program, cycles, "cargo test").unwrap();
    let argument = emulator.name();
    let (program, design) = (&program, &design);
    look(&Delivery { emulator, argument, program, cycles, design, regenerate: "cargo test" })
}

fn files(emulator: &Emulator, lanes: usize) -> BTreeMap<String, String> {
    let files = deliver(emulator, lanes, |delivery| delivery.files());
    let count = files.len();
    let files: BTreeMap<String, String> = files.into_iter().collect();
    assert_eq!(files.len(), count, "two files with one name");
    files
}

fn check_layers(emulator: &Emulator, program: &Program) {
    let layers = layers(emulator, program);
    let sum = |of: fn(&emeuro::delivery::LayerClocks) -> usize| layers.iter().map(of).sum::<usize>();
    assert_eq!(sum(|l| l.clocks), program.clocks_alone(), "{layers:?}");
    assert_eq!(sum(|l| l.macs), program.macs, "{layers:?}");
    // Every word of a weight memory belongs to a layer: of this level or of another, of the first member or of one like it.
    let words: BTreeSet<usize> = program.all_instructions().flat_map(|i| i.issue.weight_words()).collect();
    let members = program.members.as_ref().map_or(0, |members| (members.count() - 1) * members.weight_words);
    assert_eq!(words.len() + members, program.weights[0].len(), "{layers:?}");
    if program.levels() == 1 {
        assert_eq!(sum(|l| l.weight_words), words.len(), "{layers:?}");
    }
    for layer in &layers {
        let lanes = layer.lanes_per_result * layer.results_per_tile;
        assert!(lanes <= program.lanes() && layer.macs <= program.lanes() * layer.clocks, "{layer:?}");
    }
}

#[test]
fn the_clocks_of_the_layers_are_the_clocks_of_the_frame() {
    for app in APPS {
        let emulator = emulator(app).unwrap();
        for lanes in [4, 16] {
            let program = compile(&emulator, &UnitConfig::new(lanes).unwrap()).unwrap();
            check_layers(&emulator, &program);
            // Computing sets the pace, or a stream of one word per clock.
            let longest = program.clocks().max(program.input_words).max(program.output.frame_words());
            assert_eq!(longest as u64, Machine::cycles(&program).unwrap().period, "{app}, {lanes}");
        }
    }
}

#[test]
fn the_layers_of_any_network_add_up() {
    for seed in 0..200 {
        let emulator = sample_emulator(seed);
        for lanes in [1, 3, 16] {
            let program = compile(&emulator, &UnitConfig::new(lanes).unwrap()).unwrap();
            check_layers(&emulator, &program);
            assert!(program.clocks() as u64 <= Machine::cycles(&program).unwrap().period, "seed {seed}");
        }
    }
}

#[test]
fn memory_is_counted_as_it_is_built() {
    for app in APPS {
        deliver(&emulator(app).unwrap(), 16, |delivery| {
            let (program, design) = (delivery.program, delivery.design);
            let uses = memory(design);
            let bits =
                |purpose| uses.iter().filter(|u| u.purpose == purpose).map(|u| u.total()).sum::<usize>();
            let lanes = program.used_lanes();
            let weights = program.weights[0].len() * program.weight_bits as usize;
            assert_eq!(bits(Purpose::Weights), lanes * weights, "{app}");
            let words = (1 << program.address_bits()) * program.word_bits as usize;
            assert_eq!(bits(Purpose::Activations), lanes * words, "{app}");
            let output = 2 * program.output_span() * program.output_bits as usize;
            assert_eq!(bits(Purpose::Output), output, "{app}");
            assert_eq!(bits(Purpose::Order) > 0, program.output.order.is_some(), "{app}");
            assert_eq!(bits(Purpose::Tables) > 0, !program.tables.is_empty(), "{app}");
            // Every hex file fills a memory of its length.
            let filled: BTreeMap<&str, usize> =
                design.memories.iter().filter_map(|m| Some((m.file.as_deref()?, m.words))).collect();
            let lines: BTreeMap<&str, usize> =
                design.hex.iter().map(|(name, text)| (name.as_str(), text.lines().count())).collect();
            assert_eq!(filled, lines, "{app}");
        });
    }
}

#[test]
fn the_same_unit_has_the_same_files() {
    let emulator = emulator("newton").unwrap();
    assert_eq!(files(&emulator, 8), files(&emulator, 8));
}

#[test]
fn the_report_says_what_the_program_says() {
    let emulator = emulator("rope").unwrap();
    deliver(&emulator, 16, |delivery| {
        let text = report(delivery, None);
        let period = format!("| Clocks per frame, frames back to back   | {}", delivery.cycles.period);
        assert!(text.contains(&period), "{text}");
        for instruction in &delivery.program.instructions {
            assert!(text.contains(&format!("| {} ", instruction.layer)), "{}", instruction.layer);
        }
        for (name, _) in delivery.files().iter().filter(|(name, _)| name != REPORT_FILE) {
            assert!(text.contains(&format!("| `{name}` ")), "{name}");
        }
        assert!(text.contains("Not synthesised yet: `emeuro synth rope --out DIR`"), "{text}");
        // Every table has as many cells in each row as in its heading.
        for table in text.split("\n\n").filter(|block| block.starts_with('|')) {
            let cells: BTreeSet<usize> = table.lines().map(|line| line.matches('|').count()).collect();
            assert_eq!(cells.len(), 1, "{table}");
        }
        let synthesis = Synthesis {
            target: "a device".into(),
            tools: "a tool 1.0".into(),
            figures: vec![("LUT".into(), "1234".into())],
        };
        let text = report(delivery, Some(&synthesis));
        assert!(text.contains("a device, a tool 1.0.") && text.contains("1234"), "{text}");
        assert!(!text.contains("Not synthesised yet"), "{text}");
    });
}

/// Names of files in a `files:` list of the core: plain, or with attributes.
fn core_files(fileset: &serde_yaml::Value) -> Vec<String> {
    let entry = |value: &serde_yaml::Value| match value {
        serde_yaml::Value::Mapping(map) => map.keys().next().unwrap().as_str().unwrap().to_owned(),
        name => name.as_str().unwrap().to_owned(),
    };
    fileset["files"].as_sequence().unwrap().iter().map(entry).collect()
}

#[test]
fn the_core_names_every_file_once_and_in_order() {
    for app in ["fft", "newton"] {
        let files = files(&emulator(app).unwrap(), 16);
        let top = format!("{app}_unit");
        let text = &files[&format!("{top}.core")];
        let body = text.strip_prefix("CAPI=2:\n").expect("a core of version 2");
        let core: serde_yaml::Value = serde_yaml::from_str(body).unwrap();
        assert!(core["name"].as_str().unwrap().starts_with(&format!("emeuro:unit:{top}:")));
        let sets = core["filesets"].as_mapping().unwrap();
        let named: Vec<String> = sets.values().flat_map(core_files).collect();
        assert!(named.iter().all(|name| files.contains_key(name)), "{named:?}");
        assert_eq!(named.iter().collect::<BTreeSet<_>>().len(), named.len());
        let in_order: Vec<String> = files[&format!("{top}.f")].lines().map(str::to_owned).collect();
        assert_eq!(core_files(&core["filesets"]["rtl"]), in_order);
        let hex: BTreeSet<&String> = files.keys().filter(|name| name.ends_with(".hex")).collect();
        assert_eq!(core_files(&core["filesets"]["rom"]).iter().collect::<BTreeSet<_>>(), hex);
        for rom in core["filesets"]["rom"]["files"].as_sequence().unwrap() {
            let (name, attributes) = rom.as_mapping().unwrap().iter().next().unwrap();
            assert_eq!(attributes["copyto"], *name, "$readmemh looks in the working directory");
        }
        for target in ["default", "lint", "synth"] {
            assert!(!core["targets"][target].is_null(), "{target}");
        }
        assert_eq!(core["targets"]["default"]["toplevel"], top.as_str());
    }
}

/// The port list of the top module, as the Verilog has it: names and widths.
fn verilog_ports(text: &str) -> BTreeMap<String, usize> {
    let list = text.split_once("_unit (\n").unwrap().1.split_once(");").unwrap().0;
    let declaration = |line: &str| {
        let (declaration, _) = line.split_once("  //")?;
        let name = declaration.trim().trim_end_matches(',').split_whitespace().last()?.trim_end_matches(',');
        let high = declaration.split_once('[').and_then(|(_, rest)| rest.split_once(':'));
        Some((name.to_owned(), high.map_or(1, |(high, _)| high.parse::<usize>().unwrap() + 1)))
    };
    list.lines().filter(|line| !line.trim().starts_with("//")).filter_map(declaration).collect()
}

#[test]
fn symbol_and_report_have_the_ports_of_the_verilog() {
    let files = files(&emulator("fft").unwrap(), 16);
    let ports = verilog_ports(&files["fft_unit.v"]);
    assert_eq!((ports["aclk"], ports["s_axis_tdata"], ports["quality"], ports.len()), (1, 16, 2, 14));
    let drawn: BTreeSet<&str> = files["symbol.svg"]
        .split("class=\"name\">")
        .skip(1)
        .map(|rest| rest.split_once('<').unwrap().0)
        .collect();
    assert_eq!(drawn, ports.keys().map(String::as_str).collect());
    let rows: BTreeMap<String, usize> = files[REPORT_FILE]
        .split_once("## Ports")
        .unwrap()
        .1
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let name = cells.get(1)?.strip_prefix('`')?.strip_suffix('`')?;
            Some((name.to_owned(), cells.get(3)?.parse().ok()?))
        })
        .collect();
    assert_eq!(rows, ports);
}

#[test]
fn pictures_are_well_formed_whatever_the_frames() {
    for seed in 0..40 {
        let files = files(&sample_emulator(seed), 2);
        for name in ["symbol.svg", "waveform.svg"] {
            let text = &files[name];
            assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n"), "{text}");
            for element in ["text", "title", "style", "svg"] {
                let opened = text.matches(&format!("<{element} ")).count()
                    + text.matches(&format!("<{element}>")).count();
                assert_eq!(opened, text.matches(&format!("</{element}>")).count(), "{element} in {name}");
            }
        }
    }
}

#[test]
fn the_folder_describes_its_own_configuration() {
    let emulator = emulator("newton").unwrap();
    let file = UnitFile::parse(&files(&emulator, 5)[UNIT_FILE], UNIT_FILE).unwrap();
    assert_eq!(file.config, UnitConfig::new(5).unwrap());
    assert_eq!(file.design.unwrap().top, "newton_unit");
}
