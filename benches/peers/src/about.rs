//! What was measured where: the machine, and the versions that take part.

use crate::cli::Plan;
use carnegie_bench::host;

const LOCKED: &str = include_str!("../Cargo.lock");

/// One line for the head of the tables and of the CSV files.
pub(crate) fn line(plan: &Plan) -> String {
    let peers = ["tarpc", "tonic", "volo-thrift", "tokio"];
    let versions: Vec<_> =
        peers.into_iter().map(|name| format!("{name} {}", version(name).unwrap_or("?"))).collect();
    format!("{}; {}; {}", host::describe(), versions.join(", "), plan.describe())
}

/// The version of a crate that this program was built with.
pub(crate) fn version(name: &str) -> Option<&'static str> {
    let packages = LOCKED.split("[[package]]").skip(1);
    let of = |package: &'static str, key: &str| {
        let value = package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))?;
        Some(value.trim_matches('"'))
    };
    packages.into_iter().find(|package| of(package, "name") == Some(name)).and_then(|it| of(it, "version"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_lock_file() {
        assert!(version("tarpc").unwrap().starts_with("0."));
        assert_eq!(version("no-such-crate"), None);
    }
}
