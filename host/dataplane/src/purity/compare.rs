//! Two runs of one burst, event by event.

use nfos_engine::exchange::{Action, EVENT_SIZE, Event, EventKind, VERDICT_SIZE, Verdict};
use nfos_engine::fault::GuestFault;

use super::traced::Called;
use super::{Leak, Purity};

/// Characters of what a run did that are told.
const TOLD_MAX: usize = 160;

/// What a run of a burst took in and left.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub events: Vec<[u8; EVENT_SIZE]>,
    /// Frames as they went in.
    pub input: Vec<u8>,
    pub calls: Vec<Vec<Called>>,
    pub verdicts: Vec<[u8; VERDICT_SIZE]>,
    pub frames: Vec<u8>,
    pub states: Vec<u8>,
    pub fault: Option<GuestFault>,
}

impl Record {
    /// The calls of an event, if it began.
    fn calls_of(&self, index: usize) -> &[Called] {
        self.calls.get(index).map_or(&[], Vec::as_slice)
    }

    /// The verdict on an event that came to its end.
    fn verdict(&self, index: usize) -> Option<Verdict> {
        Verdict::load(self.verdicts.get(index)?).ok()
    }

    fn frame(&self, verdict: &Verdict) -> &[u8] {
        let start = verdict.frame_offset as usize;
        self.frames.get(start..start + verdict.frame_length as usize).unwrap_or_default()
    }

    /// All that passed with an event, as a line.
    pub(super) fn tell(&self, index: usize, state_bytes: usize) -> String {
        let (Some(Ok(event)), Some(verdict)) =
            (self.events.get(index).map(Event::load), self.verdict(index))
        else {
            return "an event or a verdict that is none".to_owned();
        };
        let leaves = matches!(verdict.action, Action::Send(_) | Action::Flood);
        let of_set = !matches!(event.kind, EventKind::OrphanPacket | EventKind::Periodic);
        format!(
            "{:x?} of {} at {}, calls {:?}, {:?}, {:?}, frame {:x?}, state {:x?}",
            self.input(&event),
            event.wire_length,
            event.port,
            self.calls_of(index),
            verdict.action,
            verdict.registration,
            if leaves { self.frame(&verdict) } else { &[] },
            if of_set { self.state(&event, state_bytes) } else { &[] },
        )
    }

    /// The frame of an event as it went in.
    fn input(&self, event: &Event) -> &[u8] {
        let start = event.frame_offset as usize;
        self.input.get(start..start + event.frame_length as usize).unwrap_or_default()
    }

    fn state(&self, event: &Event, bytes: usize) -> &[u8] {
        let start = event.state_offset as usize;
        self.states.get(start..start + bytes).unwrap_or_default()
    }
}

/// Counts the events that both runs began, and the leaks among them.
pub(super) fn compare(first: &Record, second: &Record, state_bytes: usize, found: &mut Purity) {
    for (index, bytes) in second.events.iter().enumerate() {
        let Ok(event) = Event::load(bytes) else { return };
        let began = |run: &Record| index < run.calls.len() || index < run.verdicts.len();
        if !began(first) || !began(second) {
            return;
        }
        found.repeated += 1;
        match difference(first, second, index, &event, state_bytes) {
            Difference::None => {}
            // What an event is answered may go into the state of those behind it.
            Difference::OfAnswers => return,
            Difference::OfHandler(what) => {
                found.leaks += 1;
                found.first.get_or_insert_with(|| leak(second, &event, what));
                return;
            }
        }
    }
}

enum Difference {
    None,
    /// An import answered otherwise: the network function may do so too.
    OfAnswers,
    OfHandler(String),
}

fn difference(
    first: &Record,
    second: &Record,
    index: usize,
    event: &Event,
    state_bytes: usize,
) -> Difference {
    let (mut ours, mut theirs) = (first.calls_of(index).iter(), second.calls_of(index).iter());
    let verdicts = (first.verdict(index), second.verdict(index));
    loop {
        match (ours.next(), theirs.next()) {
            (Some(a), Some(b)) if a.asked != b.asked => {
                return differs("asked for", &a.asked, &b.asked);
            }
            (Some(a), Some(b)) if a.answered != b.answered => return Difference::OfAnswers,
            (Some(_), Some(_)) => {}
            (None, None) => break,
            // A run that was broken off asks for less.
            (None, Some(_)) if verdicts.0.is_none() => return Difference::None,
            (Some(_), None) if verdicts.1.is_none() => return Difference::None,
            (a, b) => {
                let asked = |call: Option<&Called>| {
                    call.map_or_else(|| "nothing more".to_owned(), |call| call.asked.clone())
                };
                return differs("asked for", &asked(a), &asked(b));
            }
        }
    }
    let (Some(a), Some(b)) = verdicts else { return Difference::None };
    if (a.action, a.registration) != (b.action, b.registration) {
        let told = |verdict: &Verdict| format!("{:?}, {:?}", verdict.action, verdict.registration);
        return differs("answered", &told(&a), &told(&b));
    }
    if matches!(a.action, Action::Send(_) | Action::Flood)
        && let Some(what) = bytes_differ("the frame", first.frame(&a), second.frame(&b))
    {
        return Difference::OfHandler(what);
    }
    let keeps_state = matches!(event.kind, EventKind::InitPacketSet | EventKind::Packet);
    let states = (first.state(event, state_bytes), second.state(event, state_bytes));
    if keeps_state && let Some(what) = bytes_differ("the packet set's state", states.0, states.1) {
        return Difference::OfHandler(what);
    }
    Difference::None
}

fn differs(did: &str, first: &str, second: &str) -> Difference {
    let cut = |text: &str| text.chars().take(TOLD_MAX).collect::<String>();
    Difference::OfHandler(format!("it {did} {}, then {}", cut(first), cut(second)))
}

fn bytes_differ(whose: &str, first: &[u8], second: &[u8]) -> Option<String> {
    if first.len() != second.len() {
        let (first, second) = (first.len(), second.len());
        return Some(format!("it left {first} bytes of {whose}, then {second}"));
    }
    let at = first.iter().zip(second).position(|(first, second)| first != second)?;
    Some(format!("it left {:#04x} at byte {at} of {whose}, then {:#04x}", first[at], second[at]))
}

fn leak(run: &Record, event: &Event, what: String) -> Leak {
    Leak { kind: event.kind, port: event.port, frame: run.input(event).to_vec(), what }
}
