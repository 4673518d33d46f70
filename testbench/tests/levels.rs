//! Units with quality levels and members against the golden model and their predicted clocks: every level by itself, and
//! random scenarios in which levels change between frames, with resets, wrong frames and accesses to registers.

mod common;

use common::{GeneratedUnit, options, unit_config};
use emeuro_compiler::{Control, WeightMemory, compile, rewrite};
use emeuro_golden::{
    Emulator, Isa, Runner, Sampler, VectorId, sample_clusters, sample_levels, sample_members,
};
use emeuro_hdl::register_map::{FORCE, MEMBER, UnitNumbers};
use emeuro_hdl::register_writes;
use emeuro_testbench::{
    Beat, ControlMaster, Evidence, Model, Pattern, Recipe, Response, Roms, RtlPolicy, Score, Sim,
    StreamBench, StreamDriver, StreamMonitor, Traffic, Transaction,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const ROM: (Control, WeightMemory) = (Control::None, WeightMemory::Rom);
const WATCHED: (Control, WeightMemory) = (Control::AxiLite, WeightMemory::Rom);
const RAM: (Control, WeightMemory) = (Control::AxiLite, WeightMemory::Ram);

/// Lanes, slots (0: as many as are worth it), words per beat, memories and control port.
type Shape = (usize, usize, usize, (Control, WeightMemory));

const SHAPES: [Shape; 8] = [
    (4, 0, 1, ROM),
    (8, 2, 2, WATCHED),
    (1, 1, 1, ROM),
    (16, 4, 4, RAM),
    (3, 0, 2, RAM),
    (5, 4, 1, ROM),
    (33, 8, 4, ROM),
    (2, 1, 4, WATCHED),
];

fn check(emulator: Emulator, seed: u64, (lanes, slots, words_per_beat, (control, weights)): Shape) -> Score {
    let mut config = unit_config(lanes, words_per_beat, control, weights);
    if slots > 0 {
        config = config.with_slots(slots).unwrap();
    }
    let unit = GeneratedUnit::new(emulator, &config);
    let place = format!("network {seed}, {config:?}");
    let evidence = Evidence::of_this_test();
    let mut sampler = Sampler::new(seed);
    let word = unit.emulator.format(VectorId::INPUT);
    let inputs: Vec<Vec<i16>> = (0..24).map(|_| sampler.frame(unit.emulator.input().size(), word)).collect();
    unit.assert_agrees(&place, &inputs, seed, &evidence);
    let bench = unit.bench();
    let recipe = Recipe { clocks_per_frame: unit.cycles().latency as u32, ..Recipe::of(&bench) };
    let mut score = Score::default();
    for scenario in 0..10 {
        score += bench
            .check(&recipe.draw(scenario), &evidence)
            .unwrap_or_else(|error| panic!("{place}, scenario {scenario}: {error}"));
    }
    score
}

#[test]
fn every_level_and_every_change_of_it() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let mut score = Score::default();
    for (seed, shape) in (0..).zip(SHAPES) {
        score += check(sample_levels(seed), seed, shape);
    }
    assert!(score.frames > 300 && score.resets > 100 && score.dropped > 100, "{score:?}");
}

#[test]
fn every_member() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let mut score = Score::default();
    for (seed, shape) in (20..).zip(SHAPES) {
        score += check(sample_clusters(seed), seed, shape);
    }
    assert!(score.frames > 300 && score.resets > 100 && score.dropped > 100, "{score:?}");
}

/// The level changes in any clock: every frame is then of one of the levels that were there between its first input word and its
/// last output word, from the first word to the last.
#[test]
fn levels_that_change_in_any_clock() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    for (seed, lanes) in [(1, 4), (5, 3), (9, 16), (14, 1)] {
        let emulator = sample_levels(seed);
        let unit = GeneratedUnit::new(emulator, &unit_config(lanes, 1, Control::None, WeightMemory::Rom));
        for pause in [0.0, 0.4] {
            change_in_any_clock(&unit, seed, pause);
        }
    }
}

