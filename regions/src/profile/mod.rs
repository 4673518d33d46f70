//! What regions are called with, how long they take, which region calls which, and what comes back to it.

mod feedback;
mod sequences;
mod stopwatch;

use std::{
    cell::RefCell,
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use emeuro_golden::FileKind;
use ndarray::ArrayView2;
use ndarray_npy::WriteNpyExt;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use self::{
    sequences::Sequences,
    stopwatch::{Ended, Stopwatch, now, tick},
};
use crate::{
    Error, FeedbackEntry, Part, PartEntry, ProfileFile, Region, RegionEntry, Result, file_stem_of, regions,
    size,
};

pub use self::{
    feedback::Link,
    sequences::{Feedback, Sequence},
};

/// Calls of a region whose inputs and outputs are kept at most: a fair choice, if there are more.
const KEPT: usize = 20_000;

/// Numbers of a region that are kept at most, half a gigabyte: of large frames, fewer calls are kept.
const NUMBERS: usize = 1 << 26;

const PROFILE: FileKind = FileKind {
    name: "the profile of a program",
    is: |head| {
        let text = String::from_utf8_lossy(head);
        // The first files have no version, and no time before the calls.
        let first = text.lines().find(|line| !line.starts_with("version:")).unwrap_or_default();
        first.starts_with("seconds:") || first.starts_with("calls:")
    },
};

const ARRAY: FileKind = FileKind { name: "an array (NPY)", is: |head| head.starts_with(b"\x93NUMPY") };

/// Everything that was recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// The calls as a tree; a parent comes before its children.
    pub calls: Vec<ProfileNode>,
    /// Every region that was called, in the order of the first calls.
    pub regions: Vec<RegionProfile>,
    /// Time from the first call until it was taken, without recording, seconds.
    pub seconds: f64,
}

/// Calls of a region from one place of the call tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfileNode {
    /// Path of the region.
    pub region: String,
    /// Index of the node that calls it; none if the program itself does.
    pub parent: Option<usize>,
    /// How often.
    pub calls: u64,
    /// Time in it, with the regions that it calls and without recording them, seconds.
    pub seconds: f64,
    /// Time in it without them, seconds.
    #[serde(default)]
    pub own_seconds: f64,
}

/// Inputs and outputs of a region.
#[derive(Clone, Debug, PartialEq)]
pub struct RegionProfile {
    /// Path of the region.
    pub region: String,
    /// The parts of an input.
    pub inputs: &'static [Part],
    /// The parts of an output.
    pub outputs: &'static [Part],
    /// The exact code inside it ([`Region::exact_code`]); if there is any, it is not to be emulated as a whole.
    pub exact_code: Vec<String>,
    /// Calls that were recorded.
    pub calls: u64,
    /// Inputs of the calls that are kept, one after the other in the order of the calls.
    pub input_values: Vec<f64>,
    /// The outputs for them.
    pub output_values: Vec<f64>,
    /// What comes back to it, if anything does.
    pub feedback: Option<Feedback>,
}

#[derive(Default)]
struct Recorder {
    calls: Vec<ProfileNode>,
    /// Index of every node, by its parent and the address of its region.
    children: HashMap<(Option<usize>, usize), usize>,
    regions: Vec<Recorded>,
    /// Index of every region, by its address.
    indices: HashMap<usize, usize>,
    /// When the first call began.
    begun: Option<Duration>,
    /// By thread, what recording has taken.
    recording: HashMap<u64, Duration>,
    /// Counts up when everything is taken, so that calls that are under way then are not mixed with later ones.
    epoch: u64,
}

/// A region while it is recorded.
struct Recorded {
    profile: RegionProfile,
    sequences: Sequences,
    /// Numbers of the calls that are kept, in the order of their values.
    numbers: Vec<u64>,
}

impl Recorded {
    /// What was kept of one of `all` regions, in the order of the calls.
    fn finish(self, all: &[&Region]) -> RegionProfile {
        let Self { profile, sequences, numbers } = self;
        let mut order: Vec<usize> = (0..numbers.len()).collect();
        order.sort_unstable_by_key(|&place| numbers[place]);
        let in_order = |values: Vec<f64>, parts: &[Part]| match numbers.is_sorted() {
            true => values,
            false => order
                .iter()
                .flat_map(|&place| &values[place * size(parts)..][..size(parts)])
                .copied()
                .collect(),
        };
        let (inputs, outputs) = (profile.inputs, profile.outputs);
        let region = all.iter().find(|region| region.path() == profile.region);
        RegionProfile {
            exact_code: region.map(|region| region.exact_code()).unwrap_or_default(),
            feedback: sequences.take([inputs, outputs]),
            input_values: in_order(profile.input_values, inputs),
            output_values: in_order(profile.output_values, outputs),
            ..profile
        }
    }
}

static RECORDER: Mutex<Option<Recorder>> = Mutex::new(None);

/// The recorder; it is whole even if a thread has panicked with it.
fn locked() -> MutexGuard<'static, Option<Recorder>> {
    RECORDER.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    /// The calls that are under way in this thread.
    static STOPWATCH: RefCell<Stopwatch> = const { RefCell::new(Stopwatch::new()) };
}

