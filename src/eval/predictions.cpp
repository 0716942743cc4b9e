// SPDX-License-Identifier: Apache-2.0
#include "vdd/eval/predictions.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

#include "layouts.h"
#include "vdd/core/error.h"
#include "vdd/core/folders.h"
#include "vdd/core/text.h"
#include "vdd/io/exr.h"
#include "vdd/io/image.h"
#include "vdd/io/numpy.h"

namespace vdd::eval {
namespace {

/// Throws NonFiniteError for the first frame with NaN or infinity.
void check_finite(const at::Tensor& values_Thw, const std::string& where,
                  const std::vector<std::string>& frames) {
  for (std::int64_t t = 0; t < values_Thw.size(0); ++t) {
    if (values_Thw[t].isfinite().all().item<bool>()) continue;
    throw NonFiniteError(concat(where, ": frame ", frames[static_cast<std::size_t>(t)],
                                ": the prediction holds NaN or infinity"));
  }
}

std::vector<std::string> names_of(const ScoredClip& clip) {
  std::vector<std::string> names;
  for (const std::size_t frame : clip.frames) names.push_back(clip.sequence.frames()[frame]);
  return names;
}

class OfModel : public Predictions {
 public:
  explicit OfModel(Estimator model) : model_(std::move(model)) {}

  PredictionKind kind() const override { return PredictionKind::kDisparity; }
  at::Tensor predict(const ScoredClip& clip) override {
    const auto& p = clip.protocol;
    at::Tensor out;
    try {
      out = model_(clip.sequence.clip_T3hw(clip.frames, p.crop, p.height, p.width));
    } catch (const NonFiniteError& error) {
      throw NonFiniteError(concat(clip.sequence.name(), ": ", error.what()));
    }
    if (out.dim() != 3 || out.size(0) != std::ssize(clip.frames)) {
      throw ShapeError(concat(clip.sequence.name(), ": the model gave ", out.sizes(), " for ",
                              clip.frames.size(), " frames; wanted [T,h,w]"));
    }
    out = out.to(at::kCPU, at::kFloat).contiguous();
    check_finite(out, clip.sequence.name(), names_of(clip));
    return out;
  }

 private:
  Estimator model_;
};

class OfTruth : public Predictions {
 public:
  PredictionKind kind() const override { return PredictionKind::kDisparity; }
  at::Tensor predict(const ScoredClip& clip) override {
    const at::Tensor depth = clip.truth.depth_THW.to(at::kDouble);
    return at::where(depth > 0, 1 / depth, at::zeros_like(depth));
  }
};

class Kept : public Predictions {
 public:
  Kept(std::unique_ptr<Predictions> source, fs::path folder)
      : source_(std::move(source)), folder_(std::move(folder)) {}

  PredictionKind kind() const override { return source_->kind(); }
  at::Tensor predict(const ScoredClip& clip) override {
    at::Tensor values = source_->predict(clip);
    const fs::path file = folder_ / (clip.sequence.name() + ".npz");
    make_folders(file.parent_path());
    io::write_npz(file, values, std::string(to_name(kind())));
    return values;
  }

 private:
  std::unique_ptr<Predictions> source_;
  fs::path folder_;
};

template <typename T>
at::Tensor to_floats(const io::Image<T>& image, double divisor) {
  at::Tensor out = at::empty({image.height, image.width}, at::kFloat);
  float* values = out.mutable_data_ptr<float>();
  for (std::size_t i = 0; i < image.size(); ++i)
    values[i] = static_cast<float>(image.pixels[i] / divisor);
  return out;
}

/// Returns [T,h,w] of a shape that may lack T or have a single channel.
std::vector<std::int64_t> without_channel(at::IntArrayRef shape) {
  std::vector<std::int64_t> out = shape.vec();
  if (out.size() == 2) out.insert(out.begin(), 1);
  if (out.size() == 4 && out[1] == 1) out.erase(out.begin() + 1);
  if (out.size() == 4 && out[3] == 1) out.pop_back();
  return out;
}

class OfFolder : public Predictions {
 public:
  OfFolder(fs::path folder, PredictionKind kind) : folder_(std::move(folder)), kind_(kind) {
    if (!is_folder(folder_)) throw DataError(folder_, "no such folder");
  }

  PredictionKind kind() const override { return kind_; }
  at::Tensor predict(const ScoredClip& clip) override {
    const std::string& name = clip.sequence.name();
    const fs::path whole =
        find_below(folder_, {name + ".npz", name + ".npy", name + ".exr", name + ".png",
                             name + "/depth.npz", name + "/depth.npy", name + "_rgb_left.npz"});
    if (whole.empty() && !is_folder(folder_ / name)) {
      throw DataError(folder_, concat("no prediction for ", name, ": neither ", name,
                                      ".npz, .npy nor a folder of frames"));
    }
    const at::Tensor values =
        whole.empty() ? read_frames(folder_ / name, clip) : read_rows(whole, clip);
    check_finite(values, escape((whole.empty() ? folder_ / name : whole).string()), names_of(clip));
    return values;
  }

