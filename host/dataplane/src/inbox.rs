//! Packets that a worker has received and not handled yet, in order of time.
//!
//! They arrive at the back, a burst at a time, and leave at the front, where those come back that
//! have to run again. Nearly always all that has arrived is handled before more is received. So
//! what has arrived is brought into line at once, the next packet last: to take it, or to put it
//! back, is then to pop or to push.

use nfos_netio::Frame;

/// Packets of which the next is known.
#[derive(Debug)]
pub(crate) struct Line(
    /// The next one last.
    Vec<Frame>,
);

/// All packets that wait.
#[derive(Debug)]
pub(crate) struct Inbox {
    line: Line,
    /// Behind all of the line, in order of time.
    arrived: Vec<Frame>,
}

impl Inbox {
    /// An empty one in which so many packets may wait without an allocation.
    pub(crate) fn new(packets: usize) -> Self {
        Self { line: Line(Vec::with_capacity(packets)), arrived: Vec::with_capacity(packets) }
    }

    /// How many wait.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.line.len() + self.arrived.len()
    }

    /// Whether none does.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where packets are to be appended, in order of time.
    #[inline]
    pub(crate) fn arrived(&mut self) -> &mut Vec<Frame> {
        &mut self.arrived
    }

    /// All that wait, in line.
    #[inline]
    pub(crate) fn line_up(&mut self) -> &mut Line {
        if !self.arrived.is_empty() {
            // In front of nothing, as a rule: then nothing is moved.
            self.line.0.splice(..0, self.arrived.drain(..).rev());
        }
        &mut self.line
    }

    /// Puts a packet in front of all others.
    #[inline]
    pub(crate) fn put_back(&mut self, frame: Frame) {
        self.line.0.push(frame);
    }
}

impl Line {
    /// How many wait.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none does.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The packets, the next one first.
    #[inline]
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Frame> {
        self.0.iter().rev()
    }

    /// The packet before which so many wait, if there are as many.
    #[inline]
    pub(crate) fn get(&self, before: usize) -> Option<&Frame> {
        self.0.get(self.0.len().checked_sub(before + 1)?)
    }

    /// The next `count`, of which there are as many, as they lie: the next one last.
    #[inline]
    pub(crate) fn last_first(&self, count: usize) -> &[Frame] {
        &self.0[self.0.len() - count..]
    }

    /// Takes the next one.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Frame> {
        self.0.pop()
    }

    /// Takes the next `count`, of which there are as many, in order.
    #[inline]
    pub(crate) fn take_all(&mut self, count: usize) -> impl ExactSizeIterator<Item = Frame> {
        self.0.drain(self.0.len() - count..).rev()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nfos_netio::PortId;

    fn frame(number: u64) -> Frame {
        let mut frame = Frame::new(1);
        frame.load(&[0], PortId::new(0), 1, 0, number).expect("it fits");
        frame
    }

    fn numbers(frames: impl Iterator<Item = Frame>) -> Vec<u64> {
        frames.map(|frame| frame.sequence).collect()
    }

    #[test]
    fn packets_leave_in_order_of_arrival_and_those_put_back_first() {
        let mut inbox = Inbox::new(8);
        inbox.arrived().extend((0..4).map(frame));
        let line = inbox.line_up();
        assert_eq!(numbers(line.take_all(3)), [0, 1, 2]);
        inbox.put_back(frame(2));
        inbox.put_back(frame(1));
        inbox.arrived().extend((4..6).map(frame));
        assert_eq!((inbox.len(), inbox.is_empty()), (5, false));

        let line = inbox.line_up();
        let all: Vec<_> = line.iter().map(|frame| frame.sequence).collect();
        assert_eq!(all, [1, 2, 3, 4, 5]);
        let third = line.get(2).map(|frame| frame.sequence);
        assert_eq!((third, line.get(5).is_none()), (Some(3), true));
        assert_eq!(line.take().map(|frame| frame.sequence), Some(1));
        assert_eq!(numbers(line.take_all(4)), [2, 3, 4, 5]);
        assert!(line.is_empty() && line.take().is_none() && inbox.is_empty());
    }
}
