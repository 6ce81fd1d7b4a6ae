//! Worker loop, bursts, packet sets, expiry, effects and the control loop.
