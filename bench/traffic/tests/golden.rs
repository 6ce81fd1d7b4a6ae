//! These exact bytes, on every machine and in every version: measurements are compared across
//! both.

use nfos_traffic::{Kind, Options, Traffic};

/// Each workload and the digest of its first 20,000 packets.
const DIGESTS: [(&str, u64); 12] = [
    ("caida", 0x1895_0b99_648c_3b82),
    ("agh", 0xb619_7b87_99e7_019c),
    ("bridge", 0x2b11_7546_d68e_0beb),
    ("antiddos", 0x010c_5bbb_7ca5_ffef),
    ("array", 0x4426_c06a_6d97_e361),
    ("flows=1", 0x8a7b_cfc7_af85_3443),
    ("flows=65536", 0x680c_0ae8_6e2c_2240),
    ("imix", 0x99ae_3778_78a6_f4ff),
    ("syn-flood", 0xe6d4_ee6a_686f_09cf),
    ("nat-both", 0x5553_8cbb_cd06_481b),
    ("lb-churn", 0x2129_6306_3fc1_70c4),
    ("hostile", 0x37d2_104b_c0b3_9d59),
];

/// FNV-1a over time stamps, ports, lengths and bytes.
fn digest(name: &str, options: &Options) -> u64 {
    let kind: Kind = name.parse().expect("a workload");
    let mut traffic = Traffic::new(kind, options).expect("options that go with it");
    let mut digest = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |bytes: &[u8]| {
        for byte in bytes {
            digest = (digest ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    };
    while let Some(packet) = traffic.next() {
        add(&packet.time_ns.to_le_bytes());
        add(&packet.port.to_le_bytes());
        add(&(packet.frame.len() as u64).to_le_bytes());
        add(packet.frame);
    }
    digest
}

#[test]
fn packets_are_these_to_the_byte() {
    for (name, expected) in DIGESTS {
        // Few open flows, so that many begin and end.
        let takes_open = ["caida", "agh", "syn-flood", "nat-both", "lb-churn"].contains(&name);
        let open = takes_open.then_some(500);
        let options = Options { packets: Some(20_000), open, ..Options::default() };
        let actual = digest(name, &options);
        assert_eq!(actual, expected, "{name}: {actual:#018x}");
    }
}

#[test]
fn an_uneven_array_is_this_to_the_byte() {
    let options = Options { packets: Some(20_000), exponent: Some(0.99), ..Options::default() };
    let actual = digest("array", &options);
    assert_eq!(actual, 0x7a68_0c50_2aab_420d, "{actual:#018x}");
}
