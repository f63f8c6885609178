//! `types.connection` and `types.rows`.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::sql::client::{Session, Target};
use crate::capabilities::sql::error::too_much;
use crate::capabilities::sql::limits;
use crate::capabilities::sql::policy::{Need, unknown_database};
use crate::capabilities::sql::types::{Batch, Column, ConnectOptions, Engine, Error, Host, HostConnection, HostRows};
use crate::capabilities::sql::{SqlCtx, SqlView};
use crate::gate::Effect;

use super::{Connection, Rows, Source, operation};

impl Host for SqlView<'_> {}

impl SqlCtx {
    /// How to reach a configured database; the powers are those that are permitted on the name.
    pub(in super::super) fn target(&self, name: &str, options: ConnectOptions) -> Result<Target, Error> {
        let ctx = self;
        let url = ctx.urls.get(name).cloned().ok_or_else(|| Error::NoSuchDatabase(unknown_database(name, &ctx.urls, &ctx.grants)))?;
        let connect_timeout = match options.connect_timeout_ms {
            0 => limits::CONNECT_TIMEOUT,
            ms => Duration::from_millis(u64::from(ms)),
        };
        Ok(Target {
            command: ctx.command.clone(),
            name: name.to_owned(),
            url,
            powers: ctx.grants.get(name).cloned().unwrap_or_default(),
            root: ctx.root.clone(),
            locks: ctx.locks.clone(),
            gate: ctx.gate.clone(),
            connect_timeout,
            staged: None,
        })
    }

    /// Opens a session and counts it.
    pub(in super::super) async fn open_session(&self, target: Target, options: ConnectOptions) -> Result<Arc<Session>, Error> {
        if !self.open.has_room() {
            return Err(too_much(format!("{} connections are open already; close one first", limits::CONNECTIONS)));
        }
        let session = Session::open(target).await?;
        session.set_timeout(options.statement_timeout_ms);
        self.open.add(&session);
        Ok(session)
    }

    async fn open_connection(&self, name: String, options: ConnectOptions) -> Result<Connection, Error> {
        let target = self.target(&name, options)?;
        let session = self.open_session(target, options).await?;
        Ok(Connection { session, name })
    }
}

impl HostConnection for SqlView<'_> {
    async fn open(&mut self, name: String, options: ConnectOptions) -> Trap<Result<Resource<Connection>, Error>> {
        let operation = operation("connection.open", &name, Effect::Read, "");
        // A name that is not configured is told as such, not as a denial.
        let decision = match self.ctx.urls.contains_key(&name) {
            true => self.decide(&name, Need::AnyPower),
            false => crate::gate::Decision::Allowed,
        };
        match self.gate().pass(operation, decision, self.ctx.open_connection(name, options)).await {
            Ok(connection) => Ok(Ok(self.table.push(connection)?)),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn engine(&mut self, this: Resource<Connection>) -> Trap<Engine> {
        Ok(self.table.get(&this)?.session.facts.engine)
    }

    async fn server_version(&mut self, this: Resource<Connection>) -> Trap<String> {
        Ok(self.table.get(&this)?.session.facts.version.clone())
    }

    async fn database(&mut self, this: Resource<Connection>) -> Trap<String> {
        Ok(self.table.get(&this)?.session.facts.database.clone())
    }

    async fn set_statement_timeout(&mut self, this: Resource<Connection>, ms: u32) -> Trap<()> {
        self.table.get(&this)?.session.set_timeout(ms);
        Ok(())
    }

    async fn close(&mut self, this: Resource<Connection>) -> Trap<()> {
        self.table.get(&this)?.session.close();
        Ok(())
    }

    async fn drop(&mut self, this: Resource<Connection>) -> Trap<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostRows for SqlView<'_> {
    async fn columns(&mut self, this: Resource<Rows>) -> Trap<Vec<Column>> {
        Ok(self.table.get(&this)?.columns.clone())
    }

    /// Not journaled (one line per batch would drown the rest), but it ends with the run.
    async fn next(&mut self, this: Resource<Rows>) -> Trap<Result<Option<Batch>, Error>> {
        let gate = self.gate();
        let rows = self.table.get_mut(&this)?;
        tokio::select! {
            biased;
            refusal = gate.ended() => Ok(Err(refusal.into())),
            next = rows.next() => Ok(next),
        }
    }

    async fn drop(&mut self, this: Resource<Rows>) -> Trap<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl Rows {
    pub(super) async fn next(&mut self) -> Result<Option<Batch>, Error> {
        let answer = match &mut self.source {
            Source::Stream(batches, _) => batches.recv().await.transpose(),
            Source::Ready(batches) => Ok(batches.next()),
            Source::End => Ok(None),
        };
        if !matches!(answer, Ok(Some(_)))
            && let Source::Stream(_, guard) = std::mem::replace(&mut self.source, Source::End)
        {
            guard.disarm();
        }
        answer
    }
}
