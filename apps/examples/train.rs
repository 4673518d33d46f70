//! Builds the emulators of the applications named on the command line (all by default) and writes them to `emulators/`.

use std::{error::Error, path::Path, time::Instant};

use emeuro_apps::{BuildOptions, application, applications, build_emulator};
use emeuro_trainer::Session;

fn main() -> Result<(), Box<dyn Error>> {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    if names.is_empty() {
        names = applications().iter().map(|app| app.name().to_owned()).collect();
    }
    let session = Session { progress: true, ..Session::default() };
    for name in names {
        let app = application(&name)?;
        let start = Instant::now();
        let built = build_emulator(&*app, &BuildOptions::default(), &session)?;
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("emulators/{name}.yaml"));
        built.emulator.save(&path)?;
        println!(
            "{name}: float {:.2} %, golden {:.2} % over {:.1} % of outputs, {} multiply-adds, {:.0} s",
            100.0 * built.nrmse_float,
            100.0 * built.test.nrmse,
            100.0 * built.test.share,
            built.emulator.macs(),
            start.elapsed().as_secs_f64()
        );
    }
    Ok(())
}
