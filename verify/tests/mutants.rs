//! A few mutants of a whole unit: the harness plays them, and its verdicts repeat. `./test --full` plays all.

use emeuro_testbench::RtlPolicy;
use emeuro_verify::Tools;
use emeuro_verify::mutation::{Plan, Report, run};

const MUTANTS: usize = 12;

fn mutate(whole: usize, filter: &str) -> Result<Report, emeuro_verify::Error> {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan { units: None, seed: 1, filter: filter.into(), whole: Some(whole) };
    let report = run(&Tools::from_env(), folder.path(), &plan, 1, &|line| println!("{line}"));
    if let Ok(report) = &report {
        let text = std::fs::read_to_string(folder.path().join("mutation.json")).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["mutants"], report.total.mutants);
        assert_eq!(json["killed"], report.total.killed);
    }
    report
}

#[test]
fn most_mutants_of_a_unit_are_noticed() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let report = mutate(MUTANTS, "whole").unwrap();
    let total = report.total;
    assert_eq!(total.mutants, MUTANTS);
    assert_eq!(total.killed + total.equivalent + total.survivors, MUTANTS);
    assert_eq!(report.surviving.len(), total.survivors);
    // Which mutants are drawn changes with the generator; of few, one may survive.
    assert!(2 * total.killed > MUTANTS && total.survivors <= 1, "{}", report.table());
    assert!(report.table().contains("all"), "{}", report.table());
}

#[test]
fn what_cannot_be_mutated_is_refused() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let message = |whole, filter| mutate(whole, filter).unwrap_err().to_string();
    assert!(message(1024, "whole").contains("1024 mutants of one design: expected fewer than 1024"));
    assert!(message(1, "no such design").contains("`no such design`"));
}
