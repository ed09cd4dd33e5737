//! The macros as pure functions: wrong input is refused at the right place in the right words, and right input
//! becomes the code that is checked in.
//!
//! To write both anew: `CARNEGIE_UPDATE=1 cargo test -p carnegie-macros`.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};
use syn::Error;

/// Every wrong trait says what is wrong, and where.
#[test]
fn every_wrong_trait_is_refused_at_its_fault() {
    let files = sources("wrong", ".rs");
    assert!(files.len() >= 45, "only {} wrong traits are left", files.len());
    each(&files, refused);
}

#[test]
fn every_wrong_type_is_refused_at_its_fault() {
    let files = sources("wrong/schema", ".rs");
    assert!(files.len() >= 12, "only {} wrong types are left", files.len());
    each(&files, refused);
}

#[test]
fn every_expansion_is_the_one_that_is_checked_in() {
    let files = sources("expand", ".in.rs");
    assert!(!files.is_empty());
    each(&files, expanded);
}

/// One mistake is one error: what the compiler would refuse again is not emitted.
#[test]
fn the_trait_is_emitted_even_if_it_is_wrong() {
    for file in sources("wrong", ".rs") {
        let source = fs::read_to_string(&file).expect("readable");
        let (code, _) = run(&source);
        let code: syn::File = syn::parse2(code).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let name = |item: &syn::Item| matches!(item, syn::Item::Trait(_) | syn::Item::Struct(_));
        assert!(code.items.iter().any(name), "{}: the item is gone", file.display());
        let text = prettyplease::unparse(&code);
        assert!(!text.contains("#[rpc"), "{}: an attribute is left", file.display());
    }
}

#[test]
fn a_service_of_too_many_methods_is_refused_once() {
    let methods: String = (0..1025).map(|i| format!("async fn m{i}(&self);")).collect();
    let (_, errors) = run(&format!("#[service] trait Huge {{ {methods} }}"));
    let said: Vec<_> = errors.iter().map(Error::to_string).collect();
    assert_eq!(said, ["a service has at most 1024 methods, this one has 1025; make it several services"]);
}

/// Runs `check` on every file and reports all failures together.
fn each(files: &[PathBuf], check: fn(&Path) -> Result<(), String>) {
    let failed: Vec<_> = files.iter().filter_map(|file| Some((file, check(file).err()?))).collect();
    let mut report = String::new();
    for (file, why) in &failed {
        let _ = write!(report, "\n--- {}\n{why}", file.display());
    }
    assert!(failed.is_empty(), "{} of {} files:{report}", failed.len(), files.len());
}

/// Compares the errors with the comments `//~ line:column message` at the end of the file.
fn refused(file: &Path) -> Result<(), String> {
    let source = fs::read_to_string(file).map_err(|e| e.to_string())?;
    let code: String =
        source.lines().filter(|line| !line.starts_with("//~")).map(|line| format!("{line}\n")).collect();
    let (_, errors) = run(&code);
    let mut said: Vec<_> =
        errors.iter().flat_map(|all| all.clone().into_iter()).map(|e| (place(&e), e.to_string())).collect();
    said.sort();
    let said: String =
        said.iter().map(|((line, column), what)| format!("//~ {line}:{column} {what}\n")).collect();
    if said.is_empty() {
        return Err("it was accepted".to_owned());
    }
    compare(file, &source, &format!("{code}{said}"))
}

/// Compares the expansion with the file beside it.
fn expanded(file: &Path) -> Result<(), String> {
    let source = fs::read_to_string(file).map_err(|e| e.to_string())?;
    let (code, errors) = run(&source);
    if let Some(error) = errors.first() {
        return Err(format!("{:?}: {error}", place(error)));
    }
    let code = syn::parse2(code).map_err(|e| format!("the expansion does not parse: {e}"))?;
    let out = PathBuf::from(file.to_string_lossy().replace(".in.rs", ".out.rs"));
    let before = fs::read_to_string(&out).unwrap_or_default();
    compare(&out, &before, &prettyplease::unparse(&code))
}

fn compare(file: &Path, before: &str, now: &str) -> Result<(), String> {
    if before == now {
        return Ok(());
    }
    if env::var_os("CARNEGIE_UPDATE").is_some_and(|value| value == "1") {
        return fs::write(file, now).map_err(|e| e.to_string());
    }
    let difference = before.lines().zip(now.lines()).find(|(a, b)| a != b);
    Err(format!("expected:\n{before}\nfound:\n{now}\nfirst difference: {difference:#?}"))
}

fn place(error: &Error) -> (usize, usize) {
    let start = error.span().start();
    (start.line, start.column + 1)
}

/// Runs the macro that the file's first attribute names, as the compiler would.
fn run(source: &str) -> (TokenStream, Vec<Error>) {
    let tokens: TokenStream = source.parse().expect("tokens");
    let Some((before, attr, after)) = split(tokens.clone()) else { return crate::schema::schema(tokens) };
    crate::service::service(attr, before.into_iter().chain(after).collect())
}

/// What is before `#[service(..)]`, what is in its parentheses, and what is after it.
fn split(tokens: TokenStream) -> Option<(Vec<TokenTree>, TokenStream, Vec<TokenTree>)> {
    let all: Vec<_> = tokens.into_iter().collect();
    let (at, attr) = all.iter().enumerate().find_map(|(i, token)| Some((i, arguments(token)?)))?;
    Some((all[..at - 1].to_vec(), attr, all[at + 1..].to_vec()))
}

/// `[service(arguments)]`
fn arguments(token: &TokenTree) -> Option<TokenStream> {
    let TokenTree::Group(group) = token else { return None };
    if group.delimiter() != Delimiter::Bracket {
        return None;
    }
    let mut inner = group.stream().into_iter();
    if inner.next()?.to_string() != "service" {
        return None;
    }
    match inner.next() {
        Some(TokenTree::Group(given)) => Some(given.stream()),
        _ => Some(TokenStream::new()),
    }
}

fn sources(folder: &str, suffix: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<_> = paths.filter(|path| path.to_string_lossy().ends_with(suffix)).collect();
    paths.sort();
    paths
}
