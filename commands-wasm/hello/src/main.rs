//! The smallest command.

#![expect(clippy::print_stdout, reason = "until the library has its own")]

fn main() {
    println!("hello, {}", std::env::args().nth(1).unwrap_or_else(|| "world".to_owned()));
}
