//! A host for tests: packet-set table, clock, and one burst at a time.

use std::any::Any;
use std::collections::HashMap;

use super::classify::{SetKey, set_of};
use super::world::World;
use crate::contract::{
    Configuration, Constraint, Description, Event, EventKind, Kind, NO_PREVIOUS, Parameter, Value,
    Verdict,
};
use crate::native::{self, Function, Instance};

/// What became of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It left through a port, as this frame.
    Sent(u16, Vec<u8>),
    /// A copy of it left through every other port.
    Flooded(Vec<u8>),
    /// The network function kept it.
    Consumed,
    /// It was dropped, for a reason of this name.
    Dropped(String),
}

impl Fate {
    /// Dropped for `reason`.
    pub fn dropped(reason: &str) -> Self {
        Self::Dropped(reason.to_owned())
    }
}

/// A network function with its packet sets and structures.
pub struct Harness {
    instance: Box<dyn Instance>,
    description: Description,
    configuration: Configuration,
    world: Option<Box<World>>,
    sets: HashMap<SetKey, Set>,
    /// When each period is due; empty until the clock is set.
    due_ns: Vec<u64>,
}

struct Set {
    state: Vec<u8>,
    last_ns: u64,
}

/// One event before it is laid out.
struct Pending<'a> {
    kind: Kind,
    port: u16,
    frame: &'a [u8],
    set: Option<SetKey>,
    state: Vec<u8>,
}

impl Harness {
    /// Starts a network function with these parameters, as the operator would write them.
    ///
    /// # Panics
    /// If a parameter is unknown or its value is not of its type, or if `init` panics.
    pub fn new(function: Function, parameters: &[(&str, &str)]) -> Self {
        let description = (function.describe)();
        let parameters = values(&description.parameters, parameters);
        native::install(Box::new(World::starting(parameters)));
        let (instance, configuration) = (function.init)();
        let mut world = take_world();
        world.starting = false;
        let (sets, due_ns) = (HashMap::new(), Vec::new());
        Self { instance, description, configuration, world: Some(world), sets, due_ns }
    }

    /// What the network function says of itself.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// What its `init` answered; a change of it takes effect at once.
    pub fn configuration_mut(&mut self) -> &mut Configuration {
        &mut self.configuration
    }

    /// What the handlers reached.
    pub fn world(&mut self) -> &mut World {
        self.world.as_deref_mut().expect("the world is here between events")
    }

    /// How many packet sets there are.
    pub fn packet_sets(&self) -> usize {
        self.sets.len()
    }

    /// Sets the clock to `now_ns`: what is due until then happens first.
    pub fn at(&mut self, now_ns: u64) -> &mut Self {
        if self.due_ns.is_empty() {
            self.due_ns = self.configuration.periods.iter().map(|every| now_ns + every).collect();
        }
        while let Some((period, due)) = self.next_due(now_ns) {
            self.world().now_ns = due;
            self.due_ns[period] += self.configuration.periods[period];
            let handled = self.description.handles.contains(&EventKind::Periodic);
            if handled {
                self.run(vec![Pending::without_packet(Kind::PERIODIC, period as u16, vec![])]);
            }
        }
        self.world().now_ns = now_ns;
        self.expire(now_ns);
        self
    }

    /// A packet by itself.
    pub fn packet(&mut self, port: u16, frame: &[u8]) -> Fate {
        self.burst(&[(port, frame)]).remove(0)
    }

    /// Packets that arrive at once and are handed over in one burst.
    pub fn burst(&mut self, packets: &[(u16, &[u8])]) -> Vec<Fate> {
        let room = self.configuration.packet_sets as usize >= self.sets.len() + packets.len();
        if packets.len() > 1 && !room {
            // What a full table undoes is one event, so each gets a burst of its own.
            return packets.iter().map(|&(port, frame)| self.packet(port, frame)).collect();
        }
        // Only a registration that finds no room undoes anything.
        let registers = !self.description.packet_sets.is_empty();
        let before = registers.then(|| self.world().clone());
        let pending = packets.iter().map(|&(port, frame)| self.classify(port, frame)).collect();
        self.run_packets(pending, before)
    }

