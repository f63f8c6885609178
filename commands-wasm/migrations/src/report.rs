//! What `migrate` did, for its text and for `--json`.

use host_sdk::serde_json::{Value, json};

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

/// Version 1 of the document: `{"v": 1, "command", "database", "steps": [{"app", "name", "version", "direction",
/// "outcome", "milliseconds"}], "rows_changed": [...], "apps": [{"app", "applied", "total"}], "warnings": [...]}`; after a
/// failure `{"v": 1, "error": {..., "steps", "apps", "warnings"}}`.
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

    /// After `"v":1`, which the SDK writes.
    pub fn document(&self, command: &str, database: &str) -> Value {
        json!({
            "command": command,
            "database": database,
            "steps": self.steps(),
            "rows_changed": self.changed_rows,
            "apps": self.counts(),
            "warnings": self.warnings,
        })
    }

    /// What was done until the failure goes into the error's own document.
    pub fn attach(&self, failure: Failure) -> Failure {
        failure.detail("steps", self.steps()).detail("apps", self.counts()).detail("warnings", self.warnings.clone())
    }

    fn steps(&self) -> Value {
        self.steps.iter().map(StepReport::document).collect()
    }

    fn counts(&self) -> Value {
        self.apps.iter().map(|app| json!({ "app": app.app, "applied": app.applied, "total": app.total })).collect()
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
