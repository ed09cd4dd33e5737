//! The service: a map in memory, and a log from which it is made again.

use crate::log::{Log, Record};
use crate::service::{KeyValue, Refused};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

/// What a write answers: the value that it replaced.
pub(crate) type Written = Result<Option<String>, Refused>;

/// Cheap to clone: all clones are one store.
#[derive(Clone)]
pub(crate) struct Store(Arc<Mutex<Inner>>);

struct Inner {
    values: BTreeMap<String, String>,
    log: Log,
}

impl Store {
    /// # Errors
    /// Those of [`Log::open`].
    pub(crate) fn open(file: &Path, sync: bool) -> Result<Store, String> {
        let (log, records) = Log::open(file, sync)?;
        let mut values = BTreeMap::new();
        records.into_iter().for_each(|record| apply(&mut values, record));
        Ok(Store(Arc::new(Mutex::new(Inner { values, log }))))
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().values.len()
    }

    pub(crate) fn value(&self, key: &str) -> Option<String> {
        self.lock().values.get(key).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("nobody panics with it")
    }

    /// Lets `change` decide by the present value. What it decides is in the log before anyone can see it: no reader is told
    /// of what a kill would undo.
    fn write(&self, key: &str, change: impl FnOnce(Option<&str>) -> Result<Record, Refused>) -> Written {
        let mut inner = self.lock();
        let before = inner.values.get(key).cloned();
        let record = change(before.as_deref())?;
        inner.log.append(&record).map_err(|why| Refused::NotWritten { why })?;
        apply(&mut inner.values, record);
        Ok(before)
    }
}

fn apply(values: &mut BTreeMap<String, String>, record: Record) {
    match record {
        Record::Put { key, value } => values.insert(key, value),
        Record::Delete { key } => values.remove(&key),
    };
}

fn put(key: &str, value: impl Into<String>) -> Record {
    Record::Put { key: key.to_owned(), value: value.into() }
}

impl KeyValue for Store {
    async fn get(&self, key: &str) -> Option<String> {
        self.value(key)
    }

    async fn put(&self, key: &str, value: &str) -> Written {
        self.write(key, |_| Ok(put(key, value)))
    }

    async fn compare_and_set(&self, key: &str, old: Option<String>, new: &str) -> Written {
        self.write(key, |found| match found == old.as_deref() {
            true => Ok(put(key, new)),
            false => Err(Refused::Differs { found: found.map(str::to_owned) }),
        })
    }

    async fn append(&self, key: &str, more: &str) -> Written {
        self.write(key, |found| Ok(put(key, found.unwrap_or_default().to_owned() + more)))
    }

    async fn delete(&self, key: &str) -> Written {
        self.write(key, |_| Ok(Record::Delete { key: key.to_owned() }))
    }
}
