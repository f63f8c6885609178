//! Many commands in one crossing.

use host_sdk::redis::{Connection, Pipeline, Reply};
use host_sdk::{Error, Result, out};

use crate::lines::{bytes, shown};

pub(crate) fn run(redis: &Connection, commands: &[String], times: usize) -> Result<()> {
    let mut pipeline = Pipeline::new();
    for _ in 0..times {
        for command in commands {
            let mut words = command.split_whitespace();
            let name = words.next().unwrap_or_default();
            let arguments: Result<Vec<Vec<u8>>> = words.map(bytes).collect();
            pipeline.add(name, arguments?);
        }
    }
    let replies = pipeline.run(redis)?;
    if times > 1 {
        out!("{} replies", replies.count());
        return Ok(());
    }
    replies.for_each(|reply| print(&reply, 0));
    Ok(())
}

pub(crate) fn huge(redis: &Connection, key: &str, mebibytes: usize) -> Result<()> {
    let value = vec![b'x'; mebibytes << 20];
    let mut pipeline = Pipeline::new();
    pipeline.add("SET", [key.as_bytes(), &value]);
    let reply = pipeline.run(redis)?.next().ok_or_else(|| Error::failed("no reply"))?;
    print(&reply, 0);
    Ok(())
}

/// One line for each value, two spaces deeper inside of a list or map.
fn print(reply: &Reply, depth: usize) {
    let indent = "  ".repeat(depth);
    match reply {
        Reply::Nil => out!("{indent}(nil)"),
        Reply::Okay => out!("{indent}okay"),
        Reply::Integer(number) => out!("{indent}integer {number}"),
        Reply::Double(number) => out!("{indent}double {number}"),
        Reply::Boolean(value) => out!("{indent}boolean {value}"),
        Reply::Status(text) => out!("{indent}status {text}"),
        Reply::Bytes(bytes) => out!("{indent}bytes {}", shown(bytes)),
        Reply::Failed(error) => out!("{indent}failed {}: {}", error.code, error.message),
        Reply::List(items) => {
            out!("{indent}list {}", items.len());
            items.iter().for_each(|item| print(item, depth + 1));
        }
        Reply::Map(pairs) => {
            out!("{indent}map {}", pairs.len());
            for (name, value) in pairs {
                print(name, depth + 1);
                print(value, depth + 1);
            }
        }
    }
}
