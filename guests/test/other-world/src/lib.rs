//! A component of another world.
#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, missing_docs, reason = "generated")]
#![allow(clippy::undocumented_unsafe_blocks, reason = "generated")]

wit_bindgen::generate!({
    inline: "
        package greetings:polite@1.0.0;

        world greeter {
            export greet: func() -> u32;
        }
    ",
});

struct Greeter;

impl Guest for Greeter {
    fn greet() -> u32 {
        42
    }
}

export!(Greeter);
