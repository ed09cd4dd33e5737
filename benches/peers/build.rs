//! The code of the peers whose interface is a file: tonic's from `idl/peers.proto` (compiled by protox, so that no `protoc` is
//! needed), volo-thrift's from `idl/peers.thrift`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=idl");
    let files = protox::compile(["idl/peers.proto"], ["idl"])?;
    tonic_prost_build::configure().bytes(".").compile_fds(files)?;
    volo_build::Builder::thrift()
        .add_service("idl/peers.thrift")
        .filename("peers_thrift.rs".into())
        .write()?;
    Ok(())
}
