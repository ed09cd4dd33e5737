//! Part of Carnegie.
