//! What events want done to the world outside: packets sent, lines logged, events emitted. All of
//! it waits here until the event has committed, and is forgotten if it has to run again.
//!
//! Effects lie in the order in which they were asked for, each with the unit of the burst it
//! belongs to, so the effects of the longest valid prefix are a prefix of each list.

use nfos_engine::fault::GuestFault;
use nfos_engine::services::{Answer, LogLevel};

/// Frames that one event may send.
const FRAMES_PER_EVENT_MAX: u32 = 64;
/// Bytes of frames that one event may send.
const FRAME_BYTES_PER_EVENT_MAX: usize = 64 << 10;
/// Bytes that one event may log.
const LOG_BYTES_PER_EVENT_MAX: usize = 4 << 10;
/// Emissions of one event.
const EMISSIONS_PER_EVENT_MAX: u32 = 64;

/// A frame to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Send<'a> {
    /// The egress port, as the guest named it.
    pub port: u16,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// An emission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Emission {
    /// The index of the event in the description.
    pub event: u32,
    /// Its value.
    pub value: u64,
}

#[derive(Clone, Copy, Debug)]
struct Stored<T> {
    unit: u32,
    what: T,
    start: usize,
    end: usize,
}

/// The effects of the burst in hand.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    sends: Vec<Stored<u16>>,
    logs: Vec<Stored<LogLevel>>,
    emissions: Vec<(u32, Emission)>,
    bytes: Vec<u8>,
    /// The unit in hand.
    unit: u32,
    used: Used,
}

/// What a unit has asked for.
#[derive(Debug, Default)]
struct Used {
    unit: u32,
    frames: u32,
    frame_bytes: usize,
    log_bytes: usize,
    emitted: u32,
}

impl Effects {
    /// Room for what a burst of `events` usual events asks for; more is allocated when asked for.
    pub(crate) fn new(events: usize) -> Self {
        Self {
            sends: Vec::with_capacity(4 * events),
            logs: Vec::with_capacity(events),
            emissions: Vec::with_capacity(4 * events),
            bytes: Vec::with_capacity(2048 * events),
            ..Self::default()
        }
    }

    /// Forgets everything.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.sends.clear();
        self.logs.clear();
        self.emissions.clear();
        self.bytes.clear();
        (self.unit, self.used) = (0, Used::default());
    }

    /// What follows belongs to this unit.
    #[inline]
    pub(crate) fn begin(&mut self, unit: u32) {
        self.unit = unit;
    }

    /// What the unit in hand has asked for: nothing, when it asks for the first time.
    fn used(&mut self) -> &mut Used {
        if self.used.unit != self.unit {
            self.used = Used { unit: self.unit, ..Used::default() };
        }
        &mut self.used
    }

    /// Buffers a frame.
    ///
    /// # Errors
    /// [`GuestFault::Limit`] beyond the frames or bytes of one event.
    pub(crate) fn send(&mut self, port: u16, frame: &[u8]) -> Answer<()> {
        let used = self.used();
        used.frames += 1;
        used.frame_bytes += frame.len();
        if used.frames > FRAMES_PER_EVENT_MAX || used.frame_bytes > FRAME_BYTES_PER_EVENT_MAX {
            return Err(GuestFault::Limit("64 frames or 64 KiB sent in one event".into()));
        }
        let (start, end) = self.store(frame);
        self.sends.push(Stored { unit: self.unit, what: port, start, end });
        Ok(())
    }

    /// Buffers a line.
    ///
    /// # Errors
    /// [`GuestFault::Limit`] beyond the bytes of one event.
    pub(crate) fn log(&mut self, level: LogLevel, message: &str) -> Answer<()> {
        let used = self.used();
        used.log_bytes += message.len();
        if used.log_bytes > LOG_BYTES_PER_EVENT_MAX {
            return Err(GuestFault::Limit("4 KiB logged in one event".into()));
        }
        let (start, end) = self.store(message.as_bytes());
        self.logs.push(Stored { unit: self.unit, what: level, start, end });
        Ok(())
    }

    /// Buffers an emission.
    ///
    /// # Errors
    /// [`GuestFault::Limit`] beyond the emissions of one event.
    pub(crate) fn emit(&mut self, event: u32, value: u64) -> Answer<()> {
        let used = self.used();
        used.emitted += 1;
        if used.emitted > EMISSIONS_PER_EVENT_MAX {
            return Err(GuestFault::Limit("64 events emitted in one event of the burst".into()));
        }
        self.emissions.push((self.unit, Emission { event, value }));
        Ok(())
    }

    fn store(&mut self, bytes: &[u8]) -> (usize, usize) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        (start, self.bytes.len())
    }

    /// Whether there are none at all.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.sends.is_empty() && self.logs.is_empty() && self.emissions.is_empty()
    }

    /// The frames of one unit.
    pub(crate) fn sends(&self, unit: u32) -> impl Iterator<Item = Send<'_>> {
        let of_unit = of_unit(&self.sends, unit, |stored| stored.unit);
        of_unit.iter().map(|s| Send { port: s.what, bytes: &self.bytes[s.start..s.end] })
    }

    /// The lines of one unit.
    pub(crate) fn logs(&self, unit: u32) -> impl Iterator<Item = (LogLevel, &str)> {
        of_unit(&self.logs, unit, |stored| stored.unit).iter().map(|s| {
            let text = std::str::from_utf8(&self.bytes[s.start..s.end]);
            (s.what, text.expect("stored from a string"))
        })
    }

    /// The emissions of one unit.
    pub(crate) fn emissions(&self, unit: u32) -> impl Iterator<Item = Emission> {
        of_unit(&self.emissions, unit, |(of, _)| *of).iter().map(|(_, emission)| *emission)
    }
}

