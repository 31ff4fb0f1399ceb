//! A page that stands by itself: what was found, drawn, and the facts around it. Nothing is loaded from anywhere.

use std::fmt::Write as _;

use super::scene::{Part, Scene};
use super::svg;

/// What stands on the page.
#[derive(Debug, Clone)]
pub struct Page {
    /// What it is about.
    pub title: String,
    /// `valid`, `invalid` or `unknown`.
    pub verdict: String,
    /// Why, in a sentence.
    pub reason: Option<String>,
    /// What was found, with its scene where there is one.
    pub findings: Vec<Finding>,
    /// Findings that are not shown.
    pub more: usize,
    /// Names and what is to be said of them.
    pub facts: Vec<(String, String)>,
}

/// Something that was found.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Its kind.
    pub kind: String,
    /// What is wrong, in a sentence.
    pub sentence: String,
    /// The operations that prove it.
    pub scene: Option<Scene>,
}

const STYLE: &str = include_str!("page.css");

impl Page {
    /// The page as HTML.
    #[must_use]
    pub fn html(&self) -> String {
        let (title, verdict) = (escaped(&self.title), escaped(&self.verdict));
        let mut html = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{verdict}: {title}</title>\n\
             <style>\n{STYLE}</style></head><body><main>\n\
             <header><span class=\"verdict {verdict}\">{verdict}</span><h1>{title}</h1></header>\n"
        );
        if let Some(reason) = &self.reason {
            put(&mut html, &format!("<p class=\"reason\">{}</p>", escaped(reason)));
        }
        for finding in &self.findings {
            finding.put(&mut html);
        }
        if self.more > 0 {
            put(
                &mut html,
                &format!("<p>{} more findings are in results.json.</p>", self.more),
            );
        }
        html.push_str("<dl>\n");
        for (name, fact) in &self.facts {
            put(
                &mut html,
                &format!("<dt>{}</dt><dd>{}</dd>", escaped(name), escaped(fact)),
            );
        }
        html.push_str("</dl>\n</main></body></html>\n");
        html
    }
}

impl Finding {
    fn put(&self, html: &mut String) {
        let (kind, sentence) = (escaped(&self.kind), escaped(&self.sentence));
        put(html, &format!("<section><h2>{kind}</h2><p>{sentence}</p>"));
        if let Some(scene) = &self.scene {
            put(
                html,
                &format!("<figure>{}{}</figure>", svg::draw(scene), caption(scene)),
            );
            put(html, &table(scene));
        }
        html.push_str("</section>\n");
    }
}

fn caption(scene: &Scene) -> String {
    let key = scene
        .key
        .as_ref()
        .map_or_else(String::new, |key| format!("key {}; ", escaped(key)));
    let hidden = match scene.hidden {
        0 => String::new(),
        hidden => format!(" {hidden} more operations went on meanwhile."),
    };
    format!(
        "<figcaption>{key}the operations in colour prove it. Order is to scale, time is not.{hidden}</figcaption>"
    )
}

fn table(scene: &Scene) -> String {
    let mut html =
        "<table><tr><th>line</th><th>process</th><th>operation</th><th>when</th></tr>\n".to_owned();
    for row in scene.rows.iter().filter(|row| row.part == Part::Proof) {
        let (told, when) = (escaped(&row.told), escaped(&row.span.name));
        put(
            &mut html,
            &format!(
                "<tr><td>{}</td><td>{}</td><td>{told}</td><td>{when}</td></tr>",
                row.index.0, row.process
            ),
        );
    }
    html.push_str("</table>");
    html
}

/// Text as it may stand in HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            control if control.is_control() => html.push('\u{fffd}'),
            plain => html.push(plain),
        }
    }
    html
}

fn put(html: &mut String, line: &str) {
    writeln!(html, "{line}").expect("a string takes everything");
}
