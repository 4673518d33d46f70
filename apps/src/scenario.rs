//! Changes of the inputs that an emulator meets after it was trained.

use crate::{AppError, Application, Family, Newton, Release, Result, Rope};

/// A region whose inputs change.
pub struct Scenario {
    /// Name of the application.
    pub app: &'static str,
    /// Name of the change, on the command line.
    pub name: &'static str,
    /// One line that says what changes.
    pub title: &'static str,
    /// Frames like those that the emulator was trained on.
    pub usual: Box<dyn Application>,
    /// Frames of the new class.
    pub new: Box<dyn Application>,
    /// Frames of both classes in turn.
    pub both: Box<dyn Application>,
}

/// All scenarios.
///
/// There are none for emulators that follow from the mathematics of their region: their error does not depend on a class of
/// signals that they were trained on.
pub fn scenarios() -> Vec<Scenario> {
    let rope = |release| Box::new(Rope::with_release(release));
    let newton = |family| Box::new(Newton::with_family(family));
    vec![
        Scenario {
            app: "rope",
            name: "wide-angle",
            title: "ropes are released at 30° to 45° instead of up to 30°",
            usual: rope(Release::Usual),
            new: rope(Release::WideAngle),
            both: rope(Release::Both { every: 2 }),
        },
        Scenario {
            app: "newton",
            name: "tilted",
            title: "every function has a tilt of its own",
            usual: newton(Family::Base),
            new: newton(Family::Tilted),
            both: newton(Family::Both),
        },
    ]
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
            let [usual, new, both] =
                [&scenario.usual, &scenario.new, &scenario.both].map(|app| frames(&**app));
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
