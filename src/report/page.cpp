// SPDX-License-Identifier: Apache-2.0
#include "vdd/report/page.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "vdd/core/files.h"
#include "vdd/core/text.h"
#include "vdd/report/html.h"

namespace vdd::report {
namespace {

constexpr std::uint64_t kMostPictureBytes = 32 << 20;  // of one page

constexpr std::string_view kHead = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<style>
:root { color-scheme: light dark; --line: #8884; --faint: #888; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
h2 { margin: 2rem 0 .7rem; } h3 { margin: 1rem 0 .3rem; }
.charts { display: grid; gap: .4rem 1.2rem; grid-template-columns: repeat(auto-fill, minmax(24rem, 1fr)); }
figure { margin: 0 0 .8rem; border: 1px solid var(--line); border-radius: 6px; padding: .7rem; }
figcaption { font-weight: 600; }
svg { width: 100%; height: auto; }
.axes path { stroke: var(--line); fill: none; } .axes text { fill: var(--faint); font-size: 12px; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .1rem 1rem; margin: .2rem 0 0; padding: 0; font-size: 13px; }
.legend i { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .4em; }
.legend em { color: #d55e00; }
table { border-collapse: collapse; margin-bottom: 1rem; } td, th { text-align: left; padding: .15rem 1.2rem .15rem 0; border-bottom: 1px solid var(--line); }
td { font-variant-numeric: tabular-nums; } th { font-weight: 600; vertical-align: top; }
.scroll { overflow-x: auto; }
img { max-width: 100%; margin-top: .4rem; image-rendering: auto; }
pre { overflow-x: auto; font-size: 13px; } summary { cursor: pointer; font-weight: 600; margin: .6rem 0; }
</style>
)";

std::string duration(double seconds) {
  const std::int64_t whole = std::llround(std::clamp(seconds, 0.0, 1e12));
  const auto two = [](std::int64_t n) { return concat(n < 10 ? "0" : "", n); };
  return concat(whole / 3600, ':', two(whole / 60 % 60), ':', two(whole % 60));
}

std::vector<Point> finite_points(const Curve* curve) {
  return curve ? finite(curve->points) : std::vector<Point>();
}

double sum(const Curve* curve) {
  double total = 0;
  for (const Point& point : finite_points(curve)) total += point.y;
  return total;
}

std::string median(const Curve* curve) {
  std::vector<Point> points = finite_points(curve);
  if (points.empty()) return "";
  const auto middle = points.begin() + static_cast<std::ptrdiff_t>(points.size() / 2);
  std::ranges::nth_element(points, middle, {}, &Point::y);
  return short_number(middle->y);
}

std::string last(const Curve* curve) {
  return curve && !curve->points.empty() ? short_number(curve->points.back().y) : "";
}

std::string setting(const RunRecord& run, std::string_view key) {
  const auto it = std::ranges::find(run.config, key, [](const auto& leaf) { return leaf.first; });
  return it == run.config.end() ? "" : it->second;
}

std::string maybe(std::int64_t count) {
  return count == 0 ? "" : std::to_string(count);
}

/// Writes a table with a row for each total and a column for each run; a total that no run has is
/// left out.
std::string totals(std::span<const RunRecord> runs) {
  using Total = std::pair<const char*, std::function<std::string(const RunRecord&)>>;
  const auto timed = [](const RunRecord& run, const char* name) {
    return sum(find_curve(run.timing, name));
  };
  const std::vector<Total> rows = {
      {"program", [](const auto& run) { return concat(run.program, ' ', run.version); }},
      {"device", [](const auto& run) { return run.device; }},
      {"data", [](const auto& run) { return run.data_hash.substr(0, 12); }},
      {"updates",
       [](const auto& run) {
         return concat(run.updates, " of ", setting(run, "train.max_steps"));
       }},
      {"samples", [](const auto& run) { return std::to_string(run.samples); }},
      {"updates dropped, not finite", [](const auto& run) { return maybe(run.dropped); }},
      {"bad samples replaced", [](const auto& run) { return maybe(run.bad_samples); }},
      {"damaged log lines left out", [](const auto& run) { return maybe(run.damaged_lines); }},
      {"loss", [](const auto& run) { return last(find_curve(run.training, "loss")); }},
      {"time in updates", [&](const auto& run) { return duration(timed(run, "seconds")); }},
      {"of it waiting for data",
       [&](const auto& run) {
         const double whole = timed(run, "seconds");
         if (whole <= 0) return std::string();
         return concat(short_number(100 * timed(run, "data_wait") / whole), " %");
       }},
      {"time in validations",
       [&](const auto& run) { return duration(timed(run, "validation_seconds")); }},
      {"seconds an update, median",
       [](const auto& run) { return median(find_curve(run.timing, "seconds")); }},
      {"peak memory, MiB", [](const auto& run) {
         const Curve* peak = find_curve(run.timing, "peak_memory");
         return peak ? short_number(std::round(peak->points.back().y / (1 << 20))) : "";
       }}};
  std::string out = "<div class='scroll'><table>\n";
  if (runs.size() > 1) {
    out += "<tr><th></th>";
    for (const RunRecord& run : runs) out += concat("<th>", html_text(run.name), "</th>");
    out += "</tr>\n";
  }
  for (const auto& [name, value] : rows) {
    std::string cells;
    bool any = false;
    for (const RunRecord& run : runs) {
      const std::string text = value(run);
      any |= !text.empty();
      cells += concat("<td>", html_text(text), "</td>");
    }
    if (any) out += concat("<tr><th>", name, "</th>", cells, "</tr>\n");
  }
  return out + "</table></div>\n";
}

std::string grid(const std::vector<Chart>& charts) {
  std::string out = "<div class='charts'>\n";
  for (const Chart& chart : charts) out += to_html(chart);
  return out + "</div>\n";
}

bool is_rate(std::string_view name) {
  return name == "lr" || name.starts_with("lr_");
}

/// The numbers of an update that are neither its loss nor a learning rate.
const std::map<std::string_view, std::string> kOtherTitles = {
    {"grad_norm", "Gradient norm"}, {"loss_scale", "Loss scale"}, {"bad_samples", "Bad samples"}};
constexpr std::string_view kValid = "valid/";

/// The charts of one run: what belongs together in one. A validation score of the teacher,
/// valid/teacher_x, goes with valid/x.
std::vector<Chart> charts_of(const RunRecord& run) {
  std::vector<Chart> charts;
  std::map<std::string, std::size_t> places;
  const auto add = [&](const std::string& title, const Curve& curve) {
    const auto [it, is_new] = places.try_emplace(title, charts.size());
    if (is_new) charts.push_back({title, {}, !is_rate(curve.name)});
    charts[it->second].curves.push_back(curve);
  };
  for (const Curve& curve : run.training) {
    if (is_rate(curve.name)) {
      add("Learning rate", curve);
    } else if (const auto it = kOtherTitles.find(curve.name); it != kOtherTitles.end()) {
      add(it->second, curve);
    } else {
      add("Loss", curve);
    }
  }
  for (const Curve& curve : run.validation) {
    std::string score = curve.name.substr(kValid.size());
    if (score.starts_with("teacher_")) score.erase(0, 8);
    const bool is_loss = find_curve(run.training, score) != nullptr;
    add(concat("Validation: ", is_loss ? "loss" : score), curve);
  }
  return charts;
}

/// The charts of several runs: one for each number, with a curve for each run.
std::vector<Chart> charts_of(std::span<const RunRecord> runs) {
  std::vector<Chart> charts;
  const auto add = [&](std::vector<Curve> RunRecord::*list, std::string_view only) {
    std::vector<std::string> names;
    for (const RunRecord& run : runs) {
      for (const Curve& curve : run.*list) {
        const bool wanted = only.empty() || curve.name == only;
        if (wanted && std::ranges::find(names, curve.name) == names.end()) {
          names.push_back(curve.name);
        }
      }
    }
    for (const std::string& name : names) {
      Chart chart{.title = name, .curves = {}, .may_be_logarithmic = !is_rate(name)};
      for (const RunRecord& run : runs) {
        const Curve* curve = find_curve(run.*list, name);
        chart.curves.push_back({run.name, curve ? curve->points : std::vector<Point>()});
      }
      charts.push_back(std::move(chart));
    }
  };
  add(&RunRecord::training, "");
  add(&RunRecord::validation, "");
  add(&RunRecord::timing, "seconds");
  return charts;
}

/// First and last value of each validation score, and where it was smallest and largest: which of
/// them is good depends on the score.
std::string scores(const RunRecord& run) {
  std::string out =
      "<div class='scroll'><table>\n<tr><th></th><th>first</th><th>last</th><th>smallest</th>"
      "<th>largest</th></tr>\n";
  for (const Curve& curve : run.validation) {
    const std::vector<Point> points = finite(curve.points);
    const auto [low, high] = std::ranges::minmax_element(points, {}, &Point::y);
    const auto at = [&](auto point) {
      return point == points.end() ? ""
                                   : concat(short_number(point->y), " at ", shortest(point->x));
    };
    out +=
        concat("<tr><th>", html_text(curve.name), "</th><td>", short_number(curve.points.front().y),
               "</td><td>", short_number(curve.points.back().y), "</td><td>", at(low), "</td><td>",
               at(high), "</td></tr>\n");
  }
  return out + "</table></div>\n";
}

std::string pictures(const RunRecord& run, std::uint64_t& room) {
  std::string out;
  for (const auto& file : run.pictures) {
    const std::string name = html_text(file.filename().string());
    std::error_code error;
    if (std::filesystem::file_size(file, error) > room || error) {
      out += concat("<p>", name, ": left out, the page would grow too large</p>\n");
      continue;
    }
    const std::string png = read_file(file, room);
    room -= png.size();
    out += concat("<figure><figcaption>", name, "</figcaption><img alt='", name,
                  "' src='data:image/png;base64,", base64(png), "'></figure>\n");
  }
  return out;
}

std::string config_differences(std::span<const RunRecord> runs) {
  std::vector<std::string> keys;
  for (const RunRecord& run : runs) {
    for (const auto& [key, text] : run.config) {
      if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
    }
  }
  std::string out = "<div class='scroll'><table>\n<tr><th></th>";
  for (const RunRecord& run : runs) out += concat("<th>", html_text(run.name), "</th>");
  out += "</tr>\n";
  std::size_t equal = 0;
  for (const std::string& key : keys) {
    std::string cells;
    bool differs = false;
    for (const RunRecord& run : runs) {
      const std::string text = setting(run, key);
      differs |= text != setting(runs.front(), key);
      cells += concat("<td>", html_text(text), "</td>");
    }
    equal += !differs;
    if (differs) out += concat("<tr><th>", html_text(key), "</th>", cells, "</tr>\n");
  }
  return concat(out, "</table></div>\n<p>", equal, " other values are the same.</p>\n");
}

std::string folded(std::string_view title, std::string_view text) {
  return concat("<details><summary>", title, "</summary><pre>", html_text(text),
                "</pre></details>\n");
}

}  // namespace

std::string to_page(std::span<const RunRecord> runs) {
  std::vector<std::string> names;
  for (const RunRecord& run : runs) names.push_back(run.name);
  const std::string title = html_text(join(names, ", "));
  std::string out = concat(kHead, "<title>", title, "</title>\n</head>\n<body>\n<h1>", title,
                           "</h1>\n", totals(runs), "<h2>Curves</h2>\n",
                           grid(runs.size() == 1 ? charts_of(runs.front()) : charts_of(runs)));
  if (runs.size() > 1) out += "<h2>Settings that differ</h2>\n" + config_differences(runs);
  std::uint64_t room = kMostPictureBytes;
  for (const RunRecord& run : runs) {
    if (!run.validation.empty()) {
      out += concat("<h2>Validation", runs.size() > 1 ? concat(": ", html_text(run.name)) : "",
                    "</h2>\n", scores(run), pictures(run, room));
    }
  }
  for (const RunRecord& run : runs) {
    const std::string of = runs.size() > 1 ? concat(" of ", html_text(run.name)) : "";
    out += folded("Settings" + of, run.config_text) + folded("Manifest" + of, run.manifest_text);
  }
  return out + "</body>\n</html>\n";
}

void write_report(const std::filesystem::path& run) {
  const RunRecord record = read_run(run);
  write_file_atomic(run / "report.html", to_page(std::span(&record, 1)));
}

}  // namespace vdd::report
