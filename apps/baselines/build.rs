//! With the feature `library-baselines`, compiles the shims and links the libraries.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "library-baselines")]
    libraries::build();
}

#[cfg(feature = "library-baselines")]
mod libraries {
    use std::path::Path;

    /// What a shim needs.
    struct Library {
        shim: &'static str,
        package: &'static str,
        /// A folder below the system's for headers.
        include: Option<&'static str>,
        /// Compiles if the headers are there.
        headers: &'static str,
        link: &'static [&'static str],
    }

    const LIBRARIES: [Library; 3] = [
        Library {
            shim: "fftw.c",
            package: "libfftw3-dev",
            include: None,
            headers: "fftw3.h",
            link: &["fftw3", "fftw3f"],
        },
        Library {
            shim: "opencv.cpp",
            package: "libopencv-video-dev",
            include: Some("/usr/include/opencv4"),
            headers: "opencv2/video/tracking.hpp",
            link: &["opencv_video", "opencv_core"],
        },
        Library {
            shim: "alglib.cpp",
            package: "libalglib-dev",
            include: None,
            headers: "libalglib/fasttransforms.h",
            link: &["alglib"],
        },
    ];

    pub(super) fn build() {
        println!("cargo::rerun-if-changed=shims");
        let missing: Vec<&str> =
            LIBRARIES.iter().filter(|library| !has_headers(library)).map(|library| library.package).collect();
        if !missing.is_empty() {
            println!(
                "cargo::error=the feature library-baselines needs a C++ compiler and the Debian packages {}; not found: {}",
                LIBRARIES.map(|library| library.package).join(", "),
                missing.join(", ")
            );
            return;
        }
        for library in LIBRARIES {
            compiler(&library)
                .file(Path::new("shims").join(library.shim))
                .opt_level(3)
                .warnings(true)
                .compile(&format!("emeuro_{}", library.link[0]));
            for name in library.link {
                println!("cargo::rustc-link-lib={name}");
            }
        }
    }

    fn compiler(library: &Library) -> cc::Build {
        let mut build = cc::Build::new();
        build.cpp(library.shim.ends_with(".cpp")).includes(library.include);
        build
    }

    /// Asks the compiler, which knows where it looks.
    fn has_headers(library: &Library) -> bool {
        let folder = std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
        let probe = Path::new(&folder)
            .join("probe")
            .with_extension(Path::new(library.shim).extension().unwrap_or_default());
        std::fs::write(&probe, format!("#include <{}>\n", library.headers)).expect("OUT_DIR is writable");
        compiler(library).cargo_metadata(false).cargo_warnings(false).file(&probe).try_expand().is_ok()
    }
}
