//! `publish`.

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::redis::RedisView;
use crate::capabilities::redis::client::Request;
use crate::capabilities::redis::publish::Host;
use crate::capabilities::redis::types::Error;
use crate::grants::RedisPower::Publish;

use super::{Connection, check_key};

impl Host for RedisView<'_> {
    async fn publish(&mut self, on: Resource<Connection>, channel: Vec<u8>, message: Vec<u8>) -> Trap<Result<u64, Error>> {
        let (mut pass, connection) = self.enter(&on, "publish.publish", Publish, [])?;
        pass.decision = connection.permit.channel(&channel);
        pass.operation.detail = String::from_utf8_lossy(channel.get(..240).unwrap_or(&channel)).into_owned();
        let work = async {
            check_key(&channel)?;
            let mut request = Request::changing();
            request.add(&[b"PUBLISH", &channel, &message], None);
            connection.done(&request).await?.count()
        };
        Ok(pass.through(work).await)
    }
}
