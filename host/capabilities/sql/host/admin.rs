//! `admin`.

use std::sync::Arc;

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::sql::SqlView;
use crate::capabilities::sql::admin::{DatabaseSummary, Host, HostStagedDatabase};
use crate::capabilities::sql::client::{self, Staged, Target};
use crate::capabilities::sql::error::invalid;
use crate::capabilities::sql::types::{ConnectOptions, Error};
use crate::gate::{Decision, Effect};
use crate::grants::SqlPower;

use super::{Connection, operation};

const DEFAULTS: ConnectOptions = ConnectOptions { connect_timeout_ms: 0, statement_timeout_ms: 0 };

/// A guest's staged database.
pub struct StagedDatabase {
    name: String,
    target: Target,
    staged: Option<Staged>,
}

impl SqlView<'_> {
    /// A name that is not configured is told as such, not as a denial.
    fn decide_admin(&self, name: &str) -> Decision {
        match self.ctx.urls.contains_key(name) {
            true => self.decide_power(name, SqlPower::Admin),
            false => Decision::Allowed,
        }
    }
}

impl Host for SqlView<'_> {
    async fn summary(&mut self, name: String) -> Trap<Result<DatabaseSummary, Error>> {
        let operation = operation("admin.summary", &name, Effect::Read, "");
        let (target, teller) = (self.ctx.target(&name, DEFAULTS), Arc::clone(&self.ctx.teller));
        let summary = async move {
            let (summary, address) = client::summary(&target?).await?;
            teller(&address);
            Ok(summary)
        };
        Ok(self.gate().pass(operation, self.decide_admin(&name), summary).await)
    }

    async fn restorable(&mut self, name: String) -> Trap<Result<Vec<String>, Error>> {
        let operation = operation("admin.restorable", &name, Effect::Read, "");
        let target = self.ctx.target(&name, DEFAULTS);
        let kept = async move { client::kept(&target?).await };
        Ok(self.gate().pass(operation, self.decide_admin(&name), kept).await)
    }

    async fn restore(&mut self, name: String, kept: String, keep_as: String, disconnect: bool) -> Trap<Result<(), Error>> {
        let operation = operation("admin.restore", &name, Effect::Destroy, &format!("{kept}, the present one as {keep_as}"));
        let target = self.ctx.target(&name, DEFAULTS);
        let restore = async move { client::restore(&target?, kept, keep_as, disconnect).await };
        Ok(self.gate().pass(operation, self.decide_admin(&name), restore).await)
    }
}

impl HostStagedDatabase for SqlView<'_> {
    async fn create(&mut self, name: String) -> Trap<Result<Resource<StagedDatabase>, Error>> {
        let operation = operation("admin.staged-database.create", &name, Effect::Destroy, "");
        let target = self.ctx.target(&name, DEFAULTS);
        let create = async {
            let target = target?;
            let staged = Staged::create(&target).await?;
            Ok((target, staged))
        };
        match self.gate().pass(operation, self.decide_admin(&name), create).await {
            Ok((target, staged)) => Ok(Ok(self.table.push(StagedDatabase { name, target, staged: Some(staged) })?)),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn connect(&mut self, this: Resource<StagedDatabase>) -> Trap<Result<Resource<Connection>, Error>> {
        let staged = self.table.get(&this)?;
        let operation = operation("admin.staged-database.connect", &staged.name, Effect::Change, "");
        let (name, mut target) = (staged.name.clone(), staged.target.clone());
        target.staged = staged.staged.as_ref().map(Staged::place);
        let connect = self.ctx.open_session(target, DEFAULTS);
        match self.gate().pass(operation, self.decide_power(&name, SqlPower::Admin), connect).await {
            Ok(session) => Ok(Ok(self.table.push(Connection { session, name })?)),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn swap(&mut self, staged: Resource<StagedDatabase>, keep_as: Option<String>, disconnect: bool) -> Trap<Result<(), Error>> {
        let staged = self.table.delete(staged)?;
        let detail = keep_as.as_deref().map_or_else(|| "the old one is deleted".to_owned(), |keep_as| format!("the old one as {keep_as}"));
        let operation = operation("admin.staged-database.swap", &staged.name, Effect::Destroy, &detail);
        let decision = self.decide_power(&staged.name, SqlPower::Admin);
        // Connections that were closed a moment ago may still be on their way out.
        let sessions = self.ctx.open.closing();
        let swap = async move {
            let ended = futures_util::future::join_all(sessions.iter().map(|session| session.ended()));
            let _ = tokio::time::timeout(crate::capabilities::sql::limits::SHUTDOWN, ended).await;
            let inner = staged.staged.ok_or_else(|| invalid("the staged database is gone"))?;
            inner.swap(&staged.target, keep_as, disconnect).await
        };
        Ok(self.gate().pass(operation, decision, swap).await)
    }

    /// Deletes it; what fails here is done by the next stage of the same name.
    async fn drop(&mut self, this: Resource<StagedDatabase>) -> Trap<()> {
        if let Some(staged) = self.table.delete(this)?.staged {
            let _ = tokio::time::timeout(crate::capabilities::sql::limits::SHUTDOWN, staged.discard()).await;
        }
        Ok(())
    }
}
