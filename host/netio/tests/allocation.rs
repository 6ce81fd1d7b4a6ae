//! After start-up, receiving, steering and sending allocate nothing.

#![allow(unsafe_code, reason = "a counting allocator")]

mod frames;

use frames::sessions;
use nfos_netio::capture::{CaptureWriter, MergedCaptures};
use nfos_netio::{Class, Classifier, Frame, Pool, PortId, Steering, open_live, ring};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counting per thread.
struct Counting;

// SAFETY: every method hands its arguments on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: as for this method.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as for this method; the place came from `alloc` above.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations_of(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

#[test]
fn the_allocator_counts() {
    assert!(allocations_of(|| drop(std::hint::black_box(vec![1]))) > 0);
}

#[test]
fn memory_ports_rings_and_classification_allocate_nothing() {
    let classifier = Classifier::new(&[sessions()], &[]).unwrap();
    let steering = Steering::new(classifier, 1).unwrap();
    let mut port = open_live(PortId::new(0), &"synthetic:packets=1000".parse().unwrap()).unwrap();
    let mut queue = port.open_queues(&steering).unwrap().remove(0);
    let mut pool = Pool::new(64, port.frame_bytes_max());
    let mut frames: Vec<Frame> = Vec::with_capacity(64);
    let (mut sender, mut receiver) = ring::<Frame>(64);
    let mut sets = 0;
    let allocations = allocations_of(|| {
        for _ in 0..1000 {
            assert_eq!(queue.rx_burst(0, &mut frames, &mut pool, 32).count(), 32);
            for frame in &mut frames {
                let class = steering.classify(frame.port, frame.bytes());
                sets += u64::from(class != Class::Orphan);
                assert_eq!(steering.worker(frame.port, frame.bytes()), 0);
                frame.replace_front(14, &[1; 18]).unwrap();
            }
            assert_eq!(sender.push_burst(&mut frames), 32);
            assert_eq!(receiver.pop_burst(&mut frames, 32), 32);
            queue.tx_burst(&mut frames, &mut pool);
        }
    });
    assert_eq!((allocations, sets, pool.len()), (0, 32_000, 64));
    assert_eq!(port.counters().transmitted_bytes, 32_000 * 64);
}

#[test]
fn captures_allocate_nothing_per_packet() {
    let path = std::env::temp_dir().join(format!("nfos-allocation-{}.pcap", std::process::id()));
    let mut writer = CaptureWriter::create(&path).unwrap();
    let written = allocations_of(|| {
        (0..5000).for_each(|at| writer.write(at, 200, &[7; 200]).unwrap());
    });
    writer.finish().unwrap();
    let mut merged =
        MergedCaptures::open([(PortId::new(0), &path), (PortId::new(1), &path)]).unwrap();
    let mut frame = Frame::new(200);
    let mut packets = 0;
    let read = allocations_of(|| {
        while let Some(arrival) = merged.read().unwrap() {
            let bytes = arrival.bytes;
            frame.load(bytes, arrival.port, arrival.wire_length, arrival.timestamp_ns, 0).unwrap();
            packets += 1;
        }
    });
    std::fs::remove_file(&path).unwrap();
    assert_eq!((written, read, packets), (0, 0, 10_000));
}
