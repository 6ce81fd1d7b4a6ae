//! DPDK's environment abstraction layer: started once in a process, threads that belong to it.
//!
//! A second start is refused by DPDK, and options of a failed start stick. So what memory there
//! will be is decided before the one attempt, from what the kernel reports, and the outcome is
//! kept. Starting pins its caller to one processor, so a thread of its own does it.

use super::error::{Error, Step};
use crate::port::Memory;
use nfos_sync::{Lock, OnceLock, thread};
use std::ffi::{CStr, CString, c_char};
use std::fs;
use std::path::Path;

/// Free hugepages below which it is not worth to begin with them: pools of two ports.
const HUGE_BYTES_MIN: u64 = 48 << 20;

/// The layer, started.
#[derive(Debug)]
pub(super) struct Eal {
    huge: bool,
    remark: String,
}

static EAL: OnceLock<Result<Eal, Error>> = OnceLock::new();

/// Held while devices come and go: DPDK's lists of them have no lock of their own.
static DEVICES: OnceLock<Lock<()>> = OnceLock::new();

/// What the devices of a run ask of the layer.
#[derive(Clone, Debug, Default)]
pub(super) struct Needs {
    /// Addresses of real devices.
    pub pci: Vec<String>,
    /// Whether memory must lie in one file: for a `net_memif` that does not copy.
    pub single_file: bool,
}

/// Starts the layer, unless it has been.
///
/// The first call decides: later ones get its outcome, whatever they ask for.
pub(super) fn start(memory: Memory, needs: &Needs) -> Result<&'static Eal, Error> {
    EAL.get_or_init(|| start_first(memory, needs)).as_ref().map_err(Clone::clone)
}

/// The layer if it runs.
pub(super) fn running() -> Option<&'static Eal> {
    EAL.get()?.as_ref().ok()
}

/// Runs with no other device coming or going.
pub(super) fn with_devices<R>(work: impl FnOnce() -> R) -> R {
    let _guard = DEVICES.get_or_init(|| Lock::new(())).lock();
    work()
}

impl Eal {
    /// Whether packets are kept in hugepages.
    pub(super) fn is_huge(&self) -> bool {
        self.huge
    }

    /// What the operator should know of it.
    pub(super) fn remark(&self) -> &str {
        &self.remark
    }
}

fn start_first(memory: Memory, needs: &Needs) -> Result<Eal, Error> {
    let free = huge_bytes_free(Path::new("/sys/kernel/mm/hugepages"));
    let huge = match memory {
        Memory::Huge => true,
        Memory::Ordinary => false,
        Memory::Automatic => free >= HUGE_BYTES_MIN,
    };
    let arguments = arguments(huge, needs, &processors());
    let starting = thread::spawn(move || call(&arguments));
    starting.join().expect("starting DPDK does not panic")?;
    let free_mib = free >> 20;
    let where_ = match (huge, memory) {
        (true, _) => format!("packets in hugepages ({free_mib} MiB were free)"),
        (false, Memory::Automatic) => {
            format!("packets in ordinary pages, since {free_mib} MiB of hugepages are free")
        }
        (false, _) => "packets in ordinary pages".to_owned(),
    };
    Ok(Eal { huge, remark: format!("{}, {where_}", version()) })
}

/// The arguments that need no root, leave no file behind and let several processes run at once.
fn arguments(huge: bool, needs: &Needs, processors: &str) -> Vec<CString> {
    // Ordinary memory is taken when it is touched; DPDK would stop at 64 MiB of it.
    let memory: &[&str] =
        if huge { &["--in-memory"] } else { &["--no-huge", "--no-shconf", "-m", "1024"] };
    let mut arguments = vec!["nfos".to_owned()];
    arguments.extend(memory.iter().map(|argument| (*argument).to_owned()));
    if needs.single_file {
        arguments.push("--single-file-segments".to_owned());
    }
    arguments.extend(["--no-telemetry", "--log-level=4"].map(str::to_owned));
    // One processor number of DPDK's own, on all processors: workers pin themselves.
    arguments.push(format!("--lcores=0@({processors})"));
    match &needs.pci[..] {
        [] => arguments.push("--no-pci".to_owned()),
        addresses => arguments.extend(addresses.iter().map(|address| format!("--allow={address}"))),
    }
    let c = |argument: String| CString::new(argument).expect("specifications have no NUL");
    arguments.into_iter().map(c).collect()
}

