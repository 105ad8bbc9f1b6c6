//! The indexes that a migration creates.

use std::collections::HashSet;

use crate::error::{Error, ErrorKind, Result};

/// Verifies that the database still has the indexes of these statements. Without an index, a search that should read
/// one page reads every ticket.
///
/// # Errors
/// [`ErrorKind::Schema`] with the statement that creates the first missing index.
pub(crate) fn verify_indexes(statements: &str, existing: &HashSet<String>) -> Result<()> {
    for statement in statements.split(';').map(str::trim) {
        let Some(name) = index_name(statement).filter(|name| !existing.contains(*name)) else { continue };
        let problem = format!("the index {name} is missing: somebody dropped it, or its creation failed");
        return Err(Error::new(ErrorKind::Schema, problem)
            .allowing(format!("tables with the index of `{statement}`")));
    }
    Ok(())
}

/// Returns the name of the index that a statement creates; `None` for other statements.
fn index_name(statement: &str) -> Option<&str> {
    let mut words = statement.split_whitespace().skip_while(|word| matches!(*word, "CREATE" | "UNIQUE"));
    words.next().filter(|word| *word == "INDEX").and(words.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_index_is_named_with_its_statement() {
        let sql = "CREATE TABLE a (b TEXT);\nCREATE UNIQUE INDEX a_b ON a (b);\nCREATE INDEX a_c ON a (c)\n WHERE c > 1;\n";
        let existing = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect();
        verify_indexes(sql, &existing(&["a_b", "a_c", "host"])).unwrap();
        for (names, missing) in [(&["a_b"], "CREATE INDEX a_c ON"), (&["a_c"], "CREATE UNIQUE INDEX a_b ON")]
        {
            let error = verify_indexes(sql, &existing(names)).unwrap_err();
            assert!(error.kind() == ErrorKind::Schema && error.to_string().contains(missing), "{error}");
        }
    }
}
