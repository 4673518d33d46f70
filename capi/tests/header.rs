//! The header that is checked in is the one that cbindgen makes.

use std::{env, fs, path::Path};

#[test]
fn the_header_is_up_to_date() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(crate_folder.join("cbindgen.toml")).unwrap();
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(crate_folder.join("src/status.rs"))
        .with_src(crate_folder.join("src/handle.rs"))
        .with_src(crate_folder.join("src/boundary.rs"))
        .generate()
        .unwrap();
    let mut made = vec![];
    bindings.write(&mut made);
    let path = crate_folder.join("include/emeuro.h");
    if env::var_os("EMEURO_ACCEPT").is_some_and(|value| value == "1") {
        fs::write(&path, &made).unwrap();
    }
    let found = fs::read(&path).unwrap_or_default();
    assert!(
        found == made,
        "{} is not what cbindgen makes of the sources: EMEURO_ACCEPT=1 writes it anew",
        path.display()
    );
}