fn call(arguments: &[CString]) -> Result<(), Error> {
    let mut pointers: Vec<*mut c_char> =
        arguments.iter().map(|argument| argument.as_ptr().cast_mut()).collect();
    // SAFETY: `pointers` holds that many strings that end in NUL; EAL may reorder the pointers and
    // does not write the strings. It is called once, by EAL's OnceLock.
    let parsed = unsafe { dpdk_sys::rte_eal_init(pointers.len() as i32, pointers.as_mut_ptr()) };
    if parsed < 0 { Err(Error::new(Step::Start, errno())) } else { Ok(()) }
}

/// The last error of a call that answered −1 or null, on this thread.
pub(super) fn errno() -> i32 {
    // SAFETY: it reads a variable of this thread.
    unsafe { dpdk_sys::nfos_errno() }
}

fn version() -> String {
    // SAFETY: it answers a string that ends in NUL and is never freed.
    let version = unsafe { CStr::from_ptr(dpdk_sys::rte_version()) };
    version.to_string_lossy().into_owned()
}

/// Bytes of free hugepages of all sizes: `hugepages-2048kB/free_hugepages` and its like.
fn huge_bytes_free(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    let of_size = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let kib: u64 = name.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse().ok()?;
        let free = fs::read_to_string(entry.path().join("free_hugepages")).ok()?;
        Some(free.trim().parse::<u64>().ok()? * kib * 1024)
    };
    entries.flatten().filter_map(of_size).sum()
}

/// The processors that this process may use, as the kernel lists them: `0-3,8`.
fn processors() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    list.map_or_else(|| "0".to_owned(), |list| list.trim().to_owned())
}

/// A thread that belongs to the layer, until this is dropped: its packet buffers come from a
/// cache of its own.
#[derive(Debug)]
pub(super) struct Registration(());

impl Registration {
    /// Registers the calling thread. None if the layer does not run or has no number left for a
    /// thread (some 126), which costs speed and nothing else.
    pub(super) fn of_this_thread() -> Option<Self> {
        running()?;
        // SAFETY: EAL runs.
        let outcome = unsafe { dpdk_sys::rte_thread_register() };
        (outcome == 0).then_some(Self(()))
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // SAFETY: the thread was registered by `of_this_thread`, and is by nothing else: a
        // registration is made by `enter_thread` alone, whose guard cannot leave its thread.
        unsafe { dpdk_sys::rte_thread_unregister() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_name_the_devices_that_are_real_and_none_otherwise() {
        let text = |pci: &[&str]| -> Vec<String> {
            let pci = pci.iter().map(|address| (*address).to_owned()).collect();
            let arguments = arguments(true, &Needs { pci, single_file: false }, "0-1");
            arguments.iter().map(|c| c.to_str().unwrap().to_owned()).collect()
        };
        let without = text(&[]);
        assert!(without.contains(&"--in-memory".to_owned()), "{without:?}");
        assert!(without.contains(&"--no-pci".to_owned()));
        assert!(without.contains(&"--lcores=0@(0-1)".to_owned()));
        let with = text(&["0000:18:00.0"]);
        assert!(with.contains(&"--allow=0000:18:00.0".to_owned()));
        assert!(!with.contains(&"--no-pci".to_owned()));
    }

    #[test]
    fn free_hugepages_of_all_sizes_are_added() {
        let directory = std::env::temp_dir().join(format!("nfos-huge-{}", std::process::id()));
        for (size, free) in [("hugepages-2048kB", "3\n"), ("hugepages-1048576kB", "1\n")] {
            fs::create_dir_all(directory.join(size)).unwrap();
            fs::write(directory.join(size).join("free_hugepages"), free).unwrap();
        }
        assert_eq!(huge_bytes_free(&directory), (6 << 20) + (1 << 30));
        fs::remove_dir_all(&directory).unwrap();
        assert_eq!(huge_bytes_free(&directory), 0);
    }
}
