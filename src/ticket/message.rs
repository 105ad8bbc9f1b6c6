//! Messages with attached files.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::limits;
use crate::ticket::event::Attachment;
use crate::ticket::personal::Words;

/// A message, reply or note: a text and references to files. The host keeps the files.
///
/// ```
/// use firstline::Message;
///
/// let message = Message::new("Here is the picture.").attach("screen.png", "image/png", 48_213, "s3://shop/4711");
/// assert_eq!(message.text, "Here is the picture.");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Message {
    /// The text. It may be empty if the message has files.
    pub text: String,
    /// The files, without their names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Attachment>,
    /// The names of the files, in the same order. A file name can identify a person, so the ticket stores it in the
    /// personal part.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub file_names: Vec<String>,
}

impl Message {
    /// Creates a message with this text.
    pub fn new(text: impl Into<String>) -> Message {
        Message { text: text.into(), ..Message::default() }
    }

    /// Adds a file: its name, media type, size in bytes, and the host's key for its content.
    #[must_use]
    pub fn attach(
        mut self,
        name: impl Into<String>,
        media_type: impl Into<String>,
        bytes: u64,
        key: impl Into<String>,
    ) -> Message {
        self.files.push(Attachment { media_type: media_type.into(), bytes, key: key.into() });
        self.file_names.push(name.into());
        self
    }

    /// Checks the text and the files. The text may be empty if there is a file.
    pub(crate) fn check(&self, what: &str) -> Result<()> {
        if self.files.is_empty() || !self.text.is_empty() {
            limits::text(what, &self.text)?;
        }
        self.check_files()
    }

    /// Returns the message without the host's keys for the files.
    pub(crate) fn asked(mut self) -> Message {
        self.files.iter_mut().for_each(|file| file.key.clear());
        self
    }

    pub(crate) fn check_files(&self) -> Result<()> {
        limits::count("attachments", self.files.len())?;
        if self.file_names.len() != self.files.len() {
            let (names, files) = (self.file_names.len(), self.files.len());
            return Err(Error::invalid(
                "file names",
                format_args!("do not match the files: {names} names, {files} files"),
            )
            .allowing("one name for each file, in the same order"));
        }
        for file in &self.files {
            limits::name("media type", &file.media_type)?;
            limits::line("attachment key", &file.key, 2_000)?;
        }
        self.file_names.iter().try_for_each(|name| limits::name("file name", name))
    }

    /// Returns the text and the file names as a personal part.
    pub(crate) fn words(&self) -> Words {
        Words {
            text: (!self.text.is_empty()).then(|| self.text.clone()),
            files: self.file_names.clone(),
            ..Words::default()
        }
    }
}

impl<T: Into<String>> From<T> for Message {
    fn from(text: T) -> Message {
        Message::new(text)
    }
}
