// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "vdd/predict/frame_source.h"
#include "vdd/predict/outputs.h"
#include "vdd/predict/predictor.h"

namespace vdd::predict {

/// How videos are predicted.
struct PredictConfig {
  PredictorConfig predictor = {};
  FrameConfig frames = {};
  OutputConfig output = {};

  constexpr void fields(auto& f) {
    f("predictor", predictor, "how the model runs");
    f("frames", frames, "what it sees");
    f("output", output, "what is written");
  }
};

/// prediction.json beside the results of a video; the last file to be written.
struct PredictionInfo {
  std::string version = {};
  std::string model = {};
  std::string model_hash = {};
  std::string input = {};
  std::string device = {};
  std::string dtype = {};
  std::string vae_dtype = {};
  std::int64_t threads = 0;
  std::int64_t frames = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  double raw_low = 0;
  double raw_high = 0;
  std::int64_t windows = 0;
  double seam_mean = 0;
  double seam_max = 0;
  PredictConfig config = {};

  constexpr void fields(auto& f) {
    f("version", version, "version of vdd");
    f("model", model, "as given");
    f("model_hash", model_hash, "hash of the model's weights and of how it runs");
    f("input", input, "as given");
    f("device", device, "where it ran");
    f("dtype", dtype, "dtype of the UNet");
    f("vae_dtype", vae_dtype, "dtype of the VAE");
    f("threads", threads, "CPU threads of tensor operations", non_negative);
    f("frames", frames, "number of predicted frames", non_negative);
    f("height", height, "height that the model saw, in pixels", non_negative);
    f("width", width, "width that the model saw, in pixels", non_negative);
    f("raw_low", raw_low, "raw disparity that became 0");
    f("raw_high", raw_high, "raw disparity that became 1");
    f("windows", windows, "windows that the video was cut into", non_negative);
    f("seam_mean", seam_mean, "mean seam error of neighbouring windows", non_negative);
    f("seam_max", seam_max, "largest seam error", non_negative);
    f("config", config, "how it was predicted");
  }
};

/// What became of one video. Milliseconds of a frame; all 0 if it had been done before.
struct VideoReport {
  std::string output = {};
  bool skipped = false;
  double encode_ms = 0;
  double denoise_ms = 0;
  double decode_ms = 0;
  double write_ms = 0;
  PredictionInfo prediction = {};

  constexpr void fields(auto& f) {
    f("output", output, "folder of the results");
    f("skipped", skipped, "it had been done before");
    f("encode_ms", encode_ms, "milliseconds of a frame");
    f("denoise_ms", denoise_ms, "milliseconds of a frame, all steps");
    f("decode_ms", decode_ms, "milliseconds of a frame");
    f("write_ms", write_ms, "milliseconds of a frame");
    f("prediction", prediction, "prediction.json");
  }
};

struct PredictReport {
  std::vector<VideoReport> videos = {};
  std::int64_t peak_memory_mib = 0;

  constexpr void fields(auto& f) {
    f("videos", videos, "in the order of the inputs");
    f("peak_memory_mib", peak_memory_mib, "most resident memory that the process had");
  }
};

/// What to do with results that are there.
enum class Done { kRefuse, kSkip, kReplace };

struct PredictSpec {
  std::string model;                                     ///< for prediction.json
  std::vector<std::filesystem::path> model_inputs = {};  ///< what the model is read from
  std::filesystem::path output;
  Done done = Done::kRefuse;
  FrameConfig frames = {};
  OutputConfig results = {};
};

/// Predicts one video after another into `spec.output`/<name>/, each complete or absent. With kSkip
/// a finished video is left alone, and one that was cut off starts again. Stops between frames when
/// a signal asks for it. Throws ConfigError if results are there and may not be replaced, or were
/// made from another video, by another model or another way; DataError, ResourceError,
/// NonFiniteError; Error with the signal's exit code.
PredictReport predict_videos(Predictor& predictor, const std::vector<Input>& inputs,
                             const PredictSpec& spec);

/// Writes the report for people, in Markdown.
std::string to_markdown(const PredictReport& report);

}  // namespace vdd::predict
