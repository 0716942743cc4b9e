// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

// Line charts as SVG text: no script, no font, no file beside it.
namespace vdd::report {

struct Point {
  double x = 0, y = 0;
};

/// Leaves out the points that have NaN or infinity.
std::vector<Point> finite(const std::vector<Point>& points);

struct Curve {
  std::string name;
  std::vector<Point> points;  ///< x does not decrease; points that are not finite are left out
};

struct Chart {
  std::string title;
  std::vector<Curve> curves;
  bool may_be_logarithmic = true;  ///< if all is positive and spans more than a factor of 30
};

/// Draws a <figure>: the title, the curves in colours of their own, and a legend with their last
/// values. A curve of many points is drawn as the mean of each of some hundred stretches, in a
/// faint band from its smallest to its largest value. The same chart gives the same text.
std::string to_html(const Chart& chart);

/// Values to label from `low` to `high`: 1, 2 or 5 times a power of ten apart, at least two and at
/// most about `count`. On a logarithmic axis powers of ten, between them 2 and 5 if they are few.
std::vector<double> ticks(double low, double high, bool logarithmic, int count = 6);

}  // namespace vdd::report
