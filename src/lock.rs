//! The lock file of a service: a committed, readable description of what its clients and servers agree on, so that a
//! change that breaks programs which are already deployed is seen in `cargo test` and in review, and not at the first call.
//!
//! `#[service(lock = "box_office.schema")]` adds a test beside the trait; the path is relative to the folder of the package's
//! `Cargo.toml`. The test runs wherever the trait's own target is tested, so an example needs `test = true` there. Without
//! the option, one line does the same:
//!
//! ```
//! # use carnegie::service;
//! #[service(version = "1.1")]
//! pub trait BoxOffice {
//!     async fn sell(&self, order: u64) -> u32;
//! }
//!
//! # fn main() -> Result<(), carnegie::lock::LockError> {
//! # let file = std::env::temp_dir().join(format!("carnegie-{}.schema", std::process::id()));
//! # carnegie::lock::update::<BoxOfficeClient>(&file)?;
//! // #[test] fn the_service_is_what_the_lock_file_says() -> Result<(), carnegie::lock::LockError> {
//! carnegie::lock::check::<BoxOfficeClient>(&file)?;
//! # std::fs::remove_file(file).unwrap();
//! # Ok(())
//! # }
//! ```
//!
//! `CARNEGIE_UPDATE=1 cargo test` writes the file, the first time and whenever a change is meant. The order of methods,
//! documentation, timeouts and `blocking` are not in it, since they do not cross the wire. Every other change fails the
//! test, which says for each whether it is harmless, breaks clients that were built against the locked version, or
//! breaks new clients at servers of the locked version, and what to do about it.

use crate::Client;
use rpc_core::lock::{Changes, Damaged, Lock};
use rpc_core::service::Descriptor;
use std::path::{Path, PathBuf};
use std::{env, fmt, fs, io, process};

/// The variable that has lock files written: set to anything but nothing and `0`.
const UPDATE: &str = "CARNEGIE_UPDATE";

/// Why a trait and its lock file do not go together. `Debug` shows the same text as `Display`: it is what a failed test
/// prints.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// There is no lock file yet.
    #[error("there is no lock file {}; `{UPDATE}=1 cargo test` writes it, then commit it", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The operating system does not give the file, or does not take it.
    #[error("the lock file {}: {source}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file cannot be read: a merge went wrong, or a hand slipped.
    #[error("{}:{}: {}; mend the line, or let `{UPDATE}=1 cargo test` write the file anew", path.display(), damaged.line, damaged.why)]
    Damaged {
        /// The lock file.
        path: PathBuf,
        /// The line, and what is wrong there.
        damaged: Damaged,
    },
    /// The trait has changed.
    #[error("the service {service} is not what {} says\n\n{changes}\nIf this is meant: `{UPDATE}=1 cargo test` writes the file anew, then commit it.", path.display())]
    Changed {
        /// The service's name on the wire.
        service: &'static str,
        /// The lock file.
        path: PathBuf,
        /// What has changed, and whom that breaks.
        changes: Changes,
    },
}

impl fmt::Debug for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Compares the service of the stub `C` with its lock file, or writes the file if `CARNEGIE_UPDATE=1` is set.
///
/// `path` is relative to the current directory, which `cargo test` makes that of the package's `Cargo.toml`.
///
/// # Errors
/// [`LockError`]: there is no such file, or it cannot be read, or the trait is not what it says.
pub fn check<C: Client>(path: impl AsRef<Path>) -> Result<(), LockError> {
    check_descriptor(C::descriptor(), path.as_ref())
}

/// Compares the service of the stub `C` with its lock file, and never writes it.
///
/// # Errors
/// As [`check`].
pub fn compare<C: Client>(path: impl AsRef<Path>) -> Result<(), LockError> {
    compare_descriptor(C::descriptor(), path.as_ref())
}

/// Writes the lock file, unless it says already what the trait does. A person's comments in it are kept.
///
/// # Errors
/// [`LockError::Io`] if it cannot be written.
pub fn update<C: Client>(path: impl AsRef<Path>) -> Result<(), LockError> {
    update_descriptor(C::descriptor(), path.as_ref())
}

/// The body of the test that `#[service(lock = "..")]` writes.
///
/// # Panics
/// On every [`LockError`], with its text.
#[doc(hidden)]
pub fn assert(service: &'static Descriptor, folder: &str, file: &str) {
    if let Err(error) = check_descriptor(service, &Path::new(folder).join(file)) {
        panic!("{error}");
    }
}

fn check_descriptor(service: &'static Descriptor, path: &Path) -> Result<(), LockError> {
    let update = env::var_os(UPDATE).is_some_and(|value| !value.is_empty() && value != "0");
    if update { update_descriptor(service, path) } else { compare_descriptor(service, path) }
}

fn compare_descriptor(service: &'static Descriptor, path: &Path) -> Result<(), LockError> {
    let locked = read(path)?;
    let changes = locked.changes(&Lock::of(service));
    if changes.is_empty() {
        return Ok(());
    }
    Err(LockError::Changed { service: service.name, path: path.to_owned(), changes })
}

fn update_descriptor(service: &Descriptor, path: &Path) -> Result<(), LockError> {
    let mut now = Lock::of(service);
    // A file that cannot be read has nothing worth keeping.
    if let Ok(older) = read(path) {
        if older.changes(&now).is_empty() {
            return Ok(());
        }
        now = now.with_comments_of(older);
    }
    // Not written in place: a test of another binary may be reading it.
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".draft-{}", process::id()));
    let written = fs::write(&draft, now.to_string()).and_then(|()| fs::rename(&draft, path));
    written.map_err(|source| LockError::Io { path: path.to_owned(), source })
}

fn read(path: &Path) -> Result<Lock, LockError> {
    let text = fs::read_to_string(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => LockError::Missing { path: path.to_owned() },
        _ => LockError::Io { path: path.to_owned(), source },
    })?;
    Lock::parse(&text).map_err(|damaged| LockError::Damaged { path: path.to_owned(), damaged })
}