/// The moment at which recording a call begins.
#[derive(Clone, Copy)]
pub(crate) struct Entered(Duration);

impl Entered {
    pub(crate) fn now() -> Self {
        Self(now())
    }
}

/// A call that is recorded. When it is dropped before its end, because the code has panicked, it counts with its time and
/// without its values.
pub(crate) struct Call {
    region: &'static Region,
    state: State,
}

/// How far a call is.
enum State {
    Open,
    Stopped(Ended),
    Closed,
}

impl Call {
    /// The call is recorded from `entered` on; its code has not begun.
    pub(crate) fn begin(region: &'static Region, Entered(entered): Entered) -> Self {
        let is_open = STOPWATCH.try_with(|watch| {
            let mut watch = watch.borrow_mut();
            let mut recorder = locked();
            let recorder = recorder.get_or_insert_default();
            recorder.begun.get_or_insert(entered);
            let epoch = recorder.epoch;
            let node = recorder.node(region, watch.caller(epoch));
            watch.push(epoch, node, entered);
        });
        // A thread that ends has no stack of calls any more.
        Self { region, state: if is_open.is_ok() { State::Open } else { State::Closed } }
    }

    /// Its code begins now.
    #[inline]
    pub(crate) fn start(&self) {
        tick();
        let _ = STOPWATCH.try_with(|watch| watch.borrow_mut().start(now()));
    }

    /// Its code has ended.
    #[inline]
    pub(crate) fn stop(&mut self) {
        let now = now();
        if let State::Open = self.state {
            let ended = STOPWATCH.try_with(|watch| watch.borrow_mut().stop(now, tick()));
            self.state = ended.ok().flatten().map_or(State::Closed, State::Stopped);
        }
    }

    pub(crate) fn end(mut self, inputs: &[f64], outputs: &[f64]) {
        self.close(Some((inputs, outputs)));
    }

    fn close(&mut self, values: Option<(&[f64], &[f64])>) {
        self.stop();
        let State::Stopped(ended) = std::mem::replace(&mut self.state, State::Closed) else { return };
        let _ = STOPWATCH.try_with(|watch| {
            let mut watch = watch.borrow_mut();
            let thread = watch.thread();
            if let Some(recorder) = locked().as_mut().filter(|recorder| recorder.epoch == ended.epoch) {
                recorder.calls[ended.node].add(ended.elapsed, ended.children);
                recorder.recording.insert(thread, watch.recording(ended.epoch));
                if let Some((inputs, outputs)) = values {
                    recorder.keep(self.region, thread, inputs, outputs);
                }
            }
            watch.leave(ended, now(), tick());
        });
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.close(None);
    }
}

impl ProfileNode {
    fn add(&mut self, elapsed: Duration, children: Duration) {
        self.calls += 1;
        self.seconds += elapsed.as_secs_f64();
        self.own_seconds += elapsed.saturating_sub(children).as_secs_f64();
    }
}

impl Recorder {
    fn node(&mut self, region: &'static Region, parent: Option<usize>) -> usize {
        let calls = &mut self.calls;
        *self.children.entry((parent, std::ptr::from_ref(region).addr())).or_insert_with(|| {
            calls.push(ProfileNode {
                region: region.path(),
                parent,
                calls: 0,
                seconds: 0.0,
                own_seconds: 0.0,
            });
            calls.len() - 1
        })
    }

    /// Keeps the values of a call, in place of others if there are many (Vitter, algorithm R; the same calls in the same order
    /// keep the same ones).
    fn keep(&mut self, region: &'static Region, thread: u64, inputs: &[f64], outputs: &[f64]) {
        let regions = &mut self.regions;
        let index = *self.indices.entry(std::ptr::from_ref(region).addr()).or_insert_with(|| {
            let profile = RegionProfile {
                region: region.path(),
                inputs: region.inputs(),
                outputs: region.outputs(),
                exact_code: vec![],
                calls: 0,
                input_values: vec![],
                output_values: vec![],
                feedback: None,
            };
            regions.push(Recorded { profile, sequences: Sequences::default(), numbers: vec![] });
            regions.len() - 1
        });
        let Recorded { profile, sequences, numbers } = &mut regions[index];
        sequences.add(thread, [profile.inputs, profile.outputs], inputs, outputs);
        let most = KEPT.min(NUMBERS / (inputs.len() + outputs.len())).max(1);
        let place = match profile.calls {
            before if before < most as u64 => {
                profile.input_values.extend(inputs);
                profile.output_values.extend(outputs);
                numbers.push(before);
                most
            }
            before => {
                let mut rng = ChaCha8Rng::seed_from_u64(before);
                rng.random_range(0..=before) as usize
            }
        };
        if place < most {
            profile.input_values[place * inputs.len()..][..inputs.len()].copy_from_slice(inputs);
            profile.output_values[place * outputs.len()..][..outputs.len()].copy_from_slice(outputs);
            numbers[place] = profile.calls;
        }
        profile.calls += 1;
    }
}

