//! Values of the protocol as values of columns, and back.

use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Row, any::AnyRow};

use super::StoreError;

/// SQL has no unsigned numbers. What is above the range (the year 292 million) is cut to it.
pub(super) fn number(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

/// Text from outside. PostgreSQL cannot keep the character U+0000: what has it is not found, or kept with the
/// sign for an unknown one.
pub(super) fn text(value: &str) -> String {
    value.replace('\0', "\u{fffd}")
}

/// The word of an enum without fields, as it stands on the wire.
pub(super) fn word<T: Serialize>(value: T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// Columns of a row, read into types that cannot be wrong.
pub(super) trait Columns {
    fn text(&self, column: &str) -> Result<String, StoreError>;
    fn text_or_null(&self, column: &str) -> Result<Option<String>, StoreError>;
    fn integer(&self, column: &str) -> Result<i64, StoreError>;
    fn integer_or_null(&self, column: &str) -> Result<Option<i64>, StoreError>;

    fn flag(&self, column: &str) -> Result<bool, StoreError> {
        Ok(self.integer(column)? != 0)
    }

    fn ms(&self, column: &str) -> Result<u64, StoreError> {
        let value = self.integer(column)?;
        u64::try_from(value).map_err(|_| damaged(column))
    }

    fn ms_or_null(&self, column: &str) -> Result<Option<u64>, StoreError> {
        let value = self.integer_or_null(column)?;
        value
            .map(|value| u64::try_from(value).map_err(|_| damaged(column)))
            .transpose()
    }

    fn id(&self, column: &str) -> Result<u32, StoreError> {
        let value = self.integer(column)?;
        u32::try_from(value).map_err(|_| damaged(column))
    }

    fn enumerated<T: DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        let word = serde_json::Value::String(self.text(column)?);
        serde_json::from_value(word).map_err(|_| damaged(column))
    }

    fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        serde_json::from_str(&self.text(column)?).map_err(|_| damaged(column))
    }

    fn hash(&self, column: &str) -> Result<[u8; 32], StoreError> {
        let mut hash = [0; 32];
        hex::decode_to_slice(self.text(column)?, &mut hash).map_err(|_| damaged(column))?;
        Ok(hash)
    }
}

impl Columns for AnyRow {
    fn text(&self, column: &str) -> Result<String, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn text_or_null(&self, column: &str) -> Result<Option<String>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn integer(&self, column: &str) -> Result<i64, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn integer_or_null(&self, column: &str) -> Result<Option<i64>, StoreError> {
        Ok(self.try_get(column)?)
    }
}

pub(super) fn damaged(column: &str) -> StoreError {
    StoreError::Damaged(column.to_owned())
}
