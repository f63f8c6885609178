//! How a migration talks to people: data on stdout, talk on stderr, questions to the terminal.

use crate::failure::Result;

pub trait Talk {
    /// stdout, as it is: no line break is added. Flushed, so that a log shows what runs now.
    fn out(&mut self, text: &str);
    /// One line on stderr.
    fn note(&mut self, text: &str);
    /// One line on stderr after `warning: `.
    fn warn(&mut self, text: &str);
    /// A question that `--yes` answers without a terminal.
    fn confirm(&mut self, question: &str) -> Result<bool>;
    /// A line of text; `flag` says it without a terminal.
    fn text(&mut self, question: &str, flag: &str) -> Result<String>;
    /// Something long begins: a spinner on a terminal, and nothing elsewhere. True: it is drawn, so the
    /// line about it is written when it is over.
    fn working(&mut self, label: &str) -> bool;
    fn done(&mut self);
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Result, Talk};
    use crate::failure::{Code, Failure};

    /// Hears everything; answers `answer`, and types `typed` or has no terminal.
    #[derive(Default)]
    pub(crate) struct Heard {
        pub(crate) out: String,
        pub(crate) err: String,
        pub(crate) answer: bool,
        pub(crate) typed: Option<String>,
    }

    impl Talk for Heard {
        fn out(&mut self, text: &str) {
            self.out += text;
        }

        fn note(&mut self, text: &str) {
            self.err += &format!("{text}\n");
        }

        fn warn(&mut self, text: &str) {
            self.err += &format!("warning: {text}\n");
        }

        fn confirm(&mut self, _question: &str) -> Result<bool> {
            Ok(self.answer)
        }

        fn text(&mut self, _question: &str, flag: &str) -> Result<String> {
            self.typed.clone().ok_or_else(|| Failure::new(Code::Unconfirmed, "there is no terminal").hint(flag))
        }

        fn working(&mut self, _label: &str) -> bool {
            false
        }

        fn done(&mut self) {}
    }
}
