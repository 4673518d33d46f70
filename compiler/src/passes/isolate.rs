//! isolate: gives the output vectors of their own, and keeps the input apart from memory in element-wise tasks.

use crate::task::{Kind, Place, Tasks};

pub(crate) const DESCRIPTION: &str = "Copies vectors that are output and operand at once, and input words that meet memory words element by element.";

pub(crate) fn run(mut tasks: Tasks) -> Tasks {
    isolate_outputs(&mut tasks);
    isolate_inputs(&mut tasks);
    tasks
}

/// The output buffer is written, never read: every vector of the output frame must be made for it alone.
fn isolate_outputs(tasks: &mut Tasks) {
    for position in 0..tasks.outputs.len() {
        let vector = tasks.outputs[position];
        let is_read = tasks.tasks.iter().any(|task| task.sources.contains(&vector));
        let is_taken =
            tasks.vectors[vector].place != Place::Memory || tasks.outputs[position + 1..].contains(&vector);
        if is_read || is_taken {
            let twin = tasks.twin(vector);
            let copy = tasks.copy(vector, twin, format!("output_{position}"));
            tasks.tasks.push(copy);
            tasks.outputs[position] = twin;
        }
        let vector = tasks.outputs[position];
        tasks.vectors[vector].place = Place::Output;
    }
}

/// The input has two buffers that take turns, so its distance to a vector in memory is no constant.
fn isolate_inputs(tasks: &mut Tasks) {
    let mut index = 0;
    while index < tasks.tasks.len() {
        let task = &tasks.tasks[index];
        let places: Vec<Place> = task.sources.iter().map(|&v| tasks.vectors[v].place).collect();
        let element_wise = !matches!(task.kind, Kind::Affine { .. });
        let mixed = places.contains(&Place::Input) && places.contains(&Place::Memory);
        if element_wise && mixed {
            let input = task.sources[usize::from(places[0] != Place::Input)];
            let name = format!("{}_input", task.name);
            let twin = tasks.twin(input);
            let copy = tasks.copy(input, twin, name);
            for source in &mut tasks.tasks[index].sources {
                if *source == input {
                    *source = twin;
                }
            }
            tasks.tasks.insert(index, copy);
            index += 1;
        }
        index += 1;
    }
}
