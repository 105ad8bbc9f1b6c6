//! Time zones from TZif data ([RFC 9636]), the format of `/usr/share/zoneinfo`, parsed by jiff.
//!
//! [RFC 9636]: https://www.rfc-editor.org/rfc/rfc9636

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::zone::{CYCLE, Change, Zone, year_start};
use crate::error::{Error, Result};

impl Zone {
    /// Creates a zone from the bytes of a TZif file.
    ///
    /// After the last change in the file's table, the zone follows the rule in the footer forever. TZif data does not
    /// contain its tz database release. If the caller passes one as `version`, [`version`](Zone::version) returns it.
    /// [`from_directory`](Zone::from_directory) reads the files of a directory.
    ///
    /// # Errors
    /// [`Definition`](crate::ErrorKind::Definition) if the bytes are not TZif data, or if the clock changes after the
    /// year 2100 do not follow a fixed rule.
    pub fn from_tzif(name: &str, version: Option<&str>, tzif: &[u8]) -> Result<Zone> {
        let zone = TimeZone::tzif(name, tzif).map_err(|error| {
            Error::definition("time zone", format!("{name:?}: not TZif data")).caused_by(error)
        })?;
        let initial = zone.to_offset(Timestamp::MIN).seconds();
        let mut changes: Vec<Change> = zone
            .following(Timestamp::MIN)
            .map(|change| Change {
                at: change.timestamp().as_second(),
                offset: change.offset().seconds().into(),
            })
            .take_while(|change| change.at < year_start(2900))
            .collect();
        // The changes follow a rule if two successive periods of 400 years are the same.
        let second = changes.split_off(changes.partition_point(|change| change.at < year_start(2500)));
        let first = &changes[changes.partition_point(|change| change.at < year_start(2100))..];
        let repeated = first.iter().map(|change| Change { at: change.at + CYCLE, ..*change });
        if !repeated.eq(second) {
            return Err(Error::definition(
                "time zone",
                format!("{name:?}: the clock changes follow no fixed rule from the year 2100 on"),
            ));
        }
        Ok(Zone::with_changes(name, version, initial.into(), changes, year_start(2100)))
    }
}
