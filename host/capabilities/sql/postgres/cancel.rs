//! Cancelling on the server. sqlx has no cancel request, so a second connection asks for it.

use sqlx::Connection;
use sqlx::postgres::PgConnectOptions;

use crate::capabilities::sql::limits::CANCEL_REQUEST;

use super::connect;

/// Asks the server to cancel what `pid` runs. A failure is not told: the caller gives the connection up then.
pub(super) async fn cancel(options: &PgConnectOptions, pid: i32) {
    let request = async {
        let Ok(mut connection) = connect(options, "", CANCEL_REQUEST).await else { return };
        let _ = sqlx::query("SELECT pg_cancel_backend($1)").bind(pid).execute(&mut connection).await;
        let _ = connection.close().await;
    };
    let _ = tokio::time::timeout(CANCEL_REQUEST, request).await;
}
