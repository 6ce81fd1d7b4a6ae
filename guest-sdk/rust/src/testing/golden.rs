//! Golden captures: what a network function makes of two captures, kept as files.
//!
//! A case `NAME` of the folder `golden/` is `NAME.in0.pcap` and `NAME.in1.pcap`, which arrive at
//! the ports 0 and 1 in the order of their time stamps, ties by port; `NAME.out0.pcap` and
//! `NAME.out1.pcap`, in the same order and with the time stamps of the packets that caused them;
//! and `NAME.expected.json` with the parameters and the counts, and with the numbers of workers
//! that give this output, unless all do. The expected half comes from a [`Model`], never from the
//! network function.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::capture::{self, Record};
use super::harness::{Fate, Harness};
use crate::native::Function;

/// A frame that arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Nanoseconds since 1970.
    pub time_ns: u64,
    /// Where.
    pub port: u16,
    /// The frame.
    pub frame: Vec<u8>,
}

/// A network function again, by other means.
pub trait Model {
    /// What becomes of a frame.
    fn packet(&mut self, arrival: &Arrival) -> Fate;

    /// How many workers give exactly this output; none named: any number.
    fn workers(&self) -> &'static [u32] {
        &[]
    }
}

impl<F: FnMut(&Arrival) -> Fate> Model for F {
    fn packet(&mut self, arrival: &Arrival) -> Fate {
        self(arrival)
    }
}

/// A golden case.
pub struct Golden {
    /// The folder `golden/` of the network function.
    pub folder: PathBuf,
    /// The name of the case.
    pub name: &'static str,
    /// The parameters that it runs with.
    pub parameters: &'static [(&'static str, &'static str)],
}

#[derive(Default, PartialEq, Eq, Debug)]
struct Expected {
    outputs: [Vec<Record>; 2],
    received: u64,
    sent: u64,
    consumed: u64,
    dropped: BTreeMap<String, u64>,
}

impl Golden {
    /// Writes the case anew: these arrivals, and what the model makes of them.
    ///
    /// # Panics
    /// If a file cannot be written.
    pub fn regenerate(&self, mut arrivals: Vec<Arrival>, model: &mut dyn Model) {
        sort(&mut arrivals);
        for port in 0..2_u16 {
            let here = arrivals.iter().filter(|arrival| arrival.port == port);
            let records: Vec<_> = here.map(|one| (one.time_ns, one.frame.clone())).collect();
            capture::write(&self.input(port), &records).expect("golden/ is writable");
        }
        let expected = expect(&arrivals, |arrival| model.packet(arrival));
        for (port, records) in (0..).zip(&expected.outputs) {
            capture::write(&self.output(port), records).expect("golden/ is writable");
        }
        let json = self.json(&expected, model.workers());
        std::fs::write(self.expected(), json).expect("golden/ is writable");
    }

    /// Whether the files are what `arrivals` and the model give, and whether the network function
    /// makes the same of them.
    ///
    /// # Panics
    /// If not.
    pub fn check(&self, mut arrivals: Vec<Arrival>, model: &mut dyn Model, function: Function) {
        sort(&mut arrivals);
        assert_eq!(self.arrivals(), arrivals, "{}: the input is out of date", self.name);
        let by_model = expect(&arrivals, |arrival| model.packet(arrival));
        for (port, records) in (0..).zip(&by_model.outputs) {
            let kept = capture::read(&self.output(port)).expect("a golden capture");
            assert_eq!(&kept, records, "{}: the output {port} is out of date", self.name);
        }
        let kept = std::fs::read_to_string(self.expected()).expect("a golden case has counts");
        assert_eq!(
            kept,
            self.json(&by_model, model.workers()),
            "{}: the counts are out of date",
            self.name
        );
        let mut harness = Harness::new(function, self.parameters);
        let by_function = expect(&arrivals, |arrival| {
            harness.at(arrival.time_ns).packet(arrival.port, &arrival.frame)
        });
        assert_eq!(by_function, by_model, "{}: the network function differs", self.name);
    }

    fn arrivals(&self) -> Vec<Arrival> {
        let mut arrivals = Vec::new();
        for port in 0..2 {
            let records = capture::read(&self.input(port)).expect("a golden capture");
            let here = records.into_iter();
            arrivals.extend(here.map(|(time_ns, frame)| Arrival { time_ns, port, frame }));
        }
        sort(&mut arrivals);
        arrivals
    }

    fn json(&self, expected: &Expected, workers: &[u32]) -> String {
        let text = |pairs: Vec<String>| pairs.join(",\n    ");
        let pair = |(name, value): &(&str, &str)| format!("\"{name}\": \"{value}\"");
        let parameters = text(self.parameters.iter().map(pair).collect());
        let count = |(reason, count): (&String, &u64)| format!("\"{reason}\": {count}");
        let dropped = text(expected.dropped.iter().map(count).collect());
        let workers = match workers {
            [] => String::new(),
            some => format!("  \"workers\": {some:?},\n"),
        };
        let mut json = String::new();
        let Expected { received, sent, consumed, .. } = expected;
        let _ = write!(
            json,
            "{{\n  \"parameters\": {{\n    {parameters}\n  }},\n{workers}  \"received\": \
             {received},\n  \"sent\": {sent},\n  \"consumed\": {consumed},\n  \"dropped\": \
             {{\n    {dropped}\n  }}\n}}\n"
        );
        json
    }

    fn input(&self, port: u16) -> PathBuf {
        self.file(&format!("in{port}.pcap"))
    }

    fn output(&self, port: u16) -> PathBuf {
        self.file(&format!("out{port}.pcap"))
    }

    fn expected(&self) -> PathBuf {
        self.file("expected.json")
    }

    fn file(&self, what: &str) -> PathBuf {
        Path::new(&self.folder).join(format!("{}.{what}", self.name))
    }
}

fn sort(arrivals: &mut [Arrival]) {
    arrivals.sort_by_key(|arrival| (arrival.time_ns, arrival.port));
}

fn expect(arrivals: &[Arrival], mut run: impl FnMut(&Arrival) -> Fate) -> Expected {
    let mut expected = Expected { received: arrivals.len() as u64, ..Expected::default() };
    for arrival in arrivals {
        match run(arrival) {
            Fate::Sent(port, frame) => {
                expected.outputs[usize::from(port)].push((arrival.time_ns, frame));
                expected.sent += 1;
            }
            Fate::Flooded(frame) => {
                let port = usize::from(arrival.port ^ 1);
                expected.outputs[port].push((arrival.time_ns, frame));
                expected.sent += 1;
            }
            Fate::Consumed => expected.consumed += 1,
            Fate::Dropped(reason) => *expected.dropped.entry(reason).or_default() += 1,
        }
    }
    expected
}
