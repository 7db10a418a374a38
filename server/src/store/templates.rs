//! Templates that people have saved.

use conclave_wire::Template;
use sqlx::{AnyConnection, AnyPool, Executor};

use super::{
    StoreError,
    columns::{Columns, number, text},
    writer::begin,
};

/// Templates that a server keeps.
pub const TEMPLATES_MAX: i64 = 100;

pub(super) async fn save(
    connection: &mut AnyConnection,
    template: &Template,
    now_unix_ms: u64,
) -> Result<(), StoreError> {
    let json = serde_json::to_string(template).expect("templates hold words, numbers and flags");
    let mut transaction = begin(connection).await?;
    let others = sqlx::query("SELECT COUNT(*) AS others FROM templates WHERE name <> $1")
        .bind(template.name.clone())
        .fetch_one(&mut *transaction)
        .await?;
    if others.integer("others")? >= TEMPLATES_MAX {
        return Err(StoreError::TooManyTemplates);
    }
    let older = sqlx::query("DELETE FROM templates WHERE name = $1").bind(template.name.clone());
    transaction.execute(older).await?;
    let kept = "INSERT INTO templates (name, template, created_at_ms) VALUES ($1, $2, $3)";
    let kept = sqlx::query(kept)
        .bind(template.name.clone())
        .bind(json)
        .bind(number(now_unix_ms));
    transaction.execute(kept).await?;
    Ok(transaction.commit().await?)
}

/// False when none of that name was saved.
pub(super) async fn delete(connection: &mut AnyConnection, name: &str) -> Result<bool, StoreError> {
    let gone = sqlx::query("DELETE FROM templates WHERE name = $1").bind(text(name));
    Ok(connection.execute(gone).await?.rows_affected() > 0)
}

pub(super) async fn all(readers: AnyPool) -> Result<Vec<Template>, StoreError> {
    let kept = sqlx::query("SELECT template FROM templates ORDER BY name");
    let rows = kept.fetch_all(&readers).await?;
    rows.iter().map(|row| row.json("template")).collect()
}
