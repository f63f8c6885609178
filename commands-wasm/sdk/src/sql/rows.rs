//! Rows, read from batches that lie by column. A row is a place in its batch: making one costs a counter, not memory.

use std::marker::PhantomData;
use std::rc::Rc;

use crate::bindings::host::sql::types;
use crate::error::{Error, Result};
use crate::sql::cell::cell;
use crate::sql::{Batch, Cell, Column, Database, FromCell};

/// The rows of a query on their way. Dropping it cancels the query.
#[derive(Debug)]
pub struct Rows<'a> {
    raw: types::Rows,
    columns: Rc<[Column]>,
    page: Option<Rc<Page>>,
    /// Place of the next row in `page`, and how many it has.
    next: usize,
    count: usize,
    ended: bool,
    connection: PhantomData<&'a Database>,
}

/// One row. Texts are borrowed from its batch.
#[derive(Clone, Debug)]
pub struct Row {
    page: Rc<Page>,
    index: usize,
}

#[derive(Debug)]
struct Page {
    columns: Rc<[Column]>,
    batch: Batch,
}

impl Rows<'_> {
    pub(crate) fn new(raw: types::Rows) -> Self {
        let columns = raw.columns().into();
        Self { raw, columns, page: None, next: 0, count: 0, ended: false, connection: PhantomData }
    }

    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The next batch as it came, for whoever wants whole columns at once. Rows already begun are skipped.
    pub fn next_batch(&mut self) -> Result<Option<Batch>> {
        (self.page, self.next, self.count) = (None, 0, 0);
        Ok(self.raw.next()?)
    }

    /// The only row, or none. More than one is an error.
    pub fn optional(mut self) -> Result<Option<Row>> {
        let Some(row) = self.next().transpose()? else { return Ok(None) };
        match self.next().transpose()? {
            None => Ok(Some(row)),
            Some(_) => Err(Error::failed("one row was expected, and there are more")),
        }
    }

    /// The only row.
    pub fn one(self) -> Result<Row> {
        self.optional()?.ok_or_else(|| Error::failed("one row was expected, and there is none"))
    }

    /// The first column of the only row.
    pub fn value<T: for<'r> FromCell<'r>>(self) -> Result<T> {
        self.one()?.get(0)
    }

    /// Makes the next batch the page; false at the end.
    fn turn(&mut self) -> Result<bool> {
        while self.next >= self.count {
            let Some(batch) = self.raw.next()? else { return Ok(false) };
            (self.next, self.count) = (0, usize::try_from(batch.rows).unwrap_or_default());
            self.page = Some(Rc::new(Page { columns: self.columns.clone(), batch }));
        }
        Ok(true)
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Row>;

    /// After an error there is nothing more.
    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.count {
            if self.ended {
                return None;
            }
            match self.turn() {
                Ok(true) => {}
                Ok(false) => {
                    self.ended = true;
                    return None;
                }
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
        let page = self.page.as_ref()?;
        let row = Row { page: Rc::clone(page), index: self.next };
        self.next += 1;
        Some(Ok(row))
    }
}

impl Row {
    pub fn columns(&self) -> &[Column] {
        &self.page.columns
    }

    /// The value under a name (`"id"`) or at a place (`0`). Null is `None` of an `Option`, and an error for anything else.
    #[inline]
    pub fn get<'r, T: FromCell<'r>>(&'r self, at: impl At) -> Result<T> {
        let column = at.place(&self.page.columns)?;
        match self.read(column).and_then(T::from_cell) {
            Some(value) => Ok(value),
            None => Err(self.mismatch(column, T::WANTS)),
        }
    }

    /// All values of the row, in the order of its columns.
    pub fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        (0..self.page.columns.len()).filter_map(|column| self.read(column))
    }

    /// The value as it is.
    pub fn cell(&self, at: impl At) -> Result<Cell<'_>> {
        self.get(at)
    }

    #[inline]
    fn read(&self, column: usize) -> Option<Cell<'_>> {
        cell(self.page.batch.columns.get(column)?, self.page.columns.get(column)?, self.index)
    }

    #[cold]
    fn mismatch(&self, column: usize, wants: &str) -> Error {
        let name = self.page.columns.get(column).map_or("", |column| column.name.as_str());
        match self.read(column) {
            None => Error::failed(format!("the host's answer has no value for column `{name}`")),
            Some(value) => Error::failed(format!("column `{name}` holds {}, not {wants}", value.in_words())),
        }
    }
}