fn change_in_any_clock(unit: &GeneratedUnit, seed: u64, pause: f64) {
    const FRAMES: usize = 60;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let model = Model::build(&unit.design, &options()).unwrap();
    let mut sim = Sim::new(&model, Roms::Files(&unit.design.sources), seed).unwrap();
    let [quality, reset] = ["quality", "aresetn"].map(|port| model.input(port).unwrap());
    let (words, levels) = (unit.emulator.input().size(), unit.emulator.levels());
    let mut sampler = Sampler::new(seed);
    let word = unit.emulator.format(VectorId::INPUT);
    let inputs: Vec<Vec<i16>> = (0..FRAMES).map(|_| sampler.frame(words, word)).collect();
    let beats = inputs.iter().flat_map(|frame| {
        frame.iter().enumerate().map(|(i, &word)| Beat::new(word as u64, i + 1 == frame.len()))
    });
    let pattern = Pattern::Random { idle: pause };
    let mut driver = StreamDriver::new(&model, "s_axis", beats, &pattern, seed).unwrap();
    let mut monitor = StreamMonitor::new(&model, "m_axis", &pattern, false, seed).unwrap();
    sim.set(reset, 0);
    for _ in 0..3 {
        driver.idle(&mut sim);
        sim.tick().unwrap();
    }
    sim.set(reset, 1);
    let mut level = 0;
    // Per frame, the levels that have been there since its first word; and the output so far.
    let mut seen: Vec<Vec<bool>> = vec![];
    let (mut frame, mut output, mut taken) = (0, vec![], 0);
    let (mut of_one, mut changes) = (0, 0);
    let bits = unit.emulator.output().port.bits;
    for _ in 0..2_000_000 {
        if random.random_range(0..20) == 0 {
            level = random.random_range(0..levels);
            changes += 1;
        }
        sim.set(quality, level as u64);
        seen.iter_mut().skip(frame).for_each(|seen| seen[level] = true);
        driver.drive(&mut sim);
        monitor.drive(&mut sim);
        sim.settle().unwrap();
        if driver.sample(&sim).is_some() {
            if taken % words == 0 {
                seen.push((0..levels).map(|other| other == level).collect());
            }
            taken += 1;
        }
        if let Some(beat) = monitor.sample(&sim).unwrap() {
            output.push(((beat.data << (64 - bits)) as i64 >> (64 - bits)) as i16);
            if beat.last {
                let possible = (0..levels).filter(|&level| seen[frame][level]);
                let answers =
                    possible.filter(|&k| unit.emulator.run_at(k, &inputs[frame]).unwrap() == output);
                assert!(answers.count() > 0, "network {seed}, frame {frame}: {output:?} is of no level");
                of_one += usize::from(seen[frame].iter().filter(|&&seen| seen).count() == 1);
                (frame, output) = (frame + 1, vec![]);
            }
        }
        sim.edge().unwrap();
        if frame == FRAMES {
            assert!(changes > 20, "network {seed}: {changes} changes, {of_one} frames of one level");
            return;
        }
    }
    panic!("network {seed}: frame {frame} does not arrive");
}

/// Frames that go to each member.
fn frames_by_member(emulator: &Emulator, count: usize) -> [Vec<Vec<i16>>; 3] {
    let mut sampler = Sampler::new(count as u64);
    let mut runner = Runner::with_isa(emulator, Isa::Scalar).unwrap();
    let mut output = vec![0; emulator.output().port.size()];
    let mut found = [(); 3].map(|()| vec![]);
    while found.iter().any(|frames: &Vec<Vec<i16>>| frames.len() < count) {
        let frame: Vec<i16> = (0..12).map(|_| sampler.range(-3000, 3000) as i16).collect();
        runner.infer(&frame, &mut output).unwrap();
        let frames = &mut found[runner.selected().unwrap().member];
        if frames.len() < count {
            frames.push(frame);
        }
    }
    found
}

fn answers(emulator: &Emulator, frames: &[Vec<i16>]) -> Vec<Vec<i16>> {
    frames.iter().map(|frame| emulator.run(frame).unwrap()).collect()
}

