// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vdd/core/field_checks.h"
#include "vdd/pipeline/model_folder.h"

// Disparity of videos: a teacher of several steps, a one-step student with the VAE, or one with a
// head, as the model's vdd.json says. Legend: T frames, H W pixels.
namespace vdd::predict {

/// The published script's defaults.
struct PredictorConfig {
  std::int64_t steps = 0;
  std::int64_t window = 110;
  std::int64_t overlap = 25;
  std::int64_t chunk = 8;
  std::int64_t seed = 42;
  std::optional<double> noise_aug = {};

  constexpr void fields(auto& f) {
    f("steps", steps, "sampler steps; 0: as the model's vdd.json says", non_negative);
    f("window", window, "frames that are denoised together", positive);
    f("overlap", overlap, "frames that two windows share", non_negative);
    f("chunk", chunk, "frames that are encoded or decoded together", positive);
    f("seed", seed, "seed of the noise", non_negative);
    f("noise_aug", noise_aug,
      "strength of the noise that is added to the frames before they are encoded; null: as the "
      "model's vdd.json says",
      non_negative);
  }
  std::vector<std::string> check() const;
};

/// Lowest and highest value of a video.
struct ValueRange {
  float low = 0, high = 0;
};

/// Brings raw disparity to [0,1]; all 0 if the range is empty.
torch::Tensor normalize(const torch::Tensor& raw_THW, const ValueRange& range);

/// Brings a window of a head's disparity to the scale of the one before, whose frames `before` they
/// share: by mean and standard deviation there, because each window has a scale and an offset of
/// its own. Least squares would shrink the scale at every window. [T,H,W], first frames of T
/// shared.
torch::Tensor align(const torch::Tensor& disparity_THW, const torch::Tensor& before_THW);

/// One video on its way through a Predictor. Memory: one window, whatever the length.
class DisparityStream {
 public:
  /// raw_THW: float32, on the CPU, near = large, of the video's own range.
  using Sink = std::function<void(const torch::Tensor& raw_THW)>;

  /// Seconds spent so far; a head's count as denoising.
  struct Times {
    double encode = 0, denoise = 0, decode = 0;
  };

  ~DisparityStream();
  DisparityStream(DisparityStream&&) noexcept;

  /// Takes the next frames in [-1,1], any number of them. After the last one the sink has all.
  /// Throws ShapeError, NonFiniteError.
  void push(const torch::Tensor& rgb_T3HW);

  const Times& times() const;
  /// Frames whose windows have been denoised; those that two windows share count twice.
  std::int64_t denoised() const;
  /// pipeline::WindowStream::seams(), of latents or of the head's disparity.
  const std::vector<double>& seams() const;

 private:
  friend class Predictor;
  struct State;
  explicit DisparityStream(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Computes SHA-256 of what determines a prediction, wherever the model lies: its weights, as
/// loaded with LoadSpec::hash, and how it runs.
std::string model_hash(const pipeline::DepthModel& model);

/// A model in memory. Not for several threads at once.
class Predictor {
 public:
  /// Throws DataError, ConfigError if the model cannot run in that many steps.
  Predictor(const pipeline::LoadSpec& spec, const PredictorConfig& config = {});
  Predictor(pipeline::DepthModel model, const PredictorConfig& config = {});

  /// Predicts disparity [T,H,W] in [0,1] of a clip [T,3,H,W] in [-1,1], float32, on the CPU, near =
  /// 1; min-max over the whole clip. H and W are multiples of size_multiple(). Throws ShapeError,
  /// NonFiniteError.
  torch::Tensor predict_clip(const torch::Tensor& rgb_T3HW);

  /// Starts the prediction of a video that is not in memory; its sink gets disparity before
  /// min-max. Noise: frame after frame from tensor::make_generator(derive_seed(seed, 0,
  /// "pixel_noise")), which gives the numbers of one large draw, and tensor::randn(seed) for the
  /// latent: a video of one window is conditioned as the teacher's clip of that seed is. Throws
  /// ShapeError.
  DisparityStream stream(std::int64_t frames, std::int64_t height, std::int64_t width,
                         DisparityStream::Sink sink);

  std::int64_t size_multiple() const;
  /// The config as given, with the true number of steps.
  const PredictorConfig& config() const { return config_; }
  const pipeline::DepthModel& model() const { return model_; }

 private:
  void check_config();

  pipeline::DepthModel model_;
  PredictorConfig config_;
};

/// Describes how a predictor runs, for people: "steps=1 window=110 ... dtype=fp32 device=cpu", with
/// types as pipeline::dtype_key() names them.
std::string settings_of(const Predictor& predictor);

}  // namespace vdd::predict
