//! `native-flush URL PATTERN` removes keys from Redis as an application would that was written for speed: the keys of
//! one SCAN are unlinked in the same round trip that asks for the next ones. Prints how many were removed.

use anyhow::Context;

/// As many as `flush_cache` asks for.
const BATCH: usize = 5_000;

fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let (url, pattern) = words.next().zip(words.next()).context("usage: native-flush URL PATTERN")?;
    let mut connection = redis::Client::open(url)?.get_connection()?;
    let scan = |cursor: &[u8]| redis::cmd("SCAN").arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(BATCH).to_owned();
    let (mut cursor, mut keys): (Vec<u8>, Vec<Vec<u8>>) = scan(b"0").query(&mut connection)?;
    let mut removed = 0_u64;
    while cursor != b"0" {
        let mut pipeline = redis::pipe();
        if !keys.is_empty() {
            pipeline.cmd("UNLINK").arg(&keys);
        }
        pipeline.add_command(scan(&cursor));
        (removed, cursor, keys) = match keys.is_empty() {
            true => {
                let ((cursor, keys),) = pipeline.query(&mut connection)?;
                (removed, cursor, keys)
            }
            false => {
                let (count, (cursor, keys)): (u64, (Vec<u8>, Vec<Vec<u8>>)) = pipeline.query(&mut connection)?;
                (removed + count, cursor, keys)
            }
        };
    }
    if !keys.is_empty() {
        removed += redis::cmd("UNLINK").arg(&keys).query::<u64>(&mut connection)?;
    }
    println!("{removed} keys");
    Ok(())
}
