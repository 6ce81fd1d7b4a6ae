//! Ports of DPDK, on devices that are programs and need no rights: every frame arrives once, where
//! it belongs and as it was, every buffer comes back, and what cannot be is refused in one line.

#![cfg(feature = "dpdk")]
#![allow(clippy::unwrap_used, reason = "a test ends where it finds what it must not")]

mod frames;

use frames::{TCP4, sessions};
use nfos_netio::capture::{CaptureWriter, Reader};
use nfos_netio::dpdk::buffers_astray;
use nfos_netio::{
    Classifier, Frame, Memory, Pool, Port, PortId, PortSpec, Queue, Received, Steering,
    enter_thread, open_ports,
};
use std::path::PathBuf;
use std::time::Duration;

const PORT: PortId = PortId::new(0);

/// Opens one device. The layer below is started without hugepages, which any machine can do.
fn open(spec: &str) -> Box<dyn Port> {
    let specs = [format!("dpdk:{spec}").parse::<PortSpec>().unwrap()];
    open_ports(&specs, Memory::Ordinary).unwrap().remove(0)
}

fn refused(spec: &str) -> String {
    let specs = [format!("dpdk:{spec}").parse::<PortSpec>().unwrap()];
    match open_ports(&specs, Memory::Ordinary) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("{spec} was opened"),
    }
}

fn steering(workers: usize) -> Steering {
    Steering::new(Classifier::new(&[sessions()], &[]).unwrap(), workers).unwrap()
}

fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()))
}

/// A frame of one of 64 sessions, with its number in its payload, of this length.
fn numbered(number: u32, length: usize) -> Vec<u8> {
    let mut bytes = TCP4.to_vec();
    bytes.resize(length.max(TCP4.len()), 0xa5);
    bytes[34..36].copy_from_slice(&(1024 + number as u16 % 64).to_be_bytes());
    bytes[54..58].copy_from_slice(&number.to_be_bytes());
    bytes
}

fn number_of(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes[54..58].try_into().unwrap())
}

fn frame(pool: &mut Pool, bytes: &[u8]) -> Frame {
    let mut frame = pool.take().unwrap();
    frame.load(bytes, PORT, bytes.len() as u32, 0, 0).unwrap();
    frame
}

/// Sends all of it, in bursts, as often as it takes.
fn send(queue: &mut dyn Queue, pool: &mut Pool, packets: &[Vec<u8>], mut meanwhile: impl FnMut()) {
    for burst in packets.chunks(32) {
        let mut frames: Vec<Frame> = burst.iter().map(|bytes| frame(pool, bytes)).collect();
        while !frames.is_empty() {
            queue.tx_burst(&mut frames, pool);
            meanwhile();
        }
    }
}

/// Everything that a queue has now.
fn receive(queue: &mut dyn Queue, pool: &mut Pool) -> Vec<Vec<u8>> {
    let (mut all, mut idle) = (Vec::new(), 0);
    while idle < 3 {
        let mut frames = Vec::new();
        match queue.rx_burst(0, &mut frames, pool, 32) {
            Received::Frames { count, .. } => {
                assert_eq!(count, frames.len());
                idle = 0;
            }
            _ => idle += 1,
        }
        all.extend(frames.iter().map(|frame| frame.bytes().to_vec()));
        pool.give_all(&mut frames);
    }
    all
}

#[test]
fn a_ring_gives_each_frame_to_its_worker_once_and_in_order() {
    let _entered = enter_thread();
    let mut port = open("net_ring0");
    let steering = steering(3);
    let mut queues = port.open_queues(&steering).unwrap();
    let mut sender = port.open_transmit_queue().unwrap();
    assert!(port.remarks()[0].contains("1 receive queue, steered in software"));
    let mut pool = Pool::new(256, port.frame_bytes_max());
    let packets: Vec<Vec<u8>> = (0..5_000).map(|number| numbered(number, 60)).collect();
    let mut received: Vec<Vec<Vec<u8>>> = vec![Vec::new(); 3];
    let mut second = Pool::new(256, port.frame_bytes_max());
    send(&mut *sender, &mut pool, &packets, || {
        for (queue, received) in queues.iter_mut().zip(&mut received) {
            received.extend(receive(&mut **queue, &mut second));
        }
    });
    assert_eq!(received.iter().map(Vec::len).sum::<usize>(), packets.len());
    for (worker, received) in received.iter().enumerate() {
        assert!(received.iter().all(|bytes| steering.worker(PORT, bytes) == worker));
        let mut of_session = [None; 64];
        for bytes in received {
            let number = number_of(bytes);
            let before = of_session[number as usize % 64].replace(number);
            assert!(before < Some(number), "{before:?} {number}");
            assert_eq!(*bytes, packets[number as usize]);
        }
    }
    let counters = port.counters();
    assert_eq!((counters.received, counters.transmitted, counters.missed), (5_000, 5_000, 0));
    assert_eq!((pool.len(), second.len()), (256, 256));
}

