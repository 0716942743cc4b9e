// SPDX-License-Identifier: Apache-2.0
#include "vdd/predict/outputs.h"

#include <torch/torch.h>

#include <algorithm>
#include <cstring>
#include <iomanip>
#include <optional>
#include <sstream>
#include <utility>

#include "vdd/core/folders.h"
#include "vdd/core/text.h"
#include "vdd/io/exr.h"
#include "vdd/io/numpy.h"
#include "vdd/io/video.h"

namespace vdd::predict {
namespace fs = std::filesystem;

namespace {

/// One kind of file.
class Format {
 public:
  virtual ~Format() = default;
  virtual void write(const torch::Tensor& disparity_1hw, const io::Image8* picture) = 0;
  virtual void close() {}
};

fs::path numbered(const fs::path& folder, std::int64_t frame, const char* extension) {
  std::ostringstream name;
  name << std::setw(6) << std::setfill('0') << frame << extension;
  return folder / name.str();
}

template <typename T>
io::Image<T> image_of(const torch::Tensor& pixels_hwC) {
  const torch::Tensor pixels = pixels_hwC.contiguous();
  io::Image<T> image(static_cast<int>(pixels.size(0)), static_cast<int>(pixels.size(1)),
                     pixels.dim() == 3 ? static_cast<int>(pixels.size(2)) : 1);
  std::memcpy(image.pixels.get(), pixels.const_data_ptr(), pixels.nbytes());
  return image;
}

class Png16 final : public Format {
 public:
  explicit Png16(const fs::path& folder) : folder_(folder / "png16") { make_folders(folder_); }
  void write(const torch::Tensor& disparity_1hw, const io::Image8*) override {
    const torch::Tensor values = (disparity_1hw[0] * 65535).round().to(torch::kUInt16);
    io::write_png(numbered(folder_, frame_++, ".png"), image_of<std::uint16_t>(values));
  }

 private:
  fs::path folder_;
  std::int64_t frame_ = 0;
};

class Exr final : public Format {
 public:
  explicit Exr(const fs::path& folder) : folder_(folder / "exr") { make_folders(folder_); }
  void write(const torch::Tensor& disparity_1hw, const io::Image8*) override {
    io::write_exr(numbered(folder_, frame_++, ".exr"), image_of<float>(disparity_1hw[0]));
  }

 private:
  fs::path folder_;
  std::int64_t frame_ = 0;
};

class Numpy final : public Format {
 public:
  Numpy(const fs::path& file, io::NumpyFormat format, std::int64_t frames, const Size& size)
      : writer_(file, format, torch::kFloat32, {frames, size.height, size.width}, "depth") {}
  void write(const torch::Tensor& disparity_1hw, const io::Image8*) override {
    writer_.write(disparity_1hw);
  }
  void close() override { writer_.commit(); }

 private:
  io::NumpyWriter writer_;
};

/// Writes colours, at the right of the frame if asked for. One picture stays a picture.
class Colors final : public Format {
 public:
  Colors(fs::path stem, bool beside, io::Colormap map, std::int64_t frames, const Size& size,
         double frames_per_second)
      : file_(stem.replace_extension(frames == 1 ? ".png" : ".mp4")), beside_(beside), map_(map) {
    if (frames == 1) return;
    const auto width = static_cast<int>(beside ? 2 * size.width : size.width);
    video_.emplace(file_, static_cast<int>(size.height), width, frames_per_second);
  }
  void write(const torch::Tensor& disparity_1hw, const io::Image8* picture) override {
    torch::Tensor colors_hw3 = io::colorize(disparity_1hw, 0, 1, map_)[0];
    if (beside_) {
      const torch::Tensor frame_hw3 = torch::from_blob(
          picture->pixels.get(), {picture->height, picture->width, 3}, torch::kByte);
      colors_hw3 = at::cat({frame_hw3, colors_hw3}, 1);
    }
    const auto image = image_of<std::uint8_t>(colors_hw3);
    if (video_) {
      video_->write(image);
    } else {
      io::write_png(file_, image);
    }
  }
  void close() override {
    if (video_) video_->close();
  }

 private:
  fs::path file_;
  bool beside_;
  io::Colormap map_;
  std::optional<io::VideoWriter> video_;
};

}  // namespace

std::vector<std::string> OutputConfig::check() const {
  std::vector<std::string> errors;
  for (auto kind = save.begin(); kind != save.end(); ++kind) {
    if (std::find(save.begin(), kind, *kind) != kind)
      errors.push_back(concat("save: ", to_name(*kind), " is named twice"));
  }
  return errors;
}

struct OutputWriter::State {
  std::vector<std::unique_ptr<Format>> formats;

  template <typename Kind, typename... Arguments>
  void add(Arguments&&... arguments) {
    formats.push_back(std::make_unique<Kind>(std::forward<Arguments>(arguments)...));
  }
};

OutputWriter::OutputWriter(const fs::path& folder, const OutputConfig& config, std::int64_t frames,
                           const Size& size, double frames_per_second)
    : state_(new State) {
  for (const OutputFile kind : config.save) {
    switch (kind) {
      case OutputFile::kPng16:
        state_->add<Png16>(folder);
        break;
      case OutputFile::kExr:
        state_->add<Exr>(folder);
        break;
      case OutputFile::kNpz:
        state_->add<Numpy>(folder / "depth.npz", io::NumpyFormat::kNpzCompressed, frames, size);
        break;
      case OutputFile::kNpy:
        state_->add<Numpy>(folder / "depth.npy", io::NumpyFormat::kNpy, frames, size);
        break;
      case OutputFile::kMp4:
        state_->add<Colors>(folder / "depth", false, config.cmap, frames, size, frames_per_second);
        break;
    }
  }
  if (config.side_by_side)
    state_->add<Colors>(folder / "side_by_side", true, config.cmap, frames, size,
                        frames_per_second);
}

OutputWriter::~OutputWriter() = default;

void OutputWriter::write(const torch::Tensor& disparity_1hw, const io::Image8* picture) {
  for (const auto& format : state_->formats) format->write(disparity_1hw, picture);
}

void OutputWriter::close() {
  for (const auto& format : state_->formats) format->close();
}

}  // namespace vdd::predict
