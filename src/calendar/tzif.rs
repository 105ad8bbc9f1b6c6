//! Time zones from TZif data, the format of `/usr/share/zoneinfo` ([RFC 9636]), read by jiff.
//!
//! [RFC 9636]: https://www.rfc-editor.org/rfc/rfc9636

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::zone::{CYCLE, Change, Zone, year_start};
use crate::error::{Error, Result};

impl Zone {
    /// The zone of this name, from the bytes of its TZif file.
    ///
    /// What is beyond the file's table follows the rule in its footer, for ever. TZif data does not know which
    /// release it is from; whoever supplies it may say so, and [`version`](Zone::version) tells it again.
    /// The files of a directory are read by `firstline::zoneinfo`.
    ///
    /// # Errors
    /// [`Definition`](crate::ErrorKind::Definition) if the bytes are not TZif data, or its clock changes do not
    /// settle into a rule before the year 2100.
    pub fn from_tzif(name: &str, version: Option<&str>, tzif: &[u8]) -> Result<Zone> {
        let zone = TimeZone::tzif(name, tzif).map_err(|error| {
            Error::definition("time zone", format!("{name:?}: no TZif data")).caused_by(error)
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
        // The footer's rule has repeated once if two times 400 years went the same way.
        let second = changes.split_off(changes.partition_point(|change| change.at < year_start(2500)));
        let first = &changes[changes.partition_point(|change| change.at < year_start(2100))..];
        let repeated = first.iter().map(|change| Change { at: change.at + CYCLE, ..*change });
        if !repeated.eq(second) {
            return Err(Error::definition(
                "time zone",
                format!("{name:?}: no rule holds from the year 2100 on"),
            ));
        }
        Ok(Zone::with_changes(name, version, initial.into(), changes, year_start(2100)))
    }
}
