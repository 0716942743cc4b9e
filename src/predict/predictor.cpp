// SPDX-License-Identifier: Apache-2.0
#include "vdd/predict/predictor.h"

#include <torch/cuda.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "vdd/config/writer.h"
#include "vdd/core/error.h"
#include "vdd/core/hash.h"
#include "vdd/core/random.h"
#include "vdd/core/text.h"
#include "vdd/core/validate.h"
#include "vdd/pipeline/sampling.h"
#include "vdd/tensor/random.h"

namespace vdd::predict {
namespace {

using pipeline::Window;

/// Adds the time it lives to `seconds`.
class Timer {
 public:
  Timer(double& seconds, torch::Device device) : seconds_(seconds), device_(device) {}
  ~Timer() {
    if (device_.is_cuda()) torch::cuda::synchronize(device_.index());
    seconds_ += std::chrono::duration<double>(Clock::now() - start_).count();
  }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  double& seconds_;
  torch::Device device_;
  Clock::time_point start_ = Clock::now();
};

}  // namespace

std::vector<std::string> PredictorConfig::check() const {
  return pipeline::WindowConfig{.window = window, .overlap = overlap}.check();
}

torch::Tensor normalize(const torch::Tensor& raw_THW, const ValueRange& range) {
  if (!(range.high > range.low)) return at::zeros_like(raw_THW);
  return (raw_THW - range.low) / (range.high - range.low);
}

torch::Tensor align(const torch::Tensor& disparity_THW, const torch::Tensor& before_THW) {
  const torch::Tensor shared_THW = disparity_THW.slice(0, 0, before_THW.size(0));
  const torch::Tensor from = shared_THW.std(/*unbiased=*/false),
                      to = before_THW.std(/*unbiased=*/false);
  const torch::Tensor scale = at::where((from > 0).logical_and(to > 0), to / from, 1.0);
  return (disparity_THW - shared_THW.mean()) * scale + before_THW.mean();
}

struct DisparityStream::State {
  pipeline::DepthModel model;
  PredictorConfig config;
  std::int64_t frames, height, width;
  Sink sink;
  diffusion::EulerSchedule schedule;
  at::Generator pixel_noise;
  /// Noise of the windows; nothing if the model starts from the RGB latent.
  std::optional<pipeline::WindowNoise> noise = {};
  std::optional<pipeline::WindowStream> windows = {};
  torch::Tensor waiting_TChw = {};  ///< latents that are still to be decoded
  std::int64_t denoised = 0, decoded = 0;
  Times times = {};

