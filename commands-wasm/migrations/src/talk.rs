//! How a migration talks to people: data on stdout, talk on stderr, questions to the terminal.

use crate::failure::Result;

pub trait Talk {
    /// stdout, as it is: no line break is added. Flushed, so that a log shows what runs now.
    fn out(&mut self, text: &str);
    /// One line on stderr.
    fn note(&mut self, text: &str);
    /// One line on stderr after `warning: `.
    fn warn(&mut self, text: &str);
    /// A question answered by `flag` without a terminal.
    fn confirm(&mut self, question: &str, flag: &str) -> Result<bool>;
    /// Something long begins: a spinner on a terminal, and nothing elsewhere. True: it is drawn, so the
    /// line about it is written when it is over.
    fn working(&mut self, label: &str) -> bool;
    fn done(&mut self);
}
