// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <filesystem>
#include <map>

#include "support/reference_parameters.h"
#include "support/temp_dir.h"
#include "vdd/config/reader.h"
#include "vdd/io/safetensors.h"
#include "vdd/parity/forward.h"
#include "vdd/pipeline/model_folder.h"

namespace vdd::parity {
namespace {

namespace fs = std::filesystem;

struct Meta : ForwardConfig {
  std::int64_t seed = 0;
  constexpr void fields(auto& f) {
    ForwardConfig::fields(f);
    f("seed", seed, "of the parameters");
  }
};

template <typename Model, typename Config>
void save_model(const fs::path& folder, std::uint64_t seed, const std::string& stem) {
  Model model(config::load_json<Config>(folder / "config.json"));
  test::fill_parameters(*model, seed);
  io::save_safetensors(folder / (stem + ".safetensors"), tensor::state_dict(*model));
}

// Draws the weights that the fixture leaves out.
void write_weights(const fs::path& folder, std::uint64_t seed) {
  using models::AutoencoderKLTemporalDecoder, models::CLIPVisionModelWithProjection;
  using models::TemporalDptHead, models::UNetSpatioTemporalConditionModel;
  if (fs::exists(folder / "model_index.json")) {
    for (const char* part : {"unet", "vae", "image_encoder"}) write_weights(folder / part, seed);
    return;
  }
  const std::string name = pipeline::class_name(folder / "config.json");
  if (name == "UNetSpatioTemporalConditionModel") {
    save_model<UNetSpatioTemporalConditionModel, models::UNetConfig>(folder, seed,
                                                                     "diffusion_pytorch_model");
  } else if (name == "AutoencoderKLTemporalDecoder") {
    save_model<AutoencoderKLTemporalDecoder, models::VaeConfig>(folder, seed,
                                                                "diffusion_pytorch_model");
  } else if (name == "TemporalDPTHead") {
    save_model<TemporalDptHead, models::DptConfig>(folder, seed, "diffusion_pytorch_model");
  } else {
    save_model<CLIPVisionModelWithProjection, models::ClipConfig>(folder, seed, "model");
  }
}

class Parity : public testing::TestWithParam<const char*> {};

// Every output, feature, sampler step and gradient that the Python original gave (docs/parity.md).
TEST_P(Parity, EqualsThePythonOriginal) {
  const test::TempDir dir;
  const fs::path folder = dir.path() / "model";
  fs::copy(fs::path(VDD_FIXTURES) / "parity" / GetParam(), folder, fs::copy_options::recursive);
  const Meta meta = config::load_json<Meta>(folder / "meta.json");
  write_weights(folder, static_cast<std::uint64_t>(meta.seed));
  const io::SafetensorsFile golden(folder / "golden.safetensors");

  const tensor::NamedTensors list = forward_folder(folder, golden, meta, /*grad=*/true);
  const std::map<std::string, torch::Tensor> out(list.begin(), list.end());

  int compared = 0;
  for (const auto& info : golden.tensors()) {
    const std::string& name = info.name;
    if (name.starts_with("in.")) continue;
    const torch::Tensor wanted = golden.get(name);
    const bool gradient = name.find("grad.") != std::string::npos;
    const double scale = wanted.abs().max().item<double>();
    ASSERT_TRUE(out.contains(name)) << name;
    torch::Tensor got = out.at(name);
    if (gradient) got = got.flatten().slice(0, 0, 64);
    ASSERT_EQ(got.sizes(), wanted.sizes()) << name;
    const double tolerance = name.find("grad") != std::string::npos      ? 1e-3
                             : name.find("onestep") != std::string::npos ? 3e-4
                                                                         : 2e-5;
    EXPECT_LE((got - wanted).abs().max().item<double>() / scale, tolerance) << name;
    ++compared;
  }
  EXPECT_GE(compared, 5);
}

INSTANTIATE_TEST_SUITE_P(Models, Parity,
                         testing::Values("unet_svd", "unet_mixed", "vae_wide", "vae_plain",
                                         "clip_gelu", "clip_quick", "dpt_svd", "dpt_vda",
                                         "pipeline"),
                         [](const auto& c) { return std::string(c.param); });

}  // namespace
}  // namespace vdd::parity
