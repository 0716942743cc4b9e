// SPDX-License-Identifier: Apache-2.0
#include "vdd/report/chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "vdd/core/text.h"
#include "vdd/report/html.h"

namespace vdd::report {
namespace {

constexpr double kWidth = 460, kHeight = 230;
constexpr double kLeft = 58, kRight = 12, kTop = 10, kBottom = 34;
constexpr std::size_t kMostStretches = 250;  // of a curve, before it is drawn as means
constexpr std::size_t kMostDots = 60;

/// The colours of Okabe and Ito, which the colour-blind tell apart; black is grey, to be seen on
/// either ground.
constexpr std::array<std::string_view, 8> kColours = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                      "#e69f00", "#56b4e9", "#888888", "#b8a500"};

std::string_view colour(std::size_t curve) {
  return kColours[curve % kColours.size()];
}

/// Tells curves apart by their dashes after the colours are used up.
std::string_view dashes(std::size_t curve) {
  constexpr std::array<std::string_view, 3> kDashes = {"", " stroke-dasharray='6 3'",
                                                       " stroke-dasharray='2 3'"};
  return kDashes[curve / kColours.size() % kDashes.size()];
}

/// One dot of a curve: a point, or what a stretch of many comes to.
struct Dot {
  double x = 0, mean = 0, low = 0, high = 0;
};

std::vector<Dot> stretches(const std::vector<Point>& points) {
  const std::size_t count = std::min(points.size(), kMostStretches);
  std::vector<Dot> dots;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t begin = i * points.size() / count, end = (i + 1) * points.size() / count;
    Dot dot{.x = 0, .mean = 0, .low = points[begin].y, .high = points[begin].y};
    const auto size = static_cast<double>(end - begin);
    for (std::size_t k = begin; k < end; ++k) {  // divided first: a sum could overflow
      dot.x += points[k].x / size;
      dot.mean += points[k].y / size;
      dot.low = std::min(dot.low, points[k].y);
      dot.high = std::max(dot.high, points[k].y);
    }
    dots.push_back(dot);
  }
  return dots;
}

/// Maps the data of one direction to pixels.
struct Axis {
  double low = 0, high = 1;  ///< data, or its logarithm
  double first = 0, last = 1;
  bool logarithmic = false;

  double scaled(double value) const { return logarithmic ? std::log10(value) : value; }
  double operator()(double value) const {
    // Halved: the width of a range may be more than the largest double.
    const double share = (scaled(value) / 2 - low / 2) / (high / 2 - low / 2);
    return first + share * (last - first);
  }
};

/// Moves `low` and `high` apart, so that a constant has a place to be drawn at.
void widen(double& low, double& high) {
  if (low < high) return;
  const double margin = low == 0 ? 1 : std::abs(low) / 10;
  low -= margin;
  high += margin;
}

std::string pixel(double value) {
  return shortest(std::round(value * 10) / 10);
}

class Drawing {
 public:
  explicit Drawing(const Chart& chart) {
    for (const Curve& curve : chart.curves) curves_.push_back(stretches(finite(curve.points)));
    double left = INFINITY, right = -INFINITY, low = INFINITY, high = -INFINITY;
    for (const auto& dots : curves_) {
      for (const Dot& dot : dots) {
        left = std::min(left, dot.x), right = std::max(right, dot.x);
        low = std::min(low, dot.low), high = std::max(high, dot.high);
      }
    }
    if (empty()) return;
    widen(left, right);
    y_.logarithmic = chart.may_be_logarithmic && low > 0 && high / low > 30;
    y_.low = y_.scaled(low), y_.high = y_.scaled(high);
    widen(y_.low, y_.high);
    x_.low = left, x_.high = right;
    x_.first = kLeft, x_.last = kWidth - kRight;
    y_.first = kHeight - kBottom, y_.last = kTop;
  }

  bool empty() const {
    return std::ranges::all_of(curves_, [](const auto& dots) { return dots.empty(); });
  }

  std::string svg() const {
    std::string out = concat("<svg viewBox='0 0 ", kWidth, ' ', kHeight, "'>\n");
    draw_axes(out);
    for (std::size_t c = 0; c < curves_.size(); ++c) draw_curve(out, c);
    return out + "</svg>\n";
  }

