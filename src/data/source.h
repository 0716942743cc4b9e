// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "resample.h"
#include "vdd/data/clip.h"
#include "vdd/data/config.h"
#include "vdd/data/fingerprint.h"
#include "vdd/data/split.h"

namespace vdd::data {

/// Most pixels of a side of a picture.
constexpr std::int64_t kMaxSide = 8192;
/// Folders below the root in which videos are looked for.
constexpr int kMaxVideoDepth = 4;

/// Frames first .. first + length - 1 of one camera, none missing. A sequence with holes gives
/// several runs of one name.
struct Run {
  std::string name;  ///< name of the sequence: "vkitti2/Scene01/clone/Camera_0"
  /// Name of its group: samples spread evenly over groups (Virtual KITTI's variants), then over
  /// clips.
  std::string group;
  std::int64_t first = 0, length = 0;
};

/// Where the pictures of a clip go. Null pointers: not wanted.
struct ClipBuffers {
  std::int64_t frames = 0, height = 0, width = 0;
  float* rgb = nullptr;    ///< [T,3,H,W] in [-1, 1]
  float* depth = nullptr;  ///< [T,H,W] metres, 0 where not valid and no sky
  bool *valid = nullptr, *sky = nullptr;
  double *intrinsics = nullptr, *poses = nullptr;  ///< [T,3,3], [T,4,4]
  int* stored_size = nullptr;  ///< [T,2] height and width of the files, to compare

  std::int64_t pixels() const { return height * width; }
};

/// Independent tasks; `finish` runs once after all of them. The groups of a clip follow one
/// another.
struct TaskGroup {
  std::int64_t tasks = 0;
  std::function<void(std::int64_t)> run;
  std::function<void()> finish = nullptr;
};

/// One data set on disk. Immutable after the constructor, so every thread may read from it.
class Source {
 public:
  virtual ~Source() = default;
  const std::vector<Run>& runs() const { return runs_; }
  /// What the index left out, for the log: "2 frames without depth". Empty: nothing.
  const std::string& left_out() const { return left_out_; }
  virtual bool has_depth() const = 0;
  virtual bool has_poses() const = 0;
  /// Lists the files that fix the RGB of frame `number`, below root().
  virtual std::vector<std::filesystem::path> rgb_files(const Run& run,
                                                       std::int64_t number) const = 0;
  /// Lists the files that hold the depth of a frame, where has_depth().
  virtual std::vector<std::filesystem::path> depth_files(const Run&, std::int64_t) const {
    return {};
  }
  /// Files that are read besides those of pictures: lists of frames, tables of cameras.
  const std::vector<std::filesystem::path>& tables() const { return tables_; }
  /// Says how to read a clip, group by group; `out` outlives the groups. Tasks throw DataError.
  virtual std::vector<TaskGroup> read(const ClipPlan& plan, const ClipBuffers& out) const = 0;

  const std::filesystem::path& root() const { return root_; }

 protected:
  Source(std::filesystem::path root, const DataConfig& config)
      : root_(std::move(root)), config_(config) {}

  /// Returns the place of `run`, which is one of runs(), in that list.
  std::size_t index_of(const Run& run) const {
    return static_cast<std::size_t>(&run - runs_.data());
  }

  /// Returns the geometry of frame i, whose file has this size.
  Geometry place(const ClipPlan& plan, const ClipBuffers& out, std::int64_t i, std::int64_t height,
                 std::int64_t width) const {
    out.stored_size[2 * i] = static_cast<int>(height);
    out.stored_size[2 * i + 1] = static_cast<int>(width);
    return make_geometry(static_cast<int>(height), static_cast<int>(width), config_, plan);
  }

  std::filesystem::path root_;
  DataConfig config_;
  std::vector<Run> runs_;
  std::vector<std::filesystem::path> tables_;
  std::string left_out_;
};

/// Returns the number on disk of the i-th frame of a clip.
inline std::int64_t frame_number(const ClipPlan& plan, std::int64_t i) {
  return plan.first + plan.stride * (plan.reversed ? plan.frames - 1 - i : i);
}

/// Lists the files that a frame is read from: RGB and, but for `rgb_only`, depth.
std::vector<std::filesystem::path> files_of(const Source& source, const Run& run,
                                            std::int64_t number, bool rgb_only);

/// Computes the fingerprint of a data set. Asks the disk once for each file; opens none.
Fingerprint fingerprint_of(std::span<const Source* const> sources, bool rgb_only);

/// Whether a sequence belongs to a split, by the patterns of the config.
class Selection {
 public:
  Selection(const SourceConfig& source, const DataConfig& config, Split split)
      : source_(source), config_(config), split_(split) {}
  /// `kept`: the data set's own list keeps this sequence for validation.
  bool takes(const std::string& name, bool kept = false) const;
  Split split() const { return split_; }

 private:
  const SourceConfig& source_;
  const DataConfig& config_;
  Split split_;
};

/// Splits sorted frame numbers where one is missing, and appends the runs that are long enough for
/// the shortest clips.
void append_runs(const std::string& name, const std::string& group,
                 const std::vector<std::int64_t>& numbers, const DataConfig& config,
                 std::vector<Run>& runs);

/// Lists the sorted numbers of the files "<prefix><digits><suffix>" in a folder; empty if there is
/// no such folder.
std::vector<std::int64_t> list_numbers(const std::filesystem::path& folder,
                                       const std::string& prefix, const std::string& suffix);

/// Lists the names of the folders in `folder` that match a pattern, sorted; only [A-Za-z0-9._-].
std::vector<std::string> list_folders(const std::filesystem::path& folder,
                                      const std::string& pattern);

/// Writes `number` with at least `digits` digits.
std::string padded(std::int64_t number, int digits);

std::unique_ptr<Source> open_virtual_kitti(const SourceConfig&, const DataConfig&, Split);
std::unique_ptr<Source> open_hypersim(const SourceConfig&, const DataConfig&, Split);
std::unique_ptr<Source> open_videos(const SourceConfig&, const DataConfig&, Split);
/// Opens a source by its `kind`. Throws DataError if the folder is missing or has not this layout.
std::unique_ptr<Source> open_source(const SourceConfig&, const DataConfig&, Split);

}  // namespace vdd::data