    /// Runs `exit`.
    pub fn exit(&mut self) {
        self.with_world(|instance| instance.exit());
    }

    fn next_due(&self, now_ns: u64) -> Option<(usize, u64)> {
        let due = self.due_ns.iter().copied().enumerate().filter(|&(_, at)| at <= now_ns);
        due.min_by_key(|&(period, at)| (at, period))
    }

    fn expire(&mut self, now_ns: u64) {
        let timeout = self.configuration.idle_timeout;
        if timeout == 0 {
            return;
        }
        let idle = |set: &Set| now_ns.saturating_sub(set.last_ns) > timeout;
        let idle = self.sets.iter().filter(|(_, set)| idle(set));
        let mut idle: Vec<_> = idle.map(|(key, set)| (set.last_ns, key.clone())).collect();
        idle.sort();
        for (_, key) in idle {
            let set = self.sets.remove(&key).expect("it was there a moment ago");
            if self.description.handles.contains(&EventKind::ExpiredPacketSet) {
                self.run(vec![Pending::without_packet(Kind::EXPIRED_PACKET_SET, 0, set.state)]);
            }
        }
    }

    fn classify<'a>(&self, port: u16, frame: &'a [u8]) -> Pending<'a> {
        let set = set_of(&self.description, port, frame);
        let blank = vec![0; self.description.state_size as usize];
        let (kind, state) = match &set {
            None => (Kind::ORPHAN_PACKET, blank),
            Some(key) => match self.sets.get(key) {
                None => (Kind::INIT_PACKET_SET, blank),
                Some(set) => (Kind::PACKET, set.state.clone()),
            },
        };
        Pending { kind, port, frame, set, state }
    }

    fn run_packets(&mut self, pending: Vec<Pending<'_>>, before: Option<World>) -> Vec<Fate> {
        let unhandled = |pending: &Pending<'_>| {
            !self.description.handles.iter().any(|&kind| kind as u8 == pending.kind.0)
        };
        if pending.len() == 1 && unhandled(&pending[0]) {
            return vec![Fate::dropped("no_handler")];
        }
        assert!(!pending.iter().any(unhandled), "a burst is of events that have a handler");
        let keys: Vec<_> = pending.iter().map(|pending| pending.set.clone()).collect();
        let outcome = self.run(pending);
        let mut fates = Vec::new();
        for ((key, verdict), (frame, state)) in keys
            .into_iter()
            .zip(&outcome.verdicts)
            .zip(outcome.frames.into_iter().zip(outcome.states))
        {
            let stored = key.is_none_or(|key| self.store(key, verdict, state));
            if !stored {
                *self.world() = before.clone().expect("there are packet sets");
            }
            let lost = !stored && verdict.registration == Verdict::REGISTER_REQUIRED;
            fates.push(match lost {
                true => Fate::dropped("packet_set_table_full"),
                false => self.fate(verdict, frame),
            });
        }
        fates
    }

    /// Keeps the state that an event left; `false` if it should be kept and there is no room.
    fn store(&mut self, key: SetKey, verdict: &Verdict, state: Vec<u8>) -> bool {
        let last_ns = self.world().now_ns;
        let room = self.sets.len() < self.configuration.packet_sets as usize;
        match self.sets.get_mut(&key) {
            Some(set) => *set = Set { state, last_ns },
            None if verdict.registration == Verdict::REGISTER_NOT => {}
            None if room => drop(self.sets.insert(key, Set { state, last_ns })),
            None => return false,
        }
        true
    }

    fn fate(&self, verdict: &Verdict, frame: Vec<u8>) -> Fate {
        match verdict.action {
            Verdict::SEND => Fate::Sent(verdict.target, frame),
            Verdict::FLOOD => Fate::Flooded(frame),
            Verdict::CONSUME => Fate::Consumed,
            _ => Fate::dropped(&self.description.drop_reasons[usize::from(verdict.target)]),
        }
    }

    /// Lays a burst out, runs it, and takes it apart again.
    fn run(&mut self, pending: Vec<Pending<'_>>) -> Outcome {
        let (headroom, window) = (self.description.headroom, self.description.window);
        let mut events: Vec<Event> = Vec::new();
        let (mut frames, mut states) = (Vec::new(), Vec::new());
        for (index, one) in pending.iter().enumerate() {
            let seen = if window == 0 { usize::MAX } else { window as usize };
            let visible = &one.frame[..one.frame.len().min(seen)];
            frames.resize(frames.len() + headroom as usize, 0);
            let earlier = pending[..index]
                .iter()
                .rposition(|other| one.set.is_some() && other.set == one.set);
            events.push(Event {
                kind: one.kind,
                port: one.port,
                frame_offset: frames.len() as u32,
                frame_length: visible.len() as u32,
                wire_length: one.frame.len() as u32,
                state_offset: states.len() as u32,
                previous: earlier.map_or(NO_PREVIOUS, |at| at as u32),
            });
            frames.extend_from_slice(visible);
            states.extend_from_slice(&one.state);
        }
        let laid_out = events.clone();
        let mut verdicts = Vec::with_capacity(events.len());
        self.with_world(|instance| {
            instance.handle(&mut events, &mut frames, &mut states, &mut verdicts);
        });
        assert_eq!(verdicts.len(), pending.len(), "each event has a verdict");
        let state_size = self.description.state_size as usize;
        let states = laid_out.iter().map(|event| {
            let at = event.state_offset as usize;
            states[at..(at + state_size).min(states.len())].to_owned()
        });
        let states = states.collect();
        let frames = laid_out.iter().zip(&verdicts).zip(&pending).map(|((event, verdict), one)| {
            let start = verdict.frame_offset as usize;
            let hidden = &one.frame[event.frame_length as usize..];
            [&frames[start..start + verdict.frame_length as usize], hidden].concat()
        });
        Outcome { frames: frames.collect(), states, verdicts }
    }

    fn with_world(&mut self, call: impl FnOnce(&dyn Instance)) {
        let world = self.world.take().expect("the world is here between events");
        native::install(world);
        call(&*self.instance);
        self.world = Some(take_world());
    }
}

