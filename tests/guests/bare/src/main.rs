//! A component without a manifest, written without the SDK: runs, with nothing granted.

#![expect(clippy::print_stdout, reason = "plain standard output is the point")]

fn main() {
    let name = std::env::args().nth(1).unwrap_or_else(|| "world".to_owned());
    println!("hello, {name}");
}
