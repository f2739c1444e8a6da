//! The rooms keep to themselves: arrows between folders, where SQL stands, no clock, no environment, file names and sizes.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Who may use whom (`ARCHITECTURE.md`). Files beside the folders are primitives: all may use them, they use none but
/// each other.
const ARROWS: [(&str, &[&str]); 11] = [
    ("chain", &[]),
    ("ledger", &[]),
    ("catalog", &["ledger"]),
    ("payments", &["ledger"]),
    ("plans", &["chain"]),
    ("marketplace", &["chain"]),
    ("subscriptions", &["chain", "plans"]),
    ("mandates", &["chain", "plans", "subscriptions"]),
    ("charges", &["chain", "plans", "subscriptions", "payments"]),
    ("fiat_subscriptions", &["plans", "payments", "charges"]),
    ("mirror", &["chain", "plans", "marketplace", "subscriptions", "charges"]),
];
const MAX_LINES: usize = 600;

struct Source {
    path: String,
    /// Without its tests and comments.
    code: String,
    lines: usize,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of sources") {
            let path: PathBuf = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                sources.push(read(&root, &path));
            }
        }
    }
    assert!(sources.len() > 20, "the sources were not found");
    sources
}

fn read(root: &Path, path: &Path) -> Source {
    let text = fs::read_to_string(path).expect("a source file");
    let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code: Vec<&str> = product.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    Source {
        path: path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned(),
        code: code.join("\n"),
        lines: text.lines().count(),
    }
}

/// The room of a file; primitives have none.
fn room(path: &str) -> Option<&str> {
    path.split_once('/').map(|(room, _)| room)
}

/// Rooms that the code names by `crate::room` or inside `crate::{…}`.
fn rooms_used(code: &str) -> Vec<&'static str> {
    let named = |room: &str| {
        let direct = code.match_indices(&format!("crate::{room}")).any(|(at, found)| ends_word(code, at + found.len()));
        direct || grouped(code).any(|group| group == room)
    };
    ARROWS.iter().map(|(room, _)| *room).filter(|room| named(room)).collect()
}

fn ends_word(code: &str, at: usize) -> bool {
    code[at..].chars().next().is_none_or(|next| !next.is_alphanumeric() && next != '_')
}

/// First names of the paths inside `crate::{…}`.
fn grouped(code: &str) -> impl Iterator<Item = &str> {
    code.split("crate::{").skip(1).flat_map(|group| {
        let mut depth = 0_u32;
        let end = group.find(|c| match c {
            '{' => {
                depth += 1;
                false
            }
            '}' if depth == 0 => true,
            '}' => {
                depth -= 1;
                false
            }
            _ => false,
        });
        let inside = &group[..end.unwrap_or(group.len())];
        let mut depth = 0_u32;
        let paths = inside.split(move |c| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            c == ',' && depth == 0
        });
        paths.map(|path| path.trim().split("::").next().unwrap_or_default())
    })
}

#[test]
fn rooms_use_only_the_rooms_below_them() {
    let wrong: Vec<String> = sources()
        .iter()
        .filter(|source| source.path != "lib.rs" && !source.path.starts_with("views"))
        .flat_map(|source| {
            let own = room(&source.path);
            let allowed = ARROWS.iter().find(|(room, _)| Some(*room) == own).map_or(&[][..], |(_, allowed)| allowed);
            let allowed = move |used: &&'static str| !allowed.contains(used) && Some(*used) != own;
            rooms_used(&source.code).into_iter().filter(allowed).map(|used| format!("{} uses {used}", source.path))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_room_has_its_arrows() {
    let known = |room: &str| room == "views" || ARROWS.iter().any(|(known, _)| *known == room);
    let unknown: Vec<String> =
        sources().into_iter().map(|source| source.path).filter(|path| !room(path).is_none_or(known)).collect();
    assert!(unknown.is_empty(), "rooms without a line in ARROWS: {unknown:#?}");
}

#[test]
fn sql_stands_in_repositories() {
    let may = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or_default();
        name == "repo.rs" || name.ends_with("_repo.rs") || path == "outbox.rs" || path.starts_with("views")
    };
    let has_sql = |code: &str| {
        ["sqlx::query", "sqlx::raw_sql", "QueryBuilder", "query_scalar(", "query_as("]
            .iter()
            .any(|call| code.contains(call))
    };
    let wrong: Vec<String> = sources()
        .into_iter()
        .filter(|source| has_sql(&source.code) && !may(&source.path))
        .map(|source| source.path)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn time_and_configuration_are_parameters() {
    let forbidden =
        ["now_utc", "now_local", "SystemTime", "Utc::now", "Local::now", "env::var", "env::args", "option_env!"];
    let wrong: Vec<String> = sources()
        .iter()
        .flat_map(|source| {
            let used = forbidden.iter().filter(|word| source.code.contains(**word));
            used.map(|word| format!("{}: {word}", source.path)).collect::<Vec<_>>()
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_are_short_and_named_after_what_they_hold() {
    let vague = ["utils", "util", "helpers", "helper", "common", "misc"];
    for source in sources() {
        assert!(source.lines <= MAX_LINES, "{} has {} lines", source.path, source.lines);
        let parts = source.path.trim_end_matches(".rs").split('/');
        assert!(parts.into_iter().all(|part| !vague.contains(&part)), "{} says nothing", source.path);
    }
}

#[test]
fn grouped_imports_are_seen() {
    let code = "use crate::{\n    chain::{self, Rpc},\n    ids::ChainId,\n    mirror,\n};\nuse crate::plans_of::X;";
    assert_eq!(rooms_used(code), ["chain", "mirror"]);
    assert_eq!(rooms_used("use crate::plans::PlanState;"), ["plans"]);
}
