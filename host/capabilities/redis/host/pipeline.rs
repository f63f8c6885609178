//! `pipeline.run`: many commands in one crossing, each judged before any is sent.

use std::time::{SystemTime, UNIX_EPOCH};

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::redis::client::{self, Request};
use crate::capabilities::redis::error::{invalid, refused, too_much};
use crate::capabilities::redis::pipeline::{Command, Host, Reply};
use crate::capabilities::redis::policy::Permit;
use crate::capabilities::redis::table::{self, Needs, Refused};
use crate::capabilities::redis::types::Error;
use crate::capabilities::redis::{RedisView, limits};
use crate::gate::{Decision, Effect};
use crate::grants::RedisPower;

use super::{Connection, Pass, answers, check_key, delete, effect, operation};

/// A pipeline that was judged.
struct Plan {
    needs: Vec<Needs>,
    effect: Effect,
    decision: Decision,
    bounds: Result<(), Error>,
}

/// Judges every command: what is not offered or not granted decides about all.
fn plan(commands: &[Command], permit: &Permit, now: i64) -> Plan {
    let mut plan = Plan { needs: Vec::with_capacity(commands.len()), effect: Effect::Read, decision: permit.any_power(), bounds: Ok(()) };
    for command in commands {
        let words = words(command);
        match table::needs(&words, now) {
            Ok(needs) => {
                let worst = needs.powers.iter().map(|power| effect(*power)).max().unwrap_or(Effect::Read);
                plan.effect = plan.effect.max(worst);
                if plan.decision == Decision::Allowed {
                    plan.decision = decide(&words, &needs, permit);
                }
                if plan.bounds.is_ok() {
                    plan.bounds = needs.keys.iter().filter_map(|place| words.get(*place)).try_for_each(|key| check_key(key));
                }
                plan.needs.push(needs);
            }
            Err(Refused::NotOffered(text)) if plan.decision == Decision::Allowed => plan.decision = Decision::Denied(text),
            Err(Refused::Malformed(text)) if plan.bounds.is_ok() => plan.bounds = Err(invalid(text)),
            Err(_) => {}
        }
    }
    plan
}

fn decide(words: &[&[u8]], needs: &Needs, permit: &Permit) -> Decision {
    let powers = needs.powers.iter().map(|power| match needs.channel.and_then(|place| words.get(place)) {
        Some(channel) if *power == RedisPower::Publish => permit.channel(channel),
        _ => permit.power(*power),
    });
    let denied = powers.into_iter().find(|decision| *decision != Decision::Allowed);
    let keys = || permit.keys(needs.keys.iter().filter_map(|place| words.get(*place).copied()));
    denied.unwrap_or_else(keys)
}

fn words(command: &Command) -> Vec<&[u8]> {
    [command.name.as_bytes()].into_iter().chain(command.arguments.iter().map(Vec::as_slice)).collect()
}

impl Connection {
    async fn run(&mut self, commands: &[Command], needs: &[Needs], changes: bool) -> Result<Vec<client::Reply>, Error> {
        let mut request = if changes { Request::changing() } else { Request::reading() };
        let prefix = self.permit.prefix();
        for (command, needs) in commands.iter().zip(needs) {
            let mut words = words(command);
            let keys: Vec<Vec<u8>> =
                needs.keys.iter().map(|place| [prefix, words.get(*place).copied().unwrap_or_default()].concat()).collect();
            for (place, key) in needs.keys.iter().zip(&keys) {
                if let Some(word) = words.get_mut(*place) {
                    *word = key;
                }
            }
            request.add(&words, needs.keys.first().copied());
        }
        self.ask(&request).await
    }
}

/// How many keys the replies say were deleted.
fn deleted(replies: &[client::Reply], needs: &[Needs]) -> u64 {
    let each = answers::each_command(replies).zip(needs).map(|(own, needs)| match own.first() {
        Some(client::Reply::Integer(count)) if needs.counts_deleted => u64::try_from(*count).unwrap_or_default(),
        None | Some(client::Reply::Failed(_) | client::Reply::Nil | client::Reply::Integer(0)) => 0,
        Some(_) => needs.deletes,
    });
    each.sum()
}

/// The replies as the guest takes them: no prefix, no address.
fn shown(replies: Vec<client::Reply>, needs: &[Needs], prefix: &[u8]) -> Vec<Reply> {
    let names: Vec<usize> = match prefix.is_empty() {
        true => Vec::new(),
        false => named_keys(&replies, needs),
    };
    let mut names = names.into_iter().peekable();
    let replies = replies.into_iter().enumerate().map(|(place, reply)| match reply {
        client::Reply::Bytes(bytes) if names.next_if_eq(&place).is_some() => {
            Reply::Bytes(bytes.strip_prefix(prefix).map(<[u8]>::to_vec).unwrap_or_default())
        }
        client::Reply::Bytes(bytes) => Reply::Bytes(bytes),
        client::Reply::Nil => Reply::Nil,
        client::Reply::Okay => Reply::Okay,
        client::Reply::Integer(number) => Reply::Integer(number),
        client::Reply::Double(number) => Reply::Double(number),
        client::Reply::Boolean(truth) => Reply::Boolean(truth),
        client::Reply::Status(text) => Reply::Status(text),
        client::Reply::Failed(error) => Reply::Failed(refused(error, prefix)),
        client::Reply::List(count) => Reply::ListOf(count),
        client::Reply::Map(pairs) => Reply::MapOf(pairs),
    });
    replies.collect()
}

