// SPDX-License-Identifier: Apache-2.0
#include "vdd/predict/predict_videos.h"

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <iomanip>
#include <numeric>
#include <optional>
#include <sstream>
#include <utility>

#include "vdd/config/reader.h"
#include "vdd/config/writer.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/folders.h"
#include "vdd/core/progress.h"
#include "vdd/core/staged_folder.h"
#include "vdd/core/stop.h"
#include "vdd/core/system.h"
#include "vdd/core/text.h"
#include "vdd/core/validate.h"
#include "vdd/pipeline/windows.h"
#include "vdd/predict/raw_scratch.h"
#include "vdd/tensor/dtype.h"

namespace vdd::predict {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr const char* kInfoFile = "prediction.json";

void stop_if_asked() {
  const StopReason reason = stop_requested();
  if (reason == StopReason::kNone) return;
  throw Error(concat("stopped by ", describe(reason), "; go on with --skip-done"),
              exit_code(reason));
}

/// Returns what was predicted before, if it is what would be predicted now.
PredictionInfo finished(const fs::path& folder, const PredictionInfo& wanted) {
  const auto found = config::load_json<PredictionInfo>(folder / kInfoFile);
  const auto refuse = [&](std::string_view what, std::string_view before, std::string_view now) {
    throw ConfigError(concat(escape(folder.string()), ": was predicted with ", what, ' ',
                             escape(before), ", not ", escape(now),
                             "; choose --overwrite or another folder"));
  };
  if (found.input != wanted.input) refuse("input", found.input, wanted.input);
  if (found.model_hash != wanted.model_hash) refuse("model", found.model_hash, wanted.model_hash);
  const auto before = config::to_leaves(found.config), now = config::to_leaves(wanted.config);
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (before[i] != now[i]) refuse(now[i].first, before[i].second, now[i].second);
  }
  return found;
}

torch::Tensor resize(const torch::Tensor& disparity_1hw, const Size& size) {
  if (disparity_1hw.size(1) == size.height && disparity_1hw.size(2) == size.width)
    return disparity_1hw;
  return at::_upsample_bilinear2d_aa(disparity_1hw.unsqueeze(0), {size.height, size.width},
                                     /*align_corners=*/false)[0]
      .clamp(0, 1);
}

io::Image8 picture_of(const torch::Tensor& rgb_13hw) {
  const torch::Tensor bytes_hw3 =
      rgb_13hw[0].round().clamp(0, 255).to(torch::kByte).permute({1, 2, 0}).contiguous();
  io::Image8 image(static_cast<int>(bytes_hw3.size(0)), static_cast<int>(bytes_hw3.size(1)), 3);
  std::copy_n(bytes_hw3.const_data_ptr<std::uint8_t>(), image.size(), image.pixels.get());
  return image;
}

/// One video from its frames to its folder.
class Job {
 public:
  Job(Predictor& predictor, const Input& input, const PredictSpec& spec,
      const Replaceable& replaceable, const PredictionInfo& info, std::string label)
      : predictor_(predictor),
        input_(input),
        spec_(spec),
        replaceable_(replaceable),
        label_(std::move(label)),
        source_(input, spec.frames),
        scratch_(spec.output, source_.frames(), source_.size().height, source_.size().width) {
    report_.output = (spec.output / input.name).string();
    report_.prediction = info;
  }

  VideoReport run() {
    predict();
    write();
    return report_;
  }

 private:
  void predict() {
    const auto [height, width] = source_.size();
    const std::int64_t frames = source_.frames(), chunk = predictor_.config().chunk;
    DisparityStream stream = predictor_.stream(
        frames, height, width, [this](const torch::Tensor& raw_THW) { scratch_.append(raw_THW); });
    // A frame is encoded, denoised once or, where windows overlap, twice, and decoded.
    const PredictorConfig& c = predictor_.config();
    const std::int64_t windows = pipeline::WindowStream::count(frames, c.window, c.overlap);
    const std::int64_t shared = frames > c.window ? (windows - 1) * c.overlap : 0;
    Progress progress(label_, {.total = 3 * frames + shared});
    for (std::int64_t at = 0; at < frames; at += chunk) {
      stop_if_asked();
      const std::int64_t next = std::min(chunk, frames - at);
      stream.push(source_.next(next));
      progress.update(at + next + stream.denoised() + scratch_.frames(),
                      concat(scratch_.frames(), " of ", frames, " frames"));
    }
    progress.finish();

    PredictionInfo& info = report_.prediction;
    info.frames = frames;
    info.height = height;
    info.width = width;
    info.raw_low = scratch_.range().low;
    info.raw_high = scratch_.range().high;
    info.windows = windows;
    if (const auto& seams = stream.seams(); !seams.empty()) {
      info.seam_mean =
          std::accumulate(seams.begin(), seams.end(), 0.0) / static_cast<double>(seams.size());
      info.seam_max = *std::max_element(seams.begin(), seams.end());
    }
    const double to_ms = 1000 / static_cast<double>(frames);
    report_.encode_ms = stream.times().encode * to_ms;
    report_.denoise_ms = stream.times().denoise * to_ms;
    report_.decode_ms = stream.times().decode * to_ms;
  }

