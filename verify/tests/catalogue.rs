//! The proofs fit the generator as it is: their planted faults apply, their assertions exist and have names of their own.

use std::collections::HashSet;
use std::path::Path;

use emeuro_verify::{Tools, formal};

#[test]
fn every_fault_fits_and_names_an_assertion_of_its_module() {
    let jobs = formal::jobs().unwrap();
    let mut names = HashSet::new();
    for job in &jobs {
        assert!(names.insert(job.name.clone()), "two jobs are named {}", job.name);
        let assertions = job.assertions();
        assert!(!assertions.is_empty(), "{}", job.name);
        let distinct: HashSet<&String> = assertions.iter().collect();
        assert_eq!(distinct.len(), assertions.len(), "{}: {assertions:?}", job.name);
        job.check_faults().unwrap_or_else(|error| panic!("{}: {error}", job.name));
    }
}

#[test]
fn every_property_module_has_a_planted_fault() {
    let jobs = formal::jobs().unwrap();
    let with_fault: HashSet<&str> =
        jobs.iter().filter(|job| job.faults() > 0).map(|job| job.module()).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("properties");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap();
        assert!(with_fault.contains(module), "{module} is never shown to fail");
    }
}

/// One quick proof where SymbiYosys is installed; `./test --full` runs all.
#[test]
fn a_proof_goes_through_and_fails_on_its_fault() {
    // Tests run in the package's folder, the tools are installed in the workspace's.
    let tools =
        Tools::in_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/verification-tools/bin"));
    if let Err(missing) = tools.check_for_proofs() {
        println!("skipped: {missing}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let report = formal::run(&tools, folder.path(), "reducer", 1, &|line| println!("{line}")).unwrap();
    assert!(report.holds(), "{report:?}");
    assert_eq!((report.properties, report.faults), (2, 1));
    assert!(folder.path().join("formal.json").is_file());
    let nothing = formal::run(&tools, folder.path(), "no such unit", 1, &|_| {}).unwrap_err().to_string();
    assert!(nothing.contains("`no such unit`"), "{nothing}");
}
