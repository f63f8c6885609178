//! A project with a database, migrations, and the commands that migrate, granted what they need.

use std::ops::Deref;

use super::{Database, Project, Run, shared_postgres, sqlx};

/// What `host init` writes for the commands that these tests run.
const GRANTS: &str = r#"
[commands.migrate]
sql.default = ["read", "write", "schema", "lock"]
files."migrations/**" = "read"
[commands.lockedmigrate]
sql.default = ["read", "write", "schema", "lock"]
files."migrations/**" = "read"
[commands.showmigrations]
sql.default = ["read"]
files."migrations/**" = "read"
[commands.wait4db]
sql.default = ["read"]
files."migrations/**" = "read"
[commands.init_db]
sql.default = ["read", "write", "schema", "lock", "admin"]
files."migrations/**" = "read"
"#;

/// The project, and a way to look into its database that does not pass through the host.
pub(crate) struct Shop {
    project: Project,
    database: Option<Database>,
}

impl Deref for Shop {
    type Target = Project;

    fn deref(&self) -> &Project {
        &self.project
    }
}

impl Shop {
    pub(crate) fn on_sqlite() -> Self {
        Self { project: project("sqlite://var/app.db"), database: None }
    }

    /// On a fresh database of the shared server.
    pub(crate) fn on_postgres() -> Self {
        Self::on(shared_postgres().database())
    }

    pub(crate) fn on(database: Database) -> Self {
        Self { project: project(&database.url()), database: Some(database) }
    }

    /// One on each engine, for what must be the same.
    pub(crate) fn on_both() -> [Self; 2] {
        [Self::on_sqlite(), Self::on_postgres()]
    }

    /// Adds a standard command.
    #[track_caller]
    pub(crate) fn command(self, name: &str) -> Self {
        Self { project: self.project.command(name), ..self }
    }

    /// Adds a migration: `migration("1_users", "CREATE ...")`.
    pub(crate) fn migration(self, name: &str, script: &str) -> Self {
        self.write(&format!("migrations/{name}.sql"), script);
        self
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.database.is_some()
    }

    /// Its database on Postgres.
    #[track_caller]
    pub(crate) fn postgres(&self) -> &Database {
        self.database.as_ref().expect("a shop on Postgres")
    }

    /// What a statement answers: rows parted by line ends, columns by `|`, booleans as 0 and 1.
    #[track_caller]
    pub(crate) fn sql(&self, statement: &str) -> String {
        match &self.database {
            Some(database) => database.sql(statement),
            None => sqlite(&self.sqlite_file(), statement),
        }
    }

    /// Runs statements that answer nothing.
    #[track_caller]
    pub(crate) fn sql_batch(&self, statements: &str) {
        match &self.database {
            Some(database) => drop(database.sql(statements)),
            None => {
                rusqlite::Connection::open(self.sqlite_file()).expect("the database opens").execute_batch(statements).expect(statements)
            }
        }
    }

    fn sqlite_file(&self) -> std::path::PathBuf {
        self.path("var/app.db")
    }

    /// `VERSION success` of each row in the table that sqlx and the host share.
    #[track_caller]
    pub(crate) fn applied(&self) -> String {
        self.sql("SELECT version || CASE WHEN success THEN '' ELSE ' dirty' END FROM _sqlx_migrations ORDER BY version").replace('\n', " ")
    }

    /// The real `sqlx migrate` on the same database and files.
    #[track_caller]
    pub(crate) fn sqlx(&self, words: &str) -> String {
        let url = match &self.database {
            Some(database) => database.url(),
            None => format!("sqlite://{}?mode=rwc", self.sqlite_file().display()),
        };
        sqlx(words, &self.path("migrations"), &url)
    }

    /// `host run migrate` with these words.
    pub(crate) fn migrate(&self, words: &str) -> Run {
        self.run(&format!("migrate {words}"))
    }
}

fn project(url: &str) -> Project {
    let project = Project::new(&format!("[project]\nname = \"shop\"\n[sql.default]\nurl = \"{url}\"\n{GRANTS}"));
    for folder in ["migrations", "var"] {
        std::fs::create_dir(project.path(folder)).expect("a folder");
    }
    project
}

#[track_caller]
fn sqlite(file: &std::path::Path, statement: &str) -> String {
    use rusqlite::types::ValueRef;
    let connection = rusqlite::Connection::open(file).expect("the database opens");
    connection.busy_timeout(std::time::Duration::from_secs(10)).expect("a timeout");
    let mut prepared = connection.prepare(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
    let columns = prepared.column_count();
    let text = |value: ValueRef<'_>| match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into_owned(),
    };
    let row = |row: &rusqlite::Row<'_>| (0..columns).map(|index| row.get_ref(index).map(text)).collect::<Result<Vec<_>, _>>();
    let rows: Result<Vec<_>, _> = prepared.query_map([], row).expect("rows").collect();
    rows.expect("rows").iter().map(|row| row.join("|")).collect::<Vec<_>>().join("\n")
}