#[test]
fn a_worker_that_takes_nothing_loses_its_own_and_nobody_elses() {
    let _entered = enter_thread();
    let mut port = open("net_ring1");
    let steering = steering(2);
    let mut queues = port.open_queues(&steering).unwrap();
    let mut sender = port.open_transmit_queue().unwrap();
    let mut pool = Pool::new(256, port.frame_bytes_max());
    let packets: Vec<Vec<u8>> = (0..4_000).map(|number| numbered(number, 60)).collect();
    let of_first = packets.iter().filter(|bytes| steering.worker(PORT, bytes) == 0).count();
    let of_second = packets.len() - of_first;
    let mut received = 0;
    let mut second = Pool::new(256, port.frame_bytes_max());
    send(&mut *sender, &mut pool, &packets, || {
        received += receive(&mut *queues[0], &mut second).len();
    });
    assert_eq!(received, of_first);
    let full = (of_second - 512) as u64;
    let losses = port.losses();
    assert_eq!((losses[0].reason, losses[0].frames, losses.len()), ("worker_full", full, 1));
    drop(queues);
    // What its lane held is lost too, and said to be.
    let losses = port.losses();
    assert_eq!((losses[1].reason, losses[1].frames), ("left_at_end", 512));
    assert_eq!(port.counters().missed, of_second as u64);
    drop((sender, port));
    assert_eq!(buffers_astray(), 0);
}

#[test]
fn a_capture_passes_whole_whatever_the_size_of_its_frames() {
    let _entered = enter_thread();
    let (from, to) = (scratch("dpdk-in.pcap"), scratch("dpdk-out.pcap"));
    let mut writer = CaptureWriter::create(&from).unwrap();
    let sizes = [60, 61, 128, 1514, 2048, 2049, 4000, 9000];
    let packets: Vec<Vec<u8>> =
        (0..800).map(|number| numbered(number, sizes[number as usize % 8])).collect();
    for (number, bytes) in packets.iter().enumerate() {
        writer.write(number as u64 * 1_000, bytes.len() as u32, bytes).unwrap();
    }
    writer.finish().unwrap();

    let arguments = format!("net_pcap0,rx_pcap={},tx_pcap={}", from.display(), to.display());
    let mut port = open(&arguments);
    let mut queues = port.open_queues(&steering(1)).unwrap();
    let mut pool = Pool::new(64, port.frame_bytes_max());
    let (mut frames, mut idle) = (Vec::new(), 0);
    while idle < 3 {
        idle += u32::from(queues[0].rx_burst(0, &mut frames, &mut pool, 32) == Received::Idle);
        queues[0].tx_burst(&mut frames, &mut pool);
        assert!(frames.is_empty());
    }
    assert_eq!((port.counters().received, port.counters().transmitted), (800, 800));
    assert_eq!(pool.len(), 64);
    drop((queues, port));
    let mut reader = Reader::open(&to).unwrap();
    for expected in &packets {
        assert_eq!(reader.read().unwrap().unwrap().bytes, expected);
    }
    assert!(reader.read().unwrap().is_none());
    assert_eq!(buffers_astray(), 0);
    std::fs::remove_file(from).unwrap();
    std::fs::remove_file(to).unwrap();
}

#[test]
fn a_million_frames_leave_no_buffer_behind() {
    let _entered = enter_thread();
    let mut port = open("net_null0");
    let mut queues = port.open_queues(&steering(1)).unwrap();
    let mut pool = Pool::new(64, port.frame_bytes_max());
    let mut frames = Vec::new();
    for _ in 0..31_250 {
        assert_eq!(queues[0].rx_burst(0, &mut frames, &mut pool, 32).count(), 32);
        queues[0].tx_burst(&mut frames, &mut pool);
    }
    let counters = port.counters();
    assert_eq!((counters.received, counters.transmitted), (1_000_000, 1_000_000));
    assert_eq!(counters.received_bytes, 64_000_000);
    drop((queues, port));
    assert_eq!((pool.len(), buffers_astray()), (64, 0));
}

#[test]
fn a_length_that_the_buffer_does_not_have_is_a_loss_and_no_read_beyond_it() {
    let _entered = enter_thread();
    let mut port = open("net_null1,size=4000");
    let mut queues = port.open_queues(&steering(1)).unwrap();
    let mut pool = Pool::new(64, port.frame_bytes_max());
    let mut frames = Vec::new();
    assert_eq!(queues[0].rx_burst(0, &mut frames, &mut pool, 32), Received::Idle);
    let losses = port.losses();
    assert_eq!((losses[0].reason, losses[0].frames), ("malformed_by_driver", 32));
}

