#[service]
pub trait Empty {}
