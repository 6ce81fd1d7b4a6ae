//! Counter and firewall as programs of eBPF, run in this process by `rbpf`, compiled or
//! interpreted.
//!
//! A program sees what XDP shows one: where the frame begins and ends, and the ingress port; it
//! answers 0 to drop and 1 to pass to the other port. Its map is behind helper functions, as the
//! kernel's are: a key on the program's stack is looked up, and the answer is the address of a
//! value. The map is a quick one of the standard library, of one worker. Sessions of this firewall
//! do not end, and header options are dropped; otherwise it passes what ours passes.
//!
//! Once compiled nothing is checked: `rbpf` has neither the kernel's verifier nor checks of its own
//! in compiled code. Interpreted, each access of memory is checked.

use std::arch::naked_asm;
use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Error;
use std::mem::transmute;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use foldhash::fast::RandomState;
use nfos::prelude::Packet;
use nfos_bench_baselines::Worker;
use nfos_bench_baselines::worker::{Judged, Outcome, Reason};
use rbpf::EbpfVmMbuff;
use rbpf::ebpf::Helper;

/// How a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Execution {
    /// As instructions of this processor.
    Compiled,
    /// Instruction by instruction, with every access checked.
    Interpreted,
}

/// Values that maps have room for.
const VALUES: usize = 1 << 17;
const LOOK_UP: u32 = 1;
const INSERT: u32 = 2;

/// The values of the map; the first belong to ports.
static MAP: [AtomicU64; VALUES] = [const { AtomicU64::new(0) }; VALUES];

thread_local! {
    static KEYS: RefCell<HashMap<[u8; 16], usize, RandomState>> = RefCell::default();
    /// The program, which cannot leave its thread.
    static PROGRAM: RefCell<Option<EbpfVmMbuff<'static>>> = const { RefCell::new(None) };
}

/// The counter: two values for each port.
const COUNTER: &str = "
    ldxdw r6, [r1+0]
    ldxdw r7, [r1+8]
    ldxdw r8, [r1+16]
    sub r7, r6
    stdw [r10-16], 0
    stdw [r10-8], 0
    stxw [r10-16], r8
    mov r1, r10
    add r1, -16
    call 1
    jeq r0, 0, drop
    ldxdw r2, [r0+0]
    add r2, 1
    stxdw [r0+0], r2
    stdw [r10-8], 1
    mov r1, r10
    add r1, -16
    call 1
    jeq r0, 0, drop
    ldxdw r2, [r0+0]
    add r2, r7
    stxdw [r0+0], r2
    mov r0, 1
    exit
drop:
    mov r0, 0
    exit
";

/// The firewall: a session is a key of inside and outside, and a value of flags.
const FIREWALL: &str = "
    ldxdw r6, [r1+0]
    ldxdw r2, [r1+8]
    ldxdw r7, [r1+16]
    mov r3, r6
    add r3, 54
    jgt r3, r2, drop
    ldxh r3, [r6+12]
    jne r3, 0x0008, drop
    ldxb r3, [r6+14]
    jne r3, 0x45, drop
    ldxh r3, [r6+20]
    and r3, 0xff3f
    jne r3, 0, drop
    ldxb r8, [r6+22]
    jlt r8, 2, drop
    ldxb r9, [r6+23]
    jeq r9, 6, known
    jne r9, 17, drop
known:
    stxw [r10-4], r9
    jne r7, 0, wan
    ldxw r3, [r6+26]
    stxw [r10-16], r3
    ldxw r3, [r6+30]
    stxw [r10-12], r3
    ldxw r3, [r6+34]
    stxw [r10-8], r3
    ja look
wan:
    ldxw r3, [r6+30]
    stxw [r10-16], r3
    ldxw r3, [r6+26]
    stxw [r10-12], r3
    ldxh r3, [r6+36]
    stxh [r10-8], r3
    ldxh r3, [r6+34]
    stxh [r10-6], r3
look:
    mov r1, r10
    add r1, -16
    call 1
    jne r0, 0, found
    jne r7, 0, drop
    mov r1, r10
    add r1, -16
    call 2
    jeq r0, 0, drop
found:
    jne r9, 6, forward
    ldxb r4, [r6+47]
    and r4, 5
    ldxb r5, [r0+0]
    or r5, r4
    stxb [r0+0], r5