#[test]
fn a_frame_too_long_for_a_device_stays_and_the_others_go() {
    let _entered = enter_thread();
    let mut port = open("net_null7");
    let mut queues = port.open_queues(&steering(1)).unwrap();
    let mut pool = Pool::new(64, port.frame_bytes_max());
    let packets = [numbered(0, 60), numbered(1, 9_000), numbered(2, 60)];
    let mut frames: Vec<Frame> = packets.iter().map(|bytes| frame(&mut pool, bytes)).collect();
    queues[0].tx_burst(&mut frames, &mut pool);
    let sent = port.counters().transmitted;
    assert_eq!(sent + frames.len() as u64, 3);
    assert!(frames.iter().all(|frame| frame.len() == 9_000));
    assert_eq!(pool.len() + frames.len(), 64);
}

#[test]
fn no_buffer_means_no_frame_and_an_empty_pool_loses_nothing() {
    let _entered = enter_thread();
    let mut port = open("net_ring3");
    let mut queues = port.open_queues(&steering(1)).unwrap();
    let mut pool = Pool::new(4, port.frame_bytes_max());
    let packets: Vec<Vec<u8>> = (0..4).map(|number| numbered(number, 60)).collect();
    send(&mut *queues[0], &mut pool, &packets, || ());
    let mut held: Vec<Frame> = std::iter::from_fn(|| pool.take()).collect();
    let mut frames = Vec::new();
    assert_eq!(queues[0].rx_burst(0, &mut frames, &mut pool, 32), Received::Idle);
    pool.give_all(&mut held);
    assert_eq!(queues[0].rx_burst(0, &mut frames, &mut pool, 32).count(), 4);
}

#[test]
fn what_dpdk_refuses_is_one_line_with_what_would_help() {
    let cases = [
        ("net_nothing0", "port `dpdk:net_nothing0`: the driver does not take the device (EFAULT)"),
        ("net_pcap7,rx_pcap=/nowhere", "(EPERM); check its arguments"),
        ("net_null9,colour=7", "does not take the device"),
        ("0000:ff:1f.7", "port `dpdk:0000:ff:1f.7`: "),
    ];
    for (spec, expected) in cases {
        let message = refused(spec);
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains('\n'));
    }
    let _first = open("net_null8");
    let second = refused("net_null8");
    assert!(second.contains("(EEXIST); give each port a name of its own"), "{second}");
}

#[test]
fn devices_come_and_go_on_many_threads() {
    std::thread::scope(|scope| {
        for thread in 0..3 {
            scope.spawn(move || {
                let _entered = enter_thread();
                for round in 0..10 {
                    let mut port = open(&format!("net_null{thread}x{round}"));
                    let mut queues = port.open_queues(&steering(2)).unwrap();
                    let mut pool = Pool::new(64, port.frame_bytes_max());
                    let mut frames = Vec::new();
                    let received = queues.iter_mut().map(|queue| {
                        queue.rx_burst(0, &mut frames, &mut pool, 8);
                        queue.tx_burst(&mut frames, &mut pool);
                    });
                    assert_eq!(received.count(), 2);
                }
            });
        }
    });
    assert_eq!(buffers_astray(), 0);
}

/// A server listens from when it is known to DPDK, and sends away who comes before it is started.
#[test]
fn a_client_that_met_its_server_too_early_connects_again() {
    let socket = scratch("early.socket");
    let device = |number: u32, role: &str| {
        let socket = socket.display();
        open(&format!("net_memif{number},role={role},id=0,socket={socket},socket-abstract=no"))
    };
    let (mut server, mut client) = (device(0, "server"), device(1, "client"));
    let starting = std::thread::spawn(move || {
        let _entered = enter_thread();
        let queues = client.open_queues(&steering(1)).unwrap();
        (client, queues)
    });
    std::thread::sleep(Duration::from_millis(500));
    let mut receiving = server.open_queues(&steering(1)).unwrap();
    let (client, mut sending) = starting.join().unwrap();
    let remarks = client.remarks();
    assert!(remarks.iter().any(|remark| remark.contains("link up")), "{remarks:?}");

    let mut pool = Pool::new(64, server.frame_bytes_max());
    let packets: Vec<_> = (0..20).map(|number| numbered(number, 64)).collect();
    send(&mut *sending[0], &mut pool, &packets, || ());
    assert_eq!(receive(&mut *receiving[0], &mut pool), packets);
    // The client is to be stopped first.
    drop((sending, client));
}
