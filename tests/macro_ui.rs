//! Where the compiler's own errors point when a type or a handler cannot do what a service needs of it.
//!
//! The words are those of one compiler, which `.ci/run` names: it sets `CARNEGIE_UI=1`, and without that nothing is
//! compared. `TRYBUILD=overwrite` writes them anew.

#[test]
fn errors_about_bounds_point_at_what_the_user_wrote() {
    if std::env::var_os("CARNEGIE_UI").is_some_and(|set| set == "1") {
        trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
    }
}