  torch::Device device() const { return model.unet->device(); }
  torch::Tensor start(const Window& window);
  torch::Tensor denoise(const Window& window);
  torch::Tensor head_disparity(const Window& window);
  void decode(const torch::Tensor& latent_TChw);
  void emit(const torch::Tensor& raw_THW);
};

/// Returns what a window starts from, at the noise level of the first step.
torch::Tensor DisparityStream::State::start(const Window& window) {
  denoised += window.conditioning.frames();
  if (noise) return noise->next(window);
  return window.conditioning.rgb_latent_TChw *
         (model.info.rgb_latent_scale * schedule.init_noise_sigma(config.steps));
}

torch::Tensor DisparityStream::State::denoise(const Window& window) {
  const Timer timer(times.denoise, device());
  const pipeline::Conditioning& conditioning = window.conditioning;
  const double noise_aug = model.info.noise_aug;
  const torch::Tensor x_TChw = start(window);
  if (config.steps == 1) {
    const double sigma = schedule.sigmas(1)[0].item<float>();
    return pipeline::denoise_once(model.unet, conditioning, x_TChw, sigma, noise_aug);
  }
  const auto unet = [&](const torch::Tensor& scaled, const torch::Tensor& timestep) {
    return pipeline::run_unet(model.unet, scaled, timestep, conditioning, noise_aug);
  };
  return diffusion::euler_sample(unet, schedule, config.steps, x_TChw);
}

torch::Tensor DisparityStream::State::head_disparity(const Window& window) {
  const Timer timer(times.denoise, device());
  // Starts without the window before, whose result is no latent.
  const torch::Tensor x_TChw = start({window.index, window.conditioning, {}});
  const torch::Tensor disparity_THW =
      pipeline::student_disparity(model.unet, model.dpt_head, window.conditioning, x_TChw,
                                  {.height = height,
                                   .width = width,
                                   .sigma = schedule.sigmas(1)[0].item<float>(),
                                   .noise_aug = model.info.noise_aug})
          .disparity_THW.clamp_min(0);
  return window.before_T.defined() ? align(disparity_THW, window.before_T) : disparity_THW;
}

/// Decodes the merged latent in chunks, wherever its windows end.
void DisparityStream::State::decode(const torch::Tensor& latent_TChw) {
  waiting_TChw = waiting_TChw.defined() ? at::cat({waiting_TChw, latent_TChw}) : latent_TChw;
  while (true) {
    const std::int64_t waiting = waiting_TChw.size(0);
    const std::int64_t next = std::min(config.chunk, frames - decoded);
    if (next == 0 || waiting < next) break;
    torch::Tensor raw_THW;
    {
      const Timer timer(times.decode, device());
      raw_THW = pipeline::raw_disparity(
          pipeline::decode_video(model.vae, waiting_TChw.slice(0, 0, next), config.chunk));
    }
    emit(raw_THW);
    waiting_TChw = waiting_TChw.slice(0, next).clone();
  }
}

void DisparityStream::State::emit(const torch::Tensor& raw_THW) {
  const torch::Tensor values_THW = raw_THW.to(torch::kCPU).contiguous();
  if (!values_THW.isfinite().all().item<bool>()) {
    throw NonFiniteError(concat("prediction: disparity of frames ", decoded, " to ",
                                decoded + values_THW.size(0) - 1, " is not finite"));
  }
  decoded += values_THW.size(0);
  sink(values_THW);
}

DisparityStream::DisparityStream(std::unique_ptr<State> state) : state_(std::move(state)) {}
DisparityStream::~DisparityStream() = default;
DisparityStream::DisparityStream(DisparityStream&&) noexcept = default;

void DisparityStream::push(const torch::Tensor& rgb_T3HW) {
  const torch::NoGradGuard no_grad;
  State& s = *state_;
  if (rgb_T3HW.dim() != 4 || rgb_T3HW.size(1) != 3 || rgb_T3HW.size(2) != s.height ||
      rgb_T3HW.size(3) != s.width) {
    throw ShapeError(
        concat("video: wanted [T,3,", s.height, ",", s.width, "], got ", rgb_T3HW.sizes()));
  }
  for (const torch::Tensor& part_T3HW : rgb_T3HW.split(s.config.chunk)) {
    pipeline::Conditioning conditioning;
    {
      const Timer timer(s.times.encode, s.device());
      conditioning = pipeline::encode_video(
          s.model.vae, s.model.image_encoder, part_T3HW, s.model.info.noise_aug,
          torch::randn(part_T3HW.sizes(), s.pixel_noise, torch::dtype(torch::kFloat32)),
          s.config.chunk);
    }
    s.windows->push(conditioning);
  }
}

const DisparityStream::Times& DisparityStream::times() const {
  return state_->times;
}
std::int64_t DisparityStream::denoised() const {
  return state_->denoised;
}
const std::vector<double>& DisparityStream::seams() const {
  return state_->windows->seams();
}

std::string model_hash(const pipeline::DepthModel& model) {
  pipeline::VddInfo info = model.info;
  info.base.clear();
  info.provenance = {};
  return sha256_hex(concat(model.unet_hash, ' ', model.vae_hash, ' ', model.image_encoder_hash, ' ',
                           model.dpt_head_hash, ' ', config::to_json(info),
                           config::to_json(model.scheduler)));
}

Predictor::Predictor(const pipeline::LoadSpec& spec, const PredictorConfig& config)
    : config_(config) {
  const auto folders = pipeline::find_model(spec.model, spec.unet, spec.base);
  model_ = pipeline::load_depth_model(
      spec, {.dpt_head = folders.info.decoder == pipeline::Decoder::kDpt});
  check_config();
}

Predictor::Predictor(pipeline::DepthModel model, const PredictorConfig& config)
    : model_(std::move(model)), config_(config) {
  check_config();
}

void Predictor::check_config() {
  validate(config_);
  if (config_.steps == 0) config_.steps = model_.info.steps;
  config_.noise_aug = model_.info.noise_aug = config_.noise_aug.value_or(model_.info.noise_aug);
  const bool one_step = model_.info.input == pipeline::SamplerInput::kRgbLatent ||
                        model_.info.decoder == pipeline::Decoder::kDpt;
  if (config_.steps > 1 && one_step)
    throw ConfigError(concat("steps: this student has one, got ", config_.steps));
}

std::int64_t Predictor::size_multiple() const {
  const auto levels = model_.unet->config().block_out_channels.size();
  return model_.vae->config().scale() << (levels - 1);
}

DisparityStream Predictor::stream(std::int64_t frames, std::int64_t height, std::int64_t width,
                                  DisparityStream::Sink sink) {
  const std::int64_t multiple = size_multiple();
  if (frames < 1 || height < 1 || width < 1 || height % multiple != 0 || width % multiple != 0) {
    throw ShapeError(concat("video: wanted frames of a size that is a multiple of ", multiple,
                            ", got ", frames, " of ", height, "x", width));
  }
  const auto seed = static_cast<std::uint64_t>(config_.seed);
  auto state = std::make_unique<DisparityStream::State>(DisparityStream::State{
      .model = model_,
      .config = config_,
      .frames = frames,
      .height = height,
      .width = width,
      .sink = std::move(sink),
      .schedule = diffusion::EulerSchedule(model_.scheduler),
      .pixel_noise = tensor::make_generator(derive_seed(seed, 0, "pixel_noise"))});
  DisparityStream::State& s = *state;
  if (model_.info.input == pipeline::SamplerInput::kNoise) {
    const std::int64_t scale = model_.vae->config().scale();
    const torch::Tensor noise_TChw =
        tensor::randn({std::min(frames, config_.window), model_.vae->config().latent_channels,
                       height / scale, width / scale},
                      seed);
    s.noise.emplace(
        s.schedule,
        pipeline::WindowConfig{
            .steps = config_.steps, .window = config_.window, .overlap = config_.overlap},
        frames, noise_TChw.to(s.device()));
  }
  if (model_.info.decoder == pipeline::Decoder::kDpt) {
    s.windows.emplace(
        frames, config_.window, config_.overlap,
        [&s](const Window& window) { return s.head_disparity(window); },
        [&s](const torch::Tensor& raw_THW) { s.emit(raw_THW); });
  } else {
    s.windows.emplace(
        frames, config_.window, config_.overlap,
        [&s](const Window& window) { return s.denoise(window); },
        [&s](const torch::Tensor& latent_TChw) { s.decode(latent_TChw); });
  }
  return DisparityStream(std::move(state));
}

torch::Tensor Predictor::predict_clip(const torch::Tensor& rgb_T3HW) {
  if (rgb_T3HW.dim() != 4)
    throw ShapeError(concat("video: wanted [T,3,H,W], got ", rgb_T3HW.sizes()));
  std::vector<torch::Tensor> parts;
  DisparityStream video = stream(rgb_T3HW.size(0), rgb_T3HW.size(2), rgb_T3HW.size(3),
                                 [&](const torch::Tensor& raw_THW) { parts.push_back(raw_THW); });
  video.push(rgb_T3HW);
  const torch::Tensor raw_THW = at::cat(parts);
  return normalize(raw_THW, {raw_THW.min().item<float>(), raw_THW.max().item<float>()});
}

std::string settings_of(const Predictor& predictor) {
  const pipeline::DepthModel& model = predictor.model();
  std::string text;
  for (const auto& [key, value] : config::to_leaves(predictor.config()))
    text += concat(key, '=', value, ' ');
  return concat(text, "dtype=", pipeline::dtype_key(model.unet->dtype(), model.vae->dtype()),
                " device=", model.unet->device().str());
}

}  // namespace vdd::predict
