//! No trigger walks a table. The plan of a statement does not show what its triggers do.

use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl, sql_query};

use super::super::error::During;
use super::scene;

#[derive(QueryableByName)]
struct Trigger {
    #[diesel(sql_type = Text)]
    sql: String,
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// The condition of a trigger as a statement, and its statements, with parameters for its row.
fn statements(trigger: &str) -> Vec<String> {
    let (head, body) = trigger.split_once("\nBEGIN\n").unwrap();
    let condition = head
        .split_once("WHEN ")
        .map(|(_, it)| format!("SELECT {it}"));
    let body = body.strip_suffix("END").unwrap().split(';');
    condition
        .into_iter()
        .chain(body.map(str::to_owned))
        // RAISE is for triggers alone.
        .filter(|sql| !sql.trim().is_empty() && !sql.contains("RAISE"))
        .map(|sql| without_row(&sql))
        .collect()
}

fn without_row(sql: &str) -> String {
    let is_of_name = |c: char| c.is_alphanumeric() || c == '_';
    let sql = sql.replace("OLD.", "NEW.");
    let mut parts = sql.split("NEW.");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |sql, rest| {
        sql + "?" + rest.trim_start_matches(is_of_name)
    })
}

#[test]
fn no_statement_of_a_trigger_walks_or_sorts_a_table() {
    let scene = scene();
    let triggers = "SELECT sql FROM sqlite_schema WHERE type = 'trigger'";
    let triggers: Vec<Trigger> = scene
        .db
        .read(|conn| sql_query(triggers).load(conn).during("triggers"))
        .unwrap();
    let mut seen = 0;
    for sql in triggers.iter().flat_map(|it| statements(&it.sql)) {
        seen += 1;
        let plan = format!("EXPLAIN QUERY PLAN {sql}");
        let steps: Vec<Step> = scene
            .db
            .read(|conn| sql_query(plan).load(conn).during("plan"))
            .unwrap();
        for Step { detail } in steps {
            let walks = detail.starts_with("SCAN") && detail != "SCAN CONSTANT ROW";
            assert!(
                !walks && !detail.contains("TEMP B-TREE"),
                "{detail}\nin {sql}"
            );
        }
    }
    // Fewer would mean that they are not found.
    assert!(seen >= 24, "only {seen} statements were seen");
}
