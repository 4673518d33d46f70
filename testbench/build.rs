//! With the feature `verilated`: the parts of Verilator's run-time that the crate of that name lacks, and the link options
//! that let models find it in the program.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "verilated")]
    shared_runtime::build();
}

#[cfg(feature = "verilated")]
mod shared_runtime {
    use std::env;
    use std::path::PathBuf;
    use std::process::Command;

    pub(super) fn build() {
        // Models look for the run-time's symbols in the program.
        println!("cargo::rustc-link-arg=-rdynamic");
        println!("cargo::rerun-if-env-changed=VERILATOR");
        let Some(include) = verilator_include() else {
            println!(
                "cargo::error=the feature `verilated` needs Verilator: install it, or set VERILATOR to its path"
            );
            return;
        };
        let sources = ["src/hooks.h", "src/simulation.h", "src/simulation.cpp"];
        for source in sources {
            println!("cargo::rerun-if-changed={source}");
        }
        cc::Build::new()
            .cpp(true)
            .std("gnu++17")
            .define("VL_TIME_CONTEXT", None)
            // As the rest of the run-time, so that both agree on what is a hook.
            .flag("-include")
            .flag(absolute("src/hooks.h"))
            .include(&include)
            .include(include.join("vltstd"))
            .file("src/simulation.cpp")
            .file(include.join("verilated_threads.cpp"))
            .warnings(false)
            // Rust code calls none of it: models do.
            .link_lib_modifier("+whole-archive")
            .compile("emeuro_runtime");
    }

    fn verilator_include() -> Option<PathBuf> {
        let program = env::var_os("VERILATOR").unwrap_or_else(|| "verilator".into());
        let output = Command::new(program).args(["--getenv", "VERILATOR_ROOT"]).output().ok()?;
        let root = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| PathBuf::from(root.trim()).join("include"))
    }

    fn absolute(path: &str) -> PathBuf {
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join(path)
    }
}
