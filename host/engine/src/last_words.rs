//! What a guest said before it trapped, and text of guests made fit for a terminal.

/// Bytes of a message that are kept.
pub(crate) const MESSAGE_BYTES_MAX: usize = 1024;

/// The message of `fault.report`, for the trap that follows in the same call.
#[derive(Debug, Default)]
pub(crate) struct LastWords {
    message: String,
}

impl LastWords {
    /// Keeps the beginning of a message.
    pub(crate) fn keep(&mut self, message: &[u8]) {
        let kept = &message[..message.len().min(MESSAGE_BYTES_MAX)];
        self.message.clear();
        self.message.push_str(&one_line(&String::from_utf8_lossy(kept), MESSAGE_BYTES_MAX));
    }

    /// Forgets it.
    #[inline]
    pub(crate) fn forget(&mut self) {
        self.message.clear();
    }

    /// The message, if there is one.
    pub(crate) fn message(&self) -> Option<&str> {
        Some(self.message.as_str()).filter(|message| !message.is_empty())
    }
}

/// The beginning of a text of a guest, at most `bytes_max` of it, with control characters
/// replaced, so that it can be shown in one line on a terminal.
pub(crate) fn one_line(text: &str, bytes_max: usize) -> String {
    let mut line = String::new();
    for character in text.chars() {
        let character = if character.is_control() { ' ' } else { character };
        if line.len() + character.len_utf8() > bytes_max {
            break;
        }
        line.push(character);
    }
    line
}
