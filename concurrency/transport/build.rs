//! Builds the crate as `cfg(shuttle)`, it alone: see `rpc-transport/src/sync.rs`.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(shuttle)");
    println!("cargo::rustc-check-cfg=cfg(loom)");
    println!("cargo::rustc-cfg=shuttle");
}
