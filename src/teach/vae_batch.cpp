// SPDX-License-Identifier: Apache-2.0
#include "vdd/teach/vae_batch.h"

#include <torch/torch.h>

#include <cmath>
#include <vector>

#include "vdd/core/random.h"
#include "vdd/teach/depth_targets.h"
#include "vdd/tensor/random.h"

namespace vdd::teach {

VaeBatch draw_crops(const data::Clip& clip, const CropConfig& config, std::uint64_t seed,
                    std::int64_t n, std::int64_t grid) {
  const std::int64_t rows = (clip.rgb_TCHW.size(2) - config.size) / grid + 1;
  const std::int64_t columns = (clip.rgb_TCHW.size(3) - config.size) / grid + 1;
  at::Generator generator = tensor::make_generator(derive_seed(seed, n, "crops"));
  const torch::Tensor top = torch::randint(rows, {config.count}, generator, torch::kInt64);
  const torch::Tensor left = torch::randint(columns, {config.count}, generator, torch::kInt64);
  const torch::Tensor corner_K2 = grid * at::stack({top, left}, 1);

  std::vector<torch::Tensor> cuts, kinds;
  const std::int64_t frames = clip.rgb_TCHW.size(0);
  for (std::int64_t k = 0; k < config.count; ++k) {
    const auto shown = [&](std::int64_t more) {  // disparity among all cuts so far and `more`
      return std::floor(config.disparity * static_cast<double>(n * config.count + more));
    };
    const bool disparity = clip.disparity_THW.defined() && shown(k + 1) > shown(k);
    const torch::Tensor images = disparity ? disparity_images(clip.disparity_THW) : clip.rgb_TCHW;
    cuts.push_back(images.narrow(2, corner_K2[k][0].item<std::int64_t>(), config.size)
                       .narrow(3, corner_K2[k][1].item<std::int64_t>(), config.size));
    kinds.push_back(torch::full({frames}, disparity, torch::kBool));
  }
  return {.target_NCHW = at::cat(cuts),
          .is_disparity_N = at::cat(kinds),
          .corner_K2 = corner_K2,
          .frames = frames};
}

torch::Tensor with_answer(const torch::Tensor& z_NChw, const VaeBatch& batch,
                          const torch::Tensor& answer_TChw, std::int64_t scale) {
  std::vector<torch::Tensor> cuts = z_NChw.split(batch.frames);
  for (std::size_t k = 0; k < cuts.size(); ++k) {
    const auto cut = static_cast<std::int64_t>(k);
    if (!batch.is_disparity_N[cut * batch.frames].item<bool>()) continue;
    const auto start = [&](int axis) {
      return batch.corner_K2[cut][axis].item<std::int64_t>() / scale;
    };
    cuts[k] = answer_TChw.narrow(2, start(0), z_NChw.size(2)).narrow(3, start(1), z_NChw.size(3));
  }
  return at::cat(cuts);
}

torch::Tensor disturbed_depth(const torch::Tensor& z_NChw, const torch::Tensor& is_disparity_N,
                              std::int64_t frames, double largest, std::uint64_t seed) {
  const torch::Tensor chosen = is_disparity_N.nonzero().squeeze(1);
  if (largest == 0 || chosen.numel() == 0) return z_NChw;
  at::Generator generator = tensor::make_generator(derive_seed(seed, 0, "latent_noise_level"));
  const torch::Tensor level_N111 = (largest * torch::rand({z_NChw.size(0) / frames}, generator))
                                       .repeat_interleave(frames)
                                       .view({-1, 1, 1, 1})
                                       .to(z_NChw.device());
  const torch::Tensor noise_NChw =
      tensor::randn(z_NChw.sizes(), derive_seed(seed, 0, "latent_noise")).to(z_NChw.device());
  // Not detached: larger latents are no way out. The small number is for constant images.
  const torch::Tensor std_C11 =
      (z_NChw.index_select(0, chosen).var({0, 2, 3}) + 1e-6).sqrt().view({-1, 1, 1});
  return z_NChw + is_disparity_N.view({-1, 1, 1, 1}) * level_N111 * std_C11 * noise_NChw;
}

}  // namespace vdd::teach
