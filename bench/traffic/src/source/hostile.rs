//! `hostile`: what breaks each frame rule, on both ports, between frames that break none.
//!
//! Lengths go from nothing to 9,000 bytes. Where a rule is about the IPv4 header its checksum is
//! right, so that it is the rule that fails.

use nfos_netio::headers::{TCP, UDP, ethernet};
use nfos_netio::synthetic::Random;

use super::Source;
use crate::frame::{ACK, End, Segment, begin, fix_header_checksum, mac};

const LENGTH_MAX: u64 = 9_000;
const ARP: u16 = 0x0806;
const VLAN: u16 = 0x8100;

pub(super) struct Hostile {
    random: Random,
}

impl Hostile {
    pub(super) fn new(random: &Random) -> Self {
        Self { random: random.fork(0) }
    }

    /// Small lengths as often as large ones.
    fn length(&mut self) -> usize {
        let most = [100, 1_514, LENGTH_MAX][self.random.below(3) as usize];
        self.random.below(most + 1) as usize
    }

    fn end(&mut self, first: u8) -> End {
        let [a, b, c, d, ..] = self.random.next().to_be_bytes();
        ([first, 0, 0, a % 16], u16::from_be_bytes([b, c]) % 1_024 + u16::from(d % 2))
    }

    /// A frame that breaks no rule.
    fn sound(&mut self, port: u16, frame: &mut Vec<u8>) {
        let (inside, outside) = (self.end(10), self.end(198));
        let protocol = [TCP, UDP][self.random.below(2) as usize];
        let segment = Segment { protocol, flags: ACK, ..Segment::udp(inside, outside) };
        let segment = Segment { length: self.length(), ..segment };
        if port == 0 { segment.write(frame) } else { segment.answer().write(frame) }
    }

    fn noise(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.random.next() as u8;
        }
    }

    /// F1 and cuts anywhere; F2 by other types.
    fn break_frame(&mut self, rule: u64, frame: &mut Vec<u8>) {
        match rule {
            0 => frame.truncate(self.random.below(14) as usize),
            1 => frame.truncate(self.random.below(frame.len() as u64) as usize),
            2 => frame[12..14].copy_from_slice(&ARP.to_be_bytes()),
            3 => frame[12..14].copy_from_slice(&ethernet::IPV6.to_be_bytes()),
            4 => {
                let tag = [VLAN.to_be_bytes(), [0, self.random.next() as u8]].concat();
                frame.splice(12..12, tag);
            }
            5 => {
                let ether_type = self.random.next() as u16;
                frame[12..14].copy_from_slice(&ether_type.to_be_bytes());
            }
            _ => {
                let length = self.length();
                begin(frame, 0, mac([10, 0, 0, 1]), mac([198, 18, 0, 1]), ethernet::IPV4);
                frame.resize(length, 0);
                let from = [0, 14][self.random.below(2) as usize].min(length);
                self.noise(&mut frame[from..]);
            }
        }
    }

    /// F3 by version and lengths, F4, F5 by lengths, F6, and other protocols.
    fn break_packet(&mut self, rule: u64, frame: &mut [u8]) {
        let any = self.random.next().to_be_bytes();
        match rule {
            0 => frame[14] = any[0] & 0xf0 | 5,
            1 => frame[14] = 0x40 | (any[0] % 5),
            2 => frame[14] = 0x40 | (6 + any[0] % 10),
            3 => frame[16..18].copy_from_slice(&[any[0] | 0x40, any[1]]),
            4 => frame[16..18].copy_from_slice(&[0, any[0] % 40]),
            5 => frame[20..22].copy_from_slice(&[0x20 | any[0] & 0x1f, any[1]]),
            6 => frame[20..22].copy_from_slice(&[any[0] & 0x1f, any[1]]),
            // Of TCP the data offset, of UDP the length.
            7 if frame[23] == TCP => frame[46] = (any[0] % 5) << 4,
            8 if frame[23] == TCP => frame[46] = 0xf0,
            7 => frame[38..40].copy_from_slice(&[0, any[0] % 8]),
            8 => frame[38..40].copy_from_slice(&[0xff, any[0]]),
            9 => frame[22] = any[0] % 2,
            10 => frame[23] = any[0],
            // Headers so long that they leave no room for the transport's.
            _ => frame[16..18].copy_from_slice(&[0, 20 + any[0] % 8]),
        }
        fix_header_checksum(frame);
    }
}

impl Source for Hostile {
    fn next(&mut self, _: u64, frame: &mut Vec<u8>) -> u16 {
        let port = self.random.below(2) as u16;
        self.sound(port, frame);
        match self.random.below(24) {
            rule @ 0..=6 => self.break_frame(rule, frame),
            rule @ 7..=18 => self.break_packet(rule - 7, frame),
            _ => {}
        }
        port
    }
}
