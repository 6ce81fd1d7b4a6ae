//! Real traffic through devices of DPDK: kernels talk to each other through a network function.
//!
//! Each test makes network namespaces with pairs of interfaces between them, which needs root, and
//! removes them. Without root, or without the programs, it says so and is left out.

#![cfg(feature = "dpdk")]
#![allow(clippy::unwrap_used, reason = "a test ends where it finds what it must not")]

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{guest, stderr, stdout};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(30);
const LAN_MAC: &str = "02:00:00:00:00:01";
const WAN_MAC: &str = "02:00:00:00:00:02";

/// One test at a time: workers poll, and two cores are soon used up.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", stderr(&output));
    output
}

fn ip(arguments: &str) {
    run(Command::new("ip").args(arguments.split_whitespace()));
}

/// A LAN, a WAN, and the host between them.
struct Network {
    tag: String,
    _alone: MutexGuard<'static, ()>,
}

impl Network {
    /// Two namespaces, each connected with a third, where the host runs. None where that cannot be.
    fn new(lan: &str, wan: &str) -> Option<Self> {
        let uid = run(Command::new("id").arg("-u"));
        let programs = ["ip", "ping", "nc", "ethtool", "tcpdump", "curl"];
        let is_there = |program: &&str| {
            let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
            found.is_ok_and(|output| output.status.success())
        };
        if stdout(&uid).trim() != "0" || !programs.iter().all(is_there) {
            println!("left out: namespaces need root, and {}", programs.join(", "));
            return None;
        }
        let network = Self { tag: format!("nfos{}", std::process::id()), _alone: alone() };
        for space in ["lan", "wan", "mid"] {
            ip(&format!("netns add {}", network.space(space)));
        }
        let mid = network.space("mid");
        for (side, mac, address) in [("lan", LAN_MAC, lan), ("wan", WAN_MAC, wan)] {
            let space = network.space(side);
            ip(&format!("link add {side}0 netns {mid} type veth peer name {side}1 netns {space}"));
            ip(&format!("-n {mid} link set {side}0 up"));
            ip(&format!("-n {space} link set {side}1 address {mac} up"));
            ip(&format!("-n {space} link set lo up"));
            ip(&format!("-n {space} address add {address} dev {side}1"));
            // There is no card that would add checksums.
            network.at(side, &format!("ethtool -K {side}1 tx off"));
        }
        Some(network)
    }

    fn space(&self, name: &str) -> String {
        format!("{}-{name}", self.tag)
    }

    /// A command in a namespace.
    fn command(&self, space: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.space(space), program]).stdin(Stdio::null());
        command
    }

    fn at(&self, space: &str, line: &str) -> Output {
        let mut words = line.split_whitespace();
        run(self.command(space, words.next().unwrap()).args(words))
    }

    /// Starts the host between LAN and WAN.
    fn host(&self, nf: &str, qpairs: u32, arguments: &str) -> Host {
        let device = |number: u32, interface: &str| {
            format!("dpdk:net_af_packet{number},iface={interface},qpairs={qpairs},framecnt=4096")
        };
        self.host_over(nf, [&device(0, "lan0"), &device(1, "wan0")], arguments)
    }

    /// Starts the host over two ports.
    fn host_over(&self, nf: &str, ports: [&str; 2], arguments: &str) -> Host {
        let mut command = self.command("mid", env!("CARGO_BIN_EXE_nfos-host"));
        command.args(["run", "--json", "--cores", "2", "--port", ports[0], "--port", ports[1]]);
        command.args(arguments.split_whitespace()).arg("--nf").arg(guest(nf));
        Host::spawn(command)
    }

    /// Waits until the LAN reaches an address.
    fn wait_for(&self, host: &mut Host, address: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            host.must_run();
            let mut ping = self.command("lan", "ping");
            let output = ping.args(["-c", "1", "-W", "1", address]).output().unwrap();
            if output.status.success() {
                return;
            }
            assert!(Instant::now() < end, "{address} is not reached: {}", stdout(&output));
        }
    }

    /// Sends a file to a server in the WAN, and has one from there, over TCP, and compares.
    fn converse(&self, address: &str, kib: usize) {
        self.transfer(address, "wan", kib);
        self.transfer(address, "lan", kib);
    }

    /// The LAN connects to the WAN, and `receiver` gets a file. One way at a time: netcat is at
    /// times done before it has written what came after its own end.
    fn transfer(&self, address: &str, receiver: &str, kib: usize) {
        let (file, got) = (self.file("sent"), self.file("got"));
        let bytes: Vec<u8> = (0..kib * 1024).map(|i| (i * 7 + (i >> 8)) as u8).collect();
        fs::write(&file, &bytes).unwrap();
        let netcat = |side: &str, end: &[&str]| {
            let mut command = self.command(side, "timeout");
            if side == receiver {
                command.args(["60", "nc", "-d"]).stdout(fs::File::create(&got).unwrap());
            } else {
                command.args(["60", "nc", "-N"]).stdin(fs::File::open(&file).unwrap());
                command.stdout(Stdio::null());
            }
            command.args(end).spawn().unwrap()
        };
        let mut server = netcat("wan", &["-l", "5001"]);
        let end = Instant::now() + PATIENCE;
        while !netcat("lan", &[address, "5001"]).wait().unwrap().success() {
            assert!(Instant::now() < end, "no conversation with {address}");
            thread::sleep(Duration::from_millis(50));
        }
        assert!(server.wait().unwrap().success());
        assert!(fs::read(&got).unwrap() == bytes, "{receiver} got something else");
        fs::remove_file(file).unwrap();
        fs::remove_file(got).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", self.tag))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for space in ["lan", "wan", "mid"] {
            let _ = Command::new("ip").args(["netns", "delete", &self.space(space)]).status();
        }
    }
}