/// The places of keys in the replies of commands that name them: the first value of each pair that XREAD
/// answers, as a map or as a list of pairs, and of the pair that LMPOP answers.
fn named_keys(replies: &[client::Reply], needs: &[Needs]) -> Vec<usize> {
    let mut places = Vec::new();
    let mut start = 0;
    for (own, needs) in answers::each_command(replies).zip(needs) {
        if needs.names_keys {
            named_in(own, start, &mut places);
        }
        start += own.len();
    }
    places
}

fn named_in(own: &[client::Reply], start: usize, places: &mut Vec<usize>) {
    let is_pair = |at: usize| matches!(own.get(at), Some(client::Reply::List(2)));
    match own.first() {
        Some(client::Reply::Map(_)) => {
            let mut at = 1;
            while at < own.len() {
                places.push(start + at);
                at += 1 + client::extent(own.get(at + 1..).unwrap_or_default()).max(1);
            }
        }
        // A key and what was taken from it.
        Some(client::Reply::List(2)) if !is_pair(1) => places.push(start + 1),
        Some(client::Reply::List(_)) => {
            let mut at = 1;
            while is_pair(at) {
                places.push(start + at + 1);
                at += client::extent(own.get(at..).unwrap_or_default()).max(1);
            }
        }
        _ => {}
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Host for RedisView<'_> {
    async fn run(&mut self, on: Resource<Connection>, commands: Vec<Command>) -> Trap<Result<Vec<Reply>, Error>> {
        let connection = self.table.get_mut(&on)?;
        let Plan { needs, effect, decision, bounds } = plan(&commands, &connection.permit, now());
        let mut operation = operation("pipeline.run", connection.permit.name(), effect, b"");
        operation.detail = detail(&commands);
        let pass = Pass { gate: self.ctx.gate.clone(), operation, decision, bounds };
        let gate = pass.gate.clone();
        let work = async {
            let words: usize = commands.iter().map(|command| 1 + command.arguments.len()).sum();
            if commands.len() > limits::COMMANDS || words > limits::WORDS {
                return Err(too_much(format!(
                    "a pipeline of {} commands with {words} words; at most {} with {} are possible",
                    commands.len(),
                    limits::COMMANDS,
                    limits::WORDS
                )));
            }
            let most = needs.iter().map(|needs| needs.deletes).sum();
            let run = connection.run(&commands, &needs, effect != Effect::Read);
            let replies = match most {
                0 => run.await?,
                _ => delete::within_budget(&gate, most, run, |replies| deleted(replies, &needs)).await?,
            };
            Ok(shown(replies, &needs, connection.permit.prefix()))
        };
        Ok(pass.through(work).await)
    }
}

/// The journal's line: how many commands of which names.
fn detail(commands: &[Command]) -> String {
    let mut names: Vec<String> = Vec::new();
    for command in commands {
        let name: String = command.name.chars().take(40).flat_map(char::to_uppercase).collect();
        if !names.contains(&name) {
            names.push(name);
        }
        if names.len() > 10 {
            break;
        }
    }
    format!("{} commands: {}", commands.len(), names.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use client::Reply as R;

    fn bytes(text: &str) -> R {
        R::Bytes(text.as_bytes().to_owned())
    }

    fn naming() -> Needs {
        Needs { names_keys: true, ..Needs::default() }
    }

    #[test]
    fn keys_in_replies_lose_the_prefix_in_every_shape() {
        let entry = || [R::List(1), R::List(2), bytes("1-0"), R::List(2), bytes("shop:f"), bytes("shop:v")];
        let told = |replies: Vec<R>| {
            let shown = shown(replies, &[naming(), Needs::default()], b"shop:");
            shown
                .into_iter()
                .filter_map(|reply| if let Reply::Bytes(bytes) = reply { String::from_utf8(bytes).ok() } else { None })
                .collect::<Vec<_>>()
        };
        let list: Vec<R> = [R::List(2)]
            .into_iter()
            .chain([R::List(2), bytes("shop:a")])
            .chain(entry())
            .chain([R::List(2), bytes("shop:b")])
            .chain(entry())
            .chain([bytes("shop:value")])
            .collect();
        assert_eq!(told(list), ["a", "1-0", "shop:f", "shop:v", "b", "1-0", "shop:f", "shop:v", "shop:value"]);
        let map: Vec<R> = [R::Map(2), bytes("shop:a")].into_iter().chain(entry()).chain([bytes("shop:b")]).chain(entry()).collect();
        assert_eq!(told(map), ["a", "1-0", "shop:f", "shop:v", "b", "1-0", "shop:f", "shop:v"]);
        assert_eq!(told(vec![R::List(2), bytes("shop:l"), R::List(1), bytes("shop:x"), R::Nil]), ["l", "shop:x"]);
        assert!(told(vec![R::Nil, R::Nil]).is_empty());
    }

    #[test]
    fn deleted_keys_are_counted_by_what_the_server_answered() {
        let needs = |deletes: u64, counts_deleted: bool| Needs { deletes, counts_deleted, ..Needs::default() };
        let replies = [R::Integer(2), bytes("x"), R::Nil, R::Okay, R::Integer(7)];
        let needs = [needs(3, true), needs(1, false), needs(1, false), needs(1, false), needs(0, false)];
        assert_eq!(deleted(&replies, &needs), 4);
    }
}