/// How a column is named: by its name, or by its place from 0.
pub trait At {
    fn place(self, columns: &[Column]) -> Result<usize>;
}

impl At for usize {
    #[inline]
    fn place(self, columns: &[Column]) -> Result<usize> {
        if self < columns.len() {
            Ok(self)
        } else {
            Err(Error::failed(format!("there is no column {self}: the query has {}", columns.len())))
        }
    }
}

impl At for &str {
    fn place(self, columns: &[Column]) -> Result<usize> {
        columns.iter().position(|column| column.name == self).ok_or_else(|| {
            let names: Vec<String> = columns.iter().map(|column| format!("`{}`", column.name)).collect();
            Error::failed(format!("there is no column `{self}`: the query has {}", names.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{ColumnBatch, ColumnData, Kind, Value};

    fn column(name: &str, kind: Kind) -> Column {
        Column { name: name.to_owned(), type_name: String::new(), kind }
    }

    fn texts(parts: &[&str]) -> ColumnData {
        let mut offsets = vec![0];
        let mut data = String::new();
        for part in parts {
            data.push_str(part);
            offsets.push(u32::try_from(data.len()).unwrap());
        }
        ColumnData::Texts(crate::bindings::host::sql::types::TextRun { offsets, data })
    }

    fn row(index: usize) -> Row {
        let columns =
            vec![column("id", Kind::Integer), column("title", Kind::Text), column("price", Kind::Decimal), column("any", Kind::Other)]
                .into();
        let batch = Batch {
            rows: 3,
            columns: vec![
                ColumnBatch { nulls: vec![0b100], data: ColumnData::Integers(vec![7, -8, 0]) },
                ColumnBatch { nulls: Vec::new(), data: texts(&["äpfel", "", "x"]) },
                ColumnBatch { nulls: vec![0b010], data: texts(&["12.50", "", "3"]) },
                ColumnBatch {
                    nulls: Vec::new(),
                    data: ColumnData::Mixed(vec![Value::Null, Value::Boolean(true), Value::Text("t".to_owned())]),
                },
            ],
        };
        Row { page: Rc::new(Page { columns, batch }), index }
    }

    #[test]
    fn values_are_found_by_name_and_by_place() {
        assert_eq!(row(0).get::<i64>("id"), Ok(7));
        assert_eq!(row(1).get::<i32>(0), Ok(-8));
        assert_eq!(row(0).get::<&str>("title"), Ok("äpfel"));
        assert_eq!(row(1).get::<String>("title"), Ok(String::new()));
        assert_eq!(row(2).get::<&str>(1), Ok("x"));
    }

    #[test]
    fn null_is_none_and_nothing_else() {
        assert_eq!(row(2).get::<Option<i64>>("id"), Ok(None));
        assert_eq!(row(1).get::<Option<&str>>("price"), Ok(None));
        assert_eq!(row(0).get::<Option<i64>>("any"), Ok(None));
        assert_eq!(row(2).get::<i64>("id").unwrap_err().to_string(), "column `id` holds null, not an integer");
    }

    #[test]
    fn a_decimal_is_text_a_float_or_an_integer_without_a_fraction() {
        assert_eq!(row(0).get::<&str>("price"), Ok("12.50"));
        assert_eq!(row(0).get::<f64>("price"), Ok(12.5));
        assert_eq!(row(2).get::<i64>("price"), Ok(3));
        assert_eq!(row(0).get::<i64>("price").unwrap_err().to_string(), "column `price` holds the decimal 12.50, not an integer");
    }

    #[test]
    fn mixed_columns_answer_each_row_in_its_own_type() {
        assert_eq!(row(1).get::<bool>("any"), Ok(true));
        assert_eq!(row(2).get::<&str>("any"), Ok("t"));
        assert_eq!(row(2).get::<bool>("any").unwrap_err().to_string(), "column `any` holds text, not a boolean");
    }

    #[test]
    fn an_unknown_column_names_those_there_are() {
        assert_eq!(
            row(0).get::<i64>("ids").unwrap_err().to_string(),
            "there is no column `ids`: the query has `id`, `title`, `price`, `any`"
        );
        assert_eq!(row(0).get::<i64>(4).unwrap_err().to_string(), "there is no column 4: the query has 4");
    }
}