 private:
  static at::Tensor read_array(const fs::path& file, const io::ShapeCheck& check = {}) {
    if (file.extension() == ".npz") return io::read_npz(file, member_of(file), check);
    if (file.extension() == ".npy") return io::read_npy(file, check);
    if (file.extension() == ".exr") return to_floats(io::read_exr(file), 1);
    return to_floats(io::read_png16(file), 65535);
  }

  static std::string member_of(const fs::path& file) {
    const auto members = io::npz_members(file);
    for (const char* name : {"disparity", "depth"}) {
      if (std::find(members.begin(), members.end(), name) != members.end()) return name;
    }
    if (members.size() == 1) return members.front();
    throw DataError(file, concat("no array \"depth\" or \"disparity\", but ", join(members, ", ")));
  }

  /// Returns the pixels of a frame: of the truth or of the network's input, whichever has more.
  static std::int64_t pixels_of(const ScoredClip& clip) {
    const at::Tensor& truth = clip.truth.depth_THW;
    return std::max(clip.protocol.height * clip.protocol.width,
                    truth.defined() ? truth.size(1) * truth.size(2) : 0);
  }

  /// Reads the frames of the clip. The array holds those that the protocol takes, or all of the
  /// sequence.
  static at::Tensor read_rows(const fs::path& file, const ScoredClip& clip) {
    const auto all = std::ssize(clip.sequence.frames());
    const auto taken = frames_of(clip.protocol, clip.sequence.frames().size());
    const auto check = [&](at::IntArrayRef found) {
      const std::vector<std::int64_t> shape = without_channel(found);
      if (shape.size() != 3 || (shape[0] != std::ssize(taken) && shape[0] != all) ||
          shape[1] * shape[2] == 0) {
        throw DataError(file,
                        concat("prediction of shape ", found, "; the protocol takes ", taken.size(),
                               " frames, ", clip.sequence.frames()[taken.front()], " to ",
                               clip.sequence.frames()[taken.back()], ", of ", all,
                               "; wanted [T,h,w] of those or of all"));
      }
      check_frame_pixels(shape[1] * shape[2], pixels_of(clip), file);
    };
    at::Tensor values = read_array(file, check);
    check(values.sizes());  // of a picture, too
    values = values.view(without_channel(values.sizes()));
    const bool holds_taken = values.size(0) == std::ssize(taken);
    std::vector<std::int64_t> rows;
    for (const std::size_t frame : clip.frames) {
      const auto place = std::find(taken.begin(), taken.end(), frame) - taken.begin();
      rows.push_back(holds_taken ? place : static_cast<std::int64_t>(frame));
    }
    return values.index_select(0, at::tensor(rows, at::kLong)).to(at::kFloat);
  }

  static at::Tensor read_frames(const fs::path& folder, const ScoredClip& clip) {
    std::vector<at::Tensor> all;
    for (const std::string& frame : names_of(clip)) {
      const fs::path file = find_below(folder, {frame + ".npy", frame + ".exr", frame + ".png"});
      if (file.empty()) {
        throw DataError(folder, concat("frame ", frame), "no prediction: no .npy, .exr or .png");
      }
      const auto check = [&](at::IntArrayRef shape) {
        check_frame_pixels(c10::multiply_integers(shape), pixels_of(clip), file);
      };
      const at::Tensor values = read_array(file, check).squeeze().to(at::kFloat);
      if (values.dim() != 2 || (!all.empty() && values.sizes() != all.front().sizes())) {
        throw DataError(file, concat("frame of shape ", values.sizes(), "; wanted [h,w]",
                                     all.empty() ? "" : ", of one size in a sequence"));
      }
      all.push_back(values);
    }
    return at::stack(all);
  }

  fs::path folder_;
  PredictionKind kind_;
};

}  // namespace

std::unique_ptr<Predictions> predictions_of(Estimator model) {
  return std::make_unique<OfModel>(std::move(model));
}

std::unique_ptr<Predictions> stored_predictions(const fs::path& folder, PredictionKind kind) {
  return std::make_unique<OfFolder>(folder, kind);
}

std::unique_ptr<Predictions> keep_predictions(std::unique_ptr<Predictions> predictions,
                                              const fs::path& folder) {
  return std::make_unique<Kept>(std::move(predictions), folder);
}

std::unique_ptr<Predictions> truth_as_predictions() {
  return std::make_unique<OfTruth>();
}

}  // namespace vdd::eval
