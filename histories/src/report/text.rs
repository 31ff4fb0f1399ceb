//! A scene as lines of plain characters.
//!
//! ```text
//!   process
//! >       0  append t9       |---------|
//!         2  append t10 ?       |------------------?
//! >       1  read = []                    |-----|
//!            kill of n1         ===========
//!                            1.100 s        1.320 s
//! ```

use super::scene::{Part, Row, Scene, Span};

/// A line, and how it is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it shows.
    pub tone: Tone,
    /// Without its end.
    pub text: String,
}

/// What a line shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// An operation of the proof.
    Proof,
    /// An operation beside it.
    Around,
    /// Something that was wrong.
    Wrong,
    /// When it was.
    Time,
}

/// How wide the drawing itself is, at most and at least, in characters.
const WIDTH_MAX: usize = 56;
const WIDTH_MIN: usize = 24;

/// Longer descriptions are cut.
const TOLD_CHARS_MAX: usize = 32;

/// Draws `scene`.
#[must_use]
pub fn draw(scene: &Scene) -> Vec<Line> {
    let canvas = Canvas::of(scene);
    let rows = scene.rows.iter().map(|row| canvas.row(row));
    let bands = scene.bands.iter().map(|band| canvas.band(band));
    let mut lines: Vec<Line> = rows.chain(bands).collect();
    lines.push(canvas.times(scene));
    lines
}

/// How wide the columns are.
struct Canvas {
    process: usize,
    told: usize,
    places: usize,
    width: usize,
}

impl Canvas {
    fn of(scene: &Scene) -> Self {
        let names = scene.bands.iter().map(|band| &band.name);
        let told = scene.rows.iter().map(|row| &row.told).chain(names);
        let processes = scene.rows.iter().map(|row| row.process.to_string().len());
        Self {
            process: processes.max().unwrap_or_default(),
            told: told
                .map(|told| told.chars().count())
                .max()
                .unwrap_or_default()
                .min(TOLD_CHARS_MAX),
            places: scene.places,
            width: (scene.places * 4).clamp(WIDTH_MIN, WIDTH_MAX),
        }
    }

    fn row(&self, row: &Row) -> Line {
        let (tone, mark) = match row.part {
            Part::Proof => (Tone::Proof, '>'),
            Part::Around => (Tone::Around, ' '),
        };
        let end = if row.span.to.is_some() { '|' } else { '?' };
        let head = format!(
            "{mark} {:>width$}  {}",
            row.process,
            self.told(&row.told),
            width = self.process
        );
        self.line(tone, &head, &self.bar(&row.span, ['|', '-', end]))
    }

    fn band(&self, band: &Span) -> Line {
        let head = format!("  {:width$}  {}", "", self.told(&band.name), width = self.process);
        self.line(Tone::Wrong, &head, &self.bar(band, ['=', '=', '=']))
    }

    fn times(&self, scene: &Scene) -> Line {
        let [from, to] = &scene.times;
        let room = (self.width + 1).saturating_sub(from.chars().count());
        let room = room.max(to.chars().count() + 2);
        let head = " ".repeat(self.process + self.told + 4);
        let hidden = match scene.hidden {
            0 => String::new(),
            1 => "   (1 more operation)".to_owned(),
            hidden => format!("   ({hidden} more operations)"),
        };
        self.line(Tone::Time, &head, &format!("{from}{to:>room$}{hidden}"))
    }

    fn line(&self, tone: Tone, head: &str, drawing: &str) -> Line {
        let text = format!("{head}  {drawing}").trim_end().to_owned();
        Line { tone, text }
    }

    fn told(&self, told: &str) -> String {
        let cut: String = match told.char_indices().nth(TOLD_CHARS_MAX) {
            Some(_) => told
                .chars()
                .take(TOLD_CHARS_MAX - 2)
                .chain("..".chars())
                .collect(),
            None => told.to_owned(),
        };
        format!("{cut:width$}", width = self.told)
    }

    /// The characters at the begin, between, and at the end.
    fn bar(&self, span: &Span, [begin, between, end]: [char; 3]) -> String {
        let from = self.column(span.from);
        let to = span.to.map_or(self.width, |to| self.column(to)).max(from);
        let inner = to.saturating_sub(from + 1);
        let mut bar = " ".repeat(from);
        bar.push(begin);
        bar.extend(std::iter::repeat_n(between, inner));
        if from < to {
            bar.push(end);
        }
        bar
    }

    fn column(&self, place: usize) -> usize {
        let last = self.places.saturating_sub(1).max(1);
        place * self.width / last
    }
}
