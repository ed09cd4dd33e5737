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
//! `CARNEGIE_UPDATE=1 cargo test` writes the file, the first time and whenever a change is meant (`1` or `true`; with `0`,
//! `false`, `no`, `off` or nothing the file is compared, and any other value is an error). The order of methods,
//! documentation, timeouts and `blocking` are not in it, since they do not cross the wire. Every other change fails the
//! test, which says for each whether it is harmless, breaks clients that were built against the locked version, or
//! breaks new clients at servers of the locked version, and what to do about it.
//!
//! Each trait has a file of its own, each major version of a service too: a file that names another service or another
//! major version is not overwritten. After a rename, delete it first.
//!
//! A method under `#[cfg]` is in the file if it was there when the file was written. With other features the test then fails,
//! and says that the method was removed or added. Such a trait is compared under one set of features only: leave
//! `lock = ".."` out, and put a test that calls [`check`] under the `#[cfg]` of that set.

pub use rpc_core::lock::{Change, Changes, Damaged, Effect, Other};

use crate::Client;
use rpc_core::lock::Lock;
use rpc_core::service::Descriptor;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::{env, fmt, fs, io, process};

/// The variable that has lock files written.
const UPDATE: &str = "CARNEGIE_UPDATE";

/// Held while a file is replaced, so that the tests of two traits that were given one file meet it one after the other.
static UPDATING: Mutex<()> = Mutex::new(());

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
    /// The operating system does not give the file.
    #[error("the lock file {} cannot be read: {source}", path.display())]
    Read {
        /// The lock file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The operating system does not take the file.
    #[error("the lock file {} cannot be written: {}: {source}", path.display(), at.display())]
    Write {
        /// The lock file.
        path: PathBuf,
        /// What could not be made: its folder, the draft beside it, or the file itself.
        at: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The content of the file is not understood: a merge went wrong, or a hand slipped.
    #[error("{}:{}: {}; mend the line, or let `{UPDATE}=1 cargo test` write the file anew", path.display(), damaged.line, damaged.why)]
    Damaged {
        /// The lock file.
        path: PathBuf,
        /// The line, and what is wrong there.
        damaged: Damaged,
    },
    /// The trait has changed.
    #[error("the service {service} is not what {} says\n\n{changes}\n{}", path.display(), if_meant(changes))]
    Changed {
        /// The service's name on the wire.
        service: &'static str,
        /// The lock file.
        path: PathBuf,
        /// What has changed, and whom that breaks.
        changes: Changes,
    },
    /// The file is another service's, or of another major version, and was not overwritten.
    #[error("the lock file {} is of {locked}, the trait is {now}, so the file was left as it is. {}", path.display(), if_other(*other))]
    Other {
        /// The lock file.
        path: PathBuf,
        /// Service and version that the file is of, such as `BoxOffice 1.1`.
        locked: String,
        /// Service and version of the trait.
        now: String,
        /// In what they differ.
        other: Other,
    },
    /// `CARNEGIE_UPDATE` has a value without a meaning.
    #[error(
        "{UPDATE} is {value:?}; `1` or `true` has lock files written, `0`, `false`, `no`, `off` or nothing has them compared"
    )]
    Variable {
        /// The value.
        value: OsString,
    },
}

/// What to do if the trait is to stay as it is now.
fn if_meant(changes: &Changes) -> String {
    match changes.other() {
        Some(other) => if_other(other),
        None => format!("If this is meant: `{UPDATE}=1 cargo test` writes the file anew, then commit it."),
    }
}

fn if_other(other: Other) -> String {
    let own = match other {
        Other::Service => {
            "If both services exist, give each trait a lock file of its own. If this one was renamed"
        }
        Other::Major => {
            "If both major versions are in use, give the trait of each a lock file of its own. If the former is gone"
        }
    };
    format!("{own}, delete the file, then `{UPDATE}=1 cargo test` writes it anew.")
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
/// [`LockError`]: there is no such file, or it cannot be read or written, or the trait is not what it says, or
/// `CARNEGIE_UPDATE` has a value without a meaning.
pub fn check<C: Client>(path: impl AsRef<Path>) -> Result<(), LockError> {
    check_descriptor(C::descriptor(), path.as_ref())
}

/// Compares the service of the stub `C` with its lock file, and never writes it.
///
/// # Errors
/// [`LockError`]: there is no such file, or it cannot be read, or the trait is not what it says.
pub fn compare<C: Client>(path: impl AsRef<Path>) -> Result<(), LockError> {
    compare_descriptor(C::descriptor(), path.as_ref())
}

/// Writes the lock file, unless it says already what the trait does, and the folder that it is in, if need be. A link is
/// followed. A person's comments in it are kept; those of which the place is not known any more, since the file was
/// damaged, come to its end.
///
/// # Errors
/// [`LockError::Other`] if the file is another service's or of another major version; [`LockError::Read`] or
/// [`LockError::Write`] if the operating system refuses.
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
    let value = env::var_os(UPDATE).unwrap_or_default();
    if means_update(&value)? { update_descriptor(service, path) } else { compare_descriptor(service, path) }
}

