//! The doors of the house: who may import whom.

use std::fs;
use std::path::{Path, PathBuf};

const ROOMS: [&str; 4] = ["histories", "systems", "nemesis", "tribunal"];

/// Which rooms a room may import.
const DOORS: [(&str, &[&str]); 4] = [
    ("histories", &[]),
    ("systems", &[]),
    ("nemesis", &["systems"]),
    ("harness", &["histories", "systems", "nemesis", "tribunal"]),
];

fn house() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the harness is a room of the house")
        .to_owned()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.expect("the folder is readable").path()) {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// Every mention of a room as the head of a path (`systems::`), outside comments.
fn mentions(text: &str, room: &str) -> Vec<String> {
    let head = format!("{room}::");
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("//"))
        .filter(|line| {
            line.match_indices(&head)
                .any(|(at, _)| at == 0 || !is_name(line.as_bytes()[at - 1]))
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn each_room_imports_only_through_its_doors() {
    for (folder, open) in DOORS {
        let mut files = Vec::new();
        sources(&house().join(folder).join("src"), &mut files);
        assert!(!files.is_empty(), "{folder} has no sources");
        for file in files {
            let text = fs::read_to_string(&file).expect("a source file is text");
            for room in ROOMS
                .into_iter()
                .filter(|room| *room != folder && !open.contains(room))
            {
                assert_eq!(
                    mentions(&text, room),
                    Vec::<String>::new(),
                    "{} reaches into {room}",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn each_room_depends_only_on_the_rooms_its_doors_lead_to() {
    for (folder, open) in DOORS {
        let manifest =
            fs::read_to_string(house().join(folder).join("Cargo.toml")).expect("a room has a manifest");
        let manifest: toml::Table = manifest.parse().expect("a manifest is TOML");
        let dependencies = manifest["dependencies"]
            .as_table()
            .expect("dependencies are a table");
        for room in ROOMS.into_iter().filter(|room| !open.contains(room)) {
            assert!(!dependencies.contains_key(room), "{folder} depends on {room}");
        }
    }
}

#[test]
fn the_nemesis_knows_nodes_by_name_only() {
    let mut files = Vec::new();
    sources(&house().join("nemesis").join("src"), &mut files);
    for file in files {
        let text = fs::read_to_string(&file).expect("a source file is text");
        for line in mentions(&text, "systems") {
            assert_eq!(
                line,
                "use systems::NodeId;",
                "{} knows more than names",
                file.display()
            );
        }
    }
}

#[test]
fn a_reach_through_the_wall_would_be_seen() {
    assert_eq!(mentions("use histories::History;\n", "histories").len(), 1);
    assert_eq!(
        mentions("    let x = systems::pb::View(1);\n", "systems").len(),
        1
    );
    assert_eq!(
        mentions("// systems::pb is elsewhere\nmod my_systems::x;\n", "systems").len(),
        0
    );
}
