// SPDX-License-Identifier: Apache-2.0
// Which frame is which: finding the n-th frame of a file without decoding all before it.
#include <algorithm>
#include <cmath>
#include <utility>

#include "video_file.h"

namespace vdd::io {
namespace {

constexpr std::int64_t kLead = 16;  // frames before the wanted one to jump to, at least

/// The mean step from one time to the next; 0 if there are fewer than two.
double step_of(const std::vector<std::int64_t>& times) {
  return times.size() < 2 ? 0
                          : static_cast<double>(times.back() - times.front()) /
                                static_cast<double>(times.size() - 1);
}

/// True if the steps are equal, but for the rounding to ticks.
bool is_even(const std::vector<std::int64_t>& times) {
  const double step = step_of(times);
  for (std::size_t i = 0; i < times.size(); ++i) {
    const double expected = static_cast<double>(times.front()) + step * static_cast<double>(i);
    if (std::abs(static_cast<double>(times[i]) - expected) > step / 4) return false;
  }
  return true;
}

}  // namespace

const VideoFile::Times& VideoFile::times() {
  if (times_) return *times_;
  // An index names every frame if it is as long as the header says. It holds the times of decoding,
  // which are those of presentation but for an offset if they are even.
  Times listed;
  const int entries = avformat_index_get_entries_count(&stream());
  for (int i = 0; entries == stream().nb_frames && i < entries; ++i) {
    const AVIndexEntry* entry = avformat_index_get_entry(&stream(), i);
    if (entry->size > 0 && !(entry->flags & AVINDEX_DISCARD_FRAME))
      listed.push_back(entry->timestamp);
  }
  times_ = !listed.empty() && is_even(listed) ? std::move(listed) : scan();
  even_ = is_even(*times_);
  return *times_;
}

VideoFile::Times VideoFile::scan() {
  Times found;
  open();
  while (read_packet()) {
    if (packet_->size == 0 || (packet_->flags & AV_PKT_FLAG_DISCARD)) continue;
    const std::int64_t time = packet_->pts != AV_NOPTS_VALUE ? packet_->pts : packet_->dts;
    if (time != AV_NOPTS_VALUE) found.push_back(time);
  }
  open();
  std::ranges::sort(found);
  return found;
}

/// Finds where the last frame stands in times(); nothing if it is not clear.
std::optional<std::int64_t> VideoFile::place_in_times() {
  const Times& all = times();
  const std::int64_t time = frame_->best_effort_timestamp;
  if (time == AV_NOPTS_VALUE || all.size() < 2) return {};
  if (!even_) {
    const auto found = std::ranges::lower_bound(all, time);
    if (found == all.end() || *found != time) return {};
    return found - all.begin();
  }
  const double place = static_cast<double>(time - all.front()) / step_of(all);
  if (!(std::abs(place - std::round(place)) < 0.3)) return {};
  return std::llround(place);
}

/// Decodes from a key frame at or before frame `number` - 1 up to that frame. False if it cannot be
/// told which frame is which.
bool VideoFile::jump(std::int64_t number) {
  for (std::int64_t lead = kLead; lead < number; lead *= 4) {
    const auto target = static_cast<std::size_t>(number - lead);
    if (target >= times().size()) return false;
    start_clock();
    if (av_seek_frame(demuxer_.get(), stream_, times()[target], AVSEEK_FLAG_BACKWARD) < 0)
      return false;
    avcodec_flush_buffers(decoder_.get());
    ended_ = false;
    if (!grab()) continue;
    const auto first = place_in_times();
    if (!first) return false;
    std::int64_t at = *first - first_place_;
    if (at < 0 || at >= number) continue;
    while (at < number - 1 && grab()) ++at;
    const auto last = place_in_times();
    return at == number - 1 && last && *last - first_place_ == at;
  }
  return false;
}

void VideoFile::seek(std::int64_t number) {
  if (number > kLead) {
    times();
    open();
    const auto first = grab() ? place_in_times() : std::nullopt;
    first_place_ = first.value_or(0);
    if (first && jump(number)) return;
  }
  open();
  for (std::int64_t i = 0; i < number && grab(); ++i) continue;
}

}  // namespace vdd::io
