// SPDX-License-Identifier: Apache-2.0
// Plain videos: every video file and every folder of pictures below the root is a sequence. There
// is no depth.
#include "vdd/io/video.h"

#include <algorithm>

#include "resample.h"
#include "source.h"
#include "vdd/core/error.h"
#include "vdd/core/folders.h"
#include "vdd/core/text.h"

namespace vdd::data {
namespace {

namespace fs = std::filesystem;

class Videos : public Source {
 public:
  Videos(const SourceConfig& source, const DataConfig& config, Split split)
      : Source(source.root, config) {
    const Selection selection(source, config, split);
    if (io::is_video_file(root_)) {
      add(root_, selection);
      root_ = root_.parent_path();
    } else {
      search(root_, selection, 0);
    }
    if (!found_)
      throw DataError(source.root, "holds no video file and no folder of JPEG or PNG frames");
  }

  bool has_depth() const override { return false; }
  bool has_poses() const override { return false; }

  std::vector<fs::path> rgb_files(const Run& run, std::int64_t number) const override {
    const auto& sequence = sequences_[index_of(run)];
    if (sequence.frames.empty()) return {sequence.path};
    return {sequence.frames[static_cast<std::size_t>(number)]};
  }

  std::vector<TaskGroup> read(const ClipPlan& plan, const ClipBuffers& out) const override {
    const auto& sequence = sequences_[plan.run];
    if (!sequence.frames.empty()) {
      return {{plan.frames, [this, plan, out](std::int64_t i) {
                 const auto& file =
                     sequences_[plan.run].frames[static_cast<std::size_t>(frame_number(plan, i))];
                 show(io::read_rgb(file), plan, out, i);
               }}};
    }
    // A video file is decoded in one go: its frames depend on one another.
    auto pictures = std::make_shared<std::vector<io::Image8>>();
    return {{1,
             [&sequence, plan, pictures](std::int64_t) {
               *pictures = io::read_video(sequence.path, plan.first, plan.frames, plan.stride);
             }},
            {plan.frames, [this, plan, out, pictures](std::int64_t i) {
               const auto at = static_cast<std::size_t>(plan.reversed ? plan.frames - 1 - i : i);
               show((*pictures)[at], plan, out, i);
             }}};
  }

 private:
  struct Sequence {
    fs::path path;
    std::vector<fs::path> frames;  // of a folder
  };

  void search(const fs::path& folder, const Selection& selection, int depth) {
    const std::vector<std::string> names = list_names(folder);
    if (std::ranges::any_of(names, io::is_image_file)) add(folder, selection);
    for (const std::string& name : names) {
      const fs::path entry = folder / name;
      if (io::is_video_file(entry)) add(entry, selection);
      if (depth < kMaxVideoDepth && is_folder(entry)) search(entry, selection, depth + 1);
    }
  }

  void add(const fs::path& path, const Selection& selection) {
    found_ = true;
    const fs::path inside = path == root_ ? path.filename() : path.lexically_relative(root_);
    const std::string name = concat("videos/", escape(inside.generic_string()));
    if (!selection.takes(name)) return;
    Sequence sequence{.path = path, .frames = {}};
    std::int64_t count = 0;
    if (io::is_video_file(path)) {
      count = io::probe_video(path).frames;
    } else {
      sequence.frames = io::list_frames(path);
      count = std::ssize(sequence.frames);
    }
    std::vector<std::int64_t> numbers;
    for (std::int64_t i = 0; i < count; ++i) numbers.push_back(i);
    append_runs(name, "", numbers, config_, runs_);
    sequences_.resize(runs_.size(), sequence);
  }

  void show(const io::Image8& rgb, const ClipPlan& plan, const ClipBuffers& out,
            std::int64_t i) const {
    resize_rgb(rgb, place(plan, out, i, rgb.height, rgb.width), out.rgb + 3 * i * out.pixels());
  }

  std::vector<Sequence> sequences_;  // one a run
  bool found_ = false;
};

}  // namespace

std::unique_ptr<Source> open_videos(const SourceConfig& source, const DataConfig& config,
                                    Split split) {
  return std::make_unique<Videos>(source, config, split);
}

}  // namespace vdd::data
