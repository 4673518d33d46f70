//! Changes that an emulator meets after it was trained: of its inputs, or of the function itself.

use crate::{
    AppError, Application, Convolution, Family, Fft, Newton, OpticalFlow, Release, Result, Rope,
    drift::{self, Drifted},
};

/// What a scenario changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Inputs of a new class come, and those of the old one still do.
    Inputs,
    /// The same inputs have other answers: what was true is to be forgotten.
    Function,
}

/// A region that changes.
pub struct Scenario {
    /// Name of the application.
    pub app: &'static str,
    /// Name of the change, on the command line.
    pub name: &'static str,
    /// One line that says what changes.
    pub title: &'static str,
    /// What kind of change it is.
    pub change: Change,
    /// Frames like those that the emulator was trained on, with the answers that it was trained on.
    pub usual: Box<dyn Application>,
    /// Frames of the new class, or with the new answers.
    pub new: Box<dyn Application>,
    /// Frames of both classes in turn; none where the function changes.
    pub both: Option<Box<dyn Application>>,
}

/// All scenarios.
///
/// Emulators that follow from the mathematics of their region know all classes of signals: there the function changes.
pub fn scenarios() -> Vec<Scenario> {
    let rope = |release| Box::new(Rope::with_release(release));
    let newton = |family| Box::new(Newton::with_family(family));
    vec![
        Scenario {
            app: "rope",
            name: "wide-angle",
            title: "ropes are released at 30° to 45° instead of up to 30°",
            change: Change::Inputs,
            usual: rope(Release::Usual),
            new: rope(Release::WideAngle),
            both: Some(rope(Release::Both { every: 2 })),
        },
        Scenario {
            app: "newton",
            name: "tilted",
            title: "every function has a tilt of its own",
            change: Change::Inputs,
            usual: newton(Family::Base),
            new: newton(Family::Tilted),
            both: Some(newton(Family::Both)),
        },
        drifted(
            "convolution",
            "echo",
            "a wall comes nearer: an echo after 64 samples",
            Convolution::new(),
            drift::echo,
        ),
        drifted(
            "fft",
            "response",
            "the microphone hears high notes less, down to half",
            Fft::new(),
            drift::response,
        ),
        drifted(
            "optical_flow",
            "frame-rate",
            "the camera takes five pictures where it took four",
            OpticalFlow::new(),
            drift::frame_rate,
        ),
    ]
}

fn drifted<A: Application + Copy + 'static>(
    app: &'static str,
    name: &'static str,
    title: &'static str,
    usual: A,
    change: fn(&mut [f64]),
) -> Scenario {
    let new = Box::new(Drifted { app: usual, change });
    Scenario { app, name, title, change: Change::Function, usual: Box::new(usual), new, both: None }
}

/// The scenario `name` of the application `app`.
///
/// # Errors
/// [`AppError::UnknownScenario`] when there is none.
pub fn scenario(app: &str, name: &str) -> Result<Scenario> {
    let found = scenarios().into_iter().find(|scenario| (scenario.app, scenario.name) == (app, name));
    found.ok_or_else(|| AppError::UnknownScenario { app: app.to_owned(), name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Split;

    #[test]
    fn the_new_class_differs_and_both_has_each_in_turn() {
        for scenario in scenarios() {
            let frames = |app: &dyn Application| app.frames(Split::Train, 4, 3);
            let Some(both) = &scenario.both else {
                let [usual, new] = [&scenario.usual, &scenario.new].map(|app| frames(&**app));
                assert_eq!(
                    (&usual.inputs, scenario.change),
                    (&new.inputs, Change::Function),
                    "{}",
                    scenario.name
                );
                assert_ne!(usual.targets, new.targets, "{}", scenario.name);
                continue;
            };
            let [usual, new, both] = [&scenario.usual, &scenario.new, both].map(|app| frames(&**app));
            let width = scenario.usual.inputs();
            let frame =
                |frames: &crate::Frames, index: usize| frames.inputs[index * width..][..width].to_vec();
            assert_ne!(usual.inputs, new.inputs, "{}", scenario.name);
            assert_eq!((frame(&both, 0), frame(&both, 1)), (frame(&usual, 0), frame(&new, 1)));
            assert_eq!(both.kinds[..2], [usual.kinds[0], new.kinds[0]]);
            assert_ne!(usual.kinds[0], new.kinds[0]);
        }
    }

    #[test]
    fn unknown_scenarios_are_named() {
        let error = scenario("rope", "narrow").err().unwrap().to_string();
        assert!(error.contains("'narrow'") && error.contains("wide-angle"), "{error}");
    }
}
