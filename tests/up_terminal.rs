//! `up` on a terminal: what somebody sees who looks at it.

use crate::harness::{Composed, Screen, Terminal, until};

const ROWS: usize = 8;
const COLUMNS: usize = 46;

/// `up` in a small window, between a shell's words before and after; `sees` waits for more.
fn up<'s>(shop: &Composed, sees: impl FnOnce(&mut Terminal) -> &'s str) -> Screen {
    let script = format!(
        "trap : INT; stty rows {ROWS} cols {COLUMNS}; before=$(stty -g); {} run up; echo code $?; [ \"$before\" = \"$(stty -g)\" ] && echo same",
        env!("CARGO_BIN_EXE_host")
    );
    let mut terminal = Terminal::start_as(shop.run("").through_shell(&script));
    let last = sees(&mut terminal);
    terminal.sees(last).sees("same");
    Screen::after(ROWS, COLUMNS, &terminal.ends(0))
}

#[test]
fn more_services_than_rows_with_names_longer_than_lines_are_told_in_order_and_nothing_else_is_left() {
    let mut compose = "services:\n".to_owned();
    let service = |number: usize| format!("a-service-with-a-name-that-is-long-{number:02}");
    for number in 0..ROWS + 2 {
        compose += &format!("  {}: {{image: busybox, stop_signal: KILL}}\n", service(number));
    }
    let shop = Composed::new(&compose);
    let screen = up(&shop, |_| "code 0");
    let lines = screen.lines();
    // Lines that went on below are put together again.
    let text = lines.concat();
    assert_eq!(text.matches("created ").count(), ROWS + 3, "{lines:#?}");
    for number in 0..ROWS + 2 {
        assert!(text.contains(&format!("created {}-{}-1 in ", shop.name(), service(number))), "{lines:#?}");
    }
    assert!(lines.iter().all(|line| !line.contains(['[', '>'])), "a bar is left: {lines:#?}");
    assert!(lines.ends_with(&["up: 10 services", "code 0", "same", ""].map(str::to_owned)) && !screen.cursor_is_hidden, "{lines:#?}");
}

#[test]
fn a_failure_is_the_last_thing_to_be_seen() {
    let shop = Composed::new("services: {db: {image: busybox}, web: {image: busybox, depends_on: [db], command: [no-such-program]}}");
    let screen = up(&shop, |_| "code 1");
    let lines = screen.lines();
    let text = lines.concat();
    assert!(text.contains("-db-1 in ") && text.contains("error: failed to create") && text.contains("no-such-program"), "{lines:#?}");
    assert!(lines.iter().all(|line| !line.contains("[=")) && !screen.cursor_is_hidden, "a bar is left: {lines:#?}");
}

#[test]
fn an_interrupt_leaves_the_terminal_as_it_was() {
    let shop = Composed::new(
        "services: {db: {image: busybox, healthcheck: {test: ['CMD', 'false'], interval: 500ms, retries: 1000}}, web: {image: busybox, depends_on: {db: {condition: service_healthy}}}}",
    );
    let screen = up(&shop, |terminal| {
        terminal.sees(&format!("wait {}-db-1", shop.name()));
        until("db runs", || shop.states().contains(&"shop-db-1 running".to_owned()));
        terminal.interrupts();
        "code 130"
    });
    let lines = screen.lines();
    // How far it was may be seen: the terminal itself wrote the keys behind the bar, and moved on.
    assert!(lines.iter().filter(|line| line.contains("[=")).count() <= 1 && !screen.cursor_is_hidden, "{lines:#?}");
    assert!(lines.ends_with(&["error: the run was interrupted", "code 130", "same", ""].map(str::to_owned)), "{lines:#?}");
}
