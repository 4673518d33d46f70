//! Curves and clouds of points as SVG, the same bytes for the same numbers.
//!
//! ```
//! use emeuro::plot::{Axis, Plot, Series};
//! let error = Series::line("validation", vec![(1.0, 0.3), (2.0, 0.1), (3.0, 0.05)]);
//! let plot = Plot {
//!     title: "newton".into(),
//!     x: Axis::linear("epoch"),
//!     y: Axis::log("NRMSE"),
//!     series: vec![error],
//! };
//! assert!(plot.svg()?.starts_with("<svg"));
//! # Ok::<(), emeuro::plot::PlotError>(())
//! ```

use std::ops::Range;

use emeuro_golden::FileKind;
use plotters::{
    coord::{
        combinators::{LogCoord, WithKeyPoints},
        ranged1d::{AsRangedCoord, ValueFormatter},
    },
    prelude::*,
};

/// Size of a picture, pixels.
const SIZE: (u32, u32) = (760, 470);

/// What [`Plot::svg`] goes to.
pub const PICTURE: FileKind = FileKind {
    name: "a picture that this program drew (SVG)",
    is: |head| {
        let (width, height) = SIZE;
        let begin = format!("<svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\"");
        head.starts_with(begin.as_bytes())
    },
};

/// Colours of the series in turn: distinct without colour vision too (Wong, Nature Methods 8, 2011).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(150, 150, 150),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
];

/// A picture of some series over common axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    /// Stands above the picture.
    pub title: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// What is drawn, the last one on top.
    pub series: Vec<Series>,
}

/// An axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Name and unit.
    pub label: String,
    /// Whether it is logarithmic: all numbers must then be positive.
    pub logarithmic: bool,
}

impl Axis {
    /// An axis with even steps.
    pub fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), logarithmic: false }
    }

    /// An axis with equal ratios.
    pub fn log(label: impl Into<String>) -> Self {
        Self { label: label.into(), logarithmic: true }
    }
}

/// Points with one name and one colour.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// The points, x and y.
    pub points: Vec<(f64, f64)>,
    /// Whether a line joins them, in their order.
    pub line: bool,
    /// Radius of the points, pixels; 0 draws none.
    pub radius: u32,
}

impl Series {
    /// Points joined by a line.
    pub fn line(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.into(), points, line: true, radius: 3 }
    }

    /// A cloud of points.
    pub fn cloud(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.into(), points, line: false, radius: 3 }
    }

    /// The same with points of another radius.
    #[must_use]
    pub fn radius(self, radius: u32) -> Self {
        Self { radius, ..self }
    }
}

/// Why a plot cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// There is no point, or one that has no place on the axes.
    #[error("plot '{title}': {what}")]
    Points {
        /// Title of the plot.
        title: String,
        /// What is wrong.
        what: &'static str,
    },
    /// The picture could not be written.
    #[error("plot '{title}': {reason}")]
    Drawing {
        /// Title of the plot.
        title: String,
        /// The reason of the drawing library.
        reason: String,
    },
}

impl Plot {
    /// The picture as an SVG file.
    ///
    /// # Errors
    /// No point, a number that is not finite, or one on a logarithmic axis that is not positive.
    pub fn svg(&self) -> Result<String, PlotError> {
        let points = || self.series.iter().flat_map(|series| series.points.iter().copied());
        let x = self.range(&self.x, points().map(|(x, _)| x))?;
        let y = self.range(&self.y, points().map(|(_, y)| y))?;
        let legend = self.emptiest_corner(&x, &y);
        let mut svg = String::new();
        let drawn = match (self.x.logarithmic, self.y.logarithmic) {
            (false, false) => self.draw(&mut svg, x, y, legend),
            (true, false) => self.draw(&mut svg, logarithmic(x), y, legend),
            (false, true) => self.draw(&mut svg, x, logarithmic(y), legend),
            (true, true) => self.draw(&mut svg, logarithmic(x), logarithmic(y), legend),
        };
        drawn.map_err(|e| PlotError::Drawing { title: self.title.clone(), reason: e.to_string() })?;
        Ok(svg)
    }

