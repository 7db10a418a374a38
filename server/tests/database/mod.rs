//! Databases for tests: a file of SQLite, or a database of a PostgreSQL server. The same tests run on both.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each program uses a part of it"
)]

pub mod postgres;

use std::path::Path;

use conclave_server::store::{Database, Store, StoreError, StoreOptions};
use postgres::Postgres;
use sqlx::{AnyConnection, Connection, Executor};
use tempfile::{TempDir, tempdir};

pub struct TestDatabase {
    /// Where files are; empty for a server's.
    folder: TempDir,
    at: Database,
}

impl TestDatabase {
    pub fn file() -> TestDatabase {
        let folder = tempdir().unwrap();
        let at = Database::File(folder.path().join("test.sqlite"));
        TestDatabase { folder, at }
    }

    /// `None` when there is no PostgreSQL here.
    pub async fn server() -> Option<TestDatabase> {
        let made = tokio::task::spawn_blocking(|| Some(Postgres::shared()?.database()));
        made.await.unwrap().map(|url| TestDatabase::at(&url))
    }

    pub fn at(url: &str) -> TestDatabase {
        TestDatabase {
            folder: tempdir().unwrap(),
            at: Database::Server(url.parse().unwrap()),
        }
    }

    pub fn is_server(&self) -> bool {
        matches!(self.at, Database::Server(_))
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub async fn open(&self) -> Store {
        self.open_with(StoreOptions::default()).await
    }

    pub async fn open_with(&self, options: StoreOptions) -> Store {
        Store::open_database(self.at.clone(), options)
            .await
            .unwrap()
    }

    pub async fn try_open(&self) -> Result<Store, StoreError> {
        Store::open_database(self.at.clone(), StoreOptions::default()).await
    }

    /// Past the store, as another program would.
    pub async fn connect(&self) -> AnyConnection {
        sqlx::any::install_default_drivers();
        let url = match &self.at {
            Database::File(path) => file_url(path),
            Database::Server(url) => url.to_string(),
        };
        AnyConnection::connect(&url).await.unwrap()
    }

    /// Another program that lets nobody write, until it is closed.
    pub async fn lock(&self) -> AnyConnection {
        let mut other = self.connect().await;
        if self.is_server() {
            other.execute("BEGIN").await.unwrap();
            let lock = "LOCK TABLE chat_messages, participants IN ACCESS EXCLUSIVE MODE";
            other.execute(lock).await.unwrap();
        } else {
            other.execute("BEGIN IMMEDIATE").await.unwrap();
        }
        other
    }
}

fn file_url(path: &Path) -> String {
    format!("sqlite://{}?mode=rwc", path.display())
}

/// Makes two tests of each function: on SQLite, and on PostgreSQL.
#[macro_export]
macro_rules! on_both_engines {
    ($($test:ident,)+) => {
        mod on_sqlite {
            use $crate::database::TestDatabase;

            $(#[tokio::test]
            async fn $test() {
                super::$test(TestDatabase::file()).await;
            })+
        }

        mod on_postgres {
            use $crate::database::TestDatabase;

            $(#[tokio::test]
            async fn $test() {
                if let Some(database) = TestDatabase::server().await {
                    super::$test(database).await;
                }
            })+
        }
    };
}
