//! Words with what was attached to them.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::limits;
use crate::ticket::event::Attachment;
use crate::ticket::personal::Words;

/// A message, reply or note: a text, and references to files that the host keeps.
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
    /// The words.
    pub text: String,
    /// The files: what each is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Attachment>,
    /// The files' names, in the same order. A name may tell of a person, so it is kept with the words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub file_names: Vec<String>,
}

impl Message {
    /// A message of these words.
    pub fn new(text: impl Into<String>) -> Message {
        Message { text: text.into(), ..Message::default() }
    }

    /// The same message with a file: its name, media type, size in bytes, and the host's key of its content.
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

    /// Checks the words, which may be missing where a file speaks for itself, and the files.
    pub(crate) fn check(&self, what: &str) -> Result<()> {
        if self.files.is_empty() || !self.text.is_empty() {
            limits::text(what, &self.text)?;
        }
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

    /// The words and the names of the files.
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
