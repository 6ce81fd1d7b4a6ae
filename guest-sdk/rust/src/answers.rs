//! The verdicts of a burst while it is handled.
//!
//! A burst has room for all its verdicts from the start, so that giving one is three stores: a
//! `Vec` that may grow is looked after for each, and its length lives in memory.

use crate::contract::Verdict;

/// A verdict as three words in the order of its fields, of which the first word holds three.
pub(crate) type Answer = [u32; 3];

const _: () = assert!(size_of::<Verdict>() == size_of::<Answer>());
const _: () = assert!(align_of::<Verdict>() == align_of::<Answer>());

/// Adds a verdict for each of `count` events, until `next` has none. It is given the event's index
/// and the verdicts before it.
#[inline]
pub(crate) fn extend(
    verdicts: &mut Vec<Verdict>,
    count: usize,
    mut next: impl FnMut(usize, &[Verdict]) -> Option<Answer>,
) {
    let before = verdicts.len();
    verdicts.reserve(count);
    let room = &mut verdicts.spare_capacity_mut()[..count];
    let mut given = 0;
    while given < count {
        // SAFETY: each round before this one has written the next of them.
        let earlier = unsafe { room[..given].assume_init_ref() };
        let Some(answer) = next(given, earlier) else { break };
        // SAFETY: a verdict is as long and as aligned as three words, see above, and has integers
        // only, for which any bytes will do.
        unsafe { room[given].as_mut_ptr().cast::<Answer>().write(answer) };
        given += 1;
    }
    // SAFETY: `given` verdicts are written behind the first `before`, in reserved room.
    unsafe { verdicts.set_len(before + given) };
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERDICT: Verdict = Verdict {
        action: Verdict::SEND,
        registration: Verdict::REGISTER_REQUIRED,
        target: 0x1234,
        frame_offset: 5,
        frame_length: 6,
    };

    #[test]
    fn words_are_the_fields_in_their_order() {
        let mut verdicts = vec![VERDICT];
        extend(&mut verdicts, 1, |_, _| Some([u32::from_le_bytes([1, 2, 0x34, 0x12]), 5, 6]));
        assert_eq!(verdicts, [VERDICT, VERDICT]);
    }

    #[test]
    fn as_many_are_there_as_were_given() {
        for stop in 0..5 {
            let mut verdicts = Vec::new();
            extend(&mut verdicts, 4, |given, earlier| {
                assert_eq!(earlier.len(), given);
                assert!(earlier.iter().zip(0..).all(|(one, at)| one.frame_offset == at));
                (given < stop).then_some([0, given as u32, 0])
            });
            assert_eq!(verdicts.len(), stop.min(4));
        }
    }
}
