//! Times one frame of every kernel: `cargo bench -p emeuro-apps`.

use criterion::{Criterion, criterion_group, criterion_main};
use emeuro_apps::{Split, applications};

fn kernels(criterion: &mut Criterion) {
    for app in applications() {
        let frames = app.frames(Split::Test, 16, 1);
        let mut output = vec![0.0; app.outputs()];
        let mut group = criterion.benchmark_group(app.name());
        for (name, mut kernel) in [("exact", app.plan_exact()), ("reference", app.plan_reference())] {
            let mut inputs = frames.inputs.chunks_exact(app.inputs()).cycle();
            group.bench_function(name, |bencher| {
                bencher.iter(|| {
                    let input = inputs.next().expect("the cycle never ends");
                    kernel.run(input, &mut output).expect("frames have the right size");
                    std::hint::black_box(&output);
                });
            });
        }
    }
}

criterion_group!(benches, kernels);
criterion_main!(benches);
