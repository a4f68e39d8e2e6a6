//! A site's rows beside what the plan says of them: every column with a problem is named.

use std::path::Path;

use tacit_data::{Cohort, CohortSpec, DataError, Table};
use tacit_session::Plan;

use super::{Check, Verdict};
use crate::agreement::Agreement;
use crate::rows::Standardisation;

/// So many problems are told; who has more has another table.
const MOST: usize = 32;

/// The rows, or every problem that can be told apart: the table is read again without each column that
/// has one.
pub(super) fn rows(plan: &Plan, site: &str, data: &Path) -> Result<Table, Vec<String>> {
    let party = plan.parties.iter().find(|p| p.name == site);
    let Some(party) = party else {
        return Err(vec![format!("`{site}` is not among the plan's parties")]);
    };
    let mut spec: CohortSpec = match party.cohort.settings_as(site) {
        Ok(spec) => spec,
        Err(error) => return Err(vec![error.to_string()]),
    };
    let mut problems = Vec::new();
    loop {
        let error = match Cohort::load(&spec, data) {
            Ok(cohort) if problems.is_empty() => return Ok(cohort.table),
            Ok(_) => return Err(problems),
            Err(error) => error,
        };
        problems.push(error.to_string());
        let column = column(&error);
        let without = column.is_some_and(|(name, exists)| leave_out(&mut spec, name, exists));
        if !without || problems.len() == MOST {
            return Err(problems);
        }
    }
}

/// The column that an error is about, and whether it is there at all.
fn column(error: &DataError) -> Option<(&str, bool)> {
    match error {
        DataError::MissingColumn { column, role, .. } => {
            // Without a label or a key there is nothing to go on with.
            (!matches!(*role, "label" | "key" | "filter")).then_some((column.as_str(), false))
        }
        DataError::UnsupportedColumn { column, .. }
        | DataError::NotANumber { column, .. }
        | DataError::NotFinite { column, .. }
        | DataError::MissingValue { column, .. }
        | DataError::UnknownLevel { column, .. }
        | DataError::ConstantColumn { column, .. } => Some((column, true)),
        _ => None,
    }
}

/// Goes on without this feature; not if it is none, or the last one.
fn leave_out(spec: &mut CohortSpec, column: &str, exists: bool) -> bool {
    // Features of levels are called `column=level`.
    let stays = |name: &String| column != name && !column.starts_with(&format!("{name}="));
    if !stays(&spec.label) {
        return false;
    }
    let before = spec.clone();
    spec.categorical.retain(|name, _| stays(name));
    spec.zero_is_missing.retain(stays);
    match &mut spec.features {
        Some(features) => features.retain(stays),
        None if exists => {
            let source = before.categorical.keys().find(|name| !stays(name));
            let name = source.map_or(column, String::as_str);
            if !spec.exclude.iter().any(|known| known == name) {
                spec.exclude.push(name.to_owned());
            }
        }
        None => spec.exclude.retain(stays),
    }
    let none = spec.features.as_ref().is_some_and(Vec::is_empty);
    !none && *spec != before
}

/// Rows that can be read, beside the plan's numbers and ranges.
pub(super) fn judge(table: &Table, agreement: &Agreement, site: &str) -> Check {
    let (rows, features) = (table.rows() as u64, agreement.task.features());
    let mut problems = Vec::new();
    if table.columns() != features {
        problems.push(format!(
            "{} columns here ({}), the plan has {features} features",
            table.columns(),
            table.names().join(", ")
        ));
    }
    let needed = agreement.plan.min_rows;
    if rows < needed {
        problems.push(format!("{rows} rows here, the plan asks for {needed}"));
    }
    problems.extend(agreement.check_rows(site, table.rows()).err());
    if !problems.is_empty() {
        let remedy = "name the columns in the plan's cohort, or bring more rows";
        return Check::bad("rows", problems.join("\n"), remedy);
    }
    let outside = outside(table, &agreement.standardisation);
    let found = format!("{rows} rows of {features} columns");
    match outside.is_empty() {
        true => Check::new("rows", Verdict::Good, found),
        false => Check::warning(
            "rows",
            format!(
                "{found}; outside of the public ranges: {}",
                outside.join("; ")
            ),
            "these values are clipped to the range; look for wrong units, or have the range changed",
        ),
    }
}

/// Columns with values that standardisation clips, as text.
fn outside(table: &Table, by: &Standardisation) -> Vec<String> {
    let Standardisation::Ranges(ranges) = by else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (place, ((low, high), name)) in ranges.iter().zip(table.names()).enumerate() {
        let values = || table.iter_rows().map(|row| row[place]);
        let count = values().filter(|v| v < low || v > high).count();
        if count > 0 {
            let least = values().fold(f64::INFINITY, f64::min);
            let most = values().fold(f64::NEG_INFINITY, f64::max);
            found.push(format!(
                "{name}: {count} of {} ({least} to {most}, the range is {low} to {high})",
                table.rows()
            ));
        }
    }
    found
}
