//! What keeps it fast and small, counted and not timed: a busy machine changes none of these figures. In a binary of its own, whose
//! allocator counts for each thread apart.

mod allocations;
mod backpressure;
mod idle;
mod support;
mod wire;
