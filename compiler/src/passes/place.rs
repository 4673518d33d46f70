//! place: gives every vector an address.

use crate::task::{Place, Tasks};

pub(crate) const DESCRIPTION: &str = "Gives every vector an address; memory is used again once the last reader of a vector has run. Vectors in memory begin with a row.";

/// Sizes that the placing decides.
pub(crate) struct Layout {
    /// Distance of the two input buffers.
    pub(crate) input_span: usize,
    /// Words of the lanes' memory.
    pub(crate) memory_words: usize,
    /// Words of one output buffer.
    pub(crate) output_words: usize,
}

/// Vectors in memory begin at multiples of `row` words, a power of two.
pub(crate) fn run(tasks: &mut Tasks, row: usize) -> Layout {
    let input_words = tasks.vectors[0].size;
    // At least two rows, so that the index of a row or beat within a buffer is never without bits.
    let input_span = input_words.next_power_of_two().max(2 * row);
    let mut output_words = 0;
    for &v in &tasks.outputs {
        tasks.vectors[v].address = output_words;
        output_words += tasks.vectors[v].size;
    }
    // Taken ranges of memory with the index of the last task that reads them; the input buffers always stay.
    let input_size = input_words.next_multiple_of(row);
    let mut taken = vec![(0, input_size, usize::MAX), (input_span, input_span + input_size, usize::MAX)];
    let mut memory_words = input_span + input_size;
    for index in 0..tasks.tasks.len() {
        // A task's operands are read while its results are written, so they are released only for the next task.
        taken.retain(|&(_, _, last_reader)| last_reader >= index);
        let target = tasks.tasks[index].target;
        if tasks.vectors[target].place != Place::Memory {
            continue;
        }
        let last_reader = tasks.tasks.iter().rposition(|t| t.sources.contains(&target)).unwrap_or(index);
        let size = tasks.vectors[target].size.next_multiple_of(row);
        let address = first_gap(&mut taken, size);
        taken.push((address, address + size, last_reader));
        tasks.vectors[target].address = address;
        memory_words = memory_words.max(address + size);
    }
    Layout { input_span, memory_words, output_words }
}

/// The lowest address at which `size` words are free.
fn first_gap(taken: &mut [(usize, usize, usize)], size: usize) -> usize {
    taken.sort_unstable();
    let mut address = 0;
    for &(from, to, _) in taken.iter() {
        if address + size <= from {
            break;
        }
        address = address.max(to);
    }
    address
}
