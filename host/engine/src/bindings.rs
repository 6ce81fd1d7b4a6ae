//! The contract as Wasmtime's component linker sees it: types and traits generated of `wit/`.

#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    reason = "generated from the contract by Wasmtime"
)]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "nf",
    imports: { default: trappable },
});
