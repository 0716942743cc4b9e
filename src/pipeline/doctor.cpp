// SPDX-License-Identifier: Apache-2.0
#include "vdd/pipeline/doctor.h"

#include <set>

#include "model_parts.h"
#include "vdd/config/reader.h"
#include "vdd/core/error.h"
#include "vdd/core/folders.h"
#include "vdd/core/text.h"
#include "vdd/io/safetensors.h"
#include "vdd/tensor/dtype.h"

namespace vdd::pipeline {
namespace fs = std::filesystem;
namespace {

/// "57 tensors, 1234 numbers, fp16"
std::string describe(const tensor::TensorSource& weights) {
  std::int64_t numbers = 0;
  std::set<std::string> dtypes;
  for (const tensor::TensorInfo& info : weights.tensors()) {
    numbers += c10::multiply_integers(info.shape);
    dtypes.insert(tensor::dtype_name(info.dtype));
  }
  const std::vector<std::string> names(dtypes.begin(), dtypes.end());
  return concat(weights.tensors().size(), " tensors, ", numbers, " numbers",
                names.empty() ? "" : ", ", join(names, "+"));
}

/// The parts of a pipeline, or of the folder of a single model.
ModelFolders find_parts(const fs::path& folder) {
  if (!path_exists(folder / "config.json")) return find_model(folder);
  const std::string name = class_name(folder / "config.json");
  ModelFolders folders;
  if (name == "UNetSpatioTemporalConditionModel") {
    folders.unet = folder;
  } else if (name == "AutoencoderKLTemporalDecoder") {
    folders.vae = folder;
  } else if (name == "CLIPVisionModelWithProjection") {
    folders.image_encoder = folder;
  } else if (name == "TemporalDPTHead") {
    folders.dpt_head = folder;
  } else {
    throw DataError(folder / "config.json",
                    concat("describes a ", name, ", which is no model of this program"));
  }
  return folders;
}

}  // namespace

std::string check_weights(const fs::path& file) {
  const io::SafetensorsFile weights(file);
  tensor::check_finite(weights);
  return describe(weights);
}

std::string check_weights_index(const fs::path& file) {
  const auto weights = io::open_safetensors_index(file);
  tensor::check_finite(*weights);
  return describe(*weights);
}

std::string check_model_config(const fs::path& file) {
  const std::string name = class_name(file);
  const fs::path folder = file.parent_path();
  for (const ModelPart& part : parts_of(find_parts(folder))) {
    if (!part.source.empty()) part.config(folder);
  }
  return name;
}

std::string check_model_folder(const fs::path& folder) {
  std::vector<std::string> found;
  const ModelFolders folders = find_parts(folder);
  if (path_exists(folder / "model_index.json")) require_parts(folders, folder);
  check_head_fits(folders);
  for (const ModelPart& part : parts_of(folders)) {
    if (part.source.empty()) continue;
    const auto weights = part.open(part.source);
    part.check(part.source, *weights);
    tensor::check_finite(*weights);
    found.push_back(concat(part.name, ' ', describe(*weights)));
  }
  if (!folders.scheduler.empty())
    diffusion::EulerSchedule schedule(load_scheduler(folders.scheduler));
  return join(found, "; ");
}

}  // namespace vdd::pipeline