 private:
  void draw_axes(std::string& out) const {
    out += "<g class='axes'>\n";
    const double low = y_.logarithmic ? std::pow(10, y_.low) : y_.low;
    const double high = y_.logarithmic ? std::pow(10, y_.high) : y_.high;
    for (const double value : ticks(low, high, y_.logarithmic)) {
      const std::string y = pixel(y_(value));
      out +=
          concat("<path d='M", kLeft, ' ', y, "H", kWidth - kRight, "'/><text x='", kLeft - 6,
                 "' y='", y, "' dy='.35em' text-anchor='end'>", short_number(value), "</text>\n");
    }
    for (const double value : ticks(x_.low, x_.high, false)) {
      const std::string x = pixel(x_(value));
      out +=
          concat("<path d='M", x, ' ', kHeight - kBottom, "v4'/><text x='", x, "' y='",
                 kHeight - kBottom + 16, "' text-anchor='middle'>", shortest(value), "</text>\n");
    }
    out += concat("<text x='", (kLeft + kWidth - kRight) / 2, "' y='", kHeight - 4,
                  "' text-anchor='middle'>update</text>\n</g>\n");
  }

  void draw_curve(std::string& out, std::size_t c) const {
    const std::vector<Dot>& dots = curves_[c];
    if (dots.empty()) return;
    const auto at = [&](const Dot& dot, double y) {
      return concat(pixel(x_(dot.x)), ' ', pixel(y_(y)));
    };
    std::string line, band;
    for (const Dot& dot : dots) line += concat(line.empty() ? 'M' : 'L', at(dot, dot.mean));
    if (std::ranges::any_of(dots, [](const Dot& dot) { return dot.low < dot.high; })) {
      for (const Dot& dot : dots) band += concat(band.empty() ? 'M' : 'L', at(dot, dot.high));
      for (auto dot = dots.rbegin(); dot != dots.rend(); ++dot)
        band += concat('L', at(*dot, dot->low));
      out += concat("<path d='", band, "Z' fill='", colour(c), "' fill-opacity='.18'/>\n");
    }
    out += concat("<path d='", line, "' fill='none' stroke='", colour(c), "' stroke-width='1.5'",
                  dashes(c), "/>\n");
    if (dots.size() > kMostDots) return;
    for (const Dot& dot : dots) {
      out += concat("<circle cx='", pixel(x_(dot.x)), "' cy='", pixel(y_(dot.mean)),
                    "' r='2.5' fill='", colour(c), "'><title>", shortest(dot.x), ": ",
                    shortest(dot.mean), "</title></circle>\n");
    }
  }

  std::vector<std::vector<Dot>> curves_;
  Axis x_, y_;
};

/// The smallest of 1, 2, 5 times a power of ten that is not below `step`.
double round_step(double step) {
  const double power = std::pow(10, std::floor(std::log10(step)));
  for (const double factor : {1., 2., 5.}) {
    if (factor * power >= step * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

}  // namespace

std::vector<Point> finite(const std::vector<Point>& points) {
  std::vector<Point> kept;
  for (const Point& point : points) {
    if (std::isfinite(point.x) && std::isfinite(point.y)) kept.push_back(point);
  }
  return kept;
}

std::vector<double> ticks(double low, double high, bool logarithmic, int count) {
  std::vector<double> values;
  if (logarithmic) {
    const int first = static_cast<int>(std::floor(std::log10(low)));
    const int last = static_cast<int>(std::ceil(std::log10(high)));
    const int every = std::max(1, (last - first) / count);
    for (int power = first; power <= last; power += every) {
      for (const double factor : {1., 2., 5.}) {
        const double value = factor * std::pow(10, power);
        const bool wanted = factor == 1 || last - first <= 2;
        if (wanted && value >= low && value <= high) values.push_back(value);
      }
    }
    return values;
  }
  const double step = round_step(high / count - low / count);
  const double first = std::ceil(low / step);
  for (int i = 0; i < 100 && (first + i) * step <= high; ++i) {
    values.push_back((first + i) * step);
  }
  return values;
}

std::string to_html(const Chart& chart) {
  const Drawing drawing(chart);
  std::string out = concat("<figure>\n<figcaption>", html_text(chart.title), "</figcaption>\n");
  if (drawing.empty()) return out + "<p>no values yet</p>\n</figure>\n";
  out += drawing.svg() + "<ul class='legend'>\n";
  for (std::size_t c = 0; c < chart.curves.size(); ++c) {
    const Curve& curve = chart.curves[c];
    out += concat("<li><i style='background:", colour(c), "'></i>", html_text(curve.name));
    if (!curve.points.empty()) out += concat(" <b>", short_number(curve.points.back().y), "</b>");
    const std::size_t left_out = curve.points.size() - finite(curve.points).size();
    if (left_out > 0) out += concat(" <em>", left_out, " not finite</em>");
    out += "</li>\n";
  }
  return out + "</ul>\n</figure>\n";
}

}  // namespace vdd::report
