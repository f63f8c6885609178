//! The master of a service, as sentinels know it. Asked anew at each connect, so that a failover is followed.

use super::connect::{Connected, Greeting, greet, within};
use super::reply::Reply;
use super::request::Request;
use super::target::{Address, Place, Target};
use super::wire::Budget;
use super::{Failure, Timeouts};

const ANSWER_BYTES: usize = 64 << 10;

/// Asks one sentinel after the other until one names a master that says it is one. The bound of connecting
/// is shared among them: one that hangs must not hide the others.
pub(super) async fn master(target: &Target, greeting: Greeting<'_>, timeouts: Timeouts) -> Result<(Address, Connected), Failure> {
    let Place::Sentinel { sentinels, service, login } = &target.place else {
        return Err(Failure::Unreachable("it is no sentinel".to_owned()));
    };
    let share = timeouts.connect / u32::try_from(sentinels.len()).unwrap_or(u32::MAX).max(1);
    let mut last = Failure::Unreachable("no sentinel was named".to_owned());
    for sentinel in sentinels {
        let attempt = async {
            let address = ask(sentinel, target.tls, service, Greeting { login, database: 0, ..greeting }, timeouts).await?;
            let mut connected = greet(&address, target.tls, greeting, timeouts.answer).await?;
            confirm(&mut connected).await?;
            Ok((address, connected))
        };
        match within(share, attempt).await {
            Ok(found) => return Ok(found),
            // A wrong password is told rather than hidden behind a sentinel that is down.
            Err(failure) if matches!(last, Failure::Rejected { .. }) => drop(failure),
            Err(failure) => last = failure,
        }
    }
    Err(last)
}

async fn ask(sentinel: &Address, tls: bool, service: &str, greeting: Greeting<'_>, timeouts: Timeouts) -> Result<Address, Failure> {
    let mut wire = greet(sentinel, tls, greeting, timeouts.answer).await?.wire;
    let mut request = Request::reading();
    request.add(&[b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", service.as_bytes()], None);
    let mut replies = Vec::new();
    wire.exchange(request.bytes(), 1, &Budget::new(ANSWER_BYTES), &mut replies).await?;
    match replies.as_slice() {
        [Reply::List(2), Reply::Bytes(host), Reply::Bytes(port)] => {
            let port = String::from_utf8_lossy(port).parse().map_err(|_| Failure::Unreachable("its sentinel names no port".to_owned()))?;
            Ok(Address::Tcp(String::from_utf8_lossy(host).into_owned(), port))
        }
        [Reply::Nil] => {
            Err(Failure::Rejected { code: "SENTINEL".to_owned(), message: format!("its sentinels know no service `{service}`") })
        }
        [Reply::Failed(error)] => {
            Err(Failure::Rejected { code: error.code.clone(), message: super::without_user(&error.message, greeting.login) })
        }
        _ => Err(Failure::Unreachable("its sentinel answers nonsense".to_owned())),
    }
}

/// A sentinel may be behind: a master that was demoted says so. A server that does not let us ask is believed.
async fn confirm(connected: &mut Connected) -> Result<(), Failure> {
    let mut request = Request::reading();
    request.add(&[b"ROLE"], None);
    let mut replies = Vec::new();
    connected.wire.exchange(request.bytes(), 1, &Budget::new(ANSWER_BYTES), &mut replies).await?;
    match replies.get(..2) {
        Some([Reply::List(_), Reply::Bytes(role)]) if role != b"master" => {
            Err(Failure::Unreachable("its sentinel names a server that is no master yet; try again in a moment".to_owned()))
        }
        _ => Ok(()),
    }
}
