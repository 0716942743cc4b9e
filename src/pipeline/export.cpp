// SPDX-License-Identifier: Apache-2.0
#include "vdd/pipeline/export.h"

#include <cstring>
#include <set>

#include "model_parts.h"
#include "vdd/config/writer.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/folders.h"
#include "vdd/core/staged_folder.h"
#include "vdd/core/system.h"
#include "vdd/core/text.h"
#include "vdd/io/safetensors.h"
#include "vdd/tensor/dtype.h"

namespace vdd::pipeline {
namespace fs = std::filesystem;
namespace {

using tensor::TensorInfo;
using tensor::TensorSource;

constexpr const char* kMarker = ".vdd-export";  // other programs write vdd.json, too

/// Only a folder that an export wrote is ever replaced, and never one that is read.
Replaceable replaceable(const ExportSpec& spec, const ModelFolders& folders) {
  return {.marker = kMarker,
          .names = {"model_index.json", "vdd.json", "unet", "vae", "image_encoder", "dpt_head",
                    "scheduler", "feature_extractor"},
          .inputs = {spec.model, spec.unet, spec.base, folders.unet, folders.vae,
                     folders.image_encoder, folders.dpt_head, folders.scheduler}};
}

ModelFolders find_source(const ExportSpec& spec) {
  if (is_folder(spec.model / "checkpoints")) {
    throw DataError(spec.model,
                    "is a run folder; name one of its checkpoints, for example checkpoints/best");
  }
  return find_model(spec.model, spec.unet, spec.base);
}

diffusion::SchedulerConfig scheduler_of(const ModelFolders& folders) {
  return folders.scheduler.empty() ? diffusion::SchedulerConfig::stable_video_diffusion()
                                   : load_scheduler(folders.scheduler);
}

/// The exported folder is complete.
VddInfo info_of(const ModelFolders& folders) {
  VddInfo info = folders.info;
  info.base.clear();
  return info;
}

void verify_weights(const ModelPart& part, const fs::path& written_path, torch::Dtype dtype) {
  const auto source = part.open(part.source);
  const io::SafetensorsFile written(written_path);
  const auto fail = [&](std::string_view name, std::string_view reason) {
    throw VerificationError(concat(written_path.string(), ": ", escape(name), ": ", reason));
  };
  for (const TensorInfo& info : source->tensors()) {
    if (!written.contains(info.name)) fail(info.name, "is missing");
    const torch::Tensor value = source->get(info.name), found = written.get(info.name);
    if (!tensor::all_finite(value))
      throw DataError(source->origin(), info.name, "holds NaN or infinity");
    const torch::Tensor wanted = value.is_floating_point() ? value.to(dtype) : value;
    if (found.scalar_type() != wanted.scalar_type() || found.sizes() != wanted.sizes()) {
      fail(info.name, "has another type or shape than was written");
    }
    if (std::memcmp(found.const_data_ptr(), wanted.const_data_ptr(), wanted.nbytes()) != 0) {
      fail(info.name, "holds other values than were written");
    }
    source->release(info.name);
    written.release(info.name);
  }
  if (written.tensors().size() != source->tensors().size())
    fail("weights", "more tensors than were written");
}

void verify_text(const fs::path& file, const std::string& found, const std::string& wanted) {
  if (found != wanted)
    throw VerificationError(concat(file.string(), ": differs from what was written"));
}

}  // namespace

ExportReport export_diffusers(const ExportSpec& spec) {
  const ModelFolders folders = find_source(spec);
  check_head_fits(folders);
  StagedFolder staged = spec.overwrite ? StagedFolder(spec.output, replaceable(spec, folders))
                                       : StagedFolder(spec.output);

  ExportReport report;
  for (const ModelPart& part : parts_of(folders)) {
    if (part.source.empty()) {
      if (part.optional) continue;
      throw DataError(spec.model,
                      concat("holds no ", part.name, "/ and names no base folder that does"));
    }
    const auto weights = part.open(part.source);
    part.check(part.source, *weights);
    part.copy_config(part.source, staged.path() / part.name);
    const fs::path file = staged.path() / part.name / part.file;
    io::save_safetensors(file, *weights, {{"format", "pt"}}, spec.dtype);
    for (const TensorInfo& info : weights->tensors())
      report.parameters += c10::multiply_integers(info.shape);
    report.tensors += std::ssize(weights->tensors());
    report.bytes += static_cast<std::int64_t>(RegularFile(file).size());
  }
  save_scheduler(staged.path() / "scheduler", scheduler_of(folders));
  save_info(staged.path(), info_of(folders));
  save_model_index(staged.path());
  write_file_atomic(staged.path() / kMarker, version() + '\n');

  if (spec.verify) verify_export(staged.path(), spec);
  report.unet_hash = tensor::content_hash(*open_unet_weights(staged.path() / "unet"));
  staged.commit();
  return report;
}

void verify_export(const fs::path& written, const ExportSpec& spec) {
  const ModelFolders folders = find_source(spec), found = find_model(written);
  for (const ModelPart& part : parts_of(folders)) {
    if (part.source.empty()) continue;
    const fs::path folder = written / part.name;
    verify_text(folder / "config.json", part.config(folder), part.config(part.source));
    verify_weights(part, folder / part.file, spec.dtype);
  }
  verify_text(found.scheduler, config::to_json(load_scheduler(found.scheduler)),
              config::to_json(scheduler_of(folders)));
  verify_text(written / "vdd.json", config::to_json(found.info), config::to_json(info_of(folders)));
}

}  // namespace vdd::pipeline
