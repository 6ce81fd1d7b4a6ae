//! The operator's view of a run: counters from time to time, and what workers have to tell.

use crate::factory::Locator;
use crate::launch::{Launch, Observation, RunError};
use crate::notice::{FaultPacket, Notice};
use crate::probe::{self, Course, Facts, Recorded};
use crate::rebalance::Moves;
use crate::summary::Sources;
use crossbeam_channel::Receiver;
use nfos_engine::services::LogLevel;
use nfos_netio::capture::CaptureWriter;
use nfos_records::profile::{Function, Profile};
use nfos_records::{LossCount, Summary};
use nfos_state::State;
use std::sync::Arc;

/// Time between two views of the counters.
const INTERVAL_NS: u64 = 500_000_000;

/// Frames that a port could not hand over, in all and as far as the reason is known.
#[derive(Debug)]
pub(crate) struct Missed {
    /// In all.
    pub frames: u64,
    /// By reason.
    pub losses: Vec<LossCount>,
}

/// What a profile is made of.
struct Profiling {
    function: Function,
    locator: Locator,
    recorded: Receiver<Recorded>,
    course: Course,
}

/// Collects what there is to tell, and tells it.
pub(crate) struct Observer<'a> {
    sources: Sources,
    heard: Receiver<Notice>,
    state: Arc<State>,
    tell: &'a mut dyn FnMut(Observation<'_>),
    faults: Option<CaptureWriter>,
    next_ns: u64,
    missed: Vec<Missed>,
    profiling: Option<Profiling>,
    failure: Option<RunError>,
}

impl<'a> Observer<'a> {
    /// Before the run.
    ///
    /// # Errors
    /// [`RunError::Input`] if the capture of faults cannot be made.
    pub(crate) fn new(
        sources: Sources,
        heard: Receiver<Notice>,
        state: &Arc<State>,
        launch: &Launch,
        tell: &'a mut dyn FnMut(Observation<'_>),
    ) -> Result<Self, RunError> {
        let faults = launch.fault_pcap.as_ref().map(|path| CaptureWriter::create(path));
        let faults = faults.transpose().map_err(|error| RunError::Input(error.to_string()))?;
        let (state, missed) = (Arc::clone(state), Vec::new());
        Ok(Self {
            sources,
            heard,
            state,
            tell,
            faults,
            next_ns: INTERVAL_NS,
            missed,
            profiling: None,
            failure: None,
        })
    }

    /// Tells what there is to tell now. Cheap when there is nothing.
    pub(crate) fn look(&mut self, elapsed_ns: u64, trace_ns: Option<u64>) {
        while let Ok(notice) = self.heard.try_recv() {
            self.hear(notice);
        }
        if let Some(profiling) = &mut self.profiling {
            profiling.course.look(elapsed_ns, &self.sources.counters);
        }
        if elapsed_ns >= self.next_ns {
            self.next_ns = elapsed_ns + INTERVAL_NS;
            let summary = self.summary(elapsed_ns, trace_ns);
            (self.tell)(Observation::Counters(&summary));
        }
    }

    /// Has a profile made at the end.
    pub(crate) fn profile(
        &mut self,
        function: Function,
        locator: Locator,
        recorded: Receiver<Recorded>,
    ) {
        let course = Course::new();
        self.profiling = Some(Profiling { function, locator, recorded, course });
    }

    /// Frames that ports could not hand over, by port.
    pub(crate) fn missed(&mut self, missed: Vec<Missed>) {
        self.missed = missed;
    }

    /// Tells what the operator should know before packets flow.
    pub(crate) fn remark(&mut self, remark: &str) {
        (self.tell)(Observation::Remark(remark));
    }

    /// Tells of something that the host cannot do.
    pub(crate) fn warn(&mut self, message: &str) {
        let worker = self.sources.counters.len() - 1;
        (self.tell)(Observation::Log { level: LogLevel::Warning, worker, message });
    }

    /// Where moves of the steering table's entries are counted.
    pub(crate) fn moves(&self) -> Arc<Moves> {
        Arc::clone(&self.sources.moves)
    }

    /// The end: tells the rest and answers the final counters.
    ///
    /// # Errors
    /// [`RunError::Failed`] if the capture of faults could not be written.
    pub(crate) fn finish(
        mut self,
        elapsed_ns: u64,
        trace_ns: Option<u64>,
    ) -> Result<Summary, RunError> {
        self.next_ns = u64::MAX;
        self.look(elapsed_ns, trace_ns);
        if let Some(writer) = self.faults.take() {
            let finished = writer.finish();
            finished.map_err(|error| RunError::Failed(error.to_string()))?;
        }
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let summary = self.summary(elapsed_ns, trace_ns);
        if let Some(profiling) = self.profiling.take() {
            let profile = self.profile_of(profiling, summary.clone());
            (self.tell)(Observation::Profile(&profile));
        }
        Ok(summary)
    }

    /// The workers are gone, so everything is handed in.
    fn profile_of(&self, profiling: Profiling, summary: Summary) -> Profile {
        let Profiling { function, locator, recorded, course } = profiling;
        let counters = &self.sources.counters;
        let facts = Facts {
            function,
            locator,
            objects: self.state.objects(),
            queue_max: counters.iter().map(|counters| counters.queue_max.value()).collect(),
            intervals: course.finish(summary.elapsed_ns, counters),
            remarks: self.state.remarks(&self.sources.advice),
        };
        let mut recorded: Vec<_> = recorded.try_iter().collect();
        recorded.sort_by_key(|one| one.worker);
        probe::profile(facts, summary, &recorded, &self.state.conflicts())
    }

    fn summary(&self, elapsed_ns: u64, trace_ns: Option<u64>) -> Summary {
        let causes = self.state.causes(&self.sources.advice);
        let mut summary = self.sources.summary(elapsed_ns, trace_ns, causes);
        summary.contention = self.state.contention();
        for (port, missed) in summary.ports.iter_mut().zip(&self.missed) {
            port.missed = missed.frames;
            port.losses.clone_from(&missed.losses);
        }
        summary
    }

    fn hear(&mut self, notice: Notice) {
        match notice {
            Notice::Log { worker, level, message } => {
                (self.tell)(Observation::Log { level, worker, message: &message });
            }
            Notice::Fault { worker, fault, packet } => {
                let message = match &packet {
                    Some(packet) => {
                        let (port, length) = (packet.port, packet.wire_length);
                        format!("at a packet of {length} bytes from port {port} it {fault}")
                    }
                    None => format!("the network function {fault}"),
                };
                let level = LogLevel::Error;
                (self.tell)(Observation::Log { level, worker, message: &message });
                if let Some(packet) = packet {
                    self.keep(&packet);
                }
            }
        }
    }

    fn keep(&mut self, packet: &FaultPacket) {
        let Some(writer) = &mut self.faults else { return };
        let kept = writer.write(packet.timestamp_ns, packet.wire_length, &packet.bytes);
        if let Err(error) = kept {
            self.failure.get_or_insert(RunError::Failed(error.to_string()));
        }
    }
}
