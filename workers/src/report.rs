//! Rows as a table for people, or as JSON.

use std::io::Write;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};
use serde_json::{Map, Value};

/// Columns beyond this are wrapped inside their cells.
const WIDTH: u16 = 120;

/// What is shown.
pub(crate) struct Report {
    /// Names of the columns; those of amounts stand to the right.
    header: &'static [(&'static str, CellAlignment)],
    rows: Vec<Vec<String>>,
    /// In place of an empty table.
    nothing: &'static str,
}

impl Report {
    pub(crate) fn new(header: &'static [(&'static str, CellAlignment)], nothing: &'static str) -> Self {
        Self { header, rows: Vec::new(), nothing }
    }

    pub(crate) fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn write(&self, json: bool, mut out: impl Write) -> anyhow::Result<()> {
        if json {
            writeln!(out, "{}", self.json())?;
        } else if self.rows.is_empty() {
            writeln!(out, "{}", self.nothing)?;
        } else {
            writeln!(out, "{}", self.table())?;
        }
        Ok(())
    }

    /// An object a row; what is empty is null.
    pub(crate) fn json(&self) -> Value {
        let object = |row: &Vec<String>| {
            let fields = self.header.iter().zip(row).map(|((name, _), cell)| {
                let value = if cell.is_empty() { Value::Null } else { cell.as_str().into() };
                (name.replace(' ', "_"), value)
            });
            Value::Object(fields.collect::<Map<_, _>>())
        };
        self.rows.iter().map(object).collect()
    }

    pub(crate) fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
        table.set_header(self.header.iter().map(|(name, _)| *name));
        for row in &self.rows {
            table.add_row(row);
        }
        for (number, (_, alignment)) in self.header.iter().enumerate() {
            if let Some(column) = table.column_mut(number) {
                column.set_cell_alignment(*alignment);
            }
        }
        // What a row is asked for by is never wrapped.
        if let Some(key) = table.column_mut(0) {
            key.set_constraint(ColumnConstraint::ContentWidth);
        }
        table
    }
}