/// Takes everything that was recorded in all threads, and begins anew.
pub fn take_profile() -> Profile {
    let mut recorder = locked();
    let epoch = recorder.as_ref().map_or(0, |recorder| recorder.epoch);
    let taken = recorder.replace(Recorder { epoch: epoch + 1, ..Recorder::default() });
    drop(recorder);
    let Recorder { calls, regions: profiles, begun, recording, .. } = taken.unwrap_or_default();
    // Threads record side by side: what took longest is in the time for certain.
    let recording = recording.into_values().max().unwrap_or_default();
    let elapsed = begun.map(|begun| now().saturating_sub(begun).saturating_sub(recording));
    let all = regions();
    let regions = profiles.into_iter().map(|recorded| recorded.finish(&all)).collect();
    Profile { calls, regions, seconds: elapsed.unwrap_or_default().as_secs_f64() }
}

/// Whether anything was recorded.
pub(crate) fn is_any() -> bool {
    locked().as_ref().is_some_and(|recorder| !recorder.calls.is_empty())
}

/// Takes everything that was recorded and writes it to `folder`: `profile.yaml` with the call tree, and the inputs and outputs of
/// every region as NPY files of `f64`, one call per row; of a region to which something comes back, whole sequences of calls, too. An
/// earlier profile is replaced; other files stay.
///
/// # Errors
/// A folder that cannot be written, or a file in it that is of another kind than what would replace it: what was recorded is not
/// taken then.
pub fn write_profile(folder: impl AsRef<Path>) -> Result<()> {
    let folder = folder.as_ref();
    std::fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.to_owned(), source })?;
    check(PROFILE, &folder.join(ProfileFile::NAME))?;
    for recorded in locked().iter().flat_map(|recorder| &recorder.regions) {
        let region = &recorded.profile.region;
        ARRAYS.iter().try_for_each(|what| check(ARRAY, &array_path(folder, region, what)))?;
    }
    let Profile { calls, regions, seconds } = take_profile();
    let regions = regions.into_iter().map(|region| write_region(folder, region)).collect::<Result<_>>()?;
    let path = folder.join(ProfileFile::NAME);
    let text = serde_yaml::to_string(&ProfileFile {
        version: ProfileFile::VERSION,
        seconds: Some(seconds),
        calls,
        regions,
    })
    .map_err(|e| Error::Setting { place: path.display().to_string(), problem: e.to_string() })?;
    write(PROFILE, &path, text.as_bytes())
}

/// What the arrays of a region hold.
const ARRAYS: [&str; 4] = ["inputs", "outputs", "sequences.inputs", "sequences.outputs"];

fn array_path(folder: &Path, region: &str, what: &str) -> PathBuf {
    folder.join(format!("{}.{what}.npy", file_stem_of(region)))
}

/// Writes the inputs and outputs of a region, and says where they are.
fn write_region(folder: &Path, profile: RegionProfile) -> Result<RegionEntry> {
    let RegionProfile { region, inputs, outputs, exact_code, calls, input_values, output_values, feedback } =
        profile;
    let file = |values: &[f64], parts: &[Part], what: &str| {
        let path = array_path(folder, &region, what);
        write_npy(&path, values, size(parts)).map(|()| path.file_name().unwrap_or_default().into())
    };
    let [in_file, out_file, in_sequences, out_sequences] = ARRAYS;
    let entry = |Feedback { links, sequences }: Feedback| -> Result<FeedbackEntry> {
        let all = |of: fn(&Sequence) -> &[f64]| sequences.iter().map(of).collect::<Vec<_>>().concat();
        Ok(FeedbackEntry {
            links,
            lengths: sequences.iter().map(|sequence| sequence.calls(inputs)).collect(),
            input_file: file(&all(|sequence| &sequence.inputs), inputs, in_sequences)?,
            output_file: file(&all(|sequence| &sequence.outputs), outputs, out_sequences)?,
        })
    };
    Ok(RegionEntry {
        feedback: feedback.map(entry).transpose()?,
        calls,
        kept: input_values.len() / size(inputs),
        exact_code,
        inputs: inputs.iter().map(PartEntry::from).collect(),
        outputs: outputs.iter().map(PartEntry::from).collect(),
        input_file: file(&input_values, inputs, in_file)?,
        output_file: file(&output_values, outputs, out_file)?,
        region,
    })
}

fn write_npy(path: &Path, values: &[f64], width: usize) -> Result<()> {
    let rows = ArrayView2::from_shape((values.len() / width, width), values).expect("whole rows are kept");
    let mut bytes = vec![];
    rows.write_npy(&mut bytes)
        .map_err(|e| Error::Io { path: path.to_owned(), source: std::io::Error::other(e.to_string()) })?;
    write(ARRAY, path, &bytes)
}

fn check(kind: FileKind, path: &Path) -> Result<()> {
    kind.check(path).map_err(|source| Error::Io { path: path.to_owned(), source })
}

fn write(kind: FileKind, path: &Path, bytes: &[u8]) -> Result<()> {
    kind.write(path, bytes).map_err(|source| Error::Io { path: path.to_owned(), source })
}
