//! What `wit-bindgen` makes of the contract in `wit/`.
#![allow(missing_docs, unreachable_pub, unsafe_code)]
#![allow(clippy::undocumented_unsafe_blocks, clippy::all)]

wit_bindgen::generate!({ path: "../../wit", world: "nf" });
