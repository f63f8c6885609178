//! Migrations in sqlx's format: files, state, plans, and their application.
//!
//! The map, in the order a `migrate` passes through it:
//!
//! - [`arguments`]: its options. [`commands`]: each command's body, over the SDK.
//! - [`files`]: what counts as a migration, apps, and what is wrong with a folder. [`checksum`].
//! - [`ledger`]: what is needed of a database, as two traits. [`store`]: the same over `host:sql`. [`sql`]: the statements.
//! - [`state`]: files joined with rows, a verdict for each. [`view`]: all apps.
//! - [`plan`]: from `[APP] [TARGET]` to steps, and what forbids them. [`lock`]: who else migrates.
//! - [`migrate`]: the whole of it. [`apply`]: one step. [`blame`]: why a step failed and what to do. [`report`]: `--json`.
//! - [`show`], [`wait`], [`init`]: the other commands. [`syncdb`], [`statements`]: `--run-syncdb`, and a rough reading of scripts.
//!
//! What is decided here, and tested: `_sqlx_migrations` is the default app's table, `_sqlx_migrations_<app>` that of an
//! app in a folder (`[migrate] table-name` of a sqlx.toml tells sqlx). `execution_time` is -1 until it is known, [`state::FAKED`] after
//! `--fake`, [`state::UNDOING`] while a migration is undone outside of a transaction; sqlx reads none of them. Outside of a
//! transaction the row is there first with `success = FALSE`, which sqlx calls dirty, too.
pub mod apply;
pub mod arguments;
pub mod blame;
mod cells;
pub mod checksum;
pub mod commands;
mod disk;
mod excerpt;
pub mod failure;
pub mod files;
pub mod init;
pub mod ledger;
pub mod lock;
mod look;
#[cfg(test)]
mod memory;
pub mod migrate;
mod moment;
pub mod plan;
pub mod report;
mod rows;
pub mod server;
pub mod show;
pub mod sql;
pub mod state;
pub mod statements;
pub mod store;
mod suggest;
pub mod syncdb;
pub mod talk;
pub mod view;
pub mod voice;
pub mod wait;
