//! A scene as a drawing for a page. The page's style says what colours the classes have.

use std::fmt::Write as _;

use super::page::escaped;
use super::scene::{Part, Row, Scene, Span};

/// Sizes, in the units of the drawing.
const LABELS_WIDTH: usize = 250;
const PLACE_WIDTH_MAX: usize = 60;
const DRAWING_WIDTH: usize = 640;
const ROW_HEIGHT: usize = 26;
const BAR_HEIGHT: usize = 14;
const FOOT_HEIGHT: usize = 26;
const MARGIN: usize = 12;

/// Longer descriptions are cut; the tooltip has them whole.
const LABEL_CHARS_MAX: usize = 34;

/// Draws `scene`.
pub(super) fn draw(scene: &Scene) -> String {
    let canvas = Canvas::of(scene);
    let (width, height) = (
        canvas.width + LABELS_WIDTH + 2 * MARGIN,
        canvas.height + FOOT_HEIGHT,
    );
    let mut svg = format!("<svg viewBox=\"0 0 {width} {height}\" role=\"img\">\n");
    for (number, band) in scene.bands.iter().enumerate() {
        canvas.band(&mut svg, scene.rows.len() + number, band);
    }
    for (number, row) in scene.rows.iter().enumerate() {
        canvas.row(&mut svg, number, row);
    }
    let [from, to] = scene.times.each_ref().map(|time| escaped(time));
    let (left, right, y) = (canvas.x(0), canvas.x(0) + canvas.width, canvas.height + 16);
    put(
        &mut svg,
        format_args!("<text class=\"time\" x=\"{left}\" y=\"{y}\">{from}</text>"),
    );
    put(
        &mut svg,
        format_args!("<text class=\"time end\" x=\"{right}\" y=\"{y}\">{to}</text>"),
    );
    svg.push_str("</svg>\n");
    svg
}

struct Canvas {
    places: usize,
    /// Of the drawing without its labels.
    width: usize,
    height: usize,
}

impl Canvas {
    fn of(scene: &Scene) -> Self {
        Self {
            places: scene.places,
            width: (scene.places * PLACE_WIDTH_MAX).min(DRAWING_WIDTH),
            height: (scene.rows.len() + scene.bands.len()) * ROW_HEIGHT + MARGIN,
        }
    }

    fn row(&self, svg: &mut String, number: usize, row: &Row) {
        let part = match row.part {
            Part::Proof => "proof",
            Part::Around => "around",
        };
        let (told, times) = (escaped(&row.told), escaped(&row.span.name));
        put(svg, format_args!("<g class=\"{part}\">"));
        put(
            svg,
            format_args!(
                "<title>line {}, process {}: {told} ({times})</title>",
                row.index.0, row.process
            ),
        );
        self.label(svg, number, &format!("{} · {}", row.process, row.told));
        let (x, width) = self.extent(&row.span);
        let (y, open) = (
            number * ROW_HEIGHT + MARGIN,
            if row.span.to.is_some() { "" } else { " open" },
        );
        put(
            svg,
            format_args!(
                "<rect class=\"bar{open}\" x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"{BAR_HEIGHT}\" rx=\"4\"/></g>",
                y + (ROW_HEIGHT - BAR_HEIGHT) / 2
            ),
        );
    }

    fn band(&self, svg: &mut String, number: usize, band: &Span) {
        let (x, width) = self.extent(band);
        let y = number * ROW_HEIGHT + MARGIN;
        put(svg, format_args!("<g class=\"band\">"));
        put(
            svg,
            format_args!(
                "<rect class=\"shade\" x=\"{x}\" y=\"0\" width=\"{width}\" height=\"{}\"/>",
                self.height
            ),
        );
        put(
            svg,
            format_args!(
                "<rect class=\"bar\" x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"6\" rx=\"3\"/>",
                y + ROW_HEIGHT / 2 - 3
            ),
        );
        self.label(svg, number, &band.name);
        svg.push_str("</g>\n");
    }

    fn label(&self, svg: &mut String, number: usize, text: &str) {
        let cut: String = match text.char_indices().nth(LABEL_CHARS_MAX) {
            Some(_) => text.chars().take(LABEL_CHARS_MAX - 1).chain(['…']).collect(),
            None => text.to_owned(),
        };
        let y = number * ROW_HEIGHT + MARGIN + ROW_HEIGHT / 2 + 4;
        put(
            svg,
            format_args!("<text x=\"{MARGIN}\" y=\"{y}\">{}</text>", escaped(&cut)),
        );
    }

    /// Where it begins, and how wide it is; one moment is a little wide, too.
    fn extent(&self, span: &Span) -> (usize, usize) {
        let x = self.x(span.from);
        let end = span.to.map_or(self.x(0) + self.width + MARGIN, |to| self.x(to));
        (x, end.saturating_sub(x).max(4))
    }

    fn x(&self, place: usize) -> usize {
        MARGIN + LABELS_WIDTH + place * self.width / self.places.saturating_sub(1).max(1)
    }
}

fn put(svg: &mut String, text: std::fmt::Arguments<'_>) {
    svg.write_fmt(text).expect("a string takes everything");
    svg.push('\n');
}
