//! What each client asks of a server of the other version, and what it must learn.

use crate::{Result, past, present};
use carnegie::{Client, Code, Error, Execution};
use std::fmt::Debug;

/// Prints what a call came to.
fn show<T: Debug>(call: &str, came_to: &std::result::Result<T, Error>) {
    match came_to {
        Ok(value) => println!("  {call:<28} {value:?}"),
        Err(error) => println!("  {call:<28} {error}"),
    }
}

/// An answer that must be this one.
fn must_be<T: Debug + PartialEq>(
    call: &str,
    came_to: std::result::Result<T, Error>,
    expected: T,
) -> Result<()> {
    show(call, &came_to);
    if came_to.as_ref().is_ok_and(|value| *value == expected) {
        return Ok(());
    }
    Err(format!("{call} should have come to {expected:?}").into())
}

/// A failure that must be of this class, with an execution that must be this one.
fn must_fail<T: Debug>(
    call: &str,
    came_to: std::result::Result<T, Error>,
    code: Code,
    execution: Execution,
) -> Result<()> {
    show(call, &came_to);
    let as_it_must = came_to.as_ref().is_err_and(|e| (e.code(), e.execution()) == (code, execution));
    if as_it_must { Ok(()) } else { Err(format!("{call} should have failed: {code}, {execution}").into()) }
}

/// Built against 1.0, the server is 1.1.
pub(crate) async fn old(office: past::BoxOfficeClient) -> Result<()> {
    use past::{Section, Ticket};
    let ticket = Ticket { section: Section::Parquet, seat: 7 };
    must_be("sell(7, Parquet)", office.sell(7, Section::Parquet).await, ticket)?;
    must_be("free_seats(Orchestra)", office.free_seats(Section::Orchestra).await, 800)?;
    let missing = (Code::Unimplemented, Execution::NotExecuted);
    must_fail("opening_hours(6)", office.opening_hours(6).await, missing.0, missing.1)?;
    let differs = office.price(Section::Orchestra, 3).await;
    must_fail("price(Orchestra, 3)", differs, Code::FailedPrecondition, Execution::NotExecuted)?;
    // The server answers with a section that this client has never heard of.
    must_fail("favourite()", office.favourite().await, Code::Internal, Execution::Executed)
}

/// Built against 1.1, the server is 1.0.
pub(crate) async fn new(office: present::BoxOfficeClient) -> Result<()> {
    use present::{Seat, Section};
    let seat = Seat { section: Section::Parquet, seat: 8 };
    must_be("sell(8, Parquet)", office.sell(8, Section::Parquet).await, seat.clone())?;
    must_be("favourite()", office.favourite().await, Section::Orchestra)?;
    println!("  {:<28} {}", "supports refund?", office.supports("refund"));
    if office.supports("refund") {
        return Err("a server of 1.0 cannot refund".into());
    }
    must_fail("refund(..)", office.refund(seat).await, Code::Unimplemented, Execution::NotExecuted)?;
    let missing = office.hours(6).await;
    must_fail("hours(6)", missing, Code::Unimplemented, Execution::NotExecuted)?;
    let differs = office.price(Section::Orchestra, 3).await;
    must_fail("price(Orchestra, 3)", differs, Code::FailedPrecondition, Execution::NotExecuted)?;
    // It finds out by itself that the server does not know this section, and sends nothing.
    let unknown = office.sell(9, Section::Balcony).await;
    must_fail("sell(9, Balcony)", unknown, Code::InvalidArgument, Execution::NotExecuted)
}