    /// What an axis shows: all values, with a little air on both sides.
    fn range(&self, axis: &Axis, values: impl Iterator<Item = f64>) -> Result<Range<f64>, PlotError> {
        let wrong = |what| Err(PlotError::Points { title: self.title.clone(), what });
        let values: Vec<f64> = values.collect();
        if values.is_empty() {
            return wrong("there is no point");
        }
        if values.iter().any(|v| !v.is_finite()) {
            return wrong("a number is not finite");
        }
        if axis.logarithmic && values.iter().any(|&v| v <= 0.0) {
            return wrong("a number on a logarithmic axis is not positive");
        }
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Ok(match axis.logarithmic {
            true => {
                let air = (most / least).powf(0.08).max(1.15);
                least / air..most * air
            }
            false => {
                let air = match most - least {
                    0.0 => most.abs().max(1.0) * 0.1,
                    spread => 0.06 * spread,
                };
                least - air..most + air
            }
        })
    }

    /// Where a legend hides the fewest points; at the top right, if that is as good as elsewhere.
    fn emptiest_corner(&self, x: &Range<f64>, y: &Range<f64>) -> SeriesLabelPosition {
        let place = |axis: &Axis, range: &Range<f64>, value: f64| match axis.logarithmic {
            true => (value / range.start).ln() / (range.end / range.start).ln(),
            false => (value - range.start) / (range.end - range.start),
        };
        let hidden = |right: bool, top: bool| {
            let near =
                |place: f64, far: bool, reach: f64| if far { place > 1.0 - reach } else { place < reach };
            let points = self.series.iter().flat_map(|series| &series.points);
            points
                .filter(|point| {
                    near(place(&self.x, x, point.0), right, 0.3)
                        && near(place(&self.y, y, point.1), top, 0.35)
                })
                .count()
        };
        [
            (SeriesLabelPosition::UpperRight, hidden(true, true)),
            (SeriesLabelPosition::UpperLeft, hidden(false, true)),
            (SeriesLabelPosition::LowerLeft, hidden(false, false)),
            (SeriesLabelPosition::LowerRight, hidden(true, false)),
        ]
        .into_iter()
        .min_by_key(|(_, hidden)| *hidden)
        .map_or(SeriesLabelPosition::UpperRight, |(corner, _)| corner)
    }

    fn draw<X, Y>(
        &self,
        svg: &mut String,
        x: X,
        y: Y,
        legend: SeriesLabelPosition,
    ) -> Result<(), Box<dyn std::error::Error + '_>>
    where
        X: AsRangedCoord<Value = f64>,
        Y: AsRangedCoord<Value = f64>,
        X::CoordDescType: ValueFormatter<f64>,
        Y::CoordDescType: ValueFormatter<f64>,
    {
        let result = (|| {
            let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
            area.fill(&WHITE)?;
            let mut chart = ChartBuilder::on(&area)
                .caption(&self.title, ("sans-serif", 18))
                .margin(14)
                .x_label_area_size(44)
                .y_label_area_size(66)
                .build_cartesian_2d(x, y)?;
            chart
                .configure_mesh()
                .x_desc(&self.x.label)
                .y_desc(&self.y.label)
                .label_style(("sans-serif", 13))
                .light_line_style(RGBColor(244, 244, 244))
                .bold_line_style(RGBColor(222, 222, 222))
                .x_label_formatter(&|value| number(*value))
                .y_label_formatter(&|value| number(*value))
                .draw()?;
            for (series, colour) in self.series.iter().zip(COLOURS.iter().cycle()) {
                let points = series.points.iter().copied();
                if series.line {
                    chart.draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?;
                }
                let radius = series.radius;
                let dots =
                    chart.draw_series(points.map(|point| Circle::new(point, radius, colour.filled())))?;
                let (line, colour) = (series.line, *colour);
                dots.label(&series.name).legend(move |(x, y)| {
                    let ends = if line { vec![(x, y), (x + 18, y)] } else { vec![(x + 9, y), (x + 9, y)] };
                    EmptyElement::at((0, 0))
                        + PathElement::new(ends, colour.stroke_width(2))
                        + Circle::new((x + 9, y), radius.max(2), colour.filled())
                });
            }
            chart
                .configure_series_labels()
                .position(legend)
                .label_font(("sans-serif", 13))
                .background_style(WHITE.mix(0.85))
                .border_style(RGBColor(200, 200, 200))
                .draw()?;
            area.present()
        })();
        result.map_err(|e: DrawingAreaErrorKind<_>| Box::from(e.to_string()))
    }
}

