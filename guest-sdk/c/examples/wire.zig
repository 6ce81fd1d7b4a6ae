//! Passes each packet to the other port, in Zig: the C SDK is the module `nfos`.

const nfos = @import("nfos");

fn orphan_packet(packet: [*c]nfos.nfos_packet) callconv(.c) nfos.nfos_verdict {
    return nfos.nfos_send_to(packet.*.port ^ 1);
}

export const nfos_network_function: nfos.nfos_function = .{
    .name = "wire",
    .summary = "Passes each packet to the other port.",
    .ports = 2,
    .orphan_packet = orphan_packet,
};
