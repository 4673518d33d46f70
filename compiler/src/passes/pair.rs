//! pair: two frames whose tasks take turns.

use crate::task::{Place, Tasks};

pub(crate) const DESCRIPTION: &str = "Lists the tasks of two frames in turn, so that the lanes work on one frame while results of the other are on their way.";

/// A task of one of the frames that are worked on together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    /// Which frame, 0 or 1.
    pub(crate) frame: usize,
    /// The task among those of one frame.
    pub(crate) task: usize,
}

/// The tasks of a frame that comes alone, in their order.
pub(crate) fn alone(tasks: &Tasks) -> Vec<Turn> {
    (0..tasks.tasks.len()).map(|task| Turn { frame: 0, task }).collect()
}

/// The tasks of two frames, and which is whose. Every frame has its own vectors in memory. The first task is that of a frame
/// that comes alone.
///
/// From the first task that writes the output on, each frame's tasks run in one piece: output frames are written one after
/// the other.
pub(crate) fn run(tasks: &Tasks) -> (Tasks, Vec<Turn>) {
    let mut both = tasks.clone();
    let own = |vectors: &mut Tasks, index: usize| match tasks.vectors[index].place {
        Place::Memory => vectors.twin(index),
        Place::Input | Place::Output | Place::Router => index,
    };
    let twins: Vec<usize> = (0..tasks.vectors.len()).map(|index| own(&mut both, index)).collect();
    let writes_output = |task: usize| tasks.vectors[tasks.tasks[task].target].place == Place::Output;
    let count = tasks.tasks.len();
    let first_output = (0..count).find(|&task| writes_output(task)).unwrap_or(count);
    let in_turn = (0..first_output).flat_map(|task| [0, 1].map(|frame| Turn { frame, task }));
    let in_one_piece =
        [0, 1].into_iter().flat_map(|frame| (first_output..count).map(move |task| Turn { frame, task }));
    let turns: Vec<Turn> = in_turn.chain(in_one_piece).collect();
    both.tasks = turns
        .iter()
        .map(|turn| {
            let mut task = tasks.tasks[turn.task].clone();
            if turn.frame == 1 {
                task.sources.iter_mut().for_each(|source| *source = twins[*source]);
                task.target = twins[task.target];
            }
            task
        })
        .collect();
    (both, turns)
}
