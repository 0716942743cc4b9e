// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <mutex>
#include <sstream>
#include <utility>

#include "vdd/core/log.h"
#include "vdd/core/text.h"

namespace vdd {
namespace {

constexpr double kRedrawSeconds = 0.1;
constexpr double kForgetSeconds = 60;  // steps longer ago hardly count for the speed
constexpr int kBarWidth = 20;

std::mutex g_mutex;
bool g_shown = false;

void write_terminal(std::string_view text) {
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, text.data(), text.size());
}

std::size_t terminal_width() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/// "2.1/s", or "4.2 s each" below one a second.
std::string format_speed(double seconds_per_item) {
  std::ostringstream out;
  out << std::setprecision(3);
  if (seconds_per_item < 1) {
    out << 1 / std::max(seconds_per_item, 1e-9) << "/s";
  } else {
    out << seconds_per_item << " s each";
  }
  return out.str();
}

double seconds_between(std::chrono::steady_clock::time_point a,
                       std::chrono::steady_clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

}  // namespace

std::string format_duration(double seconds) {
  const auto total = static_cast<std::int64_t>(std::llround(std::max(seconds, 0.0)));
  const auto text = [](std::int64_t high, char high_unit, std::int64_t low, char low_unit) {
    return concat(high, high_unit, low < 10 ? "0" : "", low, low_unit);
  };
  if (total < 60) return concat(total, 's');
  if (total < 3600) return text(total / 60, 'm', total % 60, 's');
  if (total < 86400) return text(total / 3600, 'h', total % 3600 / 60, 'm');
  return text(total / 86400, 'd', total % 86400 / 3600, 'h');
}

Progress::Progress(std::string label, const Options& options)
    : label_(std::move(label)),
      options_(options),
      terminal_(::isatty(STDERR_FILENO) == 1),
      done_(options.first),
      last_update_(Clock::now()),
      last_shown_(last_update_) {}

Progress::~Progress() {
  finish();
}

void Progress::update(std::int64_t done, std::string_view note) {
  if (finished_) return;
  const auto now = Clock::now();
  if (done > done_) {
    const double elapsed = seconds_between(last_update_, now);
    const double each = elapsed / static_cast<double>(done - done_);
    // Averages plainly at first, then forgets old steps.
    const double share =
        std::max(1.0 / static_cast<double>(++updates_), 1 - std::exp(-elapsed / kForgetSeconds));
    seconds_per_item_ =
        updates_ == 1 ? each : seconds_per_item_ + share * (each - seconds_per_item_);
    last_update_ = now;
    done_ = done;
  }
  note_ = note;
  if (seconds_between(last_shown_, now) >= (terminal_ ? kRedrawSeconds : options_.plain_every_s)) {
    last_shown_ = now;
    show();
  }
}

void Progress::finish() {
  if (finished_) return;
  finished_ = true;
  if (updates_ == 0) return hide();
  show();
  const std::lock_guard lock(g_mutex);
  if (std::exchange(g_shown, false)) write_terminal("\n");
}

double Progress::eta_seconds() const {
  if (options_.total <= 0 || seconds_per_item_ < 0) return -1;
  return seconds_per_item_ * static_cast<double>(std::max<std::int64_t>(options_.total - done_, 0));
}

void Progress::hide() {
  const std::lock_guard lock(g_mutex);
  if (std::exchange(g_shown, false)) write_terminal("\r\x1b[K");
}

void Progress::show() const {
  if (!terminal_) return log::info(label_, line());
  const std::string text = concat(label_, "  ", line()).substr(0, terminal_width() - 1);
  const std::lock_guard lock(g_mutex);
  write_terminal(concat('\r', text, "\x1b[K"));
  g_shown = true;
}

std::string Progress::line() const {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  if (options_.total > 0) {
    const double part =
        std::clamp(static_cast<double>(done_) / static_cast<double>(options_.total), 0.0, 1.0);
    if (terminal_) {
      const int filled = static_cast<int>(part * kBarWidth);
      out << '[' << std::string(filled, '#') << std::string(kBarWidth - filled, '.') << "]  ";
    }
    const std::string total = std::to_string(options_.total);
    out << std::setw(static_cast<int>(total.size())) << done_ << '/' << total << std::setw(5)
        << static_cast<int>(part * 100) << '%';
  } else {
    out << done_;
  }
  if (seconds_per_item_ >= 0) out << "  " << format_speed(seconds_per_item_);
  if (const double eta = eta_seconds(); eta >= 0 && done_ < options_.total)
    out << "  ETA " << format_duration(eta);
  if (!note_.empty()) out << "  " << note_;
  return out.str();
}

}  // namespace vdd
