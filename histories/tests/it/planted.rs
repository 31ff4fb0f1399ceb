//! Bugs to be planted in a copy of the checker, as `mutants/planted.txt` lists them: what is wrong, the file, the text that is replaced
//! and the text that replaces it. `duel mutants` plants each and looks whether the fuzz finds it.

use std::path::{Path, PathBuf};

/// A bug to be planted.
pub(crate) struct Planted {
    /// What is wrong then.
    pub(crate) what: String,
    /// The file, relative to the crate.
    pub(crate) file: PathBuf,
    from: String,
    to: String,
}

/// All that are listed for the crate in `folder`.
pub(crate) fn all(folder: &Path) -> Vec<Planted> {
    let text = std::fs::read_to_string(folder.join("mutants/planted.txt")).expect("the list is readable");
    text.split("\n====\n").map(Planted::read).collect()
}

impl Planted {
    fn read(block: &str) -> Self {
        let parts: Vec<&str> = block.trim_matches('\n').split("\n----\n").collect();
        let [head, from, to] = parts[..] else {
            panic!("neither what, from and to: {block}")
        };
        let (what, file) = head
            .split_once('\n')
            .expect("a line that says what, and one with the file");
        Self {
            what: what.to_owned(),
            file: file.into(),
            from: from.to_owned(),
            to: to.to_owned(),
        }
    }

    /// The `source` of its file with the bug in it.
    ///
    /// # Panics
    /// When the text is not there exactly once: a list that has gone stale proves nothing.
    pub(crate) fn plant(&self, source: &str) -> String {
        assert_eq!(source.matches(&self.from).count(), 1, "stale: {}", self.what);
        source.replacen(&self.from, &self.to, 1)
    }
}

/// Code moves; whether the fuzz finds each of them is for `duel mutants` to say, which compiles each.
#[test]
fn every_planted_bug_has_its_place_in_the_code() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = all(folder);
    assert!(15 <= all.len(), "only {} bugs are planted", all.len());
    for planted in all {
        let source = std::fs::read_to_string(folder.join(&planted.file)).expect("the file is there");
        assert_ne!(planted.plant(&source), source, "{}", planted.what);
    }
}
