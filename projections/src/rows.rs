//! Rows on their way into PostgreSQL as one JSON parameter.
//!
//! `json_populate_recordset` takes a whole set of rows, arrays and JSON columns included, in one parameter and one
//! statement. PostgreSQL's text cannot hold U+0000, so it is left out: a fact of years ago must never stop a read model.

use serde::Serialize;

/// `rows` as the text of a JSON array, without U+0000.
pub(crate) fn json<T: Serialize + ?Sized>(rows: &T) -> Result<String, sqlx::Error> {
    serde_json::to_string(rows).map(without_nul).map_err(unwritable)
}

/// The word that stands for a value without content, for example `PHYSICAL`.
pub(crate) fn word<T: Serialize>(value: T) -> Result<String, sqlx::Error> {
    match serde_json::to_value(value).map_err(unwritable)? {
        serde_json::Value::String(word) => Ok(word),
        other => Ok(other.to_string()),
    }
}

fn unwritable(error: serde_json::Error) -> sqlx::Error {
    sqlx::Error::Encode(Box::new(error))
}

/// Leaves the escape of U+0000 out of a JSON text; an escaped backslash before `u0000` is not one.
fn without_nul(text: String) -> String {
    const NUL: &str = "\\u0000";
    if !text.contains(NUL) {
        return text;
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        clean.push_str(plain);
        rest = if let Some(after) = escape.strip_prefix(NUL) {
            after
        } else {
            let (pair, after) = escape.split_at_checked(2).unwrap_or((escape, ""));
            clean.push_str(pair);
            after
        };
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::without_nul;

    #[test]
    fn nul_is_left_out_and_an_escaped_backslash_is_kept() {
        let text = r#"["a\u0000b","c\\u0000d","\"\u0000"]"#.to_owned();
        assert_eq!(without_nul(text), r#"["ab","c\\u0000d","\""]"#);
    }
}