/// A host that runs.
struct Host {
    child: Option<Child>,
}

impl Host {
    fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
        Self { child: Some(command.spawn().unwrap()) }
    }

    /// Fails, with what it said, if it has ended.
    fn must_run(&mut self) {
        if self.child.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some()) {
            let output = self.child.take().unwrap().wait_with_output().unwrap();
            panic!("the host has ended: {}", stderr(&output));
        }
    }

    /// Stops it, and checks that it has accounted for every packet.
    fn stop(mut self) -> Value {
        let child = self.child.take().unwrap();
        let _ = Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status();
        summary(child)
    }

    /// Waits for its end.
    fn wait(mut self) -> Value {
        summary(self.child.take().unwrap())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn summary(child: Child) -> Value {
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let summary: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let count = |name: &str| summary[name].as_u64().unwrap();
    let accounted = count("sent") + count("consumed") + count("dropped");
    assert_eq!(count("received"), accounted, "{summary}");
    assert_eq!(count("in_flight"), 0);
    for port in summary["ports"].as_array().unwrap() {
        let losses = port["losses"].as_array().unwrap().iter();
        let lost: u64 = losses.map(|loss| loss["frames"].as_u64().unwrap()).sum();
        assert_eq!(port["missed"], lost, "{port}");
    }
    summary
}

/// Frames of all ports in one direction.
fn frames(summary: &Value, direction: &str) -> u64 {
    summary["ports"].as_array().unwrap().iter().map(|port| port[direction].as_u64().unwrap()).sum()
}

#[test]
fn kernels_talk_through_a_bridge_with_one_queue_and_with_two() {
    for qpairs in [1, 2] {
        let Some(network) = Network::new("10.0.0.1/24", "10.0.0.2/24") else { return };
        let mut host = network.host("bridge", qpairs, "");
        network.wait_for(&mut host, "10.0.0.2");
        network.at("lan", "ping -q -c 50 -i 0.002 -W 2 10.0.0.2");
        network.at("wan", "ping -q -c 50 -i 0.002 -W 2 10.0.0.1");
        network.converse("10.0.0.2", 1024);
        let summary = host.stop();
        // 101 pings or more, each there and back, and a mebibyte each way.
        assert!(summary["sent"].as_u64() > Some(202 + 2 * 1024 * 1024 / 1500), "{summary}");
    }
}

#[test]
fn a_kernel_talks_through_an_interface_that_the_host_makes() {
    let Some(network) = Network::new("10.0.0.1/24", "10.0.0.2/24") else { return };
    let wan = "dpdk:net_af_packet0,iface=wan0,framecnt=4096";
    let mut host = network.host_over("bridge", ["dpdk:net_tap0,iface=tap1", wan], "");
    let end = Instant::now() + PATIENCE;
    loop {
        // Its driver is done with it once it is promiscuous; moved before, it would be lost.
        let shown = network.command("mid", "ip").args(["link", "show", "tap1"]).output().unwrap();
        if stdout(&shown).contains("PROMISC") {
            break;
        }
        host.must_run();
        assert!(Instant::now() < end, "no interface");
        thread::sleep(Duration::from_millis(50));
    }
    let (lan, mid) = (network.space("lan"), network.space("mid"));
    ip(&format!("-n {mid} link set tap1 netns {lan}"));
    ip(&format!("-n {lan} link set tap1 up"));
    ip(&format!("-n {lan} address add 10.0.1.1/24 dev tap1"));
    ip(&format!("-n {} address add 10.0.1.2/24 dev wan1", network.space("wan")));
    network.wait_for(&mut host, "10.0.1.2");
    network.converse("10.0.1.2", 256);
    let summary = host.stop();
    assert!(summary["sent"].as_u64() > Some(2 * 256 * 1024 / 1500), "{summary}");
}

#[test]
fn a_firewall_lets_the_lan_begin_and_the_wan_answer() {
    let Some(network) = Network::new("10.0.0.1/24", "10.0.0.2/24") else { return };
    // It forwards no ARP.
    for (side, address, mac) in [("lan", "10.0.0.2", WAN_MAC), ("wan", "10.0.0.1", LAN_MAC)] {
        let space = network.space(side);
        ip(&format!("-n {space} neigh replace {address} lladdr {mac} dev {side}1"));
    }
    let host = network.host("firewall", 1, "--set mode=transparent --set tcp_strict=on");
    network.converse("10.0.0.2", 1024);
    let uninvited = network.command("wan", "nc").args(["-z", "-w", "1", "10.0.0.1", "22"]).status();
    assert!(!uninvited.unwrap().success());
    let summary = host.stop();
    let reasons = summary["drops"].as_array().unwrap();
    assert!(reasons.iter().any(|drop| drop["reason"] == "unsolicited"), "{summary}");
    assert!(summary["packet_sets"]["registered"].as_u64() >= Some(2), "{summary}");
}

/// The way of both sides through address translation, which forwards no ARP.
fn translated() -> Option<Network> {
    let network = Network::new("10.0.0.1/24", "198.51.100.1/24")?;
    let (lan, wan) = (network.space("lan"), network.space("wan"));
    ip(&format!("-n {lan} route add 198.51.100.0/24 dev lan1"));
    ip(&format!("-n {lan} neigh replace 198.51.100.1 lladdr 02:00:00:00:01:00 dev lan1"));
    ip(&format!("-n {wan} route add 203.0.113.0/24 dev wan1"));
    ip(&format!("-n {wan} neigh replace 203.0.113.1 lladdr 02:00:00:00:01:01 dev wan1"));
    Some(network)
}

const TRANSLATION: &str = "--set external_addresses=1 --set port0_mac=02:00:00:00:01:00 \
     --set port1_mac=02:00:00:00:01:01 --set port1_next_hop_mac=02:00:00:00:00:02";

#[test]
fn a_conversation_through_nat_survives_a_neighbour_that_traps_in_a_loop() {
    let Some(network) = translated() else { return };
    let trap = traps(&network);
    let mut host = network.host("nat", 2, TRANSLATION);
    let seen = network.file("seen.pcap");
    let mut witness = network
        .command("wan", "tcpdump")
        .args(["-i", "wan1", "-U", "-w", seen.to_str().unwrap()])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    network.wait_for(&mut host, "198.51.100.1");
    network.at("lan", "ping -q -c 20 -i 0.01 -W 2 198.51.100.1");
    network.converse("198.51.100.1", 512);
    let page = network.file("page");
    fs::write(&page, "HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n").unwrap();
    let mut server = network
        .command("wan", "timeout")
        .args(["20", "nc", "-N", "-l", "8080"])
        .stdin(fs::File::open(&page).unwrap())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let answer = network.at(
        "lan",
        "curl -s --max-time 10 --retry 5 --retry-connrefused --retry-delay 1 \
         http://198.51.100.1:8080/",
    );
    assert_eq!(stdout(&answer), "hello\n");
    server.wait().unwrap();
    let _ = Command::new("kill").args(["-s", "INT", &witness.id().to_string()]).status();
    witness.wait().unwrap();
    let summary = host.stop();
    assert!(summary["sent"].as_u64() > Some(2 * 512 * 1024 / 1500), "{summary}");

    // The neighbour did trap, all the time, and accounted for it.
    let trapped = trap.stop();
    let faults: u64 =
        trapped["workers"].as_array().unwrap().iter().map(|w| w["faults"].as_u64().unwrap()).sum();
    assert!(faults > 0, "{trapped}");
    assert_eq!((&trapped["sent"], &trapped["dropped"]), (&0.into(), &trapped["received"]));

    // The WAN has seen the external address and never the host's own.
    let filter = |expression: &str| {
        let mut tcpdump = Command::new("tcpdump");
        let lines = run(tcpdump.args(["-n", "-r", seen.to_str().unwrap(), expression]));
        stdout(&lines).lines().count()
    };
    assert!(filter("icmp and src 203.0.113.1") >= 21);
    assert!(filter("tcp and src 203.0.113.1") > 0);
    assert_eq!(filter("host 10.0.0.1"), 0);
    fs::remove_file(seen).unwrap();
    fs::remove_file(page).unwrap();
}

/// A second host, whose network function traps at every packet, of which there is no end.
fn traps(network: &Network) -> Host {
    let capture = network.file("magic.pcap");
    fs::write(&capture, magic_capture()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_nfos-host"));
    let endless = format!("dpdk:net_pcap0,rx_pcap={},infinite_rx=1", capture.display());
    command.args(["run", "--json", "--log", "off", "--port", &endless]);
    command.args(["--port", "dpdk:net_null0,no-rx=1", "--nf"]);
    command.arg(guest("test/trap-on-magic"));
    Host::spawn(command)
}

/// A capture of one frame, which the guests of `guests/test` misbehave at.
fn magic_capture() -> Vec<u8> {
    let mut frame = vec![0xff; 60];
    frame[12..15].copy_from_slice(&[0x88, 0xb5, 0xfa]);
    let header = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1];
    let record = [0, 0, frame.len() as u32, frame.len() as u32];
    let words = header.iter().chain(&record).flat_map(|word| word.to_le_bytes());
    words.chain(frame).collect()
}

#[test]
fn a_million_packets_between_two_processes_are_accounted_for() {
    let _alone = alone();
    let socket = std::env::temp_dir().join(format!("nfos-memif-{}", std::process::id()));
    let memif = |role: &str| {
        let socket = socket.display();
        format!("dpdk:net_memif0,role={role},id=0,socket={socket},socket-abstract=no,rsize=12")
    };
    let start = |ports: [&str; 2], duration: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nfos-host"));
        command.args(["run", "--json", "--duration", duration, "--port", ports[0]]);
        command.args(["--port", ports[1], "--nf"]).arg(guest("bridge"));
        Host::spawn(command)
    };
    let server = start([&memif("server"), "dpdk:net_null0,no-rx=1"], "10s");
    let client = start(["synthetic:packets=62500,repeat=16", &memif("client")], "6s");
    let (sent, got) = (client.wait(), server.wait());
    let _ = fs::remove_file(&socket);

    assert_eq!(sent["received"], 1_000_000, "{sent}");
    let transmitted = sent["ports"][1]["transmitted"].as_u64().unwrap();
    let refused = sent["ports"][1]["refused"].as_u64().unwrap();
    assert_eq!(transmitted + refused, 1_000_000, "{sent}");
    assert!(transmitted > 0, "{sent}");
    println!("of 1,000,000 packets net_memif took {transmitted} and refused {refused}");
    // What one process sent, the other has received or counts as lost.
    let port = &got["ports"][0];
    let arrived = port["received"].as_u64().unwrap() + port["missed"].as_u64().unwrap();
    assert_eq!(arrived, transmitted, "{got}");
    assert_eq!(frames(&got, "transmitted"), got["received"].as_u64().unwrap(), "{got}");
}
