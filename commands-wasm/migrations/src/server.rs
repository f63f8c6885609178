//! [`Server`] over `host:sql/admin`.

use host_sdk::host::sql::admin::{self, StagedDatabase};

use crate::init::{Client, Server, Summary};
use crate::ledger::{Error, Ledger, Result};
use crate::store::{WriteStore, convert};

pub struct AdminServer {
    /// The configured name.
    name: String,
    /// Closed before the staged database is swapped or deleted; fields drop in this order.
    store: Option<WriteStore>,
    staged: Option<StagedDatabase>,
}

impl AdminServer {
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), store: None, staged: None }
    }
}

impl Server for AdminServer {
    fn summary(&mut self) -> Result<Summary> {
        let summary = admin::summary(&self.name).map_err(convert)?;
        let clients = summary.clients.into_iter().map(|client| Client {
            process: client.process,
            user: client.user,
            application: client.application,
            state: client.state,
        });
        Ok(Summary {
            exists: summary.exists,
            database: summary.database,
            bytes: summary.bytes,
            tables: summary.tables,
            clients: clients.collect(),
        })
    }

    fn stage(&mut self) -> Result<&mut dyn Ledger> {
        let staged = self.staged.insert(StagedDatabase::create(&self.name).map_err(convert)?);
        Ok(self.store.insert(WriteStore::over(staged.connect().map_err(convert)?)?))
    }

    fn swap(&mut self, keep_as: Option<&str>, disconnect: bool) -> Result<()> {
        self.store = None;
        let Some(staged) = self.staged.take() else { return Err(Error::Other("there is no new database yet".to_owned())) };
        StagedDatabase::swap(staged, keep_as, disconnect).map_err(convert)
    }

    fn discard(&mut self) {
        self.store = None;
        self.staged = None;
    }

    fn restorable(&mut self) -> Result<Vec<String>> {
        admin::restorable(&self.name).map_err(convert)
    }

    fn restore(&mut self, kept: &str, keep_as: &str, disconnect: bool) -> Result<()> {
        admin::restore(&self.name, kept, keep_as, disconnect).map_err(convert)
    }
}
