//! What `migrate` did, for its text and for `--json`.

use serde_json::{Value, json};

use crate::failure::Failure;
use crate::plan::{Direction, Judged};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Planned,
    Done,
    Faked,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepReport {
    pub app: String,
    pub name: String,
    pub version: i64,
    pub direction: Direction,
    pub outcome: Outcome,
    pub milliseconds: u64,
}

/// Version 1 of the document: `{"version": 1, "command", "database", "outcome", "steps": [...], "apps": [...],
/// "warnings": [...], "error": {...} | null}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub steps: Vec<StepReport>,
    /// `migration` names whose rows were pruned or repaired.
    pub changed_rows: Vec<String>,
    pub warnings: Vec<String>,
    pub apps: Vec<AppCount>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppCount {
    pub app: String,
    pub applied: usize,
    pub total: usize,
}

impl Report {
    pub fn count(&mut self, judged: &[Judged]) {
        let count = |judged: &Judged| AppCount {
            app: judged.app.label.clone(),
            applied: judged.state.applied(),
            total: judged.state.entries.len(),
        };
        self.apps = judged.iter().map(count).collect();
    }

    pub fn document(&self, command: &str, database: &str, failure: Option<&Failure>) -> Value {
        json!({
            "version": 1,
            "command": command,
            "database": database,
            "outcome": failure.map_or("ok", |failure| failure.code.word()),
            "steps": self.steps.iter().map(StepReport::document).collect::<Vec<_>>(),
            "rows_changed": self.changed_rows,
            "apps": self.apps.iter().map(|app| json!({ "app": app.app, "applied": app.applied, "total": app.total })).collect::<Vec<_>>(),
            "warnings": self.warnings,
            "error": failure.map(Failure::document),
        })
    }
}

impl StepReport {
    fn document(&self) -> Value {
        let direction = match self.direction {
            Direction::Forwards => "apply",
            Direction::Backwards => "unapply",
        };
        let outcome = match self.outcome {
            Outcome::Planned => "planned",
            Outcome::Done => "done",
            Outcome::Faked => "faked",
            Outcome::Failed => "failed",
        };
        json!({
            "app": self.app,
            "name": self.name,
            "version": self.version,
            "direction": direction,
            "outcome": outcome,
            "milliseconds": self.milliseconds,
        })
    }
}