struct Outcome {
    verdicts: Vec<Verdict>,
    frames: Vec<Vec<u8>>,
    states: Vec<Vec<u8>>,
}

impl Pending<'_> {
    fn without_packet(kind: Kind, port: u16, state: Vec<u8>) -> Self {
        Self { kind, port, frame: &[], set: None, state }
    }
}

fn take_world() -> Box<World> {
    let imports: Box<dyn Any> = native::take().expect("the imports that were installed");
    imports.downcast().unwrap_or_else(|_| panic!("somebody else installed imports meanwhile"))
}

fn values(known: &[Parameter], given: &[(&str, &str)]) -> HashMap<String, Value> {
    for (name, _) in given {
        assert!(known.iter().any(|one| one.name == *name), "there is no parameter `{name}`");
    }
    let value = |parameter: &Parameter| {
        let text = given.iter().find(|(name, _)| *name == parameter.name).map(|(_, text)| *text);
        text.map_or_else(|| parameter.default.clone(), |text| parse(parameter, text))
    };
    known.iter().map(|parameter| (parameter.name.clone(), value(parameter))).collect()
}

fn parse(parameter: &Parameter, text: &str) -> Value {
    let value = match parameter.default {
        Value::Unsigned(_) => text.parse().ok().map(Value::Unsigned),
        Value::Boolean(_) => text.parse().ok().map(Value::Boolean),
        Value::Text(_) => Some(Value::Text(text.to_owned())),
    };
    let allowed = match (&value, &parameter.constraint) {
        (Some(Value::Unsigned(number)), Constraint::Range((first, last))) => {
            (first..=last).contains(&number)
        }
        (Some(Value::Text(text)), Constraint::Choices(choices)) => choices.contains(text),
        (value, _) => value.is_some(),
    };
    let name = &parameter.name;
    assert!(allowed, "`{text}` is no value of the parameter `{name}`");
    value.expect("it is allowed")
}
