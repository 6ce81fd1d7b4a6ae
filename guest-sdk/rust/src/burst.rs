//! From a burst of events to the handlers, one event after the other.
//!
//! An event whose set had an earlier event in the same burst takes over the state that event left:
//! the host could not have known it. Whether the set has state at all is then known only here as
//! well, so the kind of such an event is decided here, and written into the event for the next.

use crate::answers::{self, Answer};
use crate::contract::{self, Configuration, Description, Event, Kind, NO_PREVIOUS};
use crate::description;
use crate::function::NetworkFunction;
use crate::host;
use crate::layout::Stored;
use crate::packet::Packet;
use crate::parameters::Parameters;
use crate::raw;
use crate::verdict::{IntoVerdict, Verdict};

/// A network function behind the burst loop.
pub struct Sequential<N>(N);

impl<N: NetworkFunction> raw::Function for Sequential<N> {
    fn describe() -> Description {
        description::of::<N>()
    }

    fn init() -> (Self, Configuration) {
        let function = N::init(N::Parameters::read());
        let configuration = description::configuration(&function);
        (Self(function), configuration)
    }

    #[inline]
    fn handle(
        &self,
        events: &mut [Event],
        frames: &mut [u8],
        states: &mut [u8],
        verdicts: &mut Vec<contract::Verdict>,
    ) {
        let count = events.len();
        answers::extend(verdicts, count, |index, earlier| {
            if !host::begin(index as u32) {
                return None;
            }
            if events[index].previous != NO_PREVIOUS {
                take_over::<N>(events, index, states, earlier);
            }
            Some(handle_one(&self.0, &events[index], frames, states))
        });
    }

    fn exit(&self) {
        self.0.exit();
    }
}

/// Gives an event what the previous one of its set left. Apart, as most events have none.
///
/// # Panics
/// If the host names a previous event that is not an earlier one.
#[inline(never)]
fn take_over<N: NetworkFunction>(
    events: &mut [Event],
    index: usize,
    states: &mut [u8],
    verdicts: &[contract::Verdict],
) {
    let previous = events[index].previous as usize;
    let registered = verdicts[previous].registration != contract::Verdict::REGISTER_NOT;
    let to = events[index].state_offset as usize;
    if registered || events[previous].kind == Kind::PACKET {
        let from = events[previous].state_offset as usize;
        states.copy_within(from..from + N::State::SIZE, to);
        events[index].kind = Kind::PACKET;
    } else {
        states[to..to + N::State::SIZE].fill(0);
        events[index].kind = Kind::INIT_PACKET_SET;
    }
}

#[inline]
fn handle_one<N: NetworkFunction>(
    function: &N,
    event: &Event,
    frames: &mut [u8],
    states: &mut [u8],
) -> Answer {
    let handles = |kind: Kind| N::HANDLES.has(kind.0);
    match event.kind {
        Kind::PACKET if handles(Kind::PACKET) => {
            let mut packet = Packet::of_event::<N>(event, frames);
            let verdict = with_state::<N, _>(event, states, |state| {
                function.packet(&mut packet, state).into_verdict()
            });
            packet.answer(verdict)
        }
        Kind::INIT_PACKET_SET if handles(Kind::INIT_PACKET_SET) => {
            let mut packet = Packet::of_event::<N>(event, frames);
            let verdict = with_state::<N, _>(event, states, |state| {
                function.init_packet_set(&mut packet, state).into_verdict()
            });
            packet.answer(verdict)
        }
        Kind::ORPHAN_PACKET if handles(Kind::ORPHAN_PACKET) => {
            let mut packet = Packet::of_event::<N>(event, frames);
            let verdict = function.orphan_packet(&mut packet).into_verdict();
            packet.answer(verdict)
        }
        _ => {
            handle_without_packet(function, event, states);
            Verdict::consume().at(event.frame_offset, 0)
        }
    }
}

/// Apart from the handlers of packets, which leave no register to what is rare.
#[cold]
#[inline(never)]
fn handle_without_packet<N: NetworkFunction>(function: &N, event: &Event, states: &[u8]) {
    match event.kind {
        Kind::EXPIRED_PACKET_SET => {
            let at = event.state_offset as usize;
            function.expired_packet_set(&N::State::load(&states[at..at + N::State::SIZE]));
        }
        Kind::PERIODIC => function.periodic(usize::from(event.port)),
        kind => unreachable!("an event of kind {}, which `describe` does not list", kind.0),
    }
}

#[inline]
fn with_state<N: NetworkFunction, R>(
    event: &Event,
    states: &mut [u8],
    handler: impl FnOnce(&mut N::State) -> R,
) -> R {
    let at = event.state_offset as usize;
    let bytes = &mut states[at..at + N::State::SIZE];
    let mut state = N::State::load(bytes);
    let answer = handler(&mut state);
    state.store(bytes);
    answer
}
