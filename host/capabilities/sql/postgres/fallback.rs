//! Types that have no decoder here (intervals, ranges, geometry, composites, ...) come in Postgres' own text
//! form: the statement is wrapped in one that casts those columns.

use crate::capabilities::sql::error::invalid;
use crate::capabilities::sql::types::{Column, Error};

use super::guard::Checked;

/// The wrapped statement; None when it cannot be wrapped.
pub(super) fn rewrite(sql: &str, checked: &Checked, unknown: &[bool]) -> Option<String> {
    let names: Vec<String> = (1..=unknown.len()).map(|number| format!("host_c{number}")).collect();
    let casts = names.iter().zip(unknown).map(|(name, unknown)| if *unknown { format!("{name}::pg_catalog.text") } else { name.clone() });
    let (casts, names) = (casts.collect::<Vec<_>>().join(", "), names.join(", "));
    let first = checked.tokens.first()?;
    // Without the semicolon that may end it.
    let inner = sql.get(first.start..checked.tokens.last()?.end)?;
    match checked.main.as_str() {
        "select" | "values" | "table" => Some(format!("SELECT {casts} FROM (\n{inner}\n) AS host_q({names})")),
        "insert" | "update" | "delete" | "merge" if first.word() != Some("with") => {
            Some(format!("WITH host_q({names}) AS (\n{inner}\n) SELECT {casts} FROM host_q"))
        }
        _ => None,
    }
}

/// Tells which columns are to be cast.
pub(super) fn unreadable(columns: &[Column], unknown: &[bool]) -> Error {
    let names =
        columns.iter().zip(unknown).filter(|(_, unknown)| **unknown).map(|(column, _)| format!("`{}` ({})", column.name, column.type_name));
    let names: Vec<String> = names.collect();
    invalid(format!(
        "these columns have types that cannot be read as they are: {}; hint: cast them in the statement: `column::text`",
        names.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::sql::postgres::guard::{check_read, check_write};
    use crate::capabilities::sql::tests::target;
    use crate::grants::SqlPower;

    #[test]
    fn queries_are_wrapped_as_a_table_and_changes_as_a_cte() {
        let target = target(&[SqlPower::Read, SqlPower::Write]);
        let sql = "SELECT a, b FROM t -- end\n ;";
        let checked = check_read(&target, sql).unwrap();
        let wrapped = rewrite(sql, &checked, &[false, true]).unwrap();
        assert_eq!(wrapped, "SELECT host_c1, host_c2::pg_catalog.text FROM (\nSELECT a, b FROM t\n) AS host_q(host_c1, host_c2)");
        let sql = "DELETE FROM t RETURNING a";
        let checked = check_write(&target, sql).unwrap();
        assert_eq!(
            rewrite(sql, &checked, &[true]).unwrap(),
            "WITH host_q(host_c1) AS (\nDELETE FROM t RETURNING a\n) SELECT host_c1::pg_catalog.text FROM host_q"
        );
    }
}
