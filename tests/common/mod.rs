//! What tests need that run examples as processes of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds an example, unless cargo has with these tests, and says where it is.
pub(crate) fn example(name: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in the target folder");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--example", name, "--target-dir"]).arg(target);
    cargo.args((!cfg!(debug_assertions)).then_some("--release"));
    // What cargo says of the package to its tests would have build scripts run again that look at it.
    for (variable, _) in std::env::vars_os() {
        let shown = variable.to_string_lossy();
        if shown.starts_with("CARGO_PKG_") || shown.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&variable);
        }
    }
    let built = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("cargo starts");
    assert!(built.success(), "{name} cannot be built");
    target.join(if cfg!(debug_assertions) { "debug" } else { "release" }).join("examples").join(name)
}

/// A folder of one test's own, which goes with it; if it fails, the folder stays, for whoever looks into it.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Folder {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}
