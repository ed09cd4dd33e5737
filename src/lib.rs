//! Carnegie.
