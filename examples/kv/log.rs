//! The file that a store lives in: one record a line, each with its checksum, only ever added to.
//!
//! A process that is killed while it writes leaves a last line without its end. Nobody was told that such a write was done, so it is
//! cut off. A whole line that is not what was written is another matter: something has damaged the file, and
//! nobody but its owner may decide what to do.

use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

/// What became of one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Record {
    Put { key: String, value: String },
    Delete { key: String },
}

pub(crate) struct Log {
    file: File,
    /// Bytes of whole records.
    length: u64,
    /// Waits for the disk at each record, so that it outlives a power cut, and not the process alone.
    sync: bool,
    /// Why nothing can be added any more.
    broken: Option<String>,
}

impl Log {
    /// Opens the file, or makes it, and reads all of it.
    ///
    /// # Errors
    /// If it cannot be read or written, if another process has it open, if it is damaged.
    pub(crate) fn open(path: &Path, sync: bool) -> Result<(Log, Vec<Record>), String> {
        let shown = path.display();
        let opened = OpenOptions::new().read(true).append(true).create(true).open(path);
        let mut file = opened.map_err(|e| format!("cannot open {shown}: {e}"))?;
        file.try_lock().map_err(|e| match e {
            TryLockError::WouldBlock => format!("{shown} is in use by another store"),
            TryLockError::Error(e) => format!("cannot lock {shown}: {e}"),
        })?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|e| format!("cannot read {shown}: {e}"))?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let records =
            read(&bytes[..whole]).map_err(|e| format!("{shown} is damaged, and was left as it is: {e}"))?;
        if whole < bytes.len() {
            file.set_len(whole as u64).map_err(|e| format!("cannot cut a torn record off {shown}: {e}"))?;
        }
        Ok((Log { file, length: whole as u64, sync, broken: None }, records))
    }

    /// Adds a record. Once this has returned, it is there after the process was killed.
    ///
    /// # Errors
    /// The record is not in the file then, and will not be.
    pub(crate) fn append(&mut self, record: &Record) -> Result<(), String> {
        if let Some(why) = &self.broken {
            return Err(why.clone());
        }
        let line = line(record)?;
        let written =
            self.file.write_all(&line).and_then(|()| if self.sync { self.file.sync_data() } else { Ok(()) });
        match written {
            Ok(()) => self.length += line.len() as u64,
            Err(error) => {
                // Part of it may be there. If it stayed, the next record would stand in the middle of a line.
                if let Err(second) = self.file.set_len(self.length) {
                    self.broken =
                        Some(format!("after a failed write ({error}) the file cannot be mended: {second}"));
                }
                return Err(error.to_string());
            }
        }
        Ok(())
    }
}

fn line(record: &Record) -> Result<Vec<u8>, String> {
    // JSON has no line ends of its own.
    let json = serde_json::to_string(record).map_err(|e| e.to_string())?;
    Ok(format!("{:08x} {json}\n", crc_fast::crc32_iscsi(json.as_bytes())).into_bytes())
}

/// All records, each of which has its end.
fn read(bytes: &[u8]) -> Result<Vec<Record>, String> {
    let mut records = Vec::new();
    let mut offset = 0;
    for (number, line) in (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        let record = record(line).map_err(|why| format!("line {number}, at byte {offset}: {why}"))?;
        records.push(record);
        offset += line.len();
    }
    Ok(records)
}

fn record(line: &[u8]) -> Result<Record, String> {
    let line = std::str::from_utf8(line).map_err(|e| e.to_string())?.trim_end_matches('\n');
    let (sum, json) = line.split_once(' ').ok_or("no checksum")?;
    let sum = u32::from_str_radix(sum, 16).map_err(|_| format!("`{sum}` is no checksum"))?;
    let found = crc_fast::crc32_iscsi(json.as_bytes());
    if sum != found {
        return Err(format!("its checksum says {sum:08x}, its text makes {found:08x}"));
    }
    serde_json::from_str(json).map_err(|e| e.to_string())
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