forward:
    sub r8, 1
    stxb [r6+22], r8
    ldxh r3, [r6+24]
    be16 r3
    add r3, 0x100
    mov r4, r3
    rsh r4, 16
    add r3, r4
    be16 r3
    stxh [r6+24], r3
    mov r0, 1
    exit
drop:
    mov r0, 0
    exit
";

/// A program as a worker: of one worker.
pub struct Ebpf {
    program: &'static [u8],
    how: Execution,
    /// Of the ports, which are there from the beginning.
    keys: Vec<[u8; 16]>,
}

impl Ebpf {
    /// The program of a network function.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn new(nf: &str, how: Execution) -> Result<Self, String> {
        let text = match nf {
            "counter" => COUNTER,
            "firewall" => FIREWALL,
            _ => return Err(format!("{nf} is not written in eBPF: counter and firewall are")),
        };
        let program = rbpf::assembler::assemble(&resolved(text))?;
        let of_port = |at: u8| {
            let mut key = [0; 16];
            (key[0], key[8]) = (at / 2, at % 2);
            key
        };
        let keys = if nf == "counter" { (0..128).map(of_port).collect() } else { Vec::new() };
        Ok(Self { program: program.leak(), how, keys })
    }

    fn load(&self) -> Result<EbpfVmMbuff<'static>, Error> {
        let mut machine = EbpfVmMbuff::new(Some(self.program))?;
        let helpers: [Helper; 2] = match self.how {
            Execution::Interpreted => {
                [|key, _, _, _, _| look_up(key), |key, _, _, _, _| insert(key)]
            }
            // SAFETY: compiled code calls helpers with their arguments in the registers of the
            // System V ABI and expects the answer where that has it, whatever the type says.
            Execution::Compiled => unsafe {
                [
                    transmute::<Aligned, Helper>(look_up_aligned as Aligned),
                    transmute::<Aligned, Helper>(insert_aligned as Aligned),
                ]
            },
        };
        machine.register_helper(LOOK_UP, helpers[0])?;
        machine.register_helper(INSERT, helpers[1])?;
        let first = MAP.as_ptr().addr() as u64;
        machine.register_allowed_memory(first..first + 8 * VALUES as u64);
        if self.how == Execution::Compiled {
            machine.jit_compile()?;
        }
        KEYS.with_borrow_mut(|keys| {
            keys.clear();
            keys.reserve(VALUES);
            keys.extend(self.keys.iter().copied().zip(0..));
        });
        MAP.iter().for_each(|value| value.store(0, Relaxed));
        Ok(machine)
    }

    fn run(&self, machine: &EbpfVmMbuff<'static>, packet: &mut Packet<'_>) -> Result<u64, Error> {
        let port = u64::from(packet.port());
        let bytes = packet.bytes_mut();
        let start = bytes.as_ptr().addr() as u64;
        let context = [start, start + bytes.len() as u64, port];
        let mut context = context.map(u64::to_ne_bytes);
        let context = context.as_flattened_mut();
        match self.how {
            Execution::Interpreted => machine.execute_program(bytes, context),
            Execution::Compiled => {
                let (at, length) = (context.as_mut_ptr(), context.len());
                // SAFETY: the slice is used by the call alone, though it asks for a lifetime as
                // long as the program's. The programs above stay in the frame, whose end they
                // compare with, in their stack and in the values they are given.
                unsafe {
                    let context = std::slice::from_raw_parts_mut(at, length);
                    machine.execute_program_jit(bytes, context)
                }
            }
        }
    }
}

impl Worker for Ebpf {
    fn tick(&mut self, _: u64) {
        PROGRAM.with_borrow_mut(|program| {
            if program.is_none() {
                *program = Some(self.load().expect("the programs above are in order"));
            }
        });
    }

    fn packet(&mut self, packet: &mut Packet<'_>, _: u64) -> Judged {
        let answer = PROGRAM.with_borrow(|program| {
            let machine = program.as_ref().expect("a tick comes first");
            self.run(machine, packet)
        });
        match answer {
            Ok(1) => Ok(Outcome::Send(packet.port() ^ 1)),
            Ok(_) => Err(Reason("dropped")),
            Err(_) => Err(Reason("faulted")),
        }
    }

    fn counted(&self) -> Vec<u64> {
        self.keys.iter().zip(&MAP).map(|(_, value)| value.load(Relaxed)).collect()
    }
}

/// A key on the program's stack.
fn key_at(at: u64) -> [u8; 16] {
    // SAFETY: the programs above pass the address of 16 bytes on their stack.
    unsafe { std::ptr::with_exposed_provenance::<[u8; 16]>(at as usize).read_unaligned() }
}