/// The part of a list, ordered by unit, that belongs to one unit.
fn of_unit<T>(list: &[T], unit: u32, unit_of: impl Fn(&T) -> u32) -> &[T] {
    let start = list.partition_point(|stored| unit_of(stored) < unit);
    let length = list[start..].partition_point(|stored| unit_of(stored) == unit);
    &list[start..start + length]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_belong_to_the_event_that_asked_for_them() {
        let mut effects = Effects::new(4);
        effects.send(1, b"first").unwrap();
        effects.begin(1);
        effects.send(2, b"second").unwrap();
        effects.log(LogLevel::Warning, "careful").unwrap();
        effects.emit(3, 9).unwrap();
        assert_eq!(effects.sends(0).collect::<Vec<_>>(), [Send { port: 1, bytes: b"first" }]);
        assert_eq!(effects.sends(1).collect::<Vec<_>>(), [Send { port: 2, bytes: b"second" }]);
        assert_eq!(effects.logs(1).collect::<Vec<_>>(), [(LogLevel::Warning, "careful")]);
        assert_eq!(effects.emissions(1).collect::<Vec<_>>(), [Emission { event: 3, value: 9 }]);
        assert_eq!(effects.logs(0).count() + effects.emissions(0).count(), 0);
        effects.clear();
        assert!(effects.is_empty());
    }

    #[test]
    fn each_limit_of_an_event_is_a_fault_and_begins_anew_with_the_next() {
        let mut effects = Effects::new(4);
        for _ in 0..FRAMES_PER_EVENT_MAX {
            effects.send(0, b"x").unwrap();
        }
        assert!(matches!(effects.send(0, b"x"), Err(GuestFault::Limit(_))));
        effects.begin(1);
        assert!(effects.send(0, &[0; FRAME_BYTES_PER_EVENT_MAX]).is_ok());
        assert!(matches!(effects.send(0, b"x"), Err(GuestFault::Limit(_))));
        let long = "x".repeat(LOG_BYTES_PER_EVENT_MAX);
        assert!(effects.log(LogLevel::Error, &long).is_ok());
        assert!(matches!(effects.log(LogLevel::Error, "x"), Err(GuestFault::Limit(_))));
        for _ in 0..EMISSIONS_PER_EVENT_MAX {
            effects.emit(0, 0).unwrap();
        }
        assert!(matches!(effects.emit(0, 0), Err(GuestFault::Limit(_))));
    }
}
