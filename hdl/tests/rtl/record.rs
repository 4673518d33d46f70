//! Leaves what some units were seen to do as files, for tools that replay it: `emeuro-verify mutate` changes the units'
//! netlists and counts the changes that show.
//!
//! `EMEURO_RECORD=<folder> cargo test -p emeuro-hdl --test rtl recordings` writes, for each case, `<case>/case.json` (ports
//! and times), `<case>/vectors` (a line of hexadecimal inputs and outputs per clock), and the case's Verilog and hex files.

use std::path::Path;

use crate::bench::{Case, Port};
use crate::{tools, units};

/// One or two cases of every unit: those with the most to go wrong and few enough clocks.
const RECORDED: [&str; 24] = [
    "address_generator",
    "axi_lite",
    "control_registers_ram",
    "drain_9",
    "drain_12",
    "flag_delay_2",
    "input_loader_clear",
    "input_loader_pairs_rest",
    "interpolator_bytes",
    "issue_7",
    "issue_10",
    "lane_element_wise",
    "loop_counters",
    "loop_counters_last",
    "mac_element_wise",
    "mac_maximum",
    "output_streamer_ordered",
    "output_streamer_pairs_rest",
    "program_counter_pairs",
    "ram_2_1_2",
    "reducer_mixed_levels",
    "requantiser",
    "weight_store",
    "write_port_2_4_4_2",
];

fn json_ports(ports: &[Port]) -> String {
    let port = |(name, width): &Port| format!("[\"{name}\", {width}]");
    format!("[{}]", ports.iter().map(port).collect::<Vec<_>>().join(", "))
}

fn json_names(names: Vec<&str>) -> String {
    format!("[{}]", names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", "))
}

fn record(folder: &Path, case: &Case) {
    let folder = folder.join(&case.name);
    std::fs::create_dir_all(&folder).unwrap();
    tools::write(&folder, &case.files);
    for (name, text) in &case.hex {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let words = |words: &[u64]| words.iter().map(|word| format!("{word:x}")).collect::<Vec<_>>().join(" ");
    let line = |(inputs, outputs): &(Vec<u64>, Vec<u64>)| format!("{} {}\n", words(inputs), words(outputs));
    std::fs::write(folder.join("vectors"), case.vectors.iter().map(line).collect::<String>()).unwrap();
    let meaning: Vec<String> =
        case.meaning.iter().map(|(data, valid)| format!("[{data}, {valid}]")).collect();
    let text = format!(
        "{{\n  \"top\": \"{}\",\n  \"clock\": {},\n  \"inputs\": {},\n  \"outputs\": {},\n  \"warm_up\": {},\n  \
         \"meaning\": [{}],\n  \"verilog\": {},\n  \"hex\": {}\n}}\n",
        case.name,
        case.clock.map_or("null".into(), |clock| format!("\"{clock}\"")),
        json_ports(&case.inputs),
        json_ports(&case.outputs),
        case.warm_up,
        meaning.join(", "),
        json_names(case.files.iter().map(|file| file.name.as_str()).collect()),
        json_names(case.hex.iter().map(|(name, _)| name.as_str()).collect()),
    );
    std::fs::write(folder.join("case.json"), text).unwrap();
}

#[test]
fn recordings() {
    // Names that no unit has any more would be missed where they are replayed.
    let cases = units::cases();
    let of =
        |name: &str| cases.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no case {name}"));
    let recorded: Vec<&Case> = RECORDED.into_iter().map(of).collect();
    let Some(folder) = std::env::var_os("EMEURO_RECORD").filter(|folder| !folder.is_empty()) else { return };
    let folder = std::path::absolute(Path::new(&folder)).unwrap();
    recorded.into_iter().for_each(|case| record(&folder, case));
}