fn value(index: usize) -> u64 {
    (&raw const MAP[index]).expose_provenance() as u64
}

type Aligned = extern "sysv64" fn(u64) -> u64;

/// Calls with the stack aligned to 16 bytes, which compiled code of `rbpf` 0.4 leaves out.
macro_rules! aligned {
    ($name:ident, $function:ident) => {
        #[unsafe(naked)]
        extern "sysv64" fn $name(_: u64) -> u64 {
            naked_asm!(
                "push rbp",
                "mov rbp, rsp",
                "and rsp, -16",
                "call {}",
                "mov rsp, rbp",
                "pop rbp",
                "ret",
                sym $function
            )
        }
    };
}

aligned!(look_up_aligned, look_up);
aligned!(insert_aligned, insert);

/// `bpf_map_lookup_elem`
extern "sysv64" fn look_up(key: u64) -> u64 {
    KEYS.with_borrow(|keys| keys.get(&key_at(key)).map_or(0, |index| value(*index)))
}

/// `bpf_map_update_elem`, of a new key, answering where its value is.
extern "sysv64" fn insert(key: u64) -> u64 {
    KEYS.with_borrow_mut(|keys| {
        let index = keys.len();
        if index == VALUES {
            return 0;
        }
        keys.insert(key_at(key), index);
        value(index)
    })
}

/// A program whose jumps have distances instead of names; each instruction is one.
fn resolved(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let (mut places, mut instructions) = (HashMap::new(), Vec::new());
    for line in lines {
        match line.strip_suffix(':') {
            Some(name) => _ = places.insert(name, instructions.len() as i64),
            None => instructions.push(line),
        }
    }
    let resolve = |(at, line): (usize, &&str)| {
        let target = line.rsplit([' ', ',']).next().and_then(|name| places.get(name));
        match (target, line.rfind(' ')) {
            (Some(target), Some(space)) => {
                format!("{} {:+}", &line[..space], target - at as i64 - 1)
            }
            _ => (*line).to_owned(),
        }
    };
    instructions.iter().enumerate().map(resolve).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use nfos::testing::frames::{self, Flow};
    use nfos_bench_baselines::{Settings, Variant, workers};
    use std::net::Ipv4Addr;

    #[test]
    fn programs_do_what_the_baselines_do() {
        for nf in ["counter", "firewall"] {
            for how in [Execution::Compiled, Execution::Interpreted] {
                // A thread, and so a program and a map of its own.
                std::thread::spawn(move || agree(nf, how)).join().unwrap();
            }
        }
    }

    fn agree(nf: &str, how: Execution) {
        let mut program = Ebpf::new(nf, how).unwrap();
        let mut baseline = workers(nf, Variant::Sequential, 1, &Settings::default()).remove(0);
        let mut outcomes = [0; 2];
        for number in 0..4_000_u32 {
            let draw = number.wrapping_mul(0x9e37_79b9) >> 16;
            let (inside, outside) = (Ipv4Addr::from_bits(draw % 16), Ipv4Addr::new(9, 9, 9, 9));
            let flow = Flow::new((inside, 1), (outside, 2));
            let port = (draw >> 5 & 1) as u16;
            let flow = if port == 1 { flow.answer() } else { flow };
            let frame = match draw >> 6 & 1 {
                0 => frames::padded(frames::udp(flow, b"x"), 60),
                _ => frames::tcp(flow, 0x10, b"abc"),
            };
            let frame = if draw >> 7 & 15 == 0 { frames::with_ttl(frame, 1) } else { frame };
            let run = |worker: &mut dyn Worker| {
                let mut bytes = frame.clone();
                worker.tick(1);
                let judged = worker.packet(&mut Packet::new(port, &mut bytes, 0), 1);
                (judged.ok(), bytes)
            };
            let (ours, theirs) = (run(&mut *baseline), run(&mut program));
            assert_eq!(ours.0, theirs.0, "{nf}, packet {number}");
            if ours.0.is_some() {
                assert_eq!(ours.1, theirs.1, "{nf}, packet {number}");
            }
            outcomes[usize::from(ours.0.is_some())] += 1;
        }
        assert!(outcomes[1] > 0 && (outcomes[0] > 0) == (nf == "firewall"), "{outcomes:?}");
        if nf == "counter" {
            assert_eq!(program.counted()[..4], baseline.counted()[..4]);
        }
    }
}