fn means_update(value: &OsStr) -> Result<bool, LockError> {
    match value.to_ascii_lowercase().to_str() {
        Some("1" | "true") => Ok(true),
        Some("" | "0" | "false" | "no" | "off") => Ok(false),
        _ => Err(LockError::Variable { value: value.to_owned() }),
    }
}

fn compare_descriptor(service: &'static Descriptor, path: &Path) -> Result<(), LockError> {
    let locked = parse(path, &read(path)?)?;
    let changes = locked.changes(&Lock::of(service));
    if changes.is_empty() {
        return Ok(());
    }
    Err(LockError::Changed { service: service.name, path: path.to_owned(), changes })
}

fn update_descriptor(service: &Descriptor, path: &Path) -> Result<(), LockError> {
    let _updating = UPDATING.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Lock::of(service);
    let text = match read(path) {
        Ok(text) => text,
        Err(LockError::Missing { .. }) => return write(path, &now),
        Err(error) => return Err(error),
    };
    let Ok(older) = parse(path, &text) else {
        return write(path, &now.with_comments_of_damaged(&String::from_utf8_lossy(&text)));
    };
    let changes = older.changes(&now);
    if changes.is_empty() {
        return Ok(());
    }
    if let Some(other) = changes.other() {
        let (path, locked, now) = (path.to_owned(), titled(&older), titled(&now));
        return Err(LockError::Other { path, locked, now, other });
    }
    write(path, &now.with_comments_of(older))
}

/// Service and version.
fn titled(lock: &Lock) -> String {
    let (major, minor) = lock.version();
    format!("{} {major}.{minor}", lock.service())
}

fn read(path: &Path) -> Result<Vec<u8>, LockError> {
    fs::read(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => LockError::Missing { path: path.to_owned() },
        _ => LockError::Read { path: path.to_owned(), source },
    })
}

fn parse(path: &Path, text: &[u8]) -> Result<Lock, LockError> {
    let parsed = str::from_utf8(text).map_err(|error| {
        let line = 1 + text[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        Damaged { line, why: "this is not UTF-8".to_owned() }
    });
    let parsed = parsed.and_then(Lock::parse);
    parsed.map_err(|damaged| LockError::Damaged { path: path.to_owned(), damaged })
}

fn write(path: &Path, lock: &Lock) -> Result<(), LockError> {
    let failed = |at: &Path, source| {
        let (path, at) = (path.to_owned(), at.to_owned());
        Err(LockError::Write { path, at, source })
    };
    let target = followed(path);
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder).or_else(|source| failed(folder, source))?;
    }
    // Not written in place: a test of another program may be reading it.
    let mut draft = target.clone().into_os_string();
    draft.push(format!(".draft-{}", process::id()));
    let draft = PathBuf::from(draft);
    let written = fs::write(&draft, lock.to_string()).or_else(|source| failed(&draft, source));
    let written =
        written.and_then(|()| fs::rename(&draft, &target).or_else(|source| failed(&target, source)));
    if written.is_err() {
        // What failed above is what is reported.
        let _ = fs::remove_file(&draft);
    }
    written
}

/// Where a link leads, even if nothing is there yet: to rename a draft over the link would leave its target as it was.
fn followed(path: &Path) -> PathBuf {
    match (fs::canonicalize(path), fs::read_link(path)) {
        (Ok(target), _) => target,
        (Err(_), Ok(target)) => path.parent().map_or_else(|| target.clone(), |folder| folder.join(&target)),
        (Err(_), Err(_)) => path.to_owned(),
    }
}