  void write() {
    const auto start = Clock::now();
    const Size size =
        spec_.results.original_size ? Size{input_.info.height, input_.info.width} : source_.size();
    StagedFolder staged = spec_.done == Done::kReplace ? StagedFolder(report_.output, replaceable_)
                                                       : StagedFolder(report_.output);
    OutputWriter writer(staged.path(), spec_.results, source_.frames(), size,
                        source_.frames_per_second());
    std::optional<FrameSource> pictures;
    if (spec_.results.side_by_side) pictures.emplace(input_, spec_.frames);
    Progress progress(concat(label_, " writing"), {.total = source_.frames()});
    for (std::int64_t frame = 0; frame < source_.frames(); ++frame) {
      stop_if_asked();
      const torch::Tensor disparity_1hw =
          resize(normalize(scratch_.read(frame), scratch_.range()), size);
      if (pictures) {
        const io::Image8 picture = picture_of(resize(pictures->next_picture(), size));
        writer.write(disparity_1hw, &picture);
      } else {
        writer.write(disparity_1hw);
      }
      progress.update(frame + 1);
    }
    progress.finish();
    writer.close();
    write_file_atomic(staged.path() / kInfoFile, config::to_json(report_.prediction));
    staged.commit();
    report_.write_ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count() /
                       static_cast<double>(source_.frames());
  }

  Predictor& predictor_;
  const Input& input_;
  const PredictSpec& spec_;
  const Replaceable& replaceable_;
  std::string label_;
  FrameSource source_;
  RawScratch scratch_;
  VideoReport report_;
};

}  // namespace

PredictReport predict_videos(Predictor& predictor, const std::vector<Input>& inputs,
                             const PredictSpec& spec) {
  validate(spec.frames);
  validate(spec.results);
  const pipeline::DepthModel& model = predictor.model();
  const PredictionInfo common{
      .version = version(),
      .model = spec.model,
      .model_hash = model_hash(model),
      .device = model.unet->device().str(),
      .dtype = tensor::dtype_name(model.unet->dtype()),
      .vae_dtype = tensor::dtype_name(model.vae->dtype()),
      .threads = at::get_num_threads(),
      .config = {.predictor = predictor.config(), .frames = spec.frames, .output = spec.results}};
  const auto folder_of = [&](const Input& input) { return spec.output / input.name; };
  const auto info_of = [&](const Input& input) {
    PredictionInfo info = common;
    info.input = input.path.string();
    return info;
  };
  Replaceable replaceable{.marker = kInfoFile,
                          .names = {"depth.npz", "depth.npy", "depth.mp4", "depth.png",
                                    "side_by_side.mp4", "side_by_side.png", "png16", "exr"},
                          .inputs = spec.model_inputs};
  for (const Input& input : inputs) replaceable.inputs.push_back(input.path);
  // Everything that can be refused is refused before the first video.
  for (const Input& input : inputs) {
    const FrameSource frames(input, spec.frames);
    const fs::path folder = folder_of(input);
    finish_replacement(folder);
    if (spec.done == Done::kReplace) require_replaceable(folder, replaceable);
    if (spec.done == Done::kReplace || !path_exists(folder)) continue;
    if (spec.done == Done::kRefuse) {
      throw ConfigError(concat(escape(folder.string()),
                               ": exists; choose --skip-done, --overwrite or another folder"));
    }
    finished(folder, info_of(input));
  }

  make_folders(spec.output);
  try_storage(spec.output);
  PredictReport report;
  for (const Input& input : inputs) {
    const fs::path folder = folder_of(input);
    if (spec.done == Done::kSkip && path_exists(folder)) {
      report.videos.push_back({.output = folder.string(),
                               .skipped = true,
                               .prediction = finished(folder, info_of(input))});
      continue;
    }
    const std::string label =
        concat(report.videos.size() + 1, '/', inputs.size(), ' ', escape(input.name));
    report.videos.push_back(Job(predictor, input, spec, replaceable, info_of(input), label).run());
  }
  report.peak_memory_mib = peak_memory_bytes() >> 20;
  return report;
}

std::string to_markdown(const PredictReport& report) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out << "| results | frames | size | windows | seam error | encode | denoise | decode | write |\n"
         "|---|---|---|---|---|---|---|---|---|\n";
  for (const VideoReport& video : report.videos) {
    const PredictionInfo& info = video.prediction;
    out << "| " << escape(video.output) << " | " << info.frames << " | " << info.height << 'x'
        << info.width << " | " << info.windows << " | " << std::setprecision(3);
    if (info.windows > 1) {
      out << info.seam_mean << ", at most " << info.seam_max;
    } else {
      out << "none";
    }
    if (video.skipped) {
      out << " | done before | | | |\n";
      continue;
    }
    for (const double ms : {video.encode_ms, video.denoise_ms, video.decode_ms, video.write_ms})
      out << " | " << ms << " ms";
    out << " |\n";
  }
  out << "\nMilliseconds are of a frame. Peak memory: " << report.peak_memory_mib << " MiB.\n";
  return out.str();
}

}  // namespace vdd::predict
