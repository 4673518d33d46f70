//! A small writer of SVG in colours that suit light and dark pages.

use std::fmt::{Display, Write};

/// Greys and a blue in the middle of the scale are legible on white; a dark page gets lighter ones.
const STYLE: &str = "\
<style>
  text { font-family: 'DejaVu Sans', 'Segoe UI', Helvetica, Arial, sans-serif; font-size: 12px; fill: #24292f; }
  .name { font-family: 'DejaVu Sans Mono', Menlo, Consolas, monospace; }
  .title { font-size: 15px; font-weight: bold; }
  .soft { fill: #59636e; font-size: 11px; }
  .line { stroke: #59636e; stroke-width: 1.2; fill: none; }
  .bus { stroke: #59636e; stroke-width: 2.6; fill: none; }
  .faint { stroke: #b4bac2; stroke-width: 1; fill: none; stroke-dasharray: 3 3; }
  .box { stroke: #59636e; stroke-width: 1.5; fill: #818b98; fill-opacity: 0.10; }
  .word { stroke: #0969da; stroke-width: 1.2; fill: #0969da; fill-opacity: 0.14; }
  .mark { stroke: none; fill: #0969da; }
  .head { stroke: none; fill: #59636e; }
  @media (prefers-color-scheme: dark) {
    text { fill: #d1d7e0; }
    .soft { fill: #9198a1; }
    .line, .bus, .box { stroke: #9198a1; }
    .faint { stroke: #4b535d; }
    .word { stroke: #4493f8; fill: #4493f8; }
    .mark { fill: #4493f8; }
    .head { fill: #9198a1; }
  }
</style>
";

/// A picture that grows.
#[derive(Debug, Default)]
pub(super) struct Svg {
    body: String,
}

impl Svg {
    /// Text with its anchor (`start`, `middle`, `end`) at a point.
    pub(super) fn text(&mut self, x: i32, y: i32, anchor: &str, class: &str, text: impl Display) {
        let text = escape(&text.to_string());
        let _ = writeln!(
            self.body,
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" class=\"{class}\">{text}</text>"
        );
    }

    /// A line through points.
    pub(super) fn path(&mut self, class: &str, points: &[(i32, i32)]) {
        let _ = writeln!(self.body, "<polyline class=\"{class}\" points=\"{}\"/>", list(points));
    }

    /// A closed shape.
    pub(super) fn shape(&mut self, class: &str, points: &[(i32, i32)]) {
        let _ = writeln!(self.body, "<polygon class=\"{class}\" points=\"{}\"/>", list(points));
    }

    /// A dot.
    pub(super) fn dot(&mut self, x: i32, y: i32) {
        let _ = writeln!(self.body, "<circle class=\"mark\" cx=\"{x}\" cy=\"{y}\" r=\"3\"/>");
    }

    /// The whole file; `title` is for those who cannot see it.
    pub(super) fn finish(self, width: i32, height: i32, title: &str) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>{}</title>\n{STYLE}{}</svg>\n",
            escape(title),
            self.body
        )
    }
}

fn list(points: &[(i32, i32)]) -> String {
    points.iter().map(|(x, y)| format!("{x},{y}")).collect::<Vec<_>>().join(" ")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