/// A logarithmic axis with marks at round numbers, however short it is.
fn logarithmic(range: Range<f64>) -> WithKeyPoints<LogCoord<f64>> {
    let (marks, lines) = (marks(&range), inside(&range, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]));
    range.log_scale().with_key_points(marks).with_light_points(lines)
}

/// Numbers to write at a logarithmic axis: the roundest of which there are at least three.
fn marks(range: &Range<f64>) -> Vec<f64> {
    const ROUND: [&[f64]; 4] = [
        &[1.0],
        &[1.0, 2.0, 5.0],
        &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0],
        &[1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0],
    ];
    let marks = ROUND.iter().map(|digits| inside(range, digits)).find(|marks| marks.len() >= 3);
    marks.unwrap_or_else(|| vec![range.start, range.end])
}

/// The numbers of `digits` times a power of ten that lie within `range`.
fn inside(range: &Range<f64>, digits: &[f64]) -> Vec<f64> {
    let (first, last) = (range.start.log10().floor() as i32, range.end.log10().ceil() as i32);
    let numbers = (first..=last).flat_map(|power| digits.iter().map(move |digit| digit * 10f64.powi(power)));
    numbers.filter(|number| range.contains(number)).collect()
}

/// A number with as many digits as an axis needs.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if !(1e-4..1e6).contains(&size) => format!("{value:e}"),
        _ => {
            let text = format!("{value:.5}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(logarithmic: bool) -> Plot {
        let axis = |label: &str| Axis { label: label.into(), logarithmic };
        Plot {
            title: "error <and> clocks".into(),
            x: axis("clocks"),
            y: axis("NRMSE, %"),
            series: vec![
                Series::cloud("all", vec![(100.0, 3.0), (400.0, 0.5)]).radius(2),
                Series::line("front", vec![(90.0, 2.0), (300.0, 0.25), (900.0, 0.1)]),
            ],
        }
    }

    #[test]
    fn the_same_numbers_give_the_same_bytes() {
        for logarithmic in [false, true] {
            let first = plot(logarithmic).svg().unwrap();
            assert_eq!(first, plot(logarithmic).svg().unwrap());
            assert!((PICTURE.is)(first.as_bytes()));
            assert!(first.starts_with("<svg") && first.trim_end().ends_with("</svg>"), "{first}");
            assert!(first.contains("&lt;and&gt;") && first.contains("front"), "{first}");
            // Five points and the two of the legend.
            assert_eq!(first.matches("<circle").count(), 7);
        }
    }

    #[test]
    fn a_single_point_has_a_picture() {
        for logarithmic in [false, true] {
            let series = vec![Series::cloud("one", vec![(5.0, 0.01)])];
            assert!(Plot { series, ..plot(logarithmic) }.svg().is_ok());
        }
    }

    #[test]
    fn short_and_long_axes_have_round_marks() {
        assert_eq!(marks(&(0.05..400.0)), [0.1, 1.0, 10.0, 100.0]);
        assert_eq!(marks(&(900.0..21_000.0)), [1000.0, 2000.0, 5000.0, 10_000.0, 20_000.0]);
        assert_eq!(marks(&(1100.0..3300.0)), [1500.0, 2000.0, 3000.0]);
        assert_eq!(marks(&(1.01..1.02)), [1.01, 1.02]);
    }

    #[test]
    fn what_has_no_place_is_refused() {
        let refused = |points: Vec<(f64, f64)>| {
            Plot { series: vec![Series::cloud("bad", points)], ..plot(true) }.svg().unwrap_err().to_string()
        };
        assert!(refused(vec![]).contains("there is no point"));
        assert!(refused(vec![(1.0, f64::NAN)]).contains("not finite"));
        assert!(refused(vec![(1.0, 0.0)]).contains("not positive"));
    }

    #[test]
    fn numbers_are_short() {
        let cases = [(0.0, "0"), (100.0, "100"), (0.05, "0.05"), (2.5e7, "2.5e7"), (1e-5, "1e-5")];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }
}
