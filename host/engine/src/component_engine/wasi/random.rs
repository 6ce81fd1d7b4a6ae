//! `wasi:random`: the random numbers of the transaction. None of them is fit for secrets.

use wasmtime::Result;
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};

use super::super::Host;
use crate::fault::GuestFault;
use crate::services::Answer;

/// Bytes that one call may ask for: each eight of them are a number drawn.
const BYTES_MAX: u64 = 64 << 10;

impl Host {
    fn draw(&mut self) -> Answer<u64> {
        match &mut self.wasi.still {
            Some(drawn) => {
                *drawn += 1;
                Ok(mix(*drawn))
            }
            None => self.services.random(),
        }
    }

    fn draw_bytes(&mut self, length: u64) -> Answer<Vec<u8>> {
        if length > BYTES_MAX {
            return Err(GuestFault::Limit("64 KiB of random bytes in one call".to_owned()));
        }
        let length = length as usize;
        let mut bytes = Vec::with_capacity(length.next_multiple_of(8));
        while bytes.len() < length {
            bytes.extend_from_slice(&self.draw()?.to_le_bytes());
        }
        bytes.truncate(length);
        Ok(bytes)
    }
}

/// The splitmix64 finaliser, of the `n`th step.
fn mix(n: u64) -> u64 {
    let x = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ x >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ x >> 31
}

impl random::Host for Host {
    fn get_random_bytes(&mut self, length: u64) -> Result<Vec<u8>> {
        Ok(self.draw_bytes(length)?)
    }

    fn get_random_u64(&mut self) -> Result<u64> {
        Ok(self.draw()?)
    }
}

impl insecure::Host for Host {
    fn get_insecure_random_bytes(&mut self, length: u64) -> Result<Vec<u8>> {
        Ok(self.draw_bytes(length)?)
    }

    fn get_insecure_random_u64(&mut self) -> Result<u64> {
        Ok(self.draw()?)
    }
}

impl insecure_seed::Host for Host {
    fn insecure_seed(&mut self) -> Result<(u64, u64)> {
        Ok((self.draw()?, self.draw()?))
    }
}
