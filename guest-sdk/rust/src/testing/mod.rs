//! Tests of network functions without a host.