#[test]
fn a_member_is_replaced_while_frames_of_the_others_run() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    for (lanes, words_per_beat, changed) in [(4, 1, 0), (16, 2, 1), (3, 4, 2)] {
        let config = unit_config(lanes, words_per_beat, Control::AxiLite, WeightMemory::Ram);
        let mut seeds = [11, 12, 13];
        let unit = GeneratedUnit::new(sample_members(seeds), &config);
        let frames = frames_by_member(&unit.emulator, 200);
        seeds[changed] = 99;
        let other = sample_members(seeds);
        let new = compile(&other, &config).unwrap();
        let writes = register_writes(&UnitNumbers::of(&unit.program), &rewrite(&unit.program, &new).unwrap());
        assert!(writes.len() > 100, "{}", writes.len());
        let model = Model::build(&unit.design, &options()).unwrap();
        let mut sim = Sim::new(&model, Roms::Files(&unit.design.sources), 5).unwrap();
        let mut master = ControlMaster::new(&model, &Pattern::Random { idle: 0.3 }, 5).unwrap();
        let bench =
            StreamBench::new(&model, 16, 16).unwrap().with_words_per_beat(&model, words_per_beat).unwrap();
        let bench = bench.with_traffic(Traffic::random(0.1, 0.1));
        writes.into_iter().for_each(|(offset, data)| master.push(Transaction::write(offset, data)));
        // Those of the other two members, in turn, while the weights of the third are written.
        let others: Vec<&Vec<Vec<i16>>> =
            (0..3).filter(|&member| member != changed).map(|member| &frames[member]).collect();
        let inputs: Vec<Vec<i16>> =
            others[0].iter().zip(others[1]).flat_map(|(a, b)| [a.clone(), b.clone()]).collect();
        let expected = answers(&unit.emulator, &inputs);
        let statistics = bench.run_beside(&mut sim, &inputs, &expected, 5, &mut master).unwrap();
        assert_eq!((statistics.frames, statistics.mismatches), (400, 0));
        let completed = [master.take_completed(), master.finish(&mut sim).unwrap()].concat();
        assert!(completed.iter().all(|access| access.response == Response::Okay));
        // Now all of them: the new network's.
        let all = frames.concat();
        let statistics = bench.run(&mut sim, &all, &answers(&other, &all), 6).unwrap();
        assert_eq!((statistics.frames, statistics.mismatches), (600, 0));
        assert_ne!(answers(&unit.emulator, &frames[changed]), answers(&other, &frames[changed]));
    }
}

#[test]
fn software_forces_a_member() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let config = unit_config(5, 1, Control::AxiLite, WeightMemory::Rom);
    let unit = GeneratedUnit::new(sample_members([11, 12, 13]), &config);
    let frames = frames_by_member(&unit.emulator, 10).concat();
    let model = Model::build(&unit.design, &options()).unwrap();
    let mut sim = Sim::new(&model, Roms::Files(&unit.design.sources), 5).unwrap();
    let mut master = ControlMaster::new(&model, &Pattern::Always, 5).unwrap();
    let reset = model.input("aresetn").unwrap();
    // The highest member stands for all numbers above.
    for (forced, member) in [(0, 0), (1, 1), (2, 2), (3, 2)] {
        // As if every member had the weights of one.
        let as_one = sample_members([[11, 12, 13][member]; 3]);
        sim.set(reset, 0);
        for _ in 0..3 {
            master.reset(&mut sim);
            sim.tick().unwrap();
        }
        sim.set(reset, 1);
        assert_eq!(master.write(&mut sim, FORCE.offset, 1 << 8 | forced).unwrap().response, Response::Okay);
        for frame in &frames {
            let output = one_frame(&mut sim, frame);
            assert_eq!(output, as_one.run(frame).unwrap(), "member {member} is forced");
            let mut runner = Runner::with_isa(&unit.emulator, Isa::Scalar).unwrap();
            runner.infer(frame, &mut [0; 10]).unwrap();
            // Familiarity is that of the member with the largest score.
            let unfamiliar = u32::from(!runner.selected().unwrap().familiar);
            let found = master.read(&mut sim, MEMBER.offset).unwrap().data;
            assert_eq!(found, unfamiliar << 8 | member as u32);
        }
        // Without force, the router's own choice again.
        master.write(&mut sim, FORCE.offset, forced).unwrap();
        assert_eq!(one_frame(&mut sim, &frames[0]), unit.emulator.run(&frames[0]).unwrap());
    }
}

/// Sends a frame and waits for its answer.
fn one_frame(sim: &mut Sim, frame: &[i16]) -> Vec<i16> {
    let beats = frame.iter().enumerate().map(|(i, &word)| Beat::new(word as u64, i + 1 == frame.len()));
    let mut driver = StreamDriver::new(sim.model(), "s_axis", beats, &Pattern::Always, 1).unwrap();
    let mut monitor = StreamMonitor::new(sim.model(), "m_axis", &Pattern::Always, false, 1).unwrap();
    let mut output = vec![];
    for _ in 0..10_000 {
        driver.drive(sim);
        monitor.drive(sim);
        sim.settle().unwrap();
        driver.sample(sim);
        let beat = monitor.sample(sim).unwrap();
        sim.edge().unwrap();
        output.extend(beat.map(|beat| beat.data as i16));
        if beat.is_some_and(|beat| beat.last) {
            return output;
        }
    }
    panic!("the frame does not arrive");
}
