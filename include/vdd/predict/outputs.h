// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "vdd/core/enum_names.h"
#include "vdd/core/field_checks.h"
#include "vdd/io/colormap.h"
#include "vdd/io/image.h"
#include "vdd/predict/frame_source.h"

namespace vdd::predict {

/// Kinds of files with the disparity of a video.
enum class OutputFile { kPng16, kExr, kNpz, kNpy, kMp4 };
constexpr auto names(OutputFile) {
  return enum_names<OutputFile>({{OutputFile::kPng16, "png16"},
                                 {OutputFile::kExr, "exr"},
                                 {OutputFile::kNpz, "npz"},
                                 {OutputFile::kNpy, "npy"},
                                 {OutputFile::kMp4, "mp4"}});
}

/// What is written for each video. `disparity` is in [0,1], near = 1.
struct OutputConfig {
  std::vector<OutputFile> save = {OutputFile::kNpz, OutputFile::kMp4};
  bool side_by_side = false;
  bool original_size = false;
  io::Colormap cmap = io::Colormap::kTurbo;

  constexpr void fields(auto& f) {
    f("save", save, "files for each video", non_empty);
    f("side_by_side", side_by_side, "also write a video with the frames to the left of the depth");
    f("original_size", original_size,
      "write results of the frames' size, not of the size that the model sees");
    f("cmap", cmap, "colour map of the videos");
  }
  std::vector<std::string> check() const;
};

/// Writes a video's disparity frame by frame into a folder:
///   png16/000000.png  16-bit grey, round(65535 * disparity)
///   exr/000000.exr    channel Y, float
///   depth.npz         array `depth` [T,h,w], float32, compressed
///   depth.npy         the same array, plain
///   depth.mp4         colours; depth.png where the video is one picture
///   side_by_side.mp4  frame and colours; side_by_side.png likewise
class OutputWriter {
 public:
  OutputWriter(const std::filesystem::path& folder, const OutputConfig& config, std::int64_t frames,
               const Size& size, double frames_per_second);
  ~OutputWriter();
  OutputWriter(const OutputWriter&) = delete;
  OutputWriter& operator=(const OutputWriter&) = delete;

  /// Writes the next frame. disparity_1hw: float32, of the size given. picture: the frame, of that
  /// size too, needed for side_by_side only. Throws ResourceError.
  void write(const torch::Tensor& disparity_1hw, const io::Image8* picture = nullptr);
  /// Completes the files after the last frame. Throws ResourceError, also if a video lacks frames
  /// (a full disk).
  void close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vdd::predict
