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
    owner: &[u8; 32],
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
    check_owner(&mut transaction, &template.name, owner).await?;
    let older = sqlx::query("DELETE FROM templates WHERE name = $1").bind(template.name.clone());
    transaction.execute(older).await?;
    let kept = "INSERT INTO templates (name, template, created_at_ms, owner_hash) \
                VALUES ($1, $2, $3, $4)";
    let kept = sqlx::query(kept)
        .bind(template.name.clone())
        .bind(json)
        .bind(number(now_unix_ms))
        .bind(hex::encode(owner));
    transaction.execute(kept).await?;
    Ok(transaction.commit().await?)
}

/// False when none of that name was saved. Without an owner it is the operator who asks.
pub(super) async fn delete(
    connection: &mut AnyConnection,
    name: &str,
    owner: Option<&[u8; 32]>,
) -> Result<bool, StoreError> {
    let mut transaction = begin(connection).await?;
    if let Some(owner) = owner {
        check_owner(&mut transaction, name, owner).await?;
    }
    let gone = sqlx::query("DELETE FROM templates WHERE name = $1").bind(text(name));
    let gone = transaction.execute(gone).await?.rows_affected() > 0;
    transaction.commit().await?;
    Ok(gone)
}

/// What was saved before owners were kept is nobody's.
async fn check_owner(
    connection: &mut AnyConnection,
    name: &str,
    owner: &[u8; 32],
) -> Result<(), StoreError> {
    let kept = sqlx::query("SELECT owner_hash FROM templates WHERE name = $1").bind(text(name));
    let kept = match kept.fetch_optional(connection).await? {
        Some(row) => row.text_or_null("owner_hash")?,
        None => None,
    };
    match kept {
        Some(kept) if kept != hex::encode(owner) => Err(StoreError::TemplateNotYours),
        Some(_) | None => Ok(()),
    }
}

pub(super) async fn all(readers: AnyPool) -> Result<Vec<Template>, StoreError> {
    let kept = sqlx::query("SELECT template FROM templates ORDER BY name");
    let rows = kept.fetch_all(&readers).await?;
    rows.iter().map(|row| row.json("template")).collect()
}
