//! `lock.advisory-lock`.

use std::sync::Arc;

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::sql::SqlView;
use crate::capabilities::sql::client::Work;
use crate::capabilities::sql::limits;
use crate::capabilities::sql::lock::{Holder, Host, HostAdvisoryLock};
use crate::capabilities::sql::types::Error;
use crate::gate::{Decision, Effect};
use crate::grants::SqlPower;

use super::{AdvisoryLock, Connection, operation};

impl Host for SqlView<'_> {}

impl HostAdvisoryLock for SqlView<'_> {
    async fn try_acquire(&mut self, on: Resource<Connection>, key: i64) -> Trap<Result<Option<Resource<AdvisoryLock>>, Error>> {
        let connection = self.table.get(&on)?;
        let operation = operation("lock.try-acquire", &connection.name, Effect::Change, &key.to_string());
        let acquire = connection.session.ask(|reply| Work::TryLock(key, reply));
        match self.gate().pass(operation, self.decide_power(&connection.name, SqlPower::Lock), acquire).await {
            Ok(false) => Ok(Ok(None)),
            Ok(true) => {
                let lock = AdvisoryLock { session: Arc::clone(&connection.session), name: connection.name.clone(), key, released: false };
                Ok(Ok(Some(self.table.push(lock)?)))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    async fn holder(&mut self, on: Resource<Connection>, key: i64) -> Trap<Result<Option<Holder>, Error>> {
        let connection = self.table.get(&on)?;
        let operation = operation("lock.holder", &connection.name, Effect::Read, &key.to_string());
        let holder = connection.session.ask(|reply| Work::Holder(key, reply));
        Ok(self.gate().pass(operation, self.decide_power(&connection.name, SqlPower::Lock), holder).await)
    }

    async fn release(&mut self, this: Resource<AdvisoryLock>) -> Trap<Result<bool, Error>> {
        let gate = self.gate();
        let lock = self.table.get_mut(&this)?;
        // Giving up what was granted needs no grant.
        let operation = operation("lock.release", &lock.name, Effect::Read, &lock.key.to_string());
        let held = !std::mem::replace(&mut lock.released, true);
        let (session, key) = (Arc::clone(&lock.session), lock.key);
        let release = async move {
            match held {
                true => session.ask(|reply| Work::Unlock(key, Some(reply))).await,
                false => Ok(false),
            }
        };
        Ok(gate.pass(operation, Decision::Allowed, release).await)
    }

    async fn drop(&mut self, this: Resource<AdvisoryLock>) -> Trap<()> {
        let mut lock = self.table.delete(this)?;
        let unlock = lock.session.ask(|reply| Work::Unlock(lock.key, Some(reply)));
        // Waited for, so that the next who tries gets it. While rows are open it is scheduled instead.
        if !lock.released && !lock.session.is_closed() && matches!(tokio::time::timeout(limits::CANCEL_WAIT, unlock).await, Ok(Ok(_))) {
            lock.released = true;
        }
        Ok(())
    }
}

impl Drop for AdvisoryLock {
    fn drop(&mut self) {
        if !self.released && !self.session.is_closed() {
            self.session.schedule(Work::Unlock(self.key, None));
        }
    }
}
