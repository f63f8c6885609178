//! sqlx' errors as the guest may see them.

use sqlx::postgres::{PgDatabaseError, PgErrorPosition};

use crate::capabilities::sql::error::plain;
use crate::capabilities::sql::types::{DbError, Error};

/// An error of a statement on the database configured as `name`.
pub(super) fn of_statement(error: sqlx::Error, name: &str) -> Error {
    let error = match error {
        sqlx::Error::Database(error) => error,
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => return broken(name),
        other => return Error::Other(format!("database `{name}`: {other}")),
    };
    let Some(error) = error.try_downcast_ref::<PgDatabaseError>() else { return broken(name) };
    match error.code() {
        "57014" if error.message().contains("statement timeout") => {
            Error::Timeout(format!("the statement on `{name}` took longer than its statement timeout"))
        }
        "57014" => Error::Cancelled(format!("the statement on `{name}` was cancelled")),
        "57P01" | "57P02" | "57P03" | "57P05" => {
            Error::ConnectionFailed(format!("the server of database `{name}` closed the connection: {}", error.message()))
        }
        _ => Error::QueryFailed(report(error)),
    }
}

pub(super) fn broken(name: &str) -> Error {
    Error::ConnectionFailed(format!("the connection to database `{name}` broke"))
}

fn report(error: &PgDatabaseError) -> DbError {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let position = match error.position() {
        Some(PgErrorPosition::Original(position)) => u32::try_from(position).ok(),
        _ => None,
    };
    DbError {
        code: error.code().to_owned(),
        message: error.message().to_owned(),
        detail: owned(error.detail()),
        hint: owned(error.hint()),
        position,
        line: None,
        schema: owned(error.schema()),
        table: owned(error.table()),
        column: owned(error.column()),
        constraint: owned(error.constraint()),
    }
}

/// An error of connecting. Texts are the host's own: the server's name users, hosts and databases.
pub(super) fn of_connecting(error: &sqlx::Error, name: &str) -> Error {
    let code = match error {
        sqlx::Error::Database(error) => error.code().unwrap_or_default().into_owned(),
        sqlx::Error::Configuration(_) => {
            return Error::Other(format!("the address of database `{name}` cannot be read; see [sql.{name}] in host.toml"));
        }
        sqlx::Error::Tls(_) => {
            return Error::ConnectionFailed(format!(
                "database `{name}`: no encrypted connection is possible (check sslmode and certificates)"
            ));
        }
        _ => {
            return Error::ConnectionFailed(format!(
                "the server of database `{name}` cannot be reached\nhint: `host config sql.{name}.url` shows where it is looked for"
            ));
        }
    };
    let rejected = |text: String| Error::ConnectionRejected(plain(code.clone(), text));
    match code.as_str() {
        "28P01" => rejected(format!("the server refused the password configured for database `{name}`")),
        "28000" => rejected(format!("the server refused the user configured for database `{name}`")),
        "3D000" => rejected(format!("the database configured as `{name}` does not exist on its server")),
        "42501" => rejected(format!("the user configured for database `{name}` may not connect to it")),
        // These pass: trying again may help.
        "53300" => Error::ConnectionFailed(format!("the server of database `{name}` has too many connections")),
        "57P03" => Error::ConnectionFailed(format!("the server of database `{name}` is starting up or shutting down")),
        _ if code.starts_with("57") || code.starts_with("53") || code.starts_with("08") => {
            Error::ConnectionFailed(format!("the server of database `{name}` does not accept connections now ({code})"))
        }
        _ => rejected(format!("the server refused the connection to database `{name}`")),
    }
}
