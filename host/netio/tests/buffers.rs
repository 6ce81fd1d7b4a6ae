//! Frames hold the buffers that devices received them into: bytes are not copied on their way from
//! device to device, buffers outlive their device, and all come back.

#![cfg(feature = "dpdk")]
#![allow(clippy::unwrap_used, reason = "a test ends where it finds what it must not")]

use nfos_netio::dpdk::buffers_astray;
use nfos_netio::{
    Classifier, Frame, HEADROOM, Memory, Pool, Port, PortId, PortSpec, Queue, Received, Steering,
    enter_thread, open_ports,
};

/// A device that gives back what is sent through it, and its queue.
fn open(name: &str) -> (Box<dyn Port>, Box<dyn Queue>) {
    let specs = [format!("dpdk:{name}").parse::<PortSpec>().unwrap()];
    let mut port = open_ports(&specs, Memory::Ordinary).unwrap().remove(0);
    let steering = Steering::new(Classifier::new(&[], &[]).unwrap(), 1).unwrap();
    let queue = port.open_queues(&steering).unwrap().remove(0);
    (port, queue)
}

fn numbered(number: u32) -> Vec<u8> {
    let mut bytes = vec![0x5a; 60 + number as usize % 1000];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// Frames of these numbers, in buffers of the device.
fn received(queue: &mut dyn Queue, pool: &mut Pool, numbers: std::ops::Range<u32>) -> Vec<Frame> {
    let made = numbers.map(|number| {
        let (mut frame, bytes) = (pool.take().unwrap(), numbered(number));
        frame.load(&bytes, PortId::new(0), bytes.len() as u32, 0, 0).unwrap();
        frame
    });
    let mut frames: Vec<Frame> = made.collect();
    queue.tx_burst(&mut frames, pool);
    assert!(frames.is_empty());
    while queue.rx_burst(0, &mut frames, pool, 256) != Received::Idle {}
    frames
}

/// Everything a device has now.
fn drain(queue: &mut dyn Queue, pool: &mut Pool) -> Vec<Vec<u8>> {
    let (mut frames, mut all) = (Vec::new(), Vec::new());
    while queue.rx_burst(0, &mut frames, pool, 32) != Received::Idle {
        all.extend(frames.iter().map(|frame| frame.bytes().to_vec()));
        pool.give_all(&mut frames);
    }
    all
}

fn bytes_stay_where_they_are(pool: &mut Pool) {
    let ((_first, mut from), (_second, mut to)) = (open("net_ring_a0"), open("net_ring_b0"));
    let mut frames = received(&mut *from, pool, 0..32);
    assert_eq!(frames.len(), 32);
    let places: Vec<_> = frames.iter().map(|frame| frame.bytes().as_ptr()).collect();
    for (number, frame) in (0..).zip(&mut frames) {
        assert_eq!(frame.bytes(), numbered(number));
        assert_eq!(frame.headroom(), HEADROOM);
        frame.bytes_mut()[4] = number as u8;
    }
    to.tx_burst(&mut frames, pool);
    assert_eq!(to.rx_burst(0, &mut frames, pool, 32).count(), 32);
    for (number, (frame, place)) in frames.iter().zip(places).enumerate() {
        assert_eq!(frame.bytes().as_ptr(), place, "copied");
        assert_eq!(frame.bytes()[4], number as u8);
    }
    pool.give_all(&mut frames);
}

fn fronts_grow_and_shrink_in_place(pool: &mut Pool) {
    let (_port, mut queue) = open("net_ring_c0");
    let mut frames = received(&mut *queue, pool, 7..8);
    let (rest, whole) = (numbered(7)[10..].to_vec(), numbered(7).len());
    frames[0].replace_front(10, &[1; 14]).unwrap();
    assert_eq!((frames[0].len(), frames[0].wire_length as usize), (whole + 4, whole + 4));
    assert_eq!(frames[0].bytes(), [&[1; 14], &rest[..]].concat());
    frames[0].replace_front(14, &[2; 3]).unwrap();
    assert_eq!(frames[0].bytes(), [&[2; 3], &rest[..]].concat());
    assert_eq!(frames[0].headroom(), HEADROOM + 7);
    let refused = frames[0].replace_front(3, &[3; HEADROOM + 11]).unwrap_err();
    assert_eq!((refused.bytes, refused.room), (HEADROOM + 11, HEADROOM + 10));
    frames[0].replace_front(3, &[3; HEADROOM + 10]).unwrap();
    queue.tx_burst(&mut frames, pool);
    assert_eq!(drain(&mut *queue, pool), [[&[3; HEADROOM + 10], &rest[..]].concat()]);
    // Longer than it was made for, so it goes in two buffers.
    let mut frames = received(&mut *queue, pool, 999..1000);
    let mut long = vec![4; 2048];
    long.extend(frames[0].bytes());
    frames[0].load(&long, PortId::new(0), long.len() as u32, 0, 0).unwrap();
    queue.tx_burst(&mut frames, pool);
    assert_eq!(drain(&mut *queue, pool), [long]);
}

fn what_a_device_does_not_take_stays_whole_and_in_order(pool: &mut Pool) {
    let ((_first, mut from), (second, mut to)) = (open("net_ring_d0"), open("net_ring_e0"));
    let (mut sent, mut kept) = (0_u32, Vec::new());
    while kept.is_empty() {
        kept = received(&mut *from, pool, sent..sent + 32);
        to.tx_burst(&mut kept, pool);
        sent += 32 - kept.len() as u32;
    }
    assert_eq!(second.counters().transmitted, u64::from(sent));
    for (number, frame) in (sent..).zip(&kept) {
        assert_eq!(frame.bytes(), numbered(number));
    }
    let last = sent + kept.len() as u32;
    let mut all = drain(&mut *to, pool);
    to.tx_burst(&mut kept, pool);
    assert!(kept.is_empty());
    all.extend(drain(&mut *to, pool));
    assert!(all == (0..last).map(numbered).collect::<Vec<_>>(), "{} of {last}", all.len());
}

fn buffers_outlive_their_device(pool: &mut Pool) {
    let (second, mut to) = open("net_ring_g0");
    let frames = {
        let (first, mut from) = open("net_ring_f0");
        let frames = received(&mut *from, pool, 0..48);
        drop((from, first));
        frames
    };
    assert_eq!((frames.len(), buffers_astray()), (48, 48));
    let mut frames: Vec<Frame> = frames;
    for (number, frame) in (0..).zip(&frames) {
        assert_eq!(frame.bytes(), numbered(number));
    }
    to.tx_burst(&mut frames, pool);
    assert_eq!((pool.len(), buffers_astray()), (256, 48));
    // Of those that are in another device, some are taken out, and some go with it.
    assert_eq!(to.rx_burst(0, &mut frames, pool, 16).count(), 16);
    drop((to, second));
    assert_eq!(buffers_astray(), 16);
    pool.give_all(&mut frames);
}

/// What is dropped holds nothing back, whether frames are given back one by one or together.
fn free_frames_hold_no_buffers(pool: &mut Pool) {
    let (_port, mut queue) = open("net_ring_h0");
    for frame in received(&mut *queue, pool, 0..32) {
        pool.give(frame);
    }
    let mut together = received(&mut *queue, pool, 0..16);
    pool.give_all(&mut together);
}

// One test: what is astray is counted for the whole process.
#[test]
fn a_frame_takes_its_buffer_along() {
    let _entered = enter_thread();
    let mut pool = Pool::new(256, 9_216);
    let parts = [
        bytes_stay_where_they_are,
        fronts_grow_and_shrink_in_place,
        what_a_device_does_not_take_stays_whole_and_in_order,
        buffers_outlive_their_device,
        free_frames_hold_no_buffers,
    ];
    for part in parts {
        part(&mut pool);
        assert_eq!((pool.len(), buffers_astray()), (256, 0));
    }
}
