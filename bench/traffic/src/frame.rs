//! The bytes of a packet: headers in order, every length and checksum right, payloads of zeros.

use nfos_netio::headers::{TCP, UDP, checksum, ethernet, ipv4, tcp, udp};

/// Bytes of the smallest frame, without its check sequence.
pub(crate) const SMALLEST: usize = 60;

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const ACK: u8 = tcp::ACK;

pub(crate) const ICMP: u8 = 1;

/// An address and a port.
pub(crate) type End = ([u8; 4], u16);

/// A packet before it is bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) source: End,
    pub(crate) destination: End,
    pub(crate) protocol: u8,
    /// Of TCP.
    pub(crate) flags: u8,
    /// Bytes of the frame; at least [`SMALLEST`] are made.
    pub(crate) length: usize,
}

impl Segment {
    pub(crate) fn udp(source: End, destination: End) -> Self {
        Self { source, destination, protocol: UDP, flags: 0, length: SMALLEST }
    }

    pub(crate) fn tcp(source: End, destination: End, flags: u8) -> Self {
        Self { source, destination, protocol: TCP, flags, length: SMALLEST }
    }

    /// The same the other way.
    pub(crate) fn answer(self) -> Self {
        Self { source: self.destination, destination: self.source, ..self }
    }

    /// Writes the frame.
    pub(crate) fn write(&self, frame: &mut Vec<u8>) {
        begin(frame, self.length, mac(self.source.0), mac(self.destination.0), ethernet::IPV4);
        let ip = ipv4::Repr {
            source: self.source.0,
            destination: self.destination.0,
            protocol: self.protocol,
            ttl: 64,
            payload_length: (frame.len() - ethernet::HEADER - ipv4::HEADER) as u16,
        };
        let (header, segment) = frame[ethernet::HEADER..]
            .split_first_chunk_mut()
            .expect("the smallest frame holds an IPv4 header");
        ip.emit(header);
        self.write_transport(&ip.pseudo_header(), segment);
    }

    fn write_transport(&self, pseudo_header: &[u8; 12], segment: &mut [u8]) {
        let (source_port, destination_port) = (self.source.1, self.destination.1);
        if self.protocol == TCP {
            let (header, payload) =
                segment.split_first_chunk_mut().expect("26 bytes hold a TCP header");
            let acknowledgement = u32::from(self.flags & ACK != 0);
            let flags = self.flags;
            tcp::Repr { source_port, destination_port, sequence: 1, acknowledgement, flags }.emit(
                header,
                pseudo_header,
                payload,
            );
        } else {
            let (header, payload) =
                segment.split_first_chunk_mut().expect("26 bytes hold a UDP header");
            udp::Repr { source_port, destination_port }.emit(header, pseudo_header, payload);
        }
    }
}

/// An empty frame of `length` bytes, at least [`SMALLEST`], with its Ethernet header.
pub(crate) fn begin(
    frame: &mut Vec<u8>,
    length: usize,
    source: [u8; 6],
    destination: [u8; 6],
    ether_type: u16,
) {
    frame.clear();
    frame.resize(length.max(SMALLEST), 0);
    let header = frame.first_chunk_mut().expect("the smallest frame holds an Ethernet header");
    ethernet::Repr { destination, source, ether_type }.emit(header);
}

/// Writes an ICMP error (RFC 792) from a router about a packet, of which it quotes 28 bytes.
pub(crate) fn write_unreachable(router: [u8; 4], about: &Segment, frame: &mut Vec<u8>) {
    about.write(frame);
    let mut message = vec![3, 3, 0, 0, 0, 0, 0, 0];
    message.extend(&frame[ethernet::HEADER..ethernet::HEADER + 28]);
    let sum = checksum(&[&message]);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let to = about.source.0;
    begin(frame, 0, mac(router), mac(to), ethernet::IPV4);
    let payload_length = message.len() as u16;
    let header = frame[ethernet::HEADER..].first_chunk_mut().expect("it holds an IPv4 header");
    ipv4::Repr { source: router, destination: to, protocol: ICMP, ttl: 64, payload_length }
        .emit(header);
    let at = ethernet::HEADER + ipv4::HEADER;
    frame.resize((at + message.len()).max(SMALLEST), 0);
    frame[at..at + message.len()].copy_from_slice(&message);
}

/// Makes a frame a fragment: `word` is its flags and offset. Its header checksum stays right.
pub(crate) fn make_fragment(frame: &mut [u8], word: u16) {
    frame[20..22].copy_from_slice(&word.to_be_bytes());
    fix_header_checksum(frame);
}

/// Computes the checksum of an IPv4 header without options anew.
pub(crate) fn fix_header_checksum(frame: &mut [u8]) {
    let header = &mut frame[ethernet::HEADER..ethernet::HEADER + ipv4::HEADER];
    header[10..12].fill(0);
    let sum = checksum(&[header]);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// Each host's own: locally administered, with its address in it.
pub(crate) fn mac([a, b, c, d]: [u8; 4]) -> [u8; 6] {
    [2, 0, a, b, c, d]
}
