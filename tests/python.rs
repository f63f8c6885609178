//! A component in another language: made by componentize-py from `tests/guests/python`, dropped in as it is.

use crate::harness::{Project, guest};

fn project() -> Project {
    let project = Project::new("[sql.default]\nurl = \"sqlite://var/app.db\"\n").guest("python");
    project.write("var/app.db", "");
    project
}

#[test]
fn a_python_component_is_listed_inspected_denied_granted_and_run() {
    let project = project();
    project.host("list").succeeds().prints("python");
    project.host("inspect python").succeeds().prints("host:sql/read").prints("sha256:");
    project.host("inspect").arg(guest("python")).succeeds().prints("host:sql/read");
    let denied = project.run("python").ends(4).says("[commands.python]").says("sql.default = [\"read\"]");
    assert!(denied.stdout.is_empty(), "it ran before it was denied\n{denied}");
    project.host("grant python --yes").succeeds();
    assert!(project.read("host.toml").contains("[commands.python]"));
    // An interpreter is 18 MB: compiled once, then mapped.
    project.run("python").patience(300).succeeds().prints_only("1\n");
    project.run("python").arg("SELECT 'ä' AS a, NULL AS b UNION ALL SELECT 'z', 2.5").succeeds().prints_only("ä\tNULL\nz\t2.5\n");
    project.run("python").arg("CREATE TABLE t (a)").ends(1);
    project.host("runs").succeeds().prints("python");
}
